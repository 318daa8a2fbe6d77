"""What vectors know beside the label, and when that is said to explain a result."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import soundfile as sf

from embedviz.data import EmbeddingSet, Provenance, Source
from embedviz.errors import Cancelled
from embedviz.evaluation import corrections
from embedviz.evaluation.asked import time_blocks
from embedviz.evaluation.confounds import confounds
from embedviz.evaluation.corrections import centred, corrected, without_components
from embedviz.evaluation.folds import in_order, make_folds
from embedviz.evaluation.intervals import score_with_interval
from embedviz.evaluation.loudness import measured
from embedviz.evaluation.probes import predict_out_of_fold
from embedviz.evaluation.results import Task, Units
from embedviz.evaluation.things import things

RATE_HZ = 8000


def field(
    recordings=24, windows=6, classes=("rain", "wind"), *, label_of, site_of, folder_of=None, seed=0
):
    """A set of recordings without sound, its units and its task; vectors are drawn apart."""
    names = [f"{folder_of(i) if folder_of else 'all'}/r{i:03d}.wav" for i in range(recordings)]
    recording = np.repeat(np.arange(recordings), windows)
    labels = np.array([label_of(i) for i in range(recordings)])[recording]
    start = np.tile(np.arange(windows, dtype=float), recordings)
    table = pd.DataFrame(
        {
            "recording": np.array(names)[recording],
            "start_s": start,
            "stop_s": start + 1,
            "label": np.array(classes)[labels],
            "site": [f"site {site_of(i)}" for i in recording],
        }
    )
    provenance = Provenance(
        model="made", variant="default", weights={}, verified=True, rate_hz=RATE_HZ, window_s=1.0,
        hop_s=1.0, per="window", precision="float32", version="1", label_columns=("label", "site"),
    )  # fmt: skip
    rows = EmbeddingSet(table, np.zeros((len(table), 1), np.float32), provenance)
    units = Units(
        tuple(table["recording"]), tuple(start), tuple(start + 1), labels,
        make_folds(labels, recording, seed=seed),
    )  # fmt: skip
    task = Task("label", "", "window", classes, (0,) * len(classes), recordings, (), "", 0.5)
    return rows, units, task, recording


def spread(codes, strength, seed, dims=12):
    """Vectors (U, dims) that lie about a place of their own for each code."""
    rng = np.random.default_rng(seed)
    places = rng.normal(size=(int(codes.max()) + 1, dims))
    return strength * places[codes]


def noise(units, seed=99, dims=12):
    return np.random.default_rng(seed).normal(size=(units, dims))


def asked(vectors, rows, units, task, recording):
    vectors = vectors.astype(np.float32)
    said = predict_out_of_fold(vectors, units.truth, units.fold).predicted
    score = score_with_interval("balanced_accuracy", units.truth, said, None, recording)
    found = confounds("made", vectors, things(rows, units, task), task, label_score=score)
    return {one.what: one for one in found}, score


def test_a_site_that_gives_the_label_away_is_named():
    # Nine of ten recordings of a site have one label, and the vectors hold the site alone.
    given = {"site_of": lambda i: i % 4, "label_of": lambda i: (i % 2) ^ (i % 10 == 9)}
    rows, units, task, recording = field(40, **given)
    site = in_order(rows.table["site"])
    found, score = asked(spread(site, 3, 1) + noise(len(site)), rows, units, task, recording)
    assert score.value > 0.8
    assert found["site"].score.value > 0.95
    assert found["site"].chance == 0.25
    assert found["site"].tied_to_label == pytest.approx(0.9, abs=0.06)
    assert found["site"].warning.startswith(
        "The site may explain the result: it alone tells 'label'"
    )


def test_a_site_that_is_never_on_both_sides_of_a_split_explains_nothing():
    # As above, but nothing is tested at a site where it was learned: the call itself is heard.
    given = {"site_of": lambda i: i // 3, "label_of": lambda i: (i // 3) % 2}
    rows, units, task, recording = field(36, **given)
    site = in_order(rows.table["site"])
    units = replace(units, fold=make_folds(units.truth, site))
    vectors = spread(units.truth, 3, 1) + spread(site, 2, 2) + noise(len(site))
    found, score = asked(vectors, rows, units, task, recording)
    assert score.value > 0.9
    assert found["site"].tied_to_label > 0.9
    assert found["site"].warning.startswith("The site may explain the result")
    found, _ = asked(vectors, rows, units, replace(task, group="site"), recording)
    assert found["site"].score.value > 0.9
    assert found["site"].warning == ""


def test_innocent_vectors_raise_no_warning():
    given = {"site_of": lambda i: i % 3, "label_of": lambda i: (i // 3) % 2}
    rows, units, task, recording = field(36, **given)
    site = in_order(rows.table["site"])
    # They hold the label well, and a little of the site and of the recording.
    vectors = spread(units.truth, 2, 1) + spread(site, 0.4, 2) + spread(recording, 0.3, 3)
    found, score = asked(vectors + noise(len(site)), rows, units, task, recording)
    assert score.value > 0.85
    assert set(found) == {"site", "recording"}
    assert found["site"].tied_to_label < 0.65
    assert [one.warning for one in found.values()] == ["", ""]


def test_vectors_that_know_the_recording_better_than_the_call_are_told_so():
    given = {"site_of": lambda i: i % 3, "label_of": lambda i: (i // 3) % 2}
    rows, units, task, recording = field(72, **given)
    vectors = spread(recording, 3, 1, 24) + 0.5 * noise(len(recording), dims=24)
    found, score = asked(vectors, rows, units, task, recording)
    assert abs(score.value - 0.5) < 0.2
    assert found["recording"].score.value > 0.9
    assert found["recording"].tied_to_label == 1
    assert "made predicts the recording" in found["recording"].warning
    assert "better than 'label'" in found["recording"].warning
    assert found["site"].score.value < 0.6
    assert found["site"].warning == ""


def test_a_recorder_that_is_known_not_without_mistakes_is_named_too():
    given = {"site_of": lambda i: 0, "label_of": lambda i: i % 2}
    rows, units, task, recording = field(40, 12, **given)
    vectors = spread(recording, 2, 1, 16) + 1.2 * noise(len(recording), dims=16)
    found, score = asked(vectors, rows, units, task, recording)
    assert score.low < 0.5 < score.high
    assert 0.9 < found["recording"].score.value < 1
    assert 0.6 < found["recording"].score.low < found["recording"].score.value
    assert "made predicts the recording" in found["recording"].warning


def test_what_is_taken_out_is_gone_and_the_rest_stays():
    rng = np.random.default_rng(0)
    vectors = (rng.normal(size=(200, 5)) * [30, 10, 1, 1, 1] + 7).astype(np.float32)
    left = without_components(vectors, 2)
    np.testing.assert_allclose(left.mean(axis=0), vectors.mean(axis=0), atol=1e-4)
    # What was large is gone; what was small is as it was.
    assert left[:, 0].std() < 0.2
    assert left[:, 1].std() < 0.2
    assert np.corrcoef(left[:, 3], vectors[:, 3])[0, 1] > 0.99
    keys = ["a", "b", "a", "c"] * 50
    found = centred(vectors, keys)
    assert np.abs(found[0::2].mean(axis=0)).max() < 1e-4
    np.testing.assert_allclose(found[1::4], vectors[1::4] - vectors[1::4].mean(axis=0), atol=1e-4)


def test_taking_out_the_recorder_uncovers_the_call():
    # The label changes within a recording; the site is loud and the call is quiet.
    given = {"site_of": lambda i: i % 4, "label_of": lambda i: i % 2}
    rows, units, task, recording = field(24, 10, **given)
    truth = np.tile([0, 1], len(recording) // 2)
    units = replace(units, truth=truth)
    vectors = 40 * noise(24, 4, 12)[recording] + spread(truth, 1.2, 2) + noise(len(truth))
    found = corrected("made", vectors.astype(np.float32), units, task)
    after = {one.correction: one for one in found}
    assert list(after) == [
        "without the first principal component",
        "without the first 2 principal components",
        "without the first 3 principal components",
        "centred per recording",
    ]
    assert after["centred per recording"].before.value < 0.75
    assert after["centred per recording"].after.value > 0.85


def test_centring_that_takes_the_label_too_says_so():
    given = {"site_of": lambda i: i % 4, "label_of": lambda i: i % 2}
    rows, units, task, recording = field(24, **given)
    vectors = (spread(units.truth, 3, 1) + noise(len(recording))).astype(np.float32)
    found = corrected(
        "made", vectors, units, replace(task, group="site"), group_values=list(rows.table["site"])
    )
    last = {one.correction: one.after.value for one in found[3:]}
    assert len(last) == 2
    assert all("one label, so that it goes too" in name for name in last)
    assert max(last.values()) < 0.7
    assert found[0].before.value > 0.95


def test_components_are_taken_from_training_rows_alone(monkeypatch):
    from embedviz.evaluation import corrections

    seen = []

    class Told(corrections.WithoutComponents):
        def __sklearn_clone__(self):
            return self

        def fit(self, vectors, truth=None):
            seen.append(vectors[:, 0].copy())
            return super().fit(vectors)

    monkeypatch.setattr(corrections, "WithoutComponents", Told)
    monkeypatch.setattr(corrections, "COUNTS", (1,))
    given = {"site_of": lambda i: i % 4, "label_of": lambda i: i % 2}
    rows, units, task, recording = field(24, 1, **given)
    vectors = noise(24).astype(np.float32)
    corrected("made", vectors, units, task)
    assert len(seen) == len(np.unique(units.fold))
    for number, trained in enumerate(seen):
        assert not set(trained) & set(vectors[units.fold == number, 0])


def test_a_loudness_that_goes_with_the_label_is_named(tmp_path):
    given = {"site_of": lambda i: i % 4, "label_of": lambda i: i % 2}
    rows, units, task, recording = field(24, 1, **given)
    # One class was recorded nearer, give or take; the vectors hold the level and nothing else.
    level_db = np.random.default_rng(0).normal(-30 + 12 * units.truth, 3)
    rows = heard(rows, tmp_path, 10 ** (level_db / 20))
    vectors = level_db[:, None] * [1.0, -2.0, 0.5] + 0.1 * noise(24, dims=3)
    found, score = asked(vectors, rows, units, task, recording)
    assert score.value > 0.8
    assert found["loudness"].kind == "number"
    assert found["loudness"].score.low > 0.9
    assert found["loudness"].tied_to_label > 0.8
    assert found["loudness"].warning.startswith("The loudness may explain the result")
    assert "of its variance explained" in found["loudness"].warning
    # With one window a recording it makes no sense to ask which recording a row is of; nothing
    # is clipped.
    assert not {"recording", "clipping"} & set(found)
    assert [what for what, one in found.items() if one.warning] == ["loudness"]


def heard(rows, folder, levels):
    """The set with a second of noise of so much level (root mean square) as each recording."""
    rng = np.random.default_rng(5)
    sources = {}
    for name, level in zip(dict.fromkeys(rows.table["recording"]), levels, strict=True):
        path = folder / name.replace("/", "-")
        sound = np.clip(level * rng.normal(size=RATE_HZ), -0.99, 0.99)
        sf.write(path, sound, RATE_HZ, subtype="FLOAT")
        sources[name] = Source(str(path), "", 1.0, RATE_HZ, 1)
    return replace(rows, provenance=replace(rows.provenance, recordings=sources))


def test_a_folder_counts_unless_it_spells_the_label():
    given = {"site_of": lambda i: 0, "label_of": lambda i: i % 2}
    spelt = field(12, 2, **given, folder_of=lambda i: f"set/{['Rain', 'wind'][i % 2]}")
    assert "folder" not in {one.what for one in things(*spelt[:3]).found}
    mixed = field(12, 2, **given, folder_of=lambda i: f"{['rain', 'wind'][i % 2]}/box {i % 3}")
    found = {one.what: one for one in things(*mixed[:3]).found}
    assert found["folder"].classes == 3
    assert found["folder"].tied_to_label < 0.7
    told = field(12, 2, **given, folder_of=lambda i: f"card {i % 2}")
    found = {one.what: one for one in things(*told[:3]).found}
    assert found["folder"].tied_to_label == 1
    assert any("could not be read" in note for note in things(*told[:3]).notes)


def test_time_blocks_of_a_recording_share_no_sound():
    start = np.arange(12) * 0.5
    recordings = np.zeros(12, np.int64)
    found = time_blocks(recordings, start, start + 1)
    assert found.tolist() == [0, 0, 0, 0, -1, 1, 1, 1, -1, 2, 2, 2]
    assert time_blocks(np.arange(12), start, start + 1).tolist() == [-1] * 12


def described(path, seconds, rate_hz=RATE_HZ, channels=1):
    return Provenance(
        model="made", variant="default", weights={}, verified=True, rate_hz=RATE_HZ, window_s=1.0,
        hop_s=1.0, per="window", precision="float32", version="1",
        recordings={"a.wav": Source(str(path), "", seconds, rate_hz, channels)},
    )  # fmt: skip


def test_level_noise_clipping_and_bandwidth_are_those_of_the_sound(tmp_path):
    times = np.arange(4 * 44100) / 44100
    sound = 0.25 * np.sin(2 * np.pi * 1000 * times)
    sound[44100:] *= 0.1
    sound[2 * 44100 :] += 0.1 * np.sin(2 * np.pi * 6000 * times[2 * 44100 :])
    sound[3 * 44100 :] *= 20
    sf.write(tmp_path / "a.wav", sound, 44100)
    stretches = [(0, 1), (1, 2), (0.5, 1.5), (2, 3), (3, 4)]
    start_s, stop_s = zip(*stretches, strict=True)
    told = []
    found = measured(
        described(tmp_path / "a.wav", 4.0, 44100), ["a.wav"] * 5, start_s, stop_s,
        progress=lambda done, total: told.append((done, total)),
    )  # fmt: skip
    assert found.notes == ()
    assert (told[0], told[-1]) == ((0, 1), (1, 1))
    np.testing.assert_allclose(found.level_db[:3], [-15.05, -35.05, -18.02], atol=0.02)
    np.testing.assert_allclose(found.signal_to_noise_db[:3], [0, 0, 20], atol=0.2)
    np.testing.assert_allclose(found.bandwidth_hz[[0, 1, 3]], [1000, 1000, 6000], atol=100)
    clipped = np.mean(np.abs(sound[3 * 44100 :]) >= 0.999)
    np.testing.assert_allclose(found.clipped, [0, 0, 0, 0, clipped], atol=0.01)
    assert clipped > 0.2


def test_silence_has_a_level_and_long_recordings_are_measured_in_parts(tmp_path):
    sound = np.zeros(RATE_HZ * 25)
    sound[RATE_HZ * 12 :] = 0.1 * np.random.default_rng(0).normal(size=RATE_HZ * 13)
    sf.write(tmp_path / "a.wav", sound, RATE_HZ, subtype="FLOAT")
    about = described(tmp_path / "a.wav", 25.0)
    found = measured(about, ["a.wav"] * 3, [0, 0, 12], [12, 25, 25])
    np.testing.assert_allclose(found.level_db, [-120, -22.84, -20], atol=0.1)
    assert found.bandwidth_hz[0] == 0
    assert found.bandwidth_hz[2] > 3800


def test_a_sound_that_cannot_be_read_or_is_another_is_unknown(tmp_path, write_wav):
    path = write_wav("a.wav", np.ones(RATE_HZ) * 0.1, RATE_HZ)
    other = measured(described(path, 7.0), ["a.wav"], [0], [1])
    assert np.isnan(other.level_db).all()
    assert "no longer the recording that was embedded" in other.notes[0]
    moved = measured(described(tmp_path / "gone.wav", 1.0), ["a.wav", "b.wav"], [0, 0], [1, 1])
    assert "The sound of 2 of 2 recordings could not be read" in moved.notes[0]
    found = measured(
        described(tmp_path / "gone.wav", 1.0), ["a.wav"], [0], [1], find=lambda name: path
    )
    assert found.notes == ()
    assert found.level_db[0] == pytest.approx(-20, abs=0.1)

    def stop(done, total):
        raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        measured(described(path, 1.0), ["a.wav"], [0], [1], progress=stop)


@pytest.mark.parametrize("seed", range(4))
def test_of_many_units_every_fold_and_class_keeps_its_share(monkeypatch, seed):
    """Four long recordings, of which two folds of one class each could be drawn as a whole."""
    monkeypatch.setattr(corrections, "MOST_UNITS", 100)
    given = {"site_of": lambda i: i % 2, "label_of": lambda i: i % 2}
    rows, units, task, recording = field(4, 200, **given)
    units = replace(units, fold=(recording // 2).astype(np.int64))
    vectors = (spread(units.truth, 3, 1) + noise(len(recording))).astype(np.float32)
    found = corrected("made", vectors, units, task, seed=seed)
    assert all("(100 of 800 units)" in one.correction for one in found)
    assert found[0].before.value > 0.9


def test_corrections_are_asked_like_the_probe_beside_them():
    given = {"site_of": lambda i: i % 4, "label_of": lambda i: i % 2}
    rows, units, task, recording = field(24, 10, **given)
    vectors = (spread(units.truth, 1, 5) + noise(len(recording))).astype(np.float32)
    sites = np.array(rows.table["site"])
    said = predict_out_of_fold(vectors, units.truth, units.fold, setting=2).predicted
    wanted = score_with_interval("accuracy", units.truth, said, None, sites)
    found = corrected("made", vectors, units, task, groups=sites, components=2)
    assert found[0].before == wanted
