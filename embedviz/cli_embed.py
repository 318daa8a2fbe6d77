"""The command `embedviz embed`; as in `embedviz.cli`, imports of the core stand inside."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from embedviz.cli_places import targets_of
from embedviz.errors import EmbedvizError

if TYPE_CHECKING:
    from embedviz.data import Recording
    from embedviz.embed import Progress, Written
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
@click.option(
    "--variant",
    "variants",
    multiple=True,
    help="A form of the model's output; see `embedviz models`. With several models MODEL=VARIANT.",
)
@click.option("--out", required=True, help="FILE.parquet; a folder for several models.")
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
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="`ray` shares the recordings out over a cluster; --out is then a folder or an address.",
)
@click.option("--address", help="Of the Ray cluster; without it this machine alone is one.")
def embed(
    paths: tuple[Path, ...],
    model_names: tuple[str, ...],
    variants: tuple[str, ...],
    out: str,
    per: Per,
    hop_s: float | None,
    labels: str | None,
    channel: int | None,
    precision: str,
    engine: str,
    address: str | None,
) -> int:
    """Embed recordings: files, folders or zip archives."""
    from embedviz.embed import embed_to_files
    from embedviz.models import load_model

    names = tuple(dict.fromkeys(model_names))
    chosen = _variants(names, variants)
    if engine == "ray":
        from embedviz.cli_cluster import embed_on_cluster

        recordings, failures = _recordings(paths, labels)
        return embed_on_cluster(
            recordings,
            failures,
            names=names,
            variants=chosen,
            precision=precision,
            per=per,
            hop_s=hop_s,
            channel=channel,
            out=out,
            address=address,
        )
    if address is not None:
        raise click.UsageError("--address names a Ray cluster; say --engine ray as well.")
    targets = targets_of(names, out)
    recordings, failures = _recordings(paths, labels)
    with bars(names) as report:
        found = embed_to_files(
            recordings,
            {name: load_model(name, chosen.get(name), precision=precision) for name in names},
            targets,
            per=per,
            hop_s=hop_s,
            channel=channel,
            failures=failures,
            progress=report,
        )
    made = {
        name: result if isinstance(result, EmbedvizError) else _made(result)
        for name, result in found.items()
    }
    return told(made, failures)


def told(
    made: Mapping[str, tuple[str, Mapping[str, str]] | EmbedvizError], failures: Mapping[str, str]
) -> int:
    """Print what was made with each model and what was not, and give the exit status.

    Parameters
    ----------
    made
        Name of a model -> a line about its set and the recordings that failed; or why there is
        none, which is raised where it is the only one.
    failures
        Recordings that could not even be gathered.
    """
    warnings = list(failures.values())
    for name, result in made.items():
        if isinstance(result, EmbedvizError):
            if len(made) == 1:
                raise result
            warnings.append(f"{name}: {result}")
            continue
        line, failed = result
        warnings += failed.values()
        click.echo(line)
    for sentence in dict.fromkeys(warnings):
        click.echo(f"warning: {sentence}", err=True)
    return SOME_FAILED if warnings else 0


def _variants(names: tuple[str, ...], given: tuple[str, ...]) -> dict[str, str]:
    """Give the variant of each model that has one named, as VARIANT or MODEL=VARIANT."""
    chosen: dict[str, str] = {}
    for value in given:
        owner = next((name for name in names if value.startswith(f"{name}=")), None)
        if owner is None and len(names) > 1:
            raise click.UsageError(
                f"Found --variant {value}; with several models wanted MODEL=VARIANT, "
                f"for example {names[0]}=…"
            )
        chosen[owner or names[0]] = value.removeprefix(f"{owner}=")
    return chosen


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


def _made(found: Written) -> tuple[str, Mapping[str, str]]:
    """Give a line about a set, and the recordings without rows."""
    heard = len(found.provenance.recordings)
    unverified = "" if found.provenance.verified else " (unverified weights)"
    line = (
        f"{found.path}: {found.rows} rows of {found.dimensions} from {heard} recordings, "
        f"{found.provenance.model}{unverified}"
    )
    return line, found.provenance.failures


@contextmanager
def bars(names: Sequence[str]) -> Iterator[Callable[[str, Progress], None]]:
    """Show a bar per model, in seconds of sound; Ctrl-C ends the block, see `interrupts`."""
    from tqdm import tqdm

    from embedviz.interrupts import noticed

    look = "{l_bar}{bar}| {elapsed}<{remaining}"
    with ExitStack() as stack:
        # `disable=None`: no bar where nobody looks on, so that a log holds only sentences.
        shown = {
            name: stack.enter_context(
                tqdm(unit="s", desc=name, position=i, leave=False, disable=None, bar_format=look)
            )
            for i, name in enumerate(names)
        }

        check = stack.enter_context(noticed())

        def report(name: str, progress: Progress) -> None:
            check()
            shown[name].total = progress.total_s
            shown[name].update(progress.done_s - shown[name].n)

        yield report
