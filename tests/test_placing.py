import json
from dataclasses import replace

import numpy as np
import pytest

from embedviz import placing
from embedviz.data import Projection
from embedviz.errors import ProjectionError
from embedviz.layouts import place_by_umap, weighted_means
from embedviz.neighbours import METRICS, Neighbours, neighbours
from embedviz.placing import _nearest, place
from embedviz.project import project

# One worker compiles what Numba compiles, and not each of them.
pytestmark = pytest.mark.xdist_group("maps")

METHODS = ("umap", "tsne", "pca")


@pytest.fixture
def mapped(make_set):
    """Build a set with a map; in the place of t-SNE's, which takes seconds, with one of PCA."""

    def build(method="umap", rows=80, dims=2, **settings):
        found = make_set(rows=rows)
        made_by = "pca" if method == "tsne" else method
        projection = project(found, made_by, dims=dims, **settings)
        return found.with_projection(replace(projection, method=method))

    return build


def misses(found, coordinates):
    """How far from their own places on the map vectors were placed, as parts of its extent."""
    own = found.projection.coordinates.astype(float)
    return np.linalg.norm(coordinates - own, axis=1) / np.linalg.norm(np.ptp(own, axis=0))


def more_of(found, count, seed=1):
    """New rows of the set's kinds, and the label of each."""
    rng = np.random.default_rng(seed)
    labels = found.table["label"].to_numpy()
    kinds = np.unique(labels)
    centres = np.stack([found.vectors[labels == kind].mean(axis=0) for kind in kinds])
    drawn = rng.integers(0, len(kinds), count)
    noise = rng.normal(size=(count, found.vectors.shape[1]))
    return (centres[drawn] + noise).astype(np.float32), kinds[drawn]


def label_of_nearest(found, coordinates):
    """The label of the row of the map that is nearest to each place."""
    apart = np.linalg.norm(coordinates[:, None] - found.projection.coordinates, axis=2)
    return found.table["label"].to_numpy()[apart.argmin(axis=1)]


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize(("method", "most"), [("umap", 0.03), ("tsne", 1e-4), ("pca", 1e-5)])
def test_the_rows_of_a_set_are_placed_where_they_are(mapped, method, most, dims):
    found = mapped(method, dims=dims)
    placed = place(found, found.vectors)
    assert placed.coordinates.shape == (80, dims)
    assert placed.coordinates.dtype == np.float32
    assert np.median(misses(found, placed.coordinates)) < most


@pytest.mark.parametrize(
    ("method", "metric"), [("umap", "cosine"), ("umap", "euclidean"), ("tsne", "cosine")]
)
def test_new_windows_of_a_kind_land_among_that_kind(make_set, method, metric):
    found = make_set(rows=120)
    found = found.with_projection(project(found, method, metric=metric))
    vectors, labels = more_of(found, 40)
    placed = place(found, vectors)
    assert np.mean(label_of_nearest(found, placed.coordinates) == labels) >= 0.95


@pytest.mark.parametrize("method", METHODS)
def test_the_map_does_not_move_and_the_same_vectors_get_the_same_places(mapped, method):
    found = mapped(method)
    before = found.projection.coordinates.copy()
    vectors, _ = more_of(found, 9)
    first, again = (place(found, vectors).coordinates for _ in range(2))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(found.projection.coordinates, before)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("rows", [1, 2, 3, 14])
def test_one_new_window_has_a_place_on_the_smallest_map(mapped, method, rows):
    found = mapped(method, rows=rows)
    placed = place(found, more_of(found, 1)[0])
    assert placed.coordinates.shape == (1, 2)
    assert np.isfinite(placed.coordinates).all()
    if rows == 1:
        np.testing.assert_array_equal(placed.coordinates, found.projection.coordinates)


@pytest.mark.parametrize("count", [3, 10_001])
def test_large_maps_and_many_new_windows_are_placed_too(make_set, count):
    """umap-learn searches more than 4096 rows in another way, and hurries beyond 10,000."""
    found = make_set(rows=5000)
    kinds = found.table["label"].astype("category").cat.codes.to_numpy()
    corners = np.array([[0, 0], [20, 0], [0, 20], [20, 20]])[kinds]
    coordinates = corners + np.random.default_rng(0).normal(size=(5000, 2))
    settings = {"metric": "cosine", "n_neighbors": 15, "min_dist": 0.1, "seed": 0}
    found = found.with_projection(Projection("umap", coordinates.astype(np.float32), settings))
    vectors, labels = more_of(found, count)
    placed = place(found, vectors)
    assert np.mean(label_of_nearest(found, placed.coordinates[:500]) == labels[:500]) > 0.98


def test_umap_places_as_the_fitted_object_itself_would(make_set):
    import umap
    from sklearn.metrics import pairwise_distances

    found = make_set(rows=200)
    vectors, _ = more_of(found, 12)
    fit = umap.UMAP(random_state=0, n_jobs=1, n_epochs=30).fit(found.vectors)
    fit.n_epochs = None
    expected = fit.transform(vectors)
    apart = pairwise_distances(vectors, found.vectors, fit._input_distance_func)
    nearest = np.argsort(apart, axis=1)[:, :15]
    graph = Neighbours(
        nearest.astype(np.int32), np.take_along_axis(apart, nearest, axis=1), "euclidean"
    )
    placed = place_by_umap(graph, fit.embedding_, min_dist=0.1, seed=fit.transform_seed)
    np.testing.assert_array_equal(placed, expected)


def test_new_rows_start_where_umap_itself_would_put_them():
    from scipy.sparse import csr_matrix
    from umap.umap_ import init_graph_transform

    rng = np.random.default_rng(0)
    weights = rng.uniform(0.01, 1, (300, 40)).astype(np.float32)
    weights[rng.uniform(size=weights.shape) < 0.7] = 0
    weights[5] = 0
    weights[::7, 3] = weights[::14, 2] = 1
    joined, coordinates = csr_matrix(weights), rng.normal(size=(40, 2)).astype(np.float32)
    start = weighted_means(joined, coordinates)
    assert np.isnan(start[5]).all()
    np.testing.assert_array_equal(start[7], coordinates[3])
    np.testing.assert_array_equal(start, init_graph_transform(joined, coordinates))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("block", [7, 100])
def test_the_nearest_rows_of_a_new_one_are_those_of_the_set_itself(
    make_set, monkeypatch, metric, block
):
    monkeypatch.setattr(placing, "_BLOCK", block)
    vectors = make_set(rows=60).vectors
    vectors[[4, 9]] = 0
    new = np.concatenate([vectors[[3, 4]], vectors[:1] + 0.1])
    graph = _nearest(vectors, new, 5, metric)
    table = neighbours(vectors, k=60, metric=metric)
    assert graph.indices[0, 0] == 3
    assert set(graph.indices[1, :2].tolist()) == {4, 9}
    assert not graph.distances[:2, 0].any()
    assert not graph.distances[1, :2].any()
    np.testing.assert_allclose(graph.distances[0], table.distances[3, :5], atol=1e-6)
    assert graph.indices[2, 0] == 0


def test_silence_is_placed_with_silence(make_set):
    found = make_set(rows=80)
    vectors = found.vectors.copy()
    vectors[:20] = 0
    found = replace(found, vectors=vectors)
    found = found.with_projection(project(found))
    placed = place(found, np.zeros((1, 16), np.float32)).coordinates
    assert np.linalg.norm(found.projection.coordinates - placed, axis=1).argmin() < 20


def test_chosen_axes_of_pca_are_the_axes_of_new_sounds(mapped):
    found = mapped("pca", axes=(3, 1))
    stored = json.loads(json.dumps(dict(found.projection.settings)))
    found = found.with_projection(replace(found.projection, settings=stored))
    assert misses(found, place(found, found.vectors).coordinates).max() < 1e-4
    all_axes = mapped("pca", dims=3)
    vectors, _ = more_of(found, 5)
    expected = place(all_axes, vectors).coordinates[:, [2, 0]]
    np.testing.assert_allclose(place(found, vectors).coordinates, expected, atol=1e-3)


@pytest.mark.parametrize("scale", [1e-25, 1e25])
@pytest.mark.parametrize("method", ["umap", "pca"])
def test_vectors_far_outside_the_usual_size_are_placed(make_set, method, scale):
    found = make_set(rows=40)
    found = replace(found, vectors=found.vectors * np.float32(scale))
    found = found.with_projection(project(found, method))
    assert misses(found, place(found, found.vectors).coordinates).max() < 0.1


def test_a_window_nowhere_near_the_others_is_placed_all_the_same(mapped):
    found = mapped(metric="euclidean")
    placed = place(found, np.full((2, 16), 1e12, np.float32))
    assert np.isfinite(placed.coordinates).all()
    assert misses(found, np.repeat(placed.coordinates, 40, axis=0)).max() < 2


def test_every_way_of_placing_says_what_to_expect(mapped):
    told = {method: place(mapped(method), np.ones((1, 16), np.float32)).how for method in METHODS}
    assert "exactly" in told["pca"]
    assert "15 nearest rows, which stay" in told["umap"]
    assert "t-SNE cannot place new sounds" in told["tsne"]
    for sentence in told.values():
        assert sentence[0].isupper()
        assert sentence.count(".") == 1
        assert sentence.endswith(".")


def test_what_cannot_be_placed_is_refused_with_the_reason(mapped, make_set):
    found = mapped("pca")
    with pytest.raises(ProjectionError, match="no map yet; project it first"):
        place(make_set(), found.vectors)
    with pytest.raises(ProjectionError, match="have 3 numbers, those of the set 16; embed"):
        place(found, np.ones((2, 3), np.float32))
    with pytest.raises(ProjectionError, match="1 of 2 vectors hold NaN"):
        place(found, np.array([[np.nan] * 16, [1] * 16], np.float32))
    with pytest.raises(ProjectionError, match="nothing to compare"):
        place(found, np.zeros((0, 16), np.float32))


def test_a_map_that_pca_made_of_other_rows_is_not_used(mapped):
    found = mapped("pca")
    half = replace(
        found,
        table=found.table.iloc[:40],
        vectors=found.vectors[:40],
        thumbnails=None,
        projection=replace(found.projection, coordinates=found.projection.coordinates[:40]),
    )
    with pytest.raises(ProjectionError, match="made of other rows; project the set again"):
        place(half, found.vectors[:1])
