from __future__ import annotations

import json
import os
import struct
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from conftest import recorded
from onpage import said as words
from onpage import selection, shown, tell
from streamlit.testing.v1 import AppTest

from embedviz.data import Projection
from embedviz.errors import SetError
from embedviz.store import write_set
from embedviz.ui import compare, home, packs
from embedviz.ui.actions import SENT
from embedviz.ui.jobs import queue
from embedviz.ui.pairs import Agreement, Pair, Side, likely_pair, pair_of

pytestmark = pytest.mark.usefixtures("clean_queue")


@pytest.fixture
def open_page(workspace):
    """Open Compare as a visitor whose workspace holds these sets, the first the newest."""

    def open_page(sent=None, /, **sets):
        keep(workspace, **sets)
        app = AppTest.from_file(str(home.MAIN), default_timeout=30)
        app.query_params["w"] = workspace.token
        app.run()
        if sent:
            app.session_state[SENT] = sent
        app.switch_page(str(home.page("compare"))).run()
        return settled(app)

    return open_page


def keep(workspace, **sets):
    for age, (name, found) in enumerate(sets.items()):
        path = workspace.set_path(name)
        write_set(found, path)
        os.utime(path, ns=(10**18, 10**18 - age * 10**9))


def settled(app):
    """Wait for the page's jobs and look again."""
    deadline = time.monotonic() + 60
    token = app.session_state["workspace"].token
    while any(job.active for job in queue().of(token)) and time.monotonic() < deadline:
        time.sleep(0.02)
    app.run()
    assert not app.exception
    return app


def laid_out(found):
    """The set with a map that its file holds."""
    places = np.random.default_rng(len(found)).normal(size=(len(found), 2)).astype(np.float32)
    return found.with_projection(Projection("pca", places, {}, (0.5, 0.25)))


def some(found, rows):
    return replace(
        found,
        table=found.table.iloc[rows].reset_index(drop=True),
        vectors=found.vectors[rows],
        thumbnails=found.thumbnails[rows],
        projection=None,
    )


def read(workspace, url):
    """Give the header and the values of what a page published."""
    content = packs.published(workspace, url.rpartition("/")[2]).read_bytes()
    (length,) = struct.unpack("<I", content[:4])
    header = json.loads(content[4 : 4 + length])
    return header, np.frombuffer(content, header["dtype"], offset=4 + length)


def two(make_set):
    """Two models of the same 40 rows that agree by chance alone."""
    one, other = make_set(), make_set(seed=1, dims=8)
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=other.vectors.shape).astype(np.float32)
    made = replace(other.provenance, model="yamnet", verified=False)
    return laid_out(one), laid_out(replace(other, vectors=vectors, provenance=made))


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_sets_lead_to_embedding(open_page, make_set, count):
    app = open_page(**dict([("night", laid_out(make_set()))][:count]))
    assert "Two sets make a comparison" in words(app)
    assert not app.selectbox


def test_sets_without_a_common_row_say_what_to_do(open_page, make_set):
    found = laid_out(make_set())
    whole = replace(
        found,
        table=found.table.assign(stop_s=found.table["stop_s"] + 3),
        provenance=replace(found.provenance, per=4.0),
    )
    app = open_page(one=found, other=whole)
    assert "These sets have no rows to compare" in words(app)
    assert "one point per 4 s" in words(app)
    assert not app.get("bidi_component")
    assert [box.label for box in app.selectbox] == ["Left", "Right"]


def test_two_sets_are_drawn_with_the_share_of_common_neighbours(open_page, make_set):
    app = open_page(**dict(zip(("one", "other"), two(make_set), strict=True)))
    assert "of a point's 10 nearest neighbours are the same in both models" in words(app)
    assert "(25.6% by chance) · 40 points" in words(app)
    assert "The rows of other were made with weights that are not the published" in words(app)
    assert app.selectbox(key="compare-colour").value == "label"
    assert compare.SHARED in app.selectbox(key="compare-colour").options
    assert "Choose a point on either map" in words(app)


def test_both_maps_are_told_in_addresses(open_page, make_set, workspace):
    one, other = two(make_set)
    app = open_page(one=one, other=other)
    found = shown(app)
    assert len(json.dumps(found)) < 20_000
    assert "clip" not in json.dumps(found)
    assert (found["count"], found["total"], found["panel"]) == (40, 40, False)
    assert found["address"] is None
    for told, name, whole in zip(found["maps"], ("one", "other"), (one, other), strict=True):
        header, places = read(workspace, told["points"])
        assert (header["kind"], header["dims"]) == ("points", 2)
        np.testing.assert_array_equal(places.reshape(-1, 2), whole.projection.coordinates)
        assert f"/{workspace.token}/{name}/" in told["addresses"]["sound"]
        assert told["title"] == f"Map of {name}: 40 points"
    assert [told["heading"][0] for told in found["maps"]] == [
        "Log-mel",
        "YAMNet, unverified weights",
    ]
    assert found["maps"][0]["heading"][1].startswith("one · nearest neighbour by label: ")
    assert found["selection"].endswith(f"/selection/{workspace.token}/one")


def test_how_many_neighbours_are_shared_is_a_column_of_the_maps(open_page, make_set, workspace):
    app = open_page(**dict(zip(("one", "other"), two(make_set), strict=True)))
    column = next(one for one in shown(app)["maps"][0]["columns"] if one["name"] == compare.SHARED)
    assert (column["kind"], column["own"]) == ("numbers", True)
    header, shares = read(workspace, column["url"])
    assert (header["kind"], header["count"]) == ("numbers", 40)
    assert np.all((shares >= 0) & (shares <= 1))
    assert f"**{shares.mean():.0%}** of a point's 10 nearest" in words(app)
    app.selectbox(key="compare-colour").select(compare.SHARED).run()
    assert shown(app)["colour"]["name"] == compare.SHARED


def test_what_only_the_right_set_knows_colours_both_maps(open_page, make_set, workspace):
    one, other = two(make_set)
    kinds = [f"kind {n % 3}" for n in range(40)]
    table = other.table.assign(kind=kinds, loudness=np.arange(40.0))
    made = replace(other.provenance, label_columns=("label", "kind"))
    app = open_page(one=one, other=replace(other, table=table, provenance=made))
    columns = {column["name"]: column for column in shown(app)["maps"][0]["columns"]}
    assert [columns[name]["kind"] for name in ("kind", "loudness")] == ["names", "numbers"]
    header, codes = read(workspace, columns["kind"]["url"])
    assert [header["names"][code] for code in codes] == kinds
    assert read(workspace, columns["loudness"]["url"])[1].tolist() == list(range(40))
    assert "own" not in columns["label"]
    for name in ("kind", "loudness"):
        app.selectbox(key="compare-colour").select(name).run()
        settled(app)
        assert shown(app)["colour"]["name"] == name


def test_the_maps_wait_for_their_projection(workspace, make_set, monkeypatch):
    keep(workspace, one=laid_out(make_set()), other=make_set(seed=1))
    go_on = threading.Event()

    def held(found, *_, **__):
        go_on.wait(30)
        return laid_out(found).projection

    monkeypatch.setattr("embedviz.project.project", held)
    app = AppTest.from_file(str(home.MAIN), default_timeout=30)
    app.query_params["w"] = workspace.token
    app.run()
    app.switch_page(str(home.page("compare"))).run()
    assert "Arranging the maps" in words(app)
    assert "Projecting other with PCA" in words(app)
    assert not app.get("bidi_component")
    go_on.set()
    settled(app)
    assert app.get("bidi_component")


def test_many_rows_are_compared_by_a_job(open_page, make_set, monkeypatch):
    monkeypatch.setattr("embedviz.ui.pairs.AT_ONCE", 39)
    app = open_page(**dict(zip(("one", "other"), two(make_set), strict=True)))
    titles = [job.title for job in queue().of(app.session_state["workspace"].token)]
    assert titles == ["Comparing one with other"]
    assert "of a point's 10 nearest neighbours are the same" in words(app)


def test_few_rows_are_compared_without_a_job(open_page, make_set):
    app = open_page(**dict(zip(("one", "other"), two(make_set), strict=True)))
    assert queue().of(app.session_state["workspace"].token) == []
    assert "of a point's 10 nearest neighbours are the same" in words(app)


def test_a_projection_that_failed_can_be_tried_again(workspace, make_set, monkeypatch):
    keep(workspace, one=make_set(), other=laid_out(make_set(seed=1)))

    def fail(*_, **__):
        raise SetError("No place is left.")

    monkeypatch.setattr("embedviz.project.project", fail)
    app = AppTest.from_file(str(home.MAIN), default_timeout=30)
    app.query_params["w"] = workspace.token
    app.run()
    app.switch_page(str(home.page("compare"))).run()
    settled(app)
    assert "No place is left." in words(app)
    monkeypatch.setattr(
        "embedviz.project.project", lambda found, *_, **__: laid_out(found).projection
    )
    next(button for button in app.button if button.label == "Try again").click().run()
    settled(app)
    assert app.get("bidi_component")


def test_a_row_is_heard_once_and_seen_twice_with_both_lists(open_page, make_set, workspace):
    one, other = (recorded(found, workspace.uploads) for found in two(make_set))
    app = tell(open_page(one=one, other=other), pinned=5)
    assert "**clip001.wav**" in words(app)
    assert "What Log-mel received" in words(app)
    assert "What YAMNet, unverified weights received" in words(app)
    assert len(app.get("plotly_chart")) == 2
    assert len(app.get("audio")) == 1 + 10 + 10
    assert len(app.get("image")) == 10 + 10
    both = words(app).count(":primary-badge[in both]")
    assert both % 2 == 0
    assert f"{both // 2} of 10 in both" in words(app)
    assert shown(app)["pinned"] == 5


def test_recordings_that_are_gone_leave_a_sentence_for_their_player(open_page, make_set):
    app = tell(open_page(**dict(zip(("one", "other"), two(make_set), strict=True))), pinned=0)
    assert "lies outside the folders the app may read" in app.info[0].value.replace("\\", "")
    assert not app.get("audio")
    assert len(app.get("image")) == 20


def test_the_neighbours_of_selected_points_are_counted_by_themselves(
    open_page, make_set, workspace
):
    app = open_page(**dict(zip(("one", "other"), two(make_set), strict=True)))
    url = shown(app)["maps"][0]["columns"][-1]["url"]
    shares = read(workspace, url)[1]
    rows = [2, 3, 30]
    tell(app, selection=selection(workspace, rows, name="one"))
    share = f"{shares[rows].mean():.0%}"
    sentence = f"share {share} of the neighbours of the 3 selected points"
    assert sentence in words(app)
    tell(app, selection=selection(workspace, [2], name="one"))
    assert "selected points" not in words(app)


def test_nonsense_from_the_browser_changes_nothing(open_page, make_set):
    app = open_page(**dict(zip(("one", "other"), two(make_set), strict=True)))
    for nonsense in ({"pinned": 40}, {"pinned": "0"}, {"selection": "f" * 16}, {"selection": [1]}):
        tell(app, **nonsense)
        assert "Choose a point on either map" in words(app), nonsense
        assert "selected points" not in words(app), nonsense


def test_what_explore_sent_is_on_the_left_with_its_selection(open_page, make_set, workspace):
    one, other = two(make_set)
    keep(workspace, third=laid_out(make_set(seed=3)))
    sent = ("third", selection(workspace, [1, 2, 3], name="third"))
    app = open_page(sent, one=one, other=other, third=laid_out(make_set(seed=3)))
    assert app.selectbox(key="compare-left").value == "third"
    assert shown(app)["restore"] == sent[1]
    assert "of the neighbours of the 3 selected points" in words(app)
    # Somebody who chooses another set now is not brought back.
    app.selectbox(key="compare-left").select("other").run()
    settled(app)
    assert app.selectbox(key="compare-left").value == "other"
    assert shown(app)["restore"] is None
    assert "selected points" not in words(app)


def test_a_set_without_a_counterpart_is_on_the_left_all_the_same(open_page, make_set):
    one, other = two(make_set)
    alone = replace(one, table=one.table.assign(stop_s=one.table["stop_s"] + 1))
    app = open_page(("alone", ""), one=one, other=other, alone=alone)
    assert app.selectbox(key="compare-left").value == "alone"
    assert "These sets have no rows to compare" in words(app)


def test_a_set_that_was_sent_and_deleted_is_left_aside(open_page, make_set):
    one, other = two(make_set)
    app = open_page(("gone", "f" * 16), one=one, other=other)
    assert app.selectbox(key="compare-left").value == "one"
    assert shown(app)["restore"] is None


def test_another_left_set_leaves_the_page_whole(open_page, make_set):
    one, other = two(make_set)
    app = open_page(one=one, other=other, third=laid_out(make_set(seed=3)))
    assert (app.selectbox(key="compare-left").value, app.selectbox(key="compare-right").value) == (
        "one",
        "other",
    )
    app.selectbox(key="compare-left").select("other").run()
    settled(app)
    assert app.selectbox(key="compare-left").value == "other"
    assert app.selectbox(key="compare-right").value != "other"
    assert app.get("bidi_component")


def test_the_projection_is_chosen_for_both(open_page, make_set, monkeypatch):
    asked = []

    def project(found, method, **settings):
        asked.append((method, settings["dims"]))
        return laid_out(found).projection

    monkeypatch.setattr("embedviz.project.project", project)
    app = open_page(**dict(zip(("one", "other"), two(make_set), strict=True)))
    app.button_group(key="compare-method").select("umap").run()
    settled(app)
    assert asked == [("umap", 2)] * 2
    assert app.get("bidi_component")


def test_sets_that_overlap_are_compared_where_they_do(open_page, make_set, workspace):
    one, other = (recorded(found, workspace.uploads) for found in two(make_set))
    # A map of all 40 rows, of which the other set has 12 in another order.
    app = open_page(one=laid_out(one), other=laid_out(some(other, np.arange(30, 18, -1))))
    assert "12 points that both have, out of 40 of one" in words(app)
    found = shown(app)
    assert (found["count"], found["total"]) == (12, 40)
    left, right = (read(workspace, told["numbers"])[1].tolist() for told in found["maps"])
    assert left == list(range(19, 31))
    assert right == list(range(11, -1, -1))
    places = read(workspace, found["maps"][0]["points"])[1].reshape(-1, 2)
    np.testing.assert_array_equal(places, laid_out(one).projection.coordinates[19:31])
    tell(app, pinned=0, selection=selection(workspace, [0, 1, 2, 19, 20, 39], name="one"))
    assert "clip004.wav" in words(app)
    audio = [element.proto.url for element in app.get("audio")]
    # Row 0 of the pair is row 19 of the left set.
    assert audio[0].endswith("/sound/" + app.session_state["workspace"].token + "/one/19.wav")
    # Of the left set's rows that were selected, the maps have two.
    assert "neighbours of the 2 selected points" in words(app)


def test_without_labels_the_maps_show_the_agreement(open_page, make_set):
    sets = [
        replace(
            found,
            table=found.table.drop(columns="label"),
            provenance=replace(found.provenance, label_columns=()),
        )
        for found in two(make_set)
    ]
    app = open_page(**dict(zip(("one", "other"), sets, strict=True)))
    assert app.selectbox(key="compare-colour").value == compare.SHARED
    assert shown(app)["colour"]["name"] == compare.SHARED
    assert [told["heading"][1] for told in shown(app)["maps"]] == [
        "one · no labels",
        "other · no labels",
    ]
    tell(app, pinned=1)
    assert "****" not in words(app)


def test_the_two_newest_sets_that_correspond_are_proposed(workspace, make_set):
    found = make_set()
    other = replace(found, table=found.table.assign(stop_s=found.table["stop_s"] + 1))
    keep(workspace, a=other, b=found, c=other, d=found)
    assert likely_pair(workspace, workspace.set_names()) == ("a", "c")
    assert likely_pair(workspace, ["b", "c", "d"]) == ("b", "d")
    assert likely_pair(workspace, ["a", "b"]) == ("a", "b")
    workspace.set_path("a").write_bytes(b"no parquet")
    assert likely_pair(workspace, ["a", "b", "c", "d"]) == ("b", "d")


def test_one_common_row_is_too_few(workspace, make_set):
    keep(workspace, one=make_set(), other=some(make_set(), [7]))
    with pytest.raises(SetError, match="at least two"):
        pair_of(workspace, "one", "other")


def test_both_maps_know_their_own_rows(workspace, make_set):
    one, other = two(make_set)
    numbers = np.arange(30, 18, -1).astype(np.int32)
    part = laid_out(some(other, numbers[::-1]))
    pair = Pair(Side("one", one, numbers[::-1]), Side("other", part, np.arange(12)))
    agreement = Agreement(np.linspace(0, 1, 12, dtype=np.float32), 0.5, (0.25, None))
    places = (one.projection, part.projection)
    left, right = compare.drawn(workspace, pair, agreement, places)
    assert (left.numbers.tolist(), left.total) == (list(range(19, 31)), 40)
    assert (right.numbers.tolist(), right.total) == (list(range(12)), 12)
    np.testing.assert_array_equal(
        left.embedding_set.projection.coordinates, one.projection.coordinates[19:31]
    )
    assert left.heading == ("Log-mel", "one · nearest neighbour by label: 25.0%")
    assert right.heading[1] == "other · no labels"
    (shared,) = left.columns
    values = read(workspace, shared.pack)[1]
    np.testing.assert_array_equal(values, agreement.shared)
    assert right.columns == ()
