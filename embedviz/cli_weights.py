"""The commands of `embedviz weights`; as in `embedviz.cli`, imports of the core stand inside."""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
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
    missed: list[str] = []
    with tqdm(unit="B", unit_scale=True, desc=name, leave=False, disable=None) as bar:

        def report(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        found = weight_files.fetch(facts, variant, progress=report, note=missed.append)
    for sentence in missed:
        click.echo(f"warning: {sentence}", err=True)
    for entry in found:
        click.echo(f"{entry.path}: the published file")


@weights.command()
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path))
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
