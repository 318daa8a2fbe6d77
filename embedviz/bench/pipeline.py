"""The whole way from files to rows, with nothing kept from before."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from embedviz.data import EmbeddingSet, Recording
from embedviz.embed import embed
from embedviz.model import Model, Per


def end_to_end(
    model: Model, recordings: Sequence[Recording], folder: Path, *, per: Per = "window"
) -> EmbeddingSet:
    """Make a set as `embedviz embed` does, with an empty cache below `folder`.

    The variable EMBEDVIZ_CACHE of this process is another one meanwhile.
    """
    with TemporaryDirectory(dir=folder) as kept, _cache_in(kept):
        return embed(recordings, model, per=per)


@contextmanager
def _cache_in(folder: str) -> Iterator[None]:
    before = os.environ.get("EMBEDVIZ_CACHE")
    os.environ["EMBEDVIZ_CACHE"] = folder
    try:
        yield
    finally:
        if before is None:
            del os.environ["EMBEDVIZ_CACHE"]
        else:
            os.environ["EMBEDVIZ_CACHE"] = before
