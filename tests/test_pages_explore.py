from __future__ import annotations

import gc
import io
import sys
import threading
import time
from dataclasses import replace
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import soundfile as sf
import streamlit as st
from conftest import recorded, tone
from onpage import choose, laid_out, shown, visit
from onpage import said as words

from embedviz import figures, packing
from embedviz.embed import embed
from embedviz.errors import ProjectionError
from embedviz.models import load_model
from embedviz.palette import DARK, LIGHT, MOST_CATEGORIES, category_colours
from embedviz.recordings import gather
from embedviz.spectrogram import MOST_FRAMES, spectrogram
from embedviz.store import write_set
from embedviz.ui import exports, home, packs, query
from embedviz.ui.chosen import Chosen
from embedviz.ui.jobs import queue
from embedviz.ui.workspace import Workspace

pytestmark = pytest.mark.usefixtures("clean_queue")


@pytest.fixture
def open_page(workspace):
    """Open a page as a visitor whose workspace holds these sets, the last the newest."""

    def open_page(page, found=None, others=(), **state):
        sets = {**dict(others), **({} if found is None else {"night": found})}
        for name, one in sets.items():
            write_set(one, workspace.set_path(name))
        app = visit(workspace, page, **state)
        assert not app.error
        return app

    return open_page


def button(app, label):
    return next(one for one in app.button if one.label == label)


def colours(app):
    return app.selectbox(key="colour-night").options


def until_done(job):
    deadline = time.monotonic() + 40
    while job.active and time.monotonic() < deadline:
        time.sleep(0.02)
    assert job.state == "done", job.message


def jobs(app):
    return queue().of(app.session_state["workspace"].token)


def without_labels(found):
    made = replace(found.provenance, label_columns=())
    return replace(found, table=found.table.drop(columns="label"), provenance=made)


def test_without_a_set_the_pages_lead_to_embedding(open_page):
    for name, sentence in (("explore", "No sounds on the map yet"), ("export", "Nothing to exp")):
        app = open_page(name)
        assert any(sentence in heading.value for heading in app.subheader)
        assert not app.get("bidi_component")


def test_a_map_of_1000_rows_is_told_in_addresses(open_page, make_set, workspace):
    app = open_page("explore", laid_out(make_set(1000)))
    text = app.get("bidi_component")[0].proto.json
    assert len(text) < 20_000
    assert "clip" not in text
    found = shown(app)
    assert (found["count"], found["total"]) == (1000, 1000)
    (told,) = found["maps"]
    digest = told["points"].rpartition(f"/pack/{workspace.token}/")[2]
    content = packs.published(workspace, digest).read_bytes()
    assert content == packing.pack_points(laid_out(make_set(1000)).projection.coordinates)
    assert [column["name"] for column in told["columns"]] == [
        *("label", "recording", "start_s", "stop_s", "padding_s")
    ]
    assert {column["kind"] for column in told["columns"]} == {"names", "numbers"}
    for kind in ("sound", "picture", "sheet", "row", "nearest", "similar", "around"):
        assert f"/{kind}/{workspace.token}/night/" in told["addresses"][kind]
    assert found["selection"].endswith(f"/selection/{workspace.token}/night")


def test_a_set_without_pictures_has_none_to_be_asked_for(open_page, make_set):
    (told,) = shown(open_page("explore", laid_out(replace(make_set(), thumbnails=None))))["maps"]
    assert told["pictures"] is None
    assert told["addresses"]["picture"] is None
    assert told["addresses"]["sheet"] is None


@pytest.mark.parametrize("rows", [1, 2])
def test_the_smallest_sets_have_a_map(open_page, make_set, rows):
    assert shown(open_page("explore", laid_out(make_set(rows))))["count"] == rows


def test_without_labels_the_map_is_coloured_by_recording(open_page, make_set):
    app = open_page("explore", laid_out(without_labels(make_set())))
    assert shown(app)["colour"]["name"] == "recording"


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ({"model.h5": "0" * 64}, "weights that are not the published ones"),
        ({}, "These rows were imported; nothing is known of the weights"),
    ],
)
def test_rows_of_unknown_weights_are_told(open_page, make_set, weights, said):
    found = laid_out(make_set())
    made = replace(found.provenance, verified=False, weights=weights)
    app = open_page("explore", replace(found, provenance=made))
    assert said in words(app)
    assert "unverified weights" in app.selectbox[0].options[0]


def test_the_name_of_a_set_that_is_gone_opens_another(open_page, make_set):
    app = open_page("explore", laid_out(make_set()), set="gone")
    assert app.session_state["set"] == "night"


def test_another_set_is_another_map(open_page, make_set):
    app = open_page("explore", laid_out(make_set()), others={"day": laid_out(make_set(12))})
    assert shown(app)["count"] == 40
    box = app.selectbox[0]
    box.select(next(option for option in box.options if option.startswith("day"))).run()
    assert not app.exception
    assert shown(app)["count"] == 12
    assert app.session_state["set"] == "day"


def test_another_projection_is_waited_for_and_then_shown(open_page, make_set, monkeypatch):
    go_on, asked = threading.Event(), []

    def held(found, method, **settings):
        asked.append((method, settings["dims"]))
        go_on.wait(30)
        return laid_out(found, settings["dims"]).projection

    monkeypatch.setattr("embedviz.project.project", held)
    app = open_page("explore", laid_out(make_set()))
    app.button_group(key="method-night").select("umap")
    app.button_group(key="dims-night").select(3).run()
    assert not app.exception
    assert any("Arranging the map" in heading.value for heading in app.subheader)
    assert "Projecting night with UMAP" in words(app)
    assert not app.get("bidi_component")
    go_on.set()
    until_done(jobs(app)[-1])
    app.run()
    assert asked == [("umap", 3)]
    assert shown(app)["address"]["dims"] == "3"
    assert shown(app)["maps"][0]["axes"] == ["PC1 (50%)", "PC2 (25%)", "PC3 (10%)"]


def test_a_projection_that_failed_says_why_and_can_be_tried_again(open_page, make_set, monkeypatch):
    def fail(*_, **__):
        raise ProjectionError("No place is left.")

    monkeypatch.setattr("embedviz.project.project", fail)
    app = open_page("explore", laid_out(make_set()))
    app.button_group(key="method-night").select("tsne").run()
    while any(job.active for job in jobs(app)):
        time.sleep(0.01)
    app.run()
    assert "No place is left." in words(app)
    monkeypatch.setattr("embedviz.project.project", lambda found, *_, **__: found.projection)
    button(app, "Try again").click().run()
    until_done(jobs(app)[-1])
    assert app.run().get("bidi_component")


def test_settings_are_asked_for_once_they_are_applied(open_page, make_set, monkeypatch):
    asked = []

    def project(found, method, **settings):
        asked.append(settings)
        return found.projection

    monkeypatch.setattr("embedviz.project.project", project)
    app = open_page("explore", laid_out(make_set()))
    app.button_group(key="method-night").select("umap").run()
    until_done(jobs(app)[-1])
    next(one for one in app.slider if one.label == "Neighbours").set_value(40)
    next(box for box in app.selectbox if box.label == "Distance").select("euclidean")
    button(app, "Apply").click().run()
    until_done(jobs(app)[-1])
    assert [(one["n_neighbors"], one["metric"]) for one in asked] == [
        (15, "cosine"),
        (40, "euclidean"),
    ]


def test_components_of_pca_are_chosen(open_page, make_set, monkeypatch):
    asked = []

    def project(found, method, **settings):
        asked.append(settings.get("axes"))
        return replace(found.projection, settings={"axes": settings["axes"]})

    monkeypatch.setattr("embedviz.project.project", project)
    app = open_page("explore", laid_out(make_set()))
    assert [box.label for box in app.number_input] == [
        "Component on axis x",
        "Component on axis y",
    ]
    app.number_input[0].set_value(4)
    button(app, "Apply").click().run()
    until_done(jobs(app)[-1])
    app.run()
    assert asked == [[4, 2]]
    assert shown(app)["maps"][0]["axes"] == ["PC4 (50%)", "PC2 (25%)"]
    assert shown(app)["address"]["axes"] == "[4, 2]"


def test_one_component_on_both_axes_is_told_and_the_first_are_shown(open_page, make_set):
    app = open_page("explore", laid_out(make_set()))
    app.number_input[0].set_value(2)
    button(app, "Apply").click().run()
    assert "Each axis needs a component of its own; the first ones are shown." in words(app)
    assert shown(app)["maps"][0]["axes"] == ["PC1 (50%)", "PC2 (25%)"]
    assert jobs(app) == []


def test_vectors_without_further_components_say_so(open_page, make_set):
    app = open_page("explore", laid_out(make_set(rows=1)))
    assert "These vectors have no further components." in words(app)


def test_colour_and_size_say_columns(open_page, make_set):
    app = open_page("explore", laid_out(make_set()))
    found = shown(app)
    assert found["colour"] == {"name": "label", "title": "label", "shown": None}
    assert found["size"] is None
    app.selectbox(key="colour-night").select("start_s")
    app.selectbox(key="size-night").select("recording").run()
    found = shown(app)
    assert (found["colour"]["name"], found["size"]["name"]) == ("start_s", "recording")
    assert (found["address"]["colour"], found["address"]["size"]) == ("start_s", "recording")


def test_columns_that_are_alike_everywhere_are_not_offered_as_colours(open_page, make_set):
    app = open_page("explore", laid_out(make_set()))
    assert "padding_s" not in colours(app)
    assert "Time of day" not in colours(app)
    assert colours(app)[:3] == ["label", "recording", "start_s"]


def test_what_is_chosen_on_the_map_is_told_again_to_the_map(open_page, make_set):
    app = open_page("explore", laid_out(make_set()))
    names = ["class 2", "class 3"]
    choose(app, [1, 2], pinned=8, shown={"colour": "label", "names": names})
    found = shown(app)
    assert (found["pinned"], found["colour"]["shown"]) == (8, names)
    app.selectbox(key="colour-night").select("recording").run()
    assert shown(app)["colour"]["shown"] is None
    assert shown(app)["pinned"] == 8


def test_nonsense_from_the_browser_changes_nothing(open_page, make_set):
    app = open_page("explore", laid_out(make_set()))
    for nonsense in (
        {"pinned": 40},
        {"pinned": -1},
        {"pinned": "3"},
        {"pinned": [3]},
        {"pinned": {"row": 3}},
        {"pinned": None, "selection": None, "shown": None},
        {"selection": "0123456789abcdef"},
        {"selection": "../../labels"},
        {"selection": {"id": 1}},
        {"selection": 7},
        {"shown": ["label"]},
        {"shown": {"colour": "label", "names": "class 1"}},
        {"shown": {"names": ["class 1"]}},
    ):
        found = shown(choose(app, **nonsense))
        assert found["pinned"] is None, nonsense
        assert found["colour"]["shown"] is None, nonsense
        assert "**0 selected**" in words(app), nonsense
        assert not app.error, nonsense


def test_what_was_chosen_of_other_rows_is_none(workspace, make_set, monkeypatch):
    write_set(make_set(), workspace.set_path("night"))
    flags = packing.pack_rows(np.arange(40) == 39)
    kept = packs.keep_selection(workspace, "night", flags, 40)
    monkeypatch.setattr(st, "session_state", {"map-night": {"selection": kept, "pinned": 39}})
    chosen = Chosen.on("map-night", 40)
    assert (chosen.pinned, chosen.rows(workspace, "night", 40).tolist()) == (39, [39])
    chosen = Chosen.on("map-night", 12)
    assert (chosen.pinned, chosen.rows(workspace, "night", 12).tolist()) == (None, [])


def test_what_the_map_says_comes_before_what_it_began_with(monkeypatch):
    begun = Chosen("a" * 16, 3)
    monkeypatch.setattr(st, "session_state", {})
    assert Chosen.on("map-night", 40, before=begun) == begun
    monkeypatch.setattr(st, "session_state", {"map-night": {"selection": "", "pinned": None}})
    assert Chosen.on("map-night", 40, before=begun) == Chosen("", None)


def test_a_set_whose_model_is_not_here_says_why_it_cannot_be_asked(open_page, make_set):
    found = laid_out(make_set())
    made = replace(found.provenance, model="yamnet")
    app = open_page("explore", replace(found, provenance=made))
    assert "The weights of YAMNet are not on this machine" in words(app)
    assert not app.get("file_uploader")
    assert not app.get("audio_input")


@pytest.fixture
def hears(monkeypatch, make_set):
    """A model that hears two windows of class 2 in every clip, and places them on any map."""
    heard = laid_out(make_set(12)).vectors[8:10]
    found = replace(make_set(2), vectors=heard)
    monkeypatch.setattr(query, "_heard", lambda *_: found)
    module = ModuleType("embedviz.placing")
    places = np.array([[1, 2], [3, 4]], np.float32)
    module.place = lambda *_: SimpleNamespace(coordinates=places, how="Placed *by hand*.")
    monkeypatch.setitem(sys.modules, "embedviz.placing", module)
    return places.tolist()


def clip():
    """A WAV file of 1.5 s."""
    file = io.BytesIO()
    sf.write(file, tone(1000, 1.5), 16000, format="WAV")
    return file.getvalue()


def test_a_clip_is_answered_with_the_rows_most_like_it(open_page, make_set, workspace, hears):
    app = open_page("explore", recorded(laid_out(make_set()), workspace.uploads))
    app.get("file_uploader")[0].upload("frog [1].wav", clip()).run()
    until_done(jobs(app)[-1])
    # It is drawn again and again, and asked for once.
    for _ in range(2):
        app.run()
        assert not app.exception
        assert "**Most like frog [1].wav**" in words(app)
        assert "Placed *by hand*." in words(app)
        # The clip itself, and each of the twelve rows, of which the file has eight of class 2.
        assert len(app.get("audio")) == 1 + 12
        assert len(app.get("image")) == 12
        assert words(app).count("**class 2** :gray[at 0.") == 8
        assert shown(app)["maps"][0]["guests"] == hears
    (job,) = jobs(app)
    assert job.title == "Asking Log-mel for frog [1].wav"


def test_a_clip_can_be_recorded(open_page, make_set, hears):
    app = open_page("explore", laid_out(make_set()))
    app.get("audio_input")[0].upload("recording.wav", clip(), "audio/wav").run()
    until_done(jobs(app)[-1])
    app.run()
    assert "**Most like recording.wav**" in words(app)
    # The recordings of the set are not here; the clip is.
    assert len(app.get("audio")) == 1


def test_an_answer_is_placed_anew_on_another_map(open_page, make_set, hears, monkeypatch):
    def project(found, *_, **__):
        return laid_out(found, 3).projection

    monkeypatch.setattr("embedviz.project.project", project)
    app = open_page("explore", laid_out(make_set()))
    app.get("file_uploader")[0].upload("frog.wav", clip()).run()
    until_done(jobs(app)[-1])
    assert shown(app.run())["maps"][0]["guests"] == hears
    go_on = threading.Event()
    elsewhere = np.array([[5, 6, 7], [8, 9, 10]], np.float32)

    def held(*_):
        go_on.wait(30)
        return SimpleNamespace(coordinates=elsewhere, how="Elsewhere.")

    monkeypatch.setattr(sys.modules["embedviz.placing"], "place", held)
    app.button_group(key="dims-night").select(3).run()
    until_done(next(job for job in jobs(app) if job.title.startswith("Projecting")))
    app.run()
    # Where it lay on the other map says nothing about this one.
    assert shown(app)["maps"][0]["guests"] == []
    assert "**Placing frog.wav on the map**" in words(app)
    go_on.set()
    until_done(jobs(app)[-1])
    assert shown(app.run())["maps"][0]["guests"] == elsewhere.tolist()


def test_a_clip_that_is_no_sound_is_refused_in_a_sentence(open_page, make_set):
    app = open_page("explore", laid_out(make_set()))
    app.get("file_uploader")[0].upload("a.wav", b"no sound").run()
    assert not app.exception
    assert "a.wav" in app.error[0].value.replace("\\", "")
    assert jobs(app) == []


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


@pytest.fixture(scope="module")
def logmel():
    model = load_model("logmel")
    # Streamlit looks for garbage after every run of a page; among TensorFlow's objects it takes
    # longer than the page.
    gc.freeze()
    return model


@pytest.mark.parametrize("hz", [500, 1000, 3000])
def test_a_tone_is_brightest_at_its_frequency(logmel, write_wav, tmp_path, hz):
    write_wav("tone.wav", tone(hz, 2))
    found = embed(gather([tmp_path], unpack_to=tmp_path).recordings, logmel)
    heat = figures.heard(found.thumbnails[0], found, 0, LIGHT).data[0]
    band = int(np.asarray(heat.z).mean(axis=1).argmax())
    assert np.asarray(heat.customdata)[band, 0] == pytest.approx(hz, rel=0.06)


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
