from types import SimpleNamespace

import numpy as np
import pytest
from scipy.spatial.distance import cdist

import embedviz.neighbours as module
from embedviz.errors import ProjectionError
from embedviz.neighbours import METRICS, cached_neighbours, nearest, neighbours

# One worker compiles what Numba compiles, and not each of them.
pytestmark = pytest.mark.xdist_group("maps")

PLAIN = {"manhattan": "cityblock"}


@pytest.fixture
def searches(monkeypatch):
    """The number of neighbours of every search that was really made."""
    made = []

    def counted(vectors, *, k, metric, progress):
        made.append(k)
        return neighbours(vectors, k=k, metric=metric, progress=progress)

    monkeypatch.setattr(module, "neighbours", counted)
    return made


def random(rows: int, dims: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, dims)).astype(np.float32)


@pytest.mark.parametrize("metric", METRICS)
def test_the_nearest_rows_are_those_of_a_full_distance_table(metric):
    vectors = random(60, 12)
    table = cdist(vectors, vectors, PLAIN.get(metric, metric))
    np.fill_diagonal(table, 0)
    graph = neighbours(vectors, k=9, metric=metric)
    assert graph.indices.dtype == np.int32
    assert graph.distances.dtype == np.float32
    assert graph.metric == metric
    np.testing.assert_array_equal(graph.indices, np.argsort(table, axis=1)[:, :9])
    np.testing.assert_allclose(graph.distances, np.sort(table, axis=1)[:, :9], atol=1e-5)


@pytest.mark.parametrize("metric", METRICS)
def test_every_row_comes_first_among_its_own_neighbours_even_among_many_duplicates(metric):
    vectors = np.concatenate([np.repeat(random(1, 8), 200, axis=0), random(50, 8, seed=1)])
    graph = neighbours(vectors, k=15, metric=metric)
    np.testing.assert_array_equal(graph.indices[:, 0], np.arange(250))
    assert not graph.distances[:, 0].any()
    assert not graph.distances[:200].any(), "duplicates lie at exactly 0"
    for row in graph.indices:
        assert len(set(row.tolist())) == 15


def test_a_louder_copy_of_a_sound_lies_at_cosine_distance_zero():
    vectors = random(20, 8)
    graph = neighbours(np.concatenate([vectors, 3 * vectors]), k=2)
    np.testing.assert_array_equal(graph.indices[:20, 1], np.arange(20, 40))
    assert not graph.distances.any()


@pytest.mark.parametrize(("metric", "without_direction"), [("cosine", 0.0), ("correlation", 0.5)])
def test_digital_silence_is_apart_from_sounds_and_together_with_silence(metric, without_direction):
    vectors = np.concatenate([random(4, 8), np.full((2, 8), without_direction, np.float32)])
    graph = neighbours(vectors, k=6, metric=metric)
    table = np.empty((6, 6), np.float32)
    np.put_along_axis(table, graph.indices, graph.distances, axis=1)
    assert not table[4:, 4:].any()
    np.testing.assert_allclose(table[4:, :4], 1, atol=1e-6)
    np.testing.assert_allclose(table[:4, 4:], 1, atol=1e-6)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
@pytest.mark.parametrize("metric", ["cosine", "correlation"])
def test_very_small_and_very_large_vectors_keep_their_directions(metric, scale):
    vectors = random(30, 8)
    plain = neighbours(vectors, metric=metric)
    scaled = neighbours(vectors * np.float32(scale), metric=metric)
    np.testing.assert_array_equal(scaled.indices, plain.indices)
    np.testing.assert_allclose(scaled.distances, plain.distances, atol=1e-6)


def test_a_small_set_has_all_of_its_rows_as_neighbours():
    assert neighbours(random(3, 5), k=15).indices.shape == (3, 3)
    assert neighbours(random(1, 5), k=15).indices.tolist() == [[0]]


def test_vectors_that_cannot_be_compared_are_refused_with_the_reason():
    broken = random(5, 4)
    broken[[1, 3], 2] = np.nan, np.inf
    with pytest.raises(ProjectionError, match="2 of 5 vectors hold NaN or infinity"):
        neighbours(broken)
    with pytest.raises(ProjectionError, match="'dice' is not one of cosine, .*correlation"):
        neighbours(random(5, 4), metric="dice")
    with pytest.raises(ProjectionError, match=r"\(0, 4\): there is nothing to compare"):
        neighbours(random(0, 4))
    with pytest.raises(ProjectionError, match="k is 0"):
        neighbours(random(5, 4), k=0)


@pytest.mark.parametrize("metric", METRICS)
def test_the_most_similar_rows_agree_with_the_graph_and_leave_out_the_row_itself(metric):
    vectors = random(50, 8)
    vectors[9] = vectors[3]
    graph = neighbours(vectors, k=6, metric=metric)
    for row in (0, 3, 49):
        indices, distances = nearest(vectors, row, k=5, metric=metric)
        np.testing.assert_array_equal(indices, graph.indices[row, 1:])
        np.testing.assert_allclose(distances, graph.distances[row, 1:], rtol=1e-5)
    assert nearest(vectors, 3, k=1, metric=metric)[0].tolist() == [9]


def test_the_most_similar_rows_of_a_small_set_are_all_others():
    assert len(nearest(random(4, 3), 0, k=10)[0]) == 3
    assert len(nearest(random(1, 3), 0)[0]) == 0
    with pytest.raises(ProjectionError, match="Row 4 was asked for; the set has rows 0 to 3"):
        nearest(random(4, 3), 4)


def test_a_search_reports_its_rows_and_can_be_stopped(monkeypatch):
    monkeypatch.setattr(module, "_BLOCK", 20)
    seen = []
    neighbours(random(50, 4), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(20, 50), (40, 50), (50, 50)]

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        neighbours(random(50, 4), progress=stop)


def test_the_same_vectors_are_searched_once_for_any_number_of_neighbours_within_reach(searches):
    vectors = random(150, 6)
    for k in (15, 2, 100, 15):
        graph = cached_neighbours(vectors, k=k)
        expected = neighbours(vectors, k=k)
        np.testing.assert_array_equal(graph.indices, expected.indices)
        np.testing.assert_array_equal(graph.distances, expected.distances)
        assert graph.indices.flags.c_contiguous
    assert searches == [100]
    assert cached_neighbours(vectors, k=120).indices.shape == (150, 120)
    assert searches == [100, 200]


def test_other_vectors_and_other_metrics_are_searched_anew(searches):
    vectors = random(30, 6)
    cached_neighbours(vectors)
    cached_neighbours(vectors, metric="euclidean")
    cached_neighbours(vectors.reshape(60, 3))
    vectors[0, 0] += 1
    cached_neighbours(vectors)
    assert len(searches) == 4


def damage_short(path):
    path.write_bytes(path.read_bytes()[:-200])


def damage_bytes(path):
    content = bytearray(path.read_bytes())
    content[300] ^= 255
    path.write_bytes(content)


def damage_other(path):
    path.write_text("not a graph")


def damage_rows(path):
    with np.load(path) as stored:
        parts = dict(stored)
    parts["indices"][0, 1] = 30
    np.savez(path, **parts)


@pytest.mark.parametrize("damage", [damage_short, damage_bytes, damage_other, damage_rows])
def test_a_damaged_stored_graph_is_searched_again_and_replaced(damage, searches, tmp_path):
    vectors = random(30, 6)
    expected = cached_neighbours(vectors)
    (path,) = (tmp_path / "cache" / "neighbours").iterdir()
    damage(path)
    for _ in range(2):
        np.testing.assert_array_equal(cached_neighbours(vectors).indices, expected.indices)
    assert len(searches) == 2


def test_a_cache_that_cannot_be_written_costs_only_time(monkeypatch, tmp_path):
    file = tmp_path / "a file, not a folder"
    file.touch()
    monkeypatch.setenv("EMBEDVIZ_CACHE", str(file))
    assert cached_neighbours(random(30, 6)).indices.shape == (30, 15)


def test_a_full_disk_leaves_no_half_written_file(monkeypatch, tmp_path):
    def full(file, **arrays):
        file.write(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "savez", full)
    assert cached_neighbours(random(30, 6)).indices.shape == (30, 15)
    assert not list((tmp_path / "cache" / "neighbours").iterdir())


def test_a_large_set_is_searched_approximately_with_the_same_result_each_time(monkeypatch):
    rng = np.random.default_rng(0)
    centres = np.repeat(rng.normal(size=(10, 16)), 60, axis=0)
    vectors = (centres + 0.3 * rng.normal(size=centres.shape)).astype(np.float32)
    vectors[:40] = 0
    exact = neighbours(vectors, k=12)
    monkeypatch.setitem(module.EXACT_ROWS, "cosine", 100)
    graph = neighbours(vectors, k=12)
    again = neighbours(vectors, k=12)
    np.testing.assert_array_equal(graph.indices, again.indices)
    np.testing.assert_array_equal(graph.distances, again.distances)
    np.testing.assert_array_equal(graph.indices[:, 0], np.arange(600))
    assert not graph.distances[:40].any()
    found = [np.intersect1d(*rows).size for rows in zip(graph.indices, exact.indices, strict=True)]
    assert np.mean(found[40:]) > 0.98 * 12
    np.testing.assert_allclose(graph.distances[40:], exact.distances[40:], atol=0.02)


def test_rows_that_the_approximate_search_gives_up_on_are_searched_exactly(monkeypatch):
    vectors = random(50, 6)
    exact = neighbours(vectors, k=5)
    indices, distances = exact.indices.copy(), np.sqrt(2 * exact.distances)
    indices[7, 2:], distances[7, 2:] = -1, np.inf
    indices[8], distances[8] = -1, np.inf

    def search(*arguments, **options):
        return SimpleNamespace(neighbor_graph=(indices, distances))

    monkeypatch.setattr("pynndescent.NNDescent", search)
    monkeypatch.setitem(module.EXACT_ROWS, "cosine", 10)
    graph = neighbours(vectors, k=5)
    np.testing.assert_array_equal(graph.indices, exact.indices)
    np.testing.assert_allclose(graph.distances, exact.distances, atol=1e-6)
