"""Whatever is wrong with a bundle is said in words, with what the projector would do of it."""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from readback import page_vectors

from embedviz.data import Projection
from embedviz.errors import BundleError
from embedviz.projector import files, reading
from embedviz.projector.bundle import write_bundle
from embedviz.projector.findings import Finding
from embedviz.projector.reading import javascript_number
from embedviz.projector.textproto import parse
from embedviz.projector.validate import validate_bundle

Break = Callable[[Path], object]

ROWS, DIMS = 40, 16


@pytest.fixture
def bundle(make_set, tmp_path) -> Path:
    """A good bundle of 40 points with sprite and bookmark, hosted, so without any finding."""
    places = np.random.default_rng(0).normal(size=(ROWS, 2)).astype(np.float32)
    made = make_set(rows=ROWS, dims=DIMS).with_projection(Projection("umap", places, {}))
    return write_bundle({"night": made}, tmp_path / "night", base_url="https://x.org/maps")


def edit(name: str, change: Callable[[str], str]) -> Break:
    """Change the text of one file."""

    def apply(folder: Path) -> None:
        path = folder / name
        path.write_bytes(change(path.read_bytes().decode()).encode())

    return apply


def swap(name: str, old: str, new: str, count: int = -1) -> Break:
    """Replace something that is there for sure."""

    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new, count)

    return edit(name, change)


def config(change: Callable[[dict], object]) -> Break:
    """Change the first embedding of the JSON config."""

    def apply(text: str) -> str:
        whole = json.loads(text)
        change(whole["embeddings"][0])
        return json.dumps(whole)

    return edit("projector_config.json", apply)


def bookmark(change: Callable[[dict], object]) -> Break:
    """Change the one state of the bookmarks."""

    def apply(text: str) -> str:
        (state,) = json.loads(text)
        change(state)
        return json.dumps([state])

    return edit("bookmarks.json", apply)


def lines(name: str, change: Callable[[list[str]], list[str]]) -> Break:
    """Change the lines of a file."""
    return edit(name, lambda text: "\n".join([*change(text.splitlines()), ""]))


def cells(change: Callable[[int, list[str]], list[str]]) -> Break:
    """Change each metadata row, given its line number from 0 (the header)."""
    return lines(
        "metadata.tsv",
        lambda rows: ["\t".join(change(i, row.split("\t"))) for i, row in enumerate(rows)],
    )


def links(*first: object, column: str = "__seq_next__") -> Break:
    """Add a column of lines between rows; rows after those given lead nowhere."""
    ways = [*map(str, first), *["-1"] * (ROWS - len(first))]
    return cells(lambda i, c: [*c, ways[i - 1] if i else column])


def remove(name: str) -> Break:
    return lambda folder: (folder / name).unlink()


def number(row: int, value: float) -> Break:
    """Put a value into the binary vectors."""

    def apply(folder: Path) -> None:
        data = bytearray((folder / "tensors.bytes").read_bytes())
        struct.pack_into("<f", data, row * DIMS * 4, value)
        (folder / "tensors.bytes").write_bytes(data)

    return apply


def picture(size: tuple[int, int], mode: str = "L", fill: object = 255) -> Break:
    return lambda folder: Image.new(mode, size, fill).save(folder / "sprite.png", compress_level=1)


def cut(name: str, by: int) -> Break:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-by])


def bomb_of_a_picture(folder: Path) -> None:
    """The head of a PNG of 60,000 x 60,000 px, which is all that may be read of it."""
    head = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    chunk = struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))
    start = b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 1) + b"IDAT"
    (folder / "sprite.png").write_bytes(start)


def link_outside(folder: Path) -> None:
    (folder / "metadata.tsv").rename(folder.parent / "metadata.tsv")
    (folder / "metadata.tsv").symlink_to(folder.parent / "metadata.tsv")


PBTXT, JSON = "projector_config.pbtxt", "projector_config.json"

ERRORS: list[tuple[str, Break, str]] = [
    # configs
    ("JSON that is none", swap(JSON, "{", "[", 1), "no JSON"),
    ("JSON without embeddings", edit(JSON, lambda _: "{}"), "names no embeddings"),
    ("snake_case in JSON", swap(JSON, "tensorName", "tensor_name"), "camelCase"),
    ("no tensorPath", config(lambda e: e.pop("tensorPath")), "lacks tensorPath"),
    ("empty tensorPath", config(lambda e: e.update(tensorPath="")), "has no tensorPath"),
    ("shape of one number", config(lambda e: e.update(tensorShape=[40])), "at least 2 points"),
    ("shape of one point", config(lambda e: e.update(tensorShape=[1, 16])), "at least 2 points"),
    ("shape of fractions", config(lambda e: e.update(tensorShape=[40, 1.5])), "at least 2 points"),
    ("shape of far more", config(lambda e: e.update(tensorShape=[41, 16])), "says 41"),
    ("shape of other width", config(lambda e: e.update(tensorShape=[40, 17])), "whole rows of 17"),
    ("missing vectors", remove("tensors.tsv"), "tensors.tsv is not in the bundle"),
    ("missing metadata", remove("metadata.tsv"), "metadata.tsv is not in the bundle"),
    ("missing sprite", remove("sprite.png"), "sprite.png is not in the bundle"),
    ("missing bookmarks", remove("bookmarks.json"), "bookmarks.json is not in the bundle"),
    ("relative path to nothing", config(lambda e: e.update(metadataPath="m.tsv")), "m.tsv is not"),
    ("path out of a page", config(lambda e: e.update(metadataPath="../m.tsv")), "is not in the"),
    ("absolute pbtxt path", swap(PBTXT, '"tensors', '"/data/tensors'), "absolute or leads outside"),
    ("pbtxt path upwards", swap(PBTXT, '"tensors', '"../tensors'), "absolute or leads outside"),
    ("pbtxt path from home", swap(PBTXT, '"tensors', '"~/tensors'), "absolute or leads outside"),
    ("pbtxt path of Windows", swap(PBTXT, '"tensors', '"C:/tensors'), "absolute or leads outside"),
    ("a link outside", link_outside, "metadata.tsv is not in the bundle"),
    ("pbtxt that breaks off", edit(PBTXT, lambda text: text[:-3]), "'}' is missing"),
    ("pbtxt that is none", edit(PBTXT, lambda _: "= ?"), "makes no sense"),
    ("pbtxt without embeddings", edit(PBTXT, lambda _: ""), "names no embeddings"),
    ("camelCase in pbtxt", swap(PBTXT, "tensor_path", "tensorPath"), "no field tensorPath"),
    ("the same name twice", edit(PBTXT, lambda text: text * 2), "named 'night'"),
    # vectors
    ("bytes cut short", cut("tensors.bytes", 3), "are not whole rows"),
    ("bytes of fewer rows", cut("tensors.bytes", 64), "holds 39 points"),
    ("NaN among the bytes", number(3, np.nan), "1 values are not finite"),
    ("infinity among the bytes", number(3, np.inf), "1 values are not finite"),
    ("NaN in the first column", lines("tensors.tsv", lambda r: [*r[:-1], "nan" + "\t1" * 15]),
     "'nan' in place of a finite number"),
    ("NaN elsewhere", lines("tensors.tsv", lambda r: [*r[:-1], "1\tNaN" + "\t1" * 14]),
     "'NaN' in place of a finite number"),
    ("infinity", lines("tensors.tsv", lambda r: [*r[:-1], "1\tInfinity" + "\t1" * 14]),
     "'Infinity' in place of"),
    ("more than float32 holds", lines("tensors.tsv", lambda r: [*r[:-1], "1\t1e39" + "\t1" * 14]),
     "'1e39' in place of"),
    ("a cell without number", lines("tensors.tsv", lambda r: [*r[:-1], "1\t" + "\t1" * 14]),
     "Line 40 has ''"),
    ("a header", lines("tensors.tsv", lambda r: ["\t".join("abcdefghijklmnop"), *r]), "no header"),
    ("labels in front", lines("tensors.tsv", lambda r: [f"dog\t{row}" for row in r]),
     "Line 1 has 'dog' in place of a number at the start of a line (40 such lines)"),
    ("one cell too many", lines("tensors.tsv", lambda r: [*r[:-1], r[-1] + "\t1"]),
     "at the start of a line (1 such lines)"),
    ("ragged rows", lines("tensors.tsv", lambda r: [*r[:-1], "1\t2"]), "Line 40 has 2 numbers"),
    ("one dimension", lines("tensors.tsv", lambda r: ["1"] * len(r)), "one dimension"),
    ("fewer rows as text", lines("tensors.tsv", lambda r: r[1:]), "39 points of 16 dimensions"),
    ("empty vectors", edit("tensors.tsv", lambda _: ""), "wait for it without end"),
    ("blank vectors", edit("tensors.tsv", lambda _: "\n \n"), "holds no vectors"),
    ("no newline at all", edit("tensors.tsv", lambda _: "1\t2"), "load it without end"),
    # metadata
    ("a row too few", lines("metadata.tsv", lambda r: r[:-2]), "38 rows for 40 points"),
    ("a row too many", lines("metadata.tsv", lambda r: [*r, r[-1]]), "41 rows for 40 points"),
    ("a blank row", lines("metadata.tsv", lambda r: [*r[:3], "\t \t\t", "", *r[5:]]),
     "skips its 2 blank lines"),
    ("no header", lines("metadata.tsv", lambda r: r[1:]), "Add a line of column names"),
    ("one column with header", lines("metadata.tsv", lambda r: [x.split("\t")[0] for x in r]),
     "a file of one column has no header"),
    ("a tab in a cell", cells(lambda i, c: [*c, "x"] if i == 3 else c), "cells can hold no tab"),
    ("two columns of one name", cells(lambda i, c: [*c, c[0]]), "2 columns are named 'label'"),
    # lines between rows
    ("the projector's own column for names",
     cells(lambda i, c: ["__next__", *c[1:]] if i == 0 else c),
     "row 0 holds 'class 0', which is no whole number (40 such rows)"),
    ("lines to fractions", links(1, 2.5, 3), "row 1 holds '2.5', which is no whole number (1 such"),
    ("lines to infinity", links("Infinity"), "row 0 holds 'Infinity', which is no whole number"),
    ("lines beyond the last row", links(1, 40), "row 1 leads to row 40 and the last is row 39"),
    ("lines counted from 1", links(*range(2, 42)), "row 38 leads to row 40 and the last is row 39 "
     "(2 such rows)"),
    ("a row that leads to itself", links(1, 2, 2), "row 2 leads back to itself (1 such rows)"),
    ("lines in a circle", links(1, 2, 3, 1), "row 1 leads back to itself by way of row 2 (3 such"),
    ("a circle through every row", links(*range(1, 40), 0), "by way of row 1 (40 such rows)"),
    ("a circle in the older column", links("-1", 1, column="__next__"), "follows them until it"),
    ("a blank cell for none", links(" "), "row 0 leads back to itself"),
    # sprite
    ("no picture", lambda folder: (folder / "sprite.png").write_bytes(b"<html>"), "no picture"),
    ("a picture cut short", cut("sprite.png", 20_000), "cut short or damaged"),
    ("a sheet over 8192 px", picture((8256, 64)), "It is 8256 x 64 px, and no side may be longer "
     "than 8192 px: the projector then loads nothing at all"),
    ("a bomb of a sheet", bomb_of_a_picture, "loads nothing at all"),
    ("cells that do not fit", picture((500, 512)), "no whole multiple"),
    ("a sheet of one row of cells", picture((64 * 40, 64)), "40 columns and 1 rows"),
    ("too few cells", picture((256, 256)), "16 cells for 40 points"),
    ("no cell size", config(lambda e: e["sprite"].pop("singleImageDim")), "no singleImageDim"),
    ("one cell size", swap(PBTXT, "    single_image_dim: 64\n", "", 1), "no singleImageDim"),
    # bookmarks
    ("bookmarks that are no JSON", edit("bookmarks.json", lambda _: "["), "no bookmark would"),
    ("bookmarks without a list", edit("bookmarks.json", lambda t: t[1:-1]), "between [ and ]"),
    ("a bookmark without fields", bookmark(lambda s: s.pop("tSNEPerplexity")),
     "lacks tSNEPerplexity"),
    ("a bookmark of other shape", bookmark(lambda s: s.update(dataSetDimensions=[40, 15])),
     "the vectors are [40, 16]"),
    ("a bookmark of fewer points", bookmark(lambda s: s["projections"].pop()),
     "39 projections for 40"),
    ("a bookmark without places", bookmark(lambda s: s["projections"][3].pop("umap-1")),
     "lacks finite umap- coordinates"),
    ("a bookmark of no projection", bookmark(lambda s: s.update(selectedProjection="mds")),
     "selects no projection"),
    ("a bookmark of other indices", bookmark(lambda s: s["shuffledDataIndices"].pop()),
     "39 shuffledDataIndices"),
]  # fmt: skip

WARNINGS: list[tuple[str, Break, str]] = [
    ("relative paths", swap(JSON, "https://x.org/maps/", ""), 'relative to its own page: run '
     '"python3 serve.py"'),
    ("relative paths alone", lambda f: (remove("serve.py")(f), swap(JSON, "https://x.org/maps/", "")
     (f)), "relative to its own page: serve the page from beside"),
    ("http addresses", swap(JSON, "https://", "http://"), "use an https address"),
    ("files elsewhere", config(lambda e: e.update(metadataPath="https://y.org/m.tsv")),
     "lies on the web"),
    ("only by hand", lambda f: [(f / name).unlink() for name in (JSON, PBTXT)], "loaded by hand"),
    ("a name with a space", swap(JSON, '"night"', '"a b"'), "breaks TensorBoard's addresses"),
    ("no tensor_path", swap(PBTXT, 'tensor_path: "tensors.tsv"', ""), "in a checkpoint"),
    ("binary for TensorBoard", swap(PBTXT, "tensors.tsv", "tensors.bytes"), "only guesses at"),
    ("another shape beside text", swap(PBTXT, "tensor_shape: 40", "tensor_shape: 39"),
     "says [39, 16]"),
    ("no final newline", edit("tensors.tsv", str.rstrip), "lacks a final newline"),
    ("no final newline in metadata", edit("metadata.tsv", str.rstrip), "lacks a final newline"),
    ("Windows line ends", swap("metadata.tsv", "\n", "\r\n"), "carriage return"),
    ("an empty cell", cells(lambda i, c: ["", *c[1:]] if i == 3 else c), "1 empty cells"),
    ("no column name", cells(lambda i, c: ["", *c[1:]] if i == 0 else c), "no name"),
    ("names of digits", cells(lambda i, c: ["007", *c[1:]] if i == 3 else c), "holds '007'"),
    ("a blank cell", cells(lambda i, c: [" ", *c[1:]] if i == 3 else c), "holds ' '"),
    ("hexadecimal names", cells(lambda i, c: ["0x1F", *c[1:]] if i == 3 else c), "holds '0x1F'"),
    ("names like 1e5", cells(lambda i, c: ["1e5", *c[1:]] if i == 3 else c), "holds '1e5'"),
    ("long numbers", cells(lambda i, c: ["9" * 17, *c[1:]] if i == 3 else c), "holds '999"),
    ("lines that lead back", links(3, -1, -1, 1), "row 3 leads back to row 1 (1 such rows)"),
    ("letters that are no UTF-8",
     lambda f: (f / "metadata.tsv").write_bytes((f / "metadata.tsv").read_bytes().replace(
         b"class 1", b"class \xe9")), "not UTF-8"),
    ("columns that are no power of two", picture((7 * 64, 7 * 64)), "no power of two"),
    ("cells that are not square", lambda f: (picture((512, 256))(f), config(lambda e: e["sprite"]
     .update(singleImageDim=[64, 32]))(f)), "not square"),
    ("transparent thumbnails", picture((512, 512), "LA", (255, 0)), "40 thumbnails"),
    ("a t-SNE", bookmark(lambda s: s.update(selectedProjection="tsne", projections=[
        {"tsne-0": 1, "tsne-1": 2, "pca-0": 0, "pca-1": 0}] * 40)), "starts over"),
    ("no components beside a map", bookmark(lambda s: s.update(projections=[
        {"umap-0": 1, "umap-1": 2}] * 40)), "PCA tab stays empty"),
]  # fmt: skip


def test_a_good_bundle_has_no_findings_and_says_what_it_holds(bundle):
    report = validate_bundle(bundle)
    assert report.findings == ()
    assert report.ok
    assert report.summary == (
        "1 embedding, 40 points of 16 dimensions, sprite 8 x 8 cells of 64 px: it will open."
    )


@pytest.mark.parametrize(("fault", "expected"), [e[1:] for e in ERRORS], ids=[e[0] for e in ERRORS])
def test_what_breaks_a_bundle_is_an_error(fault, expected, bundle):
    fault(bundle)
    report = validate_bundle(bundle)
    assert [f for f in report.findings if f.level == "error" and expected in f.message]
    assert not report.ok
    assert "it will not open as it should" in report.summary


@pytest.mark.parametrize(
    ("fault", "expected"), [w[1:] for w in WARNINGS], ids=[w[0] for w in WARNINGS]
)
def test_what_shows_less_than_there_is_is_a_warning(fault, expected, bundle):
    fault(bundle)
    report = validate_bundle(bundle)
    assert [f for f in report.findings if f.level == "warning" and expected in f.message]


@pytest.mark.parametrize("out", ["night", "night.zip"])
@pytest.mark.parametrize("rows", [2, 3, 49, 50, 51, 1000])
def test_bundles_of_any_size_are_good(rows, out, make_set, tmp_path):
    written = write_bundle({"night": make_set(rows=rows)}, tmp_path / out, join_windows=True)
    report = validate_bundle(written)
    assert [f.message for f in report.findings if f.level == "error"] == []
    assert report.summary.startswith(f"1 embedding, {rows:,} points of 16 dimensions, sprite ")
    assert report.summary.endswith(": it will open.")


LABELS: dict[str, list[str]] = {
    "Unicode": ["Käuzchen", "フクロウ", "сова", "بومة", "e\u0301"],
    "zeros in front": ["007", "008", "0010", "1e5", "0x1F"],
    "emoji": ["🦉", "👩🏽\u200d🔬", "🏳️"],
    "quotes": ['"', '"owl"', "'", "it's", '""a""\\'],
    "tabs and breaks": ["a\tb", "\t", "a\nb", "a\r\nb", "\v", "a\x00b"],
    "blank": ["", " ", "\u00a0", "\ufeff"],
    "60 categories": [f"kind {number}" for number in range(60)],
}


@pytest.mark.parametrize("columns", [None, ["label"]], ids=["all columns", "one column"])
@pytest.mark.parametrize("kind", LABELS)
def test_any_labels_make_a_good_bundle(kind, columns, make_set, tmp_path):
    made = make_set(rows=120)
    labels = [LABELS[kind][row % len(LABELS[kind])] for row in range(120)]
    made = replace(made, table=made.table.assign(label=labels))
    written = write_bundle({"night": made}, tmp_path / "night", columns=columns)
    report = validate_bundle(written)
    levels = [(f.level, f.where) for f in report.findings if f.level != "note"]
    assert levels == [("warning", JSON)], "only that the paths are relative"
    assert "120 points" in report.summary


def test_lines_may_run_forward_end_empty_or_share_a_next_row(bundle):
    links(2, 2, 5, -7, "", "1e1", "07")(bundle)
    noted = [f.message for f in validate_bundle(bundle).findings]
    assert not [message for message in noted if "leads" in message or "draws" in message]


def test_of_two_columns_of_lines_the_page_reads_the_older(bundle):
    links(1, 0)(bundle)
    links(column="__next__")(bundle)
    assert validate_bundle(bundle).findings == ()


# What the writer changed.


def test_each_change_of_the_writer_is_a_note_after_all_else(make_set, tmp_path):
    made = make_set()
    made = replace(made, table=made.table.assign(label="a\tb", tag="007"))
    out = write_bundle({"a": made}, tmp_path / "a", sample=20, digits=3)
    remove("sprite.png")(out)
    report = validate_bundle(out)
    levels = [finding.level for finding in report.findings]
    assert levels[:3] == ["error", "error", "warning"], "both configs miss it; relative paths"
    notes = report.findings[3:]
    assert {finding.level for finding in notes} == {"note"}
    told = "\n".join(f"{finding.where}: {finding.message}" for finding in notes)
    assert "tensors.tsv: It holds 20 of 40 windows" in told
    assert "metadata.tsv: Column 'label': 20 cells with a tab" in told
    assert "metadata.tsv: Column 'tag': 20 cells like a number" in told
    assert "tensors.tsv: The vectors are rounded to 3 significant digits" in told
    assert len(notes) == len(json.loads((out / "changes.json").read_text())["changes"])


def test_notes_alone_leave_a_bundle_good_and_are_printed(embedviz_command, make_set, tmp_path):
    out = write_bundle(
        {"a": make_set()}, tmp_path / "a.zip", digits=3, base_url="https://x.org/maps"
    )
    printed = embedviz_command("validate", out).out.splitlines()
    assert printed[0].startswith("note: tensors.tsv: The vectors are rounded to 3 significant")
    assert printed[1].endswith("it will open.")
    assert len(printed) == 2


def test_what_a_bundle_says_of_itself_cannot_command_a_terminal(bundle):
    said = {"where": "a\x1b]0;b", "message": "\x1b[2Jgone\n\u202eok 🦉"}
    (bundle / "changes.json").write_text(json.dumps({"changes": [said]}))
    (note,) = validate_bundle(bundle).findings
    assert (note.level, note.where) == ("note", "a�]0;b")
    assert note.message == "�[2Jgone��ok 🦉"


def test_every_finding_is_a_sentence_about_a_file(bundle):
    for _, fault, _ in (ERRORS[0], ERRORS[34], WARNINGS[0]):
        fault(bundle)
    for finding in validate_bundle(bundle).findings:
        assert (bundle / finding.where).is_file()
        assert finding.message.endswith(".")
        assert len(finding.message) > 30


def warnings_of(path: Path) -> list[Finding]:
    return [f for f in validate_bundle(path).findings if f.level == "warning"]


def test_more_than_50_texts_want_a_companion_column(make_set, tmp_path):
    out = write_bundle({"a": make_set(rows=240)}, tmp_path / "bundle", with_sprite=False)
    assert not [f for f in warnings_of(out) if "coloured" in f.message]
    swap("metadata.tsv", "recording_top", "other")(out)
    (found,) = [f for f in warnings_of(out) if "coloured" in f.message]
    assert "'recording' has more than 50 different texts" in found.message


def test_one_column_without_a_header_is_fine(bundle):
    lines("metadata.tsv", lambda rows: [row.split("\t")[0] for row in rows[1:]])(bundle)
    assert validate_bundle(bundle).findings == ()


def test_the_spare_cells_of_a_sprite_may_be_transparent(bundle):
    sheet = Image.new("LA", (512, 512), (200, 255))
    sheet.paste((0, 0), (0, 320, 512, 512))
    sheet.save(bundle / "sprite.png")
    assert validate_bundle(bundle).findings == ()


def long_table(rows: int, last: str) -> str:
    return "a\tb\n" + "\n".join(["1\t" + "x" * 97] * rows) + last


@pytest.mark.parametrize(
    ("size", "ending", "expected"),
    [
        (1_000_001, "", "lose its last character"),
        (1_000_002, "", "load it without end"),
        (1_000_500, "", "lacks a final newline"),
        (1_000_001, "\n", None),
        (1_000_000, "", "lacks a final newline"),
    ],
)
def test_the_end_of_a_file_is_judged_by_the_pieces_the_page_reads(size, ending, expected, bundle):
    text = long_table((size - 10) // 100, "")
    text += "y" * (size - len(text) - len(ending)) + ending
    assert len(text) == size
    (bundle / "metadata.tsv").write_text(text)
    found = [f.message for f in validate_bundle(bundle).findings if "newline" in f.message]
    assert (len(found) == 1 and expected in found[0]) if expected else not found


@pytest.mark.parametrize("pieces", [1, 2])
@pytest.mark.parametrize("more", [-1, 0, 1])
def test_vectors_of_whole_millions_of_bytes_are_read_to_their_end(pieces, more, bundle):
    size = pieces * 1_000_000 + more
    row, last = "1\t0." + "3" * 95 + "\n", "1\t27\n"
    data = row * (pieces * 10_000 - 1)
    data += row[: size - len(data) - len(last) - 1] + "\n" + last
    assert len(data) == size
    (bundle / JSON).unlink()
    (bundle / PBTXT).write_text('embeddings { tensor_name: "a" tensor_path: "tensors.tsv" }')
    (bundle / "tensors.tsv").write_text(data)
    report = validate_bundle(bundle)
    assert report.findings == ()
    assert f"{len(page_vectors(data.encode())):,} points of 2 dimensions" in report.summary
    unended = data[:-1] + "4"
    (bundle / "tensors.tsv").write_text(unended)
    (finding,) = validate_bundle(bundle).findings
    is_lost = page_vectors(unended.encode())[-1, 1] == 27
    assert is_lost == (more == 1)
    assert finding.level == ("error" if is_lost else "warning")
    assert ("lose its last character" if is_lost else "lacks a final newline") in finding.message


def test_a_last_piece_without_newline_is_never_read_to_its_end(bundle):
    (bundle / "metadata.tsv").write_text(long_table(10, "y" * 2_500_000))
    assert any("without end" in f.message for f in validate_bundle(bundle).findings)


@pytest.mark.parametrize("shift", range(3))
def test_a_letter_across_a_million_bytes_is_noticed(shift, bundle):
    text = "a\tb\n" + "x" * shift + "\t" + "鳥" * 400_000 + "\n"
    (bundle / "metadata.tsv").write_bytes(text.encode())
    found = [f for f in validate_bundle(bundle).findings if "letters lie across" in f.message]
    assert bool(found) == ("\ufffd" in text.encode()[:1_000_000].decode("utf-8", "replace"))


def test_tensorboard_cuts_what_lies_beyond_100_000_rows(bundle):
    rows = 100_001
    (bundle / "tensors.tsv").write_text("1\t2\n" * rows)
    (bundle / "metadata.tsv").write_text("a\tb\n" + "x\ty\n" * rows)
    (bundle / JSON).unlink()
    edit(PBTXT, lambda _: 'embeddings { tensor_name: "a" tensor_path: "tensors.tsv" '
         'metadata_path: "metadata.tsv" }')(bundle)  # fmt: skip
    report = validate_bundle(bundle)
    assert report.ok
    assert ["first 100,000 only" in f.message for f in report.findings] == [True]


def test_a_label_column_is_fine_where_tensorboard_does_not_read_it(bundle):
    (bundle / PBTXT).unlink()
    config(lambda e: e.update(tensorPath="https://x.org/maps/tensors.tsv"))(bundle)
    lines("tensors.tsv", lambda rows: [f"dog\t{row}" for row in rows])(bundle)
    report = validate_bundle(bundle)
    assert report.ok
    assert "40 points of 16 dimensions" in report.summary


def test_an_odd_line_does_not_hide_what_comes_after_it(bundle, monkeypatch):
    monkeypatch.setattr(reading, "_BLOCK_BYTES", 1000)
    lines("tensors.tsv", lambda rows: ["", " " + rows[0], *rows[1:-1], "1\tx" + "\t1" * 14])(bundle)
    (found,) = [f for f in validate_bundle(bundle).findings if f.where == "tensors.tsv"]
    assert "Line 41 has 'x'" in found.message


def test_numbers_may_be_written_in_any_way_that_both_readers_know(bundle):
    lines("tensors.tsv", lambda rows: [*rows[:-1], "+1\t.5\t2.\t1E-3\t-0" + "\t1" * 11])(bundle)
    assert validate_bundle(bundle).findings == ()


def test_a_zip_of_the_folder_itself_is_read_as_well(bundle, tmp_path):
    packed = tmp_path / "packed.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in bundle.iterdir():
            archive.write(path, f"night/{path.name}")
    assert validate_bundle(packed) == validate_bundle(bundle)


@pytest.mark.parametrize("name", [JSON, PBTXT])
def test_the_path_of_a_config_means_its_folder(name, bundle):
    assert validate_bundle(bundle / name) == validate_bundle(bundle)


def test_an_empty_folder_has_nothing_to_open(tmp_path):
    report = validate_bundle(tmp_path)
    assert report.summary.startswith("No embeddings: it will not open")
    assert "nothing to open" in report.findings[0].message


def test_a_zip_that_unpacks_to_far_too_much_is_not_read(bundle, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_ALWAYS_ALLOWED_BYTES", 1 << 20)
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.write(bundle / JSON, JSON)
        with archive.open("tensors.tsv", "w") as stream:
            for _ in range(30):
                stream.write(bytes(1 << 20))
    with pytest.raises(BundleError, match="would unpack to 30 MB"):
        validate_bundle(bomb)


def test_a_damaged_zip_is_an_error_about_the_file(bundle, tmp_path):
    packed = tmp_path / "packed.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(bundle.iterdir()):
            archive.write(path, path.name)
    data = packed.read_bytes()
    at = data.index((bundle / "tensors.bytes").read_bytes()[:64])
    packed.write_bytes(data[:at] + b"\x00\x01\x02\x03" + data[at + 4 :])
    report = validate_bundle(packed)
    assert any(
        f.where == "tensors.bytes" and "cannot be read" in f.message for f in report.findings
    )


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [("a.txt", b"hello", "is no bundle"), ("none", None, "nothing at"), ("a.zip", b"PK", "is no")],
)
def test_what_is_no_bundle_at_all_is_refused(name, content, expected, tmp_path):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(BundleError, match=expected):
        validate_bundle(tmp_path / name)


def test_nothing_outside_the_bundle_is_read(bundle, tmp_path):
    (tmp_path / "secret.tsv").write_text("not\tmine\n")
    for name in ("../secret.tsv", "/etc/passwd", str(tmp_path / "secret.tsv"), "a\0b", "x" * 5000):
        config(lambda e, name=name: e.update(metadataPath=name))(bundle)
        (found,) = validate_bundle(bundle).findings[:1]
        assert "is not in the bundle" in found.message


@pytest.mark.parametrize(
    ("text", "value"),
    [("007", 7), ("0x10", 16), (" 2 ", 2), ("", 0), ("\u00a0", 0), ("1e5", 1e5), (".5", 0.5),
     ("5.", 5), ("-Infinity", float("-inf")), ("0b11", 3), ("nan", None), ("inf", None),
     ("1_000", None), ("0x", None), ("1,5", None), ("٣", None), ("-0x10", None),
     ("infinity", None)],
)  # fmt: skip
def test_texts_are_numbers_where_javascript_says_so(text, value):
    assert javascript_number(text) == value


def test_the_text_form_of_a_config_may_be_written_in_all_its_ways():
    text = """# a comment
    embeddings: < tensor_name: 'a' "b\\x41\\101\\n"; tensor_shape: [1000, 128],
      sprite { image_path: "s.png" single_image_dim: 64 single_image_dim: 64 } >
    """
    sprite = {"image_path": ["s.png"], "single_image_dim": [64, 64]}
    one = {"tensor_name": ["abAA\n"], "tensor_shape": [1000, 128], "sprite": [sprite]}
    assert parse(text) == {"embeddings": [one]}


@pytest.mark.parametrize("text", ["a", "a:", "a {", "a: }", "{", "a: [1", "a: 'x", "a{" * 9999])
def test_a_broken_text_form_is_said_to_be_so(text):
    with pytest.raises(ValueError, match="no value|missing|stands where|no sense|too deeply"):
        parse(text)
