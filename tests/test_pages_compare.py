from __future__ import annotations

import base64
import os
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from conftest import recorded
from streamlit.testing.v1 import AppTest

from embedviz.data import Projection
from embedviz.errors import SetError
from embedviz.store import write_set
from embedviz.ui import compare, home
from embedviz.ui.jobs import queue
from embedviz.ui.map import packed, unpacked
from embedviz.ui.pairs import Agreement, Pair, Side, likely_pair, pair_of
from embedviz.ui.workspace import Workspace


@pytest.fixture(autouse=True)
def clean_queue():
    yield
    queue().close()


@pytest.fixture
def workspace():
    return Workspace.create()


@pytest.fixture
def open_page(workspace):
    """Open Compare as a visitor whose workspace holds these sets, the first the newest."""

    def open_page(**sets):
        keep(workspace, **sets)
        app = AppTest.from_file(str(home.MAIN), default_timeout=30)
        app.query_params["w"] = workspace.token
        app.run()
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


def words(app):
    return "\n".join(
        element.value
        for kind in (app.markdown, app.caption, app.warning, app.error, app.subheader)
        for element in kind
    ).replace("\\", "")


def window(app):
    return next(box for box in app.selectbox if box.label.startswith("Window"))


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
    assert len(app.get("bidi_component")) == 1
    assert "of a point's 10 nearest neighbours are the same in both models" in words(app)
    assert "(25.6% by chance) · 40 points" in words(app)
    assert "The rows of other were made with weights that are not the published" in words(app)
    assert app.selectbox(key="compare-colour").value == "label"
    assert compare.SHARED in app.selectbox(key="compare-colour").options


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


def test_a_row_is_heard_once_and_seen_twice_with_both_lists(open_page, make_set, tmp_path):
    one, other = (recorded(found, tmp_path) for found in two(make_set))
    app = open_page(one=one, other=other)
    assert "Choose a point on either map" in words(app)
    window(app).select_index(5).run()
    assert not app.exception
    assert "What Log-mel received" in words(app)
    assert "What YAMNet, unverified weights received" in words(app)
    assert len(app.get("plotly_chart")) == 2
    assert len(app.get("audio")) == 1 + 10 + 10
    assert len(app.get("image")) == 10 + 10
    both = words(app).count(":primary-badge[in both]")
    assert both % 2 == 0
    assert f"{both // 2} of 10 in both" in words(app)


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


def test_the_colour_and_the_projection_are_chosen_for_both(open_page, make_set):
    app = open_page(**dict(zip(("one", "other"), two(make_set), strict=True)))
    app.selectbox(key="compare-colour").select(compare.SHARED).run()
    settled(app)
    assert app.get("bidi_component")
    app.selectbox(key="compare-colour").select("start_s").run()
    settled(app)
    assert app.get("bidi_component")


def test_sets_that_overlap_are_compared_where_they_do(open_page, make_set, tmp_path):
    one, other = (recorded(found, tmp_path) for found in two(make_set))
    # A map of all 40 rows, of which the other set has 12.
    app = open_page(one=laid_out(one), other=laid_out(some(other, np.arange(30, 18, -1))))
    assert "12 points that both have, out of 40 of one" in words(app)
    window(app).select_index(0).run()
    assert not app.exception
    assert "clip004.wav" in words(app)
    audio = [element.proto.url for element in app.get("audio")]
    # Row 0 of the pair is row 19 of the left set.
    assert audio[0].endswith("/sound/" + app.session_state["workspace"].token + "/one/19.wav")


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
    window(app).select_index(1).run()
    assert not app.exception
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


def test_both_maps_have_the_same_colours_and_know_their_own_rows(make_set):
    one, other = two(make_set)
    numbers = np.arange(30, 18, -1).astype(np.int32)
    pair = Pair(
        Side("one", one, numbers[::-1]), Side("other", some(other, numbers[::-1]), np.arange(12))
    )
    agreement = Agreement(np.linspace(0, 1, 12, dtype=np.float32), 0.5, (0.25, None))
    places = (one.projection, laid_out(pair.right.whole).projection)
    for colour in ("label", compare.SHARED, "start_s"):
        left, right = compare.beside(pair, agreement, places, colour)
        for a, b in zip(left.figure.data, right.figure.data, strict=True):
            np.testing.assert_array_equal(a.customdata, b.customdata)
            np.testing.assert_array_equal(a.marker.color, b.marker.color)
            assert a.name == b.name
            rows = np.asarray(a.customdata)
            np.testing.assert_array_equal(a.x, one.projection.coordinates[numbers[::-1][rows], 0])
    assert left.note == "one · nearest neighbour by label: 25.0%"
    assert right.note == "other · no labels"
    shared = compare.beside(pair, agreement, places, compare.SHARED)[0].figure.data[0]
    np.testing.assert_allclose(shared.marker.color, agreement.shared)
    assert (shared.marker.cmin, shared.marker.cmax) == (0, 1)


def test_row_numbers_are_packed_as_the_browser_unpacks_them():
    rows = np.array([7, 300_000, 2], np.int32)
    assert base64.b64decode(packed(rows)) == b"\7\0\0\0\xe0\x93\4\0\2\0\0\0"
    assert unpacked(packed(rows), 10**6) == [2, 7, 300_000]
