import numpy as np
import pytest

from embedviz.errors import Cancelled, ProjectionError
from embedviz.trust import kept_neighbours, local_density


def random(rows, dims, seed=0):
    return np.random.default_rng(seed).normal(size=(rows, dims)).astype(np.float32)


def nearest(apart, k):
    np.fill_diagonal(apart, np.inf)
    return [set(row[:k]) for row in apart.argsort(axis=1).tolist()]


def test_a_map_of_all_that_the_vectors_hold_keeps_all_neighbours():
    vectors = random(200, 3)
    assert kept_neighbours(vectors, vectors, metric="euclidean").tolist() == [1] * 200
    # A larger, turned and moved map is the same map.
    turned = 40 * vectors[:, [2, 0, 1]] - 7
    assert kept_neighbours(vectors, turned, metric="euclidean").mean() > 0.999


@pytest.mark.parametrize("k", [1, 10, 60])
@pytest.mark.parametrize("dims", [2, 3])
def test_the_share_is_that_of_a_count_by_hand(k, dims):
    vectors = random(120, 6)
    coordinates = vectors[:, :dims]
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    true = nearest(1 - units @ units.T, k)
    near = nearest(np.linalg.norm(coordinates[:, None] - coordinates, axis=2), k)
    by_hand = [len(one & other) / k for one, other in zip(true, near, strict=True)]
    found = kept_neighbours(vectors, coordinates, k=k)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, by_hand, atol=1e-6)
    assert 0.02 < np.mean(by_hand) < 0.8


def test_a_map_that_knows_nothing_keeps_what_chance_gives():
    found = kept_neighbours(random(500, 8), random(500, 2, seed=1), k=20)
    assert found.mean() == pytest.approx(20 / 499, rel=0.2)


def test_a_map_with_all_rows_in_one_place_keeps_what_chance_gives():
    found = kept_neighbours(random(300, 8), np.full((300, 2), 3.5, np.float32))
    np.testing.assert_allclose(found, 10 / 299, rtol=1e-5)


def test_rows_that_share_a_place_count_with_their_chance_whatever_their_order():
    vectors = random(240, 4)
    coordinates = np.repeat(random(16, 2), 15, axis=0)
    found = kept_neighbours(vectors, coordinates)
    order = np.random.default_rng(2).permutation(240)
    again = kept_neighbours(vectors[order], coordinates[order])
    np.testing.assert_allclose(again, found[order], atol=1e-6)
    # The mean of many draws, each with a little noise to tell the rows of a place apart.
    rng = np.random.default_rng(3)
    drawn = [
        kept_neighbours(vectors, coordinates + rng.normal(scale=1e-4, size=(240, 2)))
        for _ in range(60)
    ]
    np.testing.assert_allclose(np.mean(drawn, axis=0), found, atol=0.15)
    assert np.mean(drawn) == pytest.approx(found.mean(), abs=0.005)


def test_of_duplicates_any_is_as_good_a_neighbour_as_another():
    """A pile of silence that lies together on the map has lost nothing."""
    vectors = random(200, 3)
    vectors[:80] = 0
    vectors[80:130] = vectors[80]
    # Near the 50 copies, which of them is nearest is as open.
    vectors[130] = 1.001 * vectors[80] + 0.001
    coordinates = vectors + 1e-4 * random(200, 3, seed=1)
    found = kept_neighbours(vectors, coordinates, metric="euclidean")
    assert found[:131].tolist() == [1] * 131
    found = kept_neighbours(vectors, random(200, 3, seed=2), metric="euclidean")
    assert found[:80].mean() == pytest.approx(79 / 199, abs=0.05)


def test_windows_that_are_all_equal_have_nothing_to_lose():
    assert kept_neighbours(np.ones((50, 4), np.float32), random(50, 2)).tolist() == [1] * 50


def test_few_rows_have_fewer_neighbours():
    for rows in (1, 2, 3, 11):
        found = kept_neighbours(random(rows, 4), random(rows, 2, seed=1))
        assert found.tolist() == [1] * rows
    assert kept_neighbours(random(12, 4), random(12, 2, seed=1)).min() < 1


def test_a_map_of_other_rows_is_refused():
    with pytest.raises(ProjectionError, match="9 points are no map of 10 rows"):
        kept_neighbours(random(10, 4), random(9, 2))


def test_the_densest_row_is_at_one_and_the_loneliest_at_zero():
    rng = np.random.default_rng(0)
    distance = np.sort(rng.exponential(size=400))
    angles = rng.uniform(0, 2 * np.pi, 400)
    vectors = distance[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    found = local_density(vectors.astype(np.float32), metric="euclidean")
    assert found.dtype == np.float32
    assert found.min() == 0
    assert found.max() == 1
    assert found.argmax() < 200
    assert found.argmin() > 380
    np.testing.assert_allclose(np.sort(found), np.linspace(0, 1, 400), atol=1e-6)


def test_density_is_the_rank_of_the_mean_distance_to_the_nearest():
    vectors = random(60, 5)
    apart = np.linalg.norm(vectors[:, None].astype(float) - vectors, axis=2)
    mean = np.sort(apart, axis=1)[:, 1:8].mean(axis=1)
    by_hand = [(mean > own).sum() / 59 for own in mean]
    found = local_density(vectors, k=7, metric="euclidean")
    np.testing.assert_allclose(found, by_hand, atol=1e-6)


def test_rows_that_lie_as_densely_share_a_rank():
    pile = np.repeat(random(1, 4), 30, axis=0)
    found = local_density(np.concatenate([pile, 5 + random(10, 4, seed=1)]), metric="euclidean")
    np.testing.assert_allclose(found[:30], (10 + 29 / 2) / 39, atol=1e-6)
    assert found[30:].max() < found[0]
    assert local_density(np.ones((7, 4), np.float32)).tolist() == [0.5] * 7


def test_one_and_two_rows_lie_in_the_middle():
    assert local_density(random(1, 4)).tolist() == [0.5]
    assert local_density(random(2, 4)).tolist() == [0.5, 0.5]


@pytest.mark.parametrize("asked", ["trust", "density"])
def test_a_search_says_how_far_it_is_and_can_be_stopped(asked):
    vectors = random(40, 4)

    def ask(progress):
        if asked == "density":
            return local_density(vectors, progress=progress)
        return kept_neighbours(vectors, vectors[:, :2], progress=progress)

    def stop(done, total):
        raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        ask(stop)
    told = []
    ask(lambda *both: told.append(both))
    assert told == [(40, 40)]
