"""An evaluation asks every model the same, beside log-mel and the commonest class."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import tone
from drawn import drawn_set
from sklearn.metrics import confusion_matrix

from embedviz import models
from embedviz.audio import sha256
from embedviz.data import Source
from embedviz.embed import embed
from embedviz.errors import Cancelled, EmbedvizError, EvaluationError, Unheard
from embedviz.evaluation import baseline
from embedviz.evaluation.evaluate import PARTS, evaluate
from embedviz.labels import from_folders
from embedviz.recordings import gather


def knowing(how_well, model="drawn", seed=0, **options):
    """A set whose first value says the call, so much louder than the noise around it."""
    found = drawn_set(seed=seed, model=model, **options)
    call = found.table["call"].str[-1].astype(int).to_numpy()
    found.vectors[:, 0] += how_well * call
    return found


@pytest.fixture
def three():
    """A model that knows the call, one that half does, and log-mel that does not."""
    options = {"recordings": 24, "windows": 2}
    return {
        "good": knowing(9, **options),
        "fair": knowing(1.5, seed=1, **options),
        "log-mel": knowing(0, seed=2, model="logmel", **options),
    }


def by_name(found, probe="logistic"):
    return {one.model: one for one in found.probed if one.probe == probe}


def test_models_stand_side_by_side_with_their_ensemble_and_the_baseline(three):
    found = evaluate(three, "call", parts=("ensembles",))
    models_of = ["good", "fair", "log-mel", "ensemble of good, fair"]
    assert [one.model for one in found.probed[::2]] == models_of
    assert [one.probe for one in found.probed[:2]] == ["logistic", "nearest"]
    assert [one.model for one in found.probed if one.baseline] == ["log-mel"] * 2
    value = {name: one.scores["accuracy"].value for name, one in by_name(found).items()}
    assert value["good"] == 1
    assert 0.6 < value["fair"] < 1
    assert 0.2 < value["log-mel"] < 0.75
    assert value["ensemble of good, fair"] == 1
    assert (found.task.majority, found.task.pooling) == (0.5, "mean")
    assert set(found.probed[0].scores) >= {"roc_auc", "average_precision"}


def test_three_models_are_joined_in_pairs_and_all_together(three):
    three["best"] = knowing(12, seed=5, recordings=24, windows=2)
    found = evaluate(three, "call", parts=("ensembles",), probes=["logistic"])
    assert [one.model for one in found.probed[4:]] == [
        "ensemble of good, fair",
        "ensemble of good, best",
        "ensemble of fair, best",
        "ensemble of good, fair, best",
    ]
    for number in range(3):
        three[f"other {number}"] = knowing(1, seed=6 + number, recordings=24, windows=2)
    found = evaluate(three, "call", parts=("ensembles",), probes=["logistic"])
    joined = [one.model for one in found.probed if one.model.startswith("ensemble")]
    assert joined == ["ensemble of good, fair, best, other 0, other 1, other 2"]


def test_every_pair_is_compared_on_the_same_units(three):
    found = evaluate(three, "call", parts=(), probes=["logistic"])
    assert [(one.a, one.b) for one in found.differences] == [
        ("good", "fair"),
        ("good", "log-mel"),
        ("fair", "log-mel"),
    ]
    probed, one = by_name(found), found.differences[1].accuracy
    apart = [probed[name].scores["accuracy"].value for name in ("good", "log-mel")]
    assert one.value == pytest.approx(apart[0] - apart[1])
    assert 0 < one.low < one.value <= one.high


def test_predictions_say_what_the_confusion_counts(three):
    found = evaluate(three, "call", parts=(), folds=None)
    for one in found.probed:
        wanted = confusion_matrix(found.units.truth, one.predicted)
        assert one.confusion.tolist() == wanted.tolist()
        right = one.predicted == found.units.truth
        shares = [right[found.units.fold == fold].mean() for fold in range(5)]
        assert one.fold_accuracy == pytest.approx(shares)
    assert json.loads(json.dumps(found.to_json()))["task"]["counts"] == [12, 12]


def test_one_set_is_asked_row_by_row_or_per_recording(three):
    one = {"fair": three["fair"]}
    rows = evaluate(one, "call", parts=())
    pooled = evaluate(one, "call", parts=(), pooling="mean+std")
    assert (rows.task.pooling, len(rows.units.truth)) == ("window", 48)
    assert (pooled.task.pooling, len(pooled.units.truth)) == ("mean+std", 24)
    assert (pooled.units.start_s[0], pooled.units.stop_s[0]) == (0, 2)


def test_curves_grow_to_what_all_recordings_give(three):
    found = evaluate({"fair": three["fair"]}, "call", parts=("curves",), components=3)
    logistic, nearest = found.probed
    assert logistic.setting == 3
    assert [point.x for point in logistic.by_setting] == [1, 2, 3, 4]
    assert [point.x for point in nearest.by_setting] == [1, 2, 3, 5, 10, 20, 38]
    for one in found.probed:
        chosen = next(point for point in one.by_setting if point.x == one.setting)
        assert chosen.score == one.by_labelled[-1].score
        assert chosen.score.value == one.scores["accuracy"].value
        labelled = [point.x for point in one.by_labelled]
        assert labelled == sorted(labelled)
        assert labelled[0] == 2
        assert labelled[-1] == pytest.approx(24 * 4 / 5, abs=0.5)


def test_more_labelled_recordings_help_a_hard_task():
    found = evaluate({"hard": knowing(1.2, recordings=80, dims=12)}, "call", parts=("curves",))
    curve = found.probed[0].by_labelled
    assert curve[0].score.value + 0.05 < curve[-1].score.value


def test_a_site_that_gives_the_call_away_does_not_help_when_it_is_the_group():
    """Vectors hold the site alone; sites have one call each."""
    sites = [f"site {one % 8}" for one in range(48)]
    found = drawn_set(recordings=48, dims=8, site=sites)
    number = found.table["site"].str[-1].astype(int).to_numpy()
    found.vectors[:] *= 0.1
    found.vectors[np.arange(len(found)), number] += 5
    naive = evaluate({"drawn": found}, "call", parts=(), probes=["nearest"])
    fair = evaluate({"drawn": found}, "call", parts=(), probes=["nearest"], group="site")
    assert naive.probed[0].scores["accuracy"].value == 1
    assert fair.probed[0].scores["accuracy"].value < 0.75
    assert fair.probed[0].scores["accuracy"].low < 0.5


def test_ninety_five_to_five_is_held_against_the_commonest_class():
    calls = ["song"] * 57 + ["chirp"] * 3
    found = evaluate({"drawn": drawn_set(recordings=60, call=calls)}, "call", parts=())
    assert found.task.majority == 0.95
    assert found.probed[0].scores["balanced_accuracy"].value < 0.7
    assert any("always saying 'song', which is right in 95.0%" in note for note in found.notes)


def test_where_the_sound_is_gone_the_baseline_is_missing_and_said_so(three):
    found = evaluate({"good": three["good"]}, "call", parts=())
    assert [one.model for one in found.probed] == ["good", "good"]
    assert found.notes == ("There is no log-mel baseline: it is not known where clip000.wav lies.",)


def test_where_not_one_recording_can_be_heard_the_baseline_is_missing_too(three, monkeypatch):
    def unheard(*_, **__):
        raise Unheard({f"clip{number:03d}.wav": "It is empty." for number in range(24)})

    monkeypatch.setattr(baseline, "logmel_vectors", unheard)
    found = evaluate({"good": three["good"]}, "call", parts=(), probes=["nearest"])
    assert [one.model for one in found.probed] == ["good"]
    assert found.notes == (
        "There is no log-mel baseline: Not one of 24 recordings could be heard. It is empty.",
    )


OPTIONAL = {
    "clusters": ("clustering.clustered", "Night: the search for clusters was left out"),
    "trust": ("maptrust.trusted", "Night: the trust of the map was left out"),
    "confounds": ("confounds.confounds", "Night: the search for confounds was left out"),
    "corrections": (
        "corrections.corrected",
        "Night: the probing without what disturbs was left out",
    ),
    "ensembles": ("athand.side_by_side", "The ensemble of Night, fair was left out"),
}


@pytest.mark.parametrize("part", OPTIONAL)
def test_a_part_that_cannot_be_had_is_left_out_and_said_so(three, monkeypatch, part):
    name, words = OPTIONAL[part]
    sets = {"Night": three["good"], "fair": three["fair"], "log-mel": three["log-mel"]}
    raised = []

    def fail(*_, **__):
        raise raised[-1]

    monkeypatch.setattr(f"embedviz.evaluation.{name}", fail)
    raised.append(EmbedvizError("It rained."))
    found = evaluate(sets, "call", parts=[part], probes=["nearest"])
    assert [one.model for one in found.probed] == list(sets)
    assert f"{words}: It rained." in found.notes
    raised.append(Cancelled("stopped"))
    with pytest.raises(Cancelled):
        evaluate(sets, "call", parts=[part], probes=["nearest"])


def test_where_confounds_cannot_be_listened_for_the_rest_goes_on(three, monkeypatch):
    def fail(*_, **__):
        raise EmbedvizError("It rained.")

    monkeypatch.setattr("embedviz.evaluation.things.things", fail)
    found = evaluate(three, "call", parts=["confounds"], probes=["nearest"])
    assert found.notes == ("The search for confounds was left out: It rained.",)


def test_rows_without_a_label_that_hold_nan_cost_only_the_trust_of_the_map(three):
    night = three["good"]
    night.table.loc[:1, "call"] = ""
    night.vectors[:2] = np.nan
    sets = {"Night": night, "log-mel": three["log-mel"]}
    found = evaluate(sets, "call", parts=["trust", "clusters"], probes=["nearest"])
    assert {one.model for one in found.clustered} == set(sets)
    assert [one.model for one in found.trusted] == ["log-mel"]
    assert (
        "Night: the trust of the map was left out: 2 of 48 vectors hold NaN or infinity; leave "
        "those rows out."
    ) in found.notes


def with_sound(found, write_wav):
    """The set with a sound for each recording: its pitch says the call."""
    sources = {}
    for name, own in found.table.groupby("recording"):
        hz = 500 + 1500 * int(own["call"].iloc[0][-1])
        path = write_wav(name, tone(hz, 2.0) + 0.01 * tone(200 + 7 * int(name[4:7]), 2.0))
        sources[name] = Source(str(path), sha256(path), 2.0, 16000, 1)
    return replace(found, provenance=replace(found.provenance, recordings=sources))


def test_the_baseline_hears_the_recordings_again(write_wav, tmp_path):
    heard = with_sound(drawn_set(recordings=8, windows=2), write_wav)
    found = evaluate({"drawn": heard}, "call", parts=(), probes=["logistic"])
    assert [(one.model, one.baseline) for one in found.probed] == [
        ("drawn", False),
        ("Log-mel", True),
    ]
    drawn, log_mel = (one.scores["accuracy"].value for one in found.probed)
    assert log_mel > 0.8
    assert found.differences[0].accuracy.value == drawn - log_mel

    direct = embed(gather([tmp_path], unpack_to=tmp_path).recordings, models.load_model("logmel"))
    own = baseline.logmel_vectors(heard.provenance, found.units, pooling="window")
    # Windows start every 0.48 s: within a row of one second lies the middle of two.
    inside = direct.table["start_s"].isin([0, 0.48]) & (direct.table["recording"] == "clip000.wav")
    wanted = direct.vectors[inside.to_numpy()]
    np.testing.assert_allclose(own[0], wanted.mean(axis=0), atol=1e-5)
    whole = replace(
        found.units,
        recording=found.units.recording[::2],
        start_s=found.units.start_s[::2],
        stop_s=found.units.stop_s[1::2],
    )
    pooled = baseline.logmel_vectors(heard.provenance, whole, pooling="max")
    every = direct.vectors[(direct.table["recording"] == "clip000.wav").to_numpy()]
    np.testing.assert_allclose(pooled[0], every.max(axis=0), atol=1e-5)

    write_wav("clip003.wav", tone(300, 2.0))
    with pytest.raises(EvaluationError, match="clip003.wav has changed"):
        baseline.logmel_vectors(heard.provenance, found.units, pooling="window")


def test_clusters_confounds_and_corrections_come_with_it(three):
    sets = {"good": three["good"], "log-mel": three["log-mel"]}
    found = evaluate(sets, "call", parts=set(PARTS) - {"trust", "curves"})
    assert {one.model for one in found.clustered} == {"good", "log-mel"}
    assert {one.model for one in found.corrected} == {"good", "log-mel"}
    assert any("could not be read" in note for note in found.notes)


def test_the_map_of_a_set_is_what_is_trusted(three, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "embedviz.evaluation.maptrust.trusted",
        lambda title, vectors, projection, **_: asked.append((title, len(vectors), projection)),
    )
    evaluate(three, "call", parts=["trust"], probes=["nearest"])
    assert asked == [("good", 48, None), ("fair", 48, None), ("log-mel", 48, None)]


def test_progress_has_words_and_stops_the_work(three):
    told = []
    evaluate(three, "call", parts=["ensembles"], progress=told.append)
    assert [now.done for now in told] == sorted(now.done for now in told)
    assert told[-1].done == told[-1].total
    words = [now.doing for now in told]
    assert {"good: logistic regression", "fair: nearest neighbours"} <= set(words)
    heard = []

    def stop(now):
        heard.append(now)
        if now.doing.startswith("fair"):
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        evaluate(three, "call", parts=["ensembles"], progress=stop)
    assert sum(now.doing.startswith("fair") for now in heard) == 1


def test_the_same_seed_gives_the_same_evaluation(three):
    sets = {"fair": three["fair"]}
    one, same = (evaluate(sets, "call", parts=["curves"], seed=3) for _ in range(2))
    assert replace(one, made=None).to_json() == replace(same, made=None).to_json()
    assert one.made.seed == 3
    assert "seed=3" in one.made.command
    assert one.made.sets["fair"]["rows"] == 48


@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"seed": 3},
        {"probes": ("logistic",), "components": 3, "neighbours": 2, "seed": 4, "parts": ()},
        {"group": "call", "folds": "site", "pooling": "mean", "parts": ("curves", "trust")},
    ],
)
def test_the_printed_call_holds_all_that_is_not_as_by_default(chosen, monkeypatch):
    calls = []
    monkeypatch.setattr("embedviz.evaluation.evaluate.run_all", lambda *_: None)
    options = dict(chosen)
    if "parts" in chosen:
        # Of any kind and in any order, twice or once.
        options["parts"] = [*reversed(chosen["parts"]), *chosen["parts"]]
    if "group" in chosen:
        options = {**options, "group": "site", "folds": "fold"}
        chosen = {**chosen, "group": "site", "folds": "fold"}
    sites = [str(one // 2) for one in range(12)]
    found = drawn_set(site=sites, fold=[str(one // 4) for one in range(12)])
    made = evaluate({"drawn": found}, "call", **options).made
    call = {"embedviz": SimpleNamespace(evaluate_sets=lambda *a, **k: calls.append((a, k)))}
    eval(made.command, call | {"sets": "the sets"})  # noqa: S307 (what was printed)
    assert calls == [(("the sets", "call"), chosen)]


def test_the_printed_call_says_that_recordings_were_found_by_a_function(three):
    sets = {"fair": three["fair"], "log-mel": three["log-mel"]}
    made = evaluate(sets, "call", parts=(), find=lambda name: None).made
    assert made.command == "embedviz.evaluate_sets(sets, 'call', parts=(), find=find)"


def test_vectors_that_are_too_large_or_all_alike_are_evaluated_or_refused_in_one_sentence(three):
    """Without a traceback, and without warnings, which would be errors here."""
    one, parts = three["good"], ("corrections", "clusters", "curves")
    large = replace(one, vectors=one.vectors * np.float32(1e25))
    with pytest.raises(EvaluationError, match="^large: The vectors hold values up to"):
        evaluate({"large": large}, "call", parts=parts)
    alike = replace(one, vectors=np.ones_like(one.vectors))
    found = evaluate({"alike": alike}, "call", parts=parts)
    assert {each.model for each in found.corrected} == {"alike"}
    assert found.probed[0].scores["accuracy"].value == pytest.approx(0.5, abs=0.2)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"probes": ["forest"]}, "The probe 'forest' is not one of logistic, nearest"),
        ({"probes": []}, "No probe was chosen"),
        ({"parts": ["map"]}, "The part 'map' is not one of curves"),
        ({"components": 0}, "Found 0 components; wanted 1 or more"),
        ({"neighbours": -1}, "Found -1 neighbours"),
    ],
)
def test_what_cannot_be_had_is_one_sentence(three, options, sentence):
    with pytest.raises(EvaluationError, match=sentence):
        evaluate(three, "call", **options)
    with pytest.raises(EvaluationError, match="no set to evaluate"):
        evaluate({}, "call")
    three["good"].vectors[3, 1] = np.inf
    with pytest.raises(EvaluationError, match="good: A vector holds NaN or infinity"):
        evaluate(three, "call", parts=())


@pytest.mark.shared
def test_esc10_is_told_apart_as_well_as_was_measured_elsewhere(shared, tmp_path):
    """Figures of shared/fixtures/efficientat/README.md: plain scikit-learn on folds 1 to 3.

    Its log-mel holds mean and standard deviation of each band; ours has their change beside it.
    """
    found = gather([shared / "audio" / "esc10"], unpack_to=tmp_path).recordings
    sets = {}
    for name in ("efficientat", "yamnet", "logmel"):
        weights = None if name == "logmel" else shared / "weights"
        model = models.load_model(name, weights=weights)
        # There YAMNet's windows do not overlap.
        hop_s = 0.96 if name == "yamnet" else None
        one = embed(from_folders(found), model, per="recording", hop_s=hop_s)
        fold = one.table["recording"].str.split("/").str[-1].str[0]
        sets[name] = replace(one, table=one.table.assign(fold=fold))
    sets["of README"] = replace(sets["logmel"], vectors=sets["logmel"].vectors[:, :128])
    got = evaluate(sets, "label", folds="fold", parts=(), probes=["logistic"])
    assert got.task.folds == ("1", "2", "3")
    assert len(got.units.truth) == 240
    # Leave one out, the nearest by cosine: 94.58 and 70.42 there.
    alike = {}
    for name in ("yamnet", "logmel"):
        unit = sets[name].vectors / np.linalg.norm(sets[name].vectors, axis=1, keepdims=True)
        labels = sets[name].table["label"].to_numpy()
        assert len(set(labels)) == 10
        nearest = (unit @ unit.T - 4 * np.eye(240)).argmax(axis=1)
        alike[name] = (labels[nearest] == labels).mean()
    assert alike["yamnet"] >= 0.93
    assert 0.6 < alike["logmel"] < alike["yamnet"]
    value = {one.model: 100 * one.scores["accuracy"].value for one in got.probed}
    assert value["efficientat"] == pytest.approx(97.50, abs=2)
    assert value["yamnet"] == pytest.approx(93.75, abs=2)
    assert value["of README"] == pytest.approx(72.08, abs=2)
    assert value["of README"] < value["logmel"] < value["yamnet"]
    for fold, wanted in zip(got.probed[0].fold_accuracy, (100, 97.5, 95), strict=True):
        assert 100 * fold == pytest.approx(wanted, abs=2)
    for fold, wanted in zip(got.probed[1].fold_accuracy, (96.25, 97.5, 87.5), strict=True):
        assert 100 * fold == pytest.approx(wanted, abs=2)
