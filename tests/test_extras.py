from __future__ import annotations

import json
import struct
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from embedviz.data import Projection, Source
from embedviz.errors import ProjectionError
from embedviz.store import write_set
from embedviz.ui import extras, home, packs
from embedviz.ui.extras import CLUSTER, DENSITY, POSITION, TIME_OF_DAY, TITLES, TRUST, Found
from embedviz.ui.job import Job
from embedviz.ui.jobs import queue
from embedviz.ui.results import again
from embedviz.ui.workspace import Workspace

pytestmark = pytest.mark.usefixtures("clean_queue")

NIGHT = [f"S4A_20240610_0{hour}3000.wav" for hour in range(10)]
"""What recorders call recordings that begin at 0:30, 1:30 and so on."""


@pytest.fixture
def extra(workspace):
    """Ask for a computed column of a set `night`, on a map whose places `places` draws."""

    def extra(found, which, places=0, workspace=workspace):
        if not workspace.set_path("night").is_file():
            write_set(found, workspace.set_path("night"))
        return extras.extra(workspace, "night", found, laid_out(found, places), which)

    return extra


def laid_out(found, seed=0):
    places = np.random.default_rng(seed).normal(size=(len(found), 2)).astype(np.float32)
    return Projection("umap", places, {})


def named(found, names):
    """The set with other names of its recordings, each 2.4 s long."""
    table = found.table.assign(recording=np.repeat(names, 4)[: len(found)])
    sources = {name: Source(name, "0" * 64, 2.4, 16000, 1) for name in names}
    made = replace(found.provenance, recordings=sources)
    return replace(found, table=table, provenance=made)


def waited(job):
    assert isinstance(job, Job)
    deadline = time.monotonic() + 40
    while job.active and time.monotonic() < deadline:
        time.sleep(0.01)
    return job


def done(extra, *asked, **options):
    """Wait for the job of a column and ask again."""
    job = waited(extra(*asked, **options))
    assert job.state == "done", job.message
    found = extra(*asked, **options)
    assert isinstance(found, Found)
    return found


def read(workspace, found):
    """Give the header and the values that the browser gets for a column."""
    content = packs.published(workspace, found.column.pack).read_bytes()
    (length,) = struct.unpack("<I", content[:4])
    header = json.loads(content[4 : 4 + length])
    return header, np.frombuffer(content, header["dtype"], offset=4 + length)


def words(workspace, found):
    header, codes = read(workspace, found)
    return [header["names"][code] for code in codes]


@pytest.fixture
def explore(workspace):
    """Open Explore as a visitor whose workspace holds this set."""

    def explore(found):
        write_set(found.with_projection(laid_out(found)), workspace.set_path("night"))
        app = AppTest.from_file(str(home.MAIN), default_timeout=20)
        app.query_params["w"] = workspace.token
        app.run()
        assert not app.exception
        return app

    return explore


def shown(app):
    """Give what the map was told."""
    assert not app.exception
    (component,) = app.get("bidi_component")
    return json.loads(component.proto.json)


def said(app):
    kinds = (app.markdown, app.caption, app.warning)
    return "\n".join(text.value for kind in kinds for text in kind).replace("\\", "")


def test_the_time_of_day_is_offered_where_names_say_it(make_set):
    every = [CLUSTER, DENSITY, TRUST, POSITION]
    assert extras.offered(make_set()) == every
    assert extras.offered(named(make_set(), NIGHT)) == [*every, TIME_OF_DAY]
    assert set(TITLES) == {*every, TIME_OF_DAY}


def test_names_without_a_time_are_not_all_looked_at(make_set, monkeypatch):
    looked = []
    monkeypatch.setattr(extras.clock, "recorded_at", looked.append)
    extras.offered(named(make_set(), [f"{n}.wav" for n in range(1000)]))
    assert len(looked) == extras.LOOKED_AT


def test_the_position_in_the_recording_is_there_at_once(extra, workspace, make_set):
    found = extra(make_set(), POSITION)
    assert queue().of(workspace.token) == []
    assert (found.column.name, found.column.kind) == (POSITION, "numbers")
    assert found.column.title == "Position in the recording"
    header, values = read(workspace, found)
    assert (header["kind"], header["count"]) == ("numbers", 40)
    assert np.all((values >= 0) & (values <= 1))
    by_recording = values.reshape(10, 4)
    assert np.all(np.diff(by_recording, axis=1) > 0)
    assert np.all(by_recording == by_recording[0])


def test_the_time_of_day_is_told_in_hours(extra, workspace, make_set):
    found = extra(named(make_set(), NIGHT), TIME_OF_DAY)
    assert queue().of(workspace.token) == []
    header, values = read(workspace, found)
    assert header["unit"] == "h"
    hours = np.repeat(np.arange(10) + 0.5, 4)
    assert values == pytest.approx(hours, abs=3 / 3600)
    assert np.all(values >= hours - 1e-5)


def test_recordings_without_a_time_have_no_hour(extra, workspace, make_set):
    found = extra(make_set(), TIME_OF_DAY)
    assert np.isnan(read(workspace, found)[1]).all()


def test_clusters_are_found_by_a_job(extra, workspace, make_set):
    found = make_set(200)
    job = extra(found, CLUSTER)
    assert job.title == "Cluster (HDBSCAN) of night"
    assert extra(found, CLUSTER) in (job, job.result)
    column = done(extra, found, CLUSTER)
    assert (column.column.kind, column.column.title) == ("names", "Cluster (HDBSCAN)")
    seen = words(workspace, column)
    assert set(seen) == {f"cluster {n}" for n in (1, 2, 3, 4)}
    pairs = set(zip(seen, found.table["label"], strict=True))
    assert len(pairs) == 4


def test_names_of_clusters_sort_like_their_numbers(extra, workspace, make_set, monkeypatch):
    numbers = np.append(np.arange(12).repeat(3), [-1] * 4)
    monkeypatch.setattr("embedviz.clusters.clusters", lambda vectors, progress: numbers)
    seen = words(workspace, done(extra, make_set(), CLUSTER))
    assert seen[:3] == ["cluster 01"] * 3
    assert seen[33:] == ["cluster 12"] * 3 + ["no cluster"] * 4
    assert sorted(set(seen)) == list(dict.fromkeys(seen))


def test_a_set_without_clusters_has_one_name_for_all(extra, workspace, make_set, monkeypatch):
    none = np.full(40, -1)
    monkeypatch.setattr("embedviz.clusters.clusters", lambda vectors, progress: none)
    column = done(extra, make_set(), CLUSTER)
    assert set(words(workspace, column)) == {"no cluster"}
    assert extras.cluster_words(column, make_set(), laid_out(make_set())) == []


def test_clusters_are_named_where_they_lie(make_set):
    found = make_set()
    numbers = np.where(found.table["label"] == "class 1", 0, -1)
    column = Found(extras.Column(CLUSTER, "", "names", ""), numbers, b"")
    projection = laid_out(found)
    (word,) = extras.cluster_words(column, found, projection)
    assert word["text"] == "class 1"
    assert all(type(value) is float for value in word["at"])
    inside = projection.coordinates[numbers == 0].tolist()
    assert word["at"] in inside


def test_clusters_without_labels_are_named_by_what_the_model_said(make_set):
    found = make_set()
    table = found.table.drop(columns="label").assign(top_class=["Rain", None] + ["Owl"] * 38)
    bare = replace(found, table=table, provenance=replace(found.provenance, label_columns=()))
    column = Found(extras.Column(CLUSTER, "", "names", ""), np.zeros(40, int), b"")
    assert [word["text"] for word in extras.cluster_words(column, bare, laid_out(bare))] == ["Owl"]


@pytest.mark.parametrize("which", [DENSITY, TRUST])
def test_density_and_trust_are_shares_that_a_job_computes(extra, workspace, make_set, which):
    column = done(extra, make_set(), which)
    (job,) = queue().of(workspace.token)
    assert job.title == f"{TITLES[which]} of night"
    header, values = read(workspace, column)
    assert (header["kind"], header["count"]) == ("numbers", 40)
    assert np.all((values >= 0) & (values <= 1))
    assert values.std() > 0


def test_a_map_that_is_the_vectors_is_trusted_and_one_of_chance_is_not(extra, workspace, make_set):
    found = make_set(200, dims=2)
    write_set(found, workspace.set_path("night"))
    # Neighbours are by cosine: on a circle those are neighbours on the map as well.
    rounded = found.vectors / np.linalg.norm(found.vectors, axis=1, keepdims=True)
    own = Projection("umap", rounded.astype(np.float32), {})
    waited(extras.extra(workspace, "night", found, own, TRUST))
    kept = extras.extra(workspace, "night", found, own, TRUST)
    assert kept.values.mean() > 0.9
    assert done(extra, found, TRUST).values.mean() < 0.2


def test_another_map_is_asked_for_its_trust_alone(extra, workspace, make_set):
    found = make_set()
    density, trust = done(extra, found, DENSITY), done(extra, found, TRUST)
    assert extra(found, DENSITY, places=1) is density
    other = done(extra, found, TRUST, places=1)
    assert other.column.pack != trust.column.pack
    assert extra(found, TRUST) is trust
    assert len(queue().of(workspace.token)) == 3


def test_what_was_computed_once_is_there_at_the_next_look(extra, workspace, make_set):
    found = make_set()
    assert extra(found, POSITION) is extra(found, POSITION)
    column = done(extra, found, DENSITY)
    assert extra(found, DENSITY) is column
    assert len(queue().of(workspace.token)) == 1


def test_a_set_that_was_made_anew_is_computed_anew(extra, workspace, make_set):
    done(extra, make_set(), DENSITY)
    workspace.set_path("night").unlink()
    assert isinstance(extra(make_set(seed=1), DENSITY), Job)


def test_every_workspace_has_what_its_own_map_fetches(extra, workspace, make_set):
    other = Workspace.create()
    ours, theirs = (extra(make_set(), POSITION, workspace=one) for one in (workspace, other))
    assert ours.column.pack == theirs.column.pack
    for one in (workspace, other):
        assert packs.published(one, ours.column.pack).is_file()
    assert [type(extra(make_set(), DENSITY, workspace=one)) for one in (workspace, other)] == [
        Job,
        Job,
    ]


def test_a_column_that_is_looked_at_again_can_be_fetched_again(
    extra, workspace, make_set, monkeypatch
):
    found = make_set()
    column = done(extra, found, DENSITY)
    monkeypatch.setattr(packs, "PACKS_KEPT", 2)
    for number in range(3):
        packs.publish(workspace, bytes([number]))
    path = workspace.folder / "packs" / f"{column.column.pack}.bin"
    assert not path.is_file()
    assert extra(found, DENSITY) is column
    assert packs.published(workspace, column.column.pack) == path


def test_a_job_that_failed_is_kept_until_somebody_tries_again(extra, make_set, monkeypatch):
    def fail(*_, **__):
        raise ProjectionError("The vectors are all alike.")

    monkeypatch.setattr("embedviz.clusters.clusters", fail)
    job = waited(extra(make_set(), CLUSTER))
    assert (job.state, job.message) == ("failed", "The vectors are all alike.")
    assert extra(make_set(), CLUSTER) is job
    monkeypatch.setattr("embedviz.clusters.clusters", lambda *_, **__: np.zeros(40, int))
    again(job)
    assert done(extra, make_set(), CLUSTER).values.tolist() == [0] * 40


def test_the_job_of_a_column_tells_how_far_it_is_and_can_be_stopped(extra, make_set, monkeypatch):
    told = []

    def endless(vectors, *, progress):
        while True:
            progress(7, 100)
            told.append(True)
            time.sleep(0.01)

    monkeypatch.setattr("embedviz.clusters.clusters", endless)
    job = extra(make_set(), CLUSTER)
    deadline = time.monotonic() + 10
    while not told and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (job.update.done, job.update.total, job.update.unit) == (7, 100, "%")
    job.cancel()
    assert waited(job).state == "stopped"


def test_the_position_in_the_recording_is_a_colour_at_once(explore, workspace, make_set):
    app = explore(make_set())
    app.selectbox(key="colour-night").select(POSITION).run()
    assert not app.exception
    assert queue().of(workspace.token) == []
    found = shown(app)
    assert found["colour"]["title"] == "Position in the recording"
    column = found["maps"][0]["columns"][-1]
    assert (column["name"], column["kind"], column["own"]) == (POSITION, "numbers", True)
    assert "/pack/" in column["url"]


def test_clusters_are_shown_when_their_job_is_done(explore, workspace, make_set, monkeypatch):
    go_on, found = threading.Event(), make_set()
    kinds = found.table["label"].str[-1].astype(int).to_numpy()

    def held(vectors, **_):
        go_on.wait(30)
        return kinds

    monkeypatch.setattr("embedviz.clusters.clusters", held)
    app = explore(found)
    app.selectbox(key="colour-night").select(CLUSTER).run()
    assert not app.exception
    # Meanwhile the map stays, and the job is among the running work, where it can be stopped.
    assert shown(app)["colour"]["name"] == "label"
    assert shown(app)["maps"][0]["names"] == []
    assert "Cluster (HDBSCAN) is being computed; its progress is below." in said(app)
    assert "**Cluster (HDBSCAN) of night**" in said(app)
    assert "Stop" in [one.label for one in app.button]
    go_on.set()
    waited(queue().of(workspace.token)[-1])
    app.run()
    found = shown(app)
    assert found["colour"]["title"] == "Cluster (HDBSCAN)"
    assert found["maps"][0]["columns"][-1]["kind"] == "names"
    assert {name["text"] for name in found["maps"][0]["names"]} == {f"class {n}" for n in range(4)}
    assert "is being computed" not in said(app)


def test_a_size_that_is_computed_leaves_the_colour_alone(explore, workspace, make_set, monkeypatch):
    numbers = np.zeros(40, int)
    monkeypatch.setattr("embedviz.clusters.clusters", lambda vectors, **_: numbers)
    app = explore(make_set())
    app.selectbox(key="size-night").select(CLUSTER).run()
    waited(queue().of(workspace.token)[-1])
    app.run()
    found = shown(app)
    assert (found["colour"]["name"], found["size"]["name"]) == ("label", CLUSTER)
    # Names of clusters belong to a map that shows clusters.
    assert found["maps"][0]["names"] == []


def test_a_computed_column_that_failed_says_why_and_can_be_tried_again(
    explore, workspace, make_set, monkeypatch
):
    def fail(*_, **__):
        raise ProjectionError("Nothing here is *dense*.")

    monkeypatch.setattr("embedviz.clusters.clusters", fail)
    app = explore(make_set())
    app.selectbox(key="colour-night").select(CLUSTER).run()
    while any(job.active for job in queue().of(workspace.token)):
        time.sleep(0.01)
    app.run()
    assert "Cluster (HDBSCAN): Nothing here is *dense*." in said(app)
    assert shown(app)["colour"]["name"] == "label"
    monkeypatch.setattr("embedviz.clusters.clusters", lambda *_, **__: np.zeros(40, int))
    next(one for one in app.button if one.label == "Try again").click().run()
    waited(queue().of(workspace.token)[-1])
    assert shown(app.run())["colour"]["name"] == CLUSTER
