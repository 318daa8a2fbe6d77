"""The contract that every model file keeps; a new file is tested by being there."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from conftest import tone
from official import write_official_weights

from embedviz import models
from embedviz.errors import EmbedvizError, ModelError, RecordingError, WeightsError
from embedviz.mel import hz_to_mel


@pytest.fixture(scope="session")
def loaded(tmp_path_factory):
    """Every model and variant, with random weights in the official file formats."""
    kept = {}

    def load(name, variant):
        if (name, variant) not in kept:
            folder = tmp_path_factory.getbasetemp() / f"official-{name}"
            if not folder.is_dir():
                write_official_weights(name, folder)
            weights = folder if models.facts(name).files else None
            kept[name, variant] = models.load_model(name, variant, weights=weights)
        return kept[name, variant]

    return load


@pytest.fixture
def model(request, loaded):
    return loaded(*request.param)


every_model = pytest.mark.parametrize(
    "model",
    [
        # One worker for all tests of a model: its weights are written and loaded once.
        pytest.param((name, variant), id=f"{name}-{variant}", marks=pytest.mark.xdist_group(name))
        for name in models.names()
        for variant in models.facts(name).variants
    ],
    indirect=True,
)


def noise(seconds: float, rate_hz: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(0, 0.1, round(seconds * rate_hz)).astype(np.float32)


def relative_difference(a: np.ndarray, b: np.ndarray) -> float:
    return float((np.linalg.norm(a - b, axis=1) / np.linalg.norm(b, axis=1)).max())


@every_model
def test_rows_have_the_promised_shapes_and_types(model):
    facts = model.facts
    heard = model.embed(noise(4.0, facts.rate_hz), facts.rate_hz)
    rows = len(heard)
    assert rows >= 1
    assert heard.vectors.shape == (rows, facts.variants[model.variant])
    assert heard.vectors.dtype == np.float32
    assert heard.patches.shape == (rows, facts.patch_frames, len(facts.bands_hz))
    assert np.isfinite(heard.vectors).all()
    np.testing.assert_allclose(heard.start_s, np.arange(rows) * facts.hop_s)
    assert (heard.stop_s > heard.start_s).all()
    assert heard.stop_s.max() <= 4.0
    np.testing.assert_allclose(
        heard.stop_s + heard.padding_s, heard.start_s + facts.window_s, atol=1e-6
    )


@every_model
def test_blocks_and_batches_change_no_result(model):
    sound = noise(7.3, model.facts.rate_hz)
    whole = model.embed(sound, model.facts.rate_hz)
    for block, batch in [(997, 1), (50_000, 5)]:
        blocks = [sound[i : i + block] for i in range(0, len(sound), block)]
        parts = list(replace(model, batch=batch).hear(iter(blocks), duration_s=len(sound) / 16000))
        vectors = np.concatenate([part.vectors for part in parts])
        if model.variant == "postprocessed":
            # Values are cut to whole numbers, so rounding may move one by a single count.
            assert np.abs(vectors - whole.vectors).max() <= 1
        else:
            assert relative_difference(vectors, whole.vectors) < 1e-5
        np.testing.assert_allclose(
            np.concatenate([part.patches for part in parts]), whole.patches, atol=1e-4
        )


@every_model
@pytest.mark.parametrize("per", ["window", 2.0, "recording"])
def test_a_rows_patch_shows_the_sound_between_its_times(model, per):
    """A recording with another tone in every second: each frame peaks where its tone is."""
    facts = model.facts
    low, high = facts.bands_hz[8], facts.bands_hz[-8]
    tones = np.geomspace(low, high, 8)
    sound = np.concatenate([tone(hz, 1.0, facts.rate_hz) for hz in tones])
    heard = model.embed(sound, facts.rate_hz, per=per)
    bands = hz_to_mel(facts.bands_hz)
    for row in range(len(heard)):
        end = heard.stop_s[row] + (heard.padding_s[row] if per == "window" else 0)
        centres = heard.start_s[row] + (
            np.arange(facts.patch_frames) + 0.5
        ) / facts.patch_frames * (end - heard.start_s[row])
        for frame, at in enumerate(centres):
            # Away from the joints, where one frame holds two tones.
            if at < 7.9 and 0.1 < at % 1 < 0.9 and heard.padding_s[row] == 0:
                peak = heard.patches[row, frame].argmax()
                assert abs(bands[peak] - hz_to_mel(tones[int(at)])) < 2 * (bands[1] - bands[0])


@every_model
def test_a_recording_shorter_than_a_window_is_padded_and_says_so(model):
    facts = model.facts
    sound = noise(facts.window_s / 4, facts.rate_hz)
    heard = model.embed(sound, facts.rate_hz)
    assert len(heard) == 1
    assert heard.stop_s[0] == pytest.approx(facts.window_s / 4)
    assert heard.padding_s[0] == pytest.approx(facts.window_s * 3 / 4)
    padded = np.concatenate([sound, np.zeros(facts.window_samples - len(sound), np.float32)])
    np.testing.assert_allclose(
        heard.vectors, model.embed(padded, facts.rate_hz).vectors[:1], rtol=1e-4, atol=1e-4
    )


@every_model
def test_one_row_per_recording_covers_it(model):
    facts = model.facts
    heard = model.embed(noise(5.2, facts.rate_hz), facts.rate_hz, per="recording")
    assert len(heard) == 1
    assert heard.start_s[0] == 0
    assert 5.2 - facts.hop_s <= heard.stop_s[0] <= 5.2
    windows = model.embed(noise(5.2, facts.rate_hz), facts.rate_hz)
    np.testing.assert_allclose(heard.vectors[0], windows.vectors.mean(axis=0), atol=1e-3, rtol=1e-4)


@every_model
def test_sound_at_another_rate_or_with_channels_is_taken(model):
    stereo = np.stack([tone(500, 2.0, 44100), tone(500, 2.0, 44100)], axis=1)
    heard = model.embed(stereo, 44100)
    mono = model.embed(tone(500, 2.0, 44100), 44100)
    np.testing.assert_array_equal(heard.vectors, mono.vectors)


@every_model
def test_bad_sound_and_settings_are_refused_in_one_sentence(model):
    rate = model.facts.rate_hz
    for sound, words in [
        (np.zeros(0, np.float32), "0 samples"),
        (np.full(rate, np.nan), "NaN"),
        (np.zeros((2, 3, 4)), "shape"),
    ]:
        with pytest.raises(RecordingError, match=words):
            model.embed(sound, rate)
    for settings in [{"per": "clip"}, {"per": 0.01}, {"hop_s": 0}, {"hop_s": float("nan")}]:
        with pytest.raises(ModelError):
            model.embed(np.zeros(rate, np.float32), rate, **settings)


@every_model
def test_silence_gives_finite_vectors(model):
    rate = model.facts.rate_hz
    assert np.isfinite(model.embed(np.zeros(rate, np.float32), rate).vectors).all()


@pytest.mark.parametrize("name", models.names())
def test_the_facts_are_complete_and_load_no_framework(name):
    facts = models.facts(name)
    assert facts.name == name
    assert facts.licence
    assert facts.home.startswith("https://")
    assert len(facts.bands_hz) > 1
    assert facts.patch_range[0] < facts.patch_range[1]
    for file in facts.files:
        assert file.url.startswith("https://")
        assert file.checksum.partition(":")[0] in ("sha256", "md5", "git-blob-sha1")


@pytest.mark.parametrize("name", [name for name in models.names() if models.facts(name).files])
def test_missing_weights_are_explained_before_tensorflow_loads(name):
    with pytest.raises(WeightsError, match=f"embedviz weights fetch {name}"):
        models.load_model(name)


@pytest.mark.parametrize("name", [name for name in models.names() if models.facts(name).files])
def test_a_file_that_is_something_else_is_refused(name, tmp_path):
    facts = models.facts(name)
    for file in facts.files:
        (tmp_path / file.name).write_bytes(b"not a checkpoint" * 100)
    for variant in facts.variants:
        with pytest.raises(WeightsError):
            models.load_model(name, variant, weights=tmp_path)


def test_unknown_names_are_answered_with_the_known_ones():
    with pytest.raises(ModelError, match="logmel"):
        models.load_model("nonsense")
    with pytest.raises(ModelError, match="default"):
        models.load_model("logmel", variant="nonsense")
    with pytest.raises(ModelError, match="float32"):
        models.load_model("logmel", precision="bfloat16")
    assert issubclass(ModelError, EmbedvizError)


@pytest.mark.xdist_group("vggish")
def test_bfloat16_stays_close_to_float32(loaded):
    model = loaded("vggish", "raw")
    folder = next(iter(model.weights.values())).path.parent
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        half = models.load_model("vggish", weights=folder, precision="bfloat16")
    a = model.embed(noise(3, 16000), 16000).vectors
    b = half.embed(noise(3, 16000), 16000).vectors
    cosine = (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    assert cosine.min() > 0.99
    assert not np.array_equal(a, b)
