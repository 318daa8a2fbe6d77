"""The page Evaluate: what is asked, the work behind it, and what is shown of its answer."""

from __future__ import annotations

import json
import shlex
import threading
import time
from dataclasses import replace
from hashlib import sha256

import evaluations
import numpy as np
import pytest
from onpage import laid_out, said, tell, visit

from embedviz import cli_evaluate
from embedviz.data import Source
from embedviz.evaluation.evaluate import PARTS
from embedviz.evaluation.results import Progress
from embedviz.store import read_set, write_set
from embedviz.ui import evaluating_mistakes as mistakes
from embedviz.ui.evaluating import command, submit
from embedviz.ui.evaluating_columns import submit_columns
from embedviz.ui.evaluating_kept import MOST_KEPT, Asked, begin, keep, kept
from embedviz.ui.evaluating_read import read_evaluation
from embedviz.ui.jobs import queue
from embedviz.ui.relabelling import set_label
from embedviz.ui.workspace import DEMO

pytestmark = pytest.mark.usefixtures("clean_queue")


def distinct(found):
    """The set with a map, and with recordings that are no copies of each other."""
    names = sorted(set(found.table["recording"]))
    sources = {
        name: Source(name, f"{number:064x}", 2.4, 16000, 1) for number, name in enumerate(names)
    }
    return laid_out(replace(found, provenance=replace(found.provenance, recordings=sources)))


@pytest.fixture
def open_page(workspace):
    """Open the page as a visitor whose workspace holds these sets, the last the newest."""

    def open_page(**sets):
        for name, one in sets.items():
            write_set(one, workspace.set_path(name))
        return visit(workspace, "evaluate")

    return open_page


def button(app, label):
    return next(one for one in app.button if one.label == label)


def chosen(app, label):
    return next(one for one in app.selectbox if one.label == label)


def settled(app, state="done"):
    """Wait for the last job and look again."""
    job = queue().of(app.session_state["workspace"].token)[-1]
    deadline = time.monotonic() + 60
    while job.active and time.monotonic() < deadline:
        time.sleep(0.02)
    assert job.state == state, job.message
    app.run()
    assert not app.exception
    return job


def tab(app, name):
    """Open a tab as a click on it does."""
    app.session_state["evaluate-tab"] = name
    app.run()
    assert not app.exception
    return app


def made_before(workspace, found=None, asked=None, *, sets=None):
    """Keep an evaluation as a job does."""
    found = found or evaluations.evaluation(models={"YAMNet": 0.8, "log-mel": 0.4})
    asked = asked or Asked(("night",), "label")
    from embedviz.evaluation.report import write

    making = begin(workspace)
    write(found, making / "evaluation-label.html", sets=sets or {})
    states = {name: workspace.state(name) for name in asked.names}
    return keep(workspace, making, asked, titles={"YAMNet": "night"}, states=states)


def test_without_a_set_the_page_leads_to_embedding(open_page):
    app = open_page()
    assert "Nothing to evaluate yet" in said(app)
    assert not app.button


def test_sets_without_labels_lead_to_the_map(open_page, make_set):
    found = distinct(make_set())
    bare = replace(
        found,
        table=found.table.drop(columns="label"),
        provenance=replace(found.provenance, label_columns=()),
    )
    app = open_page(night=bare)
    assert "These sets have no label to ask about" in said(app)
    assert not [one for one in app.button if one.label == "Evaluate"]
    app.multiselect[0].set_value([]).run()
    assert "Choose at least one set." in said(app)


def test_an_evaluation_runs_in_the_queue_and_is_shown(open_page, make_set, workspace):
    found = distinct(make_set(rows=64))
    sites = [f"site {name[-5]}" for name in found.table["recording"]]
    app = open_page(night=replace(found, table=found.table.assign(site=sites)))
    assert chosen(app, "Label").options == ["label", "site"]
    assert chosen(app, "Kept together").options == ["recordings", "site"]
    assert chosen(app, "Classified").value == "window"
    button(app, "Evaluate").click().run()
    assert "Evaluating label of night" in said(app)
    job = settled(app)

    one = job.result
    evaluation = read_evaluation(one.numbers)
    assert len(evaluation.units.recording) == 64
    assert evaluation.task.classes == tuple(f"class {n}" for n in range(4))
    assert [path.suffix for path in one.files] == [".html", ".json", *[".csv"] * 3]
    # The token opens the workspace: it must not be in what is handed on.
    assert not any(workspace.token in path.read_text() for path in one.files)
    [title] = one.titles
    assert evaluation.made.sets[title]["file"] == "night.parquet"
    assert "right" in app.subheader[0].value
    table = app.table[0].value
    assert table.index[0].startswith("Log")
    assert table.index[-1].startswith("always class")
    assert len(app.get("plotly_chart")) == 2
    assert {one.proto.label for one in app.get("download_button")} == {
        "Report (HTML)",
        "Numbers (JSON)",
        "Scores (CSV)",
        "Predictions (CSV)",
        "Confusions (CSV)",
    }
    tab(app, "Repeat it")
    assert app.code[0].value == evaluation.made.command
    assert "--pool window" in app.code[0].value
    tab(app, "The call or the recorder")
    assert "were not asked for" in said(app)
    # Another tab, or a later visit, finds it again.
    assert "right" in visit(workspace, "evaluate").subheader[0].value


def test_what_cannot_be_asked_is_said_in_a_sentence(open_page, make_set):
    found = distinct(make_set())
    app = open_page(night=replace(found, table=found.table.assign(label="song")))
    button(app, "Evaluate").click().run()
    settled(app, "failed")
    sentence = "All rows have the label 'song' in the column 'label'"
    assert sentence in app.error[0].value.replace("\\", "")
    assert kept(app.session_state["workspace"]) == []


def test_it_can_be_stopped_and_another_tab_sees_it_run(open_page, make_set, workspace, monkeypatch):
    going = threading.Event()

    def endless(*_, progress, **__):
        for done in range(10_000):
            progress(Progress(min(done, 99), 100, "YAMNet: neighbours"))
            going.set()
            time.sleep(0.01)

    monkeypatch.setattr("embedviz.evaluation.evaluate.evaluate", endless)
    app = open_page(night=distinct(make_set()))
    button(app, "Evaluate").click().run()
    assert going.wait(30)
    other = visit(workspace, "evaluate")
    assert "This is being evaluated, from this tab or another" in said(other)
    assert button(other, "Evaluate").disabled
    assert "YAMNet: neighbours" in said(other)
    button(other, "Stop").click().run()
    settled(app, "stopped")
    assert "Stopped; nothing is kept of it." in said(app)
    assert not button(app, "Evaluate").disabled
    assert not list((workspace.folder / "evaluations").iterdir())


def test_a_cell_opens_the_units_behind_it(open_page, make_set, workspace):
    night = distinct(make_set(rows=48))
    write_set(night, workspace.set_path("night"))
    found = evaluations.evaluation(models={"YAMNet": 0.6, "log-mel": 0.4})
    names = tuple(night.table["recording"])
    found = replace(
        found,
        units=replace(
            found.units,
            recording=names,
            start_s=tuple(night.table["start_s"]),
            stop_s=tuple(night.table["stop_s"]),
        ),
        task=replace(found.task, pooling="window"),
    )
    made_before(workspace, found)
    app = tab(visit(workspace, "evaluate"), "Mistakes")
    assert "Choose a cell to hear the windows behind it" in said(app)
    (component,) = app.get("bidi_component")
    told = json.loads(component.proto.json)
    best = max(found.probed, key=lambda one: one.scores["accuracy"].value)
    assert sum(cell["count"] for cell in told["cells"]) == 48
    cell = max(
        (one for one in told["cells"] if one["truth"] != one["predicted"]),
        key=lambda one: one["count"],
    )
    place = (cell["truth"], cell["predicted"])
    units = mistakes.behind(found.units, best, *place)
    assert cell["words"].startswith(f"{len(units)} of 12 {found.task.classes[place[0]]}")
    tell(app, cell=list(place))
    assert f"**{cell['words']}**" in said(app)
    assert said(app).count("· fold") == min(len(units), mistakes.AT_ONCE)
    assert f"**{names[units[0]]}**" in said(app)
    for nonsense in ([9, 9], "x", [1], [None, 0], [True, {}]):
        tell(app, cell=nonsense)
        assert "Choose a cell to hear" in said(app), nonsense
    tell(app, cell=list(place))
    button(app, "Show them on the map").click().run()
    assert not app.exception
    chosen_rows = app.session_state["chosen-night"]
    assert chosen_rows.pinned == units[0]
    assert sorted(chosen_rows.rows(workspace, "night", 48)) == sorted(units)


def test_units_that_are_recordings_are_all_of_their_rows(make_set):
    found = make_set()
    units = evaluations.evaluation(each=2, models={}).units
    numbers = [3, 1, 7]
    rows = mistakes.rows_of(found, units, numbers, whole=True)
    assert rows == [[12, 13, 14, 15], [4, 5, 6, 7], [28, 29, 30, 31]]
    # As single windows only those that start where the unit does.
    assert mistakes.rows_of(found, units, numbers, whole=False) == [[12], [4], [28]]


def test_labels_set_on_the_map_are_evaluated_and_handed_on(make_set, workspace):
    write_set(distinct(make_set(rows=64)), workspace.set_path("night"))
    set_label(workspace, "night", range(4), "label", "class 1")
    job = submit(workspace, Asked(("night",), "label", pooling="mean"))
    while job.active:
        time.sleep(0.02)
    evaluation = read_evaluation(job.result.numbers)
    assert evaluation.task.counts == (3, 5, 4, 4)
    path = job.result.set_file(workspace, "night")
    [facts] = evaluation.made.sets.values()
    assert sha256(path.read_bytes()).hexdigest() == facts["sha256"]
    assert read_set(path).table["label"][0] == "class 1"


def test_everything_that_was_found_is_shown(open_page, make_set, workspace):
    write_set(distinct(make_set()), workspace.set_path("night"))
    made_before(workspace)
    app = visit(workspace, "evaluate")
    assert "YAMNet predicts the folder better than the label." in said(app)
    assert "Good to know" in [one.label for one in app.expander][0]
    # Two strips, two differences, two curves against a setting and two against recordings.
    assert len(app.get("plotly_chart")) == 8
    tab(app, "The call or the recorder")
    assert len(app.get("plotly_chart")) == 2
    assert [list(one.value.index) for one in app.table][-1] == ["YAMNet", "log\\-mel"]
    tab(app, "Clusters and maps")
    assert "What lies close together belongs together" in said(app)
    assert {one.label: one.value for one in app.metric}["Continuity"] == "0.95"
    assert app.table[0].value.shape == (2, 6)


def test_what_was_read_is_what_was_written(workspace, make_set):
    write_set(distinct(make_set()), workspace.set_path("night"))
    found = evaluations.evaluation(["no", "yes"])
    one = made_before(workspace, found)
    again = read_evaluation(one.numbers)
    assert again.to_json() == found.to_json()
    assert np.isnan(again.clustered[0].silhouette)
    np.testing.assert_array_equal(again.probed[1].confusion, found.probed[1].confusion)
    assert [kept_one.asked for kept_one in kept(workspace)] == [one.asked]


def test_a_damaged_evaluation_is_said_so(open_page, make_set, workspace):
    write_set(distinct(make_set()), workspace.set_path("night"))
    one = made_before(workspace)
    one.numbers.write_text('{"task": {}}')
    assert "cannot be read; evaluate again" in said(visit(workspace, "evaluate"))


def test_sets_that_changed_since_are_named(open_page, make_set, workspace):
    write_set(distinct(make_set()), workspace.set_path("night"))
    one = made_before(workspace)
    assert one.changed(workspace) == []
    write_set(distinct(make_set(seed=1)), workspace.set_path("night"))
    app = visit(workspace, "evaluate")
    assert "night changed or went since this was evaluated" in said(app)


def test_the_last_evaluations_are_kept(workspace, make_set):
    for number in range(MOST_KEPT + 2):
        keep(workspace, begin(workspace), Asked(("a",), f"l{number}"), titles={}, states={})
    assert [one.asked.label for one in kept(workspace)] == [
        f"l{number}" for number in range(MOST_KEPT + 1, 1, -1)
    ]


def test_the_command_is_one_that_embedviz_knows():
    asked = Asked(("a", "b"), "call type", "site", "fold", "max", ("curves",), 40, 7, 3)
    words = shlex.split(command(asked, {"YAMNet": "a", "VGGish": "b"}))
    assert words[:2] == ["embedviz", "evaluate"]
    understood = cli_evaluate.evaluate.make_context("evaluate", words[2:]).params
    assert [path.name for path in understood["files"]] == ["a.parquet", "b.parquet"]
    said = ("label", "group", "folds", "pool", "components", "neighbours", "seed")
    assert [understood[name] for name in said] == ["call type", "site", "fold", "max", 40, 7, 3]
    assert understood["out"].name == "evaluation-call-type.html"
    assert set(understood["left_out"]) == set(PARTS) - {"curves"}


def test_clusters_become_columns_to_colour_by(open_page, make_set, workspace):
    night = distinct(make_set(rows=64))
    write_set(night, workspace.set_path("night"))
    made_before(workspace)
    app = tab(visit(workspace, "evaluate"), "Clusters and maps")
    button(app, "Add columns to the set").click().run()
    done = settled(app).result
    assert (done.name, done.columns[0]) == ("night", "cluster")
    again = read_set(workspace.set_path("night"))
    assert set(again.table) - set(night.table) == set(done.columns)
    np.testing.assert_array_equal(again.vectors, night.vectors)
    np.testing.assert_array_equal(again.projection.coordinates, night.projection.coordinates)
    button(app, "See the clusters").click().run()
    assert not app.exception
    assert app.selectbox(key="colour-night").value == "cluster"


def test_the_demo_gets_its_columns_in_a_copy(make_set, workspace):
    write_set(distinct(make_set()), workspace.set_path(DEMO))
    before = workspace.set_path(DEMO).read_bytes()
    job = submit_columns(workspace, DEMO)
    while job.active:
        time.sleep(0.02)
    assert job.result.name == "demo-with-clusters"
    assert "cluster" in workspace.open_set("demo-with-clusters").table
    assert workspace.set_path(DEMO).read_bytes() == before
