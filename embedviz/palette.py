"""Colours that people with any colour vision tell apart, in light and dark.

Categories: Okabe and Ito's eight (Color Universal Design, 2008), then Tol's "muted"
(SRON/EPS/TN/09-002), with marker symbols that change beyond the eighth. Numbers: viridis.
"""

from __future__ import annotations

from dataclasses import dataclass

OKABE_ITO = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#000000",
)  # fmt: skip
TOL_MUTED = (
    "#CC6677", "#332288", "#DDCC77", "#117733", "#88CCEE", "#882255",
    "#44AA99", "#999933", "#AA4499", "#661100", "#6699CC", "#AA4466",
)  # fmt: skip
SYMBOLS = ("circle", "diamond", "square")
MOST_CATEGORIES = 20
OTHER = "#9AA5B1"


@dataclass(frozen=True)
class Theme:
    """The colours of a figure's frame, as in the app's own theme."""

    text: str
    muted: str
    line: str
    surface: str
    accent: str
    spectrogram: str
    """The Plotly colour scale of spectrograms."""


LIGHT = Theme("#16202B", "#5B6B7C", "#DDE3EA", "#FFFFFF", "#0E7C86", "Greys")
DARK = Theme("#E8EEF5", "#93A4B7", "#263241", "#131C28", "#35C2C9", "Magma")


def category_colours(count: int, theme: Theme) -> list[str]:
    """Give a colour for each of up to 20 categories."""
    colours = [*OKABE_ITO, *TOL_MUTED]
    if theme is DARK:
        # Black and the darkest blue would vanish.
        colours[7], colours[9] = "#E8EEF5", "#8C7BE0"
    return colours[:count]
