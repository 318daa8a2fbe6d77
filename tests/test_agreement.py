from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from embedviz.agreement import chance, nearest_label_accuracy, shared_neighbours
from embedviz.correspondence import matching_rows
from embedviz.data import Source
from embedviz.errors import Cancelled, SetError


def some(found, rows):
    """These rows of a set, in this order."""
    return replace(
        found,
        table=found.table.iloc[rows].reset_index(drop=True),
        vectors=found.vectors[rows],
        thumbnails=found.thumbnails[rows],
    )


def renamed(found, name, **sources):
    """The set with `name` in front of its recordings, and other sources where given."""
    known = {f"{name}{key}": source for key, source in found.provenance.recordings.items()}
    table = found.table.assign(recording=name + found.table["recording"])
    made = replace(found.provenance, recordings=known | sources)
    return replace(found, table=table, provenance=made)


def hashed(found):
    """The set with a checksum of its own for every recording."""
    known = {
        name: replace(source, sha256=f"{number:064x}")
        for number, (name, source) in enumerate(sorted(found.provenance.recordings.items()))
    }
    return replace(found, provenance=replace(found.provenance, recordings=known))


def test_sets_of_the_same_rows_correspond_one_to_one(make_set):
    rows_a, rows_b = matching_rows(make_set(), make_set(dims=3, seed=1))
    np.testing.assert_array_equal(rows_a, np.arange(40))
    np.testing.assert_array_equal(rows_b, np.arange(40))


def test_another_order_is_followed(make_set):
    order = np.random.default_rng(0).permutation(40)
    rows_a, rows_b = matching_rows(make_set(), some(make_set(), order))
    np.testing.assert_array_equal(rows_a, np.arange(40))
    np.testing.assert_array_equal(order[rows_b], rows_a)


def test_sets_that_overlap_correspond_where_they_do(make_set):
    found = hashed(make_set())
    rows_a, rows_b = matching_rows(some(found, np.arange(30)), some(found, np.arange(10, 40)))
    np.testing.assert_array_equal(rows_a, np.arange(10, 30))
    np.testing.assert_array_equal(rows_b, np.arange(20))


def test_a_rounding_of_times_is_no_difference_and_a_frame_is_one(make_set):
    found = make_set()
    noise = np.random.default_rng(0).uniform(-0.001, 0.001, (2, 40))
    near, far = found.table.copy(), found.table.copy()
    near[["start_s", "stop_s"]] += noise.T
    far["stop_s"] += 0.01
    rows_a, rows_b = matching_rows(found, replace(found, table=near))
    np.testing.assert_array_equal(rows_a, rows_b)
    assert len(rows_a) == 40
    with pytest.raises(SetError, match="no row"):
        matching_rows(found, replace(found, table=far))


def test_the_same_bytes_under_another_name_are_the_same_recording(make_set):
    found = hashed(make_set())
    rows_a, rows_b = matching_rows(found, renamed(found, "copy of "))
    np.testing.assert_array_equal(rows_a, np.arange(40))
    np.testing.assert_array_equal(rows_b, np.arange(40))


def test_other_bytes_under_the_same_name_are_another_recording(make_set):
    found = hashed(make_set())
    known = dict(found.provenance.recordings)
    known["clip000.wav"] = replace(known["clip000.wav"], sha256="f" * 64)
    other = replace(found, provenance=replace(found.provenance, recordings=known))
    rows_a, _ = matching_rows(found, other)
    np.testing.assert_array_equal(rows_a, np.arange(4, 40))


@pytest.mark.parametrize("which", ["neither", "one"])
def test_without_a_checksum_the_name_counts(make_set, which):
    found = hashed(make_set())
    bare = replace(found, provenance=replace(found.provenance, recordings={}))
    rows_a, rows_b = matching_rows(bare, bare if which == "neither" else found)
    np.testing.assert_array_equal(rows_a, rows_b)
    assert len(rows_a) == 40


def test_copies_within_a_set_find_their_own_names(make_set):
    """All recordings of these sets have one checksum, as copies of one file have."""
    found = make_set()
    assert len({source.sha256 for source in found.provenance.recordings.values()}) == 1
    rows_a, rows_b = matching_rows(found, some(found, np.arange(39, -1, -1)))
    np.testing.assert_array_equal(rows_b, 39 - rows_a)


def test_sets_without_a_common_row_are_told_what_to_do(make_set):
    found = make_set()
    whole = found.table.assign(start_s=0.0, stop_s=2.4)
    made = replace(found.provenance, model="pann", per="recording")
    with pytest.raises(SetError, match=r"window of 0\.96 s.*pann one point per recording.*Embed"):
        matching_rows(found, replace(found, table=whole, provenance=made))
    sources = {"a": Source("a", "e" * 64, 1, 1, 1)}
    strange = renamed(hashed(found), "x", **sources)
    strange = replace(strange, provenance=replace(strange.provenance, recordings={}))
    with pytest.raises(SetError, match="no recording in common"):
        matching_rows(found, strange)


def test_the_same_vectors_share_all_neighbours():
    vectors = np.random.default_rng(0).normal(size=(200, 16)).astype(np.float32)
    assert shared_neighbours(vectors, vectors).tolist() == [1] * 200
    # Neither the length of a vector nor a rotation matters to cosine.
    turned = np.linalg.qr(np.random.default_rng(1).normal(size=(16, 16)))[0].astype(np.float32)
    assert shared_neighbours(vectors, 3 * vectors @ turned).mean() > 0.999


@pytest.mark.parametrize(("rows", "k"), [(400, 10), (400, 40), (60, 10)])
def test_rows_in_another_order_share_what_chance_gives(rows, k):
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(rows, 16)).astype(np.float32)
    shared = shared_neighbours(vectors, vectors[rng.permutation(rows)], k)
    assert chance(rows, k) == pytest.approx(k / (rows - 1))
    assert shared.mean() == pytest.approx(chance(rows, k), rel=0.25)


def test_the_share_is_that_of_a_count_by_hand():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(50, 6)).astype(np.float32)
    b = (a + rng.normal(size=(50, 6))).astype(np.float32)

    def lists(vectors):
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        apart = 1 - unit @ unit.T
        np.fill_diagonal(apart, 9)
        return [set(row[:7]) for row in apart.argsort(axis=1)]

    by_hand = [len(one & other) / 7 for one, other in zip(lists(a), lists(b), strict=True)]
    np.testing.assert_allclose(shared_neighbours(a, b, 7), by_hand, atol=1e-6)
    assert 0.05 < np.mean(by_hand) < 0.95


def test_few_rows_have_fewer_neighbours():
    vectors = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
    assert shared_neighbours(*vectors).tolist() == [1, 1, 1]
    assert chance(3) == 1
    with pytest.raises(SetError, match="at least two"):
        shared_neighbours(vectors[0, :1], vectors[1, :1])
    with pytest.raises(SetError, match="do not correspond"):
        shared_neighbours(vectors[0], vectors[1, :2])


def test_the_search_says_how_far_it_is_and_can_be_stopped():
    a, b = np.random.default_rng(0).normal(size=(2, 30, 4)).astype(np.float32)
    told = []
    shared_neighbours(a, b, progress=lambda done, total: told.append((done, total)))
    assert told == [(30, 60), (60, 60)]

    def stop(done, total):
        raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        shared_neighbours(a + 1, b, progress=stop)


def test_the_nearest_label_is_looked_up_by_cosine():
    vectors = np.array([[1, 0], [9, 1], [0, 1], [1, 9], [-1, 0]], np.float32)
    assert nearest_label_accuracy(vectors, ["a", "a", "b", "b", "a"]) == pytest.approx(4 / 5)
    assert nearest_label_accuracy(vectors, ["a", "b", "a", "b", "a"]) == pytest.approx(1 / 5)


def test_windows_of_the_same_recording_do_not_answer_for_each_other():
    rng = np.random.default_rng(0)
    recordings = np.repeat(np.arange(40), 5)
    # Labels know nothing of the vectors, but all windows of a recording lie together.
    vectors = rng.normal(size=(40, 8))[recordings] + 0.01 * rng.normal(size=(200, 8))
    labels = np.array(["a", "b"])[rng.permutation(40) % 2][recordings]
    vectors = vectors.astype(np.float32)
    assert nearest_label_accuracy(vectors, labels) == 1
    assert nearest_label_accuracy(vectors, labels, recordings) == pytest.approx(0.5, abs=0.25)


def test_rows_without_a_label_neither_ask_nor_answer():
    vectors = np.array([[1, 0], [1, 0.01], [1, 0.3], [0, 1], [0.1, 1]], np.float32)
    labels = ["a", "", "a", "b", "b"]
    assert nearest_label_accuracy(vectors, labels) == 1
    assert nearest_label_accuracy(vectors, ["a", "", "", "", ""]) is None
    assert nearest_label_accuracy(vectors, labels, ["one"] * 5) is None


def test_silence_is_nearest_to_silence():
    vectors = np.array([[1, 0], [-1, 0.1], [0, 0], [0, 0]], np.float32)
    assert nearest_label_accuracy(vectors, ["x", "y", "quiet", "quiet"]) == 0.5


def test_of_many_rows_some_stand_for_all(monkeypatch):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 900)
    vectors = (2 * np.eye(3)[labels] + rng.normal(size=(900, 3))).astype(np.float32)
    exact = nearest_label_accuracy(vectors, labels)
    monkeypatch.setattr("embedviz.agreement.MOST_ASKED", 300)
    told = []
    estimate = nearest_label_accuracy(vectors, labels, progress=lambda *both: told.append(both))
    assert told[-1] == (300, 300)
    assert estimate == pytest.approx(exact, abs=0.08)
    assert 0.5 < exact < 0.95
