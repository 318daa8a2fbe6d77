// Plotly, which draws the axes of maps; loaded when the first axes are wanted.

export const CONFIG = { displayModeBar: false, responsive: false, showSendToCloud: false };

/**
 * Load Plotly, once per page. It is kept under a name of its own: Streamlit's charts put another
 * Plotly into window.Plotly, which drops all listeners of a chart of this one.
 */
export function plotly() {
  window.embedvizPlotly ??= new Promise((resolve, reject) => {
    if (window.Plotly && !document.querySelector("[data-testid=stApp]")) return resolve(window.Plotly);
    const script = document.createElement("script");
    script.src = new URL("/plotly/plotly.min.js", document.baseURI);
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => {
      window.embedvizPlotly = undefined;
      reject(new Error("The map's axes could not be loaded; reload the page."));
    };
    document.head.append(script);
  });
  return window.embedvizPlotly;
}

/** Give the changes of a layout that its colours in another theme are. */
export function inks(style, axes) {
  const line = style.getPropertyValue("--st-border-color");
  const kinds = axes.flatMap((axis) => [`${axis}.gridcolor`, `${axis}.zerolinecolor`]);
  return {
    "font.color": blank(style).font.color,
    ...Object.fromEntries(kinds.map((kind) => [kind, line])),
  };
}

/** Give the part of a layout that all axes of this product share. */
export function blank(style) {
  return {
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    showlegend: false,
    hovermode: false,
    dragmode: false,
    font: {
      color: style.getPropertyValue("--st-gray-color") || style.color,
      family: style.getPropertyValue("--st-font") || style.fontFamily,
      size: 12,
    },
  };
}
