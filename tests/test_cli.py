"""The commands: what they write, what they say, and their exit status."""

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from official import write_official_weights

import embedviz
from embedviz import models
from embedviz.cli import commands
from embedviz.folders import weights_folder
from embedviz.store import read_set, write_set

README = Path(__file__).parents[1] / "README.md"


@pytest.fixture
def written(make_set, tmp_path):
    """Write a set of 40 rows and give its file."""

    def write(name: str = "set.parquet", **options) -> Path:
        write_set(make_set(**options), tmp_path / name)
        return tmp_path / name

    return write


def every_command(group=commands, prefix="embedviz"):
    for name, command in sorted(group.commands.items()):
        if hasattr(command, "commands"):
            yield from every_command(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}", command


every_one = pytest.mark.parametrize(
    ("name", "command"), [pytest.param(*one, id=one[0]) for one in every_command()]
)


@every_one
def test_every_command_and_option_says_what_it_does(name, command):
    assert command.help
    unexplained = {"--method", "--dims", "--seed", "--precision", "--port", "--host"}
    for option in command.params:
        if option.opts[0].startswith("--"):
            assert option.help or option.opts[0] in unexplained, (name, option.opts)


@every_one
def test_every_command_is_in_the_readme(name, command):
    text = README.read_text(encoding="utf-8")
    words = name.removeprefix("embedviz ").split()
    if len(words) == 1:
        assert name in text
    else:  # `embedviz weights list|add` names two commands
        group, command_name = words
        lines = [line for line in text.splitlines() if f"embedviz {group}" in line]
        assert any(re.search(rf"\b{command_name}\b", line) for line in lines)


def test_the_version_is_the_package_version(embedviz_command):
    assert embedviz.__version__ in embedviz_command("--version").out


def test_an_unknown_command_is_one_line(embedviz_command):
    assert embedviz_command("nonsense", status=1).err.count("\n") == 1


@pytest.mark.parametrize("command", ["project", "export"])
def test_what_is_made_of_a_file_goes_to_no_address(
    embedviz_command, written, tmp_path, monkeypatch, command
):
    file = written()
    monkeypatch.chdir(tmp_path)
    said = embedviz_command(command, file, "--out", "s3://bucket/x.parquet", status=1)
    assert "s3://bucket/x.parquet is an address;" in said.err
    assert said.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == [file]


def test_demo_writes_the_recordings_and_finds_them_again(embedviz_command, tmp_path):
    folder = tmp_path / "demo"
    said = embedviz_command("demo", folder)
    assert said.out == embedviz_command("demo", folder).out
    assert "96 clips" in said.out
    assert len(list((folder / "clips").rglob("*.flac"))) == 96


def test_a_folder_that_cannot_be_made_is_one_line(embedviz_command, tmp_path):
    (tmp_path / "file").write_text("in the way")
    said = embedviz_command("demo", tmp_path / "file" / "demo", status=1)
    assert said.err.count("\n") == 1
    assert str(tmp_path / "file") in said.err


def test_models_lists_every_model(embedviz_command):
    lines = embedviz_command("models").out.splitlines()
    assert {line.split()[0] for line in lines[1:]} == set(models.names())
    facts = json.loads(embedviz_command("models", "--json").out)
    assert [entry["name"] for entry in facts] == list(models.names())
    states = {entry["name"]: entry["ready"] for entry in facts}
    assert states["logmel"]
    assert not states["yamnet"]


def test_weights_brought_by_hand_are_listed_and_verified(embedviz_command, tmp_path):
    write_official_weights("yamnet", tmp_path / "mine")
    file = tmp_path / "mine" / "yamnet.h5"
    refused = embedviz_command("weights", "add", "yamnet", file, status=1)
    assert refused.err.count("\n") == 1
    assert "--unverified" in refused.err
    assert "checksum" in refused.err
    listed = embedviz_command("weights", "list").out.splitlines()
    assert all(line.split()[2] == "missing" for line in listed)
    assert "unverified" in embedviz_command("weights", "add", "yamnet", file, "--unverified").out
    listed = embedviz_command("weights", "list").out.splitlines()
    assert [line.split()[1] for line in listed if "unverified" in line] == ["yamnet.h5"]
    said = embedviz_command("weights", "verify", "yamnet", status=1)  # no bell rings in noise
    assert said.out.startswith("unverified yamnet: yamnet.h5")
    assert "FAILED" in said.out


def test_verifying_needs_weights(embedviz_command):
    said = embedviz_command("weights", "verify", status=1)
    assert "embedviz weights fetch" in said.err


@pytest.mark.shared
def test_real_weights_pass_the_published_smoke_test(embedviz_command, shared):
    """The shared YAMNet holds the official numbers in another file, so it stays unverified."""
    file = shared / "weights" / "yamnet.h5"
    said = embedviz_command("weights", "add", "yamnet", file, "--unverified")
    assert "yamnet_class_map.csv: the published file" in said.out  # it lies beside the other
    said = embedviz_command("weights", "verify")
    states = [line.split()[0] for line in said.out.splitlines()]
    assert states == ["unverified", "ok", "ok", "ok", "ok"]


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("method", ["pca", "umap"])
def test_project_adds_coordinates_and_keeps_the_rest(embedviz_command, written, method, dims):
    file = written()
    before, columns = read_set(file), list(pd.read_parquet(file).columns)
    said = embedviz_command("project", file, "--method", method, "--dims", dims)
    assert f"40 rows projected by {method}, {dims}-D" in said.out
    assert ("of the variance" in said.out) == (method == "pca")
    frame = pd.read_parquet(file)
    axes = ["x", "y", "z"][:dims]
    assert list(frame.columns) == columns + axes
    assert np.isfinite(frame[axes].to_numpy()).all()
    after = read_set(file)
    pd.testing.assert_frame_equal(after.table, before.table)
    np.testing.assert_array_equal(after.vectors, before.vectors)
    np.testing.assert_array_equal(after.thumbnails, before.thumbnails)
    assert after.provenance == before.provenance


def test_projecting_again_replaces_and_out_leaves_the_file_alone(embedviz_command, written):
    file = written()
    embedviz_command("project", file, "--method", "pca", "--dims", 3)
    kept = file.read_bytes()
    other = file.with_name("other.parquet")
    embedviz_command("project", file, "--method", "pca", "--out", other)
    assert file.read_bytes() == kept
    assert read_set(other).projection.dims == 2
    assert "z" not in pd.read_parquet(other).columns


@pytest.mark.parametrize("setting", [["--seed", -1], ["--min-dist", 2], ["--dims", 4]])
def test_settings_out_of_range_leave_the_file_alone(embedviz_command, written, setting):
    file = written()
    kept = file.read_bytes()
    assert embedviz_command("project", file, *setting, status=1).err.count("\n") == 1
    assert file.read_bytes() == kept


@pytest.mark.parametrize("out", ["bundle", "bundle.zip"])
@pytest.mark.parametrize("sets", [1, 3])
def test_export_writes_bundles_that_validate(embedviz_command, written, tmp_path, out, sets):
    files = [written(f"{i}.parquet", seed=i) for i in range(sets)]
    embedviz_command("project", files[0], "--method", "pca")
    said = embedviz_command("export", *files, "--out", tmp_path / out)
    assert str(tmp_path / out) in said.out
    embedviz_command("validate", tmp_path / out)
    if out.endswith(".zip"):
        with zipfile.ZipFile(tmp_path / out) as packed:
            config = json.loads(packed.read("projector_config.json"))
    else:
        config = json.loads((tmp_path / out / "projector_config.json").read_text())
    assert len(config["embeddings"]) == sets


def test_export_fills_an_empty_folder_and_spares_a_full_one(embedviz_command, written, tmp_path):
    (tmp_path / "empty").mkdir()
    embedviz_command("export", written(), "--out", tmp_path / "empty")
    embedviz_command("validate", tmp_path / "empty")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("years of work")
    said = embedviz_command("export", written(), "--out", tmp_path / "full", status=1)
    assert said.err.count("\n") == 1
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["thesis.txt"]


def test_a_broken_bundle_is_told(embedviz_command, written, tmp_path):
    bundle = tmp_path / "bundle"
    embedviz_command("export", written(), "--out", bundle)
    tensors = bundle / "tensors.bytes"
    tensors.write_bytes(tensors.read_bytes()[:-4])
    said = embedviz_command("validate", bundle, status=1)
    assert "error: tensors.bytes" in said.out
    embedviz_command("validate", tmp_path / "missing", status=1)


@pytest.mark.parametrize("command", [["project"], ["export", "--out", "bundle"]])
def test_a_file_that_is_no_set_is_one_line(embedviz_command, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.parquet").write_text("hello")
    for file in ("text.parquet", "missing.parquet"):
        said = embedviz_command(*command, file, status=1)
        assert said.err.count("\n") == 1
        assert file in said.err


def test_the_command_runs_as_a_process(tmp_path):
    command = [sys.executable, "-m", "embedviz"]
    listed = subprocess.run(
        [*command, "models", "--json"], capture_output=True, text=True, check=True
    )
    assert {entry["name"] for entry in json.loads(listed.stdout)} == set(models.names())
    assert not listed.stderr
    failed = subprocess.run(
        [*command, "embed", "missing.wav", "--model", "logmel", "--out", "x.parquet"],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert failed.returncode == 1
    assert not failed.stdout
    assert failed.stderr.count("\n") == 1
    assert "missing.wav does not exist" in failed.stderr


def test_a_damaged_weight_file_is_listed_as_damaged(embedviz_command):
    folder = weights_folder() / "yamnet"
    folder.mkdir(parents=True)
    (folder / "yamnet.h5").write_bytes(b"half of it")
    listed = embedviz_command("weights", "list").out
    assert "damaged" in next(line for line in listed.splitlines() if "yamnet.h5" in line)


@pytest.mark.parametrize(
    "command",
    [
        ("demo", "s3://bucket/demo"),
        ("ensemble", "a.parquet", "b.parquet", "--out", "s3://bucket/both.parquet"),
        ("evaluate", "a.parquet", "--label", "label", "--out", "s3://bucket/report.html"),
    ],
)
def test_an_address_is_no_path_on_this_machine(embedviz_command, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    said = embedviz_command(*command, status=1)
    assert "is an address; wanted a path on this machine." in said.err
    assert not list(tmp_path.glob("s3*"))
