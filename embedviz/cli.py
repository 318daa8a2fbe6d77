"""The commands. Each reads its arguments, calls one function of the core and prints.

Imports of the core stand inside the commands: `embedviz --help` must not wait for them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embedviz import __version__
from embedviz.errors import EmbedvizError

if TYPE_CHECKING:
    from embedviz.data import EmbeddingSet, Recording
    from embedviz.embed import Report

SOME_FAILED = 3

PATH = click.Path(path_type=Path)


class Rows(click.ParamType):
    """`window`, `recording` or a number of seconds."""

    name = "window|recording|SECONDS"

    def convert(self, value: Any, param: Any, ctx: Any) -> str | float:  # noqa: ANN401
        """Read the value of `--per`."""
        if value in ("window", "recording"):
            return str(value)
        try:
            return float(value)
        except ValueError:
            self.fail(f"found {value!r}; wanted window, recording or a number of seconds", param)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, package_name="embedviz")
def commands() -> None:
    """Hear and see what audio models hear."""


@commands.command()
@click.argument("folder", type=PATH)
def demo(folder: Path) -> None:
    """Write the synthetic demo recordings into FOLDER."""
    from embedviz.demo import write_demo

    written = write_demo(folder)
    click.echo(f"{len(written.clips)} clips in {folder / 'clips'}, one scene at {written.scene}")


@commands.command()
@click.option("--json", "as_json", is_flag=True, help="Print every fact as JSON.")
def models(as_json: bool) -> None:
    """List the models, their facts and whether their weights are here."""
    from embedviz.catalogue import catalogue, lines

    entries = catalogue()
    click.echo(json.dumps(entries, indent=2) if as_json else "\n".join(lines(entries)))


@commands.command()
@click.argument("paths", nargs=-1, required=True, type=PATH)
@click.option("--model", "model_names", multiple=True, required=True, help="Repeat for several.")
@click.option("--variant", help="A form of the model's output; see `embedviz models`.")
@click.option("--out", required=True, type=PATH, help="FILE.parquet; a folder for several models.")
@click.option("--per", type=Rows(), default="window", show_default=True, help="One row per …")
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
    per: str | float,
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
                per=per,  # type: ignore[arg-type]
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


@commands.command()
@click.argument("file", type=PATH)
@click.option(
    "--method", type=click.Choice(["pca", "umap", "tsne"]), default="umap", show_default=True
)
@click.option("--dims", type=click.IntRange(2, 3), default=2, show_default=True)
@click.option("--metric", default="cosine", show_default=True, help="For umap and tsne.")
@click.option("--neighbors", default=15, show_default=True, help="For umap.")
@click.option("--min-dist", default=0.1, show_default=True, help="For umap.")
@click.option("--perplexity", default=30.0, show_default=True, help="For tsne.")
@click.option("--seed", default=0, show_default=True)
@click.option("--out", type=PATH, help="Another FILE.parquet; by default FILE is rewritten.")
def project(
    file: Path,
    method: str,
    dims: int,
    metric: str,
    neighbors: int,
    min_dist: float,
    perplexity: float,
    seed: int,
    out: Path | None,
) -> None:
    """Project the vectors of FILE to x, y (and z)."""
    from embedviz.project import project as project_rows
    from embedviz.store import read_set, write_set

    embedding_set = read_set(file)
    projection = project_rows(
        embedding_set,
        method,
        dims=dims,
        metric=metric,
        n_neighbors=neighbors,
        min_dist=min_dist,
        perplexity=perplexity,
        seed=seed,
    )
    write_set(embedding_set.with_projection(projection), out or file)
    shares = ", ".join(f"{share:.1%}" for share in projection.explained_variance)
    explained = f"; the axes explain {shares} of the variance" if shares else ""
    click.echo(f"{len(embedding_set)} rows projected by {method}, {dims}-D{explained}")


@commands.command()
@click.argument("files", nargs=-1, required=True, type=PATH)
@click.option("--out", required=True, type=PATH, help="A folder, or FILE.zip.")
@click.option("--cell", "cell_px", type=int, help="Pixels of a sprite cell.")
@click.option("--base-url", help="Where the bundle will be hosted; makes its paths absolute.")
def export(files: tuple[Path, ...], out: Path, cell_px: int | None, base_url: str | None) -> int:
    """Write an Embedding Projector bundle from one or several FILEs."""
    from embedviz.projector.bundle import write_bundle
    from embedviz.projector.names import set_names
    from embedviz.projector.validate import validate_bundle
    from embedviz.store import read_set

    sets = [read_set(file) for file in files]
    bundle = write_bundle(set_names(sets), out, cell_px=cell_px, base_url=base_url)
    report = validate_bundle(bundle)
    click.echo(f"{bundle}: {report.summary}")
    return 0 if report.ok else 1


@commands.command()
@click.argument("bundle", type=PATH)
def validate(bundle: Path) -> int:
    """Check a bundle by the Embedding Projector's own rules."""
    from embedviz.projector.validate import validate_bundle

    report = validate_bundle(bundle)
    for finding in report.findings:
        click.echo(f"{finding.level}: {finding.where}: {finding.message}")
    click.echo(report.summary)
    return 0 if report.ok else 1


@commands.command()
@click.option("--port", default=8501, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True)
def app(port: int, host: str) -> int:
    """Open the app on the demo recordings."""
    from embedviz.launch import prepare_demo, serve

    prepare_demo(click.echo)
    return serve(host, port, click.echo)


@commands.group()
def weights() -> None:
    """See, download, add and verify the official weight files."""


@weights.command("list")
def list_weights() -> None:
    """List every weight file and its state."""
    from embedviz.catalogue import weight_lines

    click.echo("\n".join(weight_lines()))


@weights.command()
@click.argument("name")
@click.option("--variant", help="Fetch what this variant needs.")
def fetch(name: str, variant: str | None) -> None:
    """Download the official files of the model NAME."""
    from tqdm import tqdm

    from embedviz import models as model_files
    from embedviz import weights as weight_files

    facts = model_files.facts(name)
    with tqdm(unit="B", unit_scale=True, desc=name, leave=False) as bar:

        def report(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        found = weight_files.fetch(facts, variant, progress=report)
    for entry in found:
        click.echo(f"{entry.path}: the published file")


@weights.command()
@click.argument("name")
@click.argument("file", type=PATH)
@click.option("--unverified", is_flag=True, help="Accept a checksum that is not the published one.")
def add(name: str, file: Path, unverified: bool) -> None:
    """Add an official FILE of the model NAME that was brought by hand."""
    from embedviz import models as model_files
    from embedviz import weights as weight_files

    for entry in weight_files.add(model_files.facts(name), file, unverified=unverified):
        state = "the published file" if entry.verified else "unverified, and every result says so"
        click.echo(f"{entry.path}: {state}")


@weights.command()
@click.argument("names", nargs=-1)
def verify(names: tuple[str, ...]) -> int:
    """Check checksums and run the published smoke tests (of all models that are here)."""
    from embedviz.catalogue import verified

    states = []
    for state, sentence in verified(names):
        click.echo(f"{state:11}{sentence}")
        states.append(state)
    return 1 if "FAILED" in states else 0


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

    with tqdm(
        unit="s", desc=name, leave=False, bar_format="{l_bar}{bar}| {elapsed}<{remaining}"
    ) as bar:

        def report(progress: Any) -> None:  # noqa: ANN401 (tqdm is imported late)
            bar.total = progress.total_s
            bar.update(progress.done_s - bar.n)

        yield report
