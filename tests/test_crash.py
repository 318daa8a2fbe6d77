"""A killed run loses nothing that was finished, and gives the result of an unbroken one."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow.parquet as pq
import pytest
from conftest import tone

from embedviz.folders import cache_folder
from embedviz.store import read_set

pytestmark = pytest.mark.skipif(os.name != "posix", reason="kills a process")


@pytest.fixture
def recordings(write_wav, tmp_path):
    """Short recordings, which share batches, and two that are heard alone."""
    rng = np.random.default_rng(0)
    for number in range(16):
        seconds = 30.0 if number in (5, 11) else rng.uniform(1.0, 4.0)
        sound = tone(rng.uniform(200, 4000), seconds) + rng.normal(0, 0.05, round(seconds * 16000))
        write_wav(f"clips/{number:02d}.wav", sound)
    return tmp_path / "clips"


def command(recordings, out):
    return [
        *(sys.executable, "-m", "embedviz", "embed", str(recordings)),
        *("--model", "logmel", "--hop", "0.1", "--out", str(out)),
    ]


def finished():
    return sorted((cache_folder() / "recordings").rglob("*.parquet"))


def kill_after(entries, recordings, out):
    """Run until so many recordings are finished, then kill without warning."""
    process = subprocess.Popen(
        command(recordings, out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while len(finished()) < entries and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_a_run_killed_twice_goes_on_and_gives_the_same_bytes(
    recordings, tmp_path, monkeypatch, embedviz_command
):
    whole = tmp_path / "whole.parquet"
    embedviz_command(*command(recordings, whole)[3:])
    monkeypatch.setenv("EMBEDVIZ_CACHE", str(tmp_path / "another cache"))
    out = tmp_path / "killed.parquet"
    kill_after(1, recordings, out)
    before = {path: path.stat().st_mtime_ns for path in finished()}
    kill_after(len(before) + 4, recordings, out)
    assert not out.exists()
    embedviz_command(*command(recordings, out)[3:])
    assert len(finished()) == 16
    assert pq.read_table(out).column("recording").equals(pq.read_table(whole).column("recording"))
    assert read_set(out).vectors.tobytes() == read_set(whole).vectors.tobytes()
    again = {path for path, changed in before.items() if path.stat().st_mtime_ns != changed}
    # Only what a kill caught between the recordings of one batch is not finished.
    assert len(again) == 0 or not complete_batches(before)


def complete_batches(entries):
    """Tell whether all recordings that were heard together are among the entries."""
    import json

    names = {path.stem for path in entries}
    return all(
        set(json.loads(pq.read_schema(path).metadata[b"entry"])["together"]) <= names
        for path in entries
    )


def test_two_runs_on_one_cache_do_not_disturb_each_other(recordings, tmp_path):
    outs = [tmp_path / "one.parquet", tmp_path / "two.parquet"]
    runs = [subprocess.Popen(command(recordings, out)) for out in outs]
    assert [run.wait(timeout=300) for run in runs] == [0, 0]
    one, two = (read_set(out).vectors for out in outs)
    assert len(finished()) == 16
    np.testing.assert_allclose(one, two, rtol=0, atol=1e-5)
