"""`embedviz import` and the app's job bring sets in, each said in a line."""

from __future__ import annotations

import json
import threading
import time

import numpy as np
import pytest
from inparts import part, write_parts

from embedviz.data import Projection
from embedviz.errors import EmbedvizError
from embedviz.projector.bundle import write_bundle
from embedviz.store import read_set, write_set
from embedviz.ui.importing import import_into
from embedviz.ui.jobs import queue
from embedviz.ui.workspace import Workspace

VECTORS = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)


@pytest.fixture
def bundle(make_set, tmp_path):
    """Two sets, one with a map."""
    night = make_set(rows=20)
    night = night.with_projection(Projection("umap", night.vectors[:, :2].copy(), {}))
    return write_bundle({"night": night, "day": make_set(rows=9, dims=5)}, tmp_path / "maps.zip")


# The command.


def test_a_bundle_of_several_sets_goes_into_a_folder(bundle, embedviz_command, tmp_path):
    said = embedviz_command("import", bundle, "--out", tmp_path / "sets").out.splitlines()
    assert said == [
        f"{tmp_path}/sets/night.parquet: 20 rows of 16, pictures, a map by umap, from night",
        f"{tmp_path}/sets/day.parquet: 9 rows of 5, pictures, from day",
    ]
    found = read_set(tmp_path / "sets" / "night.parquet")
    assert found.projection.method == "umap"
    assert found.thumbnails.shape == (20, 64, 64)
    sentence = embedviz_command("import", bundle, "--out", tmp_path / "a.parquet", status=1).err
    assert "Found 2 sets (night, day)" in sentence
    assert not (tmp_path / "a.parquet").exists()


def test_an_address_to_write_to_is_refused_at_the_start(embedviz_command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = embedviz_command("import", "nowhere.npy", "--out", "s3://bucket/x.parquet", status=1)
    assert "s3://bucket/x.parquet is an address; wanted a path on this machine." in said.err
    assert said.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_what_comes_in_goes_out_again(bundle, embedviz_command, tmp_path):
    embedviz_command("import", bundle, "--out", tmp_path / "sets")
    files = [tmp_path / "sets" / "night.parquet", tmp_path / "sets" / "day.parquet"]
    assert "it will open" in embedviz_command("export", *files, "--out", tmp_path / "again").out
    config = json.loads((tmp_path / "again" / "projector_config.json").read_text())
    assert [one["tensorName"] for one in config["embeddings"]] == ["night", "day"]


def test_an_array_with_its_table_becomes_one_file(embedviz_command, tmp_path):
    np.save(tmp_path / "birds.npy", VECTORS)
    rows = "recording,label\n" + "".join(f"r{i // 4}.wav,kind {i % 2}\n" for i in range(20))
    (tmp_path / "rows.csv").write_text(rows)
    out = tmp_path / "birds.parquet"
    said = embedviz_command(
        "import", tmp_path / "birds.npy", tmp_path / "rows.csv", "--out", out
    ).out
    assert said == f"{out}: 20 rows of 4, from birds\n"
    found = read_set(out)
    assert found.label_columns == ("label",)
    assert found.provenance.title == "birds, unverified weights"


def test_labels_are_found_by_recording_and_the_rest_is_warned_of(
    make_set, embedviz_command, tmp_path
):
    write_set(make_set(rows=20), tmp_path / "night.parquet")
    lines = ["file;species;site", *(f"clip00{i}.wav;wren {i};007" for i in range(4))]
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    out = tmp_path / "out.parquet"
    said = embedviz_command(
        "import", tmp_path / "night.parquet", "--labels", tmp_path / "labels.csv", "--out", out
    )
    assert "1 recordings of night have no row" in said.err
    assert "clip004.wav" in said.err
    found = read_set(out)
    assert found.label_columns == ("label", "site")
    assert found.table["label"].tolist()[3:5] == ["wren 0", "wren 1"]
    assert found.table["site"].tolist()[-5:] == ["007", "", "", "", ""]
    assert list(found.table)[:5] == ["recording", "start_s", "stop_s", "label", "site"]


@pytest.mark.parametrize("in_parts", [False, True])
def test_a_sample_keeps_the_labels_shares_and_says_so(
    make_set, embedviz_command, tmp_path, in_parts
):
    night, where, out = make_set(), tmp_path / "night.parquet", tmp_path / "few.parquet"
    if in_parts:
        write_parts(where, [part(night, slice(0, 8)), part(night, slice(8, 40))], scratch=tmp_path)
    else:
        write_set(night, where)
    said = embedviz_command("import", where, "--sample", 10, "--out", out).out
    assert said == f"{out}: 10 rows of 16, a sample of 40, pictures, from night\n"
    found = read_set(out)
    assert sorted(found.table["label"].value_counts()) == [2, 2, 3, 3]
    assert found.provenance.sampled_from == 40


def test_what_cannot_be_read_is_one_line_and_the_rest_is_written(
    bundle, embedviz_command, tmp_path
):
    (tmp_path / "broken.npy").write_bytes(b"\x93NUMPY")
    said = embedviz_command("import", tmp_path / "broken.npy", "--out", tmp_path / "s", status=1)
    assert said.err.startswith("embedviz: broken.npy cannot be read")
    assert said.err.count("\n") == 1
    both = embedviz_command(
        "import", bundle, tmp_path / "broken.npy", "--out", tmp_path / "s", status=3
    )
    assert len(both.out.splitlines()) == 2
    assert "broken.npy is left out" in both.err


# The app's job.


@pytest.fixture
def workspace():
    yield Workspace.create()
    queue().close()


def finished(job):
    deadline = time.monotonic() + 60
    while job.active and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not job.active
    return job


@pytest.fixture
def quick_map(monkeypatch):
    """A map without the minute that UMAP may take to load."""

    def project(embedding_set, method, *, progress):
        progress(100, 100)
        return Projection(method, embedding_set.vectors[:, 1:3].copy(), {})

    monkeypatch.setattr("embedviz.project.project", project)


@pytest.mark.usefixtures("quick_map")
def test_a_bundle_is_in_the_workspace_with_a_map_of_every_set(bundle, workspace):
    over = []
    job = finished(import_into(workspace, [bundle], "maps.zip", then=lambda: over.append(1)))
    assert (job.title, job.state, job.message) == ("Importing maps.zip", "done", "")
    assert (job.result.names, job.result.points, over) == (("night", "day"), 29, [1])
    assert set(workspace.set_names()) == {"night", "day"}
    night, day = workspace.open_set("night"), workspace.open_set("day")
    assert night.projection.coordinates[3].tolist() == night.vectors[3, :2].tolist()
    assert day.projection.coordinates[3].tolist() == day.vectors[3, 1:3].tolist()
    again = finished(import_into(workspace, [bundle], "maps.zip"))
    assert again.result.names == ("night-2", "day-2")


def test_a_job_that_finds_nothing_says_why_and_leaves_nothing(workspace, tmp_path):
    (tmp_path / "x.npy").write_bytes(b"\x93NUMPY")
    over = []
    job = finished(
        import_into(workspace, [tmp_path / "x.npy"], "x.npy", then=lambda: over.append(1))
    )
    assert (job.state, over, workspace.set_names()) == ("failed", [1], [])
    assert job.message.startswith("x.npy cannot be read")


def test_an_import_that_is_stopped_in_the_queue_tidies_up_once(workspace, tmp_path):
    held, over = threading.Event(), []
    first = queue().submit(lambda _: held.wait(60), owner="", title="First")
    job = import_into(workspace, [tmp_path / "x.npy"], "x.npy", then=lambda: over.append(1))
    job.cancel()
    assert (job.state, over) == ("stopped", [1])
    job.cancel()
    held.set()
    finished(first)
    finished(queue().submit(lambda _: None, owner="", title="Last"))
    assert over == [1]


@pytest.mark.parametrize("typed", ["/etc/passwd", "file:///etc/passwd", "x.parquet", "~/x.npy"])
def test_a_visitor_cannot_name_files_of_the_server(typed, workspace):
    with pytest.raises(EmbedvizError, match="no web address"):
        import_into(workspace, [typed], typed)
    assert queue().of(workspace.token) == []


def test_a_visitor_cannot_reach_the_servers_own_network(workspace):
    job = finished(import_into(workspace, ["http://127.0.0.1:1/x.npy"], "x"))
    assert job.state == "failed"
    assert "not on the public internet" in job.message
