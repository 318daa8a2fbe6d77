"""Folders of the machine that the app runs on."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from conftest import tone
from inparts import part, write_parts
from onpage import laid_out, said, visit

from embedviz.errors import EmbedvizError
from embedviz.folders import cache_folder
from embedviz.partcoordinates import write_projection
from embedviz.partitioned import open_partitioned
from embedviz.store import write_set
from embedviz.ui import folderpicker, recordings, serverfolders
from embedviz.ui.jobs import queue
from embedviz.ui.recordings import collected


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine whose owner allows `archive`, beside a folder that is private."""

    def put(name, seconds=2.0):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        sf.write(path, tone(440, seconds), 16000)

    for name in ("archive/may/frog/1.wav", "archive/may/owl/2.wav", "archive/june/3.wav"):
        put(name)
    put("private/secret.wav")
    put("archive/.trash/4.wav")
    (tmp_path / "archive" / "may" / "owl" / "notes.txt").write_text("dusk")
    monkeypatch.setenv("EMBEDVIZ_RECORDINGS", f"{tmp_path / 'archive'}{os.pathsep}")
    return tmp_path


@pytest.fixture
def may(machine):
    return machine / "archive" / "may"


def names(workspace):
    return [recording.name for recording in collected(workspace).recordings]


def files(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_recordings_are_used_where_they_lie(workspace, machine, may):
    before = files(machine / "archive")
    serverfolders.use(workspace, may)
    found = collected(workspace)
    assert names(workspace) == ["may/frog/1.wav", "may/owl/2.wav"]
    assert found.recordings[0].path == may.resolve() / "frog" / "1.wav"
    assert (found.title, found.in_folders, found.skipped) == ("may", True, 1)
    recordings.remove(workspace, [found.recordings[0].path])
    assert names(workspace) == ["may/owl/2.wav"]
    recordings.remove_all(workspace)
    assert names(workspace) == []
    assert files(machine / "archive") == before


def test_a_folder_is_looked_into_again_when_asked(workspace, may):
    serverfolders.use(workspace, may)
    assert len(names(workspace)) == 2
    sf.write(may / "new.wav", tone(440, 1.0), 16000)
    assert len(names(workspace)) == 2
    serverfolders.use(workspace, may)
    assert "may/new.wav" in names(workspace)
    serverfolders.leave(workspace, str(may.resolve()))
    assert names(workspace) == []


def test_equal_names_from_two_places_are_told_apart(workspace, may):
    with (may / "frog" / "1.wav").open("rb") as sound:
        workspace.save("may/frog/1.wav", io.BytesIO(sound.read()))
    serverfolders.use(workspace, may)
    assert names(workspace) == ["may/frog/1.wav", "may/frog/1 (2).wav", "may/owl/2.wav"]


@pytest.mark.parametrize("torn", ['{"/srv', '["a', "", "7"])
def test_a_torn_list_is_an_empty_one(workspace, may, torn):
    serverfolders.use(workspace, may)
    for name in ("folders.json", "left_out.json"):
        (workspace.folder / name).write_text(torn)
    assert names(workspace) == []
    serverfolders.use(workspace, may)
    assert names(workspace) == ["may/frog/1.wav", "may/owl/2.wav"]


def test_lists_are_written_whole_or_not_at_all(workspace, may, monkeypatch):
    serverfolders.use(workspace, may)
    recordings.remove(workspace, [may.resolve() / "frog" / "1.wav"])

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        serverfolders.leave(workspace, str(may.resolve()))
    with pytest.raises(OSError, match="No space"):
        recordings.remove(workspace, [may.resolve() / "owl" / "2.wav"])
    assert names(workspace) == ["may/owl/2.wav"]


def test_a_table_in_the_folder_can_label(workspace, may):
    (may / "labels.csv").write_text("file,kind\n1.wav,frog\n")
    serverfolders.use(workspace, may)
    assert [name for name, _ in collected(workspace).tables] == ["labels.csv"]


@pytest.mark.parametrize("way", ["..", "../../private", "../../archive/../private", "/", "."])
def test_what_lies_outside_cannot_be_reached(workspace, machine, may, way):
    folder = machine if way == "." else may / way if way != ".." else machine / "archive" / ".."
    for reach in (serverfolders.subfolders, serverfolders.survey):
        with pytest.raises(EmbedvizError, match="none of the folders"):
            reach(folder)
    with pytest.raises(EmbedvizError, match="none of the folders"):
        serverfolders.use(workspace, folder)


def test_links_do_not_lead_out(workspace, machine, may):
    try:
        (may / "way").symlink_to(machine / "private", target_is_directory=True)
        (may / "way.wav").symlink_to(machine / "private" / "secret.wav")
        (may / "june").symlink_to(machine / "archive" / "june", target_is_directory=True)
    except OSError:
        pytest.skip("this system makes no links")
    assert serverfolders.subfolders(may) == ["frog", "june", "owl"]
    assert serverfolders.survey(may).recordings == 2
    with pytest.raises(EmbedvizError, match="none of the folders"):
        serverfolders.use(workspace, may / "way")
    serverfolders.use(workspace, may)
    found = collected(workspace)
    assert names(workspace) == ["may/frog/1.wav", "may/owl/2.wav"]
    assert dict(found.failures) == {
        "may/way.wav": "way.wav is a link out of the folders that this app may read."
    }


def test_the_apps_own_folder_is_not_shown_even_inside_an_allowed_one(
    workspace, machine, monkeypatch
):
    """The names of workspaces are their keys."""
    with (machine / "private" / "secret.wav").open("rb") as sound:
        workspace.save("mine.wav", sound)
    monkeypatch.setenv("EMBEDVIZ_RECORDINGS", str(cache_folder().parent))
    inside = cache_folder() / "workspaces"
    assert cache_folder().name not in serverfolders.subfolders(cache_folder().parent)
    with pytest.raises(EmbedvizError, match="none of the folders"):
        serverfolders.use(workspace, inside)
    found = serverfolders.gathered(str(cache_folder().parent), unpack_to=inside)
    assert not [one for one in found.recordings if workspace.token in str(one.path)]
    assert not [name for name in found.failures if workspace.token in name]


def test_a_folder_that_is_not_allowed_any_longer_says_so(workspace, may, monkeypatch):
    serverfolders.use(workspace, may)
    monkeypatch.setenv("EMBEDVIZ_RECORDINGS", "")
    # Whoever changes the setting starts the app anew.
    recordings._collected.cache_clear()
    found = collected(workspace)
    assert found.recordings == ()
    assert "none of the folders" in dict(found.failures)["may"]


def test_a_large_folder_is_estimated(may):
    found = serverfolders.survey(may)
    assert (found.recordings, found.seconds, found.exact) == (2, 4.0, True)
    found = serverfolders.survey(may, patience_s=-1)
    assert (found.exact, found.seconds) == (False, None)


def open_picker(app):
    """Open the popover as the browser does."""
    app.session_state["way-server-folder-0"] = True
    return app.run()


def test_a_folder_is_chosen_on_the_page(workspace, machine):
    app = open_picker(visit(workspace, "embed"))
    assert "archive: 3 recordings · 6.0 s" in said(app).replace("*", "")
    inside = app.selectbox(key=f"server-folder-in-{(machine / 'archive').resolve()}")
    assert inside.options == ["june", "may"]
    inside.select("may").run()
    assert "may: 2 recordings · 4.0 s" in said(app).replace("*", "")
    next(one for one in app.button if one.label == "Add this folder").click().run()
    assert "2 recordings · 4.0 s · 2 labels" in said(app)
    assert list(app.dataframe[0].value["label"]) == ["frog", "owl"]


def test_without_allowed_folders_nothing_is_offered(workspace, monkeypatch):
    monkeypatch.delenv("EMBEDVIZ_RECORDINGS", raising=False)
    app = visit(workspace, "embed")
    assert not [box for box in app.selectbox if box.label == "Folder"]
    assert not [one for one in app.get("popover") if "Folders on" in one.proto.popover.label]


@pytest.fixture
def night(may, make_set, tmp_path):
    """A set in parts that lies among the recordings of May, with its map."""
    bare = make_set()
    parts = [part(bare, slice(0, 24)), part(bare, slice(24, 40))]
    write_parts(may / "night.parquet", parts, scratch=tmp_path)
    found = laid_out(bare)
    write_projection(open_partitioned(may / "night.parquet"), found.projection)
    return found


def test_sets_are_found_below_a_folder_and_are_no_folders_themselves(night, machine, make_set):
    archive = machine / "archive"
    write_set(make_set(rows=8), archive / "june" / "day.parquet")
    write_set(make_set(rows=8), archive / ".trash" / "old.parquet")
    (archive / "holiday.parquet").mkdir()
    (archive / "june" / "private.parquet").symlink_to(machine / "private")
    found = serverfolders.sets(archive)
    assert list(found) == ["june/day.parquet", "may/night.parquet"]
    assert "night.parquet" not in serverfolders.subfolders(archive / "may")
    with pytest.raises(EmbedvizError, match="none of the folders"):
        serverfolders.sets(machine / "private")


def test_a_set_with_a_part_that_leads_out_is_not_offered(night, machine, may):
    first = may / "night.parquet" / "part-00000.parquet"
    inside, outside = machine / "archive" / "june" / "part", machine / "private" / "part"
    first.rename(inside)
    first.symlink_to(inside)
    assert list(serverfolders.sets(may)) == ["night.parquet"]
    inside.rename(outside)
    first.unlink()
    first.symlink_to(outside)
    assert list(serverfolders.sets(may)) == []


def open_night(workspace, may):
    """Open the set on the page Embed and wait for it."""
    app = open_picker(visit(workspace, "embed"))
    app.selectbox(key=f"server-folder-in-{may.parent.resolve()}").select("may").run()
    (box,) = (one for one in app.selectbox if one.label == "Embeddings in may")
    assert box.options == ["night.parquet"]
    next(one for one in app.button if one.label == "Open").click().run()
    (job,) = queue().of(workspace.token)
    deadline = time.monotonic() + 60
    while job.active and time.monotonic() < deadline:
        time.sleep(0.02)
    assert job.state == "done", job.message
    return app.run(), job.result


def test_a_set_in_parts_is_opened_on_the_page(workspace, may, night, clean_queue):
    app, made = open_night(workspace, may)
    assert "Imported 40 points" in said(app)
    opened = workspace.open_set(made.names[0])
    np.testing.assert_array_equal(opened.vectors, night.vectors)
    np.testing.assert_array_equal(opened.projection.coordinates, night.projection.coordinates)
    next(one for one in app.button if one.label == "Map of night").click().run()
    assert app.session_state["set"] == "night"


def test_of_a_large_set_a_sample_is_opened_and_said(
    workspace, may, night, clean_queue, monkeypatch
):
    monkeypatch.setattr(folderpicker, "MOST_POINTS", 16)
    app, made = open_night(workspace, may)
    assert "Imported 16 points" in said(app)
    assert "a sample of 40" in said(app)
    opened = workspace.open_set(made.names[0])
    # Of 12, 12, 8 and 8.
    assert opened.table["label"].value_counts().sort_index().tolist() == [5, 5, 3, 3]
    app = visit(workspace, set=made.names[0])
    assert "A sample of 16 of 40 points." in said(app)
