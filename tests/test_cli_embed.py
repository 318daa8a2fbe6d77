"""`embedviz embed`: rows, labels, exit status, what it says, and being interrupted."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from conftest import tone
from official import write_official_weights

from embedviz import models
from embedviz.cache import cache_folder
from embedviz.cli_places import files_of
from embedviz.store import read_set

INTERRUPTED = 130
SOME_FAILED = 3


@pytest.fixture
def clips(write_wav, tmp_path):
    for name, hz in [("low/a.wav", 300), ("low/b.wav", 400), ("high/c.wav", 3000)]:
        write_wav(f"clips/{name}", tone(hz, 3.0))
    return tmp_path / "clips"


@pytest.fixture
def rows(embedviz_command, tmp_path):
    """Embed with log-mel and give the table that was written."""

    def embedded(*arguments, **options) -> pd.DataFrame:
        out = tmp_path / "out" / "set.parquet"
        embedviz_command("embed", *arguments, "--model", "logmel", "--out", out, **options)
        return pd.read_parquet(out)

    return embedded


def test_one_model_writes_rows_and_says_how_many(embedviz_command, clips, tmp_path):
    out = tmp_path / "deep" / "set.parquet"
    said = embedviz_command("embed", clips, "--model", "logmel", "--out", out)
    frame = pd.read_parquet(out)
    assert said.out == f"{out}: {len(frame)} rows of 192 from 3 recordings, logmel\n"
    assert said.err == ""
    assert list(frame["recording"].unique()) == ["high/c.wav", "low/a.wav", "low/b.wav"]
    assert "label" not in frame


@pytest.mark.parametrize(
    ("settings", "starts"),
    [
        ([], [0.0, 0.48, 0.96, 1.44, 1.92]),
        (["--per", "window", "--hop", "1"], [0.0, 1.0, 2.0]),
        (["--per", "1.5"], [0.0, 1.5]),
        (["--per", "recording"], [0.0]),
    ],
)
def test_rows_are_windows_stretches_or_recordings(rows, clips, settings, starts):
    frame = rows(clips / "low" / "a.wav", *settings)
    np.testing.assert_allclose(frame["start_s"], starts)


@pytest.mark.parametrize(
    ("out", "words"),
    [("set.parquet", "is a folder; wanted the name of a file"), ("file/set.parquet", "no files")],
)
def test_what_cannot_be_written_is_refused_before_anything_is_heard(
    embedviz_command, tmp_path, out, words
):
    (tmp_path / "set.parquet").mkdir()
    (tmp_path / "file").write_text("in the way")
    # There are no recordings either: nobody looks for them any more.
    said = embedviz_command(
        "embed", tmp_path / "none", "--model", "logmel", "--out", tmp_path / out, status=1
    )
    assert said.err.count("\n") == 1
    assert words in said.err


def test_models_whose_names_look_alike_get_files_of_their_own():
    names = ["hub:/m/a/1", "hub:/m/a-1", "hub:/m/a:1", "yamnet"]
    assert list(files_of(names).values()) == [
        "hub-m-a-1.parquet",
        "hub-m-a-1-2.parquet",
        "hub-m-a-1-3.parquet",
        "yamnet.parquet",
    ]


@pytest.mark.parametrize("models", [["logmel"], ["logmel", "yamnet"]])
def test_an_address_is_no_local_path(embedviz_command, clips, tmp_path, monkeypatch, models):
    monkeypatch.chdir(tmp_path)
    named = [word for name in models for word in ("--model", name)]
    said = embedviz_command("embed", clips, *named, "--out", "s3://bucket/x.parquet", status=1)
    assert (
        said.err == "embedviz: --out s3://bucket/x.parquet is an address; it needs --engine ray.\n"
    )
    assert not list(tmp_path.glob("s3*"))


def test_folders_are_labels(rows, clips):
    frame = rows(clips, "--labels", "folder")
    assert set(frame.loc[frame["label"] == "low", "recording"]) == {"low/a.wav", "low/b.wav"}


def test_a_table_like_esc_50_gives_labels(rows, clips, tmp_path):
    table = tmp_path / "esc50.csv"
    table.write_text(
        "filename,fold,target,category\na.wav,1,0,dog\nb.wav,2,14,chirping_birds\nc.wav,1,0,dog\n"
    )
    frame = rows(clips, "--labels", table, "--per", "recording")
    assert dict(zip(frame["recording"], frame["label"], strict=True)) == {
        "low/a.wav": "dog",
        "low/b.wav": "chirping_birds",
        "high/c.wav": "dog",
    }
    assert list(frame["fold"]) == ["1", "1", "2"]


def test_a_table_of_item_ids_gives_labels_and_names_what_it_lacks(
    embedviz_command, clips, tmp_path
):
    (tmp_path / "birds.csv").write_text("itemid,hasbird\na,1\nb,0\n")
    out = tmp_path / "set.parquet"
    said = embedviz_command(
        "embed", clips, "--labels", tmp_path / "birds.csv", "--model", "logmel", "--out", out
    )
    assert said.err.count("\n") == 1
    assert "1 recordings have no row" in said.err
    assert "high/c.wav" in said.err
    frame = pd.read_parquet(out).drop_duplicates("recording").set_index("recording")
    assert dict(frame["label"]) == {"high/c.wav": "", "low/a.wav": "1", "low/b.wav": "0"}


def test_a_zip_is_read_like_a_folder(rows, clips, tmp_path):
    archive = shutil.make_archive(str(tmp_path / "clips"), "zip", clips)
    pd.testing.assert_frame_equal(
        rows(archive, "--labels", "folder"), rows(clips, "--labels", "folder")
    )


def test_a_channel_can_be_chosen(embedviz_command, rows, write_wav, tmp_path):
    left, right = tone(300, 2.0), tone(3000, 2.0)
    stereo = write_wav("stereo.wav", np.stack([left, right], axis=1))
    mono = write_wav("mono.wav", right)
    np.testing.assert_array_equal(
        np.stack(rows(stereo, "--channel", 2)["embedding"]), np.stack(rows(mono)["embedding"])
    )
    out = tmp_path / "three.parquet"
    said = embedviz_command(
        "embed", stereo, "--channel", 3, "--model", "logmel", "--out", out, status=1
    )
    assert "no channel 3" in said.err
    assert not out.exists()


def test_recordings_that_fail_are_named_and_the_others_written(
    embedviz_command, clips, write_wav, tmp_path
):
    (clips / "empty.wav").write_bytes(b"")
    write_wav("clips/nan.wav", np.full(16000, np.nan, np.float32), subtype="FLOAT")
    out = tmp_path / "set.parquet"
    said = embedviz_command(
        "embed", clips, tmp_path / "gone.wav", "--model", "logmel", "--out", out, status=SOME_FAILED
    )
    warnings = said.err.splitlines()
    assert len(warnings) == 3
    assert all(line.startswith("warning: ") for line in warnings)
    for name in ("empty.wav", "nan.wav", "gone.wav"):
        assert sum(name in line for line in warnings) == 1
    found = read_set(out)
    assert set(found.provenance.failures) == {"empty.wav", "nan.wav", "gone.wav"}
    assert len(found.table["recording"].unique()) == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["clips", "--model", "nonsense"], "choose one of"),
        (["gone.wav", "--model", "logmel"], "gone.wav does not exist"),
        (["empty", "--model", "logmel"], "nothing to embed"),
        (["clips", "--model", "logmel", "--per", "clip"], "window, recording or a number"),
        (["clips", "--model", "logmel", "--per", "0.01"], "is too fine for Log-mel"),
        (["clips", "--model", "logmel", "--hop", "0"], "hop"),
        (["clips", "--model", "logmel", "--variant", "raw"], "default"),
        (["clips", "--model", "logmel", "--precision", "bfloat16"], "float32"),
        (["clips", "--model", "logmel", "--labels", "gone.csv"], "gone.csv"),
        (["clips", "--model", "logmel", "--labels", "other.csv"], "other.csv"),
        (["clips", "--model", "logmel", "--out", "set.csv"], ".parquet"),
        (["clips", "--model", "logmel", "--model", "yamnet"], "folder"),
        (["clips", "--model", "yamnet"], "embedviz weights fetch yamnet"),
        (["clips"], "--model"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_a_user_can_mend_is_one_line(
    embedviz_command, clips, tmp_path, monkeypatch, arguments, words
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "other.csv").write_text("filename,label\nx.wav,x\n")
    before = set(tmp_path.iterdir())
    out = [] if "--out" in arguments else ["--out", "set.parquet"]
    said = embedviz_command("embed", *arguments, *out, status=1)
    assert said.out == ""
    assert said.err.startswith("embedviz: ")
    assert said.err.count("\n") == 1
    assert words in said.err
    assert not {path for path in set(tmp_path.iterdir()) - before if path.suffix == ".parquet"}


@pytest.fixture
def unverified(embedviz_command, tmp_path):
    """Add random YAMNet weights, which are not the published ones."""
    write_official_weights("yamnet", tmp_path / "official")
    embedviz_command("weights", "add", "yamnet", tmp_path / "official", "--unverified")


@pytest.mark.usefixtures("unverified")
def test_several_models_fill_a_folder_and_unverified_weights_show_everywhere(
    embedviz_command, clips, tmp_path
):
    out = tmp_path / "sets"
    said = embedviz_command("embed", clips, "--model", "logmel", "--model", "yamnet", "--out", out)
    assert sorted(path.name for path in out.iterdir()) == ["logmel.parquet", "yamnet.parquet"]
    logmel, yamnet = said.out.splitlines()
    assert "unverified" not in logmel
    assert yamnet.endswith("yamnet (unverified weights)")
    info = json.loads(pq.read_schema(out / "yamnet.parquet").metadata[b"embedviz"])
    assert info["verified"] is False
    assert "top_class" in pd.read_parquet(out / "yamnet.parquet")
    embedviz_command("export", *sorted(out.iterdir()), "--out", tmp_path / "bundle")
    names = {path.name for path in (tmp_path / "bundle").iterdir() if path.is_dir()}
    assert names == {"logmel", "yamnet-unverified"}
    assert "not verified" in (tmp_path / "bundle" / "README.txt").read_text()
    embedviz_command("project", out / "yamnet.parquet", "--method", "pca")
    assert read_set(out / "yamnet.parquet").provenance.verified is False


def left_behind(folder):
    return [path for path in folder.rglob("*") if path.is_file() and path.name.startswith(".")]


def test_an_interrupted_run_leaves_nothing_half_done_and_goes_on(
    embedviz_command, clips, tmp_path, monkeypatch
):
    # Batches so small that no recordings share one.
    logmel, calls = replace(models.load_model("logmel"), batch=6), []
    heard = logmel.listener.heard

    def interrupted(parts, framing):
        calls.append(parts)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return heard(parts, framing)

    monkeypatch.setattr(logmel.listener, "heard", interrupted)
    monkeypatch.setattr(models, "load_model", lambda *_, **__: logmel)
    out = tmp_path / "out" / "set.parquet"
    arguments = ["embed", clips, "--model", "logmel", "--out", out]
    said = embedviz_command(*arguments, status=INTERRUPTED)
    assert "goes on from there" in said.err
    assert not out.exists()
    assert not left_behind(tmp_path)
    assert len(list((cache_folder() / "recordings").rglob("*.parquet"))) == 2
    embedviz_command(*arguments)
    assert len(calls) == 4  # the third recording again, and no other
    assert len(pd.read_parquet(out)["recording"].unique()) == 3


WITH_SIGNAL = """
import os, signal, sys, time
from dataclasses import replace
from embedviz import models
from embedviz.__main__ import main

signal.signal(signal.SIGINT, signal.default_int_handler)  # a test runner may ignore it
logmel, calls = replace(models.load_model("logmel"), batch=6), []
heard = logmel.listener.heard

def interrupted(parts, framing):
    calls.append(1)
    if len(calls) == 3:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)
    return heard(parts, framing)

logmel.listener.heard = interrupted
models.load_model = lambda *_, **__: logmel
main(sys.argv[1:])
"""


@pytest.mark.skipif(os.name != "posix", reason="sends itself SIGINT")
def test_control_c_stops_a_process_and_the_command_goes_on(embedviz_command, clips, tmp_path):
    out = tmp_path / "out" / "set.parquet"
    arguments = ["embed", str(clips), "--model", "logmel", "--out", str(out)]
    stopped = subprocess.run(
        [sys.executable, "-c", WITH_SIGNAL, *arguments],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert stopped.returncode == INTERRUPTED, stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert not out.exists()
    assert not left_behind(tmp_path)
    assert len(list((cache_folder() / "recordings").rglob("*.parquet"))) == 2
    embedviz_command(*arguments)
    assert out.is_file()


@pytest.mark.usefixtures("unverified")
def test_a_process_says_nothing_of_its_libraries(clips, tmp_path):
    """TensorFlow's notes on processors and graphics cards are nobody's business."""
    ran = subprocess.run(
        [sys.executable, "-m", "embedviz", "embed", str(clips), "--model", "yamnet",
         "--out", str(tmp_path / "set.parquet")],
        capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    assert ran.stderr == ""
