"""The command `embedviz cache`; as in `embedviz.cli`, imports of the core stand inside."""

from __future__ import annotations

import click


@click.command()
@click.option("--clear", "clears", is_flag=True, help="Delete it; the next run computes it again.")
@click.option(
    "--unused",
    "unused_days",
    type=click.FloatRange(min=0),
    metavar="DAYS",
    help="With --clear: only what was not used for so many days.",
)
def cache(clears: bool, unused_days: float | None) -> None:
    """Show how much is kept so that nothing is computed twice, or delete it.

    Sets, uploads, unpacked archives and weights stay.
    """
    from embedviz import tidying
    from embedviz.folders import cache_folder

    if unused_days is not None and not clears:
        raise click.UsageError("--unused says what to delete; give --clear as well.")
    found = tidying.clear(unused_days=unused_days or 0) if clears else tidying.held()
    click.echo(f"{'Deleted from' if clears else 'Kept in'} {cache_folder()}:")
    for one in found:
        size = f"{one.size_bytes / 1e6:,.1f} MB"
        click.echo(f"{one.kind:<12}{one.files:>9,} files {size:>14}  {one.what}")
