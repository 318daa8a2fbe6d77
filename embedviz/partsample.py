"""Some rows of a set in parts as a set in memory; the others are not unpacked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa

from embedviz import partfiles
from embedviz.data import EmbeddingSet
from embedviz.large import RowArray
from embedviz.partitioned import Partitioned
from embedviz.projector.sampling import drawn_by, stratum_among
from embedviz.unpacked import Array, Progress


def sampled_parts(
    partitioned: Partitioned, count: int, progress: Progress | None = None
) -> EmbeddingSet:
    """Give `count` rows of a set in parts in their order, every label with its share.

    Parameters
    ----------
    partitioned
        N rows; where N is not above `count`, all of them are given, in memory.
    count
        How many rows to keep.
    progress
        Called with (rows passed, N); raising from it stops the work.

    Returns
    -------
    EmbeddingSet
        It knows of the recordings that its rows are from, and of N as `sampled_from`.

    Raises
    ------
    SetError
        If a part cannot be read, or does not belong to the others.
    """
    made = partitioned.provenance  # first, because it refuses what does not belong together
    chosen = _drawn(partitioned, count)
    tables, vectors, pictures, start = [], [], [], 0
    for name, rows in partitioned.rows_of.items():
        own = chosen[(chosen >= start) & (chosen < start + rows)] - start
        where, shape = partitioned.where, partitioned.thumbnail
        tables.append(partfiles.table(where, name, partitioned.column_names).take(pa.array(own)))
        vectors += _picked(partfiles.vectors(where, name), own)
        if shape is not None:
            pictures += _picked(partfiles.thumbnails(where, name, shape), own)
        start += rows
        if progress is not None:
            progress(start, partitioned.rows)
    frame = partfiles.joined(tables, made.label_columns, partitioned.where.address)
    projection = partitioned.projection()
    if projection is not None:
        projection = replace(projection, coordinates=projection.coordinates[chosen])
    if count < partitioned.rows:
        heard = {name: made.recordings[name] for name in frame["recording"].unique()}
        made = replace(made, recordings=heard, sampled_from=partitioned.rows)
    return EmbeddingSet(
        table=frame,
        vectors=np.concatenate(vectors),
        provenance=made,
        thumbnails=np.concatenate(pictures) if pictures else None,
        projection=projection,
    )


def _drawn(partitioned: Partitioned, count: int) -> RowArray:
    """Draw the rows, in rising order."""
    if count >= partitioned.rows:
        return np.arange(partitioned.rows)
    by = stratum_among(partitioned.provenance.label_columns)
    return drawn_by(partitioned.columns([by])[by] if by else np.zeros(partitioned.rows), count)


def _picked(blocks: Iterator[Array], rows: RowArray) -> list[Array]:
    """Give these rows (n,), in rising order, of what comes in blocks."""
    found, start = [], 0
    for block in blocks:
        found.append(block[rows[(rows >= start) & (rows < start + len(block))] - start])
        start += len(block)
    return found
