"""HEAR modules of other people as models, held to HEAR's contract in words."""

import sys
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from conftest import tone
from hear_modules import good

from embedviz import models
from embedviz.errors import ModelError, RecordingError
from embedviz.foreign import hear, hear_listener
from embedviz.heard import joined

GOOD = "hear_modules.good"


def load(**options):
    return hear.load(GOOD, **options)


def steps(seconds: int) -> np.ndarray:
    """Sound whose level says which second it is."""
    levels = (np.arange(seconds) + 1) / (seconds + 1)
    return np.repeat(levels, 16000).astype(np.float32)


def test_rows_are_the_modules_timestamp_embeddings():
    model = load()
    assert model.facts.hop_s == pytest.approx(0.1)
    assert model.facts.rate_hz == 16000
    heard = model.embed(steps(4), 16000)
    assert len(heard) == 41
    np.testing.assert_allclose(heard.vectors[5], [0.2, 0.2], rtol=1e-6)
    np.testing.assert_allclose(heard.vectors[10], [0.2, 0.4], rtol=1e-6)


def test_a_row_stands_for_half_a_hop_on_either_side_of_its_timestamp():
    heard = load().embed(steps(2), 16000)
    np.testing.assert_allclose(heard.start_s, np.maximum(0, np.arange(21) * 0.1 - 0.05), atol=1e-6)
    np.testing.assert_allclose(heard.stop_s, np.minimum(2, np.arange(21) * 0.1 + 0.05), atol=1e-6)
    assert heard.padding_s[-1] == pytest.approx(0.05)
    assert not heard.padding_s[:-1].any()


def test_the_row_of_a_recording_is_its_scene_embedding():
    heard = load().embed(steps(4), 16000, per="recording")
    np.testing.assert_allclose(heard.vectors, [[0.5, 0.8, 0.2]], rtol=1e-6)
    assert (heard.start_s[0], heard.stop_s[0]) == (0, 4)
    assert heard.patches.shape[1:] == (400, len(load().facts.bands_hz))


def test_rows_per_second_are_the_means_of_the_timestamps_inside():
    heard = load().embed(steps(4), 16000, per=2.0)
    rows = load().embed(steps(4), 16000).vectors
    # The last timestamp lies at the end, in no stretch.
    expected = [rows[:20].mean(axis=0), rows[20:40].mean(axis=0)]
    np.testing.assert_allclose(heard.vectors, expected, rtol=1e-5)


@pytest.mark.parametrize("per", ["window", 0.5, "recording"])
def test_pictures_show_the_sound_of_their_rows(per):
    model = load()
    tones_hz = [300.0, 900.0, 2500.0, 6000.0]
    heard = model.embed(np.concatenate([tone(hz, 1.0) for hz in tones_hz]), 16000, per=per)
    for row in range(len(heard)):
        end_s = heard.stop_s[row] + heard.padding_s[row]
        begin_s = end_s - model.facts.window_s if per == "window" else heard.start_s[row]
        frames = heard.patches.shape[1]
        for frame in range(frames):
            at_s = begin_s + (frame + 0.5) / frames * (end_s - begin_s)
            if 0.1 < at_s % 1 < 0.9 and at_s < 4:  # away from the joints
                peak_hz = model.facts.bands_hz[heard.patches[row, frame].argmax()]
                assert peak_hz == pytest.approx(tones_hz[int(at_s)], rel=0.1)
    assert "picture" in model.facts.patch_unit


def test_a_full_scale_sine_has_zero_decibels_and_silence_is_floored():
    model = load()
    loud = model.embed(tone(1000, 1.0, level=1.0), 16000, per="recording").patches
    assert -4 < loud.max() < 0.5
    silent = model.embed(np.zeros(16000, np.float32), 16000).patches
    np.testing.assert_allclose(silent, -100)


@pytest.fixture
def short_parts(monkeypatch):
    """Cut recordings into parts of three seconds, and note how long the pieces are."""
    monkeypatch.setattr(hear_listener, "PART_S", 3.0)
    monkeypatch.setattr(hear_listener, "CONTEXT_S", 0.35)
    heard_s = []
    for name in ("get_timestamp_embeddings", "get_scene_embeddings"):
        function = getattr(good, name)

        def noted(audio, model, function=function):
            heard_s.append(round(audio.shape[1] / model.sample_rate, 3))
            return function(audio, model)

        monkeypatch.setattr(good, name, noted)
    return heard_s


def test_a_long_recording_is_heard_in_parts_as_if_in_one(short_parts):
    model = load()
    sound = np.abs(np.random.default_rng(3).normal(0, 0.2, 16000 * 10 + 77)).astype(np.float32)
    short_parts.clear()
    blocks = [sound[i : i + 7001] for i in range(0, len(sound), 7001)]
    heard = joined(model.hear(blocks, duration_s=len(sound) / 16000))
    assert short_parts == [3.4, 3.8, 3.8, 1.405]
    expected, times_ms = good.get_timestamp_embeddings(
        sound[np.newaxis], model.listener.module.model
    )
    np.testing.assert_allclose(heard.vectors, expected[0], rtol=1e-5)
    np.testing.assert_allclose(
        heard.stop_s + heard.padding_s - 0.05, times_ms[0].numpy() / 1000, atol=1e-5
    )


def test_the_scene_of_a_long_recording_is_the_mean_of_equal_parts(short_parts):
    model = load()
    short_parts.clear()
    heard = model.embed(steps(8), 16000, per="recording")
    assert short_parts == [2.667, 2.667, 2.667]
    parts = np.split(steps(8)[: 42666 * 3], 3)
    means = [[part.mean(), part.max(), part.min()] for part in parts]
    np.testing.assert_allclose(heard.vectors[0], np.mean(means, axis=0), atol=1e-3)
    assert heard.patches.shape[1] == 800


def test_the_address_hear_colon_module_loads_it():
    model = models.load_model(f"hear:{GOOD}")
    assert model.facts.name == f"hear:{GOOD}"
    assert model.dimensions == 2


def test_our_own_modules_work_as_foreign_ones():
    own = models.load_model("logmel").embed(tone(700, 2.5), 16000)
    heard = models.load_model("hear:embedviz.hear.logmel").embed(tone(700, 2.5), 16000)
    np.testing.assert_allclose(heard.vectors, own.vectors, atol=1e-6)
    np.testing.assert_allclose(heard.start_s, [0.24, 0.72, 1.2, 1.68], atol=1e-6)


def test_weights_and_variants_go_to_load_model(tmp_path):
    weights = tmp_path / "gain.txt"
    weights.write_text("10")
    sound = steps(2)
    plain = load().embed(sound, 16000).vectors
    from_file = load(weights=weights)
    np.testing.assert_allclose(from_file.embed(sound, 16000).vectors, plain * 10)
    np.testing.assert_allclose(load(variant="loud").embed(sound, 16000).vectors, plain * 100)
    assert "gain.txt" in from_file.weights
    # The module's own code counts as a weight file, so that other code is another model.
    assert [found.path.name for found in load().weights.values()] == ["good.py"]
    assert not load().verified


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("hear_modules.nowhere", "no Python module hear_modules.nowhere"),
        ("nowhere.at.all", "no Python module nowhere here"),
        ("hear_modules.needy", "without the Python module a_framework_that_nobody_has"),
        ("hear_modules.failing", "RuntimeError: no licence on this machine"),
        ("hear_modules.empty", "no function load_model"),
        ("../hear_modules/good.py", "no name of a Python module"),
        ("os;print", "no name of a Python module"),
        ("hear_modules.class", "no name of a Python module"),
        ("", "no name of a Python module"),
    ],
)
def test_what_cannot_be_imported_is_explained(name, words):
    with pytest.raises(ModelError, match=words):
        hear.load(name)


def test_a_precision_or_variant_that_it_cannot_have_is_refused(monkeypatch):
    with pytest.raises(ModelError, match="float32"):
        load(precision="bfloat16")
    monkeypatch.setattr(good, "load_model", lambda model_file_path="": good.Levels(1.0))
    with pytest.raises(ModelError, match="variant"):
        load(variant="loud")
    with pytest.raises(ModelError, match="leave the hop out"):
        load().embed(steps(1), 16000, hop_s=0.2)


def broken_model(**attributes):
    model = good.Levels(1.0)
    for name, value in attributes.items():
        setattr(model, name, value)
    return lambda model_file_path="": model


@pytest.mark.parametrize(
    ("load_model", "words"),
    [
        (lambda path="": SimpleNamespace(sample_rate=16000), "SimpleNamespace.*tf.Module"),
        (lambda path: good.Levels(1.0), "load_model failed with no weights.*TypeError"),
        (broken_model(sample_rate=10000), "sample_rate is 10000.*16000, 22050"),
        (broken_model(sample_rate=None), "sample_rate is None"),
        (broken_model(scene_embedding_size=3.0), "scene_embedding_size is 3.0.*Python int"),
        (
            broken_model(timestamp_embedding_size=np.int64(2)),
            "timestamp_embedding_size is np.int64",
        ),
        (broken_model(timestamp_embedding_size=7), r"\(2, 12, 2\).*\(2, n_timestamps, 7\)"),
    ],
)
def test_a_model_that_breaks_the_contract_is_refused(monkeypatch, load_model, words):
    monkeypatch.setattr(good, "load_model", load_model)
    with pytest.raises(ModelError, match=words) as refused:
        load()
    assert GOOD in str(refused.value)


def changed(vectors=lambda values: values, times_ms=lambda values: values):
    original = good.get_timestamp_embeddings

    def get_timestamp_embeddings(audio, model):
        found, at_ms = original(audio, model)
        return vectors(found), times_ms(at_ms)

    return get_timestamp_embeddings


def fail(audio, model):
    raise ValueError("too short")


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda audio, model: tf.zeros((2, 3, 2)), r"float32 values of shape \(2, 3, 2\).*a pair"),
        (lambda audio, model: (None, None), "a NoneType"),
        (fail, "failed on 1.1 s of sound .ValueError: too short"),
        (changed(lambda values: tf.cast(values, tf.float64)), "float64 values.*float32"),
        (changed(lambda values: values[0]), r"shape \(12, 2\)"),
        (changed(lambda values: values[:1]), r"shape \(1, 12, 2\)"),
        (changed(lambda values: values * np.nan), "NaN"),
        (changed(times_ms=lambda ms: ms[:, :5]), r"shape \(2, 5\) as timestamps"),
        (changed(times_ms=lambda ms: ms[:, ::-1]), "do not increase"),
        (changed(times_ms=lambda ms: ms * np.nan), "do not increase"),
        (changed(times_ms=lambda ms: ms + 50), "from 50 to 1150 ms.*inside the sound"),
        (changed(times_ms=lambda ms: ms - 50), "from -50 to 1050 ms.*inside the sound"),
        (changed(times_ms=lambda ms: ms**2 / 2000), "ms apart.*regular"),
        (changed(times_ms=lambda ms: ms * [[1.0], [0.5]]), "not those of every sound"),
        (changed(lambda values: values[:, :1], lambda ms: ms[:, :1]), "one timestamp for 60 s"),
    ],
)
def test_timestamps_that_break_the_contract_are_refused(monkeypatch, function, words):
    monkeypatch.setattr(good, "get_timestamp_embeddings", function)
    with pytest.raises(ModelError, match=words) as refused:
        load()
    assert GOOD in str(refused.value)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda audio, model: tf.zeros((2, 4)), r"\(2, 4\).*\(2, 3\)"),
        (lambda audio, model: tf.zeros((2, 3), tf.float16), "float16 values.*float32"),
        (lambda audio, model: tf.fill((2, 3), np.inf), "NaN or infinite"),
        (fail, "get_scene_embeddings failed"),
    ],
)
def test_scenes_that_break_the_contract_are_refused(monkeypatch, function, words):
    monkeypatch.setattr(good, "get_scene_embeddings", function)
    with pytest.raises(ModelError, match=words):
        load()


@pytest.mark.parametrize("per", ["window", "recording"])
def test_a_module_that_fails_later_costs_one_recording(monkeypatch, per):
    model = load()
    for name in ("get_timestamp_embeddings", "get_scene_embeddings"):
        monkeypatch.setattr(good, name, fail)
    with pytest.raises(RecordingError, match=f"{GOOD}.*too short"):
        model.embed(steps(1), 16000, per=per)


class StandInTensor:
    """The little of a PyTorch tensor that is asked for."""

    def __init__(self, values):
        self.values = np.asarray(values)

    def detach(self):
        return self

    def cpu(self):
        return self.values


def test_a_pytorch_module_gets_its_own_tensors_without_gradients(monkeypatch):
    """With a stand-in for PyTorch, which is no dependency."""
    watched = []

    @contextmanager
    def no_grad():
        watched.append("no_grad")
        yield
        watched.append("end")

    def from_numpy(values):
        watched.append("tensor")
        return StandInTensor(values)

    class Module:
        def to(self, device):
            watched.append(device)

    Module.__module__ = "torch.nn.modules.module"

    class Levels(Module):
        sample_rate, timestamp_embedding_size, scene_embedding_size, gain = 16000, 2, 3, 1.0

    def through(function):
        def call(audio, model):
            assert isinstance(audio, StandInTensor)
            assert watched[-1] == "no_grad"
            found = function(audio.values, model)
            pair = isinstance(found, tuple)
            return tuple(map(StandInTensor, found)) if pair else StandInTensor(found)

        return call

    monkeypatch.setitem(
        sys.modules, "torch", SimpleNamespace(no_grad=no_grad, from_numpy=from_numpy)
    )
    monkeypatch.setattr(good, "load_model", lambda model_file_path="": Levels())
    for name in ("get_timestamp_embeddings", "get_scene_embeddings"):
        monkeypatch.setattr(good, name, through(getattr(good, name)))
    heard = load().embed(steps(4), 16000)
    np.testing.assert_allclose(heard.vectors[5], [0.2, 0.2], rtol=1e-6)
    assert watched[0] == "cpu"
    assert watched[-1] == "end"
