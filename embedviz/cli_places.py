"""Arguments that say where something lies: a path on this machine, or an address."""

from __future__ import annotations

from pathlib import Path

import click


def place(_context: click.Context, _option: click.Parameter, text: str | None) -> str | Path | None:
    """Read the path of a set's file or folder; the address of one in parts stays text."""
    from embedviz.storage import is_url

    return text if text is None or is_url(text) else Path(text)


def places(
    context: click.Context, option: click.Parameter, texts: tuple[str, ...]
) -> tuple[str | Path | None, ...]:
    """Read several."""
    return tuple(place(context, option, text) for text in texts)


def written_here(_context: click.Context, _option: click.Parameter, text: str) -> Path:
    """Read the path of what is written to this machine: an address would become a folder `s3:`."""
    from embedviz.storage import is_url

    if is_url(text):
        raise click.BadParameter(f"{text} is an address; wanted a path on this machine.")
    return Path(text)
