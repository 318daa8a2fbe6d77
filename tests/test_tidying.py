"""What the cache holds is shown, and deleted when its user says so."""

import os
import re
import time

import numpy as np
import pytest
import soundfile as sf
from conftest import tone

from embedviz.folders import cache_folder
from embedviz.store import read_set


@pytest.fixture
def night(tmp_path, embedviz_command):
    """A cache with two finished recordings, an upload and an unpacked archive."""
    folder = tmp_path / "night"
    folder.mkdir()
    for hz in (440, 660):
        sf.write(folder / f"{hz}.wav", tone(hz, 2.0), 16000)
    for kept in ("workspaces/token/uploads/mine.wav", "archives/0/sound.wav"):
        path = cache_folder() / kept
        path.parent.mkdir(parents=True)
        path.write_bytes(b"sound")
    embedviz_command("embed", folder, "--model", "logmel", "--out", tmp_path / "night.parquet")
    return folder


def kept(embedviz_command, *options):
    """Give what the command says: kind -> files and MB."""
    said = embedviz_command("cache", *options).out
    found = re.findall(r"^(\w+) +([\d,]+) files +([\d,.]+) MB", said, re.MULTILINE)
    return {kind: (int(files), float(size)) for kind, files, size in found}


def files(kind):
    return [path for path in (cache_folder() / kind).rglob("*") if path.is_file()]


def test_what_is_kept_is_shown(night, embedviz_command):
    found = kept(embedviz_command)
    size = sum(path.stat().st_size for path in files("recordings"))
    assert list(found) == ["recordings", "neighbours", "unpacked"]
    assert found["recordings"] == (2, pytest.approx(size / 1e6, abs=0.06))


def test_clearing_takes_what_can_be_computed_again_and_nothing_else(
    night, embedviz_command, tmp_path
):
    before = read_set(tmp_path / "night.parquet").vectors
    assert kept(embedviz_command, "--clear")["recordings"][0] == 2
    assert kept(embedviz_command)["recordings"] == (0, 0.0)
    assert not list((cache_folder() / "recordings").iterdir())
    assert len(files("workspaces")) == len(files("archives")) == 1
    embedviz_command("embed", night, "--model", "logmel", "--out", tmp_path / "again.parquet")
    np.testing.assert_array_equal(read_set(tmp_path / "again.parquet").vectors, before)


def test_what_was_used_lately_stays(night, embedviz_command):
    old, new = files("recordings")
    long_ago_s = time.time() - 40 * 24 * 3600
    os.utime(old, (long_ago_s, long_ago_s))
    assert kept(embedviz_command, "--clear", "--unused", "30")["recordings"][0] == 1
    assert files("recordings") == [new]


def test_days_without_clearing_are_refused(embedviz_command):
    assert "give --clear as well" in embedviz_command("cache", "--unused", "3", status=1).err
