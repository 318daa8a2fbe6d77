"""The commands. Each reads its arguments, calls one function of the core and prints.

Imports of the core stand inside the commands: `embedviz --help` must not wait for them.
"""

from __future__ import annotations

import json
from pathlib import Path

import click

from embedviz import __version__
from embedviz.cli_bench import bench
from embedviz.cli_cache import cache
from embedviz.cli_embed import embed
from embedviz.cli_ensemble import ensemble
from embedviz.cli_evaluate import evaluate
from embedviz.cli_export import export, validate
from embedviz.cli_import import import_sets
from embedviz.cli_places import written_here
from embedviz.cli_project import project
from embedviz.cli_weights import weights


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
commands.add_command(export)
commands.add_command(import_sets)
commands.add_command(project)
commands.add_command(validate)
commands.add_command(weights)
