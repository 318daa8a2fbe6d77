"""Files that a browser sends in pieces."""

from __future__ import annotations

import os
import shutil
import socket
from collections import namedtuple
from urllib.parse import quote

import pytest
from asking import Client

from embedviz.served.promptly import answer_promptly
from embedviz.ui import incoming

ID = "0123456789abcdef"
SOUND = bytes(range(256)) * 40
SIZE = len(SOUND)
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def client():
    return Client()


@pytest.fixture
def address(workspace):
    """Where a file is sent; `size` is what the browser says of it."""

    def address(name="night/1.wav", size=SIZE, offset=None, *, identity=ID, token=None):
        found = f"/upload/{token or workspace.token}/{identity}?name={quote(name)}&size={size}"
        return found if offset is None else f"{found}&offset={offset}"

    return address


def kept(workspace):
    files = (path for path in workspace.uploads.rglob("*") if path.is_file())
    return {path.relative_to(workspace.uploads).as_posix(): path.read_bytes() for path in files}


def waiting(workspace):
    return list((workspace.folder / "incoming").glob("*"))


def test_pieces_become_a_file_when_the_last_has_come(client, workspace, address):
    assert client.get(address()).json == {"offset": 0, "done": False}
    assert client.put(address(offset=0), SOUND[:4000]).json == {"offset": 4000, "done": False}
    assert kept(workspace) == {}
    assert client.get(address()).json == {"offset": 4000, "done": False}
    answer = client.put(address(offset=4000), SOUND[4000:5000], SOUND[5000:])
    assert answer.json == {"offset": SIZE, "done": True}
    assert kept(workspace) == {"night/1.wav": SOUND}
    assert waiting(workspace) == []


def test_a_cut_connection_goes_on_where_it_was(client, workspace, address):
    client.put(address(offset=0), SOUND[:3000], SOUND[3000:3500], cut=True)
    assert kept(workspace) == {}
    there = client.get(address()).json["offset"]
    assert there == 3500
    assert client.put(address(offset=there), SOUND[there:]).json["done"]
    assert kept(workspace) == {"night/1.wav": SOUND}


def test_a_lost_last_answer_is_given_again(client, workspace, address):
    client.put(address(offset=0), SOUND[:4000])
    client.put(address(offset=4000), SOUND[4000:])
    # The browser sends its last piece once more, or asks after a reload, of a new server too.
    answer = client.put(address(offset=4000), SOUND[4000:])
    assert answer.status_code == 409
    assert answer.content == f'{{"offset":{SIZE},"done":true}}'.encode()
    assert Client().get(address()).json == {"offset": SIZE, "done": True}
    assert kept(workspace) == {"night/1.wav": SOUND}
    assert waiting(workspace) == []


def test_the_last_answer_needs_no_room_for_the_file_again(client, address, monkeypatch):
    client.put(address(offset=0), SOUND)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(9e9, 9e9, 0))
    assert client.get(address()).json["done"]


def test_a_file_that_was_removed_is_taken_again(client, workspace, address):
    client.put(address(offset=0), SOUND)
    (workspace.uploads / "night" / "1.wav").unlink()
    assert client.get(address()).json == {"offset": 0, "done": False}
    # Another one takes its name and has its size.
    client.put(address(offset=0, identity="f" * 16), SOUND[::-1])
    assert client.get(address()).json == {"offset": 0, "done": False}
    assert client.put(address(offset=0), SOUND).json["done"]
    assert kept(workspace) == {"night/1.wav": SOUND[::-1], "night/1 (2).wav": SOUND}
    assert client.get(address()).json["done"]


def test_a_note_that_cannot_be_read_is_none(client, workspace, address):
    client.put(address(offset=0), SOUND)
    (note,) = (workspace.folder / "sent").iterdir()
    for text in ("", "[", "7", '["night/1.wav"]', "[3, 4]"):
        note.write_text(text)
        assert client.get(address()).json == {"offset": 0, "done": False}


@pytest.mark.parametrize("offset", [0, 3999, 4001, SIZE])
def test_a_piece_for_another_place_is_not_taken(client, workspace, address, offset):
    client.put(address(offset=0), SOUND[:4000])
    answer = client.put(address(offset=offset), SOUND[offset : offset + 1000])
    assert answer.status_code == 409
    assert answer.content == b'{"offset":4000,"done":false}'
    client.put(address(offset=4000), SOUND[4000:])
    assert kept(workspace) == {"night/1.wav": SOUND}


def test_a_cancelled_file_leaves_nothing(client, workspace, address):
    client.put(address(offset=0), SOUND[:4000])
    assert client.delete(address()).status_code == 200
    assert waiting(workspace) == []
    assert client.get(address()).json["offset"] == 0


def test_more_than_was_announced_is_refused(client, workspace, address):
    answer = client.put(address(offset=0), SOUND, b"and more")
    assert answer.status_code == 400
    assert "More arrived than" in answer.text
    assert kept(workspace) == {}


def test_a_file_of_nothing_is_kept_as_it_is(client, workspace, address):
    assert client.put(address("empty.wav", size=0, offset=0)).json["done"]
    assert kept(workspace) == {"empty.wav": b""}


def test_the_same_file_twice_is_kept_once_and_another_gets_a_number(client, workspace, address):
    for content in (SOUND, SOUND, SOUND[::-1]):
        assert client.put(address(offset=0), content).json["done"]
    assert kept(workspace) == {"night/1.wav": SOUND, "night/1 (2).wav": SOUND[::-1]}
    assert waiting(workspace) == []


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("../../../etc/passwd", "etc/passwd"),
        ("/etc/passwd", "etc/passwd"),
        ("..\\..\\sets\\night.parquet", "sets/night.parquet"),
        ("C:\\bat?.wav", "C_/bat_.wav"),
        ("...", "file"),
    ],
)
def test_a_name_cannot_lead_out_of_the_uploads(client, workspace, address, name, place):
    assert client.put(address(name, offset=0), SOUND).json["done"]
    assert kept(workspace) == {place: SOUND}


@pytest.mark.parametrize("identity", ["..%2f..%2fsets%2fa", "ABCDEF0123456789", "0" * 15, "a" * 65])
def test_a_strange_id_opens_nothing(client, workspace, address, identity):
    assert client.put(address(offset=0, identity=identity), SOUND).status_code == 404
    assert waiting(workspace) == []


def test_another_token_opens_nothing(client, workspace, address):
    answer = client.put(address(offset=0, token="A" * 22), SOUND)
    assert answer.status_code == 404
    assert "This workspace is gone" in answer.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "same-origin", "origin": "https://behind.a.proxy"}, 200),
        ({"origin": "http://testserver"}, 200),
        ({"sec-fetch-site": "cross-site", "origin": "http://testserver"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "http://testserver.evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({}, 403),
    ],
)
def test_only_the_apps_own_page_may_send(client, workspace, address, headers, status):
    assert client.put(address(offset=0), SOUND, headers=headers).status_code == status
    assert bool(kept(workspace)) == (status == 200)


def test_a_file_larger_than_the_app_takes_is_refused_before_it_comes(
    client, workspace, address, monkeypatch
):
    monkeypatch.setenv("EMBEDVIZ_UPLOAD_GB", "0.5")
    answer = client.get(address("month.wav", size=600_000_000))
    assert answer.status_code == 413
    assert answer.text == (
        "month.wav has 0.6 GB; this app takes up to 0.5 GB a file. "
        "Split it, or ask who runs the app."
    )
    assert client.put(address("month.wav", 600_000_000, 0), SOUND).status_code == 413
    assert waiting(workspace) == []
    assert client.put(address("minute.wav", offset=0), SOUND).json["done"]


def test_a_limit_that_is_no_number_says_so(client, address, monkeypatch):
    monkeypatch.setenv("EMBEDVIZ_UPLOAD_GB", "much")
    assert "give a number of gigabytes" in client.get(address()).text


def test_a_file_that_finds_no_room_is_refused(client, address, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(9e9, 6e9, 3_000_000_000))
    answer = client.get(address("month.wav", size=2_500_000_000))
    assert answer.status_code == 507
    assert "the server has room for 2.0 GB" in answer.text
    # What has arrived needs no room any more.
    assert client.get(address("day.wav", size=1_900_000_000)).status_code == 200


@pytest.mark.parametrize("query", ["", "name=a.wav", "name=a.wav&size=-1", "name=a.wav&size=1e9"])
def test_nonsense_is_answered_with_a_sentence(client, workspace, query):
    answer = client.put(f"/upload/{workspace.token}/{ID}?{query}", SOUND)
    assert answer.status_code == 400
    assert answer.text.endswith(".")


def test_a_file_named_like_a_folder_says_so(client, workspace, address):
    client.put(address("night", offset=0), SOUND)
    answer = client.put(address("night/1.wav", offset=0), SOUND)
    assert answer.status_code == 404
    assert "another file has the name of its folder" in answer.text
    assert waiting(workspace) == []


def test_what_nobody_came_back_for_is_swept(client, workspace, address):
    client.put(address(offset=0), SOUND[:4000])
    (old,) = waiting(workspace)
    os.utime(old, (0, old.stat().st_mtime - incoming.LIFETIME_S - 1))
    client.put(address(offset=0, identity="f" * 16), SOUND[:10])
    assert [path.stem for path in waiting(workspace)] == ["f" * 16]


def test_old_notes_of_what_has_come_are_swept(client, workspace, address):
    client.put(address(offset=0), SOUND)
    (note,) = (workspace.folder / "sent").iterdir()
    os.utime(note, (0, note.stat().st_mtime - incoming.LIFETIME_S - 1))
    client.put(address(offset=0, identity="f" * 16), SOUND[:10])
    assert not note.exists()


def test_answers_do_not_wait_for_the_browser_to_acknowledge_their_head():
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert answer_promptly() >= 1
        with socket.create_connection(server.getsockname()):
            connection, _ = server.accept()
            with connection:
                assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
