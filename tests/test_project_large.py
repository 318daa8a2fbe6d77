"""Maps of sets that are too large to be laid out or held at once, with the limits lowered."""

import json
from dataclasses import replace

import numpy as np
import pytest
from onpage import laid_out, said, visit
from sklearn.neighbors import NearestNeighbors

from embedviz import large, searches
from embedviz.neighbours import METRICS, neighbours
from embedviz.placing import place
from embedviz.project import project
from embedviz.projector.bundle import write_bundle
from embedviz.searches import Search
from embedviz.store import read_set, write_set

# One worker compiles what Numba compiles, and not each of them.
pytestmark = pytest.mark.xdist_group("maps")


@pytest.fixture(autouse=True)
def small_limits(monkeypatch):
    """As if 200 rows were many and memory held 64."""
    monkeypatch.setattr(large, "LARGE_ROWS", 200)
    monkeypatch.setattr(large, "BLOCK_ROWS", 64)
    monkeypatch.setattr(large, "FIT_ROWS", {"umap": 120, "tsne": 60, "pca": 100})


def agreement(coordinates: np.ndarray, labels: np.ndarray) -> float:
    closest = neighbours(coordinates, k=2, metric="euclidean").indices[:, 1]
    return float(np.mean(labels[closest] == labels))


@pytest.mark.parametrize(("method", "fitted"), [("umap", 120), ("tsne", 60)])
def test_a_sample_is_laid_out_and_the_rest_is_placed_with_its_like(make_set, method, fitted):
    found = make_set(rows=400)
    projection = project(found, method, perplexity=10)
    assert projection.coordinates.shape == (400, 2)
    assert np.isfinite(projection.coordinates).all()
    assert projection.settings["fitted_rows"] == fitted
    assert json.loads(json.dumps(projection.settings)) == projection.settings
    assert agreement(projection.coordinates, found.table["label"].to_numpy()) >= 0.95
    if method == "umap":
        np.testing.assert_array_equal(project(found).coordinates, projection.coordinates)


def test_up_to_the_limit_every_row_is_laid_out(make_set):
    assert "fitted_rows" not in project(make_set(rows=200)).settings


def test_the_sample_keeps_the_shares_of_labels_and_depends_on_the_seed(make_set):
    found = make_set(rows=400)
    rare = found.table["label"].where(np.arange(400) != 399, "rare")
    found = replace(found, table=found.table.assign(label=rare))
    rows = large.drawn(found, 120, seed=0)
    assert (np.diff(rows) > 0).all()
    counts = rare.iloc[rows].value_counts()
    assert counts["rare"] == 1
    assert counts.drop("rare").between(29, 30).all()
    np.testing.assert_array_equal(rows, large.drawn(found, 120, seed=0))
    assert not np.array_equal(rows, large.drawn(found, 120, seed=1))


def test_pca_of_many_rows_is_exact(make_set, monkeypatch):
    found = make_set(rows=400)
    streamed = project(found, "pca", dims=3)
    monkeypatch.setattr(large, "LARGE_ROWS", 1000)
    at_once = project(found, "pca", dims=3)
    np.testing.assert_allclose(streamed.coordinates, at_once.coordinates, atol=1e-3)
    np.testing.assert_allclose(streamed.explained_variance, at_once.explained_variance, rtol=1e-4)
    assert streamed.settings == at_once.settings == {}


@pytest.mark.parametrize("scale", [0.0, 1e-25, 1e25])
def test_pca_of_many_rows_bears_values_of_any_size(make_set, scale):
    found = make_set(rows=400, dims=2)
    found = replace(found, vectors=found.vectors * np.float32(scale))
    projection = project(found, "pca", dims=3)
    assert np.isfinite(projection.coordinates).all()
    assert projection.coordinates.any() == (scale > 0)
    assert sum(projection.explained_variance) == pytest.approx(float(scale > 0))


def test_pca_of_many_wide_vectors_is_that_of_a_sample_and_says_so(make_set, monkeypatch):
    monkeypatch.setattr("embedviz.principal.EXACT_WIDTH", 8)
    found = make_set(rows=400)
    projection = project(found, "pca", seed=3)
    assert projection.settings == {"seed": 3, "fitted_rows": 100}
    monkeypatch.setattr("embedviz.principal.EXACT_WIDTH", 16)
    exact = project(found, "pca").coordinates
    shared = [
        np.corrcoef(a, b)[0, 1] for a, b in zip(exact.T, projection.coordinates.T, strict=True)
    ]
    assert np.abs(shared).min() > 0.98
    monkeypatch.setattr("embedviz.principal.EXACT_WIDTH", 8)
    placed = place(found.with_projection(projection), found.vectors[:5])
    np.testing.assert_allclose(placed.coordinates, projection.coordinates[:5], atol=1e-3)


@pytest.mark.parametrize("method", ["umap", "pca"])
def test_progress_never_goes_back_ends_at_all_and_can_stop(make_set, method):
    found, seen = make_set(rows=300), []
    project(found, method, perplexity=5, progress=lambda done, total: seen.append((done, total)))
    assert seen[0] == (0, 100)
    assert seen[-1] == (100, 100)
    assert seen == sorted(seen)
    assert len({done for done, _ in seen if 50 < done < 100}) > 1, "the blocks report on their way"

    def stop(done, total):
        if done > 60:
            raise InterruptedError("seen enough")

    with pytest.raises(InterruptedError, match="seen enough"):
        project(found, method, perplexity=5, progress=stop)


def test_broken_vectors_are_found_in_every_block(make_set):
    found = make_set(rows=300)
    vectors = found.vectors.copy()
    vectors[[3, 299], 1] = np.nan
    with pytest.raises(Exception, match="2 of 300 vectors hold NaN"):
        project(replace(found, vectors=vectors))


@pytest.mark.parametrize("metric", METRICS)
def test_a_search_finds_what_is_nearest(make_set, metric):
    vectors = make_set(rows=300).vectors
    vectors[[4, 9]] = 0
    new = np.concatenate([vectors[[3, 4]], vectors[10:40] + 0.1])
    exact = Search.among(vectors, 6, metric).nearest(new)
    assert exact.indices[0, 0] == 3
    assert set(exact.indices[1, :2].tolist()) == {4, 9}
    assert not exact.distances[:2, 0].any()
    assert (np.diff(exact.distances, axis=1) >= 0).all()
    table = neighbours(vectors, k=6, metric=metric)
    np.testing.assert_allclose(exact.distances[0], table.distances[3], atol=1e-6)


class Forgetful:
    """Answers as pynndescent does, which compiles for a minute: into the same arrays each time.

    It gives up on the second row that it is asked for.
    """

    def __init__(self, data, *, metric, n_neighbors, random_state):
        assert metric == "euclidean"
        assert n_neighbors >= 6
        self.known = NearestNeighbors(algorithm="brute").fit(data)

    def prepare(self):
        self.answer = np.zeros((32, 6), np.int32), np.zeros((32, 6), np.float32)

    def query(self, vectors, *, k, epsilon):
        assert 0 < epsilon <= 0.3
        self.answer[1][:], self.answer[0][:] = self.known.kneighbors(vectors, k)
        self.answer[0][1, 3:] = -1
        return self.answer


def test_among_many_rows_those_given_up_on_are_searched_exactly(make_set, monkeypatch):
    vectors = make_set(rows=300).vectors
    new = vectors[:32] + 0.1
    exact = Search.among(vectors, 6, "cosine").nearest(new)
    monkeypatch.setattr(searches, "EXACT_ROWS", 100)
    monkeypatch.setattr("pynndescent.NNDescent", Forgetful)
    search = Search.among(vectors, 6, "cosine")
    found = search.nearest(new)
    search.nearest(new[::-1])
    np.testing.assert_array_equal(found.indices, exact.indices)
    np.testing.assert_allclose(found.distances, exact.distances, atol=1e-6)


def test_the_command_and_the_bundle_say_so(embedviz_command, make_set, tmp_path):
    write_set(make_set(rows=300), tmp_path / "set.parquet")
    told = embedviz_command("project", tmp_path / "set.parquet").out
    assert "300 rows projected by umap, 2-D" in told
    assert "UMAP laid out a sample of 120 rows and placed all others among them." in told
    found = read_set(tmp_path / "set.parquet")
    assert found.projection.settings["fitted_rows"] == 120
    bundle = write_bundle({"logmel": found}, tmp_path / "bundle")
    assert "a sample of 120 rows" in (bundle / "README.txt").read_text()
    assert "from a sample of 120 points" in (bundle / "bookmarks.json").read_text()


def test_the_page_explore_says_so_above_the_map(make_set, workspace):
    found = laid_out(make_set(rows=12))
    sampled = replace(found.projection, settings={"seed": 0, "fitted_rows": 8})
    write_set(found.with_projection(sampled), workspace.set_path("night"))
    assert "PCA found its axes in a sample of 8 rows" in said(visit(workspace))


@pytest.mark.parametrize(
    ("method", "words"),
    [("umap", "placed all others"), ("tsne", "cannot place new rows"), ("pca", "along them")],
)
def test_each_method_says_in_one_sentence_what_became_of_the_rest(make_set, method, words):
    found = make_set(rows=4)
    whole = project(found, "pca")
    assert large.fitted_words(whole) is None
    told = large.fitted_words(replace(whole, method=method, settings={"fitted_rows": 50_000}))
    assert "50,000 rows" in told
    assert words in told
    assert told.endswith(".")
