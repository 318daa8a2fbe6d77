"""Bundles come back as the sets they were, and anybody else's as sets that can be explored."""

from __future__ import annotations

import json
import os
import random
import re
import struct
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from embedviz.data import Projection
from embedviz.errors import BundleError, EmbedvizError
from embedviz.imports.opening import open_source, open_sources
from embedviz.projector.bundle import write_bundle
from embedviz.projector.names import set_names
from embedviz.projector.read import read_bundle
from embedviz.store import read_set, write_set
from embedviz.thumbnails import sprite_sheet

CONTENT = ("tensors.bytes", "tensors.tsv", "metadata.tsv", "sprite.png", "bookmarks.json")


def content(bundle: Path) -> dict[str, bytes]:
    paths = (path for path in bundle.rglob("*") if path.name in CONTENT)
    return {path.relative_to(bundle).as_posix(): path.read_bytes() for path in paths}


def rich(embedding_set, method="umap", dims=2):
    """The set with every kind of column, labels that need care, and a map."""
    rows, rng = len(embedding_set), np.random.default_rng(1)
    table = embedding_set.table.assign(
        label=[["cat", "007", "a\tb", "", "dog"][row % 5] for row in range(rows)],
        site=[f"site {row % 70} é" for row in range(rows)],
        top_class=[f"Class {row % 3}" for row in range(rows)],
        padding_s=0.1 * (np.arange(rows) % 3),
        score=(rng.random(rows) * 1e9).astype(np.float32),
        level=rng.normal(size=rows) * 1e-6,
        count=rng.integers(-5, 5, rows),
        gap=np.where(np.arange(rows) % 7 == 0, np.nan, rng.normal(size=rows)),
        price=[f"{row}.50" for row in range(rows)],
        note=[["x", "1e5"][row % 2] for row in range(rows)],
        flag=np.arange(rows) % 2 == 0,
        serial=np.arange(rows) + 10**17,
    )
    made = replace(embedding_set.provenance, label_columns=("label", "site"))
    places = rng.normal(size=(rows, dims)).astype(np.float32)
    return replace(
        embedding_set, table=table, provenance=made, projection=Projection(method, places, {})
    )


def foreign(folder: Path, name="words", rows=12, dims=3, **entry) -> Path:
    """A config for the standalone projector beside raw vectors."""
    folder.mkdir(exist_ok=True)
    vectors = np.random.default_rng(0).normal(size=(rows, dims)).astype("<f4")
    (folder / "vectors.bytes").write_bytes(vectors.tobytes())
    listed = {"tensorName": name, "tensorShape": [rows, dims], "tensorPath": "vectors.bytes"}
    config = folder / "projector_config.json"
    config.write_text(json.dumps({"embeddings": [listed | entry]}))
    return config


def png(path: Path, pixels: np.ndarray) -> Path:
    Image.fromarray(pixels).save(path)
    return path


# Bundles of our own.


@pytest.mark.parametrize("rows", [2, 3, 50, 51, 130])
@pytest.mark.parametrize(("method", "dims"), [("umap", 2), ("tsne", 3), ("pca", 3)])
def test_our_bundle_is_written_again_byte_for_byte(rows, method, dims, make_set, tmp_path):
    made = rich(make_set(rows=rows, dims=60), method, dims)
    first = write_bundle({"night": made}, tmp_path / "first")
    found = read_bundle(first)
    second = write_bundle(found, tmp_path / "second")
    assert len(content(first)) == 5
    assert content(second) == content(first)
    assert found["night"].projection.method == method


@pytest.mark.parametrize(
    "options",
    [
        {"colours": "magma"},
        {"colours": "grey"},
        {"frame_by": "label"},
        {"cell_px": 100},
        {"join_windows": True},
        {"sample": 40},
    ],
    ids=str,
)
def test_so_is_one_of_several_sets_whatever_it_was_written_with(options, make_set, tmp_path):
    sets = {"night": rich(make_set(rows=130)), "day one": make_set(rows=9, dims=5)}
    first = write_bundle(sets, tmp_path / "first.zip", **options)
    found = read_bundle(first)
    assert list(found) == ["night", "day_one"]
    second = write_bundle(found, tmp_path / "second", **options)
    with zipfile.ZipFile(first) as packed:
        wanted = {n: packed.read(n) for n in packed.namelist() if Path(n).name in CONTENT}
    assert len(wanted) == 9
    assert content(second) == wanted


def test_so_is_one_whose_numbers_were_padded_to_keep_letters_whole(make_set, tmp_path):
    made = replace(rich(make_set(rows=9000, dims=2)), thumbnails=None)
    made = replace(made, table=made.table.assign(note="🐋" * 60))
    first = write_bundle({"night": made}, tmp_path / "first")
    written = (first / "metadata.tsv").read_text(encoding="utf-8")
    assert re.search(r"\t\d\.\d*0+\t", written), "nothing was padded"
    second = write_bundle(read_bundle(first), tmp_path / "second")
    assert content(second) == content(first)


def test_our_columns_come_back_as_labels_text_and_numbers(make_set, tmp_path):
    made = rich(make_set(rows=130))
    (found,) = read_bundle(write_bundle({"night": made}, tmp_path / "b")).values()
    assert found.label_columns == ("label", "site")
    assert list(found.table) == list(
        made.table[["recording", "start_s", "stop_s", "label", "site"]]
    ) + [name for name in found.table if name not in made.table.columns[:4] and name != "site"]
    assert set(found.table) == set(made.table)
    assert found.table["recording"].tolist() == made.table["recording"].tolist()
    assert found.table["start_s"].tolist() == pytest.approx(made.table["start_s"].tolist())
    assert found.table["label"].tolist()[:5] == ["cat", "id 007", "a b", "", "dog"]
    assert found.table["count"].tolist() == made.table["count"].tolist()
    assert np.isnan(found.table["gap"][0])
    assert found.table["price"][1] == "1.50"
    assert found.table["top_class"][1] == "Class 1"
    assert (found.provenance.window_s, found.provenance.hop_s) == (0.96, 0.48)


def test_a_set_goes_through_a_bundle_and_a_file_and_is_the_same(make_set, tmp_path):
    made = rich(make_set(rows=40))
    (found,) = read_bundle(write_bundle({"night": made}, tmp_path / "b")).values()
    write_set(found, tmp_path / "night.parquet")
    back = read_set(tmp_path / "night.parquet")
    assert np.array_equal(back.vectors, made.vectors)
    assert np.array_equal(back.projection.coordinates, made.projection.coordinates)
    assert np.array_equal(back.thumbnails, found.thumbnails)
    assert back.table.equals(found.table)


def test_pictures_come_back_quiet_as_0_with_low_bands_first(make_set, tmp_path):
    made = make_set(rows=5)
    pictures = np.zeros((5, 64, 64), np.uint8)
    pictures[:, :8, :4] = 200  # an early, low sound
    out = write_bundle({"a": replace(made, thumbnails=pictures)}, tmp_path / "b")
    (found,) = read_bundle(out).values()
    assert np.array_equal(found.thumbnails, pictures)


@pytest.mark.parametrize("verified", [True, False])
def test_only_our_own_word_makes_weights_verified(verified, make_set, tmp_path):
    made = make_set(rows=5)
    made = replace(made, provenance=replace(made.provenance, verified=verified))
    out = write_bundle(set_names([made]), tmp_path / "b")
    (found,) = read_bundle(out).values()
    assert (found.provenance.model, found.provenance.verified) == ("logmel", verified)
    assert set_names([found]).keys() == set_names([made]).keys()
    (out / "README.txt").unlink()
    assert not next(iter(read_bundle(out).values())).provenance.verified


def test_a_bundle_too_large_for_tensorboard_is_one_set_and_not_also_its_sample(
    make_set, tmp_path, monkeypatch
):
    monkeypatch.setattr("embedviz.projector.writer.TENSORBOARD_ROWS", 40)
    out = write_bundle({"large": make_set(rows=50, dims=2)}, tmp_path / "b")
    assert "large-sample" in (out / "projector_config.pbtxt").read_text()
    found = read_bundle(out)
    assert {name: len(one) for name, one in found.items()} == {"large": 50}


def test_a_bundle_written_for_the_web_is_read_from_its_own_files(make_set, tmp_path):
    made = make_set(rows=6)
    out = write_bundle({"a": made}, tmp_path / "b", base_url="https://x.org/some/maps")
    assert np.array_equal(read_bundle(out)["a"].vectors, made.vectors)


# Bundles of others.


def test_word2vec_as_the_standalone_projector_shows_it(tmp_path):
    words = ["the", "of", "and", "1984", "näive", "“quoted”", "a b", "x", "y", "z", "007", "'s"]
    lines = ["word\tcount", *(f"{word}\t{100 - i}" for i, word in enumerate(words))]
    config = foreign(tmp_path / "w2v", "Word2Vec 10K", metadataPath="labels.tsv")
    (config.parent / "labels.tsv").write_text("\n".join(lines), encoding="utf-8")
    renamed = config.rename(config.with_name("oss_demo_projector_config.json"))
    (name, found), *others = read_bundle(renamed).items()
    assert (name, others) == ("Word2Vec 10K", [])
    assert found.table["recording"].tolist() == words
    assert found.table["count"].tolist() == [100 - i for i in range(12)]
    assert found.label_columns == ("word",)
    assert (found.table[["start_s", "stop_s"]] == 0).all(axis=None)
    made = found.provenance
    assert (made.model, made.verified, made.weights) == ("Word2Vec 10K", False, {})
    assert found.vectors.shape == (12, 3)


def digits(count: int) -> np.ndarray:
    """White bars on black, (N, 28, 28), each digit with its own."""
    pictures = np.zeros((count, 28, 28), np.uint8)
    for row in range(count):
        pictures[row, 2 : 4 + row % 10, 5:9] = 255 - row
    return pictures


def test_mnist_with_its_sprite_and_metadata_without_a_header(tmp_path):
    config = foreign(
        tmp_path / "mnist",
        "Mnist",
        rows=30,
        dims=784,
        metadataPath="labels.tsv",
        sprite={"imagePath": "sprite.png", "singleImageDim": [28, 28]},
    )
    pictures = digits(30)
    sheet = np.zeros((36, 28, 28), np.uint8)
    sheet[:30] = pictures
    sheet = sheet.reshape(6, 6, 28, 28).swapaxes(1, 2).reshape(168, 168)
    png(config.parent / "sprite.png", np.stack([sheet] * 3 + [np.full_like(sheet, 255)], axis=2))
    (config.parent / "labels.tsv").write_text("".join(f"{row % 10}\n" for row in range(30)))
    (found,) = read_bundle(config.parent).values()
    assert np.array_equal(found.thumbnails, pictures[:, ::-1].swapaxes(1, 2))
    assert found.label_columns == ("label",)
    assert found.table["label"].tolist() == [str(row % 10) for row in range(30)]
    assert found.table["recording"][12] == "row 12"
    assert found.provenance.per == "recording"
    # What others draw light on dark comes out as we draw it.
    again = write_bundle({"Mnist": found}, tmp_path / "again", cell_px=28)
    with Image.open(again / "sprite.png") as image:
        drawn = np.asarray(image)[:28, :56]
    assert np.array_equal(drawn, 255 - sheet[:28, :56])


def test_colours_count_by_luminance_and_what_is_transparent_is_quiet(tmp_path):
    cells = np.zeros((2, 2, 2, 2, 4), np.uint8)
    cells[0, :, 0] = (255, 0, 0, 255)
    cells[0, :, 1] = (255, 255, 255, 0)
    cells[1, :, 0] = (0, 255, 0, 255)
    cells[1, :, 1] = (255, 255, 255, 255)
    sprite = {"imagePath": "s.png", "singleImageDim": [2, 2]}
    config = foreign(tmp_path / "b", rows=4, sprite=sprite)
    png(config.parent / "s.png", cells.reshape(4, 4, 4))
    (found,) = read_bundle(config).values()
    assert found.thumbnails[:, 0, 0].tolist() == [76, 0, 150, 255]


def test_large_cells_are_averaged_down(tmp_path):
    sheet = np.zeros((256, 512), np.uint8)
    sheet[:, ::2] = 100
    sprite = {"imagePath": "s.png", "singleImageDim": [256, 256]}
    config = foreign(tmp_path / "b", rows=2, sprite=sprite)
    png(config.parent / "s.png", sheet)
    (found,) = read_bundle(config).values()
    assert found.thumbnails.shape == (2, 128, 128)
    assert (found.thumbnails == 50).all()


PBTXT = """embeddings {
  tensor_name: "net/layer:0"  # as TensorFlow calls it
  tensor_path: "run/vectors.tsv"
  metadata_path: 'run/meta.tsv'
  sprite { image_path: "run/s.png" single_image_dim: 4 single_image_dim: 2 }
}
model_checkpoint_path: "model.ckpt"
"""


@pytest.fixture
def logdir(tmp_path) -> Path:
    folder = tmp_path / "logs"
    (folder / "run").mkdir(parents=True)
    (folder / "run" / "vectors.tsv").write_text("1\t2\n3\t4\n5.5\t-6e1\n")
    (folder / "run" / "meta.tsv").write_text("kind\tsize\na\t1\nb\t2.5\nc\t\n")
    png(folder / "run" / "s.png", np.arange(32, dtype=np.uint8).reshape(4, 8))
    (folder / "projector_config.pbtxt").write_text(PBTXT)
    return folder


def assert_is_logdir(sets):
    (found,) = sets.values()
    assert list(sets) == ["net/layer"]
    assert found.vectors.tolist() == [[1, 2], [3, 4], [5.5, -60]]
    assert found.table["kind"].tolist() == ["a", "b", "c"]
    assert found.table["size"].tolist()[:2] == [1, 2.5]
    assert np.isnan(found.table["size"][2])
    assert found.thumbnails.shape == (3, 4, 2)
    assert found.thumbnails[1].tolist() == [[12, 4], [13, 5], [14, 6], [15, 7]]


def test_a_folder_for_tensorboard(logdir):
    assert_is_logdir(read_bundle(logdir))


def test_a_bundle_deeper_in_a_folder_or_under_another_name(logdir, tmp_path):
    assert_is_logdir(read_bundle(logdir.parent))
    config = (logdir / "projector_config.pbtxt").rename(logdir / "words.pbtxt")
    assert_is_logdir(read_bundle(config))
    assert_is_logdir(read_bundle(logdir))


def zipped(folder: Path, inside: str) -> Path:
    target = folder.with_suffix(".zip")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            packed.write(path, inside + path.relative_to(folder).as_posix())
        packed.writestr("__MACOSX/._projector_config.json", b"\x00")
    return target


@pytest.mark.parametrize("inside", ["", "my logs/deep/"])
def test_a_zip_with_or_without_a_folder_around(inside, logdir):
    assert_is_logdir(read_bundle(zipped(logdir, inside)))


def test_two_vectors_files_by_hand(tmp_path):
    (tmp_path / "vectors.tsv").write_text("0.5\t1\n2\t3\n")
    (tmp_path / "metadata.tsv").write_text("recording\tstart_s\tstop_s\nx.wav\t0\t1\nx.wav\t1\t2\n")
    (whole,) = read_bundle(tmp_path).values()
    given = [tmp_path / "metadata.tsv", tmp_path / "vectors.tsv"]
    (pair,) = open_sources(given).values()
    for found in (whole, pair):
        assert found.vectors.tolist() == [[0.5, 1], [2, 3]]
        assert found.table["recording"].tolist() == ["x.wav", "x.wav"]
        assert found.table["stop_s"].tolist() == [1, 2]
        assert (found.provenance.per, found.provenance.window_s) == ("window", 1)
    assert list(open_source(tmp_path / "vectors.tsv")["vectors"].table["recording"])[1] == "row 1"


def test_labels_in_front_of_vectors(tmp_path):
    lines = ["king\t1\t2\t3", "", "  ", "1984\t4\t5\t6", "a queen\t7\t8\t0x10", "last\t\t2\t3"]
    (tmp_path / "v.tsv").write_text("\r\n".join(lines))
    (found,) = open_source(tmp_path / "v.tsv").values()
    assert found.table["label"].tolist() == ["king", "1984", "a queen", "last"]
    assert found.vectors.tolist() == [[1, 2, 3], [4, 5, 6], [7, 8, 16], [0, 2, 3]]


def test_a_long_file_of_labelled_vectors_is_the_same_read_in_one_or_many_pieces(
    tmp_path, monkeypatch
):
    vectors = np.random.default_rng(0).normal(size=(400, 5)).astype(np.float32)
    lines = [f"word {i}\t" + "\t".join(map(str, row)) for i, row in enumerate(vectors)]
    (tmp_path / "v.tsv").write_text("\n".join(lines) + "\n")
    monkeypatch.setattr("embedviz.projector.reading._BLOCK_BYTES", 1000)
    (found,) = open_source(tmp_path / "v.tsv").values()
    assert np.array_equal(found.vectors, vectors)
    assert found.table["label"].tolist() == [f"word {i}" for i in range(400)]


def test_metadata_by_the_projectors_rules(tmp_path):
    config = foreign(tmp_path / "b", rows=3, metadataPath="m.tsv")
    text = '\ufeffname\tx\tname\tempty\r\nlost\t0.5\t"a"\t\r\n\t \r\n\t.5\t b \tv\n\nk\t1e3\tc\n'
    (config.parent / "m.tsv").write_bytes(text.encode())
    (found,) = read_bundle(config).values()
    assert found.table["name"].tolist() == ['"a"', " b ", "c"]
    assert found.table["x_column"].tolist() == [0.5, 0.5, 1000]  # x is where a map's points lie
    assert found.table["empty"].tolist() == ["", "v", ""]


def test_the_names_of_times_mean_times_only_where_they_hold_numbers(tmp_path):
    config = foreign(tmp_path / "b", rows=2, metadataPath="m.tsv")
    (config.parent / "m.tsv").write_text("start_s\tpadding_s\tsite\nnoon\tnone\ta\ndawn\tsome\tb\n")
    (found,) = read_bundle(config).values()
    assert found.table["start_s"].tolist() == [0, 0]
    assert found.table["start_s_column"].tolist() == ["noon", "dawn"]
    assert set(found.label_columns) == {"start_s_column", "padding_s_column", "site"}


STATE = {
    "label": "State 0",
    "selectedProjection": "tsne",
    "tSNEis3d": True,
    "pcaComponentDimensions": [0, 2],
    "projections": [
        {"tsne-0": i, "tsne-1": -i, "tsne-2": 0.5, "pca-0": i, "pca-2": 3} for i in range(12)
    ],
}


@pytest.mark.parametrize(
    ("changed", "method", "first"),
    [
        ({}, "tsne", [1, -1, 0.5]),
        ({"selectedProjection": "pca"}, "pca", [1, 3]),
        ({"selectedProjection": "custom"}, "tsne", [1, -1, 0.5]),
        ({"tSNEis3d": False}, "tsne", [1, -1]),
    ],
)
def test_a_bookmark_becomes_the_map(changed, method, first, tmp_path):
    config = foreign(tmp_path / "b", bookmarksPath="state.txt")
    (config.parent / "state.txt").write_text(json.dumps([STATE | changed]))
    (found,) = read_bundle(config).values()
    assert found.projection.method == method
    assert found.projection.coordinates[1].tolist() == first
    assert found.projection.settings == ({"axes": [1, 3]} if method == "pca" else {})


@pytest.mark.parametrize(
    "states",
    [
        [],
        [{}],
        [7],
        {"projections": []},
        [STATE | {"projections": STATE["projections"][:5]}],
        [STATE | {"projections": [{"tsne-0": "x", "tsne-1": 0, "tsne-2": 0}] * 12}],
        [STATE | {"projections": [{"tsne-0": None, "tsne-1": 0, "tsne-2": 0}] * 12}],
        [STATE | {"projections": [[1, 2]] * 12}],
    ],
    ids=str,
)
def test_bookmarks_without_a_place_for_every_point_give_no_map(states, tmp_path):
    config = foreign(tmp_path / "b", bookmarksPath="b.json")
    (config.parent / "b.json").write_text(json.dumps(states))
    (found,) = read_bundle(config).values()
    assert found.projection is None


def test_the_sets_that_can_be_read_are_read_and_the_others_named(tmp_path):
    config = foreign(tmp_path / "b")
    said = json.loads(config.read_text())
    other = said["embeddings"][0] | {"tensorName": "gone", "tensorPath": "https://x.org/v.bytes"}
    config.write_text(json.dumps({"embeddings": [other, *said["embeddings"]]}))
    failures: dict[str, str] = {}
    assert list(read_bundle(config, failures=failures)) == ["words"]
    assert "import the address of the config" in failures["gone"]
    with pytest.raises(BundleError, match="lies on the web"):
        read_bundle(config)


# What is refused.


def text(name: str, content: str):
    return lambda folder: (folder / name).write_text(content)


def entry(**fields):
    return lambda folder: foreign(folder, **fields)


def sprite(pixels: np.ndarray, cell: list[int]):
    def apply(folder: Path) -> None:
        foreign(folder, sprite={"imagePath": "s.png", "singleImageDim": cell})
        png(folder / "s.png", pixels)

    return apply


def huge_sprite(folder: Path) -> None:
    foreign(folder, sprite={"imagePath": "s.png", "singleImageDim": [1, 1]})
    header = struct.pack(">4s2I5B", b"IHDR", 60_000, 60_000, 8, 0, 0, 0, 0)
    parts = [header, b"IDAT" + zlib.compress(b"")]
    chunks = [struct.pack(">I", len(p) - 4) + p + struct.pack(">I", zlib.crc32(p)) for p in parts]
    (folder / "s.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))


REFUSED = {
    "no config": (lambda folder: (folder / "projector_config.json").unlink(), "name the two files"),
    "no json": (text("projector_config.json", "{,"), "no JSON"),
    "deep json": (text("projector_config.json", "[" * 100_000), "no JSON"),
    "list": (text("projector_config.json", "[]"), "names no embeddings"),
    "snake case": (
        text("projector_config.json", '{"embeddings": [{"tensor_name": "a"}]}'),
        "camelCase",
    ),
    "no shape": (entry(tensorShape=[12]), "has no shape"),
    "zero dims": (entry(tensorShape=[12, 0]), "not whole rows"),
    "negative dims": (entry(tensorShape=[12, -3]), "not whole rows"),
    "huge dims": (entry(tensorShape=[12, 10**18]), "not whole rows"),
    "cut bytes": (text("vectors.bytes", "12345678901"), "not whole rows"),
    "empty bytes": (text("vectors.bytes", ""), "nothing to import"),
    "not finite": (
        lambda folder: (folder / "vectors.bytes").write_bytes(b"\xff" * 144),
        "not finite",
    ),
    "absolute": (entry(metadataPath="/etc/passwd"), "not in the bundle"),
    "parent": (entry(metadataPath="../secret.tsv"), "not in the bundle"),
    "hidden parent": (entry(metadataPath="a/../../secret.tsv"), "not in the bundle"),
    "encoded parent": (entry(metadataPath="%2e%2e/secret.tsv"), "not in the bundle"),
    "file address": (entry(metadataPath="file:///etc/passwd"), "not in the bundle"),
    "web address": (entry(metadataPath="https://x.org/m.tsv"), "lies on the web"),
    "missing": (entry(tensorPath="gone.tsv"), "not in the bundle"),
    "few rows": (
        lambda folder: (foreign(folder, metadataPath="m"), (folder / "m").write_text("a\tb\n1\t2")),
        "1 rows for 12 points",
    ),
    "header of one column": (
        lambda folder: (
            foreign(folder, metadataPath="m"),
            (folder / "m").write_text("name\n" + "a\n" * 12),
        ),
        "has no header",
    ),
    "ragged": (
        lambda folder: (
            foreign(folder, tensorPath="v.tsv"),
            (folder / "v.tsv").write_text("1\t2\n1\t2\t3\t4\n"),
        ),
        "line 2 has",
    ),
    "names": (
        lambda folder: (
            foreign(folder, tensorPath="v.tsv"),
            (folder / "v.tsv").write_text("a\tb\tc\n1\t2\t3\n"),
        ),
        "vectors have no header",
    ),
    "one number": (
        lambda folder: (
            foreign(folder, tensorPath="v.tsv"),
            (folder / "v.tsv").write_text("1\n2\n"),
        ),
        "fewer than two",
    ),
    "nan": (
        lambda folder: (
            foreign(folder, tensorPath="v.tsv"),
            (folder / "v.tsv").write_text("1\t2\t3\n1\tnan\t3\n"),
        ),
        "line 2 has 'nan'",
    ),
    "beyond float32": (
        lambda folder: (
            foreign(folder, tensorPath="v.tsv"),
            (folder / "v.tsv").write_text("1\t2\n1\t1e39\n"),
        ),
        "'1e39' in place of a finite",
    ),
    "no vectors": (
        lambda folder: (
            foreign(folder, tensorPath="v.tsv"),
            (folder / "v.tsv").write_text("\n \n"),
        ),
        "holds no vectors",
    ),
    "no picture": (
        lambda folder: (
            foreign(folder, sprite={"imagePath": "s", "singleImageDim": [2, 2]}),
            (folder / "s").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"),
        ),
        "no picture",
    ),
    "no cell": (sprite(np.zeros((4, 4), np.uint8), []), "no singleImageDim"),
    "odd cell": (sprite(np.zeros((4, 4), np.uint8), [3, 2]), "no whole multiple"),
    "few cells": (sprite(np.zeros((4, 4), np.uint8), [2, 2]), "4 cells for 12 points"),
    "huge picture": (huge_sprite, "more than"),
    "bookmarks": (
        lambda folder: (
            foreign(folder, bookmarksPath="b.json"),
            (folder / "b.json").write_text("nothing"),
        ),
        "no JSON",
    ),
    "checkpoint": (
        lambda folder: (
            (folder / "projector_config.json").unlink(),
            (folder / "projector_config.pbtxt").write_text('embeddings { tensor_name: "w" }'),
        ),
        "a checkpoint cannot be read",
    ),
    "pbtxt outside": (
        lambda folder: (
            (folder / "projector_config.json").unlink(),
            (folder / "projector_config.pbtxt").write_text('embeddings { tensor_path: "../v" }'),
        ),
        "leads outside",
    ),
}


@pytest.mark.parametrize(("damage", "said"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_what_cannot_be_imported_is_refused_in_a_sentence(kind, damage, said, tmp_path):
    folder = tmp_path / "b"
    foreign(folder)
    (tmp_path / "secret.tsv").write_text("\n".join(f"secret {i}" for i in range(12)))
    damage(folder)
    source = zipped(folder, "") if kind == "zip" else folder
    with pytest.raises(EmbedvizError, match=said) as refused:
        read_bundle(source)
    sentence = str(refused.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert "secret 0" not in sentence


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    (tmp_path / "secret.tsv").write_text("secret\n" * 12)
    config = foreign(tmp_path / "b", metadataPath="m.tsv")
    os.symlink(tmp_path / "secret.tsv", config.parent / "m.tsv")
    with pytest.raises(BundleError, match="not in the bundle"):
        read_bundle(config)


def test_a_zip_that_grows_too_far_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr("embedviz.projector.files._ALWAYS_ALLOWED_BYTES", 1 << 20)
    foreign(tmp_path / "b")
    with zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.write(tmp_path / "b" / "projector_config.json", "projector_config.json")
        with packed.open("vectors.bytes", "w", force_zip64=True) as member:
            member.write(bytes(3 << 20))
    with pytest.raises(BundleError, match="would unpack to 3 MB"):
        read_bundle(tmp_path / "b.zip")


def test_names_in_a_zip_that_lead_out_are_not_followed(tmp_path):
    config = foreign(tmp_path / "b", metadataPath="../secret.tsv")
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as packed:
        for name in (config.name, "vectors.bytes"):
            packed.write(config.parent / name, f"in/{name}")
        packed.writestr("secret.tsv", "x\n" * 12)
    with pytest.raises(BundleError, match="not in the bundle"):
        read_bundle(tmp_path / "b.zip")


def test_more_numbers_than_can_be_held_are_refused_before_they_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr("embedviz.imported.MOST_NUMBERS", 35)
    config = foreign(tmp_path / "b")
    with pytest.raises(EmbedvizError, match="up to .* 35 numbers can be imported"):
        read_bundle(config)
    (tmp_path / "v.tsv").write_text("1\t2\t3\n" * 12)
    with pytest.raises(EmbedvizError, match="12 rows of 3 numbers"):
        open_source(tmp_path / "v.tsv")


@pytest.mark.parametrize("name", ["bundle.zip", *CONTENT, "projector_config.json"])
def test_damage_anywhere_is_a_sentence_or_another_set_but_never_a_crash(name, make_set, tmp_path):
    made = replace(make_set(rows=12, dims=3), thumbnails=digits(12))
    places = np.zeros((12, 2), np.float32)
    source = write_bundle(
        {"a": made.with_projection(Projection("umap", places, {}))}, tmp_path / "b"
    )
    if name == "bundle.zip":
        target = source = zipped(source, "")
    else:
        target = source / name
    if name == "tensors.tsv":
        (source / "projector_config.json").unlink()
    whole = target.read_bytes()
    chance = random.Random(name)
    for _ in range(40):
        damaged = bytearray(whole[: chance.randrange(len(whole) + 1)] or whole)
        for _ in range(chance.choice([0, 1, 5, 50])):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        target.write_bytes(damaged)
        try:
            found = read_bundle(source)
        except EmbedvizError as refused:
            assert str(refused).endswith(".")  # noqa: PT017
        else:
            assert all(np.isfinite(one.vectors).all() for one in found.values())


def test_a_sheet_of_ours_without_the_readme_counts_as_anybodys(make_set, tmp_path):
    made = make_set(rows=4)
    out = write_bundle({"a": made}, tmp_path / "b")
    (out / "README.txt").unlink()
    (found,) = read_bundle(out).values()
    drawn = np.asarray(sprite_sheet(made.thumbnails).image)[:64, :64]
    assert np.array_equal(found.thumbnails[0], drawn[::-1].T)
