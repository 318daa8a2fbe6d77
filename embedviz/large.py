"""Sets with more rows than are worth working on at once: the limit, the blocks and the sample."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from embedviz.data import EmbeddingSet, Projection

LARGE_ROWS = 200_000
"""Above so many rows, UMAP and t-SNE see a sample, and nothing holds all vectors in memory."""
FIT_ROWS = {"umap": 50_000, "tsne": 20_000, "pca": 20_000}
"""The rows of the sample; PCA needs one of vectors that are too wide for their covariance."""
BLOCK_ROWS = 16_384
BLOCK_VALUES = 1 << 24
"""A block holds at most so many rows and numbers: 64 MB in float32."""

RowArray = npt.NDArray[np.int64]


def is_large(rows: int) -> bool:
    """Tell whether a set of so many rows is worked on in blocks."""
    return rows > LARGE_ROWS


def blocks(shape: tuple[int, ...]) -> Iterator[slice]:
    """Give the stretches of rows of vectors (N, D) that are worked on one after the other."""
    rows, width = shape
    step = max(1, min(BLOCK_ROWS, BLOCK_VALUES // width))
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))


def drawn(embedding_set: EmbeddingSet, count: int, seed: int) -> RowArray:
    """Draw `count` row numbers in rising order; the first label column keeps its shares."""
    from embedviz.projector.sampling import drawn_by, stratum_of

    by = stratum_of(embedding_set)
    values = embedding_set.table[by] if by else np.zeros(len(embedding_set))
    return drawn_by(values, count, seed=seed)


def drawn_evenly(rows: int, count: int, seed: int) -> RowArray:
    """Draw `count` of `rows` row numbers in rising order, by their number alone."""
    from embedviz.projector.sampling import stratified

    return stratified(np.zeros(rows, np.int64), min(count, rows), seed=seed)


def sampled_words(embedding_set: EmbeddingSet) -> str | None:
    """Say of how many rows a set is a sample; None if it is none."""
    whole = embedding_set.provenance.sampled_from
    return None if whole is None else f"A sample of {len(embedding_set):,} of {whole:,} points."


def fitted_words(projection: Projection) -> str | None:
    """Say that a map is that of a sample and what became of the other rows; None if of all."""
    fitted = projection.settings.get("fitted_rows")
    if fitted is None:
        return None
    sample = f"a sample of {fitted:,} rows"
    if projection.method == "pca":
        return f"PCA found its axes in {sample} and measured all others along them."
    if projection.method == "umap":
        return f"UMAP laid out {sample} and placed all others among them."
    return (
        f"t-SNE laid out {sample}; all others lie at the mean of their nearest ones, because t-SNE "
        "cannot place new rows."
    )
