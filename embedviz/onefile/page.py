"""Writing the file: the code, the facts, and the rows with their pictures and sounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from embedviz import packing
from embedviz.atomic import written_whole
from embedviz.clips import Find
from embedviz.data import EmbeddingSet, Projection
from embedviz.errors import ProjectionError, SetError
from embedviz.neighbours import cached_neighbours
from embedviz.onefile import code
from embedviz.onefile.facts import columns, facts, sentences
from embedviz.onefile.pictures import Pictures, pictures
from embedviz.onefile.sounds import Sounds, compressed

Progress = Callable[[int, int], None]
"""Is told how far it is, of 100; raising from it stops the work."""

PICTURE_BUDGET_MB = 20
FARTHEST = 2.0
"""The largest cosine distance; it is kept as the largest number of 16 bits."""
_MB = 1_000_000


@dataclass(frozen=True)
class OneFile:
    """A finished file."""

    size_bytes: int
    sounds: int
    """Rows that can be heard."""
    pictures: bool
    sentences: tuple[str, ...]
    """What is to be known of it: what did not fit, what could not be read."""


@dataclass(frozen=True)
class _Near:
    """The k nearest rows of each of N rows, without itself, nearest first: (N, k)."""

    rows: npt.NDArray[np.uint32]
    distances: npt.NDArray[np.uint16]
    """0 to `FARTHEST` as 0 to 65535."""


def write_onefile(
    embedding_set: EmbeddingSet,
    out: Path,
    *,
    title: str,
    sound_budget_mb: float = 20,
    rows_nearest: int = 10,
    find: Find | None = None,
    dark: bool | None = None,
    colour: str | None = None,
    progress: Progress | None = None,
) -> OneFile:
    """Write a set's map as one HTML file that opens from disk, without a server or a network.

    Parameters
    ----------
    embedding_set
        With the projection to draw.
    sound_budget_mb
        What the sounds may add to the file: rows spread evenly are kept, as many as fit.
    rows_nearest
        Nearest neighbours kept for each row.
    find
        Gives the file of a row's recording or raises `EmbedvizError`; None looks where the
        recordings were when the set was made.
    dark
        None follows the reader's own choice.
    colour
        The column that colours the points at first; None for the most telling.
    progress
        See `Progress`.

    Raises
    ------
    EmbedvizError
        If the set has no projection, or the file cannot be written.
    """
    projection = embedding_set.projection
    if projection is None:
        raise ProjectionError("The set has no projection yet; make one first.")
    tell = progress or (lambda done, total: None)
    near = _near(embedding_set, rows_nearest, tell=_part(tell, 0, 10))
    drawn = None
    if embedding_set.thumbnails is not None:
        most = PICTURE_BUDGET_MB * _MB
        drawn = pictures(embedding_set.thumbnails, most, _part(tell, 10, 30))
    most = round(sound_budget_mb * _MB)
    heard = compressed(embedding_set, most, find=find, tell=_part(tell, 30, 95))
    said = sentences(embedding_set, drawn, heard, sound_budget_mb)
    known = facts(
        embedding_set,
        projection,
        title=title,
        colour=colour,
        dark=dark,
        neighbours=near.rows.shape[1],
        drawn=drawn,
        heard=heard,
        sentences=said,
    )
    parts = {
        "styles": [code.styles()],
        "modules": [code.import_map()],
        "plotly": [code.plotly()],
        "facts": [code.json_text(known)],
        "parts": _parts(embedding_set, projection, near, drawn, heard),
    }
    try:
        with written_whole(out) as file:
            file.writelines(text.encode() for text in code.page(parts))
    except OSError as error:
        raise SetError(f"{out} could not be written: {error.strerror or error}.") from error
    tell(100, 100)
    return OneFile(out.stat().st_size, len(heard.clips), drawn is not None, said)


def _near(embedding_set: EmbeddingSet, count: int, *, tell: Callable[[float], None]) -> _Near:
    k = min(count + 1, len(embedding_set))
    graph = cached_neighbours(
        embedding_set.vectors, k=k, progress=lambda done, total: tell(done / total)
    )
    steps = np.rint(np.clip(graph.distances[:, 1:] / FARTHEST, 0, 1) * np.iinfo(np.uint16).max)
    return _Near(graph.indices[:, 1:].astype("<u4"), steps.astype("<u2"))


def _parts(
    embedding_set: EmbeddingSet,
    projection: Projection,
    near: _Near,
    drawn: Pictures | None,
    heard: Sounds,
) -> Iterator[str]:
    """Give what the page reads when it needs it, each thing as an element of its own."""
    yield code.block("points", packing.pack_points(projection.coordinates))
    for number, name in enumerate(columns(embedding_set)):
        yield code.block(f"column-{number}", packing.pack_column(embedding_set.table[name]))
    yield code.block("near-rows", near.rows.tobytes())
    yield code.block("near-distances", near.distances.tobytes())
    for number, sheet in enumerate(() if drawn is None else drawn.sheets):
        yield code.block(f"sheet-{number}", sheet)
    for row, clip in sorted(heard.clips.items()):
        yield code.block(f"sound-{row}", clip)


def _part(tell: Progress, start: int, stop: int) -> Callable[[float], None]:
    """Give a function that is told the share of one stage, which is `start` to `stop` of 100."""
    return lambda share: tell(start + round(share * (stop - start)), 100)
