"""The command `embedviz embed`; as in `embedviz.cli`, imports of the core stand inside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from embedviz.errors import EmbedvizError

if TYPE_CHECKING:
    from embedviz.data import EmbeddingSet, Recording
    from embedviz.embed import Progress, Report
    from embedviz.model import Per

SOME_FAILED = 3

PATH = click.Path(path_type=Path)


def rows(value: str) -> Per:
    """Read the value of `--per`: `window`, `recording` or a number of seconds."""
    if value in ("window", "recording"):
        return cast("Per", value)
    try:
        return float(value)
    except ValueError as error:
        raise click.BadParameter(
            f"found {value!r}; wanted window, recording or a number of seconds."
        ) from error


@click.command()
@click.argument("paths", nargs=-1, required=True, type=PATH)
@click.option("--model", "model_names", multiple=True, required=True, help="Repeat for several.")
@click.option("--variant", help="A form of the model's output; see `embedviz models`.")
@click.option("--out", required=True, type=PATH, help="FILE.parquet; a folder for several models.")
@click.option(
    "--per",
    type=rows,
    metavar="window|recording|SECONDS",
    default="window",
    show_default=True,
    help="One row per …",
)
@click.option("--hop", "hop_s", type=float, help="Seconds between window starts.")
@click.option("--labels", help="`folder`, or a CSV/TSV whose file column is found by itself.")
@click.option("--channel", type=click.IntRange(1), help="Hear this channel, not the mean of all.")
@click.option(
    "--precision", type=click.Choice(["float32", "bfloat16"]), default="float32", show_default=True
)
def embed(
    paths: tuple[Path, ...],
    model_names: tuple[str, ...],
    variant: str | None,
    out: Path,
    per: Per,
    hop_s: float | None,
    labels: str | None,
    channel: int | None,
    precision: str,
) -> int:
    """Embed recordings: files, folders or zip archives."""
    from embedviz.embed import embed as embed_recordings
    from embedviz.models import load_model
    from embedviz.store import write_set

    targets = _targets(model_names, variant, out)
    recordings, failures = _recordings(paths, labels)
    loaded = {name: load_model(name, variant, precision=precision) for name in targets}
    failed: dict[str, str] = dict(failures)
    for name, target in targets.items():
        with _bar(name) as report:
            found = embed_recordings(
                recordings,
                loaded[name],
                per=per,
                hop_s=hop_s,
                channel=channel,
                failures=failures,
                progress=report,
            )
        write_set(found, target)
        failed |= found.provenance.failures
        click.echo(_summary(found, target))
    for sentence in failed.values():
        click.echo(f"warning: {sentence}", err=True)
    return SOME_FAILED if failed else 0


def _targets(model_names: tuple[str, ...], variant: str | None, out: Path) -> dict[str, Path]:
    """Give each model's output file."""
    names = tuple(dict.fromkeys(model_names))
    if len(names) > 1:
        if variant is not None:
            raise click.UsageError("--variant goes with one --model; run the models one by one.")
        if out.suffix == ".parquet" or out.is_file():
            raise click.UsageError(f"{out} is a file; with several models --out is a folder.")
        return {name: out / f"{name}.parquet" for name in names}
    if out.suffix != ".parquet":
        raise click.UsageError(f"Found --out {out}; wanted a name that ends in .parquet.")
    return {names[0]: out}


def _recordings(
    paths: tuple[Path, ...], labels: str | None
) -> tuple[tuple[Recording, ...], dict[str, str]]:
    """Gather recordings with their labels, and the sentences on those that cannot be read."""
    from embedviz.folders import cache_folder
    from embedviz.labels import from_folders, from_table
    from embedviz.recordings import gather

    gathered = gather(paths, unpack_to=cache_folder() / "archives")
    recordings = gathered.recordings
    if not recordings:
        first = next(iter(gathered.failures.values()), "The folder holds no audio files.")
        raise EmbedvizError(f"There is nothing to embed. {first}")
    if labels == "folder":
        recordings = from_folders(recordings)
    elif labels is not None:
        labelled = from_table(Path(labels), recordings)
        recordings = labelled.recordings
        if labelled.unmatched:
            click.echo(
                f"warning: {len(labelled.unmatched)} recordings have no row in {labels}, "
                f"for example {labelled.unmatched[0]}",
                err=True,
            )
    return recordings, dict(gathered.failures)


def _summary(found: EmbeddingSet, target: Path) -> str:
    heard = len(found.provenance.recordings)
    unverified = "" if found.provenance.verified else " (unverified weights)"
    return (
        f"{target}: {len(found)} rows of {found.vectors.shape[1]} from {heard} recordings, "
        f"{found.provenance.model}{unverified}"
    )


@contextmanager
def _bar(name: str) -> Iterator[Report]:
    """Show a bar in seconds of sound."""
    from tqdm import tqdm

    look = "{l_bar}{bar}| {elapsed}<{remaining}"
    # `disable=None`: no bar where nobody looks on, so that a log holds only sentences.
    with tqdm(unit="s", desc=name, leave=False, disable=None, bar_format=look) as bar:

        def report(progress: Progress) -> None:
            bar.total = progress.total_s
            bar.update(progress.done_s - bar.n)

        yield report
