import numpy as np
import pytest
from sklearn.cluster import HDBSCAN
from sklearn.metrics import adjusted_rand_score

from embedviz import merges
from embedviz.clusters import cluster_names, cluster_places, clusters, least_rows
from embedviz.errors import Cancelled, ProjectionError
from embedviz.neighbours import METRICS

STRANGERS = -1


def kinds_of_sound(sizes, dims=8, strangers=0, spread=0.15, seed=0):
    """Give rows around as many centres as sizes, rows of no kind, and the kind of each."""
    rng = np.random.default_rng(seed)
    kinds = np.repeat(np.arange(len(sizes)), sizes)
    centres = rng.normal(size=(len(sizes), dims))
    rows = centres[kinds] + spread * rng.normal(size=(len(kinds), dims))
    others = rng.normal(size=(strangers, dims))
    kinds = np.append(kinds, np.full(strangers, STRANGERS))
    return np.concatenate([rows, others]).astype(np.float32), kinds


@pytest.fixture
def on_the_graph(monkeypatch):
    """Take every set for one that is too large for a table of all distances."""
    monkeypatch.setattr(merges, "TABLE_ROWS", dict.fromkeys(METRICS, 0))


@pytest.fixture(params=["table", "graph"])
def either_way(request):
    """Search once by all distances and once on the nearest neighbours."""
    if request.param == "graph":
        request.getfixturevalue("on_the_graph")


@pytest.mark.usefixtures("either_way")
def test_sounds_of_a_kind_are_a_cluster_and_the_largest_comes_first():
    vectors, kinds = kinds_of_sound([40, 90, 60], dims=32, strangers=15)
    labels = clusters(vectors)
    assert labels.dtype == np.int32
    assert [int(np.median(labels[kinds == kind])) for kind in range(3)] == [2, 0, 1]
    assert np.mean(labels[kinds == STRANGERS] == -1) > 0.7
    assert adjusted_rand_score(kinds, labels) > 0.95


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "manhattan"])
def test_some_thousand_rows_have_exactly_the_clusters_of_scikit_learn(metric):
    vectors, _ = kinds_of_sound([40, 90, 60, 20], strangers=80, spread=0.4)
    labels = clusters(vectors, metric=metric)
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    search = HDBSCAN(
        min_cluster_size=least_rows(len(vectors)),
        min_samples=3,
        metric="manhattan" if metric == "manhattan" else "euclidean",
        copy=True,
    )
    expected = search.fit_predict(units if metric == "cosine" else vectors)
    assert expected.max() >= 2
    assert adjusted_rand_score(expected, labels) == 1
    np.testing.assert_array_equal(expected == -1, labels == -1)


def test_the_nearest_neighbours_of_a_large_set_tell_nearly_the_same(monkeypatch):
    vectors, _ = kinds_of_sound([300, 200, 150, 100, 60], dims=16, strangers=250, spread=0.35)
    exact = clusters(vectors)
    monkeypatch.setattr(merges, "TABLE_ROWS", dict.fromkeys(METRICS, 0))
    assert adjusted_rand_score(exact, clusters(vectors)) > 0.97


@pytest.mark.usefixtures("on_the_graph")
@pytest.mark.parametrize("delegates", [8192, 40, 3])
def test_a_graph_in_parts_has_the_clusters_of_each_part(monkeypatch, delegates):
    """Piles of more rows than the graph has neighbours are not linked to each other at all."""
    monkeypatch.setattr(merges, "_DELEGATES", delegates)
    vectors, kinds = kinds_of_sound([80, 70, 60, 50, 45, 40], spread=0.0001)
    np.testing.assert_array_equal(clusters(vectors), kinds)


@pytest.mark.usefixtures("on_the_graph")
@pytest.mark.parametrize("delegates", [8192, 12])
def test_parts_of_a_graph_that_lie_near_each_other_are_one_cluster(monkeypatch, delegates):
    """Two piles side by side, each too small for a cluster, far from a third."""
    monkeypatch.setattr(merges, "_DELEGATES", delegates)
    vectors, kinds = kinds_of_sound([40, 40, 100], spread=0)
    vectors[kinds == 1] = 1.02 * vectors[0]
    vectors[kinds == 1, 0] += 0.01
    labels = clusters(vectors, metric="euclidean", least=60)
    assert labels.tolist() == [1] * 80 + [0] * 100


def test_the_same_vectors_have_the_same_clusters_in_any_order():
    vectors, _ = kinds_of_sound([40, 90, 60], strangers=15, spread=0.3)
    labels = clusters(vectors)
    np.testing.assert_array_equal(clusters(vectors), labels)
    order = np.random.default_rng(1).permutation(len(vectors))
    np.testing.assert_array_equal(clusters(vectors[order]), labels[order])


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_rows_that_are_all_equal_are_in_no_cluster(metric, value):
    for rows in (2, 30, 200):
        vectors = np.full((rows, 8), value, np.float32)
        assert set(clusters(vectors, metric=metric).tolist()) == {-1}


@pytest.mark.usefixtures("either_way")
def test_the_order_of_equal_distances_makes_no_clusters():
    """Of rows in a line, each as far from the next, no stretch is denser than another."""
    line = np.arange(300, dtype=np.float32)[:, np.newaxis]
    assert set(clusters(line, metric="euclidean").tolist()) == {-1}


@pytest.mark.parametrize("rows", [1, 2, 3, 4])
def test_a_handful_of_rows_has_no_clusters(rows):
    vectors, _ = kinds_of_sound([rows])
    assert clusters(vectors).tolist() == [-1] * rows


@pytest.mark.usefixtures("either_way")
def test_silence_and_copies_of_a_sound_are_clusters():
    vectors, _ = kinds_of_sound([40, 40, 40])
    vectors[:40] = 0
    vectors[40:80] = np.arange(1, 41)[:, np.newaxis] * vectors[40]
    labels = clusters(vectors)
    assert [len(set(labels[start : start + 40].tolist())) for start in (0, 40)] == [1, 1]
    assert len({-1, *labels.tolist()}) == 4


def test_a_cluster_has_at_least_the_rows_asked_for():
    vectors, _ = kinds_of_sound([40, 90, 60])
    for least, count in ((30, 3), (50, 2), (96, 0)):
        labels = clusters(vectors, least=least)
        sizes = np.bincount(labels[labels >= 0])
        assert len(sizes) == count
        assert (sizes >= least).all()
    with pytest.raises(ProjectionError, match="least is 1; a cluster has 2 rows or more"):
        clusters(vectors, least=1)


def test_the_least_rows_of_a_cluster_grow_with_the_set_within_bounds():
    assert [least_rows(rows) for rows in (1, 12, 40, 900, 3000, 10_000, 1_000_000)] == [
        2,
        3,
        10,
        10,
        30,
        100,
        100,
    ]


def test_vectors_that_cannot_be_compared_are_refused():
    with pytest.raises(ProjectionError, match="1 of 3 vectors hold NaN"):
        clusters(np.array([[1, 2], [np.nan, 1], [3, 4]], np.float32))
    with pytest.raises(ProjectionError, match="'dice' is not one of"):
        clusters(np.ones((3, 2), np.float32), metric="dice")


@pytest.mark.usefixtures("either_way")
def test_the_search_says_how_far_it_is_and_can_be_stopped(monkeypatch):
    monkeypatch.setattr(merges, "_BLOCK", 50)
    vectors, _ = kinds_of_sound([60, 90])
    told = []
    clusters(vectors, progress=lambda *both: told.append(both))
    assert told[0] == (0, 100)
    assert told[-1] == (100, 100)
    assert told == sorted(told)
    assert len(told) >= 5

    def stop(done, total):
        if done > 60:
            raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        clusters(vectors, progress=stop)


def test_a_cluster_is_named_by_what_more_than_half_of_its_rows_are():
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 3, 3, -1, -1, -1], np.int32)
    label = ["rain"] * 3 + ["dog"] + ["dog", "dog", "sea", "sea"] + ["", "", "sea", None, np.nan]
    top = ["Water"] * 4 + ["Bark", "Bark", "Bark", "Sea"] + ["Sea"] * 3 + ["", ""]
    columns = {"label": [*label, *"xxx"], "top_class": [*top, *"xxx"]}
    assert cluster_names(labels, columns) == {0: "rain", 1: "Bark", 2: "Sea"}
    assert cluster_names(labels, columns, share=0.75) == {0: "Water", 2: "Sea"}
    assert cluster_names(labels, {}) == {}
    assert cluster_names(np.full(3, -1, np.int32), {"label": ["a", "a", "a"]}) == {}


def test_the_name_of_a_cluster_stands_on_one_of_its_rows():
    ring = np.stack([np.cos(np.arange(12)), np.sin(np.arange(12))], axis=1)
    coordinates = np.concatenate([ring, ring + 20, [[500, 0]], [[-9, -9]]]).astype(np.float32)
    labels = np.repeat([1, 0, 0, -1], [12, 12, 1, 1]).astype(np.int32)
    places = cluster_places(labels, coordinates)
    assert sorted(places) == [0, 1]
    for cluster, place in places.items():
        inside = coordinates[labels == cluster]
        assert (inside == place).all(axis=1).any()
        assert np.linalg.norm(place - np.median(inside, axis=0)) < 1.5
    assert cluster_places(labels, np.repeat(coordinates, [1, 2], axis=1))[0].shape == (3,)
    assert cluster_places(np.full(26, -1, np.int32), coordinates) == {}
