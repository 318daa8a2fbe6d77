"""The command `embedviz project`; as in `embedviz.cli`, imports of the core stand inside."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from embedviz.cli_places import place

if TYPE_CHECKING:
    from embedviz.partitioned import Partitioned


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


@click.command()
@click.argument("file", callback=place)
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
@click.option("--out", callback=place, help="Another FILE.parquet; by default FILE is rewritten.")
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
