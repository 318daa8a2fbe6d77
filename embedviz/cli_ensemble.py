"""The command `embedviz ensemble`; as in `embedviz.cli`, imports of the core stand inside."""

from __future__ import annotations

from pathlib import Path

import click

from embedviz.cli_places import written_here

PATH = click.Path(path_type=Path)


@click.command()
@click.argument("files", nargs=-1, required=True, type=PATH)
@click.option("--out", required=True, callback=written_here, help="FILE.parquet.")
def ensemble(files: tuple[Path, ...], out: Path) -> None:
    """Join the vectors of several FILEs into one set, over the rows that all of them have."""
    from embedviz.ensemble import ensemble as join_sets
    from embedviz.store import read_set, write_set

    if len(files) < 2:
        raise click.UsageError("An ensemble needs at least two files.")
    if out.suffix != ".parquet":
        raise click.UsageError(f"Found --out {out}; wanted a name that ends in .parquet.")
    sets = [read_set(file) for file in files]
    found = join_sets(sets)
    write_set(found, out)
    for file, one in zip(files, sets, strict=True):
        if len(one) > len(found):
            click.echo(f"warning: {len(found)} of {file}'s {len(one)} rows are in all", err=True)
    click.echo(f"{out}: {len(found)} rows of {found.vectors.shape[1]}, {found.provenance.title}")
