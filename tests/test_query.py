from __future__ import annotations

import sys
import time
from dataclasses import replace
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import soundfile as sf
from asking import Client
from conftest import tone

from embedviz import audio, models
from embedviz.data import Projection
from embedviz.embed import embed
from embedviz.errors import EmbedvizError, ProjectionError
from embedviz.likeness import most_like
from embedviz.project import project
from embedviz.store import write_set
from embedviz.ui import query
from embedviz.ui.jobs import queue
from embedviz.ui.query import answers, ask, obstacle
from embedviz.ui.workspace import Workspace

PITCHES_HZ = (300, 1000, 3000)


@pytest.fixture(scope="module")
def model():
    return models.load_model("logmel")


@pytest.fixture
def tones(model, tmp_path):
    """A set of three tones of 2.5 s, four windows each."""
    recordings = []
    for hz in PITCHES_HZ:
        path = tmp_path / f"{hz}.wav"
        sf.write(path, tone(hz, 2.5), 16000)
        recordings.append(audio.inspect(path))
    found = embed(recordings, model)
    coordinates = np.zeros((len(found), 2), np.float32)
    return found.with_projection(Projection("pca", coordinates, {}))


@pytest.fixture
def workspace(tones):
    workspace = Workspace.create()
    write_set(tones, workspace.set_path("tones"))
    return workspace


@pytest.fixture(autouse=True)
def placing(monkeypatch):
    """Every window is placed at its number, whatever the map."""
    module = ModuleType("embedviz.placing")

    def place(embedding_set, vectors):
        places = np.arange(len(vectors), dtype=np.float32)[:, np.newaxis].repeat(2, axis=1)
        return SimpleNamespace(coordinates=places, how=f"As {embedding_set.projection.method}.")

    module.place = place
    monkeypatch.setitem(sys.modules, "embedviz.placing", module)
    return module


def clip(tmp_path, hz=1000, seconds=1.5, name="frog?.WAV", **options):
    path = tmp_path / "dropped" / name
    path.parent.mkdir(exist_ok=True)
    sf.write(path, tone(hz, seconds, level=0.2), 16000, format="WAV", **options)
    return path


def finished(job):
    while job.active:
        time.sleep(0.01)
    return job


def answer(*arguments, **options):
    job = finished(ask(*arguments, **options))
    assert job.state == "done", job.message
    return job.result


def test_a_clip_finds_the_rows_that_sound_like_it(workspace, tmp_path):
    found = answer(workspace, "tones", clip(tmp_path), "frog?.WAV")
    names = workspace.open_set("tones").table["recording"]
    assert names.iloc[found.nearest.rows[:4]].tolist() == ["1000.wav"] * 4
    assert np.all(np.diff(found.nearest.distances) >= 0)
    assert len(found.nearest.rows) == 12


def test_each_row_is_as_near_as_the_window_that_is_most_like_it(workspace, tmp_path):
    path = tmp_path / "two.wav"
    sf.write(path, np.concatenate([tone(300, 2), tone(3000, 2)]), 16000)
    found = answer(workspace, "tones", path, "two.wav")
    names = workspace.open_set("tones").table["recording"]
    nearest = zip(found.nearest.rows, found.nearest.windows, strict=True)
    by_name = {names[row]: found.embedding_set.table["start_s"][window] for row, window in nearest}
    assert by_name["300.wav"] < 2 <= by_name["3000.wav"] + 0.96
    assert names.iloc[found.nearest.rows[-4:]].tolist() == ["1000.wav"] * 4
    vectors, asked = workspace.open_set("tones").vectors, found.embedding_set.vectors
    for row, window, distance in zip(
        found.nearest.rows, found.nearest.windows, found.nearest.distances, strict=True
    ):
        one, other = vectors[row].astype(float), asked[window].astype(float)
        cosine = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
        assert distance == pytest.approx(1 - cosine, abs=1e-6)


def test_a_recording_of_the_set_finds_itself_at_0(workspace, tmp_path):
    found = answer(workspace, "tones", tmp_path / "300.wav", "300.wav")
    assert found.nearest.distances[:4] == pytest.approx(0, abs=1e-12)
    assert sorted(found.nearest.rows[:4]) == [0, 1, 2, 3]


def test_silence_is_at_1_from_every_sound():
    sounds = np.array([[1, 0], [0, 0], [0, 2]], np.float32)
    found = most_like(sounds, np.zeros((1, 2), np.float32), 3)
    assert found.rows.tolist() == [1, 0, 2]
    assert found.distances.tolist() == [0, 1, 1]


def test_the_windows_get_their_places_on_the_map(workspace, tmp_path):
    found = answer(workspace, "tones", clip(tmp_path), "frog")
    assert found.coordinates.shape == (len(found.embedding_set), 2)
    assert found.how == "As pca."
    other = Projection("umap", np.zeros((12, 2), np.float32), {})
    assert answer(workspace, "tones", clip(tmp_path), "frog", projection=other).how == "As umap."


def test_a_recording_of_the_set_is_placed_where_it_lies(workspace, tones, tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "embedviz.placing")
    shown = project(tones, "pca")
    found = answer(workspace, "tones", tmp_path / "300.wav", "300.wav", projection=shown)
    assert found.coordinates == pytest.approx(shown.coordinates[:4], abs=1e-3)
    assert found.how


def test_a_map_without_a_place_for_what_is_new_still_gives_neighbours(workspace, placing, tmp_path):
    def place(embedding_set, vectors):
        raise ProjectionError("t-SNE has no place for new sounds.")

    placing.place = place
    found = answer(workspace, "tones", clip(tmp_path), "frog")
    assert (found.coordinates, found.how) == (None, "t-SNE has no place for new sounds.")
    assert len(found.nearest.rows) == 12


def test_a_set_without_a_map_still_gives_neighbours(workspace, tones, tmp_path):
    write_set(replace(tones, projection=None), workspace.set_path("bare"))
    found = answer(workspace, "bare", clip(tmp_path), "frog")
    assert (found.coordinates, found.how) == (None, "The set has no map yet.")


def test_the_windows_can_be_opened_and_heard_like_a_set_but_are_none(workspace, tmp_path):
    path = clip(tmp_path)
    found = answer(workspace, "tones", path, "frog?.WAV")
    path.unlink()
    opened = workspace.open_set(found.name)
    assert opened.table["recording"].unique().tolist() == ["frog?.WAV"]
    assert np.array_equal(opened.vectors, found.embedding_set.vectors)
    assert opened.thumbnails is not None
    source = opened.provenance.recordings["frog?.WAV"]
    assert audio.inspect(workspace.queries / f"{found.id}.wav").duration_s == source.duration_s
    assert source.path == str(workspace.queries.resolve() / f"{found.id}.wav")
    assert workspace.set_names() == ["tones"]


def test_the_server_lets_its_own_workspace_hear_and_see_a_query(workspace, tmp_path):
    found = answer(workspace, "tones", clip(tmp_path), "frog")
    for address in ("sound/{}/{}/0.wav", "picture/{}/{}/1.png", "recording/{}/{}/0"):
        assert Client().get("/" + address.format(workspace.token, found.name)).status_code == 200
        stranger = Workspace.create().token
        assert Client().get("/" + address.format(stranger, found.name)).status_code == 404


@pytest.mark.parametrize("name", ["query~", "query~../tones", "query~abc", "query~" + "A" * 16])
def test_no_query_name_leads_elsewhere(workspace, name):
    with pytest.raises(EmbedvizError, match="cannot name a set"):
        workspace.set_path(name)


def test_a_query_of_another_workspace_cannot_be_opened(workspace, tmp_path):
    found = answer(workspace, "tones", clip(tmp_path), "frog")
    with pytest.raises(EmbedvizError, match="no set"):
        Workspace.create().open_set(found.name)


@pytest.mark.parametrize(("per", "hop_s"), [("window", 0.96), ("recording", None), (1.0, None)])
def test_the_clip_is_heard_as_the_set_was(workspace, tones, model, tmp_path, per, hop_s):
    recordings = [audio.inspect(tmp_path / f"{hz}.wav") for hz in PITCHES_HZ]
    write_set(embed(recordings, model, per=per, hop_s=hop_s), workspace.set_path("other"))
    found = answer(workspace, "other", tmp_path / "300.wav", "300.wav")
    of_set = workspace.open_set("other")
    own = of_set.table["recording"] == "300.wav"
    assert np.array_equal(found.embedding_set.vectors, of_set.vectors[own.to_numpy()])
    assert found.embedding_set.provenance.hop_s == of_set.provenance.hop_s


def test_a_mono_clip_can_be_asked_of_a_set_of_second_channels(workspace, tones, tmp_path):
    made = replace(tones, provenance=replace(tones.provenance, channel=2))
    write_set(made, workspace.set_path("right"))
    assert len(answer(workspace, "right", clip(tmp_path), "frog").nearest.rows) == 12


def test_what_was_asked_is_found_again_newest_first(workspace, tmp_path):
    asked = [answer(workspace, "tones", clip(tmp_path), title) for title in ("a", "b")]
    assert [found.title for found in answers(workspace, "tones")] == ["b", "a"]
    assert answers(workspace, "other") == []
    workspace.set_path(asked[1].name).unlink()
    assert [found.title for found in answers(workspace, "tones")] == ["a"]


def test_only_the_newest_are_kept(workspace, tmp_path, monkeypatch):
    monkeypatch.setattr(query, "QUERIES_KEPT", 2)
    asked = [answer(workspace, "tones", clip(tmp_path), str(number)) for number in range(4)]
    kept = {path.stem for path in workspace.queries.iterdir()}
    assert kept == {found.id for found in asked[2:]}
    assert len(list(workspace.queries.iterdir())) == 4


def test_what_is_no_sound_is_refused_at_once(workspace, tmp_path):
    path = tmp_path / "notes.wav"
    path.write_text("no sound")
    with pytest.raises(EmbedvizError, match=r"my notes is not audio"):
        ask(workspace, "tones", path, "my notes")
    with pytest.raises(EmbedvizError, match="does not exist"):
        ask(workspace, "tones", tmp_path / "gone.wav", "gone")


def test_a_whole_night_is_no_clip(workspace, tmp_path, monkeypatch):
    monkeypatch.setattr(query, "LONGEST_S", 1.0)
    with pytest.raises(EmbedvizError, match="Cut out a part"):
        ask(workspace, "tones", clip(tmp_path), "night")


def test_a_clip_that_the_model_cannot_hear_leaves_nothing(workspace, tmp_path):
    path = tmp_path / "nan.wav"
    sf.write(path, np.full(16000, np.nan, np.float32), 16000, subtype="FLOAT")
    job = finished(ask(workspace, "tones", path, "nan"))
    assert job.state == "failed"
    assert "NaN" in job.message
    assert list(workspace.queries.iterdir()) == []


def test_stopping_leaves_nothing(workspace, tmp_path, monkeypatch):
    def heard(*arguments):
        *_, report = arguments
        queue().of(workspace.token)[0].cancel()
        report(query.Update(0, 0))

    monkeypatch.setattr(query, "_heard", heard)
    job = finished(ask(workspace, "tones", clip(tmp_path), "frog"))
    assert job.state == "stopped"
    assert list(workspace.queries.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"members": ("yamnet", "vggish")}, "join yamnet and vggish; ask a set of one"),
        ({"model": "hub:google/perch"}, "hub:google/perch is no model of embedviz's own"),
        ({"model": "hear:mine"}, "hear:mine is no model of embedviz's own"),
        ({"model": "gone"}, "There is no model 'gone'"),
        ({"variant": "large"}, "has no variant 'large'"),
        ({"model": "yamnet"}, "weights of YAMNet are not on this machine"),
    ],
)
def test_a_model_that_cannot_be_asked_says_why(workspace, tones, tmp_path, changes, sentence):
    made = replace(tones.provenance, **changes)
    assert sentence in obstacle(made)
    write_set(replace(tones, provenance=made), workspace.set_path("odd"))
    with pytest.raises(EmbedvizError, match=sentence):
        ask(workspace, "odd", clip(tmp_path), "frog")
    assert obstacle(tones.provenance) == ""


@pytest.mark.parametrize(
    ("theirs", "said"),
    [({"a.h5": "1" * 64}, ""), ({"a.h5": "2" * 64}, "a.h5 differs"), ({}, "a.h5")],
)
def test_other_weights_are_never_compared(tones, monkeypatch, theirs, said):
    files = {
        "a.h5": SimpleNamespace(sha256="1" * 64, file=SimpleNamespace(optional=False)),
        "classes.csv": SimpleNamespace(sha256="3" * 64, file=SimpleNamespace(optional=True)),
    }
    monkeypatch.setattr(query.weights, "find", lambda facts, variant: files)
    found = obstacle(replace(tones.provenance, weights=theirs))
    assert said in found
    assert bool(found) == bool(said)
