from __future__ import annotations

import csv
import io
import time
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import soundfile as sf
import streamlit as st
from conftest import recorded
from onpage import choose, laid_out, said, shown, visit

from embedviz.store import write_set
from embedviz.ui.actions import table_of
from embedviz.ui.handouts import Handout, submit_clips, submit_page
from embedviz.ui.jobs import queue
from embedviz.ui.workspace import Workspace

pytestmark = pytest.mark.usefixtures("clean_queue")


@pytest.fixture
def explore(workspace):
    """Open Explore as a visitor whose workspace holds a set `night` and these others."""

    def explore(found, **others):
        for name, one in (others | {"night": found}).items():
            write_set(one, workspace.set_path(name))
        return visit(workspace)

    return explore


@pytest.fixture
def downloads(monkeypatch):
    """What each download button would give: its label -> what makes the file."""
    given = {}
    drawn = st.download_button

    def kept(label, data, **options):
        given[label] = data
        return drawn(label, data, **options)

    monkeypatch.setattr(st, "download_button", kept)
    return given


def button(app, label):
    return next(one for one in app.button if one.label == label)


def field(app, label):
    return next(one for one in (*app.text_input, *app.selectbox) if one.label == label)


def colours(app):
    return app.selectbox(key="colour-night").options


def without_labels(found):
    made = replace(found.provenance, label_columns=())
    return replace(found, table=found.table.drop(columns="label"), provenance=made)


def ended(job):
    deadline = time.monotonic() + 40
    while job.active and time.monotonic() < deadline:
        time.sleep(0.02)
    return job


def jobs(app):
    return queue().of(app.session_state["workspace"].token)


def test_nothing_can_be_done_with_nothing(explore, make_set):
    app = explore(laid_out(make_set()))
    assert "**0 selected**" in said(app)
    assert button(app, "Clips").disabled
    assert button(app, "Compare").disabled
    assert app.get("download_button")[0].proto.disabled
    assert not button(app, "Write the file").disabled
    assert "Undo label" not in [one.label for one in app.button]


def test_a_selection_is_given_as_csv_with_its_places(explore, make_set, downloads):
    found = laid_out(make_set())
    app = choose(explore(found), [3, 8, 21])
    assert "**3 selected**" in said(app)
    assert not app.get("download_button")[0].proto.disabled
    assert not button(app, "Clips").disabled
    assert not button(app, "Compare").disabled
    rows = list(csv.DictReader(io.StringIO(downloads["CSV"]().decode())))
    assert [int(row["row"]) for row in rows] == [3, 8, 21]
    assert [row["recording"] for row in rows] == ["clip000.wav", "clip002.wav", "clip005.wav"]
    places = [[float(row["x"]), float(row["y"])] for row in rows]
    np.testing.assert_allclose(places, found.projection.coordinates[[3, 8, 21]], rtol=1e-6)
    assert "z" not in rows[0]


def test_a_column_of_ones_own_called_row_does_not_stop_the_csv(make_set):
    found = laid_out(make_set(), 3)
    found = replace(found, table=found.table.assign(row=[f"r{n}" for n in range(40)]))
    rows = list(csv.DictReader(io.StringIO(table_of(found, np.array([2])).decode())))
    assert (rows[0]["row"], rows[0]["row of the set"]) == ("r2", "2")
    assert {"x", "y", "z"} <= set(rows[0])


def test_selected_rows_are_labelled_and_the_label_taken_back(explore, make_set, workspace):
    app = choose(explore(laid_out(make_set())), [0, 5])
    before = workspace.open_set("night").table["label"].tolist()
    field(app, "Label").set_value("Frog")
    button(app, "Label 2 rows").click().run()
    assert not app.exception
    after = workspace.open_set("night").table["label"].tolist()
    assert after == ["Frog", *before[1:5], "Frog", *before[6:]]
    # The browser asks anew for columns of another address.
    assert shown(app)["maps"][0]["columns"][0]["url"].endswith(workspace.state("night"))
    assert "**2 selected**" in said(app)
    button(app, "Undo label").click().run()
    assert workspace.open_set("night").table["label"].tolist() == before
    assert "Undo label" not in [one.label for one in app.button]


def test_a_label_may_found_a_column_of_its_own(explore, make_set, workspace, downloads):
    app = choose(explore(laid_out(make_set())), [7])
    field(app, "Label").set_value("song")
    field(app, "In the column").select("a new column …")
    field(app, "Name of a new column").set_value("call type")
    button(app, "Label 1 rows").click().run()
    assert not app.exception
    assert (
        workspace.open_set("night").table["call type"].tolist() == [""] * 7 + ["song"] + [""] * 32
    )
    assert "call type" in colours(app)
    (row,) = csv.DictReader(io.StringIO(downloads["CSV"]().decode()))
    assert row["call type"] == "song"
    app.selectbox(key="colour-night").select("call type").run()
    assert shown(app)["colour"]["name"] == "call type"
    button(app, "Undo label").click().run()
    assert not app.exception
    assert "call type" not in colours(app)
    assert shown(app)["colour"]["name"] == "label"


def test_a_new_column_without_a_name_is_called_label(explore, make_set, workspace):
    app = choose(explore(laid_out(without_labels(make_set()))), [7])
    field(app, "Label").set_value("song")
    assert field(app, "In the column").value == "a new column …"
    button(app, "Label 1 rows").click().run()
    assert workspace.open_set("night").label_columns == ("label",)


@pytest.mark.parametrize("name", ["start_s", "row", "x", "<b>"])
def test_names_that_mean_something_else_are_refused_in_a_sentence(
    explore, make_set, workspace, name
):
    app = choose(explore(laid_out(make_set())), [7])
    field(app, "Label").set_value("song")
    field(app, "In the column").select("a new column …")
    field(app, "Name of a new column").set_value(name)
    button(app, "Label 1 rows").click().run()
    assert not app.exception
    (error,) = app.error
    assert "choose another name" in error.value or "A label's name" in error.value
    assert workspace.open_set("night").label_columns == ("label",)


def test_a_selection_goes_along_to_compare(explore, make_set):
    other = laid_out(make_set(seed=1))
    app = explore(laid_out(make_set()), other=other, third=other)
    choose(app, [4, 9])
    sent = shown(app)["restore"]
    button(app, "Compare").click().run()
    while any(job.active for job in jobs(app)):
        time.sleep(0.01)
    app.run()
    assert not app.exception
    assert app.selectbox(key="compare-left").value == "night"
    assert shown(app)["restore"] == sent
    assert "of the neighbours of the 2 selected points" in said(app)


def test_clips_of_the_selection_are_cut_and_offered(explore, make_set, workspace, downloads):
    found = recorded(laid_out(make_set()), workspace.uploads)
    app = choose(explore(found), [2, 9])
    button(app, "Clips").click().run()
    (job,) = jobs(app)
    assert job.title == "Cutting 2 clips of night"
    assert ended(job).state == "done"
    app.run()
    assert not app.exception
    assert "2 clips with a table of their rows." in said(app)
    label = next(label for label in downloads if "clips" in label).replace("\\", "")
    assert label.startswith("Download night-clips.zip (0.")
    zipped = zipfile.ZipFile(io.BytesIO(downloads[next(n for n in downloads if "clips" in n)]()))
    names = ["clip000_0.96-1.92s.wav", "clip002_0.48-1.44s.wav"]
    assert sorted(zipped.namelist()) == sorted([*names, "clips.csv"])
    samples, rate_hz = sf.read(io.BytesIO(zipped.read(names[0])))
    assert (len(samples), rate_hz) == (round(0.96 * 16000), 16000)
    (row, other) = csv.DictReader(io.StringIO(zipped.read("clips.csv").decode()))
    assert [row["file"], other["file"]] == names


def test_the_whole_map_is_written_into_one_file_and_offered(
    explore, make_set, workspace, downloads
):
    found = recorded(laid_out(make_set()), workspace.uploads)
    app = explore(found)
    app.select_slider[0].set_value(5)
    button(app, "Write the file").click().run()
    (job,) = jobs(app)
    assert job.title == "Writing the map of night into one file"
    assert ended(job).state == "done", job.message
    app.run()
    assert not app.exception
    assert "The sounds of all 40 points are in the file." in said(app)
    (label,) = (label for label in downloads if "html" in label)
    assert label.replace("\\", "").startswith("Download night-map.html (")
    assert downloads[label]().lstrip().lower().startswith(b"<!doctype html>")


def test_the_size_of_the_sounds_in_the_file_is_the_one_that_was_chosen(
    workspace, make_set, monkeypatch
):
    asked = {}

    def write(found, out, **options):
        asked.update(options)
        out.write_text("<!doctype html>")
        options["progress"](50, 100)
        return type("OneFile", (), {"sentences": ("One.", "Two.")})

    monkeypatch.setattr("embedviz.onefile.write_onefile", write)
    job = ended(submit_page(workspace, "night", laid_out(make_set()), budget_mb=50, colour="label"))
    assert job.state == "done", job.message
    assert (asked["sound_budget_mb"], asked["title"]) == (50, "night")
    assert (job.update.done, job.update.total, job.update.unit) == (50, 100, "%")
    assert job.result.sentences == ("One.", "Two.")


def test_recordings_that_cannot_be_read_are_told_once(workspace, make_set):
    found = recorded(laid_out(make_set()), workspace.uploads)
    (workspace.uploads / "clip000.wav").unlink()
    job = ended(submit_clips(workspace, "night", found, [0, 1, 9]))
    assert job.result.sentences == (
        "1 clips with a table of their rows.",
        "One recording could not be read: clip000.wav is not where it was when the set was made.",
    )
    for number in (1, 3, 4):
        (workspace.uploads / f"clip00{number}.wav").unlink()
    job = ended(submit_clips(workspace, "night", found, range(40)))
    words, failures = job.result.sentences
    assert words == "24 clips with a table of their rows."
    assert failures.startswith("4 recordings could not be read; ")
    assert failures.count("clip00") == 1


def test_where_no_sound_can_be_read_there_is_a_sentence_and_no_file(explore, make_set, downloads):
    app = choose(explore(laid_out(make_set())), [2, 9])
    button(app, "Clips").click().run()
    assert ended(jobs(app)[0]).state == "failed"
    app.run()
    assert "Not one of 2 sounds could be read." in said(app)
    assert not any("clips" in label for label in downloads)


def test_a_set_cannot_give_away_what_lies_elsewhere_on_the_machine(workspace, make_set, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    found = recorded(laid_out(make_set()), elsewhere)
    job = ended(submit_clips(workspace, "night", found, [0]))
    assert job.state == "failed"
    assert "outside the folders the app may read" in job.message
    job = ended(submit_page(workspace, "night", found, budget_mb=5, colour="computed cluster"))
    assert job.state == "done", job.message
    assert "No sounds are in the file." in job.result.sentences


def test_each_set_is_offered_its_own_files_and_the_newest_of_a_kind(
    explore, make_set, workspace, downloads
):
    found = recorded(laid_out(make_set()), workspace.uploads)
    for rows in ([1, 2], [3]):
        assert ended(submit_clips(workspace, "night", found, rows)).state == "done"
    ended(submit_clips(workspace, "day", found, [3, 4, 5]))
    ended(submit_clips(Workspace.create(), "night", found, [1]))
    app = explore(found)
    assert [label for label in downloads if "clips" in label] == [
        label for label in downloads if "night" in label
    ]
    assert "1 clips with a table" in said(app)
    assert "2 clips" not in said(app)
    assert "3 clips" not in said(app)


def test_a_file_that_is_gone_is_not_offered(explore, make_set, workspace, downloads):
    found = recorded(laid_out(make_set()), workspace.uploads)
    job = ended(submit_clips(workspace, "night", found, [1]))
    assert isinstance(job.result, Handout)
    job.result.path.unlink()
    explore(found)
    assert list(downloads) == ["CSV"]
