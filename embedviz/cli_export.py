"""The commands for bundles, `export` and `validate`; imports of the core stand inside."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from embedviz.cli_places import places, written_here

if TYPE_CHECKING:
    from embedviz.thumbnails import Colours


def _names(
    _context: click.Context, _option: click.Parameter, text: str | None
) -> tuple[str, ...] | None:
    """Read names with commas between them."""
    return None if text is None else tuple(name.strip() for name in text.split(",") if name.strip())


@click.command()
@click.argument("files", nargs=-1, required=True, callback=places)
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


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
def validate(bundle: Path) -> int:
    """Check a bundle by the Embedding Projector's own rules."""
    from embedviz.projector.validate import validate_bundle

    report = validate_bundle(bundle)
    for finding in report.findings:
        click.echo(f"{finding.level}: {finding.where}: {finding.message}")
    click.echo(report.summary)
    return 0 if report.ok else 1
