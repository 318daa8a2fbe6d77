from __future__ import annotations

import gc

import numpy as np
import pytest

from embedviz import neighbours, similar
from embedviz.errors import ProjectionError


def random(rows, dims, seed=0):
    return np.random.default_rng(seed).normal(size=(rows, dims)).astype(np.float32)


def clustered():
    """As sets are: clusters, exact duplicates, louder duplicates, digital silence."""
    vectors = random(700, 24)
    vectors[:200] += 5
    vectors[300:305] = vectors[10]
    vectors[305:308] = 3 * vectors[10]
    vectors[400:404] = 0
    return vectors


@pytest.mark.parametrize("row", [0, 10, 250, 301, 306, 400, 402, 699])
def test_the_nearest_are_those_of_the_neighbour_graph(row):
    vectors = clustered()
    rows, distances = similar.nearest(vectors, row, k=20)
    expected, expected_distances = neighbours.nearest(vectors, row, k=20)
    np.testing.assert_allclose(distances, expected_distances, atol=2e-7)
    # Which of many equally far rows the graph gives is chance.
    if row not in (400, 402):
        np.testing.assert_array_equal(rows, expected)
    assert row not in rows


def test_duplicates_come_first_at_exactly_0_by_row_number():
    rows, distances = similar.nearest(clustered(), 302, k=9)
    assert rows[:8].tolist() == [10, 300, 301, 303, 304, 305, 306, 307]
    assert distances[:8].tolist() == [0] * 8
    assert distances[8] > 0


def test_equally_near_rows_are_ordered_by_number():
    # More of them than are asked for, in blocks of their own.
    vectors = np.tile(random(2, 512), (900, 1))
    rows, distances = similar.nearest(vectors, 1, k=1200)
    odd, even = np.arange(1, 1800, 2), np.arange(0, 1800, 2)
    assert rows.tolist() == [*odd[1:], *even[: 1200 - 899]]
    assert len(set(distances[899:].tolist())) == 1


def test_silence_is_at_0_from_silence_and_1_from_all_else():
    rows, distances = similar.nearest(clustered(), 402, k=5)
    assert rows.tolist() == [400, 401, 403, 0, 1]
    assert distances.tolist() == [0, 0, 0, 1, 1]
    rows, distances = similar.nearest(clustered(), 0, k=699)
    assert set(distances[np.isin(rows, [400, 401, 402, 403])].tolist()) == {1.0}


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_extreme_values_have_the_same_neighbours(scale):
    vectors = random(50, 8)
    scaled = (vectors.astype(np.float64) * scale).astype(np.float32)
    rows, distances = similar.nearest(scaled, 3, k=10)
    expected, expected_distances = similar.nearest(vectors, 3, k=10)
    np.testing.assert_array_equal(rows, expected)
    np.testing.assert_allclose(distances, expected_distances, atol=1e-6)


def test_there_are_at_most_all_rows():
    vectors = random(5, 3)
    assert len(similar.nearest(vectors, 0, k=100)[0]) == 4
    assert sorted(similar.most_similar(vectors, 2, k=100).tolist()) == [0, 1, 2, 3, 4]
    assert similar.nearest(random(1, 3), 0, k=5)[0].tolist() == []


def test_the_most_similar_are_the_row_itself_and_its_nearest():
    vectors = clustered()
    rows = similar.most_similar(vectors, 303, k=6).tolist()
    assert rows == [303, *similar.nearest(vectors, 303, k=5)[0]]


@pytest.mark.parametrize("distance", [0.0, 0.05, 0.3, 1.0, 2.0])
def test_all_rows_within_a_distance_are_found(distance):
    vectors = clustered()
    rows = similar.within(vectors, 303, distance=distance)
    others, distances = similar.nearest(vectors, 303, k=699)
    assert rows.tolist() == [303, *others[distances <= distance]]


def test_the_distance_that_a_neighbour_is_shown_at_takes_it_in():
    vectors = clustered()
    rows, distances = similar.nearest(vectors, 5, k=30)
    found = similar.within(vectors, 5, distance=float(distances[-1]))
    assert found.tolist() == [5, *rows]


def test_other_vectors_are_not_taken_for_those_before():
    for seed in range(20):
        # The array before is gone, and its place in memory is given away again.
        vectors = random(40, 6, seed)
        expected = neighbours.nearest(vectors, 3, k=5)[0]
        np.testing.assert_array_equal(similar.nearest(vectors, 3, k=5)[0], expected)


def test_nothing_is_kept_of_vectors_that_nobody_holds():
    gc.collect()
    before = len(similar._LENGTHS)
    vectors = random(40, 6)
    similar.nearest(vectors, 0, k=3)
    assert len(similar._LENGTHS) == before + 1
    del vectors
    gc.collect()
    assert len(similar._LENGTHS) == before


def test_the_lengths_of_a_set_are_read_once(monkeypatch):
    vectors = random(40, 6)
    similar.nearest(vectors, 0, k=3)
    monkeypatch.setattr(np, "isfinite", None)
    similar.nearest(vectors, 1, k=3)


@pytest.mark.parametrize("row", [-1, 40])
def test_a_row_that_is_not_there_is_refused(row):
    with pytest.raises(ProjectionError, match="the set has rows 0 to 39"):
        similar.nearest(random(40, 6), row, k=3)


def test_broken_vectors_are_refused():
    vectors = random(40, 6)
    vectors[3, 2] = np.nan
    vectors[5, 0] = np.inf
    with pytest.raises(ProjectionError, match="2 of 40 vectors hold NaN or infinity"):
        similar.nearest(vectors, 0, k=3)
