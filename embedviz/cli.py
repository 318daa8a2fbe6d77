"""The commands. Each reads its arguments, calls one function of the core and prints.

Imports of the core stand inside the commands: `embedviz --help` must not wait for them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from embedviz import __version__
from embedviz.cli_bench import bench
from embedviz.cli_cache import cache
from embedviz.cli_embed import embed
from embedviz.cli_ensemble import ensemble
from embedviz.cli_evaluate import evaluate
from embedviz.cli_import import import_sets, written_here
from embedviz.cli_weights import weights

if TYPE_CHECKING:
    from embedviz.partitioned import Partitioned
    from embedviz.thumbnails import Colours

PATH = click.Path(path_type=Path)


def _place(
    _context: click.Context, _option: click.Parameter, text: str | None
) -> str | Path | None:
    """Read the path of a set's file or folder; the address of one in parts stays text."""
    from embedviz.storage import is_url

    return text if text is None or is_url(text) else Path(text)


def _places(
    context: click.Context, option: click.Parameter, texts: tuple[str, ...]
) -> tuple[str | Path | None, ...]:
    return tuple(_place(context, option, text) for text in texts)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, package_name="embedviz")
def commands() -> None:
    """Hear and see what audio models hear."""


@commands.command()
@click.argument("folder", callback=written_here)
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


def _numbers(
    _context: click.Context, _option: click.Parameter, text: str | None
) -> tuple[int, ...] | None:
    """Read numbers with commas between them."""
    if text is None:
        return None
    try:
        return tuple(int(number) for number in text.split(","))
    except ValueError:
        raise click.BadParameter(f"found {text!r}; wanted numbers, as 1,3.") from None


@commands.command()
@click.argument("file", callback=_place)
@click.option(
    "--method", type=click.Choice(["pca", "umap", "tsne"]), default="umap", show_default=True
)
@click.option("--dims", type=click.IntRange(2, 3), default=2, show_default=True)
@click.option("--axes", callback=_numbers, help="For pca: which of its axes, as 1,3.")
@click.option("--metric", default="cosine", show_default=True, help="For umap and tsne.")
@click.option("--neighbors", default=15, show_default=True, help="For umap.")
@click.option("--min-dist", default=0.1, show_default=True, help="For umap.")
@click.option("--perplexity", default=30.0, show_default=True, help="For tsne.")
@click.option("--seed", default=0, show_default=True)
@click.option("--out", callback=_place, help="Another FILE.parquet; by default FILE is rewritten.")
def project(
    file: str | Path,
    method: str,
    dims: int,
    axes: tuple[int, ...] | None,
    metric: str,
    neighbors: int,
    min_dist: float,
    perplexity: float,
    seed: int,
    out: str | Path | None,
) -> None:
    """Project the vectors of FILE to x, y (and z); also of a folder or address of a set in parts.

    Of more than 200,000 rows, umap and tsne lay out a sample and place the others among them.
    """
    from embedviz.large import fitted_words
    from embedviz.partcoordinates import write_projection
    from embedviz.project import project as project_rows
    from embedviz.store import read_set, write_set

    parts = _parts(file, out)
    embedding_set = read_set(file) if parts is None else parts.embedding_set("without")
    projection = project_rows(
        embedding_set,
        method,
        dims=dims,
        axes=axes,
        metric=metric,
        n_neighbors=neighbors,
        min_dist=min_dist,
        perplexity=perplexity,
        seed=seed,
    )
    if parts is None:
        write_set(embedding_set.with_projection(projection), Path(out or file))
    else:
        write_projection(parts, projection, out)
    shares = ", ".join(f"{share:.1%}" for share in projection.explained_variance)
    explained = f"; the axes explain {shares} of the variance" if shares else ""
    click.echo(f"{len(embedding_set)} rows projected by {method}, {dims}-D{explained}")
    if (said := fitted_words(projection)) is not None:
        click.echo(said)


def _parts(file: str | Path, out: str | Path | None) -> Partitioned | None:
    """Open a set in parts, None where it is one file; only parts are written to an address."""
    from embedviz.partitioned import is_partitioned, open_partitioned

    if is_partitioned(file):
        return open_partitioned(file)
    if isinstance(out, str):
        raise click.UsageError(f"--out {out} is an address; one file goes to one on this machine.")
    return None


def _names(
    _context: click.Context, _option: click.Parameter, text: str | None
) -> tuple[str, ...] | None:
    """Read names with commas between them."""
    return None if text is None else tuple(name.strip() for name in text.split(",") if name.strip())


@commands.command()
@click.argument("files", nargs=-1, required=True, callback=_places)
@click.option("--out", required=True, callback=written_here, help="A folder, or FILE.zip.")
@click.option("--columns", callback=_names, help="Only these columns, in this order, as a,b.")
@click.option("--label", help="The column that points are labelled by.")
@click.option("--cell", "cell_px", type=int, help="Pixels of a sprite cell.")
@click.option(
    "--colours",
    type=click.Choice(["inverted grey", "grey", "magma", "viridis"]),
    default="inverted grey",
    show_default=True,
    help="Of the pictures; dark ones hide the colours of points.",
)
@click.option("--frame-by", help="A frame in the colour of each value of this column.")
@click.option("--no-sprite", is_flag=True, help="Leave the pictures out.")
@click.option("--join", "join_windows", is_flag=True, help="Join the windows of a recording.")
@click.option("--digits", type=int, help="Round the vectors to so many significant digits.")
@click.option("--sample", type=int, help="At most so many rows, every label with its share.")
@click.option("--base-url", help="Where the bundle will be hosted; makes its paths absolute.")
@click.option("--open", "show", is_flag=True, help="Open it in the projector, until Ctrl-C.")
def export(
    files: tuple[str | Path, ...],
    out: Path,
    columns: tuple[str, ...] | None,
    label: str | None,
    cell_px: int | None,
    colours: Colours,
    frame_by: str | None,
    no_sprite: bool,
    join_windows: bool,
    digits: int | None,
    sample: int | None,
    base_url: str | None,
    show: bool,
) -> int:
    """Write an Embedding Projector bundle from one or several FILEs."""
    from embedviz.projector.bundle import write_bundle
    from embedviz.projector.names import set_names
    from embedviz.store import read_set

    bundle = write_bundle(
        set_names([read_set(file) for file in files]),
        out,
        columns=columns,
        label=label,
        cell_px=cell_px,
        colours=colours,
        frame_by=frame_by,
        with_sprite=not no_sprite,
        join_windows=join_windows,
        digits=digits,
        sample=sample,
        base_url=base_url,
    )
    status = _told(bundle)
    if not show:
        return status
    from embedviz.cli_open import open_bundle

    return open_bundle(bundle, click.echo)


def _told(bundle: Path) -> int:
    """Say what a new bundle shows otherwise than its sets, and whether it will open."""
    from embedviz.projector.validate import validate_bundle

    report = validate_bundle(bundle)
    for finding in report.findings:
        if finding.level == "note":
            click.echo(f"note: {finding.where}: {finding.message}")
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


commands.add_command(bench)
commands.add_command(cache)
commands.add_command(embed)
commands.add_command(ensemble)
commands.add_command(evaluate)
commands.add_command(import_sets)
commands.add_command(weights)
