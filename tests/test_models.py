"""The contract that every model file keeps; a new file is tested by being there."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from conftest import tone
from official import LIGHT, write_official_weights

from embedviz import models
from embedviz.errors import EmbedvizError, ModelError, RecordingError, WeightsError
from embedviz.heard import joined


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


def each(variants_of):
    return pytest.mark.parametrize(
        "model",
        [
            # One worker for all tests of a model: its weights are written and loaded once.
            pytest.param(
                (name, variant), id=f"{name}-{variant}", marks=pytest.mark.xdist_group(name)
            )
            for name in models.names()
            for variant in variants_of(models.facts(name))
        ],
        indirect=True,
    )


every_variant = each(lambda facts: facts.variants)
every_model = each(lambda facts: [LIGHT.get(facts.name, facts.default_variant)])


def noise(seconds: float, rate_hz: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(0, 0.1, round(seconds * rate_hz)).astype(np.float32)


def relative_difference(a: np.ndarray, b: np.ndarray) -> float:
    return float((np.linalg.norm(a - b, axis=1) / np.linalg.norm(b, axis=1)).max())


def begin_s(heard, facts) -> np.ndarray:
    """Where each window begins, its edges before the recording included."""
    return heard.stop_s + heard.padding_s - facts.window_s


@every_variant
def test_rows_have_the_promised_shapes_and_types(model):
    facts = model.facts
    seconds = facts.window_s + 2 * facts.hop_s
    heard = model.embed(noise(seconds, facts.rate_hz), facts.rate_hz)
    rows = len(heard)
    assert rows >= 1
    assert heard.vectors.shape == (rows, facts.variants[model.variant])
    assert heard.vectors.dtype == np.float32
    assert heard.patches.shape == (rows, facts.patch_frames, len(facts.bands_hz))
    assert np.isfinite(heard.vectors).all()
    assert np.isfinite(heard.patches).all()
    lead_s = facts.framing.lead_samples / facts.rate_hz
    np.testing.assert_allclose(
        begin_s(heard, facts), np.arange(rows) * facts.hop_s - lead_s, atol=1e-6
    )
    np.testing.assert_allclose(heard.start_s, np.maximum(0, begin_s(heard, facts)), atol=1e-6)
    assert (heard.stop_s > heard.start_s).all()
    assert heard.stop_s.max() <= seconds + 1e-4


@every_model
def test_different_sounds_have_different_vectors(model):
    rate = model.facts.rate_hz
    sounds = [noise(2.0, rate), tone(700, 2.0, rate), np.zeros(2 * rate, np.float32)]
    vectors = np.concatenate(
        [
            model.embed(sound, rate, per="recording", hop_s=wide_hop_s(model.facts)).vectors
            for sound in sounds
        ]
    )
    for a, b in [(0, 1), (0, 2), (1, 2)]:
        assert relative_difference(vectors[a : a + 1], vectors[b : b + 1]) > 0.01


def wide_hop_s(facts) -> float | None:
    """A hop of half a second for models that hear far more windows natively: OpenL3 takes long."""
    return 0.5 if facts.hop_s < 0.4 and not facts.any_window else None


@every_model
@pytest.mark.parametrize("per", ["window", 1.5, "recording"])
def test_blocks_and_batches_change_no_result(model, per):
    facts = model.facts
    # Enough for two stretches of 1.5 s and three windows.
    sound = noise(max(2.3, facts.window_s + 2.2 * facts.hop_s), facts.rate_hz)
    hop_s = wide_hop_s(facts)
    whole = model.embed(sound, facts.rate_hz, per=per, hop_s=hop_s)
    for block, batch in [(997, 1), (50_000, 5)]:
        blocks = [sound[i : i + block] for i in range(0, len(sound), block)]
        heard = replace(model, batch=batch).hear(
            iter(blocks), duration_s=len(sound) / facts.rate_hz, per=per, hop_s=hop_s
        )
        heard = joined(heard)
        if model.variant == "postprocessed":
            # Values are cut to whole numbers, so rounding may move one by a single count.
            assert np.abs(heard.vectors - whole.vectors).max() <= 1
        else:
            assert relative_difference(heard.vectors, whole.vectors) < 1e-5
        np.testing.assert_allclose(heard.patches, whole.patches, atol=1e-3)


@every_model
@pytest.mark.parametrize("per", ["window", 2.0, "recording"])
def test_a_rows_patch_shows_the_sound_between_its_times(model, per):
    """A recording with another tone in every second: each frame peaks where its tone is."""
    facts = model.facts
    bands = np.array(facts.bands_hz)
    tones = np.geomspace(max(bands[len(bands) // 8], 100), bands[-8], 8)
    sound = np.concatenate([tone(hz, 1.0, facts.rate_hz) for hz in tones])
    heard = model.embed(sound, facts.rate_hz, per=per, hop_s=wide_hop_s(facts))
    seen = 0
    for row in range(len(heard)):
        begin, end = heard.start_s[row], heard.stop_s[row]
        if per == "window":
            begin, end = begin_s(heard, facts)[row], end + heard.padding_s[row]
        frames = len(heard.patches[row])
        centres = begin + (np.arange(frames) + 0.5) / frames * (end - begin)
        for frame, at in enumerate(centres):
            # Away from the joints, where one frame holds two tones, and from the last frames,
            # which some front ends fill up with zeros.
            if frame < 0.95 * frames and 0 < at < 7.9 and 0.1 < at % 1 < 0.9:
                peak = bands[heard.patches[row, frame].argmax()]
                assert abs(peak - tones[int(at)]) < max(80, 0.08 * tones[int(at)])
                seen += 1
    assert seen > 5


@every_model
def test_a_recording_shorter_than_a_window_is_padded_and_says_so(model):
    facts = model.facts
    sound = noise(facts.window_s / 4, facts.rate_hz)
    if facts.framing.edges == "reflect":
        with pytest.raises(RecordingError, match="mirrors"):
            model.embed(sound, facts.rate_hz)
        return
    heard = model.embed(sound, facts.rate_hz)
    assert len(heard) == 1
    assert heard.stop_s[0] == pytest.approx(facts.window_s / 4, abs=1e-4)
    lead_s = facts.framing.lead_samples / facts.rate_hz
    assert heard.padding_s[0] == pytest.approx(facts.window_s * 3 / 4 - lead_s, abs=1e-4)


@every_model
def test_one_row_per_recording_covers_it(model):
    facts = model.facts
    sound, hop_s = noise(2.2, facts.rate_hz), wide_hop_s(facts)
    heard = model.embed(sound, facts.rate_hz, per="recording", hop_s=hop_s)
    assert len(heard) == 1
    assert heard.start_s[0] == 0
    assert heard.stop_s[0] == pytest.approx(2.2)
    if facts.clip is None:
        windows = model.embed(sound, facts.rate_hz, hop_s=hop_s).vectors
        np.testing.assert_allclose(heard.vectors[0], windows.mean(axis=0), atol=1e-3, rtol=1e-4)
    else:
        too_short = sound[: facts.clip.shortest_samples - 1]
        with pytest.raises(RecordingError, match="at least"):
            model.embed(too_short, facts.rate_hz, per="recording")
        shortest = model.embed(sound[: facts.clip.shortest_samples], facts.rate_hz, per="recording")
        assert np.isfinite(shortest.vectors).all()


@every_model
def test_one_row_per_second_stands_for_the_same_sound_with_every_model(model):
    facts = model.facts
    sound = noise(2.2, facts.rate_hz)
    heard = model.embed(sound, facts.rate_hz, per=1, hop_s=wide_hop_s(facts))
    np.testing.assert_allclose(heard.start_s, np.arange(3.0))
    np.testing.assert_allclose(heard.stop_s, [1, 2, 2.2], atol=1e-4)
    if facts.any_window:
        alone = model.embed(sound[facts.rate_hz : 2 * facts.rate_hz], facts.rate_hz, "recording")
        assert relative_difference(heard.vectors[1:2], alone.vectors) < 1e-5


@every_model
def test_sound_at_another_rate_or_with_channels_is_taken(model):
    stereo, hop_s = np.stack([tone(500, 2.0, 44100)] * 2, axis=1), wide_hop_s(model.facts)
    heard = model.embed(stereo, 44100, hop_s=hop_s)
    mono = model.embed(tone(500, 2.0, 44100), 44100, hop_s=hop_s)
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
        if file.checksum is not None:
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
@pytest.mark.usefixtures("emulated_bfloat16")
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
