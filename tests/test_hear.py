"""Every model as a HEAR module: the rules of hearvalidator, without the PyTorch that it needs."""

import importlib
import pkgutil
from functools import cache

import numpy as np
import pytest
import soxr
import tensorflow as tf
from official import LIGHT, write_official_weights

from embedviz import hear, models, weights
from embedviz.errors import ModelError, RecordingError, WeightsError

RATES_HZ = (16000, 22050, 32000, 44100, 48000)
LENGTHS_S = (1.07, 1.98)
SCENE_S = 1.74


@pytest.fixture(scope="session")
def official(tmp_path_factory):
    """Give the folder of a model's official files with random numbers."""

    def folder_of(name):
        folder = tmp_path_factory.getbasetemp() / f"official-{name}"
        if not folder.is_dir():
            write_official_weights(name, folder)
        return str(folder) if models.facts(name).files else ""

    return folder_of


def each(names):
    """One worker for all tests of a model: its weights are written and loaded once."""
    return [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in names]


OWN_WINDOWS = ("efficientat", "humpback")
"""The models whose HEAR module cuts other windows than the model's native ones."""


@pytest.fixture(scope="session")
def once(official):
    """Load a module and its model the first time that they are asked for."""

    @cache
    def load(name):
        module = importlib.import_module(f"embedviz.hear.{name}")
        variant = {"variant": LIGHT[name]} if name in LIGHT else {}
        return module, module.load_model(official(name), **variant)

    return load


@pytest.fixture(params=each(models.names()))
def loaded(request, once):
    """Give each module and its model."""
    return once(request.param)


@pytest.fixture
def logmel():
    module = importlib.import_module("embedviz.hear.logmel")
    return module, module.load_model()


def noise(sounds: int, seconds: float, rate_hz: int) -> np.ndarray:
    rng = np.random.default_rng(5)
    return rng.uniform(-1, 1, (sounds, int(seconds * rate_hz))).astype(np.float32)


def relative_difference(a, b) -> float:
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    return float((np.linalg.norm(a - b, axis=-1) / np.linalg.norm(b, axis=-1)).max())


def test_every_model_has_a_hear_module_and_each_is_complete():
    found = [module.name for module in pkgutil.iter_modules(hear.__path__)]
    assert sorted(name for name in found if not name.startswith("_")) == sorted(models.names())
    for name in models.names():
        module = importlib.import_module(f"embedviz.hear.{name}")
        facts = models.facts(name)
        assert "Timestamps:" in module.__doc__
        assert "Scene:" in module.__doc__
        assert f"{facts.variants[facts.default_variant]} values" in module.__doc__
        for function in ("load_model", "get_timestamp_embeddings", "get_scene_embeddings"):
            assert callable(getattr(module, function))


def test_the_model_says_what_hear_asks(loaded):
    module, model = loaded
    assert isinstance(model, tf.Module)
    assert model.sample_rate in RATES_HZ
    assert f"{model.sample_rate:,} Hz" in module.__doc__
    for size in (model.scene_embedding_size, model.timestamp_embedding_size):
        assert type(size) is int
        assert size == model.embedviz.dimensions


@pytest.mark.parametrize("seconds", LENGTHS_S)
def test_timestamp_embeddings_keep_the_validators_rules(loaded, seconds):
    module, model = loaded
    audio = tf.constant(noise(2, seconds, model.sample_rate))
    embeddings, timestamps = module.get_timestamp_embeddings(audio, model)
    assert embeddings.dtype == timestamps.dtype == tf.float32
    assert embeddings.shape == (2, timestamps.shape[1], model.timestamp_embedding_size)
    assert timestamps.shape[0] == 2
    assert timestamps.shape[1] >= 1
    assert np.isfinite(embeddings).all()
    times_ms = timestamps.numpy()
    assert times_ms.min() >= 0
    assert times_ms.max() <= 1000 * seconds
    np.testing.assert_array_equal(times_ms[0], times_ms[1])
    if times_ms.shape[1] > 1:
        steps = np.diff(times_ms)
        assert (steps > 0).all()
        assert np.abs(steps - steps.mean()).max() <= 1
        assert times_ms[0, 0] <= steps.mean()
        # No window could follow that would still be heard in full.
        assert times_ms.max() > 1000 * (seconds - model.embedviz.facts.window_s) - steps.mean()


def test_scene_embeddings_keep_the_rules_and_are_the_models_rows_per_recording(loaded):
    module, model = loaded
    audio = noise(2, SCENE_S, model.sample_rate) * np.array([[1.0], [0.05]], np.float32)
    scenes = module.get_scene_embeddings(tf.constant(audio), model)
    assert scenes.dtype == tf.float32
    assert scenes.shape == (2, model.scene_embedding_size)
    row = model.embedviz.embed(audio[1], model.sample_rate, per="recording")
    assert relative_difference(scenes[1], row.vectors[0]) < 1e-4
    assert relative_difference(scenes[0], scenes[1]) > 1e-3


def test_a_batch_gives_each_sound_what_it_gets_alone(loaded):
    module, model = loaded
    audio = noise(2, 1.3, model.sample_rate) * np.array([[1.0], [0.05]], np.float32)
    together, times_ms = module.get_timestamp_embeddings(audio, model)
    alone, times_alone_ms = module.get_timestamp_embeddings(audio[1:], model)
    assert relative_difference(together[1], alone[0]) < 1e-4
    np.testing.assert_array_equal(times_ms[1], times_alone_ms[0])
    assert relative_difference(together[0], together[1]) > 1e-3


@pytest.mark.parametrize(
    "loaded", each(name for name in models.names() if name not in OWN_WINDOWS), indirect=True
)
def test_timestamps_are_the_centres_of_the_models_own_windows(loaded):
    module, model = loaded
    own = model.embedviz
    audio = noise(1, 1.7, model.sample_rate)
    embeddings, times_ms = module.get_timestamp_embeddings(audio, model)
    windows = own.embed(audio[0], model.sample_rate)
    centres_s = windows.stop_s + windows.padding_s - own.facts.window_s / 2
    inside = centres_s <= 1.7 + 1e-9
    np.testing.assert_allclose(times_ms[0], centres_s[inside] * 1000, atol=2e-3)
    assert relative_difference(embeddings[0], windows.vectors[inside]) < 1e-4


def test_the_window_of_a_short_clip_has_its_timestamp_inside_the_clip(loaded):
    module, model = loaded
    _, times_ms = module.get_timestamp_embeddings(noise(1, 0.33, model.sample_rate), model)
    assert times_ms.numpy().min() >= 0
    assert times_ms.numpy().max() <= 330


def windows_around(padded: np.ndarray, size: int, hop: int, count: int) -> np.ndarray:
    return np.stack([padded[i * hop : i * hop + size] for i in range(count)])


@pytest.mark.xdist_group("efficientat")
@pytest.mark.parametrize("samples", [32_000, 31_999, 34_567, 5_000])
def test_efficientat_hears_160_ms_every_50_ms_with_the_clip_mirrored(official, samples):
    module = importlib.import_module("embedviz.hear.efficientat")
    model = module.load_model(official("efficientat"))
    audio = noise(1, samples / 32_000, 32_000)
    embeddings, times_ms = module.get_timestamp_embeddings(audio, model)
    count = samples // 1600 + 1
    np.testing.assert_array_equal(times_ms[0], np.arange(count) * 50)
    slices = windows_around(np.pad(audio[0], 2560, mode="reflect"), 5120, 1600, count)
    expected = model.embedviz.listener.network(None)(slices)["vectors"]
    assert relative_difference(embeddings[0], expected) < 1e-5
    with pytest.raises(RecordingError, match="2,560"):
        module.get_timestamp_embeddings(audio[:, :2560], model)


@pytest.mark.xdist_group("humpback")
def test_humpback_resamples_and_centres_its_windows_on_their_times(official):
    module = importlib.import_module("embedviz.hear.humpback")
    model = module.load_model(official("humpback"))
    assert model.sample_rate == 16000
    audio = noise(2, 1.07, 16000)
    embeddings, times_ms = module.get_timestamp_embeddings(audio, model)
    np.testing.assert_array_equal(times_ms[1], [0, 480, 960])
    resampled = soxr.resample(audio[1], 16000, 10_000, quality="HQ")
    slices = windows_around(np.pad(resampled, (19_200, 39_124)), 39_124, 4800, 3)
    expected = model.embedviz.listener.network(39_124)(slices)["vectors"]
    assert relative_difference(embeddings[1], expected) < 1e-4


@pytest.mark.xdist_group("openl3")
def test_a_variant_is_a_keyword(official):
    module = importlib.import_module("embedviz.hear.openl3")
    model = module.load_model(official("openl3"), variant="mel256_music_6144")
    assert model.scene_embedding_size == model.timestamp_embedding_size == 6144
    scene = module.get_scene_embeddings(noise(1, 0.5, 48000), model)
    assert scene.shape == (1, 6144)
    with pytest.raises(ModelError, match="no variant"):
        module.load_model(official("openl3"), variant="nonsense")


@pytest.mark.xdist_group("yamnet")
def test_without_a_path_the_weights_folder_is_used(official):
    module = importlib.import_module("embedviz.hear.yamnet")
    with pytest.raises(WeightsError, match="embedviz weights fetch yamnet"):
        module.load_model()
    weights.add(models.facts("yamnet"), official("yamnet"), unverified=True)
    assert module.load_model().embedviz.weights["yamnet.h5"].path.is_file()


def test_a_long_clip_does_not_drift(logmel):
    module, model = logmel
    seconds = 600
    embeddings, times_ms = module.get_timestamp_embeddings(noise(1, seconds, 16000), model)
    assert embeddings.shape[1] == 1 + int((seconds - 0.975) / 0.48)
    np.testing.assert_allclose(
        times_ms[0], 480 + 480.0 * np.arange(embeddings.shape[1]), rtol=0, atol=0.05
    )


def test_tensors_of_any_framework_are_taken(logmel):
    module, model = logmel
    audio = noise(2, 1.5, 16000)

    class TorchTensor:
        """The little of a tensor on a GPU that is asked for."""

        def detach(self):
            return self

        def cpu(self):
            return audio

    expected = module.get_scene_embeddings(audio, model).numpy()
    for tensor in (tf.constant(audio), TorchTensor(), audio.astype(np.float64)):
        np.testing.assert_array_equal(module.get_scene_embeddings(tensor, model), expected)


@pytest.mark.parametrize(
    ("audio", "words"),
    [
        (np.zeros(16000), r"\(16000,\).*n_sounds, n_samples"),
        (np.zeros((0, 16000)), "at least one"),
        (np.zeros((2, 0)), "at least one"),
        (np.full((1, 16000), np.nan), "NaN"),
    ],
)
def test_what_is_no_audio_is_refused_in_words(logmel, audio, words):
    module, model = logmel
    for function in (module.get_timestamp_embeddings, module.get_scene_embeddings):
        with pytest.raises(RecordingError, match=words):
            function(audio, model)


def test_a_model_of_another_module_is_refused(logmel):
    module, model = logmel
    yamnet = importlib.import_module("embedviz.hear.yamnet")
    with pytest.raises(ModelError, match="yamnet did not load"):
        yamnet.get_scene_embeddings(noise(1, 1, 16000), model)
    with pytest.raises(ModelError, match="load_model"):
        module.get_scene_embeddings(noise(1, 1, 16000), tf.Module())
