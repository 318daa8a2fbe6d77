from __future__ import annotations

import io
import json
import sys
import threading
import time
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile as sf
from conftest import tone
from official import write_official_weights
from onpage import tell
from streamlit.runtime.scriptrunner import script_runner
from streamlit.testing.v1 import AppTest

from embedviz import audio, models, weights
from embedviz.data import Projection, Recording
from embedviz.errors import Cancelled, WeightsError
from embedviz.progress import Progress
from embedviz.store import read_set
from embedviz.ui import home, labelling, making, recordings, weightjobs
from embedviz.ui.choice import Choice, points
from embedviz.ui.jobs import queue
from embedviz.ui.keras_state import HOOK, keep_keras_state
from embedviz.ui.recordings import collected, lasting
from embedviz.ui.together import Together
from embedviz.ui.workspace import Workspace


@pytest.fixture(autouse=True)
def clean_queue():
    yield
    queue().close()


@pytest.fixture
def quick_map(monkeypatch):
    """A map without UMAP, which compiles for longer than all tests of this file take."""

    def project(found, method, *, progress):
        progress(100, 100)
        return Projection(method, np.zeros((len(found), 2), np.float32), {})

    monkeypatch.setattr(making, "project", project)


@pytest.fixture
def open_page():
    """Open a page as a visitor with a workspace."""

    def open_page(name, workspace=None):
        app = AppTest.from_file(str(home.MAIN), default_timeout=20)
        if workspace is not None:
            app.query_params["w"] = workspace.token
        app.run()
        app.switch_page(str(home.page(name))).run()
        assert not app.exception
        return app

    return open_page


def wav(hz=440.0, seconds=2.0):
    content = io.BytesIO()
    sf.write(content, tone(hz, seconds), 16000, format="WAV")
    return content.getvalue()


def put(workspace, files):
    for name, content in files.items():
        workspace.save(name, io.BytesIO(content))


def words(app):
    return "\n".join(
        element.value
        for kind in (app.markdown, app.caption, app.warning, app.error)
        for element in kind
    )


def button(app, label):
    return next(button for button in app.button if button.label.startswith(label))


def until_done(job):
    deadline = time.monotonic() + 40
    while job.active and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not job.active
    return job


def uploader(app, start):
    return next(found for found in app.file_uploader if found.label.startswith(start))


def test_without_recordings_the_page_says_what_to_do_next(open_page):
    app = open_page("embed")
    assert "No recordings yet" in words(app)
    assert "Add recordings to embed them." in words(app)
    assert button(app, "Embed").disabled


def test_sent_files_are_listed_when_the_page_is_told(open_page):
    app = open_page("embed")
    (drop_zone,) = app.get("bidi_component")
    workspace = app.session_state["workspace"]
    told = json.loads(drop_zone.proto.json)
    assert told["address"].endswith(f"/upload/{workspace.token}/")
    assert {".wav", ".flac", ".zip", ".csv"} <= set(told["extensions"])
    put(workspace, {"a.wav": wav(), "b.wav": wav(880, 3)})
    tell(app, finished=2)
    assert "**2 recordings · 5.0 s**" in words(app)
    assert list(app.dataframe[0].value["name"]) == ["a.wav", "b.wav"]
    assert list(app.dataframe[0].value["rate"]) == [16.0, 16.0]


def test_a_reload_lists_the_same_recordings(open_page):
    workspace = Workspace.create()
    put(workspace, {"rain/a.wav": wav(), "dog/b.wav": wav()})
    app = open_page("embed", workspace)
    assert "2 labels" in words(app)
    assert list(app.dataframe[0].value["label"]) == ["dog", "rain"]


def test_a_run_writes_a_set_and_leads_to_its_map(open_page, quick_map):
    workspace = Workspace.create()
    put(workspace, {"rain/a.wav": wav(), "dog/b.wav": wav(880), "dog/bad.wav": b"RIFFnothing"})
    app = open_page("embed", workspace)
    assert "about 6 points" in words(app)
    button(app, "Embed 2").click().run()
    job = until_done(queue().of(workspace.token)[0])
    assert job.title == "Embedding 2 recordings with Log-mel"
    (made,) = job.result.sets
    assert made.name == "recordings-logmel"
    assert list(made.failures) == ["dog/bad.wav"]
    found = read_set(workspace.set_path("recordings-logmel"))
    assert len(found) == 6
    assert set(found.table["label"]) == {"rain", "dog"}
    app.run()
    assert "6 points of 2 recordings" in words(app)
    assert "dog/bad.wav" in words(app).replace("\\", "")
    button(app, "See the map").click().run()
    assert app.session_state["set"] == "recordings-logmel"
    assert "Embed" not in [title.value for title in app.title]


def have_yamnet(folder):
    """Random weights for YAMNet, which are not the published ones."""
    write_official_weights("yamnet", folder)
    weights.add(models.facts("yamnet"), folder, unverified=True)


def test_two_models_hear_the_recordings_in_one_run(open_page, quick_map, monkeypatch, tmp_path):
    # As in the app, see `keras_state`.
    monkeypatch.setattr(script_runner, HOOK, lambda: None)
    decoded = []
    blocks_at = audio.blocks_at

    def counted(recording, rates_hz, **options):
        decoded.append(recording.name)
        return blocks_at(recording, rates_hz, **options)

    monkeypatch.setattr(audio, "blocks_at", counted)
    have_yamnet(tmp_path / "official")
    workspace = Workspace.create()
    put(workspace, {"a.wav": wav(), "b.wav": wav(880), "bad.wav": b"RIFFnothing"})
    app = open_page("embed", workspace)
    app.checkbox(key="model-yamnet").check().run()
    button(app, "Embed 2").click().run()
    (job,) = queue().of(workspace.token)
    assert job.title == "Embedding 2 recordings with YAMNet and Log-mel"
    assert "This is being embedded already." in words(app) or not job.active
    until_done(job)
    assert [one.name for one in job.result.sets] == ["recordings-yamnet", "recordings-logmel"]
    assert decoded == ["a.wav", "b.wav"]
    app.run()
    assert words(app).count("of 2 recordings in 0:0") == 2
    assert "together" in words(app)
    for one in job.result.sets:
        assert len(read_set(workspace.set_path(one.name))) == one.points
        assert list(one.failures) == ["bad.wav"]
    assert not list((workspace.folder / "making").iterdir())


def test_a_model_that_cannot_be_had_keeps_nothing_from_the_others(
    open_page, quick_map, monkeypatch
):
    def refuse(facts, variant, *, progress):
        raise WeightsError(f"{facts.title} could not be fetched: the connection failed.")

    monkeypatch.setattr(weights, "fetch", refuse)
    workspace = Workspace.create()
    put(workspace, {"a.wav": wav()})
    app = open_page("embed", workspace)
    app.checkbox(key="model-yamnet").check()
    app.checkbox(key="model-vggish").check().run()
    button(app, "Embed 1").click().run()
    job = until_done(queue().of(workspace.token)[0])
    assert [one.name for one in job.result.sets] == ["recordings-logmel"]
    app.run()
    for title in ("YAMNet: YAMNet", "VGGish raw: VGGish"):
        assert f"{title} could not be fetched" in words(app)
    app.checkbox(key="model-logmel").uncheck().run()
    button(app, "Embed 1").click().run()
    job = until_done(queue().of(workspace.token)[-1])
    assert job.state == "failed"
    assert job.message.startswith("VGGish raw: VGGish could not be fetched: the connection failed")
    assert " YAMNet: YAMNet could not" in job.message


def test_a_hop_that_a_model_has_not_is_said_before_anything_is_fetched(open_page, quick_map):
    workspace = Workspace.create()
    put(workspace, {"a.wav": wav()})
    app = open_page("embed", workspace)
    app.checkbox(key="model-kumar").check()
    app.number_input(key="hop").set_value(0.5).run()
    assert "Kumar (weak labels) itself sets its rows 0.743 s apart" in words(app).replace("\\", "")
    assert "first a download" not in words(app)
    app.checkbox(key="model-logmel").uncheck().run()
    assert button(app, "Embed 1").disabled
    assert "No chosen model makes points so." in words(app)
    app.checkbox(key="model-logmel").check().run()
    button(app, "Embed 1").click().run()
    job = until_done(queue().of(workspace.token)[0])
    assert job.title == "Embedding 1 recording with Log-mel, hop 0.5 s"
    assert [made.name for made in job.result.sets] == ["recordings-logmel"]


@pytest.mark.parametrize(
    ("error", "state", "sentence"),
    [
        (Cancelled("Stopped."), "stopped", ""),
        (MemoryError(), "done", "The memory of this machine was not enough"),
    ],
)
def test_what_ends_one_map_takes_no_finished_set_away(
    open_page, monkeypatch, tmp_path, error, state, sentence
):
    monkeypatch.setattr(script_runner, HOOK, lambda: None)  # as in the app, see `keras_state`
    laid_out = []

    def project(found, method, *, progress):
        laid_out.append(found.provenance.model)
        if len(laid_out) == 2:
            raise error
        return Projection(method, np.zeros((len(found), 2), np.float32), {})

    monkeypatch.setattr(making, "project", project)
    have_yamnet(tmp_path / "official")
    workspace = Workspace.create()
    put(workspace, {"a.wav": wav()})
    app = open_page("embed", workspace)
    app.checkbox(key="model-yamnet").check().run()
    button(app, "Embed 1").click().run()
    job = until_done(queue().of(workspace.token)[0])
    assert laid_out == ["yamnet", "logmel"]
    assert job.state == state
    assert workspace.set_names() == [made.name for made in job.result.sets] == ["recordings-yamnet"]
    app.run()
    assert "points of 1 recording in" in words(app)
    assert sentence in words(app)
    assert button(app, "See the map").key.startswith("map-")


def test_a_recording_that_is_gone_is_said_to_be(tmp_path):
    def page(path):
        from pathlib import Path

        from embedviz.data import Recording
        from embedviz.ui.intake import _player
        from embedviz.ui.workspace import Workspace

        _player(Workspace.create(), [Recording("owl.wav", Path(path), 1.0, 16000, 1)])

    app = AppTest.from_function(page, args=(str(tmp_path / "owl.wav"),)).run()
    assert not app.exception
    assert "owl.wav does not exist" in words(app).replace("\\", "")


def test_how_far_models_are_together_is_their_mean_and_the_one_behind():
    def at(done_s, failures=0):
        return Progress("a.wav", done_s, 4.0, done_s, 8.0, 0, 2, failures, number=1)

    said = []
    together = Together(["VGGish", "YAMNet"], said.append)
    together("YAMNet", at(2.0))
    together("VGGish", at(1.0))
    together("YAMNet", at(4.0, failures=1))
    assert [update.done for update in said] == [1.0, 1.5, 2.5]
    assert {(update.total, update.unit) for update in said} == {(8.0, "s")}
    assert [update.detail for update in said] == [
        "1 of 2 · a.wav · YAMNet",
        "1 of 2 · a.wav · VGGish",
        "1 of 2 · a.wav · VGGish",
    ]
    Together(["YAMNet"], said.append)("YAMNet", at(4.0, failures=1))
    assert said[-1].detail == "1 of 2 · a.wav · 1 could not be read"


def test_another_recording_is_no_run_that_is_there_already(open_page):
    held, workspace = threading.Event(), Workspace.create()
    put(workspace, {"a.wav": wav()})
    queue().submit(lambda _: held.wait(40), owner="", title="Before")
    app = open_page("embed", workspace)
    button(app, "Embed 1").click().run()
    assert "This is being embedded already." in words(app)
    recordings.remove(workspace, [workspace.uploads / "a.wav"])
    put(workspace, {"b.wav": wav(880)})
    app.run()
    assert "This is being embedded already." not in words(app)
    assert not button(app, "Embed 1").disabled
    for job in queue().of(workspace.token):
        job.cancel()
    held.set()


def test_a_page_that_ends_does_not_clear_keras_under_the_worker(open_page, monkeypatch):
    # Put back afterwards what `keep_keras_state` replaces; fails where Streamlit has renamed it.
    monkeypatch.setattr(script_runner, HOOK, getattr(script_runner, HOOK))
    cleared = []
    keras = SimpleNamespace(backend=SimpleNamespace(clear_session=lambda: cleared.append(1)))
    monkeypatch.setitem(sys.modules, "keras", keras)
    keep_keras_state()
    open_page("embed")
    assert not cleared


def test_a_file_that_cannot_be_read_is_named_and_can_be_removed(open_page):
    workspace = Workspace.create()
    put(workspace, {"good.wav": wav(), "bad.wav": b"no sound", "notes.txt": b"hello"})
    app = open_page("embed", workspace)
    assert app.expander[0].label == "2 files could not be read"
    assert "bad.wav" in words(app).replace("\\", "")
    button(app, "Remove them").click().run()
    assert not app.expander
    assert [path.name for path in workspace.uploads.iterdir()] == ["good.wav"]


def test_a_table_among_the_recordings_gives_the_labels(open_page):
    workspace = Workspace.create()
    table = b"file,category\na.wav,rain\nb.wav,dog\n"
    put(workspace, {"x/a.wav": wav(), "x/b.wav": wav(), "x/c.wav": wav(), "labels.csv": table})
    app = open_page("embed", workspace)
    assert app.selectbox(key="labels-from").value == "labels.csv"
    assert list(app.dataframe[0].value["label"]) == ["rain", "dog", ""]
    assert "Column `category` is the label. 2 of 3 recordings have a row." in words(app)
    app.selectbox(key="labels-from").select("none").run()
    assert "label" not in app.dataframe[0].value
    app.selectbox(key="labels-from").select("folders").run()
    assert set(app.dataframe[0].value["label"]) == {"x"}


def test_a_table_that_names_no_recording_says_so(open_page):
    workspace = Workspace.create()
    put(workspace, {"a.wav": wav(), "labels.csv": b"file,category\nz.wav,rain\n"})
    app = open_page("embed", workspace)
    assert app.selectbox(key="labels-from").value == "none"
    assert "No column of labels.csv names a recording" in words(app).replace("\\", "")


def test_points_per_recording_and_per_seconds_are_estimated(open_page):
    workspace = Workspace.create()
    put(workspace, {"a.wav": wav(seconds=10)})
    app = open_page("embed", workspace)
    app.get("segmented_control")[-1].set_value("recording").run()
    assert "about 1 point" in words(app)
    app.get("segmented_control")[-1].set_value("seconds").run()
    assert "about 2 points" in words(app)


def test_no_model_means_no_run(open_page):
    workspace = Workspace.create()
    put(workspace, {"a.wav": wav()})
    app = open_page("embed", workspace)
    app.checkbox(key="model-logmel").uncheck().run()
    assert "Choose at least one model." in words(app)
    assert button(app, "Embed").disabled


def test_missing_weights_are_fetched_first_and_a_failure_is_one_sentence(open_page, monkeypatch):
    def refuse(facts, variant, *, progress):
        progress(5, 10)
        raise WeightsError("yamnet.h5 could not be fetched: the connection failed.")

    monkeypatch.setattr(weights, "fetch", refuse)
    workspace = Workspace.create()
    put(workspace, {"a.wav": wav()})
    app = open_page("embed", workspace)
    app.checkbox(key="model-logmel").uncheck()
    app.checkbox(key="model-yamnet").check().run()
    button(app, "Embed 1").click().run()
    job = until_done(queue().of(workspace.token)[0])
    assert job.state == "failed"
    assert job.update.unit == "bytes"
    app.run()
    assert "the connection failed" in words(app).replace("\\", "")


def test_what_is_removed_from_an_archive_stays_removed():
    workspace = Workspace.create()
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as bundle:
        bundle.writestr("rain/a.wav", wav())
        bundle.writestr("rain/b.wav", wav())
        bundle.writestr("rain/labels.csv", "file,species\na.wav,frog\nb.wav,owl\n")
    put(workspace, {"night.zip": content.getvalue()})
    found = collected(workspace)
    assert [r.name for r in found.recordings] == ["rain/a.wav", "rain/b.wav"]
    assert found.title == "rain"
    assert labelling.sources(found) == ["labels.csv", "folders", "none"]
    recordings.remove(workspace, [found.recordings[0].path])
    assert [r.name for r in collected(workspace).recordings] == ["rain/b.wav"]
    recordings.remove_all(workspace)
    assert collected(workspace).recordings == ()


def test_points_are_counted_as_the_model_will_cut_them():
    rain = Recording("a.wav", home.MAIN, 5.0, 16000, 1)
    assert points([rain], Choice("logmel", "default")) == 9
    assert points([rain, rain], Choice("logmel", "default", per="recording")) == 2
    assert points([rain], Choice("logmel", "default", per=2.0)) == 3
    assert points([rain], Choice("logmel", "default", per=5.0)) == 1
    assert points([rain], Choice("pann", "emb512", per=4.9)) == 2
    assert points([rain], Choice("yamnet", "default", hop_s=0.96)) == 6


@pytest.mark.parametrize(
    ("seconds", "said"), [(3.14, "3.1 s"), (1204, "20 min 4 s"), (7500, "2 h 5 min")]
)
def test_lengths_are_written_as_people_say_them(seconds, said):
    assert lasting(seconds) == said


def test_the_models_page_tells_every_models_facts(open_page):
    app = open_page("models")
    for name in models.names():
        facts = models.facts(name)
        assert facts.title in [heading.value for heading in app.subheader]
        assert facts.hears in words(app)
        assert facts.paper in [code.value for code in app.code]
        for file in facts.files_for(facts.default_variant):
            assert file.url in words(app)
            assert (file.checksum or "no checksum is published") in words(app)
    assert app.button(key="verify-yamnet").disabled
    assert not app.button(key="download-yamnet").disabled


def test_a_file_that_is_not_the_published_one_needs_a_second_yes(open_page):
    app = open_page("models")
    uploader(app, "An official weight file of YAMNet").upload("yamnet.h5", b"something else")
    app.run()
    assert "is not the published yamnet.h5" in words(app).replace("\\", "")
    assert weights.state(models.facts("yamnet"), models.facts("yamnet").files[0]) is None
    app.button(key="accept-yamnet").click().run()
    assert not app.exception
    assert "unverified-weights" in words(app).replace(" ", "-")
    assert not app.warning


def test_verifying_lists_what_was_found(open_page, monkeypatch):
    lines = [("ok", "yamnet: is the published file"), ("FAILED", "yamnet: rank 99")]
    monkeypatch.setattr(weightjobs.catalogue, "verified", lambda names: iter(lines))
    monkeypatch.setattr(weightjobs.catalogue, "ready", lambda facts, variant=None: True)
    app = open_page("models")
    app.button(key="verify-yamnet").click().run()
    job = until_done(queue().of(app.session_state["workspace"].token)[0])
    assert job.result.lines == tuple(lines)
    app.run()
    assert "yamnet: rank 99" in words(app).replace("\\", "")


def test_a_file_without_a_folder_gets_no_label_from_the_workspaces_own(open_page):
    workspace = Workspace.create()
    put(workspace, {"rain/a.wav": wav(), "microphone.wav": wav()})
    app = open_page("embed", workspace)
    assert "2 recordings" in words(app)
    assert "1 label" in words(app)
    assert "2 labels" not in words(app)
