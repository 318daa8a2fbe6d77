"""Probes give the right answer where it is known, and scores are those of scikit-learn."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    balanced_accuracy_score,
    f1_score,
    roc_auc_score,
)
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from embedviz.errors import EvaluationError
from embedviz.evaluation.corrections import WithoutComponents
from embedviz.evaluation.folds import make_folds
from embedviz.evaluation.intervals import all_scores
from embedviz.evaluation.probes import predict_for_settings, predict_out_of_fold


def clouds(recordings, windows=2, classes=2, apart=2.0, dims=8, seed=0):
    """Vectors, classes and recordings; the classes' centres have this standard deviation."""
    rng = np.random.default_rng(seed)
    truth = np.arange(recordings * windows) // windows % classes
    vectors = rng.normal(size=(classes, dims))[truth] * apart
    vectors += rng.normal(size=vectors.shape)
    return vectors.astype(np.float32), truth, np.arange(len(truth)) // windows


def accuracy(vectors, truth, group, **options):
    fold = make_folds(truth, group)
    found = predict_out_of_fold(vectors, truth, fold, **options)
    return float((found.predicted == truth)[fold >= 0].mean())


@pytest.mark.parametrize("probe", ["logistic", "nearest"])
@pytest.mark.parametrize(("classes", "apart", "wanted"), [(2, 9, 1.0), (60, 9, 1.0), (4, 0, 0.25)])
def test_what_is_there_is_found_and_what_is_not_is_not(probe, classes, apart, wanted):
    found = accuracy(*clouds(max(120, 4 * classes), classes=classes, apart=apart), probe=probe)
    assert found == pytest.approx(wanted, abs=0 if apart else 0.08)


@pytest.mark.parametrize("probe", ["logistic", "nearest"])
def test_vectors_that_know_only_their_recording_fool_a_random_split_and_not_ours(probe):
    """Each recording has a place of its own that says nothing of its class."""
    rng = np.random.default_rng(3)
    recordings, windows = 60, 6
    group = np.repeat(np.arange(recordings), windows)
    truth = rng.permutation(recordings)[group] % 2
    places = rng.normal(size=(recordings, 64))
    vectors = (places[group] + 0.1 * rng.normal(size=(len(group), 64))).astype(np.float32)
    naive = {
        "logistic": make_pipeline(StandardScaler(), LogisticRegression()),
        "nearest": KNeighborsClassifier(3, metric="cosine"),
    }[probe]
    split = StratifiedKFold(5, shuffle=True, random_state=0)
    assert cross_val_score(naive, vectors, truth, cv=split).mean() > 0.95
    assert 0.3 < accuracy(vectors, truth, group, probe=probe) < 0.7


def test_all_components_are_the_same_as_no_pca():
    """The PCA only turns the vectors, which the penalty does not notice."""
    vectors, truth, group = clouds(60, apart=0.4, dims=12)
    fold = make_folds(truth, group)
    ours = predict_out_of_fold(vectors, truth, fold, setting=12)
    for number in range(5):
        tested = fold == number
        plain = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        plain.fit(vectors[~tested], truth[~tested])
        np.testing.assert_allclose(
            ours.scores[tested], plain.predict_proba(vectors[tested]), atol=2e-3
        )


@pytest.mark.parametrize("value", [0, 1, 1e-25])
def test_vectors_that_are_all_alike_say_nothing_and_warn_of_nothing(value):
    _, truth, group = clouds(20)
    vectors = np.full((40, 6), value, np.float32)
    fold = make_folds(truth, group)
    for first in (None, WithoutComponents(1)):
        found = predict_out_of_fold(vectors, truth, fold, first=first)
        np.testing.assert_allclose(found.scores, 0.5, atol=1e-6)


def test_neighbours_vote_as_in_scikit_learn_where_there_is_no_tie():
    vectors, truth, group = clouds(80, apart=0.4)
    fold = make_folds(truth, group)
    ours = predict_out_of_fold(vectors, truth, fold, probe="nearest", setting=7)
    for number in range(5):
        tested = fold == number
        theirs = KNeighborsClassifier(7, metric="cosine").fit(vectors[~tested], truth[~tested])
        assert (ours.predicted[tested] == theirs.predict(vectors[tested])).all()


def test_the_nearest_decides_between_as_many_votes():
    vectors = np.array([[1, 0], [1, 0.1], [1, 0.2], [0, 1], [-1, 0]], np.float32)
    found = predict_out_of_fold(
        vectors,
        np.array([0, 1, 0, 0, 1]),
        np.array([0, 1, 1, 1, 1]),
        probe="nearest",
        setting=2,
    )
    assert found.predicted[0] == 1
    assert found.scores[0].sum() == pytest.approx(1)


def test_a_curve_holds_what_each_setting_alone_gives():
    vectors, truth, group = clouds(40, apart=0.4)
    fold = make_folds(truth, group)
    for probe, settings in (("logistic", [1, 3, 8]), ("nearest", [1, 4, 9])):
        together = predict_for_settings(vectors, truth, fold, probe=probe, settings=settings)
        for setting, one in zip(settings, together, strict=True):
            alone = predict_out_of_fold(vectors, truth, fold, probe=probe, setting=setting)
            np.testing.assert_allclose(one.scores, alone.scores, atol=1e-4)


def test_more_components_than_there_are_become_those_there_are():
    vectors, truth, group = clouds(5, windows=2)
    fold = make_folds(truth, group)
    found = predict_out_of_fold(vectors, truth, fold, setting=500)
    assert found.setting == min(8, (fold != 0).sum() - 1, (fold != 1).sum() - 1)
    with pytest.raises(EvaluationError, match="wanted 1 or more"):
        predict_out_of_fold(vectors, truth, fold, setting=0)
    with pytest.raises(EvaluationError, match="'forest' is not one of logistic, nearest"):
        predict_out_of_fold(vectors, truth, fold, probe="forest")


def test_nothing_of_a_tested_fold_is_learnt():
    """Whatever the tested vectors are, the other folds' probes stay the same."""
    vectors, truth, group = clouds(30, apart=0.5)
    fold = make_folds(truth, group)
    changed = np.where((fold == 2)[:, None], vectors * 100 + 5, vectors)
    for probe in ("logistic", "nearest"):
        before = predict_out_of_fold(vectors, truth, fold, probe=probe)
        wrong = np.where(fold == 2, 1 - truth, truth)
        after = predict_out_of_fold(changed, wrong, fold, probe=probe)
        only = predict_out_of_fold(vectors, wrong, fold, probe=probe)
        assert (only.predicted[fold == 2] == before.predicted[fold == 2]).all()
        assert (after.predicted[fold != 2] != before.predicted[fold != 2]).any()


def test_units_in_no_fold_are_neither_taught_nor_tested():
    vectors, truth, group = clouds(20)
    truth = truth.copy()
    truth[:2] = 2
    fold = make_folds(truth, group)
    found = predict_out_of_fold(vectors, truth, fold)
    assert found.predicted[:2].tolist() == [-1, -1]
    assert np.isnan(found.scores[:2]).all()
    assert found.scores.shape == (40, 2)


def test_of_a_thousand_classes_no_scores_are_held():
    """Of 100,000 units they would fill 400 MB for each setting of a curve."""
    vectors, truth, group = clouds(60, classes=3, apart=0.4)
    for probe in ("logistic", "nearest"):
        fold = make_folds(truth, group)
        found = predict_out_of_fold(vectors, truth, fold, probe=probe)
        assert found.scores is None
        assert (found.predicted == truth).mean() > 0.5


def test_a_transformer_in_front_is_fitted_in_each_fold():
    vectors, truth, group = clouds(30, apart=0.7)
    scaled = vectors * np.float32(1000) ** np.arange(8, dtype=np.float32)[::-1]
    plain = accuracy(vectors, truth, group, probe="nearest")
    assert accuracy(scaled, truth, group, probe="nearest") < plain - 0.05
    first = StandardScaler()
    assert accuracy(scaled, truth, group, probe="nearest", first=first) > plain - 0.05
    assert not hasattr(first, "mean_")


def test_progress_counts_up_and_stops_the_work():
    vectors, truth, group = clouds(20)
    told = []
    accuracy(vectors, truth, group, progress=lambda done, total: told.append((done, total)))
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1]

    def stop(done, total):
        if done > total / 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        accuracy(vectors, truth, group, progress=stop)


@pytest.mark.parametrize("classes", [2, 3])
def test_scores_are_those_of_scikit_learn(classes):
    rng = np.random.default_rng(classes)
    truth = rng.integers(0, classes, 200)
    # Rounded, so that many units have the same score.
    scores = np.round(rng.dirichlet(np.ones(classes), 200) + 0.4 * np.eye(classes)[truth], 1)
    predicted = scores.argmax(axis=1)
    found = all_scores(truth, predicted, scores, np.arange(200) // 4)
    wanted = {
        "accuracy": accuracy_score(truth, predicted),
        "balanced_accuracy": balanced_accuracy_score(truth, predicted),
        "macro_f1": f1_score(truth, predicted, average="macro"),
    }
    if classes == 2:
        wanted["roc_auc"] = roc_auc_score(truth, scores[:, 1])
        rarer = int(np.bincount(truth).argmin())
        wanted["average_precision"] = average_precision_score(truth == rarer, scores[:, rarer])
    assert {name: score.value for name, score in found.items()} == pytest.approx(wanted)
    assert all(score.low <= score.value <= score.high for score in found.values())


def test_ninety_five_to_five_shows_in_the_scores_that_tell():
    truth = np.repeat([0, 1], [95, 5])
    always = np.zeros(100, np.int64)
    found = all_scores(truth, always, np.tile([0.9, 0.1], (100, 1)), np.arange(100))
    values = {name: score.value for name, score in found.items()}
    assert values == pytest.approx(
        {
            "accuracy": 0.95,
            "balanced_accuracy": 0.5,
            "macro_f1": f1_score(truth, always, average="macro"),
            "roc_auc": 0.5,
            "average_precision": 0.05,
        }
    )


@pytest.mark.parametrize("rare", [0, 1])
def test_average_precision_is_that_of_the_rarer_class_whatever_its_name(rare):
    truth = np.repeat([rare, 1 - rare], [20, 380])
    high = np.random.default_rng(0).random(400)
    of_rare = np.where(truth == rare, high + 0.1, high)
    scores = np.stack([1 - of_rare, of_rare] if rare else [of_rare, 1 - of_rare], axis=1)
    found = all_scores(truth, scores.argmax(axis=1), scores, np.arange(400))
    wanted = average_precision_score(truth == rare, of_rare)
    assert wanted < 0.3
    assert found["average_precision"].value == pytest.approx(wanted)
    assert found["roc_auc"].value == pytest.approx(roc_auc_score(truth == rare, of_rare))


def test_of_two_classes_as_large_average_precision_is_that_of_the_second():
    truth = np.repeat([0, 1], 30)
    high = np.random.default_rng(1).random(60)
    scores = np.stack([1 - high, high], axis=1)
    found = all_scores(truth, scores.argmax(axis=1), scores, np.arange(60))["average_precision"]
    assert found.value == pytest.approx(average_precision_score(truth, high))
    assert found.value != pytest.approx(average_precision_score(1 - truth, 1 - high))
