"""The projector inside the app, and bundles for pages of other sites: who may read what."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from dataclasses import replace
from pathlib import Path

import anyio
import numpy as np
import pytest
from asking import Client

from embedviz.data import Projection
from embedviz.errors import EmbedvizError
from embedviz.projector.bundle import write_bundle
from embedviz.served import frontend
from embedviz.ui import hosting
from embedviz.ui.exports import bundle_path
from embedviz.ui.hosting import host, hosted_address, withdraw
from embedviz.ui.workspace import Workspace, sweep

ROWS = 12
ASKED = ("", "projector_binary.html", "projector_binary.js", "runs", "info", "tensor?name=logmel")


class Browser(Client):
    """Asks with any method, and over https where a proxy or certificate makes it so."""

    scheme = "http"

    def __init__(self):
        super().__init__()
        routed = self.app

        async def app(scope, _receive, send):
            await routed({**scope, "scheme": self.scheme}, anyio.sleep_forever, send)

        self.app = app

    def ask(self, method, address, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._ask(method, address.removeprefix("http://testserver"), named, [])


@pytest.fixture
def client():
    return Browser()


@pytest.fixture
def night(make_set):
    found = make_set(ROWS)
    places = np.random.default_rng(1).normal(size=(ROWS, 2)).astype(np.float32)
    return found.with_projection(Projection("umap", places, {}))


@pytest.fixture
def bundle(workspace, night):
    """A bundle of one set; gives the folder of its addresses."""
    write_bundle({"logmel": night}, bundle_path(workspace, ["night"]))
    return f"/projector/{workspace.token}/night/"


def files_in(path):
    with zipfile.ZipFile(path) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def test_the_page_is_the_projectors_own_and_fetches_from_here_alone(client, bundle):
    answer = client.get(bundle)
    assert "<vz-projector-dashboard>" in answer.text
    assert answer.text == client.get(f"{bundle}projector_binary.html").text
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["referrer-policy"] == "no-referrer"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy
    assert "*" not in policy
    assert "sandbox" not in policy


def test_script_and_fonts_lie_beside_the_page(client, bundle):
    script = client.get(f"{bundle}projector_binary.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert b"vz-projector-dashboard" in script.content
    page = client.get(bundle).text
    assert "url(/font" not in page
    font = page.partition("url(font-roboto/")[2].partition(")")[0]
    assert client.get(f"{bundle}font-roboto/{font}").content[:4] == b"wOF2"


def test_the_page_gets_vectors_words_pictures_and_maps_as_the_bundle_holds_them(
    client, bundle, workspace, night
):
    held = files_in(bundle_path(workspace, ["night"]))
    assert client.get(f"{bundle}runs").json == ["."]
    (one,) = client.get(f"{bundle}info?run=.").json["embeddings"]
    assert (one["tensorName"], one["tensorShape"]) == ("logmel", [ROWS, 16])
    assert all(one[path] for path in ("metadataPath", "bookmarksPath"))
    query = "?run=.&name=logmel&num_rows=100000"
    vectors = client.get(f"{bundle}tensor{query}").content
    np.testing.assert_array_equal(np.frombuffer(vectors, "<f4").reshape(ROWS, 16), night.vectors)
    assert client.get(f"{bundle}metadata{query}").content == held["metadata.tsv"]
    assert client.get(f"{bundle}sprite_image{query}").content == held["sprite.png"]
    assert client.get(f"{bundle}bookmarks{query}").content == held["bookmarks.json"]
    cell, _ = one["sprite"]["singleImageDim"]
    assert cell > 0


def test_several_sets_are_offered_by_name_each_with_its_own_files(
    client, workspace, night, make_set
):
    other = make_set(8, seed=3)
    write_bundle({"logmel": night, "yamnet": other}, bundle_path(workspace, ["night", "day"]))
    folder = f"/projector/{workspace.token}/night%2Bday/"
    listed = client.get(f"{folder}info?run=.").json["embeddings"]
    assert [one["tensorName"] for one in listed] == ["logmel", "yamnet"]
    vectors = client.get(f"{folder}tensor?run=.&name=yamnet").content
    np.testing.assert_array_equal(np.frombuffer(vectors, "<f4").reshape(8, 16), other.vectors)


def test_a_bundle_that_is_meant_for_the_web_is_shown_from_here(client, workspace, night):
    write_bundle(
        {"logmel": night}, bundle_path(workspace, ["night"]), base_url="https://example.org/x"
    )
    folder = f"/projector/{workspace.token}/night/"
    assert "example.org" not in client.get(f"{folder}info").text
    assert client.get(f"{folder}metadata?name=logmel").text.startswith("label\t")


def test_a_bundle_written_anew_is_shown_anew(client, bundle, workspace, make_set):
    first = client.get(f"{bundle}tensor?name=logmel")
    assert first.headers["cache-control"] == "no-store"
    other = make_set(7, seed=5)
    write_bundle({"logmel": other}, bundle_path(workspace, ["night"]))
    assert client.get(f"{bundle}tensor?name=logmel").content == other.vectors.tobytes()
    (one,) = client.get(f"{bundle}info").json["embeddings"]
    assert one["tensorShape"] == [7, 16]


@pytest.mark.parametrize(
    "asked",
    [
        "tensor?name=other",
        "tensor",
        "tensor?name=../../../sets/night.parquet",
        "sets/night.parquet",
        "..%2F..%2Fsets%2Fnight.parquet",
        "font-roboto/..%2Findex.js",
        "font-roboto/none.woff2",
        "webfiles.zip",
        "index.js",
    ],
)
def test_what_the_projector_does_not_have_is_not_found(client, bundle, asked):
    answer = client.get(f"{bundle}{asked}")
    assert answer.status_code == 404
    assert "\n" not in answer.text
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "name",
    ["day", "..%2Fnight", "%2e%2e", "night.zip", "-night", ".night", "n%C3%AFght", "n" * 300],
)
def test_a_workspace_has_only_its_own_bundles(client, bundle, workspace, name):
    assert client.get(bundle).status_code == 200
    answer = client.get(f"/projector/{workspace.token}/{name}/info")
    assert answer.status_code == 404


@pytest.mark.parametrize("asked", ASKED)
def test_another_workspace_cannot_see_the_bundle(client, bundle, asked):
    other = Workspace.create()
    answer = client.get(f"/projector/{other.token}/night/{asked}")
    assert answer.status_code == 404
    assert "no such bundle" in answer.text


@pytest.mark.parametrize("asked", ASKED)
def test_a_deleted_workspace_takes_its_projector_along(client, bundle, workspace, asked):
    assert client.get(f"{bundle}{asked}").status_code == 200
    workspace.delete()
    answer = client.get(f"{bundle}{asked}")
    assert answer.status_code == 404
    assert answer.text.startswith("This workspace is gone")


@pytest.mark.parametrize("way", ["projector", "hosted"])
def test_looking_at_a_bundle_keeps_the_workspace(client, bundle, workspace, way):
    address = f"/hosted/{host(workspace, 'night')}/tensors.bytes"
    os.utime(workspace.folder, (0, 0))
    client.get(f"{bundle}info" if way == "projector" else address)
    assert sweep() == 0
    os.utime(workspace.folder, (0, 0))
    assert sweep() == 1


def test_nothing_is_hosted_until_its_owner_says_so(client, bundle, workspace):
    assert hosted_address(workspace, "night") is None
    assert client.get("/hosted/night/projector_config.json").status_code == 404
    assert client.get(f"/hosted/{workspace.token}/projector_config.json").status_code == 404
    assert client.get(f"/hosted/{workspace.token}/night/tensors.bytes").status_code == 404


def test_a_hosted_bundle_can_be_fetched_by_every_page(client, bundle, workspace):
    address = host(workspace, "night")
    assert workspace.token not in address
    held = files_in(bundle_path(workspace, ["night"]))
    config = client.get(f"/hosted/{address}/projector_config.json")
    (one,) = config.json["embeddings"]
    base = f"http://testserver/hosted/{address}/"
    paths = (one["tensorPath"], one["metadataPath"], one["bookmarksPath"])
    paths = (*paths, one["sprite"]["imagePath"])
    for path in paths:
        assert path.startswith(base)
        answer = client.ask("GET", path, origin="https://projector.tensorflow.org")
        assert answer.content == held[path.removeprefix(base)]
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert config.headers["access-control-allow-origin"] == "*"
    for name, content in held.items():
        if not name.endswith(".json"):
            assert client.get(f"/hosted/{address}/{name}").content == content


def test_the_config_names_the_address_that_it_was_asked_at(client, bundle, workspace):
    address = host(workspace, "night")
    file = f"/hosted/{address}/projector_config.json"
    # Only the server itself knows which proxies may say so.
    forwarded = {"x_forwarded_proto": "https", "x_forwarded_host": "evil.example.org"}
    config = client.ask("GET", file, **forwarded).json
    assert config["embeddings"][0]["tensorPath"].startswith("http://testserver/")
    # Behind a proxy only the browser knows, and the link that it was given says so.
    config = client.get(f"{file}?over=https").json
    assert config["embeddings"][0]["tensorPath"].startswith("https://testserver/hosted/")
    config = client.get(f"{file}?over=javascript").json
    assert config["embeddings"][0]["tensorPath"].startswith("http://testserver/hosted/")
    client.scheme = "https"
    config = client.ask("GET", f"{file}?x=1", host="sounds.example.org:8443").json
    wanted = f"https://sounds.example.org:8443/hosted/{address}/tensors.bytes"
    assert config["embeddings"][0]["tensorPath"] == wanted


def test_a_hosted_bundle_of_several_sets_has_paths_that_lead_to_them(
    client, workspace, night, make_set
):
    sets = {"logmel": night, "yamnet": make_set(8, seed=3)}
    write_bundle(sets, bundle_path(workspace, ["night", "day"]), base_url="https://example.org/x")
    address = host(workspace, "night+day")
    config = client.get(f"/hosted/{address}/projector_config.json").json
    for one, made in zip(config["embeddings"], sets.values(), strict=True):
        assert client.ask("GET", one["tensorPath"]).content == made.vectors.tobytes()


def test_a_browser_that_asks_first_is_told_that_it_may(client, bundle, workspace):
    address = host(workspace, "night")
    answer = client.ask(
        "OPTIONS",
        f"/hosted/{address}/tensors.bytes",
        origin="https://projector.tensorflow.org",
        access_control_request_method="GET",
        access_control_request_private_network="true",
    )
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "GET" in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-private-network"] == "true"
    assert client.post(f"/hosted/{address}/tensors.bytes").status_code == 405
    head = client.ask("HEAD", f"/hosted/{address}/tensors.bytes")
    assert head.headers["content-length"] == str(ROWS * 16 * 4)


def test_only_hosted_answers_may_be_read_by_other_sites(client, bundle, workspace):
    host(workspace, "night")
    for asked in ASKED:
        headers = client.ask("GET", f"{bundle}{asked}", origin="https://e.org").headers
        assert "access-control-allow-origin" not in headers
        assert headers["cross-origin-resource-policy"] == "same-origin"


def test_hosting_can_be_withdrawn_and_the_old_address_stays_closed(client, bundle, workspace):
    first = host(workspace, "night")
    assert host(workspace, "night") == first == hosted_address(workspace, "night")
    withdraw(workspace, "night")
    assert hosted_address(workspace, "night") is None
    closed = client.get(f"/hosted/{first}/projector_config.json")
    assert closed.status_code == 404
    # The projector shows the sentence only if its page may read it.
    assert closed.headers["access-control-allow-origin"] == "*"
    second = host(workspace, "night")
    assert second != first
    assert client.get(f"/hosted/{first}/projector_config.json").status_code == 404
    assert client.get(f"/hosted/{second}/projector_config.json").status_code == 200


def test_a_deleted_workspace_takes_its_hosting_along(client, bundle, workspace):
    address = host(workspace, "night")
    workspace.delete()
    for name in ("projector_config.json", "tensors.bytes", "metadata.tsv"):
        assert client.get(f"/hosted/{address}/{name}").status_code == 404


@pytest.mark.parametrize(
    "rest",
    [
        "",
        "none.tsv",
        "../../sets/night.parquet",
        "..%2F..%2Fsets%2Fnight.parquet",
        "%2Fetc%2Fpasswd",
        "tensors.bytes%00.png",
        "a/../tensors.bytes",
    ],
)
def test_nothing_but_the_bundles_files_is_hosted(client, bundle, workspace, rest):
    address = host(workspace, "night")
    assert client.get(f"/hosted/{address}/{rest}").status_code == 404


@pytest.mark.parametrize("address", ["*", "..", "%2A" * 22, "a" * 22, "?" * 22, "night"])
def test_an_address_cannot_be_guessed_with_patterns(client, bundle, workspace, address):
    host(workspace, "night")
    assert client.get(f"/hosted/{address}/projector_config.json").status_code == 404


def test_what_was_never_written_cannot_be_hosted(workspace):
    with pytest.raises(EmbedvizError, match="no such bundle"):
        host(workspace, "../uploads")
    assert hosted_address(workspace, "../uploads") is None


def test_without_the_package_the_projector_says_what_to_install(client, bundle, monkeypatch):
    monkeypatch.setattr(frontend, "find_spec", lambda name: None)
    frontend.installed.cache_clear()
    try:
        answer = client.get(bundle)
    finally:
        frontend.installed.cache_clear()
    assert answer.status_code == 404
    assert "pip install 'tensorboard" in answer.text


def test_showing_a_bundle_imports_neither_tensorflow_nor_tensorboard(bundle, workspace):
    code = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from asking import Client
client = Client()
for asked in {ASKED}:
    assert client.get({bundle!r} + asked).status_code == 200, asked
heavy = {{"tensorflow", "keras", "tensorboard", "umap"}}
print(sorted(heavy & {{name.partition(".")[0] for name in sys.modules}}))
"""
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert said.stdout == "[]\n"


def test_the_command_line_opens_a_bundle_in_the_projector_until_ctrl_c(night, tmp_path):
    out = write_bundle({"logmel": night}, tmp_path / "out")
    code = f"""
import sys
from pathlib import Path
from embedviz.cli_open import open_bundle
status = open_bundle(Path({str(out)!r}), print, browse=lambda at: print("browser", at, flush=True))
heavy = {{"tensorflow", "tensorboard", "streamlit", "pandas"}}
print(sorted(heavy & {{name.partition(".")[0] for name in sys.modules}}))
sys.exit(status)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        said, opened = process.stdout.readline(), process.stdout.readline()
        address = opened.split()[1]
        assert address in said
        assert "Ctrl-C" in said
        assert address.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(address, timeout=20) as page:
            assert b"vz-projector-dashboard" in page.read()
        with urllib.request.urlopen(f"{address}tensor?name=logmel", timeout=20) as vectors:
            assert vectors.read() == night.vectors.tobytes()
        # The port can be guessed by every page in the browser, the address cannot.
        port = address.split("/")[2]
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"http://{port}/info", timeout=20)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert process.stdout.read() == "[]\n"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_vectors_of_any_size_are_sent_in_pieces(client, workspace, make_set, monkeypatch):
    monkeypatch.setattr("embedviz.served.bundles.PIECE_BYTES", 1000)
    found = replace(make_set(500), thumbnails=None)
    write_bundle({"logmel": found}, bundle_path(workspace, ["night"]))
    folder = f"/projector/{workspace.token}/night/"
    answer = client.get(f"{folder}tensor?name=logmel")
    assert answer.headers["content-length"] == str(500 * 16 * 4)
    assert answer.content == found.vectors.tobytes()


def test_what_two_tabs_switched_on_at_once_is_switched_off_together(
    client, bundle, workspace, monkeypatch
):
    with monkeypatch.context() as between:
        between.setattr(hosting, "hosted_address", lambda workspace, name: None)
        addresses = [host(workspace, "night") for _ in range(2)]
    withdraw(workspace, "night")
    for address in addresses:
        assert client.get(f"/hosted/{address}/tensors.bytes").status_code == 404
