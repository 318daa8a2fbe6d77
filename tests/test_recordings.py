"""What is found among files, folders and archives, and what it is called."""

from __future__ import annotations

import os
import sys
import time
import zipfile
from pathlib import Path

import pytest
import soundfile as sf

from embedviz.recordings import EXTENSIONS, gather
from tests.conftest import tone


@pytest.fixture
def sound(tmp_path):
    """Write a short recording below the test's folder."""

    def write(name: str, seconds: float = 0.1) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        sf.write(path, tone(440, seconds), 16000, format="WAV")
        return path

    return write


@pytest.fixture
def zipped(tmp_path, sound):
    """Write an archive of short recordings."""

    def write(name: str, *members: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = sound("for-archives.wav").read_bytes()
        with zipfile.ZipFile(path, "w") as bundle:
            for member in members:
                bundle.writestr(member, content)
        return path

    return write


@pytest.fixture
def found(tmp_path):
    """Gather and give names, failures and the number of skipped files."""

    def gathered(*paths):
        result = gather(paths, unpack_to=tmp_path / "cache")
        names = [recording.name for recording in result.recordings]
        assert len({*names, *result.failures}) == len(names) + len(result.failures)
        return names, dict(result.failures), result.skipped

    return gathered


def test_a_file_is_named_by_its_name_and_a_folder_by_the_paths_inside(sound, found, tmp_path):
    for name in ("birds/wren/2.wav", "birds/wren/1.WAV", "birds/owl.flac", "alone.wav"):
        sound(name)
    assert found(tmp_path / "alone.wav", tmp_path / "birds") == (
        ["alone.wav", "owl.flac", "wren/1.WAV", "wren/2.wav"],
        {},
        0,
    )


def test_a_recording_carries_what_its_header_says(sound, tmp_path):
    path = sound("a.wav", 0.25)
    (recording,) = gather([path], unpack_to=tmp_path / "cache").recordings
    assert (recording.path, recording.duration_s) == (path, 0.25)
    assert (recording.rate_hz, recording.channels, recording.labels) == (16000, 1, {})


def test_other_and_hidden_files_in_a_folder_are_counted(sound, found, tmp_path):
    sound("birds/a.wav")
    sound("birds/.hidden.wav")
    sound("birds/.git/b.wav")
    (tmp_path / "birds" / "labels.csv").write_text("a,b")
    (tmp_path / "birds" / "old.raw").write_bytes(b"\0" * 100)
    assert found(tmp_path / "birds") == (["a.wav"], {}, 4)


def test_a_file_given_by_itself_is_always_tried(sound, found, tmp_path):
    (tmp_path / "notes.txt").write_text("wren, owl")
    names, failures, skipped = found(sound("sound.dat"), tmp_path / "notes.txt")
    assert (names, skipped) == (["sound.dat"], 0)
    assert "looks like plain text" in failures["notes.txt"]


def test_a_bad_file_in_a_folder_does_not_stop_the_others(sound, found, tmp_path):
    sound("birds/a.wav")
    sound("birds/z.wav")
    (tmp_path / "birds" / "m.wav").write_bytes(b"")
    names, failures, _ = found(tmp_path / "birds")
    assert names == ["a.wav", "z.wav"]
    assert failures == {"m.wav": "m.wav is an empty file (0 bytes); nothing to embed."}


def test_a_path_that_does_not_exist_is_a_failure(sound, found, tmp_path):
    names, failures, _ = found(tmp_path / "gone" / "a.wav", sound("b.wav"))
    assert names == ["b.wav"]
    assert "a.wav does not exist" in failures["a.wav"]


def test_an_archive_is_searched_like_a_folder(zipped, found, tmp_path):
    archive = zipped("calls.zip", "wren/a.wav", "b.flac", "notes.txt", "../evil.wav")
    names, failures, skipped = found(archive)
    assert (names, skipped) == (["b.flac", "wren/a.wav"], 1)
    assert "leads out of the archive" in failures["../evil.wav"]
    assert found(archive)[0] == names
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_an_archive_is_known_by_its_content(zipped, found):
    assert found(zipped("upload.tmp", "a.wav"))[0] == ["a.wav"]


def test_a_damaged_archive_is_a_failure(zipped, found, sound):
    archive = zipped("calls.zip", "a.wav", "b.wav")
    archive.write_bytes(archive.read_bytes()[:2000])
    names, failures, _ = found(archive, sound("c.wav"))
    assert names == ["c.wav"]
    assert "calls.zip is not a whole zip archive" in failures["calls.zip"]


def test_a_recording_that_ends_like_an_archive_stays_a_recording(zipped, found, sound, tmp_path):
    path = sound("a.wav")
    path.write_bytes(path.read_bytes() + zipped("calls.zip", "b.wav").read_bytes())
    assert found(path)[0] == ["a.wav"]
    assert not (tmp_path / "cache").exists()


def test_without_an_archive_nothing_is_unpacked(sound, found, tmp_path):
    found(sound("a.wav"), tmp_path)
    assert not (tmp_path / "cache").exists()


def test_equal_names_are_told_apart_by_their_folder(sound, zipped, found, tmp_path):
    paths = [sound("one/a.wav"), sound("two/a.wav"), sound("two/b.wav")]
    assert found(*paths)[0] == ["one/a.wav", "two/a.wav", "b.wav"]
    assert found(tmp_path / "one", tmp_path / "two", zipped("calls.zip", "a.wav"))[0] == [
        "one/a.wav",
        "two/a.wav",
        "b.wav",
        "calls.zip/a.wav",
    ]


def test_equal_names_in_equal_folders_get_a_number(sound, found, tmp_path):
    paths = [sound(f"{place}/calls/a.wav") for place in ("x", "y", "z")]
    assert found(*paths)[0] == ["calls/a.wav", "calls/a (2).wav", "calls/a (3).wav"]


def test_a_failure_never_takes_the_name_of_a_recording(sound, found, tmp_path):
    good = sound("one/a.wav")
    bad = sound("two/a.wav")
    bad.write_bytes(b"")
    names, failures, _ = found(good, bad)
    assert names == ["one/a.wav"]
    assert failures["two/a.wav"].startswith("two/a.wav is an empty file")


def test_a_file_given_twice_counts_once(sound, found, tmp_path, monkeypatch):
    path = sound("birds/a.wav")
    (tmp_path / "birds" / "notes.txt").touch()
    monkeypatch.chdir(tmp_path)
    again = [path, Path("birds/a.wav"), Path("birds"), tmp_path / "birds" / ".." / "birds"]
    assert found(*again) == (["a.wav"], {}, 1)


def test_an_archive_given_twice_counts_once(zipped, found):
    archive = zipped("calls.zip", "a.wav", "../b.wav")
    names, failures, _ = found(archive, archive)
    assert names == ["a.wav"]
    assert list(failures) == ["../b.wav"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux stores such names")
def test_a_name_that_is_no_unicode_still_gets_a_printable_one(sound, found, tmp_path):
    path = sound("birds/a.wav")
    os.rename(path, os.fsencode(path.parent) + b"/V\xf6gel.wav")
    names, _, _ = found(tmp_path / "birds")
    assert names == ["V?gel.wav"]


def test_a_folder_that_may_not_be_read_is_a_failure(sound, found, tmp_path, monkeypatch):
    sound("birds/a.wav")
    walk = os.walk

    def refusing(folder, onerror):
        onerror(PermissionError(13, "Permission denied", str(folder / "locked")))
        return walk(folder)

    monkeypatch.setattr(os, "walk", refusing)
    names, failures, _ = found(tmp_path / "birds")
    assert names == ["a.wav"]
    assert failures == {"locked": "locked cannot be searched (Permission denied)."}


def test_every_common_extension_is_known():
    common = "wav wave flac ogg oga opus mp3 mp2 aif aiff aifc au snd caf w64 rf64 voc sph"
    assert {f".{name}" for name in common.split()} <= EXTENSIONS
    assert not {".raw", ".txt", ".zip", ".m4a", ".png", ".csv"} & EXTENSIONS


def test_a_thousand_headers_are_read_quickly(found, tmp_path, sound):
    content = sound("birds/0.wav").read_bytes()
    for i in range(1000):
        (tmp_path / "birds" / f"{i}.wav").write_bytes(content)
    start = time.perf_counter()
    assert len(found(tmp_path / "birds")[0]) == 1000
    assert time.perf_counter() - start < 5


@pytest.mark.shared
def test_all_real_recordings_of_ten_classes_are_found(shared, found):
    names, failures, _ = found(shared / "audio" / "esc10")
    assert len(names) == 240
    assert failures == {}
    assert names == sorted(names)
    assert len({name.split("/")[0] for name in names}) == 10
