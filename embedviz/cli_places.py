"""Arguments that say where something lies or is to lie: a path on this machine, or an address."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import click

from embedviz.wording import numbered


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


def targets_of(names: Sequence[str], where: str) -> dict[str, Path]:
    """Give each model's output file, by what was said as --out."""
    from embedviz.storage import is_url

    if is_url(where):
        raise click.UsageError(f"--out {where} is an address; it needs --engine ray.")
    out = Path(where)
    if len(names) > 1:
        if out.suffix == ".parquet" or out.is_file():
            raise click.UsageError(f"{out} is a file; with several models --out is a folder.")
        return _writable({name: out / file for name, file in files_of(names).items()})
    if out.suffix != ".parquet":
        raise click.UsageError(f"Found --out {out}; wanted a name that ends in .parquet.")
    return _writable({names[0]: out})


def _writable(targets: dict[str, Path]) -> dict[str, Path]:
    """Refuse what could not be written before anything is heard for hours."""
    for target in targets.values():
        if target.is_dir():
            raise click.UsageError(f"--out {target} is a folder; wanted the name of a file.")
        there = next(folder for folder in target.absolute().parents if folder.exists())
        if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
            raise click.UsageError(f"--out {target} cannot be written: {there} takes no files.")
    return targets


def files_of(names: Sequence[str]) -> dict[str, str]:
    """Give each model's file in a folder; an address loses what files may not be called."""
    stems: dict[str, str] = {}
    for name in names:
        plain = re.sub(r"[^\w.-]+", "-", name).strip("-")
        stems[name] = next(stem for stem in numbered(plain) if stem not in stems.values())
    return {name: f"{stem}.parquet" for name, stem in stems.items()}
