"""Splits: recordings, their copies and groups are never on both sides."""

from dataclasses import replace

import numpy as np
import pytest
from drawn import copied, drawn_set

from embedviz.errors import EvaluationError
from embedviz.evaluation.folds import groups_of_class, joined_groups, make_folds
from embedviz.evaluation.pooled import pooled
from embedviz.evaluation.question import Question
from embedviz.evaluation.units import gathered


def asked(found, label="call", **options):
    sets = found if isinstance(found, dict) else {"drawn": found}
    return gathered(sets, Question(label, **options))


def folds_of(found, key):
    """Value of a table's column -> the folds its units are in."""
    return {
        value: {fold for one, fold in zip(key, found.units.fold, strict=True) if one == value}
        for value in key
    }


def test_windows_of_a_recording_stay_together_and_classes_are_spread():
    found = asked(drawn_set(recordings=30, windows=4, classes=3))
    assert len(found.task.folds) == 5
    assert all(len(folds) == 1 for folds in folds_of(found, found.units.recording).values())
    for fold in range(5):
        assert set(found.units.truth[found.units.fold == fold]) == {0, 1, 2}


def test_a_copy_under_another_name_stays_with_what_it_copies():
    plain = drawn_set(recordings=40, windows=1)
    same = {f"clip{one + 20:03d}": f"clip{one:03d}" for one in range(20)}
    apart, found = asked(plain), asked(copied(plain, **same))
    assert found.task.recordings == 20

    def torn(one):
        fold = dict(zip(one.units.recording, one.units.fold, strict=True))
        return [copy for copy, name in same.items() if fold[f"{copy}.wav"] != fold[f"{name}.wav"]]

    assert torn(apart)
    assert not torn(found)


def test_a_value_of_the_group_column_is_never_on_both_sides():
    sites = [f"site {one // 4}" for one in range(24)]
    found = asked(drawn_set(recordings=24, site=sites), group="site")
    assert all(len(folds) == 1 for folds in folds_of(found, found.group_values).values())
    assert len(set(found.groups)) == 6
    assert "'site'" in found.task.split


def test_a_recording_in_two_groups_joins_them():
    table_groups = ["a", "a", "b", "b", "c"]
    recordings = ["1", "2", "2", "3", "4"]
    assert joined_groups(recordings, table_groups).tolist() == [0, 0, 0, 0, 1]
    assert joined_groups(["1", "2", "3"], ["", "", "x"]).tolist() == [0, 1, 2]


def test_official_folds_are_used_as_they_are_and_ordered_as_numbers():
    given = [str(10 if one % 3 == 2 else one % 3 + 1) for one in range(12)]
    found = asked(drawn_set(recordings=12, fold=given), folds="fold")
    assert found.task.folds == ("1", "2", "10")
    for name, fold in zip(found.units.recording, found.units.fold, strict=True):
        assert found.task.folds[fold] == given[int(name[4:7])]


def test_only_official_folds_that_test_something_are_named_and_counted():
    folds, calls = [str(one // 4 + 1) for one in range(16)], ["a", "b"] * 6 + [None] * 4
    found = asked(drawn_set(recordings=16, fold=folds, call=calls), folds="fold")
    assert found.task.folds == ("1", "2", "3")
    wanted = "The 3 folds are those of the column 'fold' in which something can be tested."
    assert found.task.split == wanted
    assert set(found.units.fold) == {0, 1, 2}
    # A fold before the others, of which only a class that lies nowhere else has rows.
    calls = ["owl"] * 4 + ["a", "b"] * 6
    found = asked(drawn_set(recordings=16, fold=folds, call=calls), folds="fold")
    assert found.task.folds == ("2", "3", "4")
    assert set(found.units.fold) == {0, 1, 2}
    by_name = {one.removesuffix(".wav")[-2:] for one in np.array(found.units.recording)[:12]}
    assert by_name == {"04", "05", "06", "07"}
    assert set(found.units.fold[:12]) == {0}


@pytest.mark.parametrize(
    ("calls", "others"),
    [
        (["wren"] * 8 + ["owl"] * 4, r"the other \(owl\)"),
        (["wren"] * 8 + ["owl", "fox"] * 2, r"the others \(fox, owl\)"),
    ],
)
def test_official_folds_that_leave_one_class_are_refused(calls, others):
    folds = ["1", "2"] * 4 + ["1"] * 4
    sentence = f"Only the class 'wren' lies in two .*column 'fold', {others} in one fold only.* two"
    with pytest.raises(EvaluationError, match=sentence) as error:
        asked(drawn_set(call=calls, fold=folds), folds="fold")
    assert str(error.value).count(".") == 1


def test_made_folds_that_leave_one_class_are_refused():
    """All owls are at one site, so that no site could teach them and another be asked."""
    sites = ["a", "b"] * 4 + ["c"] * 4
    found = drawn_set(call=["wren"] * 8 + ["owl"] * 4, site=sites)
    with pytest.raises(EvaluationError, match="Fewer than two classes lie in two or more"):
        asked(found, group="site")


def test_folds_that_tear_a_recording_or_its_copy_apart_are_refused():
    torn = drawn_set()
    torn.table["fold"] = [str(row % 2) for row in range(len(torn))]
    with pytest.raises(EvaluationError, match="clip000.wav lies in the folds '0' and '1'"):
        asked(torn, folds="fold")
    with pytest.raises(EvaluationError, match="clip000.wav"):
        asked(torn, folds="fold", pooling="mean")
    whole = drawn_set(fold=[str(one % 2) for one in range(12)])
    with pytest.raises(EvaluationError, match=r"clip000.wav \(with clip005.wav\) lies in"):
        asked(copied(whole, clip005="clip000"), folds="fold")


def test_there_are_as_many_folds_as_the_rarest_class_has_recordings():
    calls = ["rare"] * 3 + ["common"] * 20
    assert len(asked(drawn_set(recordings=23, call=calls)).task.folds) == 3


def test_a_class_with_one_recording_is_left_out_and_said_so():
    found = asked(drawn_set(recordings=11, call=["owl"] + ["duck", "swan"] * 5))
    assert found.task.classes == ("duck", "swan")
    assert found.task.left_out == (
        "Left out: owl (3 rows), found in one recording only, so that a probe could not be both "
        "taught and tested.",
    )
    assert len(found.units.truth) == 30


def test_a_class_that_is_left_out_is_counted_in_what_is_classified():
    solo = drawn_set(recordings=11, call=["owl"] + ["duck", "swan"] * 5)
    (said,) = asked(solo, pooling="mean").task.left_out
    assert said.startswith("Left out: owl (1 recording), found in one recording only")
    site = drawn_set(call=["owl"] * 2 + ["duck", "swan"] * 5, site=["x"] * 2 + list("aabbccddee"))
    (said,) = asked(site, pooling="max", group="site").task.left_out
    assert "owl (2 recordings)" in said
    (said,) = asked(drawn_set(11, 1, call=["owl"] + ["duck", "swan"] * 5)).task.left_out
    assert "owl (1 row)" in said


def test_rows_without_a_label_are_left_out_and_counted():
    found = asked(drawn_set(recordings=12, call=[None, float("nan"), ""] + ["a", "b", "c"] * 3))
    assert found.task.counts == (9, 9, 9)
    assert found.task.left_out == ("Left out: rows without a label (9 of 36).",)


def test_pooled_recordings_need_one_label():
    both = drawn_set(recordings=6, windows=2)
    both.table.loc[0, "call"] = "other"
    assert asked(both, pooling="mean").task.left_out == (
        "Left out: recordings with more than one label (1 of 6).",
    )
    both.table["call"] = ["a", "b"] * 6
    with pytest.raises(EvaluationError, match="pool by window"):
        asked(both, pooling="max")
    assert asked(both).task.counts == (6, 6)


def test_where_recordings_with_several_labels_leave_one_class_that_is_said():
    found = drawn_set(recordings=20, windows=4, call=["a"] * 20)
    found.table.loc[np.arange(80) // 4 >= 10, "call"] = ["a", "b", "b", "b"] * 10
    with pytest.raises(EvaluationError) as error:
        asked(found, pooling="mean")
    assert str(error.value) == (
        "All recordings with one value of 'call' have 'a', and a probe needs at least two classes "
        "to tell apart; 10 with more than one label were left out, so pool by window (--pool "
        "window), so that each row keeps its own."
    )
    assert asked(found).task.counts == (50, 30)


def test_recordings_of_which_only_some_windows_are_labelled_are_told():
    found = drawn_set(recordings=6, windows=4)
    assert asked(found, pooling="mean").task.left_out == ()
    found.table.loc[1:3, "call"] = None
    assert asked(found, pooling="mean").task.left_out == (
        "1 recording is labelled by only some of its windows; all its windows are pooled.",
    )
    found.table.loc[np.arange(24) % 4 > 0, "call"] = None
    pooled_ = asked(found, pooling="mean")
    assert pooled_.task.counts == (3, 3)
    assert pooled_.task.left_out == (
        "6 recordings are labelled by only some of their windows; all their windows are pooled.",
    )
    # A recording that cannot be used is pooled by nobody.
    found.table.loc[np.arange(24) // 4 == 0, "call"] = ["a", "b", None, None]
    assert asked(found, pooling="mean").task.left_out[1].startswith("5 recordings")
    assert asked(found).task.left_out[0].startswith("Left out: rows without a label (17 of 24)")


@pytest.mark.parametrize(
    ("options", "columns", "sentence"),
    [
        ({"label": "species"}, {"site": ["a"] * 12}, "no column 'species'; there are call, site"),
        ({"group": "day"}, {}, "has no column 'day'; it has recording, start_s, stop_s, call"),
        ({}, {"call": ["song"] * 12}, "the label 'song' in the column 'call'.* two classes"),
        ({}, {"call": [""] * 12}, "'call' is empty in every row"),
        ({"group": "site"}, {"site": ["a"] * 12}, "one recording or group; a split needs at least"),
        ({"group": "call"}, {}, "Fewer than two classes lie in two or more"),
        ({"folds": "fold"}, {"fold": ["1"] * 12}, "only the fold '1'; a split needs at least two"),
        ({"folds": "call"}, {}, "No class lies in two folds of the column 'call'"),
        ({"pooling": "median"}, {}, "'median' is not one of window, mean, max"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(options, columns, sentence):
    with pytest.raises(EvaluationError, match=sentence) as error:
        asked(drawn_set(**columns), **options)
    assert str(error.value).endswith(".")


def test_an_empty_set_is_said_to_be_empty():
    found = drawn_set()
    empty = replace(found, table=found.table[:0], vectors=found.vectors[:0])
    with pytest.raises(EvaluationError, match="^drawn has no rows; give a set that has some.$"):
        asked(empty)
    with pytest.raises(EvaluationError, match="^second has no rows"):
        asked({"first": found, "second": empty})


def test_one_recording_cannot_be_split():
    found = drawn_set(recordings=1, windows=8)
    found.table["call"] = ["a", "b"] * 4
    with pytest.raises(EvaluationError, match="one recording or group"):
        asked(found)


def test_sixty_classes_are_split():
    truth = np.repeat(np.arange(60), 6)
    fold = make_folds(truth, np.arange(360) // 2)
    assert set(fold) == {0, 1, 2}
    assert groups_of_class(truth, fold).min() == 3


def test_the_same_seed_gives_the_same_folds_and_another_others():
    truth, groups = np.arange(60) % 3, np.arange(60) // 3
    first = make_folds(truth, groups, seed=1)
    assert (first == make_folds(truth, groups, seed=1)).all()
    assert (first != make_folds(truth, groups, seed=2)).any()


def test_sets_of_other_windows_meet_in_their_recordings():
    narrow, wide = drawn_set(windows=4), drawn_set(recordings=10, windows=2, seed=1)
    bare = replace(wide, table=wide.table.drop(columns="call"))
    found = asked({"bare": bare, "narrow": narrow})
    assert (found.task.pooling, found.reference) == ("mean", "narrow")
    assert found.task.left_out == ("Left out: recordings that not every set has (2 of 12).",)
    assert found.unit_of_row["bare"].tolist() == np.repeat(np.arange(10), 2).tolist()
    assert found.unit_of_row["narrow"].tolist()[-9:] == [9] + [-1] * 8
    renamed = replace(bare, table=bare.table.assign(recording="else.wav"))
    with pytest.raises(EvaluationError, match="in common"):
        asked({"bare": renamed, "narrow": narrow})


def test_rows_are_paired_where_they_correspond():
    first, second = drawn_set(windows=3), drawn_set(windows=2, seed=1)
    found = asked({"a": first, "b": second}, pooling="window")
    assert len(found.units.truth) == 24
    assert found.unit_of_row["a"].tolist()[:4] == [0, 1, -1, 2]


@pytest.mark.parametrize(
    ("pooling", "wanted"),
    [
        ("mean", [[2, 0], [5, 5]]),
        ("max", [[3, 1], [5, 5]]),
        ("mean+std", [[2, 0, 1, 1], [5, 5, 0, 0]]),
    ],
)
def test_rows_are_pooled(pooling, wanted, tmp_path):
    rows = np.array([[1, 1], [9, 9], [5, 5], [3, -1]], np.float32)
    unit = np.array([0, -1, 1, 0])
    np.save(tmp_path / "rows.npy", rows)
    for vectors in (rows, np.load(tmp_path / "rows.npy", mmap_mode="r")):
        assert pooled(vectors, unit, 2, pooling=pooling).tolist() == wanted


def test_many_rows_are_pooled_block_by_block():
    rng = np.random.default_rng(0)
    vectors, unit = rng.normal(size=(30_000, 2)).astype(np.float32), rng.integers(-1, 5, 30_000)
    unit[:20_000] = 3
    found = pooled(vectors, unit, 5)
    wanted = [vectors[unit == one].mean(axis=0, dtype=np.float64) for one in range(5)]
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_a_single_row_is_itself_and_none_may_be_broken():
    rows = np.arange(6, dtype=np.float32).reshape(3, 2)
    given = pooled(rows, np.array([1, -1, 0]), 2, pooling="mean+std")
    assert given.tolist() == [[4, 5], [0, 1]]
    rows[2, 0] = np.nan
    with pytest.raises(EvaluationError, match="NaN or infinity"):
        pooled(rows, np.array([1, -1, 0]), 2)


@pytest.mark.parametrize("pooling", ["window", "mean", "max", "mean+std"])
def test_vectors_too_large_for_the_squares_of_a_pca_are_refused(pooling):
    rng = np.random.default_rng(0)
    vectors, unit = rng.normal(size=(60, 4)).astype(np.float32), np.arange(60) // 2
    pooled(vectors * np.float32(1e16), unit, 30, pooling=pooling)
    # Each square of the first is below the largest float32, their sum is not.
    for size in (5e18, 1e25, 1e38):
        with pytest.raises(EvaluationError, match=r"values up to .*e\+\d\d, whose squares cannot"):
            pooled(vectors * np.float32(size), unit, 30, pooling=pooling)


def test_more_folds_are_dealt_where_fewer_leave_a_class_on_one_side():
    """Each class is at two of three sites: two folds always hold one class alone."""
    pairs = [("owl", 0), ("owl", 1), ("fox", 1), ("fox", 2), ("bat", 0), ("bat", 2)]
    truth, groups = zip(*pairs * 15, strict=True)
    folds = make_folds(truth, groups)
    assert sorted(set(folds.tolist())) == [0, 1, 2]
    assert all(
        len({f for t, f in zip(truth, folds, strict=True) if t == one}) == 2 for one in truth
    )


def test_no_class_is_asked_for_that_could_not_be_learned():
    """Whatever the layout of classes and groups: none lies in one fold, and no fold is empty."""
    made = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        classes = int(rng.integers(3, 6))
        truth, groups = [], []
        for group in range(rng.integers(4, 9)):
            for kind in rng.choice(classes, rng.integers(1, min(4, classes)), replace=False):
                units = int(rng.integers(1, 20))
                truth += [kind] * units
                groups += [group] * units
        try:
            folds = make_folds(truth, groups, seed=seed)
        except EvaluationError:
            continue
        made += 1
        used = folds >= 0
        assert sorted(set(folds[used].tolist())) == list(range(folds.max() + 1))
        assert len(set(np.array(truth)[used].tolist())) >= 2
        for kind in set(np.array(truth)[used].tolist()):
            assert len(set(folds[used & (np.array(truth) == kind)].tolist())) >= 2
    assert made > 40


@pytest.mark.parametrize("gap", [None, np.nan, ""])
def test_labels_keep_all_their_letters_where_some_rows_have_none(gap):
    found = drawn_set(recordings=12, call=["wren", "wood owl", gap, "duck"] * 3)
    assert asked(found).task.classes == ("duck", "wood owl", "wren")
