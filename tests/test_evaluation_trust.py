"""How far a map can be trusted, against scikit-learn and against maps with a known answer."""

import numpy as np
import pytest
from drawn import drawn_set
from sklearn.manifold import trustworthiness

from embedviz.data import Projection
from embedviz.errors import Cancelled, ProjectionError
from embedviz.evaluation import ranks
from embedviz.evaluation.columns import with_columns
from embedviz.evaluation.maptrust import trusted
from embedviz.evaluation.ranks import continuity_by_row, trustworthiness_by_row
from embedviz.evaluation.stability import stability
from embedviz.trust import kept_neighbours


def random(rows, dims, seed=0):
    return np.random.default_rng(seed).normal(size=(rows, dims)).astype(np.float32)


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "manhattan"])
@pytest.mark.parametrize("k", [1, 10])
def test_the_mean_over_rows_is_that_of_scikit_learn(metric, k):
    vectors = random(150, 5)
    coordinates = vectors[:, :2] + 0.3 * random(150, 2, seed=1)
    found = trustworthiness_by_row(vectors, coordinates, k=k, metric=metric)
    wanted = trustworthiness(vectors, coordinates, n_neighbors=k, metric=metric)
    assert found.mean() == pytest.approx(wanted, abs=1e-4)
    # Continuity is trustworthiness with the two spaces in each other's place.
    found = continuity_by_row(vectors, coordinates, k=k, metric=metric)
    apart = np.linalg.norm(coordinates[:, None] - coordinates, axis=2)
    from sklearn.metrics import pairwise_distances

    true = pairwise_distances(vectors, metric=metric)
    assert found.mean() == pytest.approx(by_hand(apart, true, k), abs=1e-4)
    assert wanted < 0.95


def by_hand(apart, true, k):
    """Continuity by its definition: ranks on the map of true neighbours that the map lacks."""
    for table in (apart, true):
        np.fill_diagonal(table, -1)
    place = apart.argsort(axis=1).argsort(axis=1)
    missed = 0
    for row, order in enumerate(true.argsort(axis=1)):
        missed += sum(place[row, other] - k for other in order[1 : k + 1] if place[row, other] > k)
    rows = len(true)
    return 1 - 2 * missed / (rows * k * (2 * rows - 3 * k - 1))


def test_ranks_among_drawn_rows_are_nearly_those_among_all(monkeypatch):
    vectors = random(1500, 6)
    coordinates = vectors[:, :2]
    exact = trustworthiness_by_row(vectors, coordinates), continuity_by_row(vectors, coordinates)
    monkeypatch.setattr(ranks, "MOST_RANKED", 1000)
    monkeypatch.setattr(ranks, "DRAWN", 600)
    drawn = trustworthiness_by_row(vectors, coordinates), continuity_by_row(vectors, coordinates)
    for one, other in zip(exact, drawn, strict=True):
        assert not np.array_equal(one, other)
        assert np.abs(one - other).max() < 0.05
        assert one.mean() == pytest.approx(other.mean(), abs=0.01)


def test_a_map_of_all_that_the_vectors_hold_is_perfect_and_one_of_nothing_is_not():
    flat = random(200, 2)
    for by_row in (trustworthiness_by_row, continuity_by_row):
        assert by_row(flat, 30 * flat + 4, metric="euclidean").min() > 0.9999
        assert by_row(flat, random(200, 2, 1)).mean() == pytest.approx(0.5, abs=0.05)
        assert by_row(flat, np.zeros((200, 2), np.float32)).mean() == pytest.approx(0.5, abs=0.05)


def test_what_cannot_be_ranked_is_refused():
    with pytest.raises(ProjectionError, match="2 rows are too few"):
        trustworthiness_by_row(random(2, 3), random(2, 2))
    with pytest.raises(ProjectionError, match="no map of 5 rows"):
        continuity_by_row(random(5, 3), random(4, 2))


def islands(rows=300, kinds=6, dims=20, seed=0):
    rng = np.random.default_rng(seed)
    places = 6 * rng.normal(size=(kinds, dims))
    return (places[np.arange(rows) % kinds] + rng.normal(size=(rows, dims))).astype(np.float32)


def test_a_map_of_islands_is_measured_and_its_sentence_says_what_it_shows(monkeypatch):
    asked = []

    def project(embedding_set, method, *, seed, progress=None, **settings):
        """A layout that takes no time: UMAP's needs a minute to compile."""
        asked.append((method, seed, settings))
        flat = embedding_set.vectors @ random(20, 2, 3) + random(len(embedding_set), 2, seed)
        return Projection("umap", flat, {"metric": "cosine", "seed": seed, "min_dist": 0.1})

    monkeypatch.setattr("embedviz.project.project", project)
    vectors = islands(120)
    found = trusted("made", vectors, None, seeds=2)
    # Where there is no map a UMAP is made, and others with its settings.
    again = {"dims": 2, "metric": "cosine", "min_dist": 0.1}
    assert asked == [("umap", 0, {}), ("umap", 0, again), ("umap", 1, again)]
    assert (found.model, found.method, found.k, found.seeds) == ("made", "umap", 10, 2)
    assert found.trustworthiness > 0.8
    assert found.continuity > 0.8
    assert found.chance == pytest.approx(10 / 119)
    assert found.chance < found.stability < 1
    assert f"{found.kept_neighbours:.0%} of the 10 nearest rows (chance 8.4%)" in found.sentence
    assert f"from 2 seeds share {found.stability:.0%} of neighbours" in found.sentence
    assert "mean nothing in UMAP" in found.sentence


@pytest.mark.parametrize(
    ("coordinates", "said"),
    [
        (random(300, 2, 9), "Do not read neighbourhoods from this map: only"),
        (islands()[:, :2], "Neighbourhoods on this map hold in part"),
        (None, "Neighbourhoods on this map hold: 100%"),
    ],
)
def test_the_sentence_follows_the_map(coordinates, said):
    vectors = islands() if coordinates is not None else np.abs(random(300, 2))
    given = coordinates if coordinates is not None else vectors
    settings = {"metric": "euclidean"}
    found = trusted("made", vectors, Projection("drawn", given, settings), seeds=5)
    assert found.sentence.startswith(said)
    assert "trust no distances" in found.sentence
    # A map that cannot be made again has no other seeds.
    assert np.isnan(found.stability)
    assert found.seeds == 1
    wanted = kept_neighbours(vectors, given, metric="euclidean").mean()
    assert found.kept_neighbours == pytest.approx(wanted)


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "manhattan", None, "hamming"])
@pytest.mark.parametrize("rows", [12, 120])
def test_columns_of_a_map_are_what_the_report_has_the_mean_of(metric, rows):
    found = drawn_set(recordings=rows, windows=1, dims=6)
    # Lengths that differ much, so that the distances do.
    found.vectors[:] *= np.geomspace(0.1, 9, rows, dtype=np.float32)[:, None]
    settings = {} if metric is None else {"metric": metric}
    flat = found.vectors[:, :2] + random(rows, 2, 1)
    mapped = found.with_projection(Projection("drawn", flat, settings))
    report = trusted("drawn", mapped.vectors, mapped.projection, seeds=1)
    columns = with_columns(mapped)[0].table
    assert columns["map_kept_neighbours"].mean() == pytest.approx(report.kept_neighbours)
    assert columns["map_trustworthiness"].mean() == pytest.approx(report.trustworthiness)
    assert columns["map_continuity"].mean() == pytest.approx(report.continuity)
    used = metric if metric in ("euclidean", "manhattan") else "cosine"
    wanted = kept_neighbours(found.vectors, flat, k=report.k, metric=used)
    np.testing.assert_array_equal(columns["map_kept_neighbours"], wanted)
    other = kept_neighbours(found.vectors, flat, k=report.k, metric="correlation")
    assert not np.array_equal(wanted, other)


def test_maps_are_made_again_with_their_own_settings_and_other_seeds(monkeypatch):
    asked = []

    def project(embedding_set, method, *, seed, progress=None, **settings):
        asked.append((method, seed, settings))
        return Projection(method, random(len(embedding_set), 3, seed % 2), {})

    monkeypatch.setattr("embedviz.project.project", project)
    settings = {"metric": "euclidean", "perplexity": 8.0, "seed": 40}
    like = Projection("tsne", np.zeros((50, 3), np.float32), settings)
    found = stability(islands(50), like, seeds=3, k=5, seed=6)
    again = {"dims": 3, "metric": "euclidean", "perplexity": 8.0}
    assert asked == [("tsne", seed, again) for seed in (6, 7, 8)]
    # Of three pairs one is of the same map, the others share what chance gives.
    assert found.share == pytest.approx((1 + 2 * 5 / 49) / 3, abs=0.05)
    assert (found.seeds, found.rows) == (3, 50)


@pytest.mark.parametrize(
    ("method", "settings", "used"),
    [
        ("umap", {"metric": "hamming", "n_neighbors": "many", "min_dist": None}, {}),
        ("umap", {"metric": ["cosine"], "n_neighbors": 7.5, "min_dist": 3, "axes": [1, 2]}, {}),
        ("umap", {"metric": "manhattan", "n_neighbors": 9, "min_dist": 0}, None),
        ("tsne", {"perplexity": float("nan"), "n_neighbors": 1}, {}),
        ("pca", {"axes": [2, 40]}, {}),
        ("pca", {"axes": "12"}, {}),
        ("pca", {"axes": [3, 2]}, None),
    ],
)
def test_of_a_map_from_elsewhere_only_settings_that_can_be_had_are_used(
    monkeypatch, method, settings, used
):
    asked = []

    def project(embedding_set, method, *, seed, progress=None, **settings):
        asked.append(settings)
        return Projection(method, random(len(embedding_set), 2, seed), {})

    monkeypatch.setattr("embedviz.project.project", project)
    found = trusted("made", islands(40), Projection(method, random(40, 2), settings), seeds=2)
    assert found.stability > 0
    assert asked[0] == {"dims": 2, **(settings if used is None else used)}


def test_settings_from_elsewhere_make_a_map():
    from embedviz.evaluation.stability import mapped

    settings = {"metric": "hamming", "n_neighbors": "many", "perplexity": "few", "axes": [0, 0]}
    for method in ("tsne", "pca"):
        like = Projection(method, random(30, 2), settings)
        assert mapped(islands(30), like, 0).coordinates.shape == (30, 2)


def test_pca_is_the_same_for_every_seed_and_says_how_much_it_shows():
    from embedviz.evaluation.stability import mapped

    vectors = islands(80)
    made = mapped(vectors, Projection("pca", np.zeros((80, 3), np.float32), {}), 0)
    assert made.dims == 3
    found = trusted("made", vectors, made)
    assert found.stability == 1
    assert f"Its axes show {sum(made.explained_variance):.0%} of the variance" in found.sentence
    assert "seeds" not in found.sentence


def test_measuring_can_be_stopped():
    def stop(done, total):
        assert total in (100, 500)
        raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        trusted("made", islands(60), None, progress=stop)
    drawn = Projection("pca", random(60, 2), {})
    with pytest.raises(Cancelled):
        trusted("made", islands(60), drawn, progress=stop)
    with pytest.raises(Cancelled):
        stability(islands(60), progress=stop)
