"""Bundles hold the rows as they are, in the form that the projector reads back the same."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from readback import errors, page_metadata, page_vectors, with_labels

from embedviz.data import Projection
from embedviz.errors import BundleError, Cancelled
from embedviz.projector.bundle import write_bundle
from embedviz.projector.contents import tensor_names
from embedviz.projector.metadata import metadata_bytes, metadata_table
from embedviz.projector.tensors import write_tensors
from embedviz.projector.validate import validate_bundle

FILES = {
    "README.txt",
    "metadata.tsv",
    "projector_config.json",
    "projector_config.pbtxt",
    "serve.py",
    "sprite.png",
    "tensors.bytes",
    "tensors.tsv",
}


def shown_table(embedding_set) -> pd.DataFrame:
    return metadata_table(embedding_set).table


@pytest.mark.parametrize("rows", [2, 5, 40, 1025])
def test_the_page_reads_back_the_same_float32_vectors_in_the_same_order(rows, make_set, tmp_path):
    made = make_set(rows=rows, dims=7)
    out = write_bundle({"log-mel": made}, tmp_path / "bundle")
    # Among 257 recordings, some changes are told.
    told = {"changes.json"} if rows > 200 else set()
    assert {path.name for path in out.iterdir()} == FILES | told
    assert errors(out) == []
    assert np.array_equal(page_vectors((out / "tensors.tsv").read_bytes()), made.vectors)
    raw = np.frombuffer((out / "tensors.bytes").read_bytes(), "<f4").reshape(rows, 7)
    assert np.array_equal(raw, made.vectors)
    shown = page_metadata((out / "metadata.tsv").read_bytes())
    assert [row["recording"] for row in shown] == made.table["recording"].tolist()
    assert [row["start_s"] for row in shown] == pytest.approx(made.table["start_s"].tolist())


def test_every_float32_survives_as_text(make_set, tmp_path):
    bits = np.random.default_rng(0).integers(0, 1 << 32, 40_000, dtype=np.uint32)
    numbers = bits.view(np.float32)
    hard = [0.0, -0.0, 1e-45, 3.4028235e38, 7.038531e-26, 16777217, 0.1]
    finite = np.concatenate([numbers[np.isfinite(numbers)], np.array(hard, np.float32)])
    hardest = np.array([0x15AE43FD, 0x95AE43FD], np.uint32).view(np.float32)
    finite = np.concatenate([finite, hardest])
    vectors = finite[: len(finite) // 40 * 40][::-1].reshape(40, -1)
    made = replace(make_set(rows=40), vectors=np.ascontiguousarray(vectors))
    out = write_bundle({"a": made}, tmp_path / "bundle", with_sprite=False)
    back = page_vectors((out / "tensors.tsv").read_bytes())
    assert np.array_equal(back.view(np.uint32), made.vectors.view(np.uint32))


@pytest.mark.parametrize("bits", [0x15AE43FD, 0x95AE43FD])
def test_the_one_float32_whose_shortest_text_reads_back_wrong_has_a_longer_one(bits, tmp_path):
    vectors = np.array([[bits, 0]], np.uint32).view(np.float32)
    write_tensors(vectors, tmp_path, lambda _: None)
    assert np.array_equal(page_vectors((tmp_path / "tensors.tsv").read_bytes()), vectors)


def test_a_vector_file_of_several_pieces_reads_back_whole(make_set, tmp_path):
    made = make_set(rows=1025, dims=300)
    out = write_bundle({"a": made}, tmp_path / "bundle", with_sprite=False)
    data = (out / "tensors.tsv").read_bytes()
    assert len(data) > 2_000_000
    assert np.array_equal(page_vectors(data), made.vectors)


def test_several_sets_lie_in_a_folder_each_and_both_configs_name_them(make_set, tmp_path):
    sets = {"YAMNet (1 s)": make_set(rows=9), "vggish": make_set(rows=5, dims=3)}
    out = write_bundle(sets, tmp_path / "bundle")
    config = json.loads((out / "projector_config.json").read_text())
    assert [one["tensorName"] for one in config["embeddings"]] == ["YAMNet_1_s", "vggish"]
    assert config["embeddings"][1]["tensorShape"] == [5, 3]
    assert config["embeddings"][1]["tensorPath"] == "vggish/tensors.bytes"
    assert (out / "YAMNet_1_s" / "sprite.png").is_file()
    text = (out / "projector_config.pbtxt").read_text()
    assert text.count("embeddings {") == 2
    assert 'tensor_path: "vggish/tensors.tsv"' in text
    assert errors(out) == []
    assert "2 embeddings" in validate_bundle(out).summary


def test_names_stay_apart_on_every_file_system_and_in_every_address():
    names = ["Birds", "birds", "Vögel/Nacht", "..", "", "README.txt", "a b", "a_b"]
    given = tensor_names(names)
    assert len({name.lower() for name in given}) == len(names)
    assert given[:3] == ["Birds", "birds-2", "Vogel_Nacht"]
    assert all(set(name) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-")
               and name[0] != "." for name in given)  # fmt: skip
    assert "readme.txt" not in {name.lower() for name in given}


NASTY = ["a\tb", "line\nbreak", "cr\r\nlf", '"quoted"', "  padded ", "", " ", None, "ünï çødé 鳥",
         "\u2028", "\x00null", "\udcff", "007", "NaN", "__next__", "\ufeffbom"]  # fmt: skip


@pytest.mark.parametrize("rows", [2, 5, 40])
def test_nasty_labels_neither_break_rows_nor_vanish(rows, make_set, tmp_path):
    texts = [NASTY[(i + 6) % len(NASTY)] for i in range(rows)]
    made = with_labels(make_set(rows=rows), label=pd.Series(texts, dtype=object))
    out = write_bundle({"a": made}, tmp_path / "bundle")
    shown = page_metadata((out / "metadata.tsv").read_bytes())
    assert len(shown) == rows
    assert errors(out) == []
    labels = [row["label"] for row in shown]
    assert labels[0] == "unknown"  # a lone space
    assert all(isinstance(label, str) and label.strip() == label for label in labels)
    if rows == 40:
        assert {"a b", "line break", '"quoted"', "padded", "ünï çødé 鳥", "id 007"} <= set(labels)


def test_labels_come_first_so_that_points_are_labelled_by_them(make_set):
    table = shown_table(make_set())
    assert list(table) == ["label", "recording", "start_s", "stop_s"]
    assert list(shown_table(with_labels(make_set(), fold=1, label="x")))[:2] == ["label", "fold"]
    assert next(iter(shown_table(with_labels(make_set())))) == "recording"


def test_numbers_are_short_and_padding_shows_only_where_there_is_some(make_set):
    made = make_set()
    assert shown_table(made)["stop_s"][:4].tolist() == ["0.96", "1.44", "1.92", "2.4"]
    padded = made.table.assign(padding_s=[0.0] * 39 + [0.1], top_class="dog", score=np.float32(0.1))
    table = shown_table(replace(made, table=padded))
    assert list(table)[-3:] == ["top_class", "padding_s", "score"]
    assert table["padding_s"].tolist()[-2:] == ["0", "0.1"]
    assert table["score"][0] == "0.1"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (["1", "2", "5"], ["1", "2", "5"]),
        ([1, 2, 5], ["1", "2", "5"]),
        (["0.50", "0.25", "-1"], ["0.50", "0.25", "-1"]),
        (["007", "12", "0"], ["id 007", "id 12", "id 0"]),
        (["1e5", "dog", "12"], ["id 1e5", "dog", "id 12"]),
        (["0x10", "Infinity", "x"], ["id 0x10", "id Infinity", "x"]),
        (["1.10", "1.1", "2"], ["id 1.10", "id 1.1", "id 2"]),
        (["12345678901234567", "2", "3"], ["id 12345678901234567", "id 2", "id 3"]),
        ([12345678901234567, 2, 3], ["id 12345678901234567", "id 2", "id 3"]),
        (["dog", "12", "3"], ["dog", "12", "3"]),
        ([1.5, float("nan"), float("inf")], ["1.5", "unknown", "unknown"]),
        ([True, False, True], ["true", "false", "true"]),
    ],
)
def test_numbers_stay_numbers_and_names_of_digits_stay_names(given, shown, make_set):
    assert shown_table(with_labels(make_set(rows=3), label=given))["label"].tolist() == shown


def test_sixty_classes_can_still_be_coloured_by_the_most_frequent(make_set, tmp_path):
    labels = [f"class {i % 60 if i < 900 else i % 3}" for i in range(1025)]
    made = with_labels(make_set(rows=1025), label=labels)
    table = shown_table(made)
    assert list(table)[:2] == ["label", "label_top"]
    assert table["label_top"].nunique() == 50
    assert {"other", "class 0", "class 1", "class 2"} <= set(table["label_top"])
    assert table["recording_top"].nunique() == 50
    out = write_bundle({"a": made}, tmp_path / "bundle", with_sprite=False)
    found = [f for f in validate_bundle(out).findings if f.level != "note"]
    assert not [f for f in found if "coloured" in f.message]


def test_column_names_are_safe_and_never_the_projectors_own(make_set):
    made = with_labels(
        make_set(), **{"__next__": "a", "a\tb": "b", "a b": "c", "label_top": "d", " start_s": "e"}
    )
    table = shown_table(made)
    assert set(table) == {"next", "a b", "a b 2", "label_top", "start_s 2", *(
        "recording", "start_s", "stop_s")}  # fmt: skip


def test_columns_that_are_no_single_values_are_left_out(make_set):
    made = make_set()
    table = made.table.assign(embedding=[[1.0]] * 40, tags=[["a"]] * 40, note="n")
    assert list(shown_table(replace(made, table=table)))[-1] == "note"


@pytest.mark.parametrize("shift", range(4))
def test_no_letter_breaks_at_a_million_bytes_and_no_label_changes(shift, make_set):
    made = make_set(rows=9_000)
    label = "鳥" * 80 + "é"
    made = with_labels(made, label=["x" * shift + label, *[label] * 8_999], kind="ö")
    data = metadata_bytes(shown_table(made))
    assert len(data) > 2_000_000
    rows = page_metadata(data)
    assert {row["label"] for row in rows} == {label, "x" * shift + label}
    assert [row["start_s"] for row in rows] == pytest.approx(made.table["start_s"].tolist())
    assert len(data.splitlines()) == 9_001


def test_the_sprite_in_a_bundle_holds_thumbnail_i_in_cell_i(make_set, tmp_path):
    made = make_set(rows=40)
    shades = np.arange(40, dtype=np.uint8) * 6
    made = replace(made, thumbnails=np.broadcast_to(shades[:, None, None], (40, 9, 5)).copy())
    out = write_bundle({"a": made}, tmp_path / "bundle", cell_px=16)
    entry = json.loads((out / "projector_config.json").read_text())["embeddings"][0]
    width, height = entry["sprite"]["singleImageDim"]
    sheet = np.asarray(Image.open(out / entry["sprite"]["imagePath"]))
    assert sheet.shape == (8 * height, 8 * width) == (128, 128)
    cells = sheet.reshape(8, height, 8, width).transpose(0, 2, 1, 3).reshape(64, height, width)
    assert np.array_equal(cells[:40, 0, 0], 255 - shades)
    assert np.all(cells == cells[:, :1, :1])


def test_pictures_can_be_left_out(make_set, tmp_path):
    out = write_bundle({"a": make_set()}, tmp_path / "bundle", with_sprite=False)
    assert not (out / "sprite.png").exists()
    assert "sprite" not in (out / "projector_config.pbtxt").read_text()
    assert errors(out) == []


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize(
    ("method", "shown", "said"),
    [("umap", "umap", "UMAP"), ("pca", "pca", "PCA"), ("tsne", "umap", "would start a t-SNE over")],
)
def test_a_projection_travels_as_a_bookmark_of_all_points(
    method, shown, said, dims, make_set, tmp_path
):
    places = np.random.default_rng(0).normal(size=(40, dims)).astype(np.float32)
    made = make_set(dims=60).with_projection(Projection(method, places, {}))
    out = write_bundle({"a": made}, tmp_path / "bundle")
    (state,) = json.loads((out / "bookmarks.json").read_text())
    assert state["selectedProjection"] == shown
    assert said in state["label"]
    assert state["dataSetDimensions"] == [40, 60]
    assert state["umapIs3d"] == (dims == 3)
    keys = [f"{shown}-{axis}" for axis in range(dims)]
    found = np.array([[point[key] for key in keys] for point in state["projections"]])
    assert np.array_equal(found.astype(np.float32), places)
    assert (f"{shown}-{dims}" in state["projections"][0]) == (shown == "pca")
    assert all("pca-9" in point for point in state["projections"])
    assert state["selectedLabelOption"] == state["selectedColorOptionName"] == "label"
    assert validate_bundle(out).findings[1:] == ()  # only that its paths are relative


def test_the_pca_tab_of_a_bookmark_shows_the_principal_components(make_set, tmp_path):
    made = make_set(rows=200, dims=12).with_projection(
        Projection("umap", np.zeros((200, 2), np.float32), {})
    )
    out = write_bundle({"a": made}, tmp_path / "bundle", with_sprite=False)
    (state,) = json.loads((out / "bookmarks.json").read_text())
    found = np.array([[point[f"pca-{i}"] for i in range(3)] for point in state["projections"]])
    centred = made.vectors - made.vectors.mean(axis=0)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    assert np.abs(found) == pytest.approx(np.abs(u[:, :3] * s[:3]), abs=1e-3)


def test_a_zip_holds_the_same_files_as_a_folder(make_set, tmp_path):
    sets = {"a": make_set(), "b": make_set(dims=5)}
    folder = write_bundle(sets, tmp_path / "bundle")
    packed = write_bundle(sets, tmp_path / "bundle.zip")
    with zipfile.ZipFile(packed) as archive:
        inside = {name: archive.read(name) for name in archive.namelist()}
    outside = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert inside == outside
    assert validate_bundle(packed) == validate_bundle(folder)


@pytest.mark.parametrize("name", ["bundle", "bundle.zip"])
def test_an_older_bundle_is_replaced_whole(name, make_set, tmp_path):
    write_bundle({"a": make_set(), "b": make_set()}, tmp_path / name)
    write_bundle({"a": make_set(rows=5)}, tmp_path / name)
    assert "5 points" in validate_bundle(tmp_path / name).summary
    assert not (tmp_path / "bundle" / "a").exists()
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_an_empty_folder_may_be_filled(make_set, tmp_path):
    (tmp_path / "new").mkdir()
    assert errors(write_bundle({"a": make_set()}, tmp_path / "new")) == []


def test_what_is_no_bundle_is_never_overwritten(make_set, tmp_path):
    folder = tmp_path / "music"
    folder.mkdir()
    (folder / "song.wav").write_bytes(b"RIFF")
    file, strange_zip = tmp_path / "notes", tmp_path / "other.zip"
    file.write_text("mine")
    with zipfile.ZipFile(strange_zip, "w") as archive:
        archive.writestr("a.txt", "mine")
    logs = write_bundle({"a": make_set()}, tmp_path / "logs")
    (logs / "events.out.tfevents.1").write_bytes(b"")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for target in (folder, file, strange_zip, logs):
        with pytest.raises(BundleError, match="not only a bundle"):
            write_bundle({"a": make_set()}, target)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_vector_that_is_not_finite_is_refused_by_name_and_place(value, make_set, tmp_path):
    made = make_set()
    made.vectors[9, 3] = value
    with pytest.raises(BundleError, match=r"'night' .* row 9 \(clip002.wav at 0.48 s\)"):
        write_bundle({"day": make_set(), "night": made}, tmp_path / "bundle")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("rows", "dims"), [(1, 16), (40, 1)])
def test_what_the_projector_cannot_show_is_refused(rows, dims, make_set, tmp_path):
    with pytest.raises(BundleError, match=f"'small' has {rows} rows of {dims} dimensions"):
        write_bundle({"small": make_set(rows=rows, dims=dims)}, tmp_path / "bundle")


def test_a_point_without_a_place_is_refused(make_set, tmp_path):
    places = np.full((40, 2), np.nan, np.float32)
    made = make_set().with_projection(Projection("umap", places, {}))
    with pytest.raises(BundleError, match="project it again"):
        write_bundle({"a": made}, tmp_path / "bundle")


def test_no_sets_are_refused(tmp_path):
    with pytest.raises(BundleError, match="0 sets"):
        write_bundle({}, tmp_path / "bundle")


@pytest.mark.parametrize("name", ["bundle", "bundle.zip"])
def test_stopping_half_way_leaves_the_older_bundle_as_it_was(name, make_set, tmp_path):
    out = write_bundle({"a": make_set(rows=5)}, tmp_path / name)
    before = validate_bundle(out)

    def stop(done: int, total: int) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        write_bundle({"a": make_set()}, out, progress=stop)
    assert validate_bundle(out) == before
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_progress_counts_rows_of_all_sets(make_set, tmp_path):
    seen = []
    write_bundle(
        {"a": make_set(rows=1025, dims=2048), "b": make_set(rows=5)},
        tmp_path / "bundle",
        with_sprite=False,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(512, 1030), (1024, 1030), (1025, 1030), (1030, 1030)]


def test_a_base_url_makes_the_addresses_of_the_page_absolute(make_set, tmp_path):
    out = write_bundle(
        {"a": make_set(), "b": make_set()}, tmp_path / "bundle", base_url="https://x.org/my maps/"
        .replace(" ", "%20"),
    )  # fmt: skip
    config = json.loads((out / "projector_config.json").read_text())
    assert config["embeddings"][0]["tensorPath"] == "https://x.org/my%20maps/a/tensors.bytes"
    assert "http" not in (out / "projector_config.pbtxt").read_text()
    assert validate_bundle(out).findings == ()
    link = "?config=https%3A%2F%2Fx.org%2Fmy%2520maps%2Fprojector_config.json"
    assert link in (out / "README.txt").read_text()


@pytest.mark.parametrize("base_url", ["x.org", "ftp://x.org", "https://x.org/?a=1", "https://a b"])
def test_an_address_that_no_file_can_lie_under_is_refused(base_url, make_set, tmp_path):
    with pytest.raises(BundleError, match="starts with https://"):
        write_bundle({"a": make_set()}, tmp_path / "bundle", base_url=base_url)


def test_the_readme_says_how_to_open_it_and_warns_of_unverified_weights(make_set, tmp_path):
    made = make_set()
    text = (write_bundle({"a": made}, tmp_path / "one") / "README.txt").read_text()
    assert "tensorboard --logdir" in text
    assert "projector.tensorflow.org" in text
    assert "not verified" not in text
    doubtful = replace(made, provenance=replace(made.provenance, verified=False))
    text = (write_bundle({"a": made, "b": doubtful}, tmp_path / "two") / "README.txt").read_text()
    assert text.count("not verified") == 1


def test_pandas_reads_the_metadata_as_the_same_table(make_set, tmp_path):
    made = make_set()
    out = write_bundle({"a": made}, tmp_path / "bundle")
    table = pd.read_csv(io.BytesIO((out / "metadata.tsv").read_bytes()), sep="\t")
    assert table["label"].tolist() == made.table["label"].tolist()
