import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

import embedviz.neighbours
from embedviz import layouts, principal
from embedviz.errors import ProjectionError
from embedviz.neighbours import neighbours
from embedviz.project import project, warm
from embedviz.store import read_set, write_set

# One worker compiles what Numba compiles, and not each of them.
pytestmark = pytest.mark.xdist_group("maps")

METHODS = ("umap", "tsne", "pca")


@pytest.fixture
def searches(monkeypatch):
    """The metric of every neighbour search that was really made."""
    made = []

    def counted(vectors, *, k, metric, progress):
        made.append(metric)
        return neighbours(vectors, k=k, metric=metric, progress=progress)

    monkeypatch.setattr(embedviz.neighbours, "neighbours", counted)
    return made


@pytest.fixture
def set_of(make_set):
    """Put vectors into a set."""

    def build(vectors):
        return replace(make_set(rows=len(vectors)), vectors=np.asarray(vectors, np.float32))

    return build


def agreement(coordinates: np.ndarray, labels: np.ndarray) -> float:
    """The share of points whose nearest other point has the same label."""
    closest = neighbours(coordinates, k=2, metric="euclidean").indices[:, 1]
    return float(np.mean(labels[closest] == labels))


def assert_a_map(projection, rows: int, dims: int) -> None:
    assert projection.coordinates.shape == (rows, dims)
    assert projection.coordinates.dtype == np.float32
    assert np.isfinite(projection.coordinates).all()


def test_importing_the_module_loads_no_heavy_library():
    heavy = ["umap", "numba", "sklearn", "pynndescent", "scipy", "tensorflow"]
    code = f"import sys, embedviz.project; print([m for m in {heavy} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_warming_up_compiles_exactly_what_real_maps_use(make_set):
    warm()
    import umap.layouts
    import umap.umap_

    def compiled():
        return {
            (place.__name__, name): list(found.signatures)
            for place in (umap.umap_, umap.layouts)
            for name, found in vars(place).items()
            if hasattr(found, "signatures") and found.signatures
        }

    before = compiled()
    assert len(before) >= 3
    project(make_set(rows=48), dims=2)
    project(make_set(rows=48), dims=3, metric="euclidean", n_neighbors=10)
    assert compiled() == before


@pytest.mark.parametrize("metric", ["cosine", "manhattan"])
@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("method", ["umap", "tsne"])
def test_windows_of_one_kind_stay_together(make_set, method, dims, metric):
    embedding_set = make_set(rows=80)
    projection = project(embedding_set, method, dims=dims, metric=metric, perplexity=10)
    assert_a_map(projection, 80, dims)
    assert (projection.method, projection.dims) == (method, dims)
    assert agreement(projection.coordinates, embedding_set.table["label"].to_numpy()) >= 0.9


def test_a_set_survives_its_own_map(make_set):
    embedding_set = make_set()
    projected = embedding_set.with_projection(project(embedding_set, "pca"))
    assert projected.projection is not None
    assert projected.projection.dims == 2


@pytest.mark.parametrize(("rows", "width", "wide"), [(40, 16, 2048), (600, 16, 2048), (600, 40, 8)])
def test_pca_is_the_singular_value_decomposition_with_shares_in_order(
    make_set, monkeypatch, rows, width, wide
):
    monkeypatch.setattr(principal, "EXACT_WIDTH", wide)
    embedding_set = make_set(rows=rows, dims=width)
    projection = project(embedding_set, "pca", dims=3)
    centred = embedding_set.vectors.astype(np.float64)
    centred -= centred.mean(axis=0)
    _, sizes, axes = np.linalg.svd(centred, full_matrices=False)
    signs = np.sign(np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], axis=1))
    expected = centred @ (axes * signs)[:3].T
    np.testing.assert_allclose(projection.coordinates, expected, atol=2e-3)
    shares = projection.explained_variance
    np.testing.assert_allclose(shares, sizes[:3] ** 2 / (sizes**2).sum(), rtol=1e-3)
    assert list(shares) == sorted(shares, reverse=True)
    assert all(type(share) is float for share in shares)
    assert projection.settings == ({"seed": 0} if wide == 8 else {})


def test_any_axes_of_pca_can_be_shown_in_any_order(make_set):
    embedding_set = make_set(rows=40)
    all_three = project(embedding_set, "pca", dims=3)
    for axes in ((1, 3), (3, 2), (2, 3, 1)):
        projection = project(embedding_set, "pca", dims=len(axes), axes=axes)
        kept = [axis - 1 for axis in axes]
        np.testing.assert_allclose(
            projection.coordinates, all_three.coordinates[:, kept], atol=1e-4
        )
        shares = [all_three.explained_variance[axis] for axis in kept]
        assert projection.explained_variance == pytest.approx(shares, rel=1e-5)
        assert projection.settings == {"axes": list(axes)}
        assert json.loads(json.dumps(projection.settings)) == projection.settings
    tenth = project(embedding_set, "pca", axes=[10, 1]).explained_variance
    assert 0 < tenth[0] < tenth[1]


def test_the_first_axes_are_not_mentioned_so_that_older_maps_compare_equal(make_set):
    embedding_set = make_set()
    chosen, plain = (project(embedding_set, "pca", axes=axes) for axes in ((1, 2), None))
    assert chosen.settings == plain.settings == {}
    np.testing.assert_array_equal(chosen.coordinates, plain.coordinates)


@pytest.mark.parametrize(
    ("shape", "settings", "message"),
    [
        ((40, 16), {"axes": (1, 1)}, r"axes are 1, 1; choose 2 different ones from 1 to 10\."),
        ((40, 16), {"axes": (0, 1)}, "axes are 0, 1"),
        ((40, 16), {"axes": (1, 11)}, "axes are 1, 11"),
        ((40, 16), {"axes": (1, 2, 3)}, "axes are 1, 2, 3; choose 2"),
        ((40, 16), {"axes": (1, 2), "dims": 3}, "choose 3 different ones"),
        ((5, 16), {"axes": (1, 6)}, "from 1 to 5"),
        ((40, 4), {"axes": (1, 5)}, "from 1 to 4"),
        ((1, 16), {"axes": (1, 2)}, "fewer than 2 axes"),
        ((40, 16), {"axes": (1, 3), "method": "umap"}, "pca alone; umap has none"),
    ],
)
def test_axes_that_cannot_be_shown_are_refused(make_set, shape, settings, message):
    rows, width = shape
    with pytest.raises(ProjectionError, match=message):
        project(make_set(rows=rows, dims=width), **{"method": "pca", **settings})


def test_the_command_projects_to_the_axes_asked_for(embedviz_command, make_set, tmp_path):
    write_set(make_set(), tmp_path / "set.parquet")
    command = "project", tmp_path / "set.parquet", "--method", "pca", "--axes"
    embedviz_command(*command, "1,3")
    assert read_set(tmp_path / "set.parquet").projection.settings == {"axes": [1, 3]}
    for nonsense, told in (("1;3", "wanted numbers, as 1,3"), ("1,1", "choose 2 different ones")):
        said = embedviz_command(*command, nonsense, status=1)
        assert told in said.err
        assert said.err.count("\n") == 1


@pytest.mark.parametrize("width", [1, 2])
def test_axes_that_the_vectors_do_not_have_are_zero(set_of, width):
    vectors = np.random.default_rng(0).normal(size=(10, width))
    projection = project(set_of(vectors), "pca", dims=3)
    assert_a_map(projection, 10, 3)
    assert projection.coordinates[:, :width].any()
    assert not projection.coordinates[:, width:].any()
    assert sum(projection.explained_variance) == pytest.approx(1)
    assert len(projection.explained_variance) == 3


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5, 7, 16])
def test_a_tiny_set_has_a_map(make_set, method, rows):
    for dims in (2, 3):
        projection = project(make_set(rows=rows), method, dims=dims)
        assert_a_map(projection, rows, dims)
        if rows == 1:
            assert not projection.coordinates.any()
        else:
            assert len(np.unique(projection.coordinates, axis=0)) == rows


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("value", [0.0, 1.0, -2.5])
def test_windows_that_are_all_equal_have_a_map(set_of, method, value):
    for rows in (2, 30, 120):
        assert_a_map(project(set_of(np.full((rows, 8), value)), method), rows, 2)


@pytest.mark.parametrize("method", ["umap", "tsne"])
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_many_recordings_of_duplicate_windows_keep_together(set_of, method, metric):
    kinds = np.repeat(np.arange(8), 12)
    vectors = 5 * np.random.default_rng(0).normal(size=(8, 64))[kinds]
    projection = project(set_of(vectors), method, metric=metric, n_neighbors=10, perplexity=5)
    assert_a_map(projection, 96, 2)
    assert agreement(projection.coordinates, kinds) >= 0.9


def test_windows_opposite_to_all_others_still_have_a_place(set_of):
    vectors = np.ones((30, 4))
    vectors[7] = -1
    assert_a_map(project(set_of(vectors), n_neighbors=30), 30, 2)
    assert_a_map(project(set_of(vectors[[0, 7]])), 2, 2)


@pytest.mark.parametrize("method", METHODS)
def test_vectors_far_outside_the_usual_size_have_a_map(make_set, method):
    embedding_set = make_set()
    for scale in (1e-25, 1e25):
        scaled = replace(embedding_set, vectors=embedding_set.vectors * np.float32(scale))
        assert_a_map(project(scaled, method), 40, 2)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_gives_the_same_map_to_the_last_bit(make_set, method):
    embedding_set = make_set(rows=60)
    first = project(embedding_set, method, seed=3).coordinates
    np.testing.assert_array_equal(project(embedding_set, method, seed=3).coordinates, first)
    if method != "pca":
        assert not np.array_equal(project(embedding_set, method, seed=4).coordinates, first)


def test_a_new_min_dist_dimension_seed_or_fewer_neighbours_reuse_the_graph(make_set, searches):
    embedding_set = make_set(rows=60)
    first = project(embedding_set)
    for change in ({"min_dist": 0.7}, {"dims": 3}, {"seed": 1}, {"n_neighbors": 8}):
        changed = project(embedding_set, **change)
        assert not np.array_equal(changed.coordinates, first.coordinates)
    project(embedding_set, "tsne")
    assert searches == ["cosine"]
    project(embedding_set, metric="euclidean")
    assert searches == ["cosine", "euclidean"]


def test_tsne_is_given_the_neighbours_that_it_would_find_itself(make_set):
    from sklearn.neighbors import NearestNeighbors

    vectors = make_set(rows=60).vectors
    graph = neighbours(vectors, k=32)
    given = NearestNeighbors(n_neighbors=31, metric="precomputed")
    given.fit(layouts._sparse(graph, graph.distances))
    found = NearestNeighbors(n_neighbors=31, metric="cosine").fit(vectors)
    np.testing.assert_allclose(
        given.kneighbors_graph(mode="distance").toarray(),
        found.kneighbors_graph(mode="distance").toarray(),
        atol=1e-6,
    )


def test_settings_tell_what_was_used_and_nothing_else(make_set):
    large, small = make_set(rows=40), make_set(rows=7)
    used = {
        "umap": {"metric": "cosine", "n_neighbors": 15, "min_dist": 0.1, "seed": 0},
        "tsne": {"metric": "cosine", "perplexity": 13.0, "seed": 0},
        "pca": {},
    }
    for method, settings in used.items():
        projection = project(large, method)
        assert projection.settings == settings
        assert json.loads(json.dumps(projection.settings)) == settings
        assert bool(projection.explained_variance) == (method == "pca")
    assert project(small).settings["n_neighbors"] == 7
    assert project(small, "tsne").settings["perplexity"] == 2.0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"method": "som"}, "'som' is not one of umap, tsne, pca"),
        ({"metric": "dice"}, "'dice' is not one of cosine"),
        ({"dims": 4}, "dims is 4; it must be from 2 to 3"),
        ({"n_neighbors": 1}, "n_neighbors is 1; it must be 2 or more"),
        ({"min_dist": 1.5}, "min_dist is 1.5; it must be from 0 to 1"),
        ({"min_dist": float("nan")}, "min_dist is nan"),
        ({"perplexity": 0.5}, "perplexity is 0.5; it must be 1 or more"),
        ({"seed": -1}, "seed is -1; it must be from 0 to 4294967295"),
    ],
)
def test_a_setting_out_of_range_is_refused_by_name(make_set, settings, message):
    with pytest.raises(ProjectionError, match=message):
        project(make_set(), **settings)


@pytest.mark.parametrize("method", METHODS)
def test_sets_without_rows_or_with_broken_vectors_are_refused(set_of, method):
    with pytest.raises(ProjectionError, match="nothing to compare"):
        project(set_of(np.zeros((0, 4))), method)
    vectors = np.ones((6, 4))
    vectors[[2, 5], 1] = np.nan
    with pytest.raises(ProjectionError, match="2 of 6 vectors hold NaN"):
        project(set_of(vectors), method)


@pytest.mark.parametrize("method", METHODS)
def test_progress_never_goes_back_and_ends_at_all(make_set, method):
    seen = []
    project(make_set(rows=300), method, progress=lambda done, total: seen.append((done, total)))
    assert seen[0] == (0, 100)
    assert seen[-1] == (100, 100)
    assert seen == sorted(seen)
    if method == "umap":
        assert any(30 < done < 100 for done, _ in seen), "the layout reports on its way"


def test_stopping_a_layout_leaves_the_next_map_as_it_should_be(make_set):
    embedding_set = make_set(rows=300)
    expected = project(embedding_set).coordinates

    def stop(done, total):
        if done > 30:
            raise InterruptedError("the user has seen enough")

    with pytest.raises(InterruptedError, match="seen enough"):
        project(embedding_set, progress=stop)
    np.testing.assert_array_equal(project(embedding_set).coordinates, expected)


def test_two_threads_may_ask_for_maps_at_once(make_set):
    sets = [make_set(rows=60, seed=seed) for seed in range(4)]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(project, sets))
    for embedding_set, projection in zip(sets, together, strict=True):
        np.testing.assert_array_equal(project(embedding_set).coordinates, projection.coordinates)
