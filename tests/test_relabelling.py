from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from embedviz.data import TIME_COLUMNS
from embedviz.errors import EmbedvizError
from embedviz.folders import demo_set_path
from embedviz.projector.bundle import write_bundle
from embedviz.store import read_set, write_set
from embedviz.ui import relabelling
from embedviz.ui.relabelling import can_undo, set_label, undo
from embedviz.ui.workspace import Workspace

ROWS = 12


@pytest.fixture
def workspace(make_set):
    workspace = Workspace.create()
    write_set(make_set(ROWS), workspace.set_path("night"))
    return workspace


def labels(workspace, column="label", name="night"):
    return workspace.open_set(name).table[column].tolist()


def test_a_label_is_set_on_the_selected_rows_alone(workspace):
    before = labels(workspace)
    assert set_label(workspace, "night", [3, 1, 3], "label", " rain \n") == 2
    after = labels(workspace)
    assert (after[1], after[3]) == ("rain", "rain")
    assert [after[row] for row in range(ROWS) if row not in (1, 3)] == [
        before[row] for row in range(ROWS) if row not in (1, 3)
    ]


def test_the_file_of_the_set_stays_as_it_was(workspace):
    before = workspace.set_path("night").read_bytes()
    set_label(workspace, "night", [0], "label", "rain")
    set_label(workspace, "night", [0], "call type", "song")
    assert workspace.set_path("night").read_bytes() == before


def test_a_new_column_stands_behind_the_labels_and_is_one_of_them(workspace):
    set_label(workspace, "night", range(4), "call type", "song")
    set_label(workspace, "night", [0], "sure", "no")
    found = workspace.open_set("night")
    assert list(found.table.columns) == [
        *TIME_COLUMNS,
        *("label", "call type", "sure", "padding_s"),
    ]
    assert found.label_columns == ("label", "call type", "sure")
    assert found.table["call type"].tolist() == ["song"] * 4 + [""] * (ROWS - 4)


def test_vectors_and_pictures_are_shared_with_the_set_and_nothing_is_read_twice(
    workspace, monkeypatch
):
    base = workspace.open_set("night")
    set_label(workspace, "night", [0], "label", "rain")
    found = workspace.open_set("night")
    assert found.vectors is base.vectors
    assert found.thumbnails is base.thumbnails
    monkeypatch.setattr(relabelling, "_read", None)
    assert workspace.open_set("night") is found


def test_labels_are_those_of_all_changes_so_far(workspace):
    set_label(workspace, "night", [0, 1], "label", "rain")
    set_label(workspace, "night", [1, 2], "call type", "song")
    set_label(workspace, "night", [1], "label", "frog")
    assert labels(workspace)[:2] == ["rain", "frog"]
    assert labels(workspace, "call type")[:4] == ["", "song", "song", ""]


def test_an_empty_label_takes_it_away(workspace):
    set_label(workspace, "night", [2], "label", "")
    assert labels(workspace)[2] == ""


def test_undoing_goes_back_change_by_change_to_the_set_as_it_was(workspace):
    untouched = labels(workspace)
    assert not can_undo(workspace, "night")
    set_label(workspace, "night", [0], "label", "rain")
    set_label(workspace, "night", [0], "call type", "song")
    assert undo(workspace, "night")
    assert "call type" not in workspace.open_set("night").table
    assert labels(workspace)[0] == "rain"
    assert can_undo(workspace, "night")
    assert undo(workspace, "night")
    assert labels(workspace) == untouched
    assert not can_undo(workspace, "night")
    assert not undo(workspace, "night")


def test_a_change_after_undoing_is_never_taken_for_the_one_undone(workspace):
    states = {workspace.state("night")}
    for value in ("rain", "frog", "wind"):
        set_label(workspace, "night", [0], "label", value)
        assert labels(workspace)[0] == value
        states.add(workspace.state("night"))
        undo(workspace, "night")
    assert len(states) == 4


def test_saying_the_same_again_is_no_change_to_undo(workspace):
    set_label(workspace, "night", [0], "label", "rain")
    assert set_label(workspace, "night", [0], "label", "rain") == 0
    undo(workspace, "night")
    assert not can_undo(workspace, "night")


def test_the_state_changes_with_the_file_and_with_the_labels(workspace, make_set):
    first = workspace.state("night")
    assert workspace.state("night") == first
    set_label(workspace, "night", [0], "label", "rain")
    second = workspace.state("night")
    undo(workspace, "night")
    assert workspace.state("night") == first
    write_set(make_set(ROWS), workspace.set_path("night"))
    assert len({first, second, workspace.state("night")}) == 3
    with pytest.raises(EmbedvizError, match="no set 'day'"):
        workspace.state("day")


def test_only_so_many_changes_are_kept_and_the_oldest_kept_is_the_end(workspace, monkeypatch):
    monkeypatch.setattr(relabelling, "VERSIONS_KEPT", 3)
    for value in "abcde":
        set_label(workspace, "night", [0], "label", value)
    assert len(list(workspace.labels("night").glob("*.parquet"))) == 3
    assert [undo(workspace, "night") for _ in range(3)] == [True, True, False]
    # Taking the last one away would bring back the set's own label, not what was there before.
    assert labels(workspace)[0] == "c"


def test_labels_on_the_demo_stay_in_their_workspace(workspace, make_set):
    write_set(make_set(ROWS), demo_set_path())
    before, mine, theirs = demo_set_path().read_bytes(), workspace, Workspace.create()
    set_label(mine, "demo", [0], "label", "mine")
    set_label(theirs, "demo", [0], "label", "theirs")
    assert labels(mine, name="demo")[0] == "mine"
    assert labels(theirs, name="demo")[0] == "theirs"
    assert labels(Workspace.create(), name="demo")[0] == "class 0"
    assert mine.state("demo") != theirs.state("demo")
    assert mine.open_set("demo").vectors is theirs.open_set("demo").vectors
    assert demo_set_path().read_bytes() == before


@pytest.mark.parametrize("other", [{"rows": ROWS + 4}, {"rows": ROWS, "shift": 1}])
def test_labels_of_other_rows_are_left_aside(workspace, make_set, other):
    set_label(workspace, "night", [0], "label", "rain")
    made = make_set(other["rows"])
    made.table["start_s"] += other.get("shift", 0)
    write_set(made, workspace.set_path("night"))
    assert labels(workspace)[0] == "class 0"
    set_label(workspace, "night", [1], "label", "frog")
    assert labels(workspace)[:2] == ["class 0", "frog"]


def test_labels_that_cannot_be_read_do_not_close_the_set(workspace):
    set_label(workspace, "night", [0], "label", "rain")
    (workspace.labels("night") / "1.parquet").write_bytes(b"torn")
    (workspace.labels("night") / "2.parquet").write_bytes(b"torn")
    assert labels(workspace)[0] == "class 0"


@pytest.mark.parametrize(
    "column",
    ["recording", "start_s", "Embedding", "thumbnail", "x", "padding_s", "top_class", "row"],
)
def test_columns_that_mean_something_else_are_refused(workspace, column):
    with pytest.raises(EmbedvizError, match=f"{column} is not for labels"):
        set_label(workspace, "night", [0], column, "rain")


@pytest.mark.parametrize("column", ["", " ", "a/b", "../a", ".a", "a:b", "<b>", "a" * 61, "a\x00b"])
def test_odd_names_of_columns_are_refused(workspace, column):
    with pytest.raises(EmbedvizError, match="letters, digits"):
        set_label(workspace, "night", [0], column, "rain")


@pytest.mark.parametrize("column", ["Art", "espèce 2", "鳥", "call-type (v2)", "sure_1"])
def test_names_of_columns_in_any_language_are_taken(workspace, column):
    set_label(workspace, "night", [0], f" {column} ", "ja")
    assert labels(workspace, column)[0] == "ja"


@pytest.mark.parametrize("value", ["x" * 201, "a\x00b", "a\x1bb"])
def test_a_label_is_a_short_line(workspace, value):
    with pytest.raises(EmbedvizError, match="one line of up to 200 characters"):
        set_label(workspace, "night", [0], "label", value)


def test_tabs_and_line_ends_become_spaces(workspace):
    set_label(workspace, "night", [0], "label", "wood\tpigeon\nsong")
    assert labels(workspace)[0] == "wood pigeon song"


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [([], "No points are selected"), ([ROWS], "row 12 is not one"), ([-1, 3], "row -1 is not one")],
)
def test_rows_that_do_not_exist_are_refused(workspace, rows, sentence):
    with pytest.raises(EmbedvizError, match=sentence):
        set_label(workspace, "night", rows, "label", "rain")
    assert not can_undo(workspace, "night")


def test_a_set_that_does_not_exist_has_no_labels(workspace):
    with pytest.raises(EmbedvizError, match="no set 'day'"):
        set_label(workspace, "day", [0], "label", "rain")
    with pytest.raises(EmbedvizError, match="cannot name a set"):
        undo(workspace, "../night")


def test_a_bundle_of_the_opened_set_holds_the_labels(workspace, tmp_path):
    set_label(workspace, "night", [5], "call type", "song")
    out = write_bundle({"night": workspace.open_set("night")}, tmp_path / "bundle.zip")
    with zipfile.ZipFile(out) as bundle:
        name = next(name for name in bundle.namelist() if name.endswith("metadata.tsv"))
        lines = list(csv.DictReader(io.StringIO(bundle.read(name).decode()), delimiter="\t"))
    assert [line["call type"] for line in lines].index("song") == 5


def test_the_opened_set_can_be_written_and_read_again(workspace, tmp_path):
    set_label(workspace, "night", [5], "call type", "song")
    found = workspace.open_set("night")
    write_set(found, tmp_path / "copy.parquet")
    copy = read_set(tmp_path / "copy.parquet")
    assert copy.table.equals(found.table)
    assert copy.label_columns == ("label", "call type")
    assert np.array_equal(copy.vectors, found.vectors)


def test_one_label_on_a_hundred_thousand_rows(workspace, make_set):
    count = 100_000
    few = make_set(4, dims=2)
    table = few.table.loc[np.zeros(count, int)].reset_index(drop=True)
    many = replace(few, table=table, vectors=np.zeros((count, 2), np.float32), thumbnails=None)
    write_set(many, workspace.set_path("year"))
    assert set_label(workspace, "year", np.arange(0, count, 2), "checked", "yes") == count // 2
    assert labels(workspace, "checked", "year")[:4] == ["yes", "", "yes", ""]
    size = sum(path.stat().st_size for path in workspace.labels("year").iterdir())
    assert size < 200_000
