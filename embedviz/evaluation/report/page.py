"""The report as one HTML page: template, styles, code, and the units behind its cells."""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from embedviz import palette
from embedviz.evaluation.report import comparing, curves, matrices, words
from embedviz.evaluation.report.glossary import terms
from embedviz.evaluation.report.headline import headline, notes, ranked, setting, warnings
from embedviz.evaluation.report.listing import Place
from embedviz.evaluation.report.sounds import LONGEST_S, Heard
from embedviz.evaluation.results import METRICS, PROBES, Evaluation, Score
from embedviz.onefile.code import block, json_text

PACKAGE = "embedviz.evaluation.report"
METHODS = {"umap": "UMAP", "tsne": "t-SNE", "pca": "PCA"}
_MB = 1_000_000


def page(
    evaluation: Evaluation,
    *,
    cells: Mapping[Place, list[int]],
    heard: Heard,
    beside: Iterable[str],
) -> str:
    """Give the page's text.

    Parameters
    ----------
    cells
        The units behind each cell, as `listing.listed` gives them.
    beside
        Names of the files that are written beside the page.
    """
    style, script = _asset("report.css") + _colours(), _asset("report.js")
    return (
        _environment()
        .get_template("report.html")
        .render(
            **_found(evaluation),
            style=Markup(style),
            style_hash=_hash(style),
            script=Markup(script),
            script_hash=_hash(script),
            behind=Markup(json_text(_behind(evaluation, cells))),
            blocks=[Markup(text) for text in _blocks(heard)],
            sounds_line=sounds_line(evaluation, cells, heard),
            files=list(beside),
        )
    )


def sounds_line(evaluation: Evaluation, cells: Mapping[Place, list[int]], heard: Heard) -> str:
    """Say which sounds are in the page."""
    unit = words.unit(evaluation)
    every = len({one for own in cells.values() for one in own})
    if heard.clips:
        said = (
            f"The sounds of {len(heard.clips):,} of the {words.counted(every, f'listed {unit}')} "
            f"are in this file, mistakes first ({LONGEST_S:g} s of each at most, "
            f"{heard.size / _MB:.1f} MB)."
        )
    else:
        said = "No sounds are in this file."
    if heard.failures:
        why = next(iter(heard.failures.values()))
        said += f" {words.counted(len(heard.failures), 'recording')} could not be read: {why}"
    return said


def _found(evaluation: Evaluation) -> dict[str, Any]:
    """Give what the template shows, by the names that it uses."""
    task = evaluation.task
    return {
        "task": task,
        "units": evaluation.units,
        "unit": words.unit(evaluation),
        "commonest": words.commonest(task),
        "by_chance": _by_chance(evaluation),
        "class_counts": list(zip(task.classes, task.counts, strict=True)),
        "headline": headline(evaluation),
        "warnings": warnings(evaluation),
        "notes": notes(evaluation),
        "ranked": ranked(evaluation),
        "metrics": words.measured(evaluation),
        "metric_names": METRICS,
        "probes": PROBES,
        "methods": METHODS,
        "colours": _classes(evaluation),
        "strips": comparing.strips(evaluation),
        "differences": comparing.differences(evaluation),
        "by_setting": curves.by_setting(evaluation),
        "by_labelled": curves.by_labelled(evaluation),
        "matrices": matrices.matrices(evaluation),
        "clustered": evaluation.clustered,
        "trusted": evaluation.trusted,
        "confounds": comparing.confounds(evaluation),
        "corrections": comparing.corrections(evaluation),
        "made": evaluation.made,
        "terms": terms(evaluation),
    }


def _by_chance(evaluation: Evaluation) -> dict[str, tuple[float, str]]:
    """Give what always saying the commonest class scores, as numbers and written."""
    task = evaluation.task
    found = {"accuracy": task.majority, "balanced_accuracy": 1 / len(task.classes), "roc_auc": 0.5}
    if "average_precision" in words.measured(evaluation):
        found["average_precision"] = words.rarer(task)[1]
    return {
        key: (share, words.metric(key, Score(share, share, share))) for key, share in found.items()
    }


def _behind(evaluation: Evaluation, cells: Mapping[Place, list[int]]) -> dict[str, Any]:
    units, folds = evaluation.units, evaluation.task.folds
    shown = sorted({unit for own in cells.values() for unit in own})
    return {
        "units": {
            unit: [
                units.recording[unit],
                f"{words.seconds(units.start_s[unit])} – {words.seconds(units.stop_s[unit])}",
                f"fold {folds[units.fold[unit]]}" if units.fold[unit] >= 0 else "",
            ]
            for unit in shown
        },
        "cells": {"-".join(map(str, place)): own for place, own in cells.items()},
        "words": f"{words.unit(evaluation)}s",
        "more": "all are in the table of predictions beside this file.",
    }


def _blocks(heard: Heard) -> Iterable[str]:
    for unit in heard.clips:
        yield block(f"sound-{unit}", heard.clips[unit])
        yield block(f"picture-{unit}", heard.pictures[unit])


def _classes(evaluation: Evaluation) -> dict[str, str]:
    """Give each model the class of its colour; baselines are grey."""
    grey = {one.model for one in evaluation.probed if one.baseline}
    every = [one.model for one in evaluation.probed]
    every += [one.model for one in evaluation.clustered]
    every += [one.model for one in evaluation.trusted]
    every += [one.model for one in evaluation.confounds]
    every += [one.model for one in evaluation.corrected]
    names = [name for name in dict.fromkeys(every) if name not in grey]
    colours = {name: f"m{n % palette.MOST_CATEGORIES}" for n, name in enumerate(names)}
    return colours | dict.fromkeys(grey, "base")


def _colours() -> str:
    """Give the styles of models' colours in light and dark."""

    def rules(theme: palette.Theme) -> str:
        found = palette.category_colours(palette.MOST_CATEGORIES, theme)
        return "".join(f".m{n} {{ --c: {colour}; }}\n" for n, colour in enumerate(found))

    dark = rules(palette.DARK)
    return f"{rules(palette.LIGHT)}@media screen and (prefers-color-scheme: dark) {{\n{dark}}}\n"


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader(PACKAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "percent": words.percent,
        "percent_range": words.percent_range,
        "points": words.points,
        "points_range": words.points_range,
        "decimal": words.decimal,
        "counted": words.counted,
        "metric": lambda score, key: words.metric(key, score),
        "metric_range": lambda score, key: words.metric_range(key, score),
        "exact": lambda value: repr(float(value)) if math.isfinite(value) else "",
        "setting": setting,
    }
    return made


def _asset(name: str) -> str:
    return files(PACKAGE).joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """Give what a content security policy allows a text by."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
