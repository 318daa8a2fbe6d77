from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile as sf

from embedviz import audio, clips, cutting
from embedviz.clips import write_clips
from embedviz.cutting import Window, cut
from embedviz.data import EmbeddingSet, Source
from embedviz.errors import Cancelled, EmbedvizError, RecordingError

RATE = 22050
rng = np.random.default_rng(0)


def noise(seconds: float, channels: int = 1, rate_hz: int = RATE) -> np.ndarray:
    return rng.uniform(-1, 1, (round(seconds * rate_hz), channels)).astype(np.float32)


@pytest.fixture
def recorded(write_wav, make_set):
    """Build a set of windows of files: (file, start_s, stop_s) a row."""

    def make(*rows: tuple[Path, float, float], channel: int | None = None) -> EmbeddingSet:
        made = make_set(4)
        files = {path.name: path for path, _, _ in rows}
        table = pd.DataFrame(
            {
                "recording": [f"night 1/{path.name}" for path, _, _ in rows],
                "start_s": [start for _, start, _ in rows],
                "stop_s": [stop for _, _, stop in rows],
                "label": [f"label {i}" for i in range(len(rows))],
            }
        )
        sources = {
            f"night 1/{name}": Source(str(path), "0" * 64, 9.0, RATE, 1)
            for name, path in files.items()
        }
        return EmbeddingSet(
            table=table,
            vectors=np.zeros((len(rows), 2), np.float32),
            provenance=replace(made.provenance, recordings=sources, channel=channel),
        )

    return make


def unpacked(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def lines(files: dict[str, bytes]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(files["clips.csv"].decode())))


def samples(content: bytes) -> tuple[np.ndarray, int]:
    return sf.read(io.BytesIO(content), dtype="float32")


def test_every_row_is_a_wav_of_its_exact_samples(recorded, write_wav, tmp_path):
    a = write_wav("a.wav", noise(4), RATE)
    b = write_wav("b.flac", noise(3, rate_hz=48000), 48000)
    made = recorded((a, 0.0, 0.96), (b, 0.48, 1.44), (a, 0.48, 1.44), (a, 3.5, 4.2))
    result = write_clips(made, [3, 0, 1], tmp_path / "clips.zip")
    files = unpacked(tmp_path / "clips.zip")
    assert (result.written, result.failures) == (3, {})
    assert set(files) == {
        "a_3.50-4.20s.wav",
        "a_0.00-0.96s.wav",
        "b_0.48-1.44s.wav",
        "clips.csv",
    }
    for name, path, start_s, stop_s in (
        ("a_0.00-0.96s.wav", a, 0.0, 0.96),
        ("a_3.50-4.20s.wav", a, 3.5, 4.2),
        ("b_0.48-1.44s.wav", b, 0.48, 1.44),
    ):
        expected, rate_hz = audio.read(path, start_s=start_s, stop_s=stop_s)
        found, found_hz = samples(files[name])
        assert found_hz == rate_hz
        assert np.array_equal(found, expected)


def test_the_table_says_what_each_file_is(recorded, write_wav, tmp_path):
    a = write_wav("a.wav", noise(4), RATE)
    made = recorded((a, 0.0, 1.0), (a, 1.0, 2.0), (a, 2.0, 3.0))
    write_clips(made, [2, 0], tmp_path / "clips.zip")
    assert lines(unpacked(tmp_path / "clips.zip")) == [
        {
            "file": "a_2.00-3.00s.wav",
            "recording": "night 1/a.wav",
            "start_s": "2.0",
            "stop_s": "3.0",
            "label": "label 2",
        },
        {
            "file": "a_0.00-1.00s.wav",
            "recording": "night 1/a.wav",
            "start_s": "0.0",
            "stop_s": "1.0",
            "label": "label 0",
        },
    ]


def test_sound_is_stored_as_it_is(recorded, write_wav, tmp_path):
    made = recorded((write_wav("a.wav", noise(4), RATE), 0.0, 1.0))
    write_clips(made, [0], tmp_path / "clips.zip")
    with zipfile.ZipFile(tmp_path / "clips.zip") as archive:
        assert archive.getinfo("a_0.00-1.00s.wav").compress_type == zipfile.ZIP_STORED


@pytest.mark.parametrize(
    ("channels", "subtype", "channel", "kept"),
    [
        (1, "PCM_16", None, "PCM_16"),
        (2, "PCM_16", 2, "PCM_16"),
        (2, "PCM_16", None, "PCM_24"),
        (3, "PCM_16", None, "FLOAT"),
        (1, "PCM_24", None, "PCM_24"),
        (2, "PCM_24", None, "FLOAT"),
        (1, "PCM_U8", None, "PCM_16"),
        (1, "ULAW", None, "PCM_16"),
        (1, "FLOAT", None, "FLOAT"),
    ],
)
def test_the_smallest_format_that_loses_nothing_is_chosen(
    recorded, write_wav, tmp_path, channels, subtype, channel, kept
):
    path = write_wav("a.wav", noise(1, channels), RATE, subtype=subtype)
    write_clips(recorded((path, 0.1, 0.9), channel=channel), [0], tmp_path / "clips.zip")
    content = unpacked(tmp_path / "clips.zip")["a_0.10-0.90s.wav"]
    expected, _ = audio.read(path, start_s=0.1, stop_s=0.9, channel=channel)
    assert sf.info(io.BytesIO(content)).subtype == kept
    assert np.array_equal(samples(content)[0], expected)


def test_the_loudest_samples_of_16_bits_stay_what_they_are(recorded, write_wav, tmp_path):
    extremes = np.tile(np.array([-32768, 32767], np.int16), RATE)
    path = write_wav("a.wav", extremes, RATE)
    write_clips(recorded((path, 0.0, 1.0)), [0], tmp_path / "clips.zip")
    content = unpacked(tmp_path / "clips.zip")["a_0.00-1.00s.wav"]
    assert np.array_equal(sf.read(io.BytesIO(content), dtype="int16")[0], extremes[:RATE])


@pytest.mark.parametrize("name", ["long.mp3", "long.ogg"])
def test_what_cannot_be_sought_in_is_decoded_once(recorded, write_wav, tmp_path, monkeypatch, name):
    path = write_wav(name, np.sin(np.arange(8 * RATE) / 9).astype(np.float32), RATE)
    windows = [(path, start, start + 1.0) for start in (5.5, 0.0, 0.5, 6.9, 3.0)]
    expected = {
        start: audio.read(path, start_s=start, stop_s=stop)[0] for _, start, stop in windows
    }
    monkeypatch.setattr(cutting, "PIECE_S", 0.3)
    monkeypatch.setattr(audio, "read", None)
    write_clips(recorded(*windows), range(5), tmp_path / "clips.zip")
    files = unpacked(tmp_path / "clips.zip")
    for start, wanted in expected.items():
        found, _ = samples(files[f"long_{start:.2f}-{start + 1:.2f}s.wav"])
        assert np.array_equal(found, wanted)


def test_a_long_window_is_never_held_as_a_whole(recorded, write_wav, tmp_path, monkeypatch):
    path = write_wav("a.wav", noise(8), RATE)
    expected, _ = audio.read(path, start_s=0.25, stop_s=7.9)
    longest = 0
    real = audio.read

    def read(*arguments, **options):
        nonlocal longest
        found = real(*arguments, **options)
        longest = max(longest, len(found[0]))
        return found

    monkeypatch.setattr(audio, "read", read)
    monkeypatch.setattr(cutting, "PIECE_S", 0.5)
    monkeypatch.setattr(cutting, "HELD_BYTES", 1000)
    write_clips(recorded((path, 0.25, 7.9)), [0], tmp_path / "clips.zip")
    assert longest <= RATE // 2
    content = unpacked(tmp_path / "clips.zip")["a_0.25-7.90s.wav"]
    assert np.array_equal(samples(content)[0], expected)


def test_names_never_meet_and_stay_in_their_folder(recorded, tmp_path):
    paths = []
    for folder, name in (("x", "a.wav"), ("y", "a.wav"), ("z", "A.wav"), ("x", "..?.wav")):
        (tmp_path / folder).mkdir(exist_ok=True)
        paths.append(tmp_path / folder / name)
        sf.write(paths[-1], noise(1), RATE)
    made = recorded(*[(path, 0.0, 1.0) for path in paths])
    made.table["recording"] = [f"{path.parent.name}/{path.name}" for path in paths]
    made.table.loc[3, "recording"] = "../..\\..?.wav"
    write_clips(made, range(4), tmp_path / "clips.zip", find=lambda row: paths[row])
    names = [line["file"] for line in lines(unpacked(tmp_path / "clips.zip"))]
    assert names == [
        *("a_0.00-1.00s.wav", "a_0.00-1.00s (2).wav", "A_0.00-1.00s (3).wav"),
        "__0.00-1.00s.wav",
    ]


def test_what_cannot_be_read_is_named_and_the_rest_goes_on(recorded, write_wav, tmp_path):
    good, gone = write_wav("good.wav", noise(2), RATE), tmp_path / "gone.wav"
    text = tmp_path / "text.wav"
    text.write_text("no sound")
    made = recorded((gone, 0.0, 1.0), (good, 0.0, 1.0), (text, 0.0, 1.0), (good, 5.0, 6.0))
    result = write_clips(made, range(4), tmp_path / "clips.zip")
    files = unpacked(tmp_path / "clips.zip")
    assert result.written == 1
    assert set(result.failures) == {f"night 1/{n}.wav" for n in ("gone", "text", "good")}
    assert "no sound from 5.00 s to 6.00 s" in result.failures["night 1/good.wav"]
    said = files["not-read.txt"].decode()
    assert all(sentence in said for sentence in result.failures.values())
    assert [line["file"] for line in lines(files)] == ["", "good_0.00-1.00s.wav", "", ""]


def test_a_recording_that_may_not_be_read_is_named(recorded, write_wav, tmp_path):
    a, b = write_wav("a.wav", noise(1), RATE), write_wav("b.wav", noise(1), RATE)
    made = recorded((a, 0.0, 1.0), (b, 0.0, 1.0))

    def find(row: int) -> Path:
        if row == 0:
            raise EmbedvizError("night 1/a.wav lies outside the folders the app may read.")
        return b

    result = write_clips(made, [0, 1], tmp_path / "clips.zip", find=find)
    assert result.failures == {
        "night 1/a.wav": "night 1/a.wav lies outside the folders the app may read."
    }


def test_where_nothing_can_be_read_no_file_is_left(recorded, tmp_path):
    made = recorded((tmp_path / "gone.wav", 0.0, 1.0))
    with pytest.raises(RecordingError, match=r"Not one of 1 sounds .* gone\.wav does not exist"):
        write_clips(made, [0], tmp_path / "clips.zip")
    with pytest.raises(EmbedvizError, match="No rows were given"):
        write_clips(made, [], tmp_path / "clips.zip")
    assert list(tmp_path.glob("*clips*")) == []


def test_stopping_leaves_no_file(recorded, write_wav, tmp_path):
    a = write_wav("a.wav", noise(4), RATE)
    seen = []

    def progress(done: int, total: int) -> None:
        seen.append((done, total))
        if done == 2:
            raise Cancelled("Stopped.")

    made = recorded(*[(a, i / 2, i / 2 + 1) for i in range(4)])
    with pytest.raises(Cancelled):
        write_clips(made, range(4), tmp_path / "clips.zip", progress=progress)
    assert seen == [(1, 4), (2, 4)]
    assert list(tmp_path.glob("*clips*")) == []


def test_a_label_column_of_the_same_name_keeps_its_place(recorded, write_wav, tmp_path):
    made = recorded((write_wav("a.wav", noise(1), RATE), 0.0, 1.0))
    made.table["file"] = "old.wav"
    write_clips(made, [0], tmp_path / "clips.zip")
    line = lines(unpacked(tmp_path / "clips.zip"))[0]
    assert (line["clip file"], line["file"]) == ("a_0.00-1.00s.wav", "old.wav")


def test_a_window_longer_than_a_wav_can_hold_is_refused(write_wav, monkeypatch):
    path = write_wav("a.wav", noise(2), RATE)
    monkeypatch.setattr(cutting, "LARGEST_BYTES", RATE)
    with pytest.raises(RecordingError, match=r"1 s of a\.wav are too long"):
        list(cut(path, [Window(0, 0.0, 1.0)]))


def test_only_the_beginning_of_long_sounds_is_given_where_asked(recorded, write_wav):
    made = recorded((write_wav("a.wav", noise(4), RATE), 1.0, 4.0))
    found = [
        (row, samples(clip.read())[0])
        for row, clip in clips.sounds(made, [0], failures={}, longest_s=0.5)
    ]
    assert [(row, len(sound)) for row, sound in found] == [(0, RATE // 2)]
