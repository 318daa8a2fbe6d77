"""Clusters against labels, with answers that are known."""

import numpy as np
import pytest
from sklearn.metrics import silhouette_score

from embedviz.errors import Cancelled, EvaluationError
from embedviz.evaluation import clustering
from embedviz.evaluation.clustering import assigned, clustered, silhouette


def groups(rows=240, kinds=6, apart=4.0, seed=0):
    """Vectors of some kinds, and the name of each row's kind."""
    rng = np.random.default_rng(seed)
    places = apart * rng.normal(size=(kinds, 16))
    kind = np.arange(rows) % kinds
    vectors = places[kind] + rng.normal(size=(rows, 16))
    return vectors.astype(np.float32), [f"kind {number}" for number in kind]


def test_clusters_that_are_the_label_agree_with_it_wholly():
    vectors, labels = groups()
    found = clustered("made", vectors, labels)
    assert [one.method for one in found] == ["HDBSCAN", "k-means", "k-means, best silhouette"]
    for one in found:
        assert one.model == "made"
        assert one.clusters == 6
        assert one.unclustered < 0.05
        assert one.adjusted_rand > 0.95
        assert one.adjusted_mutual_information > 0.95
        assert one.silhouette > 0.5


def test_clusters_that_have_nothing_to_do_with_the_label_are_at_chance():
    vectors, labels = groups()
    shuffled = np.random.default_rng(1).permutation(labels).tolist()
    for one in clustered("made", vectors, shuffled):
        assert abs(one.adjusted_rand) < 0.05
        assert abs(one.adjusted_mutual_information) < 0.05


def test_rows_without_a_label_are_in_clusters_but_not_compared():
    vectors, labels = groups()
    some = [label if row % 3 else "" for row, label in enumerate(labels)]
    found = clustered("made", vectors, some)
    assert [one.clusters for one in found] == [6, 4, 6] or found[1].clusters == len(
        set(some) - {""}
    )
    assert found[0].adjusted_rand > 0.95


def test_the_number_of_clusters_can_be_asked_for_and_the_largest_comes_first():
    vectors, labels = groups()
    order = np.concatenate([np.arange(240), np.flatnonzero(np.arange(240) % 6 == 4)])
    found = assigned(vectors[order], method="k-means", count=6)
    assert np.bincount(found)[0] == 80
    assert set(found[240:]) == {0}
    assert (assigned(vectors, method="k-means", count=6, seed=3) >= 0).all()
    # Every row a cluster is the most there can be; equal rows are one.
    assert assigned(np.ones((5, 3), np.float32), method="k-means", count=4).tolist() == [0] * 5


def test_the_silhouette_is_that_of_scikit_learn_and_drawn_ones_are_near(monkeypatch):
    vectors, _ = groups(300, apart=1.0)
    numbers = np.arange(300) % 6
    wanted = silhouette_score(vectors[3:], numbers[3:], metric="cosine")
    numbers[:3] = -1
    assert silhouette(vectors, numbers) == pytest.approx(wanted, abs=1e-5)
    monkeypatch.setattr(clustering, "MOST_COMPARED", 150)
    assert silhouette(vectors, numbers) == pytest.approx(wanted, abs=0.05)
    assert np.isnan(silhouette(vectors, np.zeros(300, np.int64)))


def test_rows_that_are_all_alike_have_no_clusters():
    found = clustered("made", np.ones((40, 4), np.float32), ["a", "b"] * 20)
    assert [one.clusters for one in found] == [0, 1, 1]
    assert found[0].unclustered == 1
    assert all(np.isnan(one.silhouette) for one in found)
    assert all(one.adjusted_rand == 0 for one in found)


def test_what_cannot_be_clustered_is_refused_and_the_work_can_be_stopped():
    vectors, labels = groups(60)
    with pytest.raises(EvaluationError, match="not one of HDBSCAN, k-means"):
        assigned(vectors, method="birch")
    with pytest.raises(EvaluationError, match="Found 0 clusters"):
        assigned(vectors, method="k-means", count=0)

    def stop(done, total):
        assert total == 100
        raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        clustered("made", vectors, labels, progress=stop)
