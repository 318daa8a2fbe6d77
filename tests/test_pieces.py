"""Pieces of a stream join to the stream; convolutions in other shapes give the same sums."""

import numpy as np
import pytest

from embedviz.pieces import pieces
from embedviz.spool import Spool


@pytest.mark.parametrize("rows", [0, 1, 9, 30, 36, 37, 41, 100, 1003])
@pytest.mark.parametrize("block", [1, 7, 50, 2000])
def test_what_counts_in_the_pieces_is_the_stream(rows, block):
    stream = np.arange(2.0 * rows, dtype=np.float32).reshape(-1, 2)
    blocks = [stream[begin : begin + block] for begin in range(0, rows, block)]
    step, own, context = 3, 10, 2
    cut = list(pieces(blocks, step, own=own, context=context))
    assert [piece.last for piece in cut] == [False] * (len(cut) - 1) + [True]
    assert [piece.first for piece in cut] == [own * number for number in range(len(cut))]
    counted = [piece.rows[piece.counted_by(step)] for piece in cut]
    assert np.array_equal(np.concatenate(counted).reshape(-1, 2), stream)
    for piece in cut:
        assert piece.counted.start == min(context, piece.first)
        if not piece.last:
            assert len(piece.rows) == (piece.counted.stop + context) * step


def test_a_spool_gives_its_rows_again_and_knows_the_largest(monkeypatch):
    monkeypatch.setattr("embedviz.spool.IN_MEMORY_BYTES", 1000)
    rows = np.random.default_rng(0).normal(-50, 3, (70_000, 7)).astype(np.float32)
    with Spool(np.split(rows, [1, 2, 900])) as kept:
        assert kept.largest == rows.max()
        for _ in range(2):
            assert np.array_equal(np.concatenate(list(kept)), rows)


@pytest.fixture(scope="module")
def maps():
    return np.random.default_rng(1).normal(size=(3, 37, 2, 5)).astype(np.float32)


def sums_by_hand(maps: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """3 x 3 sums over maps with a border of zeros, then ReLU."""
    _, rows, places, _ = maps.shape
    bordered = np.pad(maps, [(0, 0), (1, 1), (1, 1), (0, 0)])
    sums = sum(
        bordered[:, i : i + rows, j : j + places] @ kernel[i, j] for i in range(3) for j in range(3)
    )
    return np.maximum(sums + bias, 0)


@pytest.mark.parametrize("rows", [1, 2, 15, 16, 17, 37])
def test_a_tall_map_in_pieces_gives_the_same_sums(maps, rows):
    from embedviz.engine import tf
    from embedviz.networks.convolutions import TallConv2D

    layer = TallConv2D(4, 3, padding="same", activation="relu")
    layer.build((None, None, 2, 5))
    kernel = np.random.default_rng(2).normal(size=(3, 3, 5, 4)).astype(np.float32)
    bias = np.arange(4, dtype=np.float32)
    layer.set_weights([kernel, bias])
    for batch in (1, None):
        traced = tf.function(layer, input_signature=[tf.TensorSpec((batch, None, 2, 5))])
        heard = traced(maps[: batch or 3, :rows]).numpy()
        wanted = sums_by_hand(maps[: batch or 3, :rows], kernel, bias)
        np.testing.assert_allclose(heard, wanted, atol=1e-4)


def test_pairs_of_places_give_the_same_sums(maps):
    from embedviz.networks.convolutions import SPARE, NarrowConv2D, pair_kernel, with_spare

    kernel = np.random.default_rng(2).normal(size=(3, 3, 5, 4)).astype(np.float32)
    bias = np.arange(4, dtype=np.float32)
    layer = NarrowConv2D(2 * 4 + SPARE, (3, 1), padding="same", activation="relu")
    layer.build((None, None, 1, 10))
    layer.set_weights([with_spare(pair_kernel(kernel)), with_spare(np.tile(bias, 2))])
    heard = np.asarray(layer(maps.reshape(3, 37, 1, 10)))
    assert (heard[..., 8:] == 0).all()
    wanted = sums_by_hand(maps, kernel, bias)
    np.testing.assert_allclose(heard[..., :8].reshape(3, 37, 2, 4), wanted, atol=1e-4)
