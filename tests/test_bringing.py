"""Embeddings that were made elsewhere, brought in on the page Embed."""

from __future__ import annotations

import time

import numpy as np
import pytest
from onpage import laid_out, said, visit

from embedviz.projector.bundle import write_bundle
from embedviz.ui.jobs import queue

pytestmark = pytest.mark.usefixtures("clean_queue")


def bring(app, files=(), address=""):
    """Choose files or type an address, and import."""
    for name, content in files:
        app.file_uploader(key="bringing-files-0").upload(name, content)
    app.text_input(key="from-0").input(address).run()
    next(one for one in app.button if one.label == "Import").click().run()
    assert not app.exception
    return app


def ended(workspace):
    (job,) = queue().of(workspace.token)
    deadline = time.monotonic() + 60
    while job.active and time.monotonic() < deadline:
        time.sleep(0.02)
    return job


def left_behind(workspace):
    return [path for path in (workspace.folder / "imports").rglob("*") if path.is_file()]


def test_a_bundle_becomes_a_set_with_its_map_and_its_upload_goes(workspace, make_set, tmp_path):
    found = laid_out(make_set())
    bundle = write_bundle({"logmel": found}, tmp_path / "night.zip")
    app = visit(workspace, "embed")
    bring(app, [("night.zip", bundle.read_bytes())])
    job = ended(workspace)
    assert job.state == "done", job.message
    app.run()
    assert "Imported 40 points" in said(app)
    assert "a sample of" not in said(app)
    (name,) = job.result.names
    opened = workspace.open_set(name)
    np.testing.assert_array_equal(opened.vectors, found.vectors)
    np.testing.assert_allclose(
        opened.projection.coordinates, found.projection.coordinates, rtol=1e-6
    )
    assert left_behind(workspace) == []
    next(one for one in app.button if one.label == f"Map of {name}").click().run()
    assert app.session_state["set"] == name


def test_vectors_and_their_table_are_read_together(workspace, tmp_path):
    vectors = np.random.default_rng(0).normal(size=(12, 8)).astype(np.float32)
    np.save(tmp_path / "vectors.npy", vectors)
    table = "recording,label\n" + "".join(f"clip{row}.wav,kind {row % 3}\n" for row in range(12))
    app = visit(workspace, "embed")
    bring(
        app,
        [
            ("vectors.npy", (tmp_path / "vectors.npy").read_bytes()),
            ("vectors.csv", table.encode()),
        ],
    )
    job = ended(workspace)
    assert job.state == "done", job.message
    opened = workspace.open_set(job.result.names[0])
    assert opened.table["label"].tolist() == [f"kind {row % 3}" for row in range(12)]
    np.testing.assert_array_equal(opened.vectors, vectors)


def test_what_is_no_bundle_is_a_sentence(workspace):
    bring(visit(workspace, "embed"), [("holiday.zip", b"PK nonsense")])
    job = ended(workspace)
    assert job.state == "failed"
    assert "holiday.zip" in job.message
    assert left_behind(workspace) == []


def test_an_address_cannot_name_files_of_the_server(workspace):
    app = bring(visit(workspace, "embed"), address="/etc/passwd")
    assert "is no web address" in said(app)
    assert queue().of(workspace.token) == []
