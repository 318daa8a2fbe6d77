"""What can be chosen about a bundle, and what it says about everything that it changed."""

from __future__ import annotations

import json
import tracemalloc
import zipfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from readback import errors, page_metadata, page_vectors, with_labels

from embedviz.data import Projection
from embedviz.errors import BundleError
from embedviz.projector import writer
from embedviz.projector.bundle import write_bundle
from embedviz.projector.changes import read_changes
from embedviz.projector.files import open_bundle
from embedviz.projector.metadata import columns_of, metadata_bytes, metadata_table
from embedviz.projector.sampling import stratified
from embedviz.projector.tensors import rounded, write_tensors
from embedviz.projector.validate import validate_bundle


def said(out) -> list[str]:
    """What a bundle says of itself."""
    with open_bundle(out) as files:
        return [f"{change.where}: {change.message}" for change in read_changes(files)]


def shown(out, prefix: str = "") -> pd.DataFrame:
    """The metadata as the page reads it."""
    return pd.DataFrame(page_metadata((out / prefix / "metadata.tsv").read_bytes()))


def cells_of(out, prefix: str = "") -> np.ndarray:
    """The pictures of a sprite sheet, (cells, cell, cell, channels)."""
    config = json.loads((out / "projector_config.json").read_text())
    size = config["embeddings"][0]["sprite"]["singleImageDim"][0]
    sheet = np.asarray(Image.open(out / prefix / "sprite.png").convert("RGB"))
    k = len(sheet) // size
    return sheet.reshape(k, size, k, size, 3).swapaxes(1, 2).reshape(k * k, size, size, 3)


# Columns.


def test_only_the_chosen_columns_are_written_in_their_order_with_the_label_first(
    make_set, tmp_path
):
    made = with_labels(make_set(), label="x", species="owl", site="north")
    out = write_bundle({"a": made}, tmp_path / "a", columns=["site", "start_s"])
    assert list(shown(out)) == ["site", "start_s"]
    out = write_bundle({"a": made}, tmp_path / "b", columns=["site", "start_s"], label="species")
    assert list(shown(out)) == ["species", "site", "start_s"]
    out = write_bundle({"a": made}, tmp_path / "c", label="site")
    assert list(shown(out))[:3] == ["site", "label", "species"]
    assert columns_of(made) == ["label", "species", "site", "recording", "start_s", "stop_s"]


def test_one_column_alone_gets_row_numbers_beside_it_so_that_its_name_is_no_row(make_set, tmp_path):
    out = write_bundle({"a": make_set()}, tmp_path / "a", columns=["label"])
    table = shown(out)
    assert list(table) == ["label", "row"]
    assert table["row"].tolist() == list(range(40))
    assert errors(out) == []
    assert any("row numbers" in sentence for sentence in said(out))


def test_each_set_of_a_bundle_shows_those_of_the_chosen_columns_that_it_has(make_set, tmp_path):
    sets = {"a": with_labels(make_set(), species="owl"), "b": make_set()}
    out = write_bundle(sets, tmp_path / "a", columns=["species", "label", "recording"])
    assert list(shown(out, "a")) == ["species", "recording"]
    assert list(shown(out, "b")) == ["label", "recording"]
    with pytest.raises(BundleError, match="None of the chosen columns is in the set 'b'"):
        write_bundle(sets, tmp_path / "b", columns=["species"])


@pytest.mark.parametrize("choice", [{"columns": ["x"]}, {"label": "x"}, {"frame_by": "x"}])
def test_a_column_that_is_not_there_is_refused_with_those_that_are(choice, make_set, tmp_path):
    with pytest.raises(BundleError, match="'x'.*label, recording"):
        write_bundle({"a": make_set()}, tmp_path / "a", **choice)
    assert list(tmp_path.iterdir()) == []


def test_bookmarks_label_and_colour_by_the_chosen_column(make_set, tmp_path):
    made = with_labels(make_set(), label="x", fold=[i % 3 for i in range(40)])
    made = made.with_projection(Projection("umap", np.zeros((40, 2), np.float32), {}))
    out = write_bundle({"a": made}, tmp_path / "a", label="fold")
    (state,) = json.loads((out / "bookmarks.json").read_text())
    assert state["selectedLabelOption"] == state["selectedColorOptionName"] == "fold"
    assert any("holds numbers" in sentence for sentence in said(out))


def test_points_are_coloured_by_the_most_frequent_of_a_label_with_many_values(make_set, tmp_path):
    made = with_labels(make_set(rows=120), label="x", species=[f"s{i % 60}" for i in range(120)])
    made = made.with_projection(Projection("umap", np.zeros((120, 2), np.float32), {}))
    out = write_bundle({"a": made}, tmp_path / "a", label="species")
    (state,) = json.loads((out / "bookmarks.json").read_text())
    assert state["selectedLabelOption"] == "species"
    assert state["selectedColorOptionName"] == "species_top"


# What was made safe is said.


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        (["a\tb", "c\td", "e"], r"Column 'label': 2 cells with a tab.*; 'a\\tb' became 'a b'\."),
        (["a\nb", "e", "e"], r"1 cell with a line break.*; 'a\\nb' became 'a b'\."),
        (["a\r", "e", "e"], r"1 cell with a carriage return.*; 'a\\r' became 'a'\."),
        (["\u2028a", "e", "e"], r"1 cell with a character that cannot be shown.* became 'a'\."),
        (["a\udcff", "e", "e"], r"1 cell with bytes that are no text; 'a\\udcff' became 'a\?'\."),
        ([" a", "b\u00a0", "e"], r"2 cells with space around it; ' a' became 'a'\."),
        (["", None, " "], r"3 cells left empty.*; '' became 'unknown'\."),
        (["007", "12", "x"], r"2 cells like a number.*; '007' became 'id 007'\."),
        ([0.5, float("nan"), 1], r"1 cell without a number.*; 'nan' became 'unknown'\."),
        ([12345678901234567, 1, 1], r"3 cells like a number.*; '12345678901234567' became 'id 123"),
    ],
)
def test_each_kind_of_change_is_said_with_its_column_number_and_an_example(
    texts, sentence, make_set, tmp_path
):
    values = pd.Series(texts, dtype=None if isinstance(texts[0], float | int) else object)
    out = write_bundle({"a": with_labels(make_set(rows=3), label=values)}, tmp_path / "a")
    (change,) = said(out)
    assert pd.Series([change]).str.contains(sentence, regex=True).all(), change
    readme = " ".join((out / "README.txt").read_text().split())
    assert " ".join(change.split()) in readme
    assert errors(out) == []


def test_changed_names_of_columns_and_lists_are_said(make_set, tmp_path):
    made = with_labels(make_set(), **{"a\tb": "b", "a b": "c", "": "d", "__next__": "e"})
    made = replace(made, table=made.table.assign(tags=[["x"]] * 40))
    out = write_bundle({"a": made}, tmp_path / "a")
    assert list(shown(out))[:4] == ["a b 2", "a b", "column", "next"]
    sentences = "\n".join(said(out))
    for part in (
        r"'a\tb' is called 'a b 2'",
        "'' is called 'column'",
        "'__next__' is called 'next'",
        "Column 'tags' is left out",
    ):
        assert part in sentences


def test_columns_of_one_name_are_all_shown(make_set, tmp_path):
    made = make_set()
    table = pd.concat([made.table, pd.DataFrame({"label": ["twin"] * 40})], axis=1)
    out = write_bundle({"a": replace(made, table=table)}, tmp_path / "a")
    assert shown(out)["label"].tolist() == made.table["label"].tolist()
    assert set(shown(out)["label 2"]) == {"twin"}


def test_companions_are_said_and_those_of_a_set_read_from_a_bundle_are_kept(make_set, tmp_path):
    made = with_labels(make_set(rows=120), label=[f"s{i % 60}" for i in range(120)])
    first = metadata_table(made)
    assert any("label_top holds the 49 most frequent" in change for change in first.changes)
    again = made.table.assign(label_top=first.table["label_top"])
    second = metadata_table(replace(made, table=again))
    assert metadata_bytes(second.table) == metadata_bytes(first.table)
    assert second.changes == first.changes
    other = metadata_table(replace(made, table=made.table.assign(label_top="mine"))).table
    assert list(other)[:2] == ["label", "label_top 2"]
    assert set(other["label_top"]) == {"mine"}


def test_nothing_is_said_where_nothing_was_changed(make_set, tmp_path):
    out = write_bundle({"a": make_set()}, tmp_path / "a")
    assert said(out) == []
    assert "otherwise" not in (out / "README.txt").read_text()


@pytest.mark.parametrize("text", ["no JSON", "[]", '{"changes": 3}', '{"changes": [3, {}]}'])
def test_a_file_of_changes_that_is_none_of_ours_says_nothing(text, make_set, tmp_path):
    out = write_bundle({"a": make_set()}, tmp_path / "a")
    (out / "changes.json").write_text(text)
    assert said(out) == []


# Pieces of 1,000,000 bytes.


@pytest.mark.parametrize("pieces", [1, 2])
@pytest.mark.parametrize("more", [-1, 0, 1])
def test_vectors_of_any_size_in_bytes_are_read_whole(pieces, more, tmp_path):
    size = pieces * 1_000_000 + more
    # `0.5` and the tab or newline behind it are 4 bytes, `0.25` is one more.
    vectors = np.full((size // 34, 8), 0.5, np.float32)
    vectors.ravel()[: size - 4 * vectors.size] = 0.25
    write_tensors(vectors, tmp_path, lambda _: None)
    data = (tmp_path / "tensors.tsv").read_bytes()
    assert len(data) == size
    assert np.array_equal(page_vectors(data), vectors)


@pytest.mark.parametrize("columns", [None, ["label", "kind"]])
def test_no_letter_breaks_whatever_columns_are_there_and_no_cell_changes(columns, make_set):
    made = with_labels(make_set(rows=9_000), label="鳥" * 83, kind="ö")
    for shift in range(3):
        table = metadata_table(with_labels(made, label="鳥" * 83 + "x" * shift), columns=columns)
        data = metadata_bytes(table.table)
        assert len(data) > 2_000_000
        rows = page_metadata(data)
        assert len(rows) == 9_000
        assert {row["label"] for row in rows} == {"鳥" * 83 + "x" * shift}


# Joined windows.


def test_lines_join_the_windows_of_each_recording_in_time(make_set, tmp_path):
    out = write_bundle({"a": make_set(rows=10)}, tmp_path / "a", join_windows=True)
    following = shown(out)["__seq_next__"].astype(int).tolist()
    assert following == [1, 2, 3, -1, 5, 6, 7, -1, 9, -1]
    assert not [f for f in validate_bundle(out).findings if "__seq_next__" in f.message]


def test_lines_never_lead_back_because_the_page_would_follow_them_for_ever(make_set):
    made = make_set(rows=8)
    mixed = made.table.iloc[[3, 4, 0, 6, 2, 1, 5, 7]].reset_index(drop=True)
    following = metadata_table(replace(made, table=mixed), join_windows=True).table["__seq_next__"]
    numbers = following.astype(int).to_numpy()
    assert numbers.tolist() == [-1, 6, 5, 7, -1, -1, -1, -1]
    assert np.all((numbers == -1) | (numbers > np.arange(8)))


def test_a_sample_joins_the_windows_that_are_left(make_set, tmp_path):
    out = write_bundle({"a": make_set(rows=400)}, tmp_path / "a", join_windows=True, sample=200)
    table = shown(out)
    for row, following in enumerate(table["__seq_next__"].astype(int)):
        if following != -1:
            assert table["recording"][row] == table["recording"][following]
            assert table["start_s"][row] < table["start_s"][following]
    assert (table["__seq_next__"] == -1).sum() == table["recording"].nunique()


# Digits.


@pytest.mark.parametrize("digits", [1, 3, 6])
def test_digits_round_both_files_alike(digits, make_set, tmp_path):
    made = make_set(rows=300)
    out = write_bundle({"a": made}, tmp_path / "a", digits=digits)
    text = (out / "tensors.tsv").read_text()
    found = page_vectors(text.encode())
    assert np.array_equal(
        found, np.frombuffer((out / "tensors.bytes").read_bytes(), "<f4").reshape(300, 16)
    )  # noqa: E501
    wanted = np.array([[float(f"{value:.{digits - 1}e}") for value in row] for row in made.vectors])
    assert np.array_equal(found, wanted.astype(np.float32))
    lengths = [
        len(cell.split("e")[0].strip("-").replace(".", "").strip("0")) for cell in text.split()
    ]
    assert max(lengths) == digits
    assert any(f"{digits} significant digits" in sentence for sentence in said(out))


def test_rounding_keeps_zeros_and_the_largest_and_smallest_numbers_finite():
    hard = np.array([0, -0.0, 1e-45, -3.4028235e38, 1000, 999999, 1e-38], np.float32)
    for digits in range(1, 9):
        found = rounded(hard, digits)
        assert np.isfinite(found).all()
        assert found[0] == found[1] == 0
        assert np.abs(found[2:] / hard[2:] - 1).max() <= 0.5 * 10.0 ** (1 - digits) + 1e-7


def test_vectors_are_written_in_the_same_memory_however_many_they_are(tmp_path):
    peaks = []
    for rows in (10_000, 40_000):
        vectors = np.broadcast_to(np.linspace(0, 1, 256, dtype=np.float32), (rows, 256))
        tracemalloc.start()
        write_tensors(vectors, tmp_path, lambda _: None)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert (tmp_path / "tensors.bytes").stat().st_size == 40_000 * 256 * 4
    assert peaks[1] < 1.1 * peaks[0] < 80e6


# Samples and limits.


def test_a_sample_keeps_the_share_of_every_label_and_the_rows_of_all_files(make_set, tmp_path):
    made = make_set(rows=400)
    labels = np.repeat(["often", "seldom", "once"], [300, 99, 1])
    places = np.random.default_rng(0).normal(size=(400, 2)).astype(np.float32)
    made = with_labels(made, label=labels).with_projection(Projection("umap", places, {}))
    made = replace(made, table=made.table.assign(place=np.arange(400)))
    out = write_bundle({"a": made}, tmp_path / "a", sample=40)
    table = shown(out)
    counts = table["label"].value_counts()
    assert (counts["often"], counts["seldom"], counts["once"]) == (29, 10, 1)
    rows = table["place"].astype(int).to_numpy()
    assert np.all(np.diff(rows) > 0)
    assert np.array_equal(page_vectors((out / "tensors.tsv").read_bytes()), made.vectors[rows])
    (state,) = json.loads((out / "bookmarks.json").read_text())
    assert [point["umap-0"] for point in state["projections"]] == pytest.approx(
        places[rows, 0].tolist()
    )
    full = write_bundle({"a": made}, tmp_path / "full")
    assert np.array_equal(cells_of(out)[:40], cells_of(full)[rows])
    assert any("40 of 400 windows" in s and "every label keeps" in s for s in said(out))
    assert "40 of 400 windows" in (out / "README.txt").read_text()
    assert errors(out) == []


def test_a_sample_is_the_same_every_time_and_of_any_column(make_set, tmp_path):
    made = with_labels(make_set(rows=400), label="x", site=[f"s{i % 5}" for i in range(400)])
    outs = [
        write_bundle({"a": made}, tmp_path / name, sample=50, label="site") for name in ("a", "b")
    ]
    data = [(out / "metadata.tsv").read_bytes() for out in outs]
    assert data[0] == data[1]
    assert shown(outs[0])["site"].value_counts().tolist() == [10] * 5


def test_a_sample_of_what_has_no_labels_or_fewer_rows_is_even_or_whole(make_set, tmp_path):
    out = write_bundle({"a": with_labels(make_set(rows=400))}, tmp_path / "a", sample=100)
    rows = shown(out)
    assert len(rows) == 100
    assert rows["recording"].nunique() > 60
    assert rows["start_s"].nunique() == 4  # not the first window of each recording
    out = write_bundle({"a": make_set()}, tmp_path / "b", sample=100)
    assert len(shown(out)) == 40
    assert not any("windows" in sentence for sentence in said(out))


@pytest.mark.parametrize("count", [2, 3, 7, 100, 999, 1000])
@pytest.mark.parametrize("classes", [1, 5, 400])
def test_as_many_rows_as_asked_for_are_drawn_once_each(count, classes):
    kinds = np.random.default_rng(1).integers(0, classes, 1000)
    kinds = np.unique(kinds, return_inverse=True)[1].astype(np.int64)
    rows = stratified(kinds, count)
    assert len(rows) == count
    assert np.all(np.diff(rows) > 0)
    assert 0 <= rows[0] <= rows[-1] < 1000
    if count >= kinds.max() + 1:
        assert len(set(kinds[rows])) == kinds.max() + 1


def test_pictures_too_many_to_be_told_apart_are_left_out_and_it_is_said(
    make_set, tmp_path, monkeypatch
):
    monkeypatch.setattr(writer, "MOST_CLEAR_WINDOWS", 39)
    made = make_set()
    out = write_bundle({"a": made}, tmp_path / "a")
    assert not (out / "sprite.png").exists()
    assert any("no more" not in s and "these are 40" in s for s in said(out))
    assert errors(out) == []
    sampled = write_bundle({"a": made}, tmp_path / "b", sample=39)
    chosen = write_bundle({"a": made}, tmp_path / "c", cell_px=16)
    assert (sampled / "sprite.png").exists()
    assert (chosen / "sprite.png").exists()


@pytest.mark.parametrize("sets", [1, 2])
@pytest.mark.parametrize("name", ["bundle", "bundle.zip"])
def test_tensorboard_gets_the_rows_that_it_can_show_and_the_page_gets_all(
    sets, name, make_set, tmp_path, monkeypatch
):
    monkeypatch.setattr(writer, "TENSORBOARD_ROWS", 100)
    places = np.random.default_rng(0).normal(size=(400, 2)).astype(np.float32)
    made = make_set(rows=400).with_projection(Projection("umap", places, {}))
    small = {"small": make_set()} if sets == 2 else {}
    out = write_bundle({"large": made} | small, tmp_path / name)
    report = validate_bundle(out)
    assert report.ok, report
    assert "large: 400 points" in report.summary
    assert "large-sample: 100 points of 16 dimensions, sprite 16 x 16" in report.summary
    assert any("TensorBoard shows no more than 100 windows" in s for s in said(out))
    if name.endswith(".zip"):
        with zipfile.ZipFile(out) as packed:
            inside = packed.namelist()
    else:
        inside = [p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()]
        config = (out / "projector_config.pbtxt").read_text()
        folder = "tensorboard" if sets == 1 else "large/tensorboard"
        assert f'tensor_path: "{folder}/tensors.tsv"' in config
        rows = shown(out, folder)
        assert rows["label"].value_counts().tolist() == [25] * 4
    assert sum(path.endswith("tensorboard/tensors.bytes") for path in inside) == 0
    # It is a bundle like any other, to be replaced by the next.
    write_bundle({"small": make_set()}, out)


def test_rows_for_tensorboard_count_as_progress(make_set, tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "TENSORBOARD_ROWS", 30)
    seen = []
    write_bundle(
        {"a": make_set()}, tmp_path / "a", progress=lambda done, total: seen.append((done, total))
    )
    assert seen == [(40, 70), (70, 70)]


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({"sample": 1}, "sample of 1"),
        ({"digits": 0}, "choose 1 to 8"),
        ({"digits": 9}, "choose 1 to 8"),
        ({"colours": "red"}, "inverted grey, magma|magma, viridis"),
        ({"frame_by": "label", "cell_px": 7}, "8 px or more"),
        ({"columns": []}, "None of the chosen columns"),
    ],
)
def test_choices_that_cannot_be_are_refused_with_those_that_can(choice, words, make_set, tmp_path):
    with pytest.raises(BundleError, match=words):
        write_bundle({"a": make_set()}, tmp_path / "a", **choice)
    assert list(tmp_path.iterdir()) == []


# Pictures.


@pytest.mark.parametrize(
    ("colours", "quiet", "loud"),
    [
        ("inverted grey", (255, 255, 255), (0, 0, 0)),
        ("grey", (0, 0, 0), (255, 255, 255)),
        ("magma", (0, 0, 4), (252, 253, 191)),
        ("viridis", (68, 1, 84), (253, 231, 37)),
    ],
)
def test_pictures_have_the_chosen_colours(colours, quiet, loud, make_set, tmp_path):
    made = make_set()
    thumbnails = np.zeros_like(made.thumbnails)
    thumbnails[1] = 255
    out = write_bundle({"a": replace(made, thumbnails=thumbnails)}, tmp_path / "a", colours=colours)
    cells = cells_of(out)
    assert np.abs(cells[0].astype(int) - quiet).max() <= 1
    assert np.abs(cells[1].astype(int) - loud).max() <= 1
    assert np.all(cells[40:] == 255)
    with Image.open(out / "sprite.png") as sheet:
        assert sheet.mode in ("L", "RGB")
    assert errors(out) == []


def test_frames_have_one_colour_a_class_around_the_whole_picture(make_set, tmp_path):
    made = make_set()
    made = replace(made, thumbnails=np.zeros_like(made.thumbnails))
    plain = write_bundle({"a": made}, tmp_path / "plain", cell_px=24)
    out = write_bundle({"a": made}, tmp_path / "a", frame_by="label", cell_px=24)
    cells = cells_of(out)[:40]
    corners = [tuple(cell[0, 0]) for cell in cells]
    labels = made.table["label"].tolist()
    assert len(set(zip(labels, corners, strict=True))) == len(set(corners)) == 4
    edge = np.ones((24, 24), bool)
    edge[2:-2, 2:-2] = False
    for cell, corner in zip(cells, corners, strict=True):
        assert np.all(cell[edge] == corner)
        assert np.all(cell[~edge] == 255)
    assert np.all(cells_of(plain) == 255)
    readme = (out / "README.txt").read_text()
    for label, corner in zip(labels, corners, strict=True):
        assert f"{label} #{bytes(map(int, corner)).hex().upper()}" in readme


def test_many_classes_share_a_grey_frame_beyond_the_most_frequent(make_set, tmp_path):
    made = with_labels(make_set(rows=120), label=[f"s{min(i, 50)}" for i in range(120)])
    out = write_bundle({"a": made}, tmp_path / "a", frame_by="label", cell_px=8)
    corners = cells_of(out)[:120, 0, 0]
    assert len(np.unique(corners, axis=0)) == 21
    assert "all others #9AA5B1" in (out / "README.txt").read_text()


# The command.


def test_the_command_offers_every_choice_and_says_what_was_changed(
    embedviz_command, make_set, tmp_path
):
    from embedviz.store import write_set

    made = with_labels(make_set(), label="a\tb", site=[f"s{i % 5}" for i in range(40)])
    write_set(made, tmp_path / "a.parquet")
    choices = "--columns site,recording --label label --colours magma --frame-by site --join"
    told = embedviz_command(
        "export", tmp_path / "a.parquet", "--out", tmp_path / "a",
        *choices.split(), "--digits", 3, "--sample", 20, "--cell", 16,
        "--base-url", "https://x.org/m",
    ).out  # fmt: skip
    out = tmp_path / "a"
    assert list(shown(out)) == ["label", "site", "recording", "__seq_next__"]
    assert len(shown(out)) == 20
    assert cells_of(out).shape == (64, 16, 16, 3)
    assert "note: metadata.tsv: Column 'label'" in told
    assert "note: tensors.tsv: It holds 20 of 40 windows" in told
    assert "rounded to 3 significant digits" in told
    embedviz_command("export", tmp_path / "a.parquet", "--out", out, "--no-sprite")
    assert not (out / "sprite.png").exists()
