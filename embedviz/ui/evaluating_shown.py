"""A finished evaluation on the page: the answer first, then everything behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import streamlit as st

from embedviz.evaluation.report import words
from embedviz.evaluation.report.comparing import confounds as by_model
from embedviz.evaluation.report.headline import headline, notes, ranked, warnings
from embedviz.evaluation.results import PROBES, Evaluation, Probed
from embedviz.ui import evaluating_tables as tables
from embedviz.ui.evaluating_kept import Kept
from embedviz.ui.map import current_theme
from embedviz.ui.progress import plain
from embedviz.ui.workspace import Workspace

ALONG = {"logistic": "components of the PCA", "nearest": "neighbours asked"}
MIME = {".html": "text/html", ".json": "application/json", ".csv": "text/csv"}
CALLED = {"scores": "Scores", "predictions": "Predictions", "confusion": "Confusions"}
MOST_WARNINGS = 2
"""Shown at once; a wall of boxes is not read."""
INTERVALS = (
    "The bar is the 95 % interval by bootstrap over recordings, a small stroke one fold, the "
    "dashed line what always saying the commonest class gets."
)


def choose_evaluation(every: list[Kept]) -> Kept:
    """Choose among the evaluations that are kept; a new one comes first."""
    if len(every) == 1:
        return every[0]
    place = st.selectbox(
        "Evaluation",
        range(len(every)),
        format_func=lambda number: _called(every[number]),
        key=f"evaluate-kept-{every[0].number}",
        width=620,
    )
    return every[place or 0]


def show_answer(workspace: Workspace, one: Kept, evaluation: Evaluation) -> None:
    """Say what was found, and what the reader must not overlook."""
    task, unit = evaluation.task, words.unit(evaluation)
    st.subheader(plain(headline(evaluation)), anchor=False)
    said = [
        words.counted(len(evaluation.units.recording), unit),
        words.counted(len(task.classes), "class", "classes"),
        words.counted(len(task.folds), "fold"),
    ]
    if unit != "recording":
        said.insert(1, words.counted(task.recordings, "recording"))
    st.caption(f"{' · '.join(said)}. {plain(task.split)}")
    warned = warnings(evaluation)
    for sentence in warned[:MOST_WARNINGS]:
        st.warning(plain(sentence), icon=":material/warning:")
    if len(warned) > MOST_WARNINGS:
        more = words.counted(len(warned) - MOST_WARNINGS, "more warning")
        with st.expander(more, key="more-warnings", icon=":material/warning:"):
            st.markdown("\n".join(f"- {plain(sentence)}" for sentence in warned[MOST_WARNINGS:]))
    changed = one.changed(workspace)
    if changed:
        st.info(
            f"{plain(words.listed(changed))} changed or went since this was evaluated; evaluate "
            "again to see the difference.",
            icon=":material/history:",
        )
    rest = notes(evaluation)
    if rest:
        with st.expander(f"Good to know ({len(rest):,})", key="evaluation-notes"):
            st.markdown("\n".join(f"- {plain(sentence)}" for sentence in rest))


def show_downloads(one: Kept) -> None:
    """Offer the report and its numbers."""
    with st.container(horizontal=True, vertical_alignment="center"):
        for path in one.files:
            ending = path.suffix.removeprefix(".").upper()
            what = CALLED.get(path.stem.rpartition("-")[2], "Numbers")
            st.download_button(
                "Report (HTML)" if path.suffix == ".html" else f"{what} ({ending})",
                path.read_bytes,
                file_name=path.name,
                mime=MIME[path.suffix],
                icon=":material/download:",
                type="secondary" if path.suffix == ".html" else "tertiary",
                on_click="ignore",
                key=f"evaluate-file-{one.number}-{path.name}",
            )


def show_models(one: Kept, evaluation: Evaluation) -> None:
    """Show the models side by side: a table, strips, their differences, their curves."""
    st.table(tables.models(evaluation))
    # Plotly is loaded with the first figure and not with the page.
    from embedviz.ui import evaluating_figures as figures

    theme = current_theme()
    for probe in _probes(ranked(evaluation)):
        st.markdown(f"**{PROBES[probe]}**")
        st.plotly_chart(
            figures.strip(evaluation, probe, theme),
            key=f"evaluate-strip-{one.number}-{probe}",
            theme=None,
            config={"displayModeBar": False},
            alt=figures.alternative(evaluation, probe),
        )
    st.caption(INTERVALS)
    if evaluation.differences:
        _differences(one, evaluation)
    _curves(one, evaluation)


def show_confounds(one: Kept, evaluation: Evaluation) -> None:
    """Show what else the vectors predict, and the probe before and after corrections."""
    if not evaluation.confounds and not evaluation.corrected:
        say_missing(one, {"confounds": "Confounds", "corrections": "Corrections"})
        return
    if evaluation.confounds:
        from embedviz.ui import evaluating_figures as figures

        st.caption(
            "What else the vectors predict, tested on folds of its own. Something that they "
            "predict well and that goes with the label may be what a model really hears."
        )
        for chart in by_model(evaluation):
            found = [c for c in evaluation.confounds if c.model == chart.title]
            st.markdown(f"**{plain(chart.title)}**")
            for sentence in dict.fromkeys(c.warning for c in found if c.warning):
                st.markdown(f":orange[:material/warning: {plain(sentence)}]")
            st.plotly_chart(
                figures.confounds(evaluation, found, current_theme()),
                key=f"evaluate-confounds-{one.number}-{chart.title}",
                theme=None,
                config={"displayModeBar": False},
                alt=f"What else {chart.title} predicts; the table below holds the numbers",
            )
            st.table(tables.confounds(found))
    if evaluation.corrected:
        st.markdown("**Before and after a correction**")
        st.table(tables.corrections(evaluation.corrected))
        st.caption("Accuracy of PCA and logistic regression, with its 95 % interval.")


def say_missing(one: Kept, parts: Mapping[str, str]) -> None:
    """Say why nothing is there of some parts; `parts` gives their names in words."""
    if parts.keys().isdisjoint(one.asked.parts):
        named = " and ".join(parts.values())
        words = f"{named} were not asked for; choose *Everything* above and evaluate again."
    else:
        words = "What was asked for could not be had; *Good to know* says why."
    st.info(words, icon=":material/info:")


def _differences(one: Kept, evaluation: Evaluation) -> None:
    from embedviz.ui import evaluating_figures as figures

    st.markdown("**Differences**")
    for probe in _probes(evaluation.differences):
        st.caption(PROBES[probe])
        st.plotly_chart(
            figures.differences(evaluation, probe, current_theme()),
            key=f"evaluate-differences-{one.number}-{probe}",
            theme=None,
            config={"displayModeBar": False},
            alt=f"Differences with {PROBES[probe]}; the table below holds the numbers",
        )
    with st.expander("All differences as a table", key="differences-table"):
        st.table(tables.differences(evaluation))
    st.caption(
        "Paired by the same folds and the same drawn recordings; an interval that holds 0 says "
        "that two models cannot be told apart."
    )


def _curves(one: Kept, evaluation: Evaluation) -> None:
    from embedviz.ui import evaluating_figures as figures

    for labelled in (True, False):
        for probe in PROBES:
            found = [
                p
                for p in ranked(evaluation)
                if p.probe == probe and len(p.by_labelled if labelled else p.by_setting) > 1
            ]
            if not found:
                continue
            along = "labelled recordings" if labelled else ALONG[probe]
            st.markdown(f"**Accuracy against {along}** :gray[{PROBES[probe]}]")
            st.plotly_chart(
                figures.curves(evaluation, found, along, current_theme(), labelled=labelled),
                key=f"evaluate-curve-{one.number}-{probe}-{labelled}",
                theme=None,
                config={"displayModeBar": False},
                alt=_curve_words(found, along, labelled),
            )


def _curve_words(found: Iterable[Probed], along: str, labelled: bool) -> str:
    said = []
    for one in found:
        points = one.by_labelled if labelled else one.by_setting
        ends = [f"{words.percent(p.score.value)} at {p.x:g}" for p in (points[0], points[-1])]
        said.append(f"{one.model} from {ends[0]} to {ends[1]}")
    return f"Accuracy against {along}: {'; '.join(said)}"


def _probes(found: Iterable[object]) -> list[str]:
    there = {getattr(one, "probe", "") for one in found}
    return [probe for probe in PROBES if probe in there]


def _called(one: Kept) -> str:
    when = datetime.fromtimestamp(one.numbers.stat().st_mtime).astimezone()
    sets = ", ".join(one.asked.names)
    return f"{one.asked.label} of {sets} · {when:%d %b, %H:%M} · no. {one.number}"
