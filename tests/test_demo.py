"""The demo recordings: what they hold, how they sound, how they are written."""

from __future__ import annotations

import os

import numpy as np
import pandas as pd
import pytest
import soundfile as sf

from embedviz import demo
from embedviz.data import Recording
from embedviz.labels import from_folders
from embedviz.synthesis import KINDS, RATE_HZ, finish, noise, unit, voice

# Hz between which the centre of gravity of a class' spectrum lies.
CENTROIDS_HZ = {
    "whale": (120, 900),
    "bird": (2500, 5500),
    "clicks": (4500, 9500),
    "rain": (2000, 5500),
    "engine": (100, 900),
    "bell": (500, 3500),
    "siren": (700, 1900),
    "drum": (300, 1100),
}


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    return demo.write_demo(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="session")
def sounds(written):
    """File name -> samples (n,)."""
    return {path.stem: sf.read(path)[0] for path in written.clips}


@pytest.fixture
def few(monkeypatch):
    """A demo of one clip a class and a short scene, for tests that write it often."""
    monkeypatch.setattr(demo, "CLIPS_PER_CLASS", 1)
    monkeypatch.setattr(demo, "SCENE_CLIPS_PER_CLASS", 1)
    monkeypatch.setattr(demo, "SCENE_S", 40)


def contents(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def centroid_hz(samples):
    power = np.abs(np.fft.rfft(samples)) ** 2
    return power @ np.fft.rfftfreq(len(samples), 1 / RATE_HZ) / power.sum()


def log_mel(samples, bands=64):
    """Mean and standard deviation over time of a log-mel picture, (2 * bands,)."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, 1024)[::512] * np.hanning(1024)
    mel = np.linspace(np.log1p(60 / 700), np.log1p(10000 / 700), bands + 2)
    edges = 700 * np.expm1(mel)[:, None]
    hz = np.fft.rfftfreq(1024, 1 / RATE_HZ)
    rising = (hz - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - hz) / (edges[2:] - edges[1:-1])
    picture = np.log(
        np.abs(np.fft.rfft(frames)) @ np.clip(np.minimum(rising, falling), 0, 1).T + 0.01
    )
    return np.concatenate([picture.mean(axis=0), picture.std(axis=0)])


def test_there_are_eight_classes_of_twelve_clips_labelled_by_their_folders(written):
    clips = [Recording(path.name, path, 3.0, RATE_HZ, 1) for path in written.clips]
    labels = [r.labels["label"] for r in from_folders(clips)]
    assert {label: labels.count(label) for label in labels} == dict.fromkeys(sorted(KINDS), 12)
    assert written.clips[0].parts[-3:] == ("clips", "bell", "bell-01.flac")


def test_clips_are_short_mono_16_bit_flac_of_many_lengths(written):
    infos = [sf.info(path) for path in written.clips]
    kinds = {(i.format, i.subtype, i.channels, i.samplerate) for i in infos}
    assert kinds == {("FLAC", "PCM_16", 1, RATE_HZ)}
    assert all(2 <= info.duration <= 4 for info in infos)
    assert len({info.frames for info in infos}) > 40


def test_clips_do_not_clip_click_or_lean(sounds):
    for name, samples in sounds.items():
        assert 0.25 <= np.abs(samples).max() <= 0.95, name
        assert np.abs(samples[[0, 1, -2, -1]]).max() < 0.01, name
        assert abs(samples.mean()) < 1e-4, name


@pytest.mark.parametrize("label", KINDS)
def test_a_class_sounds_where_it_should_and_no_two_clips_are_alike(sounds, label):
    found = [centroid_hz(sound) for name, sound in sounds.items() if name.startswith(label)]
    low_hz, high_hz = CENTROIDS_HZ[label]
    assert low_hz < min(found) < max(found) < high_hz
    assert max(found) / min(found) > 1.2
    assert len(set(found)) == 12


def test_the_classes_can_be_told_apart_but_not_perfectly(sounds):
    labels = np.array([name.split("-")[0] for name in sounds])
    vectors = np.stack([log_mel(sound) for sound in sounds.values()])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    likeness = vectors @ vectors.T
    np.fill_diagonal(likeness, -1)
    assert 0.88 <= np.mean(labels[likeness.argmax(axis=1)] == labels) < 1


def test_the_scene_holds_every_class_where_its_table_says(written):
    table = pd.read_csv(written.scene.with_suffix(".csv"))
    scene, rate_hz = sf.read(written.scene)
    assert list(table) == ["start_s", "stop_s", "label"]
    assert len(scene) == 120 * rate_hz
    assert np.abs(scene).max() <= 0.95
    assert dict(table["label"].value_counts()) == dict.fromkeys(KINDS, 3)
    edges = table[["start_s", "stop_s"]].to_numpy().ravel()
    assert (np.diff(edges) >= 0).all()
    assert 0 <= edges[0] < edges[-1] <= 120
    pieces = np.split(scene, np.round(edges * rate_hz).astype(int))
    background = [np.sqrt(np.mean(p**2)) for p in pieces[::2] if len(p) > rate_hz / 10]
    events = [np.sqrt(np.mean(p**2)) for p in pieces[1::2]]
    assert 0 < max(background) < min(events)


@pytest.mark.usefixtures("few")
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        demo.write_demo(tmp_path / name, seed=seed)
    first, same, other = (contents(tmp_path / name) for name in "abc")
    assert first == same
    assert first.keys() == other.keys()
    assert all(first[path] != other[path] for path in first)


@pytest.mark.usefixtures("few")
def test_a_demo_that_is_there_stays_as_it_is(tmp_path):
    first = demo.write_demo(tmp_path)
    first.clips[0].write_bytes(b"edited by the user")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert demo.write_demo(tmp_path) == first
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("lost", ["demo.json", "scene/scene.csv", "version"])
def test_an_incomplete_or_older_demo_is_written_anew(tmp_path, lost):
    demo.write_demo(tmp_path)
    whole = contents(tmp_path)
    if lost == "version":
        (tmp_path / "demo.json").write_text('{"version": 0, "seed": 0}')
    else:
        (tmp_path / lost).unlink()
    demo.write_demo(tmp_path)
    assert contents(tmp_path) == whole


@pytest.mark.usefixtures("few")
def test_an_interrupted_demo_leaves_no_half_file_and_is_completed_later(tmp_path, monkeypatch):
    replace, calls = os.replace, []

    def interrupted(source, target):
        calls.append(target)
        if len(calls) == 4:
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        demo.write_demo(tmp_path)
    assert all(sf.info(tmp_path / path).frames for path in contents(tmp_path))
    assert len(contents(tmp_path)) == 3
    demo.write_demo(tmp_path)
    assert len(contents(tmp_path)) == 8 + 3


def test_a_voice_is_a_sum_of_harmonics_that_never_fold_back():
    pitch_hz = np.full(RATE_HZ, 3000.0)
    spectrum = np.abs(np.fft.rfft(voice(pitch_hz, (1, 0.5, 0.25, 1, 1)))) * 2 / RATE_HZ
    assert spectrum[[3000, 6000, 9000]] == pytest.approx([1, 0.5, 0.25])
    assert np.delete(spectrum, [3000, 6000, 9000]).max() < 1e-6


def test_noise_has_level_one_and_its_tilt():
    sound = noise(np.random.default_rng(0), 2**18, low_hz=20, high_hz=11000, tilt_db=6)
    power = np.abs(np.fft.rfft(sound)) ** 2
    hz = np.fft.rfftfreq(len(sound), 1 / RATE_HZ)
    low, high = (power[(hz > f) & (hz < 1.2 * f)].mean() for f in (500, 2000))
    assert np.sqrt(np.mean(sound**2)) == pytest.approx(1)
    assert 10 * np.log10(low / high) == pytest.approx(12, abs=0.5)


def test_a_finished_sound_is_faded_centred_and_scaled():
    sound = finish(np.ones(RATE_HZ) + voice(np.full(RATE_HZ, 100.0), (0.5,)), peak=0.8)
    assert np.abs(sound).max() == pytest.approx(0.8)
    assert abs(sound.mean()) < 1e-9
    assert np.abs(sound[[0, -1]]).max() < 1e-3


def test_silence_stays_silence():
    assert not unit(np.zeros(100)).any()
