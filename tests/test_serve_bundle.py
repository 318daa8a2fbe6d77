"""`serve.py` in a bundle is a program that needs Python alone."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
from urllib.parse import unquote, urlsplit

import pytest

from embedviz.projector.bundle import write_bundle


@pytest.fixture
def bundle(make_set, tmp_path):
    """A bundle of two sets in a folder whose name has a space, with a secret beside it."""
    (tmp_path / "secret.txt").write_text("secret")
    sets = {"a": make_set(), "b": make_set(rows=9)}
    return write_bundle(sets, tmp_path / "my bundle")


@pytest.fixture
def serve(bundle):
    """Start serve.py as a user would; -I -S leaves it nothing but the standard library."""
    started = []

    def start(*arguments: str, folder=bundle):
        program = subprocess.Popen(
            [sys.executable, "-I", "-S", "serve.py", *arguments],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Where tests run in the background, Ctrl-C is ignored and children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        started.append(program)
        return program, program.stdout.readline().strip()

    yield start
    for program in started:
        program.kill()
        program.communicate()


@pytest.fixture
def link(serve) -> str:
    return serve("--port", "0")[1]


def ask(link: str, path: str, method: str = "GET", **headers: str):
    """Ask for a path just as it is given, and give the answer and its content."""
    address = urlsplit(unquote(urlsplit(link).query.removeprefix("config=")))
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=20)
    connection.putrequest(method, path, skip_host="Host" in headers)
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders()
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer, content


def test_it_prints_the_address_that_opens_the_projector_on_this_bundle(link):
    page, _, config = link.partition("?config=")
    assert page == "https://projector.tensorflow.org/"
    assert re.fullmatch(r"http%3A%2F%2F127\.0\.0\.1%3A\d+%2Fprojector_config\.json", config)
    assert ask(link, urlsplit(unquote(config)).path)[0].status == 200


def test_every_path_of_the_config_is_a_whole_address_with_the_very_file(link, bundle):
    before = (bundle / "projector_config.json").read_bytes()
    answer, content = ask(link, "/projector_config.json")
    assert answer.getheader("Content-Type") == "application/json"
    config = json.loads(content)
    assert [one["tensorName"] for one in config["embeddings"]] == ["a", "b"]
    for one in config["embeddings"]:
        paths = [one["tensorPath"], one["metadataPath"], one["sprite"]["imagePath"]]
        for path in map(urlsplit, paths):
            assert (path.scheme, path.hostname) == ("http", "127.0.0.1")
            answer, found = ask(link, path.path)
            assert answer.status == 200
            assert found == (bundle / path.path.lstrip("/")).read_bytes()
    assert (bundle / "projector_config.json").read_bytes() == before


def test_paths_follow_the_name_that_the_browser_knows_the_server_by(link):
    paths = []
    for host in ("localhost:7000", 'evil.org/"<script>'):
        config = json.loads(ask(link, "/projector_config.json", Host=host)[1])
        paths.append(config["embeddings"][0]["tensorPath"])
    assert paths[0] == "http://localhost:7000/a/tensors.bytes"
    assert paths[1].startswith("http://127.0.0.1:")


def test_addresses_of_a_hosted_bundle_and_a_foreign_config_stay_as_they_are(make_set, tmp_path):
    from embedviz.projector.serve_bundle import with_addresses

    out = write_bundle({"a": make_set()}, tmp_path / "hosted", base_url="https://x.org/maps")
    hosted = (out / "projector_config.json").read_bytes()
    assert json.loads(with_addresses(hosted, "http://127.0.0.1:1/")) == json.loads(hosted)
    for odd in (b"no JSON", b"[1]", b'{"embeddings": [3]}', b'{"embeddings": [{"tensorPath": 3}]}'):
        assert with_addresses(odd, "http://127.0.0.1:1/") == odd


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/a/tensors.bytes", 200),
        ("HEAD", "/a/tensors.bytes", 200),
        ("GET", "/", 200),
        ("GET", "/missing", 404),
        ("OPTIONS", "/a/tensors.bytes", 204),
        ("OPTIONS", "/missing", 204),
        ("POST", "/a/tensors.bytes", 501),
    ],
)
def test_pages_of_any_site_may_read_every_answer(method, path, status, link):
    answer, content = ask(link, path, method, Access_Control_Request_Method="GET")
    assert answer.status == status
    assert answer.getheader("Access-Control-Allow-Origin") == "*"
    assert "GET" in answer.getheader("Access-Control-Allow-Methods")
    assert answer.getheader("Access-Control-Allow-Private-Network") == "true"
    if method == "HEAD":
        assert (answer.getheader("Content-Length"), content) == (str(40 * 16 * 4), b"")


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/a/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e%2fsecret.txt",
        "/..%5csecret.txt",
        "//secret.txt",
        "/link.txt",
        "/linked/secret.txt",
        "/a",
        "/a/",
        "/nul%00",
        "//[",
        "/" + "a" * 5000,
    ],
)
def test_nothing_outside_its_folder_is_served_nor_a_list_of_it(path, link, bundle):
    (bundle / "link.txt").symlink_to(bundle.parent / "secret.txt")
    (bundle / "linked").symlink_to(bundle.parent)
    answer, content = ask(link, path)
    assert answer.status == 404
    assert b"secret" not in content
    whole = f"/{bundle.parent}/secret.txt"
    assert ask(link, whole)[0].status == 404


def test_a_link_to_a_file_of_the_bundle_is_served(link, bundle):
    (bundle / "also.txt").symlink_to(bundle / "README.txt")
    assert ask(link, "/also.txt")[1] == (bundle / "README.txt").read_bytes()


def test_a_second_bundle_finds_a_port_of_its_own(serve, bundle, tmp_path):
    shutil.copytree(bundle, tmp_path / "other")
    links = [serve()[1], serve(folder=tmp_path / "other")[1]]
    assert links[0] != links[1]
    assert [ask(link, "/README.txt")[0].status for link in links] == [200, 200]


def test_a_port_that_was_asked_for_and_is_taken_is_told(serve):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        program, _ = serve("--port", str(taken.getsockname()[1]))
        said = program.communicate(timeout=20)[1]
    assert program.returncode == 1
    assert "another --port" in said
    assert said.count("\n") == 1


def test_alone_it_says_that_there_is_no_bundle(serve, bundle, tmp_path):
    (tmp_path / "alone").mkdir()
    shutil.copy(bundle / "serve.py", tmp_path / "alone")
    program, _ = serve(folder=tmp_path / "alone")
    assert "inside a bundle" in program.communicate(timeout=20)[1]
    assert program.returncode == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has another Ctrl-C")
def test_ctrl_c_ends_it_without_a_trace(serve):
    program, link = serve("--port", "0")
    ask(link, "/missing\x1b[31m".replace("\x1b", "%1b"))
    program.send_signal(signal.SIGINT)
    _, said = program.communicate(timeout=20)
    assert program.returncode == 0
    assert said == "not served: '/missing%1b[31m'\n"


def test_a_browser_that_goes_away_leaves_no_trace(serve, bundle):
    program, link = serve("--port", "0")
    with (bundle / "a" / "tensors.bytes").open("ab") as stream:
        stream.truncate(64 << 20)
    address = urlsplit(unquote(link.partition("?config=")[2]))
    with socket.create_connection((address.hostname, address.port)) as browser:
        browser.sendall(b"GET /a/tensors.bytes HTTP/1.1\r\nHost: x\r\n\r\n")
        browser.recv(1)
    assert ask(link, "/README.txt")[0].status == 200
    program.send_signal(signal.SIGTERM)
    assert program.communicate(timeout=20)[1] == ""
