"""Weight files, against a real server on this machine."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import subprocess
import sys
import tarfile
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from embedviz import downloads, weightfiles, weights
from embedviz.errors import Cancelled, WeightsError
from embedviz.facts import Facts, Framing, WeightFile
from embedviz.folders import weights_folder

NETWORK = bytes(range(256)) * 1200  # 300 kB, several chunks
LABELS = b"index,name\n0,bird\n"
OTHER = b"not what was published" * 100


class Handler(BaseHTTPRequestHandler):
    """Serves /<way>/<file>; the way says how the server behaves."""

    def do_GET(self):
        _, way, name = self.path.split("/")
        body = LABELS if name.endswith(".csv") else NETWORK
        self.server.asked.append(self.path)
        first = self.server.asked.count(self.path) == 1
        if way in ("missing", "broken"):
            self.send_error({"missing": 404, "broken": 503}[way])
            return
        if way == "wrong" or (way == "wrong-once" and first):
            body = OTHER
        self.send_response(200)
        if way != "no-length":
            self.send_header("Content-Length", str(len(body)))
        if way == "page":
            self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        cut = way == "cut" or (way == "cut-once" and first) or way == "stall"
        self.wfile.write(body[: len(body) // 2] if cut else body)
        if way == "stall":
            self.wfile.flush()
            self.server.closing.wait(10)

    def log_message(self, *args):
        """Keep the tests quiet."""


@pytest.fixture(autouse=True)
def server(monkeypatch):
    """A real web server; asked holds every path that was asked for."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "*")
    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.asked, running.closing = [], threading.Event()
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running
    running.closing.set()
    running.shutdown()
    running.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def waits(monkeypatch):
    """Retries without the wait; gives the waits that were asked for, in seconds."""
    asked = []
    monkeypatch.setattr("pooch.core.time.sleep", asked.append)
    return asked


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@pytest.fixture
def network(server):
    """Build the required file, served in some way."""

    def build(way="good", **changes) -> WeightFile:
        url = f"http://127.0.0.1:{server.server_port}/{way}/net.h5"
        return replace(WeightFile("net.h5", url, sha256(NETWORK), len(NETWORK)), **changes)

    return build


@pytest.fixture
def labels(server):
    """Build the optional file, served in some way."""

    def build(way="good", **changes) -> WeightFile:
        url = f"http://127.0.0.1:{server.server_port}/{way}/labels.csv"
        file = WeightFile("labels.csv", url, sha256(LABELS), len(LABELS), optional=True)
        return replace(file, **changes)

    return build


def facts_of(*files: WeightFile, **variants: int) -> Facts:
    return Facts(
        name="tern",
        title="TernNet",
        group="Bioacoustics",
        hears="Terns.",
        paper="",
        licence="",
        home="",
        rate_hz=16000,
        framing=Framing(window_s=1.0, window_samples=16000, hop_s=0.5, tail="drop"),
        patch_frames=100,
        bands_hz=(100.0, 200.0),
        patch_range=(0.0, 1.0),
        patch_unit="dB",
        variants=variants or {"default": 8},
        files=files,
    )


def present() -> list[str]:
    """Every file and folder below the model's, hidden ones too, without sidecars."""
    names = os.listdir(weights_folder() / "tern") if weights_folder().exists() else []
    return sorted(name for name in names if not name.endswith(".json"))


@pytest.fixture
def hashed(monkeypatch):
    """Give the names of the files that were hashed."""
    names, hash_file = [], weightfiles.hash_file

    def counted(path, algorithm):
        names.append(path.name)
        return hash_file(path, algorithm)

    monkeypatch.setattr(weightfiles, "hash_file", counted)
    return names


def put(content: bytes, name: str = "net.h5"):
    """Put a file into the weights folder by hand."""
    path = weights_folder() / "tern" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


# Fetching


def test_fetching_a_model_brings_every_file_whole_and_verified(network, labels):
    facts = facts_of(network(), labels())
    fetched = weights.fetch(facts)
    assert [found.file.name for found in fetched] == ["net.h5", "labels.csv"]
    assert all(found.verified for found in fetched)
    assert fetched[0].path.read_bytes() == NETWORK
    assert present() == ["labels.csv", "net.h5"]


def test_fetching_again_asks_the_server_for_nothing(network, server):
    facts = facts_of(network())
    assert weights.fetch(facts) == weights.fetch(facts)
    assert len(server.asked) == 1


def test_fetching_a_variant_brings_only_the_files_of_that_variant(network, labels):
    small, large = network(variants=("small",)), network(name="large.h5", variants=("large",))
    facts = facts_of(small, large, labels(), small=8, large=16)
    assert [found.file for found in weights.fetch(facts)] == [small, facts.files[2]]
    weights.fetch(facts, "large")
    assert present() == ["labels.csv", "large.h5", "net.h5"]


def test_progress_runs_over_all_files_up_to_the_whole(network, labels):
    steps = []
    weights.fetch(facts_of(network(), labels()), progress=lambda *step: steps.append(step))
    whole = len(NETWORK) + len(LABELS)
    assert steps[0] == (0, whole)
    assert steps[-1] == (whole, whole)
    assert steps == sorted(steps)
    assert len(steps) > 4


def test_progress_reaches_the_whole_where_no_size_is_published(network, labels):
    steps = []
    facts = facts_of(network(size_bytes=None), labels(size_bytes=None))
    weights.fetch(facts, progress=lambda *step: steps.append(step))
    whole = len(NETWORK) + len(LABELS)
    assert steps[-1] == (whole, whole)
    assert all(done <= total for done, total in steps)


def test_progress_ends_where_the_server_tells_no_length_either(network):
    steps = []
    weights.fetch(
        facts_of(network("no-length", size_bytes=None)),
        progress=lambda *step: steps.append(step),
    )
    assert steps[-1][0] == steps[-1][1] >= len(NETWORK)
    assert steps == sorted(steps)


@pytest.mark.parametrize("after_bytes", [0, 100_000])
def test_cancelling_a_fetch_stops_it_and_leaves_nothing(network, server, after_bytes):
    def stop(done, total):
        if done >= after_bytes:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        weights.fetch(facts_of(network()), progress=stop)
    assert present() == []
    assert len(server.asked) <= 1


def test_a_connection_cut_half_way_is_tried_again(network, server, waits):
    steps = []
    weights.fetch(facts_of(network("cut-once")), progress=lambda *step: steps.append(step))
    assert len(server.asked) == 2
    assert waits == [1]
    assert steps[-1] == (len(NETWORK), len(NETWORK))
    assert present() == ["net.h5"]


def test_wrong_bytes_are_tried_again(network, server):
    assert weights.fetch(facts_of(network("wrong-once")))[0].verified
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("way", "words"),
    [
        ("missing", "the server answered 404 Not Found"),
        ("broken", "the server answered 503 Service Unavailable"),
        ("cut", "the connection failed (ChunkedEncodingError)"),
        ("wrong", f"its checksum is {sha256(OTHER)}, the published one {sha256(NETWORK)}"),
        ("stall", "no answer within 0.2 s"),
    ],
)
def test_a_failed_fetch_says_why_and_how_to_bring_the_file_by_hand(
    network, server, monkeypatch, way, words
):
    monkeypatch.setattr(downloads, "TIMEOUT_S", 0.2)
    file = network(way)
    with pytest.raises(WeightsError) as failure:
        weights.fetch(facts_of(file))
    assert words in str(failure.value)
    assert f"net.h5 (0.307 MB, {file.url})" in str(failure.value)
    assert "`embedviz weights add tern FILE`" in str(failure.value)
    assert len(server.asked) == 1 + downloads.RETRIES
    assert present() == []


@pytest.mark.parametrize("host", ["127.0.0.1:9", "no-such-host.invalid"])
def test_a_machine_without_network_is_told_so(network, host):
    with pytest.raises(WeightsError, match=r"connection failed .* is this machine online\?"):
        weights.fetch(facts_of(network(url=f"http://{host}/net.h5")))
    assert present() == []


def test_a_full_disk_is_named_as_the_cause(network, monkeypatch):
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(NETWORK) // 2, before[1]))
    try:
        with pytest.raises(WeightsError, match=r"tern cannot be written \(File too large\)"):
            weights.fetch(facts_of(network()))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert present() == []


def test_a_weights_folder_that_cannot_be_made_is_named(network, monkeypatch, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("EMBEDVIZ_WEIGHTS", str(tmp_path / "file"))
    with pytest.raises(WeightsError, match="file/tern cannot be written"):
        weights.fetch(facts_of(network()))
    (tmp_path / "net.h5").write_bytes(NETWORK)
    with pytest.raises(WeightsError, match="could not be copied to .*file/tern"):
        weights.add(facts_of(network()), tmp_path / "net.h5")


def test_an_optional_file_that_fails_does_not_spoil_the_required_one(network, labels):
    notes, steps = [], []
    facts = facts_of(labels("missing"), network())
    fetched = weights.fetch(facts, progress=lambda *step: steps.append(step), note=notes.append)
    assert [found.file.name for found in fetched] == ["net.h5"]
    assert len(notes) == 1
    assert "labels.csv" in notes[0]
    assert "404" in notes[0]
    assert steps[-1][0] == steps[-1][1]
    assert list(weights.find(facts, "default")) == ["net.h5"]


def test_a_failed_fetch_leaves_the_file_that_was_there(network, tmp_path):
    given = tmp_path / "net.h5"
    given.write_bytes(OTHER)
    facts = facts_of(network("missing"))
    weights.add(facts, given, unverified=True)
    with pytest.raises(WeightsError):
        weights.fetch(facts)
    assert weights.find(facts, "default")["net.h5"].path.read_bytes() == OTHER


def test_fetching_replaces_a_damaged_file(network):
    facts = facts_of(network())
    put(OTHER)
    assert weights.fetch(facts)[0].verified
    assert weights.find(facts, "default")["net.h5"].path.read_bytes() == NETWORK


def test_others_may_read_a_fetched_file(network):
    path = weights.fetch(facts_of(network()))[0].path
    assert path.stat().st_mode & 0o444 == 0o444


def test_two_threads_fetching_at_once_both_get_whole_files(network, labels):
    facts = facts_of(network(), labels())
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: weights.fetch(facts), range(2)))
    assert all(found.verified for fetched in both for found in fetched)
    assert put_together() == NETWORK + LABELS


def put_together() -> bytes:
    assert present() == ["labels.csv", "net.h5"]
    folder = weights_folder() / "tern"
    return (folder / "net.h5").read_bytes() + (folder / "labels.csv").read_bytes()


def test_two_processes_fetching_at_once_both_get_whole_files(network, labels):
    facts = facts_of(network(), labels())
    code = (
        "import pickle, sys; from embedviz import weights; "
        "weights.fetch(pickle.load(sys.stdin.buffer))"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) for _ in range(2)
    ]
    for process in processes:
        process.stdin.write(pickle.dumps(facts))
        process.stdin.close()
    assert [process.wait(60) for process in processes] == [0, 0]
    assert put_together() == NETWORK + LABELS


def test_fetching_prints_nothing(network, capfd):
    weights.fetch(facts_of(network("cut-once")))
    assert capfd.readouterr() == ("", "")


def test_importing_weights_does_not_load_the_downloader():
    code = (
        "import sys, embedviz.weights; sys.exit({'pooch', 'requests'} & set(sys.modules) != set())"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Checksums


@pytest.mark.parametrize(
    "checksum",
    [
        "sha256:" + hashlib.sha256(LABELS).hexdigest(),
        "md5:" + hashlib.md5(LABELS).hexdigest(),
        "git-blob-sha1:" + hashlib.sha1(b"blob 18\0" + LABELS).hexdigest(),
    ],
    ids=lambda checksum: checksum.partition(":")[0],
)
def test_every_published_kind_of_checksum_is_checked(network, labels, tmp_path, checksum):
    (tmp_path / "labels.csv").write_bytes(LABELS)
    (tmp_path / "other.csv").write_bytes(OTHER)
    assert weights.matches(tmp_path / "labels.csv", checksum)
    assert weights.matches(
        tmp_path / "labels.csv", checksum.replace("a", "A").replace("shA", "sha")
    )
    assert not weights.matches(tmp_path / "other.csv", checksum)

    found = weights.fetch(facts_of(labels(checksum=checksum)))[0]
    assert (found.verified, f"sha256:{found.sha256}") == (True, sha256(LABELS))
    with pytest.raises(WeightsError, match="its checksum is"):
        weights.fetch(facts_of(network(checksum=checksum)))
    assert present() == ["labels.csv"]


def test_a_git_checksum_is_the_one_that_git_computes(tmp_path):
    (tmp_path / "hello").write_bytes(b"hello\n")
    blob = "git-blob-sha1:ce013625030ba8dba906f756967f9e9ca394464a"
    assert weights.matches(tmp_path / "hello", blob)


# Finding


def test_a_missing_file_tells_both_ways_to_get_it(network, labels):
    file = network()
    with pytest.raises(WeightsError) as failure:
        weights.find(facts_of(labels(), file), "default")
    assert str(failure.value) == (
        f"net.h5 (0.307 MB, {file.url}), which TernNet reads, is not on this machine; run "
        "`embedviz weights fetch tern`, or download it yourself and run "
        "`embedviz weights add tern FILE`."
    )


def test_a_missing_file_of_another_variant_names_the_variant_to_fetch(network):
    facts = facts_of(network(variants=("large",)), small=8, large=16)
    assert weights.find(facts, "small") == {}
    with pytest.raises(WeightsError, match="`embedviz weights fetch tern --variant large`"):
        weights.find(facts, "large")


def test_what_is_not_there_has_no_state(network):
    assert weights.state(facts_of(network()), network()) is None


def test_a_file_put_there_by_hand_is_hashed_once(network, hashed):
    facts = facts_of(network())
    put(NETWORK)
    first = weights.find(facts, "default")
    assert first["net.h5"].verified
    assert "net.h5" in hashed
    hashed.clear()
    assert weights.find(facts, "default") == first
    assert hashed == []


def test_the_sidecar_says_what_the_file_is(network):
    path = weights.fetch(facts_of(network()))[0].path
    stat = path.stat()
    assert json.loads((path.parent / "net.h5.json").read_text()) == {
        "sha256": hashlib.sha256(NETWORK).hexdigest(),
        "size_bytes": len(NETWORK),
        "mtime_ns": stat.st_mtime_ns,
        "checksum": sha256(NETWORK),
        "checksum_matches": True,
    }


def test_a_published_sha256_takes_one_reading_of_a_fetched_file(network, hashed):
    weights.fetch(facts_of(network()))
    assert len(hashed) == 1


def test_fetched_and_added_files_are_not_hashed_at_the_next_load(network, labels, hashed, tmp_path):
    facts = facts_of(network(), labels())
    (tmp_path / "labels.csv").write_bytes(LABELS)
    weights.add(facts, tmp_path / "labels.csv")
    weights.fetch(facts)
    hashed.clear()
    assert len(weights.find(facts, "default")) == 2
    assert hashed == []


@pytest.mark.parametrize("change", ["size", "time"])
def test_a_file_that_changed_is_hashed_again(network, hashed, change):
    facts = facts_of(network())
    path = weights.fetch(facts)[0].path
    hashed.clear()
    if change == "time":
        os.utime(path, ns=(1, 1))
        assert weights.find(facts, "default")["net.h5"].verified
    else:
        stat = path.stat()
        path.write_bytes(NETWORK[:-1])
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        with pytest.raises(WeightsError, match="damaged"):
            weights.find(facts, "default")
    assert "net.h5" in hashed


def test_a_new_published_checksum_is_compared_with_the_file_again(network):
    weights.fetch(facts_of(network()))
    with pytest.raises(WeightsError, match="damaged"):
        weights.find(facts_of(network(checksum=sha256(OTHER))), "default")


@pytest.mark.parametrize("torn", ["", "{", "[1]", "3", "{}", '{"size_bytes": 1}'])
def test_a_torn_sidecar_counts_as_none(network, torn):
    path = put(NETWORK)
    path.with_name("net.h5.json").write_text(torn)
    assert weights.find(facts_of(network()), "default")["net.h5"].verified


def test_a_folder_that_cannot_be_written_still_serves_its_files(network, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    path = put(NETWORK)
    monkeypatch.setattr(weightfiles, "TemporaryDirectory", refuse)
    assert weights.find(facts_of(network()), "default")["net.h5"].verified
    assert os.listdir(path.parent) == ["net.h5"]


@pytest.mark.parametrize("optional", [False, True])
def test_a_damaged_file_is_reported_at_every_load_with_what_to_do(network, optional):
    facts = facts_of(network(optional=optional))
    path = put(OTHER)
    for _ in range(2):
        assert not weights.state(facts, facts.files[0]).verified
        with pytest.raises(WeightsError) as failure:
            weights.find(facts, "default")
        assert f"is damaged: its checksum is {sha256(OTHER)}" in str(failure.value)
        assert "`embedviz weights fetch tern`" in str(failure.value)
    assert path.exists()


def test_an_explicit_file_stands_in_for_the_official_one_unverified(network, labels, tmp_path):
    facts = facts_of(network(), labels())
    put(LABELS, "labels.csv")
    given = tmp_path / "trained_at_home.h5"
    given.write_bytes(OTHER)
    found = weights.find(facts, "default", weights=given)
    assert found["net.h5"].path == given
    assert not found["net.h5"].verified
    assert found["labels.csv"].path.parent == weights_folder() / "tern"
    assert not (tmp_path / "trained_at_home.h5.json").exists()


def test_an_explicit_folder_gives_its_files_under_their_published_names(network, labels, tmp_path):
    (tmp_path / "net.h5").write_bytes(NETWORK)
    (tmp_path / "labels.csv").write_bytes(OTHER)
    (tmp_path / "notes.txt").write_bytes(OTHER)
    found = weights.find(facts_of(network(), labels()), "default", weights=tmp_path)
    assert {name: item.verified for name, item in found.items()} == {
        "net.h5": True,
        "labels.csv": False,
    }


def test_an_explicit_file_of_another_variant_is_refused(network, tmp_path):
    small = network(variants=("small",))
    large = network(name="large.h5", checksum=sha256(OTHER), variants=("large",))
    facts = facts_of(small, large, small=8, large=16)
    (tmp_path / "download.h5").write_bytes(OTHER)
    with pytest.raises(WeightsError, match=r"holds no official file of TernNet; it reads net\.h5"):
        weights.find(facts, "small", weights=tmp_path / "download.h5")
    assert weights.find(facts, "large", weights=tmp_path / "download.h5")["large.h5"].verified


def test_an_explicit_path_that_is_not_there_is_named(network, tmp_path):
    with pytest.raises(WeightsError, match=r"gone\.h5 cannot be read: No such file"):
        weights.find(facts_of(network()), "default", weights=tmp_path / "gone.h5")
    with pytest.raises(WeightsError, match="holds no official file"):
        weights.find(facts_of(network()), "default", weights=tmp_path)


# Adding by hand


@pytest.mark.parametrize("name", ["net.h5", "net (1).h5", "whatever.bin"])
def test_an_added_file_is_known_by_its_checksum_whatever_its_name(network, labels, tmp_path, name):
    facts = facts_of(labels(), network())
    (tmp_path / name).write_bytes(NETWORK)
    added = weights.add(facts, tmp_path / name)
    assert [found.file.name for found in added] == ["net.h5"]
    assert added[0].path.read_bytes() == NETWORK
    assert (tmp_path / name).exists()
    assert present() == ["net.h5"]
    assert weights.find(facts, "default")["net.h5"] == added[0]


@pytest.mark.parametrize("name", ["net.h5", "rebuilt.h5"])
def test_a_file_with_another_checksum_is_refused_with_both_checksums(
    network, labels, tmp_path, name
):
    (tmp_path / name).write_bytes(OTHER)
    with pytest.raises(WeightsError) as failure:
        weights.add(facts_of(network(), labels()), tmp_path / name)
    assert sha256(OTHER) in str(failure.value)
    assert sha256(NETWORK) in str(failure.value)
    assert "`--unverified` accepts it" in str(failure.value)
    assert "everything made from it will say so" in str(failure.value)
    assert not weights_folder().exists()


def test_an_unverified_file_is_kept_and_stays_marked(network, tmp_path, hashed):
    facts = facts_of(network())
    (tmp_path / "net.h5").write_bytes(OTHER)
    assert not weights.add(facts, tmp_path / "net.h5", unverified=True)[0].verified
    hashed.clear()
    found = weights.find(facts, "default")["net.h5"]
    assert not found.verified
    assert hashed == []
    os.utime(found.path, ns=(1, 1))
    assert weights.find(facts, "default")["net.h5"] == found


def test_accepting_one_unverified_file_does_not_accept_the_next(network, tmp_path):
    facts = facts_of(network())
    (tmp_path / "net.h5").write_bytes(OTHER)
    weights.add(facts, tmp_path / "net.h5", unverified=True)
    put(OTHER + b"!")
    with pytest.raises(WeightsError, match="damaged"):
        weights.find(facts, "default")


def test_an_official_file_added_as_unverified_is_verified_all_the_same(network, tmp_path):
    (tmp_path / "net.h5").write_bytes(NETWORK)
    assert weights.add(facts_of(network()), tmp_path / "net.h5", unverified=True)[0].verified


def test_the_files_lying_beside_come_along_where_they_are_as_published(network, labels, tmp_path):
    wrong = labels(name="wrong.txt")
    (tmp_path / "net.h5").write_bytes(NETWORK)
    (tmp_path / "labels.csv").write_bytes(LABELS)
    (tmp_path / "wrong.txt").write_bytes(OTHER)
    added = weights.add(facts_of(network(), labels(), wrong), tmp_path / "net.h5")
    assert [found.file.name for found in added] == ["net.h5", "labels.csv"]
    assert present() == ["labels.csv", "net.h5"]


def test_a_folder_adds_all_or_nothing(network, labels, tmp_path):
    facts = facts_of(network(), labels())
    brought = tmp_path / "brought"
    brought.mkdir()
    (brought / "net.h5").write_bytes(NETWORK)
    (brought / "labels.csv").write_bytes(OTHER)
    with pytest.raises(WeightsError, match=r"labels\.csv is not the published labels\.csv"):
        weights.add(facts, brought)
    assert not weights_folder().exists()
    assert len(weights.add(facts, brought, unverified=True)) == 2
    assert present() == ["labels.csv", "net.h5"]


def test_a_file_may_be_added_from_the_weights_folder_itself(network):
    facts = facts_of(network())
    path = put(OTHER)
    weights.add(facts, path, unverified=True)
    assert path.read_bytes() == OTHER
    assert not weights.find(facts, "default")["net.h5"].verified


def test_a_file_that_could_be_several_or_none_is_refused_with_what_is_wanted(
    network, labels, tmp_path
):
    facts = facts_of(network(), network(name="large.h5", checksum=sha256(b"")), labels())
    for name in ("unknown.h5", "unknown.txt"):
        (tmp_path / name).write_bytes(OTHER)
        with pytest.raises(WeightsError) as failure:
            weights.add(facts, tmp_path / name, unverified=True)
        assert name in str(failure.value)
        assert all(file.name in str(failure.value) for file in facts.files)
    assert not weights_folder().exists()


def test_adding_what_is_not_there_is_refused(network, tmp_path):
    with pytest.raises(WeightsError, match="cannot be read: No such file"):
        weights.add(facts_of(network()), tmp_path / "gone.h5")


def test_a_copy_that_fails_leaves_nothing(network, tmp_path, monkeypatch):
    def fail(source, target):
        target.write_bytes(NETWORK[:100])
        raise OSError(28, "No space left on device")

    (tmp_path / "net.h5").write_bytes(NETWORK)
    monkeypatch.setattr(weights.shutil, "copyfile", fail)
    with pytest.raises(WeightsError, match="No space left on device"):
        weights.add(facts_of(network()), tmp_path / "net.h5")
    assert present() == []


# Files for which no checksum is published


@pytest.fixture
def unpublished(network):
    """A model whose one file has no published checksum."""

    def build(way="good") -> Facts:
        return facts_of(network(way, checksum=None))

    return build


def test_what_embedviz_downloads_itself_is_official_where_no_checksum_is_published(
    unpublished, server
):
    facts = unpublished()
    fetched = weights.fetch(facts)[0]
    assert (fetched.verified, fetched.sha256) == (True, sha256(NETWORK)[7:])
    for given in (None, fetched.path, fetched.path.parent):
        assert weights.find(facts, "default", weights=given) == {"net.h5": fetched}
    assert weights.fetch(facts) == (fetched,)
    assert len(server.asked) == 1


def test_a_touched_download_is_still_official_and_a_changed_one_is_damaged(unpublished):
    facts = unpublished()
    path = weights.fetch(facts)[0].path
    os.utime(path, ns=(1, 1))
    assert weights.find(facts, "default")["net.h5"].verified
    path.write_bytes(OTHER)
    for _ in range(2):
        assert not weights.state(facts, facts.files[0]).verified
        with pytest.raises(WeightsError, match="damaged: its bytes have changed since it was down"):
            weights.find(facts, "default")
    path.write_bytes(NETWORK)
    assert weights.find(facts, "default")["net.h5"].verified
    path.write_bytes(OTHER)
    assert weights.fetch(facts)[0].verified
    assert path.read_bytes() == NETWORK


@pytest.mark.parametrize(
    ("way", "words"),
    [
        ("cut", "the connection failed"),
        ("missing", "404"),
        ("page", "the server answered with a web page"),
    ],
)
def test_what_did_not_arrive_whole_is_not_kept(unpublished, server, way, words):
    with pytest.raises(WeightsError, match=words) as failure:
        weights.fetch(unpublished(way))
    assert "`embedviz weights add tern FILE --unverified`" in str(failure.value)
    assert len(server.asked) == 1 + downloads.RETRIES
    assert present() == []


@pytest.mark.parametrize("name", ["net.h5", "net (1).h5"])
def test_brought_by_hand_such_a_file_needs_the_users_word(unpublished, tmp_path, name):
    facts = unpublished()
    (tmp_path / name).write_bytes(NETWORK)
    with pytest.raises(WeightsError) as failure:
        weights.add(facts, tmp_path / name)
    assert "is not the published net.h5, as far as anyone can tell" in str(failure.value)
    assert "no checksum is published" in str(failure.value)
    assert "`--unverified` accepts it" in str(failure.value)
    assert not weights_folder().exists()

    assert not weights.add(facts, tmp_path / name, unverified=True)[0].verified
    found = weights.find(facts, "default")["net.h5"]
    assert not found.verified
    os.utime(found.path, ns=(1, 1))
    assert weights.find(facts, "default")["net.h5"] == found
    assert weights.fetch(facts)[0].verified


def test_another_machines_sidecar_does_not_make_a_file_official(unpublished, tmp_path):
    """A file that is handed on with its sidecar is still brought by hand."""
    facts = unpublished()
    fetched = weights.fetch(facts)[0].path
    for path in (fetched, fetched.with_name("net.h5.json")):
        path.rename(tmp_path / path.name)
    assert not weights.find(facts, "default", weights=tmp_path)["net.h5"].verified
    with pytest.raises(WeightsError, match="no checksum is published"):
        weights.add(facts, tmp_path / "net.h5")


def test_such_a_file_put_into_the_folder_by_hand_is_not_used_unasked(unpublished):
    put(NETWORK)
    with pytest.raises(WeightsError) as failure:
        weights.find(unpublished(), "default")
    assert "was put there by hand: no checksum is published" in str(failure.value)
    assert "`embedviz weights fetch tern`" in str(failure.value)
    assert "`embedviz weights add tern FILE --unverified`" in str(failure.value)


def test_double_extensions_are_compared_whole(network, tmp_path):
    packed = network(name="net.h5.gz", checksum=None)
    archive = network(name="net.tar.gz", checksum=None)
    facts = facts_of(packed, archive)
    (tmp_path / "copy.tar.gz").write_bytes(OTHER)
    assert [
        found.file for found in weights.add(facts, tmp_path / "copy.tar.gz", unverified=True)
    ] == [archive]
    for name in ("copy.gz", "copy.h5"):
        (tmp_path / name).write_bytes(OTHER)
        with pytest.raises(WeightsError, match="holds no official file"):
            weights.add(facts, tmp_path / name, unverified=True)


# SavedModels in place of their archive


@pytest.fixture
def saved_model(tmp_path):
    """A folder with the files of a SavedModel, and a note that is none of them."""
    folder = tmp_path / "model"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(NETWORK)
    (folder / "variables" / "variables.index").write_bytes(OTHER)
    (folder / ".DS_Store").write_bytes(b"seen")
    return folder


def test_an_unpacked_savedmodel_stands_in_for_its_archive(network, labels, saved_model):
    facts = facts_of(labels(), network(name="net.tar.gz", checksum=None))
    found = weights.find(facts, "default", weights=saved_model)["net.tar.gz"]
    assert (found.path, found.verified) == (saved_model, False)
    with pytest.raises(WeightsError, match="holds no official file"):
        weights.find(facts_of(network()), "default", weights=saved_model)


def test_a_savedmodel_is_known_by_the_files_that_tensorflow_reads(network, saved_model):
    def digest() -> str:
        file = network(name="net.tar.gz", checksum=None)
        return weights.find(facts_of(file), "default", weights=saved_model)["net.tar.gz"].sha256

    # As `sha256sum assets/* saved_model.pb variables/* | sha256sum` prints it.
    listed = [("saved_model.pb", NETWORK), ("variables/variables.index", OTHER)]
    lines = "".join(f"{sha256(content)[7:]}  {name}\n" for name, content in listed)
    assert digest() == sha256(lines.encode())[7:]
    (saved_model / ".DS_Store").unlink()
    assert digest() == sha256(lines.encode())[7:]
    (saved_model / "variables" / "variables.index").rename(saved_model / "variables" / "other")
    assert digest() != sha256(lines.encode())[7:]


def test_an_unpacked_savedmodel_is_added_as_an_archive(network, saved_model):
    facts = facts_of(network(name="net.tar.gz", checksum=None))
    with pytest.raises(WeightsError, match="no checksum is published"):
        weights.add(facts, saved_model)
    added = weights.add(facts, saved_model, unverified=True)[0]
    assert weights.find(facts, "default")["net.tar.gz"] == added
    with tarfile.open(added.path) as tar:
        assert {member.name for member in tar if member.isreg()} == {
            "saved_model.pb",
            "variables/variables.index",
        }
