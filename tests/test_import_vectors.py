"""Arrays, tables, records and addresses of them open as sets, and nothing in them is trusted."""

from __future__ import annotations

import io
import json
import pickle
import random
import socket
import threading
import zipfile
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from serving import serving

from embedviz import fetching
from embedviz.data import Projection
from embedviz.errors import Cancelled, EmbedvizError
from embedviz.fetching import fetch, is_public
from embedviz.imports import tfrecords
from embedviz.imports.opening import open_source, open_sources
from embedviz.projector.bundle import write_bundle
from embedviz.store import read_set, write_set

VECTORS = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)


def one(*sources: Path | str, **options):
    (found,) = open_sources(sources, **options).values()
    return found


def refused(source, *others, **options) -> str:
    with pytest.raises(EmbedvizError) as raised:
        open_sources([source, *others], **options)
    sentence = str(raised.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


# Arrays with a table.


@pytest.mark.parametrize(
    "vectors",
    [
        VECTORS,
        VECTORS.astype(np.float64),
        VECTORS.astype(">f4"),
        np.asfortranarray(VECTORS),
        VECTORS.astype(np.float16),
        np.arange(24, dtype=np.uint8).reshape(6, 4),
    ],
    ids=["float32", "float64", "big endian", "by column", "float16", "uint8"],
)
@pytest.mark.parametrize("ending", ["npy", "npz", "packed npz"])
def test_an_array_of_any_numbers(vectors, ending, tmp_path):
    path = tmp_path / f"birds.{ending[-3:]}"
    if ending == "npy":
        np.save(path, vectors)
    else:
        (np.savez if ending == "npz" else np.savez_compressed)(path, other=np.zeros(3), v=vectors)
    found = one(path)
    assert found.vectors.dtype == np.float32
    assert np.array_equal(found.vectors, vectors.astype(np.float32))
    assert found.table["recording"].tolist() == [f"row {i}" for i in range(6)]
    assert (found.provenance.model, found.provenance.verified) == ("birds", False)


ROWS = [f"a{i}.wav;{i / 2};{i / 2 + 1};00{i};{'wren' if i % 2 else ''};{i * 1.5}" for i in range(6)]
HEADER = "recording;start_s;stop_s;tag;species;level"


@pytest.mark.parametrize(("separator", "name"), [(";", "x.csv"), (",", "x.csv"), ("\t", "x.tsv")])
@pytest.mark.parametrize("how", ["beside", "given", "first"])
def test_the_table_of_an_array_names_its_rows(separator, name, how, tmp_path):
    np.save(tmp_path / "x.npy", VECTORS)
    table = tmp_path / (name if how == "beside" else f"rows.{name[-3:]}")
    text = "\r\n".join([HEADER, *ROWS, "", ""]).replace(";", separator)
    table.write_text(text, encoding="utf-8-sig")
    sources = {
        "beside": [tmp_path / "x.npy"],
        "given": [tmp_path / "x.npy", table],
        "first": [table, tmp_path / "x.npy"],
    }
    found = one(*sources[how])
    assert found.table["recording"].tolist() == [f"a{i}.wav" for i in range(6)]
    assert found.table["stop_s"].tolist() == [i / 2 + 1 for i in range(6)]
    assert found.label_columns == ("tag", "species")
    assert found.table["tag"][3] == "003"
    assert found.table["species"].tolist() == ["", "wren"] * 3
    assert found.table["level"].tolist() == [i * 1.5 for i in range(6)]
    assert found.provenance.per == "window"


def test_a_folder_of_arrays_and_tables_is_what_lies_in_it(tmp_path):
    for name in ("a", "b"):
        np.save(tmp_path / f"{name}.npy", VECTORS)
        (tmp_path / f"{name}.csv").write_text(f"label\n{name}\n" + "z\n" * 5)
    found = open_sources([tmp_path])
    assert [one.table["label"][0] for one in found.values()] == ["a", "b"]


def test_a_table_without_a_header_and_one_of_labels_alone(tmp_path):
    np.save(tmp_path / "x.npy", VECTORS)
    (tmp_path / "x.csv").write_text("3\n1\n3\n1\n3\n1\n")
    found = one(tmp_path / "x.npy")
    assert found.label_columns == ("label",)
    assert found.table["label"].tolist() == ["3", "1"] * 3
    (tmp_path / "x.csv").write_text('"a, b",1\n' * 6)
    assert one(tmp_path / "x.npy").table["column 1"][0] == "a, b"


def test_a_table_of_other_length_is_refused(tmp_path):
    np.save(tmp_path / "x.npy", VECTORS)
    (tmp_path / "x.csv").write_text("label\n" + "a\n" * 9)
    assert "10 lines for 6 vectors" in refused(tmp_path / "x.npy")


def test_the_labels_inside_an_npz(tmp_path):
    labels = np.array(["a", "b", "c", "d", "e", "f"])
    np.savez(
        tmp_path / "x.npz",
        Embeddings=VECTORS,
        mixing=np.eye(4),
        names=labels,
        label=np.arange(6) % 2,
        level=np.linspace(0, 1, 6),
        raw=labels.astype("S"),
        rate=np.array(16000),
    )
    found = one(tmp_path / "x.npz")
    assert np.array_equal(found.vectors, VECTORS)
    assert set(found.label_columns) == {"names", "label", "raw"}
    assert found.table["label"].tolist() == ["0", "1"] * 3
    assert found.table["raw"].tolist() == found.table["recording"].tolist() == labels.tolist()
    assert found.table["level"][5] == 1


class Trap:
    """Leaves a mark where it is unpickled."""

    def __reduce__(self):
        return (Path.touch, (Path("unpickled"),))


def header(shape, kind="<f4", *, by_column=False) -> bytes:
    stream = io.BytesIO()
    said = {"descr": kind, "fortran_order": by_column, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, said)
    return stream.getvalue()


ARRAYS = {
    "pickle": (pickle.dumps(Trap()), "nothing that can be imported|cannot be read"),
    "one axis": (header((4,)) + bytes(16), "shape \\(4,\\)"),
    "three axes": (header((1, 2, 2)) + bytes(16), "wanted one row a vector"),
    "cut": (header((10, 2)) + bytes(40), "cut short"),
    "boast": (header((1 << 40, 1 << 20)), "up to 5,000,000 rows"),
    "boasting labels": (header((1 << 60,)), "cut short"),
    "less than nothing": (header((-1, 2)), "nothing to import"),
    "texts": (header((2, 2), "<U4") + bytes(64), "no real numbers"),
    "complex": (header((2, 2), "<c8") + bytes(32), "no real numbers"),
    "no numbers": (header((0, 2)), "nothing to import"),
    "infinite": (header((1, 2)) + b"\0\0\x80\x7f" * 2, "row 0 .* not finite"),
    "no header": (b"\x93NUMPY\x01\x00\xff\xffnonsense", "cannot be read"),
    "other version": (b"\x93NUMPY\x09\x00\xff\xff", "version"),
    "nothing": (b"", "nothing that can be imported|cannot be read"),
}


@pytest.mark.parametrize(("content", "said"), ARRAYS.values(), ids=ARRAYS)
@pytest.mark.parametrize("ending", ["npy", "npz"])
def test_an_array_that_makes_no_sense_is_refused(content, said, ending, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / f"x.{ending}"
    if ending == "npy":
        path.write_bytes(content)
    else:
        with zipfile.ZipFile(path, "w") as packed:
            packed.writestr("embedding.npy", content)
    with pytest.raises(EmbedvizError, match=f"{said}|0 arrays with rows") as raised:
        one(path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("ending", ["npy", "npz"])
def test_python_objects_are_never_made(ending, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    traps = np.array([[Trap()], [Trap()]], dtype=object)
    path = tmp_path / f"x.{ending}"
    (np.save if ending == "npy" else np.savez)(path, traps)
    assert "Python objects" in refused(path)
    assert not (tmp_path / "unpickled").exists()


def test_several_arrays_without_a_usual_name_are_named(tmp_path):
    np.savez(tmp_path / "x.npz", first=VECTORS, second=VECTORS)
    assert "first, second" in refused(tmp_path / "x.npz")


# Parquet.


def lists(kind: str, vectors=VECTORS) -> pa.Array:
    value = {"wide": pa.float64(), "whole": pa.int16()}.get(kind, pa.float32())
    form = {"fixed": pa.list_(value, 4), "large": pa.large_list(value)}.get(kind, pa.list_(value))
    if kind == "whole":
        return pa.array((vectors * 100).astype(int).tolist(), form)
    return pa.array(vectors.tolist(), form)


@pytest.mark.parametrize("kind", ["fixed", "large", "wide", "whole", "plain"])
def test_a_column_of_vectors_in_parquet(kind, tmp_path):
    columns = {
        "file": ["a", "b", "a", "b", "a", "b"],
        "kind": pa.array(["x", None, "y", "x", "y", "x"]).dictionary_encode(),
        "embedding": lists(kind),
        "other": pa.array([[1.0, 2.0]] * 6),
        "level": [1, 2, 3, 4, 5, 6],
        "day": pd.to_datetime(["2024-05-01"] * 6),
        "sound": [b"RIFF"] * 6,
        "start_s": np.arange(6.0),
        "stop_s": np.arange(6.0) + 1,
        "recording": ["r1", "r1", "r1", "r2", "r2", "r2"],
    }
    pq.write_table(pa.table(columns), tmp_path / "x.parquet", row_group_size=4)
    found = one(tmp_path / "x.parquet")
    wanted = (VECTORS * 100).astype(int) if kind == "whole" else VECTORS
    assert np.array_equal(found.vectors, wanted.astype(np.float32))
    assert found.label_columns == ("file", "kind", "day")
    assert found.table["kind"].tolist() == ["x", "", "y", "x", "y", "x"]
    assert found.table["recording"].tolist()[2:4] == ["r1", "r2"]
    assert found.table["level"].sum() == 21
    assert "sound" not in found.table
    write_set(found, tmp_path / "again.parquet")
    assert read_set(tmp_path / "again.parquet").table.equals(found.table)


def test_our_own_file_is_what_it_was(make_set, tmp_path):
    made = make_set(rows=9)
    write_set(made, tmp_path / "night.parquet")
    found = one(tmp_path / "night.parquet")
    assert found.provenance == made.provenance
    assert np.array_equal(found.thumbnails, made.thumbnails)
    assert found.table.equals(made.table)


PARQUETS = {
    "no vectors": ({"a": [1, 2]}, "0 columns of lists"),
    "several": ({"a": [[1.0]], "b": [[1.0]]}, "2 columns .*a, b"),
    "ragged": ({"v": [[1.0, 2.0], [1.0]]}, "different lengths"),
    "missing": ({"v": [[1.0, 2.0], None]}, "1 rows without a vector"),
    "holes": ({"v": [[1.0, None], [1.0, 2.0]]}, "missing numbers"),
    "empty lists": ({"v": pa.array([[], []], pa.list_(pa.float32()))}, "nothing to import"),
    "no rows": ({"v": pa.array([], pa.list_(pa.float32()))}, "nothing to import"),
    "texts": ({"v": [["a"], ["b"]]}, "0 columns"),
}


@pytest.mark.parametrize(("columns", "said"), PARQUETS.values(), ids=PARQUETS)
def test_parquet_without_vectors_is_refused(columns, said, tmp_path):
    pq.write_table(pa.table(columns), tmp_path / "x.parquet")
    with pytest.raises(EmbedvizError, match=said):
        one(tmp_path / "x.parquet")


def test_parquet_that_claims_to_be_ours_and_is_not_is_refused(tmp_path):
    table = pa.table({"embedding": lists("fixed")})
    for said in ("{}", "[]", "nonsense", '{"format": "x"}', '{"recordings": 3}'):
        marked = table.replace_schema_metadata({b"embedviz": said.encode()})
        pq.write_table(marked, tmp_path / "x.parquet")
        assert "x.parquet" in refused(tmp_path / "x.parquet")


def test_more_values_than_can_be_held_are_refused_before_they_are_read(tmp_path, monkeypatch):
    pq.write_table(pa.table({"v": lists("plain")}), tmp_path / "x.parquet")
    monkeypatch.setattr("embedviz.imports.parquet.MOST_NUMBERS", 23)
    assert "up to 24 values in a column" in refused(tmp_path / "x.parquet")


# AudioSet's released features.


def audioset_records(path: Path, seconds: np.ndarray, **left_out) -> Path:
    """Two videos as TensorFlow itself writes them."""
    import tensorflow as tf

    feature = tf.train.Feature
    listed = [feature(bytes_list=tf.train.BytesList(value=[one.tobytes()])) for one in seconds]
    with tf.io.TFRecordWriter(str(path)) as writer:
        for start_s, video, labels in ((30.0, b"abc_-12", [0, 137]), (6.0, b"xyz", [300])):
            context = {
                "video_id": feature(bytes_list=tf.train.BytesList(value=[video])),
                "start_time_seconds": feature(float_list=tf.train.FloatList(value=[start_s])),
                "end_time_seconds": feature(float_list=tf.train.FloatList(value=[start_s + 10])),
                "labels": feature(int64_list=tf.train.Int64List(value=labels)),
            }
            lists = {"audio_embedding": tf.train.FeatureList(feature=listed)}
            example = tf.train.SequenceExample(
                context=tf.train.Features(feature=context),
                feature_lists=tf.train.FeatureLists(feature_list=lists),
            )
            writer.write(example.SerializeToString())
    return path


@pytest.fixture(scope="module")
def released(tmp_path_factory) -> tuple[Path, np.ndarray]:
    """A file of the release's form and the 10 seconds that are in both of its videos."""
    seconds = np.random.default_rng(0).integers(0, 256, (10, 128), dtype=np.uint8)
    folder = tmp_path_factory.mktemp("audioset")
    return audioset_records(folder / "5v.tfrecord", seconds), seconds


def test_the_features_that_were_released_with_audioset(released):
    path, seconds = released
    found = one(path)
    assert np.array_equal(found.vectors, np.tile(seconds, (2, 1)).astype(np.float32))
    table = found.table
    assert table["recording"].tolist() == ["abc_-12"] * 10 + ["xyz"] * 10
    assert table["start_s"].tolist() == [*range(30, 40), *range(6, 16)]
    assert (table["stop_s"] - table["start_s"] == 1).all()
    assert table["label"].tolist() == ["class 0"] * 10 + ["class 300"] * 10
    assert table["labels"][0] == "class 0; class 137"
    assert (found.provenance.model, found.provenance.hop_s) == ("audioset-vggish", 1)


def test_class_names_come_from_the_table_beside_or_given(released, tmp_path):
    path, _ = released
    folder = tmp_path / "bal_train"
    folder.mkdir()
    for name in ("a.tfrecord", "b.tfrecord"):
        (folder / name).write_bytes(path.read_bytes())
    names = tmp_path / "class_labels_indices.csv"
    names.write_text('index,mid,display_name\n0,/m/09x0r,Speech\n137,/m/04rlf,"Music, loud"\n')
    found = one(folder)
    assert len(found) == 40
    assert found.table["labels"][0] == "Speech; Music, loud"
    assert found.table["label"][10] == "class 300"
    given = one(path, names.rename(tmp_path / "names.csv"))
    assert given.table["label"][0] == "Speech"
    (tmp_path / "names.csv").write_text("a,b\n1,2\n")
    assert "no table of AudioSet's classes" in refused(path, tmp_path / "names.csv")


def record(data: bytes) -> bytes:
    length = len(data).to_bytes(8, "little")
    sums = (tfrecords.masked_crc(part).to_bytes(4, "little") for part in (length, data))
    return length + next(sums) + data + next(sums)


RECORDS = {
    "text": (b"these are no records at all", "no TFRecord file"),
    "nothing": (b"", "nothing to import"),
    "cut": (record(b"\x0a\x00")[:-1], "damaged at its byte 0"),
    "boast": (
        (1 << 62).to_bytes(8, "little")
        + tfrecords.masked_crc((1 << 62).to_bytes(8, "little")).to_bytes(4, "little"),
        "4,611,686,018,427,387,904 bytes",
    ),
    "empty": (record(b""), "no feature list audio_embedding"),
    "long field": (record(b"\x0a\x7f"), "longer than its message"),
    "endless number": (record(b"\xff" * 30), "number without an end"),
    "group": (record(b"\x0b"), "unknown kind 3"),
    "other size": (
        record(
            b"\x12\x23\x0a\x21\x0a\x0faudio_embedding\x12\x0e\x0a\x0c\x0a\x0a\x0a\x08" + b"1" * 8
        ),
        "8 bytes stand for a second",
    ),
}


@pytest.mark.parametrize(("content", "said"), RECORDS.values(), ids=RECORDS)
def test_records_that_make_no_sense_are_refused(content, said, tmp_path):
    (tmp_path / "x.tfrecord").write_bytes(content)
    with pytest.raises(EmbedvizError, match=said):
        one(tmp_path / "x.tfrecord")


def test_a_changed_byte_is_noticed_wherever_it_is(released, tmp_path):
    whole = released[0].read_bytes()
    chance = random.Random(1)
    for _ in range(30):
        damaged = bytearray(whole)
        damaged[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        (tmp_path / "x.tfrecord").write_bytes(damaged)
        assert "x.tfrecord" in refused(tmp_path / "x.tfrecord")


def test_nonsense_inside_whole_records_is_refused_and_never_a_crash(released, tmp_path):
    content = next(tfrecords.records(released[0]))
    chance = random.Random(2)
    for _ in range(200):
        damaged = bytearray(content[: chance.randrange(1, len(content))])
        for _ in range(chance.choice([0, 1, 8])):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        (tmp_path / "x.tfrecord").write_bytes(record(bytes(damaged)))
        try:
            one(tmp_path / "x.tfrecord")
        except EmbedvizError as error:
            assert str(error).endswith(".")  # noqa: PT017


# Whatever else.


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("x.wav", "nothing that can be imported"),
        ("x.bytes", "give the config beside it"),
        ("x.parquet", "nothing that can be imported|no Parquet"),
        ("gone.npy", "cannot be read"),
    ],
)
def test_other_files_are_refused(name, said, tmp_path):
    if not name.startswith("gone"):
        (tmp_path / name).write_bytes(b"PAR1nonsense" if name == "x.parquet" else b"RIFF....")
    with pytest.raises(EmbedvizError, match=said):
        one(tmp_path / name)


def test_one_bad_source_does_not_keep_the_others_out(tmp_path):
    np.save(tmp_path / "a.npy", VECTORS)
    (tmp_path / "b.npy").write_bytes(b"\x93NUMPY")
    (tmp_path / "deeper").mkdir()
    np.save(tmp_path / "deeper" / "a.npy", VECTORS)
    failures: dict[str, str] = {}
    paths = [tmp_path / "a.npy", tmp_path / "b.npy", tmp_path / "deeper" / "a.npy"]
    assert list(open_sources(paths, failures=failures)) == ["a", "a-2"]
    assert [Path(name).name for name in failures] == ["b.npy"]


def test_all_files_of_a_bundle_named_together_are_one_bundle(make_set, tmp_path):
    out = write_bundle({"a": make_set(rows=5)}, tmp_path / "b")
    assert list(open_sources(sorted(out.iterdir()))) == ["a"]


# From the web.


def anywhere(_address: str) -> bool:
    return True


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("192.168.0.9", False),
        ("172.16.0.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("::", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("nonsense", False),
    ],
)
def test_which_addresses_are_the_internets(address, public):
    assert is_public(address) is public


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "2130706433"])
def test_nothing_is_fetched_from_this_machine_or_its_network(host, tmp_path):
    (tmp_path / "secret.npy").write_bytes(b"secret")
    with serving(tmp_path) as server:
        url = server.url.replace("127.0.0.1", host) + "/secret.npy"
        assert "not on the public internet" in refused(url)
    assert server.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x.org/a",
        "file:///etc/passwd",
        "http://",
        "https:///a",
        "gopher://x",
        "http://[",
    ],
)
def test_what_is_no_web_address_is_refused(url):
    sentence = refused(url)
    assert "web address" in sentence or "could not be fetched" in sentence


def test_a_bundle_behind_an_address_comes_with_all_its_files(make_set, tmp_path):
    made = make_set(rows=7)
    made = made.with_projection(Projection("umap", made.vectors[:, :2], {}))
    out = write_bundle({"night": made, "day": made}, tmp_path / "web" / "maps")
    with serving(tmp_path / "web") as server:
        config = f"{server.url}/maps/projector_config.json"
        link = f"https://projector.tensorflow.org/?config={config.replace(':', '%3A')}"
        for url in (config, link):
            found = open_sources([url], allowed=anywhere)
            assert list(found) == ["night", "day"]
            assert np.array_equal(found["night"].vectors, made.vectors)
        again = write_bundle(found, tmp_path / "again")
    for name in ("sprite.png", "metadata.tsv", "bookmarks.json", "tensors.bytes"):
        assert (again / "day" / name).read_bytes() == (out / "day" / name).read_bytes()


@pytest.mark.parametrize(
    "path", ["file:///etc/passwd", "ftp://x.org/v", "http://[::1]:1/v", "http://[", "//[::1]/v"]
)
def test_a_config_cannot_lead_to_files_or_the_network_of_this_machine(path, tmp_path):
    listed = {"tensorName": "a", "tensorShape": [2, 2], "tensorPath": path}
    (tmp_path / "c.json").write_text(json.dumps({"embeddings": [listed]}))
    with serving(tmp_path) as server:
        sentence = refused(f"{server.url}/c.json", allowed=lambda place: place == "127.0.0.1")
    assert "no web address" in sentence or "public internet" in sentence or "names" in sentence


def test_no_handshake_is_made_with_this_machine(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        port = listener.getsockname()[1]
        assert "not on the public internet" in refused(f"https://127.0.0.1:{port}/x.npy")
        with pytest.raises(TimeoutError):
            listener.accept()


class _Script(BaseHTTPRequestHandler):
    """Answers as the test says."""

    def __init__(self, answers, *args):
        self.answers = answers
        super().__init__(*args)

    def do_GET(self):
        status, headers, body = self.answers[self.path]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@contextmanager
def answering(answers):
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Script, answers))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_redirection_is_followed_a_few_times_and_looked_at_each_time(tmp_path):
    answers = {f"/{i}": (302, {"Location": f"/{i + 1}"}, b"") for i in range(9)}
    answers |= {"/9": (200, {}, b"content"), "/out": (301, {"Location": "http://10.0.0.1/x"}, b"")}
    answers |= {"/file": (307, {"Location": "file:///etc/passwd"}, b"")}
    with answering(answers) as url:
        fetched = fetch(f"{url}/4", tmp_path, allowed=anywhere)
        assert (fetched.path.read_bytes(), fetched.url) == (b"content", f"{url}/9")
        for path, said in (("/3", "more than 5 times"), ("/file", "no web address")):
            with pytest.raises(EmbedvizError, match=said):
                fetch(url + path, tmp_path, allowed=anywhere)
        with pytest.raises(EmbedvizError, match=r"10\.0\.0\.1 is not on the public internet"):
            fetch(f"{url}/out", tmp_path, allowed=lambda address: address == "127.0.0.1")


FAULTS = {
    "gone": ((404, {}, b""), "answered 404"),
    "declared too large": ((200, {"Content-Length": "9999"}, b""), "more than 100 bytes"),
    "too large": ((200, {}, bytes(5000)), "more than 100 bytes"),
    "cut": ((200, {"Content-Length": "50"}, bytes(20)), "broke after 20 of 50 bytes"),
    "compressed": ((200, {"Content-Encoding": "gzip"}, b"x"), "compressed"),
    "nonsense": ((200, {"Content-Length": "many"}, b""), "could not be fetched"),
}


@pytest.mark.parametrize(("answer", "said"), FAULTS.values(), ids=FAULTS)
def test_what_a_server_does_wrong_is_said(answer, said, tmp_path):
    with answering({"/x": answer}) as url, pytest.raises(EmbedvizError, match=said):
        fetch(f"{url}/x", tmp_path, most_bytes=100, allowed=anywhere)


def test_a_slow_server_is_given_up_and_a_download_can_be_stopped(tmp_path, monkeypatch):
    def stop(_done: int, _total: int) -> None:
        raise Cancelled("Stopped.")

    with answering({"/x": (200, {}, bytes(1000))}) as url:
        with pytest.raises(Cancelled):
            fetch(f"{url}/x", tmp_path, allowed=anywhere, progress=stop)
        monkeypatch.setattr(fetching, "LONGEST_S", -1)
        with pytest.raises(EmbedvizError, match="not complete after"):
            fetch(f"{url}/x", tmp_path, allowed=anywhere)


def test_an_array_and_its_table_by_their_addresses(tmp_path):
    np.save(tmp_path / "x.npy", VECTORS)
    (tmp_path / "rows.csv").write_text("label\n" + "a\nb\n" * 3)
    with serving(tmp_path) as server:
        found = open_source(
            f"{server.url}/x.npy", f"{server.url}/rows.csv?raw=1", allowed=anywhere
        )["x"]
    assert found.table["label"].tolist() == ["a", "b"] * 3
