"""The command `embedviz import`; as in `embedviz.cli`, imports of the core stand inside."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from embedviz.cli_places import written_here

if TYPE_CHECKING:
    from embedviz.data import EmbeddingSet

SOME_FAILED = 3

PATH = click.Path(path_type=Path)


@click.command("import")
@click.argument("sources", nargs=-1, required=True)
@click.option(
    "--out",
    required=True,
    callback=written_here,
    help="FILE.parquet, or a folder for several sets.",
)
@click.option(
    "--labels", type=PATH, help="A CSV/TSV whose column of recordings is found by itself."
)
@click.option(
    "--sample",
    type=click.IntRange(min=2),
    help="At most so many rows of each set, every label with its share.",
)
def import_sets(
    sources: tuple[str, ...], out: Path, labels: Path | None, sample: int | None
) -> int:
    """Import vectors that were made elsewhere.

    SOURCES is a projector's bundle (its folder, zip or config), vectors.tsv with metadata.tsv,
    a .npy or .npz with a CSV of its rows, a Parquet file with a column of vectors, AudioSet's
    .tfrecord files, the web address of any of these, or a set in parts (its folder).
    """
    from embedviz.imports.labelling import labelled
    from embedviz.imports.opening import open_sources
    from embedviz.store import write_set

    failures: dict[str, str] = {}
    found = open_sources(sources, sample=sample, failures=failures)
    if labels is not None:
        for name, one in found.items():
            found[name], unmatched = labelled(one, labels)
            if unmatched:
                click.echo(
                    f"warning: {len(unmatched)} recordings of {name} have no row in {labels}, "
                    f"for example {unmatched[0]}",
                    err=True,
                )
    for (name, one), target in zip(found.items(), _targets(list(found), out), strict=True):
        write_set(one, target)
        click.echo(f"{target}: {_summary(one)}, from {name}")
    for name, sentence in failures.items():
        click.echo(f"warning: {name} is left out: {sentence}", err=True)
    return SOME_FAILED if failures else 0


def _targets(names: list[str], out: Path) -> list[Path]:
    """Give each set's output file."""
    from embedviz.projector.contents import tensor_names

    if out.suffix == ".parquet":
        if len(names) > 1:
            raise click.UsageError(
                f"Found {len(names)} sets ({', '.join(names)}) and --out {out}; name a folder."
            )
        return [out]
    return [out / f"{name}.parquet" for name in tensor_names(names)]


def _summary(found: EmbeddingSet) -> str:
    parts = [f"{len(found)} rows of {found.vectors.shape[1]}"]
    if found.provenance.sampled_from is not None:
        parts.append(f"a sample of {found.provenance.sampled_from:,}")
    if found.thumbnails is not None:
        parts.append("pictures")
    if found.projection is not None:
        parts.append(f"a map by {found.projection.method}")
    return ", ".join(parts)
