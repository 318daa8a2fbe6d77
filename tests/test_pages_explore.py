from __future__ import annotations

import base64
import time
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest
from conftest import recorded, tone
from streamlit.testing.v1 import AppTest

from embedviz import figures, palette
from embedviz.data import Projection
from embedviz.embed import embed
from embedviz.models import load_model
from embedviz.palette import DARK, LIGHT, MOST_CATEGORIES, category_colours, category_symbols
from embedviz.recordings import gather
from embedviz.spectrogram import MOST_FRAMES, spectrogram
from embedviz.store import write_set
from embedviz.ui import exports, home
from embedviz.ui.controls import matching
from embedviz.ui.jobs import queue
from embedviz.ui.map import unpacked
from embedviz.ui.workspace import Workspace


@pytest.fixture(autouse=True)
def clean_queue():
    yield
    queue().close()


@pytest.fixture
def open_page():
    """Open a page as a visitor whose workspace holds one set."""

    def open_page(name, found=None, **state):
        workspace = Workspace.create()
        if found is not None:
            write_set(found, workspace.set_path("night"))
        app = AppTest.from_file(str(home.MAIN), default_timeout=20)
        app.query_params["w"] = workspace.token
        for key, value in state.items():
            app.session_state[key] = value
        app.run()
        app.switch_page(str(home.page(name))).run()
        assert not app.exception
        assert not app.error
        return app

    return open_page


def laid_out(found, dims=2):
    """The set with a map that its file holds."""
    places = np.random.default_rng(0).normal(size=(len(found), dims)).astype(np.float32)
    return found.with_projection(Projection("pca", places, {}, (0.5, 0.25, 0.1)[:dims]))


def words(app):
    return "\n".join(
        element.value
        for kind in (app.markdown, app.caption, app.warning, app.error, app.info)
        for element in kind
    ).replace("\\", "")


def window(app):
    return next(box for box in app.selectbox if box.label.startswith("Window"))


def until_done(job):
    deadline = time.monotonic() + 40
    while job.active and time.monotonic() < deadline:
        time.sleep(0.02)
    assert job.state == "done", job.message


def packed(rows):
    return base64.b64encode(np.asarray(rows, "<u4").tobytes()).decode()


def test_without_a_set_the_pages_lead_to_embedding(open_page):
    for name, sentence in (("explore", "No sounds on the map yet"), ("export", "Nothing to exp")):
        app = open_page(name)
        assert any(sentence in heading.value for heading in app.subheader)


@pytest.mark.parametrize("rows", [1, 2, 40])
def test_a_window_is_shown_with_its_neighbours(open_page, make_set, tmp_path, rows):
    app = open_page("explore", recorded(laid_out(make_set(rows)), tmp_path))
    assert app.get("bidi_component")
    assert "Choose a point on the map" in words(app)
    window(app).select_index(0).run()
    assert not app.exception
    assert "clip000.wav" in words(app)
    assert "What Log-mel received" in words(app)
    assert "The recording around it" in words(app)
    neighbours = min(10, rows - 1)
    assert ("Nearest in embedding space" in words(app)) == (neighbours > 0)
    assert len(app.get("audio")) == 1 + neighbours
    assert len(app.get("image")) == neighbours


def test_without_labels_the_map_is_coloured_by_recording(open_page, make_set):
    found = laid_out(make_set())
    bare = replace(
        found,
        table=found.table.drop(columns="label"),
        provenance=replace(found.provenance, label_columns=()),
    )
    app = open_page("explore", bare)
    assert app.selectbox(key="colour-night").value == "recording"
    window(app).select_index(3).run()
    assert not app.exception
    assert "****" not in words(app)


def test_recordings_that_are_gone_leave_a_sentence_for_their_player(open_page, make_set):
    app = open_page("explore", laid_out(make_set()))
    window(app).select_index(0).run()
    assert "clip000.wav is not where it was when the set was made" in words(app)
    assert not app.get("audio")
    assert len(app.get("image")) == 10


def test_unverified_weights_are_told(open_page, make_set):
    found = laid_out(make_set())
    app = open_page("explore", replace(found, provenance=replace(found.provenance, verified=False)))
    assert "weights that are not the published ones" in words(app)
    assert "unverified weights" in app.selectbox[0].options[0]


def test_the_name_of_a_set_that_is_gone_opens_another(open_page, make_set):
    app = open_page("explore", laid_out(make_set()), set="gone")
    assert app.session_state["set"] == "night"


def test_a_large_set_is_searched_instead_of_listed(open_page, make_set):
    app = open_page("explore", laid_out(make_set(rows=1000)))
    assert len(window(app).options) == 200
    assert "the first 200 of 1,000 windows" in words(app)
    app.text_input(key="find-night").input("clip249").run()
    assert [option.split(",")[0] for option in window(app).options] == ["clip249.wav"] * 4
    assert "clip249.wav" in words(app)
    app.text_input(key="find-night").input("no such").run()
    assert not app.exception
    assert window(app).options == []


def test_words_are_found_in_names_and_labels(make_set):
    found = make_set()
    assert matching(found, range(40), "CLIP001") == [4, 5, 6, 7]
    assert matching(found, range(10), "class 1") == [4, 5, 6, 7]
    assert matching(found, [9, 3], "") == [9, 3]
    assert matching(found, range(40), "a(") == []


def test_a_bundle_is_written_shown_and_replaced(open_page, make_set):
    app = open_page("export", laid_out(make_set()))
    for _ in range(2):
        next(b for b in app.button if b.label == "Write the bundle").click().run()
        until_done(queue().of(app.session_state["workspace"].token)[-1])
    app.switch_page(str(home.page("explore"))).run()
    app.switch_page(str(home.page("export"))).run()
    assert "40 points" in app.success[0].value
    assert len(app.get("download_button")) == 1
    workspace = app.session_state["workspace"]
    assert [path.name for path in (workspace.folder / "bundles").iterdir()] == ["night.zip"]


def test_cells_too_large_for_a_sheet_are_refused_in_a_sentence(open_page, make_set, monkeypatch):
    monkeypatch.setattr("embedviz.thumbnails.LARGEST_SHEET_PX", 512)
    app = open_page("export", laid_out(make_set()))
    app.selectbox(key="export-cell").select("128 px").run()
    assert not app.exception
    assert "do not fit a sprite sheet" in words(app)


def test_bundles_of_long_names_do_not_share_a_file(tmp_path):
    workspace = Workspace("t", tmp_path)
    one, other = (exports.bundle_path(workspace, ["a" * 95, f"b{n}" * 40]) for n in (1, 2))
    assert one != other


def test_row_numbers_survive_the_way_from_the_browser():
    rows = np.random.default_rng(0).permutation(100_000)
    assert unpacked(packed(rows), 100_000) == list(range(100_000))
    assert unpacked(packed([7, 3, 7]), 10) == [3, 7]
    assert unpacked(packed([3, 12]), 10) == [3]


@pytest.mark.parametrize("nonsense", ["", "?", "AAA=", "ÄÖ", "AAAA", "null"])
def test_nonsense_from_the_browser_chooses_nothing(nonsense):
    assert unpacked(nonsense, 10) == []


@pytest.mark.parametrize("dims", [2, 3])
def test_every_point_of_the_map_knows_its_row(make_set, dims):
    found = laid_out(make_set(), dims)
    figure = figures.scatter(found, found.projection, "label", LIGHT)
    for trace in figure.data:
        rows = np.asarray(trace.customdata)
        assert np.array_equal(trace.x, found.projection.coordinates[rows, 0])
        assert set(found.table["label"].iloc[rows]) == {trace.name.split(" · ")[0]}
    assert sorted(np.concatenate([t.customdata for t in figure.data])) == list(range(40))
    colours = [trace.marker.color for trace in figure.data]
    assert colours == category_colours(4, LIGHT)


def test_the_same_map_is_the_same_figure(make_set):
    found = laid_out(make_set())
    again = figures.scatter(found, found.projection, "label", LIGHT)
    assert figures.scatter(found, found.projection, "label", LIGHT).to_json() == again.to_json()


def test_numbers_get_a_colour_bar(make_set):
    found = laid_out(make_set())
    (trace,) = figures.scatter(found, found.projection, "start_s", DARK).data
    assert trace.marker.showscale
    assert np.allclose(trace.marker.color, found.table["start_s"])
    assert list(trace.customdata) == list(range(40))


def test_sixty_labels_are_honest_about_the_others(make_set):
    found = laid_out(make_set(rows=480, classes=60))
    figure = figures.scatter(found, found.projection, "label", LIGHT)
    names = [trace.name for trace in figure.data]
    assert len(names) == MOST_CATEGORIES
    assert names[-1] == "41 others · 328"
    assert names[:-1] == sorted(names[:-1])
    assert figure.data[-1].marker.color == palette.OTHER
    assert len({(t.marker.color, t.marker.symbol) for t in figure.data}) == MOST_CATEGORIES
    assert figure.layout.legend.maxheight < 100


def test_long_and_empty_labels_are_written_so_that_they_fit(make_set):
    found = laid_out(make_set(rows=8, classes=2))
    found.table["label"] = ["<b>a very long label that never seems to end"] * 4 + [""] * 4
    names = [t.name for t in figures.scatter(found, found.projection, "label", LIGHT).data]
    assert names == ["&lt;b>a very long label th… · 4", "unknown · 4"]


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("rows", [1, 5])
def test_points_in_one_place_have_room_around_them(make_set, rows, dims):
    same = Projection("umap", np.full((rows, dims), 3, np.float32), {})
    layout = figures.scatter(make_set(rows), same, "label", LIGHT).layout
    axes = layout.scene if dims == 3 else layout
    assert list(axes.xaxis.range) == [2, 4]


@pytest.mark.parametrize(("per", "stop_s"), [("window", 1.46), ("recording", 0.96)])
def test_the_axis_of_time_shows_what_the_model_received(make_set, per, stop_s):
    found = make_set()
    found.table["padding_s"] = 0.5
    found = replace(found, provenance=replace(found.provenance, per=per))
    figure = figures.heard(found.thumbnails[0], found, 0, LIGHT)
    assert list(figure.layout.xaxis.range) == pytest.approx([0, stop_s])
    assert figure.layout.xaxis.title.text == "time in s"
    assert figure.layout.yaxis.title.text == "Hz"
    step = stop_s / len(found.thumbnails[0])
    assert figure.data[0].dx == pytest.approx(step)
    assert figure.data[0].x0 == pytest.approx(step / 2)


@pytest.mark.parametrize("hz", [500, 1000, 3000])
def test_a_tone_is_brightest_at_its_frequency(write_wav, tmp_path, hz):
    write_wav("tone.wav", tone(hz, 2))
    found = embed(gather([tmp_path], unpack_to=tmp_path).recordings, load_model("logmel"))
    heat = figures.heard(found.thumbnails[0], found, 0, LIGHT).data[0]
    band = int(np.asarray(heat.z).mean(axis=1).argmax())
    assert np.asarray(heat.customdata)[band, 0] == pytest.approx(hz, rel=0.06)


def test_the_window_is_framed_in_the_recording_around_it():
    picture = spectrogram(tone(1000, 3), 16000)
    figure = figures.around(picture, 2.0, (3.0, 3.96), DARK)
    assert isinstance(figure, go.Figure)
    assert (figure.layout.shapes[0].x0, figure.layout.shapes[0].x1) == (3.0, 3.96)
    assert min(figure.data[0].x) == pytest.approx(2.0, abs=0.05)
    assert max(figure.data[0].x) == pytest.approx(5.0, abs=0.05)


@pytest.mark.parametrize("seconds", [0.01, 1, 60])
def test_a_spectrogram_peaks_at_its_tone_and_stays_small(seconds):
    found = spectrogram(tone(1000, seconds, 22050), 22050)
    assert 1 <= len(found.times_s) <= MOST_FRAMES
    assert found.levels_db.shape == (len(found.times_s), len(found.bands_hz))
    assert found.levels_db.max() == 0
    peak = found.bands_hz[found.levels_db.mean(axis=0).argmax()]
    assert peak == pytest.approx(1000, abs=22050 / 1024)


def test_silence_has_a_spectrogram_too():
    assert np.isfinite(spectrogram(np.zeros(4000, np.float32), 16000).levels_db).all()


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_categories_can_be_told_apart(theme):
    colours = category_colours(MOST_CATEGORIES, theme)
    assert len(set(colours)) == MOST_CATEGORIES
    assert all(contrast(colour, theme.surface) >= 1.25 for colour in colours)
    for i, one in enumerate(colours[:8]):
        for other in colours[i + 1 : 8]:
            assert np.linalg.norm(lab(one) - lab(other)) > 20
    symbols = category_symbols(MOST_CATEGORIES)
    assert symbols[:8] == ["circle"] * 8
    assert "circle" not in symbols[8:]


def linear(colour):
    parts = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    light, dark = sorted((linear(c) @ [0.2126, 0.7152, 0.0722] for c in (one, other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def lab(colour):
    """CIELAB under D65."""
    matrix = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x, y, z = np.cbrt(np.array(matrix) @ linear(colour) / [0.9505, 1, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])
