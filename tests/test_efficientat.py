"""EfficientAT: against the stored outputs of the official code with the real mn04, and against an
independent forward pass in NumPy from the official file format."""

import numpy as np
import pytest
import soundfile as sf
from official_efficientat import FILES, arrays, log_mel, write_class_names
from scipy.special import expit
from torch_writer import write_torch_zip

from embedviz import models
from embedviz.audio import blocks, inspect
from embedviz.errors import WeightsError

KERNELS = (3, 3, 3, 5, 5, 5, 3, 3, 3, 3, 3, 3, 5, 5, 5)
HALVING = {2, 4, 7, 13}
HARD_SWISH_FROM = 7


def chirps(seconds: float, seed: int) -> np.ndarray:
    """Two rising tones and some noise at 32 kHz, other ones for every seed."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(32000 * seconds)) / 32000
    low, high = rng.uniform(100, 3000), rng.uniform(3000, 9000)
    tones = np.sin(2 * np.pi * (low + 300 * t) * t) + np.sin(2 * np.pi * (high - 900 * t) * t)
    return (0.2 * tones + 0.02 * rng.normal(size=len(t))).astype(np.float32)


def hard_swish(x: np.ndarray) -> np.ndarray:
    return x * np.clip(x + 3, 0, 6) / 6


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


class ByHand:
    """MobileNetV3 from the fact sheet in float64, band before time, nothing folded."""

    def __init__(self, state: dict[str, np.ndarray]) -> None:
        self.state = {name: np.asarray(array, np.float64) for name, array in state.items()}

    def layer(self, x: np.ndarray, name: str, stride: int = 1) -> np.ndarray:
        """A convolution of (C, F, T), each channel by itself if the kernel says so, normalised."""
        kernel = self.state[f"{name}.0.weight"]
        edge = kernel.shape[2] // 2
        x = np.pad(x, ((0, 0), (edge, edge), (edge, edge)))
        views = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[2:], axis=(1, 2))
        views = views[:, ::stride, ::stride]
        alone = kernel.shape[1] == 1 and len(x) > 1
        x = (
            np.einsum("cftij,cij->cft", views, kernel[:, 0])
            if alone
            else np.tensordot(kernel, views, axes=([1, 2, 3], [0, 3, 4]))
        )
        gamma, beta, mean, variance = (
            self.state[f"{name}.1.{key}"][:, np.newaxis, np.newaxis]
            for key in ("weight", "bias", "running_mean", "running_var")
        )
        return gamma * (x - mean) / np.sqrt(variance + 1e-3) + beta

    def linear(self, x: np.ndarray, name: str) -> np.ndarray:
        return self.state[f"{name}.weight"] @ x + self.state[f"{name}.bias"]

    def block(self, x: np.ndarray, number: int) -> np.ndarray:
        prefix = f"features.{number}.block"
        act = hard_swish if number >= HARD_SWISH_FROM else relu
        layers = [name for name in (f"{prefix}.{i}" for i in range(4)) if self.known(name)]
        before = x
        for name in layers[:-1]:
            if f"{name}.0.weight" not in self.state:
                squeeze = f"{name}.conc_se_layers.0"
                scale = relu(self.linear(x.mean(axis=(1, 2)), f"{squeeze}.fc1"))
                x = x * expit(self.linear(scale, f"{squeeze}.fc2"))[:, np.newaxis, np.newaxis]
                continue
            depthwise = self.state[f"{name}.0.weight"].shape[2] == KERNELS[number - 1]
            x = act(self.layer(x, name, stride=2 if depthwise and number in HALVING else 1))
        x = self.layer(x, layers[-1])
        return x + before if x.shape == before.shape and number not in HALVING else x

    def known(self, name: str) -> bool:
        return any(key.startswith(f"{name}.") for key in self.state)

    def __call__(self, patch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x = hard_swish(self.layer(patch.T[np.newaxis], "features.0", stride=2))
        for number in range(1, 16):
            x = self.block(x, number)
        embedding = hard_swish(self.layer(x, "features.16")).mean(axis=(1, 2))
        hidden = hard_swish(self.linear(embedding, "classifier.2"))
        return embedding, self.linear(hidden, "classifier.5")


def relative_error(found: np.ndarray, wanted: np.ndarray) -> float:
    return float(np.linalg.norm(found - wanted) / np.linalg.norm(wanted))


@pytest.mark.xdist_group("efficientat")
@pytest.mark.parametrize("variant", FILES)
def test_every_width_from_the_official_format_equals_an_independent_forward_pass(variant, tmp_path):
    state = arrays(np.random.default_rng(7), variant)
    write_torch_zip(tmp_path / FILES[variant], state)
    write_class_names(tmp_path)
    model = models.load_model("efficientat", variant, weights=tmp_path)
    by_hand = ByHand(state)
    vectors = []
    for seconds, seed in [(1.0, 0), (0.77, 1)]:  # 100 frames, and 77: odd sizes are padded too
        sound = chirps(seconds, seed)
        heard = model.embed(sound, 32000, per="recording")
        patch = log_mel(sound)
        embedding, logits = by_hand(patch)
        np.testing.assert_allclose(heard.patches[0], patch, atol=2e-4)
        assert relative_error(heard.vectors[0], embedding) < 2e-5
        np.testing.assert_allclose(heard.scores[0], expit(logits), atol=1e-4)
        assert list(heard.columns["top_class"]) == [f"Class, number {logits.argmax()}"]
        vectors.append(embedding)
    # The sounds are far apart, so that a constant answer would not pass.
    assert relative_error(*vectors) > 0.1


@pytest.mark.xdist_group("efficientat")
@pytest.mark.usefixtures("emulated_bfloat16")
def test_bfloat16_stays_near(tmp_path):
    write_torch_zip(tmp_path / FILES["mn04"], arrays(np.random.default_rng(7), "mn04"))
    exact, rounded = (
        models.load_model("efficientat", weights=tmp_path, precision=precision)
        .embed(chirps(1.0, 0), 32000, per="recording")
        .vectors
        for precision in ("float32", "bfloat16")
    )
    assert rounded.dtype == np.float32
    assert 1e-5 < relative_error(rounded, exact) < 0.1


def test_a_file_of_another_width_is_refused(tmp_path):
    write_torch_zip(tmp_path / FILES["mn04"], arrays(np.random.default_rng(7), "mn10"))
    with pytest.raises(WeightsError, match=r"mn04_as_mAP_432\.pt holds .* not the official file"):
        models.load_model("efficientat", "mn04", weights=tmp_path)


def test_a_file_without_a_statistic_is_refused(tmp_path):
    state = arrays(np.random.default_rng(7), "mn04")
    del state["features.9.block.1.1.running_var"]
    write_torch_zip(tmp_path / FILES["mn04"], state)
    with pytest.raises(WeightsError, match=r"lacks features\.9\.block\.1\.1\.running_var"):
        models.load_model("efficientat", weights=tmp_path)


CLIPS = (
    "dog_bark/1-100032-A",
    "rain/1-17367-A",
    "baby_cry/2-107351-A",
    "clock_tick/2-119748-A",
    "chainsaw/3-118656-A",
    "rooster/3-107219-A",
)
SOUNDS = (
    "speech",
    "music",
    "typing",
    "speech.first1s",
    "speech.first514samples",
    "zeros_10s",
    "speech_then_music_12s",
)


@pytest.fixture(scope="module")
def official(shared):
    """The outputs of the official code with the real mn04."""
    with np.load(shared / "fixtures" / "efficientat" / "expected.npz") as stored:
        return dict(stored)


@pytest.fixture(scope="module")
def real(shared):
    return models.load_model("efficientat", weights=shared / "weights")


@pytest.fixture(scope="module")
def sounds(shared):
    folder = shared / "fixtures" / "efficientat"
    speech, music, typing = (
        sf.read(folder / f"{name}.wav", dtype="float32")[0]
        for name in ("speech", "music", "typing")
    )
    return {
        "speech": speech,
        "music": music,
        "typing": typing,
        "speech.first1s": speech[:32000],
        "speech.first514samples": speech[100000:100514],
        "zeros_10s": np.zeros(320000, np.float32),
        "speech_then_music_12s": np.concatenate([speech, music[:64000]]),
    }


def assert_official(heard, official, name):
    """Everything that is stored about a sound, within limits that catch every known mistake."""
    assert len(heard) == 1
    patch = heard.patches[0].T
    np.testing.assert_array_equal(patch.shape, official[f"{name}.mel_shape"])
    stored = official[f"{name}.mel_every4band_every5frame"]
    np.testing.assert_allclose(patch[::4, ::5], stored, atol=2e-4)
    exact = patch.astype(np.float64)
    np.testing.assert_allclose(
        [exact.mean(), exact.std()], official[f"{name}.mel_mean_std"], atol=1e-5
    )
    if heard.stop_s[0] <= 10:  # the authors' HEAR vectors begin with the mean of every band
        means = official[f"{name}.hear_scene"][:128]
        np.testing.assert_allclose(exact.mean(axis=1), means, atol=2e-5)
    assert relative_error(heard.vectors[0], official[f"{name}.embedding"]) < 2e-5
    np.testing.assert_allclose(heard.scores[0], expit(official[f"{name}.logits"]), atol=2e-5)
    top = np.argsort(-heard.scores[0])[:5]
    np.testing.assert_array_equal(top, official[f"{name}.top5_index"])


@pytest.mark.shared
@pytest.mark.parametrize("name", SOUNDS)
def test_real_weights_give_the_stored_outputs_of_the_official_code(name, official, real, sounds):
    assert_official(real.embed(sounds[name], 32000, per="recording"), official, name)


@pytest.mark.shared
@pytest.mark.parametrize("name", CLIPS)
def test_recordings_from_file_to_vector_equal_the_official_code(name, official, real, shared):
    path = shared / "audio" / "esc10" / f"{name}.ogg"
    wave = np.concatenate(list(blocks(path, 32000)))
    assert len(wave) == official[f"{name}.wave_n"]
    np.testing.assert_allclose(wave[::160], official[f"{name}.wave_every160"], atol=1e-5)
    recording = inspect(path)
    (heard,) = real.hear(blocks(recording, 32000), duration_s=recording.duration_s, per="recording")
    assert_official(heard, official, name)


@pytest.mark.shared
def test_one_native_window_is_the_clip_of_ten_seconds(official, real, sounds):
    heard = real.embed(sounds["speech"], 32000)
    assert_official(heard, official, "speech")


@pytest.mark.shared
def test_every_stage_has_the_stored_means(official, sounds, shared, monkeypatch):
    """Finds the first wrong layer: the mean over time and bands after each of the 17 stages."""
    import keras

    from embedviz.networks import mobilenet

    stages = []
    through = mobilenet._through

    def recorded(block, before, dtype):
        if not stages:
            stages.append(before)
        stages.append(through(block, before, dtype))
        return stages[-1]

    monkeypatch.setattr(mobilenet, "_through", recorded)
    network = mobilenet.network(0.4, shared / "weights" / FILES["mn04"], "float32")
    outputs = keras.Model(network.input, [*stages, network.output[0]])(
        log_mel(sounds["speech"])[np.newaxis].astype(np.float32)
    )
    *maps, embedding = (np.asarray(output, np.float64)[0] for output in outputs)
    found = np.concatenate([*(stage.mean(axis=(0, 1)) for stage in maps), embedding])
    np.testing.assert_allclose(found, official["speech.stage_means"], atol=1e-4)
