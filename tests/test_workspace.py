from __future__ import annotations

import io
import os
import re
import time

import pytest

from embedviz.errors import EmbedvizError
from embedviz.folders import cache_folder
from embedviz.store import write_set
from embedviz.ui import workspace as module
from embedviz.ui.workspace import LIFETIME_S, Workspace, safe_name, sweep


def age(workspace, seconds):
    past = time.time() - seconds
    os.utime(workspace.folder, (past, past))


def test_a_workspace_is_found_again_by_its_token(workspace):
    assert Workspace.open(workspace.token) == workspace
    assert workspace.uploads.is_dir()


def test_no_two_workspaces_share_a_token_and_none_can_be_guessed(workspace):
    tokens = {Workspace.create().token for _ in range(20)} | {workspace.token}
    assert len(tokens) == 21
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{22}", token) for token in tokens)


def test_only_the_owner_may_look_into_the_folder(workspace):
    assert workspace.folder.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "token", ["", "..", "../../etc", "a" * 22, "a" * 21, "/" + "a" * 21, "a" * 21 + "\n", "ä" * 22]
)
def test_a_token_that_opens_nothing_is_refused(workspace, token):
    with pytest.raises(EmbedvizError, match="workspace is gone"):
        Workspace.open(token)


def test_a_deleted_workspace_is_gone(workspace):
    workspace.save("a.wav", io.BytesIO(b"sound"))
    workspace.delete()
    assert not workspace.folder.exists()
    with pytest.raises(EmbedvizError):
        Workspace.open(workspace.token)


def test_old_workspaces_are_swept_and_visited_ones_stay(workspace):
    old, visited = Workspace.create(), Workspace.create()
    for one in (old, visited):
        age(one, LIFETIME_S + 60)
    age(workspace, LIFETIME_S - 60)
    visited.touch()
    assert sweep() == 1
    assert not old.folder.exists()
    assert workspace.folder.exists()
    assert visited.folder.exists()


def test_sweeping_leaves_alone_what_is_no_workspace():
    assert sweep() == 0
    other = cache_folder() / "workspaces" / "notes"
    other.mkdir(parents=True)
    os.utime(other, (0, 0))
    assert sweep() == 0
    assert other.exists()


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("bird.wav", "bird.wav"),
        ("night 1/bird.wav", "night 1/bird.wav"),
        ("night\\bird.wav", "night/bird.wav"),
        ("../../etc/passwd", "etc/passwd"),
        ("/etc/passwd", "etc/passwd"),
        ("C:\\sounds\\bird.wav", "C_/sounds/bird.wav"),
        ("a/./../b.wav", "a/b.wav"),
        ("bat?\x00<1>.wav", "bat___1_.wav"),
        ("a\u0308.wav", "\xe4.wav"),
        ("..", "file"),
        ("", "file"),
        (" . ", "file"),
    ],
)
def test_names_from_outside_stay_in_their_folder(name, safe):
    assert str(safe_name(name)) == safe


@pytest.mark.parametrize("letter", ["a", "\xe4", "鳥"])
def test_a_very_long_name_is_cut_but_keeps_its_ending(workspace, letter):
    path = workspace.save(letter * 400 + ".wav", io.BytesIO(b"sound"))
    assert path.suffix == ".wav"
    assert path.name.startswith(letter)
    assert path.read_bytes() == b"sound"


def test_an_uploaded_folder_keeps_its_folders(workspace):
    path = workspace.save("esc10/rain/1-10.ogg", io.BytesIO(b"rain"))
    assert path == workspace.uploads / "esc10" / "rain" / "1-10.ogg"
    assert path.read_bytes() == b"rain"


def test_two_files_of_one_name_are_told_apart(workspace):
    paths = [workspace.save("a.wav", io.BytesIO(content)) for content in (b"1", b"2", b"3")]
    assert [path.name for path in paths] == ["a.wav", "a (2).wav", "a (3).wav"]
    assert [path.read_bytes() for path in paths] == [b"1", b"2", b"3"]


def test_the_same_file_sent_twice_is_kept_once(workspace):
    first = workspace.save("a.wav", io.BytesIO(b"1"))
    workspace.save("a.wav", io.BytesIO(b"2"))
    assert workspace.save("a.wav", io.BytesIO(b"1")) == first
    assert len(list(workspace.uploads.iterdir())) == 2


def test_an_upload_is_never_held_in_memory_as_a_whole(workspace, monkeypatch):
    monkeypatch.setattr(module, "CHUNK_BYTES", 10)
    asked = []

    class Stream(io.BytesIO):
        def read(self, size=-1):
            asked.append(size)
            return super().read(size)

    assert workspace.save("a.wav", Stream(b"x" * 95)).stat().st_size == 95
    assert set(asked) == {10}


def test_an_upload_that_breaks_off_leaves_nothing(workspace):
    class Broken(io.BytesIO):
        def read(self, size=-1):
            raise OSError("connection lost")

    with pytest.raises(OSError, match="connection lost"):
        workspace.save("a.wav", Broken())
    assert list(workspace.uploads.iterdir()) == []
    assert list(workspace.folder.glob("*.part")) == []


def test_sets_are_named_newest_first_and_the_demo_last(workspace, make_set):
    for place, name in enumerate(["first", "second"]):
        write_set(make_set(4), workspace.set_path(name))
        os.utime(workspace.set_path(name), (place, place))
    assert workspace.set_names() == ["second", "first"]
    write_set(make_set(4), workspace.set_path("demo"))
    assert workspace.set_names() == ["second", "first", "demo"]
    assert Workspace.create().set_names() == ["demo"]


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../demo", "a/b", "a\\b", ".hidden", "a\x00b", "a" * 101, "é"]
)
def test_no_set_name_leads_out_of_the_workspace(workspace, name):
    with pytest.raises(EmbedvizError, match="cannot name a set"):
        workspace.set_path(name)


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("esc10 · YAMNet", "esc10-YAMNet"),
        ("Übung/2", "Ubung-2"),
        ("../..", "set"),
        ("鳥", "set"),
        ("demo", "demo-2"),
        ("x" * 300, "x" * 90),
    ],
)
def test_any_title_makes_a_set_name(workspace, title, name):
    assert workspace.unused_set_name(title) == name
    assert workspace.set_path(name).parent == workspace.folder / "sets"


def test_a_name_in_use_gets_a_number(workspace, make_set):
    for name in ("esc10", "esc10-2"):
        write_set(make_set(4), workspace.set_path(name))
    assert workspace.unused_set_name("esc10") == "esc10-3"


def test_an_opened_set_is_read_once_until_it_changes(workspace, make_set):
    path = workspace.set_path("esc10")
    write_set(make_set(8), path)
    first = workspace.open_set("esc10")
    assert workspace.open_set("esc10") is first
    write_set(make_set(4), path)
    assert len(workspace.open_set("esc10")) == 4


def test_a_set_of_another_workspace_cannot_be_opened(workspace, make_set):
    write_set(make_set(4), Workspace.create().set_path("theirs"))
    with pytest.raises(EmbedvizError, match="no set 'theirs'"):
        workspace.open_set("theirs")
