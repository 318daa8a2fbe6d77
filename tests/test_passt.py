"""PaSST: the published numbers of its front end, and an independent forward pass in NumPy from the
official file format."""

from itertools import islice

import numpy as np
import pytest
from official import chirp
from official_efficientat import log_mel
from official_passt import FILE, arrays, write
from scipy.special import erf, expit
from torch_writer import write_torch_zip

from embedviz import models
from embedviz.errors import WeightsError

pytestmark = pytest.mark.xdist_group("passt")


def front_end(samples: np.ndarray) -> np.ndarray:
    from embedviz.frontends.kaldi import kaldi_log_mel

    return np.asarray(kaldi_log_mel(samples[np.newaxis].astype(np.float32)))[0]


def test_the_front_end_gives_the_official_numbers():
    """Figures of the official code for T(32000, 2)."""
    found = front_end(chirp(32000, 2))
    assert found.shape == (200, 128)
    assert found.mean(dtype=np.float64) == pytest.approx(0.441211, abs=1e-5)
    assert found.std(dtype=np.float64) == pytest.approx(0.766590, abs=1e-5)
    assert found.min() == pytest.approx(-1.402497, abs=1e-4)
    assert found.max() == pytest.approx(3.101621, abs=1e-4)
    bands = [0, 10, 64, 127]
    np.testing.assert_allclose(found[0, bands], [0.804087, 0.766230, 0.698323, 1.170272], atol=1e-4)
    np.testing.assert_allclose(
        found[100, bands], [-1.171689, -1.237351, 0.446858, 1.429985], atol=1e-4
    )


@pytest.mark.parametrize("samples", [514, 4801, 5120, 31999])
def test_the_front_end_keeps_the_official_count_of_frames_at_any_length(samples):
    sound = chirp(32000, 1)[:samples]
    found = front_end(sound)
    assert len(found) == 1 + (samples - 1) // 320
    np.testing.assert_allclose(found, log_mel(sound), atol=5e-4)


def test_digital_silence_is_the_floor_in_every_band():
    np.testing.assert_allclose(front_end(np.zeros(32000)), -1.402585, atol=1e-6)


class ByHand:
    """The vision transformer of the fact sheet in float64, one sound at a time."""

    def __init__(self, state: dict[str, np.ndarray]) -> None:
        self.state = {name: array.astype(np.float64) for name, array in state.items()}

    def linear(self, x: np.ndarray, name: str) -> np.ndarray:
        return x @ self.state[f"{name}.weight"].T + self.state[f"{name}.bias"]

    def norm(self, x: np.ndarray, name: str, epsilon: float = 1e-6) -> np.ndarray:
        x = x - x.mean(axis=-1, keepdims=True)
        x /= np.sqrt((x**2).mean(axis=-1, keepdims=True) + epsilon)
        return x * self.state[f"{name}.weight"] + self.state[f"{name}.bias"]

    def tokens(self, patch: np.ndarray) -> np.ndarray:
        """cls and dist, then the patches of the lowest bands in order of time, and so on."""
        views = np.lib.stride_tricks.sliding_window_view(patch.T, (16, 16))[::10, ::10]
        kernel = self.state["patch_embed.proj.weight"][:, 0]
        x = np.tensordot(views, kernel, axes=([2, 3], [1, 2])) + self.state["patch_embed.proj.bias"]
        x += self.state["freq_new_pos_embed"][0].transpose(1, 2, 0)
        x += self.state["time_new_pos_embed"][0].transpose(1, 2, 0)[:, : x.shape[1]]
        first = np.stack([self.state[f"{name}_token"][0, 0] for name in ("cls", "dist")])
        return np.concatenate([first + self.state["new_pos_embed"][0], x.reshape(-1, 768)])

    def attention(self, x: np.ndarray, name: str) -> np.ndarray:
        qkv = self.linear(x, f"{name}.attn.qkv")
        heads = []
        for head in range(12):
            query, key, value = (
                qkv[:, part * 768 + head * 64 : part * 768 + head * 64 + 64] for part in range(3)
            )
            weights = np.exp(query @ key.T / 8)
            heads.append(weights / weights.sum(axis=1, keepdims=True) @ value)
        return self.linear(np.concatenate(heads, axis=1), f"{name}.attn.proj")

    def __call__(self, patch: np.ndarray) -> np.ndarray:
        """Give [logits (527), features (768)]."""
        x = self.tokens(patch)
        for name in (f"blocks.{number}" for number in range(12)):
            x = x + self.attention(self.norm(x, f"{name}.norm1"), name)
            hidden = self.linear(self.norm(x, f"{name}.norm2"), f"{name}.mlp.fc1")
            hidden = hidden * 0.5 * (1 + erf(hidden / np.sqrt(2)))
            x = x + self.linear(hidden, f"{name}.mlp.fc2")
        features = self.norm(x[:2], "norm").mean(axis=0)
        logits = self.linear(self.norm(features, "head.0", 1e-5), "head.1")
        return np.concatenate([logits, features])


def relative_errors(found: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    return np.linalg.norm(found - wanted, axis=-1) / np.linalg.norm(wanted, axis=-1)


@pytest.fixture(scope="module")
def by_hand():
    return ByHand(arrays(np.random.default_rng(7)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The official file with random numbers, and the class names."""
    folder = tmp_path_factory.mktemp("passt")
    write(folder, np.random.default_rng(7))
    return folder


@pytest.fixture(scope="module")
def model(folder):
    return models.load_model("passt", weights=folder)


def test_a_clip_from_the_official_format_equals_an_independent_forward_pass(model, by_hand):
    """1 s: nine patches in time, so that places count."""
    sound = chirp(32000, 1)
    heard = model.embed(sound, 32000, per="recording")
    wanted = by_hand(log_mel(sound))
    assert heard.vectors.shape == (1, 1295)
    # Apart, because the logits are longer: a fault of the features would drown in them.
    assert relative_errors(heard.vectors[0, :527], wanted[:527]) < 3e-5
    assert relative_errors(heard.vectors[0, 527:], wanted[527:]) < 3e-5
    np.testing.assert_allclose(heard.scores[0], expit(wanted[:527]), atol=1e-4)
    assert list(heard.columns["top_class"]) == [f"Class, number {wanted[:527].argmax()}"]
    np.testing.assert_allclose(heard.patches[0], log_mel(sound), atol=5e-4)


def test_windows_are_the_official_timestamps(model, by_hand):
    """160 ms around every 50 ms of a sound whose ends are mirrored: 21 in 1 s."""
    sound = chirp(32000, 1)
    heard = model.embed(sound, 32000)
    assert heard.vectors.shape == (21, 1295)
    mirrored = np.pad(sound, 2560, mode="reflect")
    asked = [0, 1, 9, 20]
    wanted = np.stack([by_hand(log_mel(mirrored[i * 1600 :][:5120])) for i in asked])
    assert relative_errors(heard.vectors[asked], wanted).max() < 1e-4
    assert relative_errors(heard.vectors[asked, 527:], wanted[:, 527:]).max() < 1e-4
    # Windows are far apart, so that a constant answer would not pass.
    assert relative_errors(wanted[1], wanted[2]) > 0.1


def test_the_shortest_clip_has_one_patch_in_time(model, by_hand):
    sound = chirp(32000, 1)[:4801]
    heard = model.embed(sound, 32000, per="recording")
    assert relative_errors(heard.vectors[0], by_hand(log_mel(sound))) < 3e-5


def test_ten_seconds_fill_every_place_of_the_network(model):
    """The longest clip takes all 99 places, and its places matter: turned over, it differs."""
    sound = np.concatenate([chirp(32000, 5), np.zeros(160_000, np.float32)])
    there, back = (
        model.embed(samples, 32000, per="recording") for samples in (sound, sound[::-1].copy())
    )
    assert there.patches.shape == (1, 1000, 128)
    assert relative_errors(there.vectors, back.vectors)[0] > 1e-3


def test_the_variant_features_is_the_end_of_the_full_vector(model, folder):
    sound = chirp(32000, 0.5)
    features = models.load_model("passt", "features", weights=folder).embed(sound, 32000)
    full = model.embed(sound, 32000)
    assert features.vectors.shape == (len(full), 768)
    np.testing.assert_allclose(features.vectors, full.vectors[:, 527:], atol=1e-6)
    np.testing.assert_allclose(features.scores, full.scores, atol=1e-6)


@pytest.mark.usefixtures("emulated_bfloat16")
def test_bfloat16_stays_near(model, folder):
    sound = chirp(32000, 0.5)
    rounded = models.load_model("passt", weights=folder, precision="bfloat16").embed(sound, 32000)
    errors = relative_errors(rounded.vectors, model.embed(sound, 32000).vectors)
    assert rounded.vectors.dtype == np.float32
    assert errors.max() < 0.05
    assert errors.min() > 1e-4  # so the matrices did take the shorter type


@pytest.mark.parametrize(
    ("name", "shape", "sentence"),
    [
        ("time_new_pos_embed", None, "lacks time_new_pos_embed"),
        # As the authors' network for 20 s has it.
        ("time_new_pos_embed", (1, 768, 1, 199), r"of shape \(1, 768, 1, 199\), wanted"),
    ],
)
def test_the_file_of_another_network_is_refused(name, shape, sentence, tmp_path):
    state = dict(islice(arrays(np.random.default_rng(7)).items(), 7))
    del state[name]
    if shape:
        state[name] = np.zeros(shape, np.float32)
    write_torch_zip(tmp_path / FILE, state)
    with pytest.raises(WeightsError, match=sentence):
        models.load_model("passt", weights=tmp_path)
