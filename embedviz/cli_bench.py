"""The command `embedviz bench`; as in `embedviz.cli`, imports of the core stand inside."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from embedviz.errors import EmbedvizError, ModelError

if TYPE_CHECKING:
    from embedviz.bench.measured import Ask, Measured, Setting

SOME_FAILED, INTERRUPTED = 3, 130
PATH = click.Path(path_type=Path, dir_okay=False)
LONGEST_S = 36_000.0
"""A WAV file of more hours grows beyond the four gigabytes that it can have."""


def _finite(
    _context: click.Context, _option: click.Parameter, seconds: float | None
) -> float | None:
    # A range lets NaN through, which is neither below nor above anything.
    if seconds is not None and not math.isfinite(seconds):
        raise click.BadParameter(f"found {seconds}; wanted a number of seconds.")
    return seconds


def _in_folder(_context: click.Context, _option: click.Parameter, path: Path | None) -> Path | None:
    # Asked at the start: figures of an hour would have nowhere to go.
    if path is not None and not path.parent.is_dir():
        raise click.BadParameter(f"found {path}; there is no folder {path.parent}.")
    return path


def _svg(context: click.Context, option: click.Parameter, path: Path | None) -> Path | None:
    if path is not None and path.suffix.lower() != ".svg":
        raise click.BadParameter(f"found {path}; wanted a name that ends in .svg.")
    return _in_folder(context, option, path)


@click.command()
@click.option("--model", "names", multiple=True, help="Repeat for several; all by default.")
@click.option(
    "--seconds",
    type=click.FloatRange(1.0, LONGEST_S),
    callback=_finite,
    help="Of sound; by default as much as takes some seconds.",
)
@click.option("--threads", type=click.IntRange(1), help="Of the network; one a core by default.")
@click.option(
    "--precision", type=click.Choice(["float32", "bfloat16"]), default="float32", show_default=True
)
@click.option(
    "--json", "json_path", type=PATH, callback=_in_folder, help="Write the figures there too."
)
@click.option("--chart", type=PATH, callback=_svg, help="Draw them there, FILE.svg.")
def bench(
    names: tuple[str, ...],
    seconds: float | None,
    threads: int | None,
    precision: str,
    json_path: Path | None,
    chart: Path | None,
) -> int:
    """Measure how many hours of sound a minute each model embeds on this machine."""
    from embedviz.bench.chart import svg
    from embedviz.bench.measured import Ask
    from embedviz.bench.table import as_json, lines

    asks = [Ask(name, precision, seconds, threads) for name in _chosen(names, precision)]
    found, warnings, stopped = _measured(asks)
    for sentence in warnings:
        click.echo(f"warning: {sentence}", err=True)
    if found:
        setting, measured = found[0][0], [entry for _, entry in found]
        click.echo("\n".join(lines(setting, measured)))
        if json_path is not None:
            json_path.write_text(as_json(setting, measured), encoding="utf-8")
        if chart is not None:
            chart.write_text(svg(setting, measured), encoding="utf-8")
    if stopped:
        click.echo(f"embedviz: Stopped after {len(found)} of {len(asks)} models.", err=True)
        return INTERRUPTED
    return SOME_FAILED if warnings else 0


def _chosen(names: tuple[str, ...], precision: str) -> list[str]:
    """Give the models to measure: those named, or all that offer the precision."""
    from embedviz import models

    if names:
        return [models.facts(name).name for name in dict.fromkeys(names)]
    return [name for name in models.names() if precision in models.facts(name).precisions]


def _measured(asks: Sequence[Ask]) -> tuple[list[tuple[Setting, Measured]], list[str], bool]:
    """Measure one after the other; Ctrl-C keeps what is finished, and is told by the last value."""
    from embedviz.bench.running import run

    found: list[tuple[Setting, Measured]] = []
    warnings: list[str] = []
    with _bar(len(asks)) as step:
        try:
            for ask in asks:
                try:
                    found.append(run(ask, partial(step, ask.model)))
                except EmbedvizError as error:
                    # Of the first model: the same would be said of the others.
                    if isinstance(error, ModelError) and not (found or warnings):
                        raise
                    warnings.append(str(error))
        except KeyboardInterrupt:
            return found, warnings, True
    return found, warnings, False


@contextmanager
def _bar(models: int) -> Iterator[Callable[[str, str], None]]:
    """Show what is measured, on standard error."""
    from tqdm import tqdm

    from embedviz.bench.measured import STEPS

    look = "{percentage:3.0f}%|{bar:20}| {desc} {elapsed}"
    # `disable=None`: no bar where nobody looks on, so that a log holds only sentences.
    with tqdm(total=models * STEPS, leave=False, disable=None, bar_format=look) as bar:

        def step(name: str, words: str) -> None:
            bar.set_description_str(f"{name} {words}", refresh=False)
            bar.update()

        yield step
