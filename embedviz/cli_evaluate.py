"""The command `embedviz evaluate`; as in `embedviz.cli`, imports of the core stand inside."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from embedviz.cli_places import written_here

if TYPE_CHECKING:
    from embedviz.data import EmbeddingSet
    from embedviz.evaluation.columns import Added
    from embedviz.evaluation.results import Evaluation, Progress

PATH = click.Path(path_type=Path)
POOLINGS = ("window", "mean", "max", "mean+std")
PROBES = ("logistic", "nearest")
PARTS = ("curves", "clusters", "trust", "confounds", "corrections", "ensembles")
"""What an evaluation can do without."""


@click.command()
@click.argument("files", nargs=-1, required=True, type=PATH)
@click.option("--label", required=True, help="The column to predict.")
@click.option(
    "--group", help="A column (site, individual, …): no value is on both sides of a split."
)
@click.option("--folds", help="A column whose values are the folds, used as they are.")
@click.option(
    "--pool",
    type=click.Choice(POOLINGS),
    help="Classify every window, or recordings by the mean, … of theirs.",
)
@click.option(
    "--probe",
    "probes",
    multiple=True,
    type=click.Choice(PROBES),
    default=PROBES,
    show_default=True,
    help="Repeat for several.",
)
@click.option("--components", type=click.IntRange(1), help="Of the PCA before the regression.")
@click.option("--neighbours", type=click.IntRange(1), help="How many are asked.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True)
@click.option(
    "--without",
    "left_out",
    multiple=True,
    type=click.Choice(PARTS),
    help="Leave a part out, to be quicker; repeat for several.",
)
@click.option(
    "--write-columns",
    "columns",
    is_flag=True,
    help="Also add clusters, and how far the map is to be trusted, to FILES as columns; labels "
    "are never replaced.",
)
@click.option(
    "--out",
    required=True,
    callback=written_here,
    help="REPORT.html; JSON and CSV come beside it.",
)
def evaluate(
    files: tuple[Path, ...],
    label: str,
    group: str | None,
    folds: str | None,
    pool: str | None,
    probes: tuple[str, ...],
    components: int | None,
    neighbours: int | None,
    seed: int,
    left_out: tuple[str, ...],
    columns: bool,
    out: Path,
) -> None:
    """Ask which model separates a label, and whether it hears the call or the recorder.

    FILES are sets of the same recordings, one a model.
    """
    from embedviz.evaluation.columns import Added, add_to_files
    from embedviz.evaluation.evaluate import evaluate as evaluate_sets
    from embedviz.evaluation.making import made
    from embedviz.evaluation.report import write
    from embedviz.store import read_set

    if out.suffix.lower() not in (".html", ".htm"):
        raise click.UsageError(f"Found --out {out}; wanted a name that ends in .html.")
    chosen = list(dict.fromkeys(files))
    if columns:
        _check_files(chosen)
    sets = dict(zip(titles(chosen, read := [read_set(f) for f in chosen]), read, strict=True))
    own = dict(zip(sets, chosen, strict=True))
    command = _command(
        chosen,
        {
            "--label": label,
            "--group": group,
            "--folds": folds,
            "--pool": pool,
            "--probe": probes if set(probes) != set(PROBES) else (),
            "--components": components,
            "--neighbours": neighbours,
            "--seed": seed,
            "--without": left_out,
            "--out": out,
        },
    )
    command += " --write-columns" if columns else ""
    describe, added = partial(made, sets, command=command, seed=seed, files=own), Added()
    with _bar() as report:
        found = evaluate_sets(
            sets,
            label,
            group=group,
            folds=folds,
            pooling=pool,
            probes=tuple(dict.fromkeys(probes)),
            components=components,
            neighbours=neighbours,
            seed=seed,
            parts=[part for part in PARTS if part not in left_out],
            made=describe(),
            progress=report,
        )
        if columns:
            added = add_to_files(sets, own, seed=seed, progress=report)
            # Their checksums are those of the files that the reader of the report has.
            found = replace(found, made=describe())
        written = write(found, out, sets=sets, progress=report)
    _say(found, written, added)


def titles(files: list[Path], sets: list[EmbeddingSet]) -> list[str]:
    """Name each set by its model; models that are there twice also by their file."""
    from embedviz.titles import model_title

    names = [model_title(one.provenance) for one in sets]
    stems = [file.stem for file in files]
    found = []
    for name, stem, file in zip(names, stems, files, strict=True):
        if names.count(name) == 1:
            found.append(name)
        else:
            found.append(f"{name}, {stem if stems.count(stem) == 1 else file}")
    return found


def summary(evaluation: Evaluation) -> list[str]:
    """Give the answer, a table of the models, and what is to be known, as lines of text."""
    from embedviz.evaluation.report import words
    from embedviz.evaluation.report.headline import headline, notes, ranked, warnings
    from embedviz.evaluation.results import METRICS
    from embedviz.evaluation.results import PROBES as NAMES

    keys = words.measured(evaluation)
    rows = [["model", "probe", *(METRICS[key].lower() for key in keys)]]
    for one in ranked(evaluation):
        scores = [one.scores.get(key) for key in keys]
        cells = [
            f"{words.metric(key, score)} ({words.metric_range(key, score)})".replace(" ()", "")
            for key, score in zip(keys, scores, strict=True)
        ]
        name = f"{one.model} (baseline)" if one.baseline else one.model
        rows.append([name, NAMES[one.probe], *cells])
    task = evaluation.task
    rows.append([f"always {words.commonest(task)}", "", words.percent(task.majority)])
    return [
        headline(evaluation),
        "",
        *_aligned(rows),
        "",
        *(f"warning: {sentence}" for sentence in warnings(evaluation)),
        *(f"note: {sentence}" for sentence in notes(evaluation)),
    ]


def _aligned(rows: list[list[str]]) -> list[str]:
    across = max(map(len, rows))
    full = [row + [""] * (across - len(row)) for row in rows]
    widths = [max(len(row[n]) for row in full) for n in range(across)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in full
    ]


def _command(files: list[Path], options: Mapping[str, object]) -> str:
    """Give the command with what was chosen, to be typed in the same folder."""
    # What begins with a dash would be taken for an option.
    paths = [f"./{file}" if str(file).startswith("-") else str(file) for file in files]
    words = ["embedviz", "evaluate", *paths]
    for name, value in options.items():
        values = value if isinstance(value, tuple) else () if value is None else (value,)
        for one in values:
            words += [name, str(one)]
    return shlex.join(words)


def _check_files(files: list[Path]) -> None:
    """Refuse sets to which no column can be added, before hours of work."""
    from embedviz.partitioned import is_partitioned

    for file in filter(is_partitioned, files):
        command = f"{shlex.join(['embedviz', 'import', str(file)])} --out FILE.parquet"
        raise click.UsageError(
            f"Found --write-columns and {file}, a set in parts; wanted files, so make one of it "
            f"with `{command}` first."
        )


def _say(found: Evaluation, written: list[Path], added: Added) -> None:
    """Print what was found and written, and fail at last where columns could not be had."""
    for line in summary(found):
        click.echo(line)
    for path in written:
        click.echo(f"{path} written")
    for file, names in added.columns.items():
        click.echo(f"{file}: columns {', '.join(names)}")
    if added.failed:
        raise added.failed


@contextmanager
def _bar() -> Iterator[Callable[[Progress], None]]:
    """Show a bar with what is being done."""
    from tqdm import tqdm

    look = "{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}"
    # `disable=None`: no bar where nobody looks on, so that a log holds only sentences.
    with tqdm(leave=False, disable=None, bar_format=look) as bar:

        def report(progress: Progress) -> None:
            bar.total = progress.total
            bar.set_description_str(progress.doing, refresh=False)
            bar.n = progress.done
            bar.refresh()

        yield report
