"""Writing the report: the page, its numbers as JSON, and tables as CSV."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from embedviz.atomic import written_whole
from embedviz.data import EmbeddingSet
from embedviz.errors import EvaluationError
from embedviz.evaluation.report import tables
from embedviz.evaluation.report.listing import listed, worth_hearing
from embedviz.evaluation.report.page import page
from embedviz.evaluation.report.sounds import Find, heard
from embedviz.evaluation.results import Evaluation, Progress

SOUND_BUDGET_MB = 15.0
_MB = 1_000_000


def write(
    evaluation: Evaluation,
    out: Path,
    *,
    sets: Mapping[str, EmbeddingSet],
    find: Find | None = None,
    sound_budget_mb: float = SOUND_BUDGET_MB,
    progress: Callable[[Progress], None] | None = None,
) -> list[Path]:
    """Write an evaluation as a page that needs nothing else, with JSON and CSV beside it.

    Parameters
    ----------
    out
        The page. Beside `night.html` come `night.json`, `night-scores.csv`,
        `night-predictions.csv` and `night-confusion.csv`; what has these names is replaced.
    sets
        Those that were evaluated; they say where the recordings lie, whose sounds go into the
        page. Without any, the page has no sounds.
    find
        Gives the file of a recording by its name or raises `EmbedvizError`; None looks where the
        recordings were when the sets were made.
    sound_budget_mb
        What sounds and their pictures may add to the page.
    progress
        Is told how far the sounds are; raising from it stops the work before anything is written.

    Returns
    -------
    list of Path
        What was written, the page first.

    Raises
    ------
    EmbedvizError
        If the name does not end in `.html`, or a file cannot be written.
    """
    if out.suffix.lower() not in (".html", ".htm"):
        raise EvaluationError(f"Found {out.name}; wanted a name of the report that ends in .html.")
    tell = progress or (lambda one: None)
    cells = listed(evaluation)
    sounds = heard(
        evaluation.units,
        worth_hearing(evaluation, cells) if sets else [],
        sets,
        budget_bytes=round(sound_budget_mb * _MB),
        find=find,
        tell=lambda done, total: tell(Progress(done, total, "sounds for the report")),
    )
    numbers = json.dumps(evaluation.to_json(), allow_nan=False, ensure_ascii=False)
    beside = {
        out.with_suffix(".json"): numbers.encode(errors="replace"),
        _named(out, "scores"): _csv(tables.scores(evaluation)),
        _named(out, "predictions"): _csv(tables.predictions(evaluation)),
        _named(out, "confusion"): _csv(tables.confusions(evaluation)),
    }
    text = page(evaluation, cells=cells, heard=sounds, beside=[path.name for path in beside])
    written = {out: text.encode(errors="replace"), **beside}
    for path, content in written.items():
        _write(path, content)
    return list(written)


def _named(out: Path, what: str) -> Path:
    return out.with_name(f"{out.stem}-{what}.csv")


def _csv(table: pd.DataFrame) -> bytes:
    content = io.StringIO()
    table.to_csv(content, index=False)
    return content.getvalue().encode(errors="replace")


def _write(path: Path, content: bytes) -> None:
    try:
        with written_whole(path) as file:
            file.write(content)
    except OSError as error:
        raise EvaluationError(f"{path} could not be written: {error.strerror or error}.") from error
