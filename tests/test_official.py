"""Our models against the official numbers: published figures, stored outputs, and a second,
independent forward pass in NumPy from the official file formats."""

import csv

import numpy as np
import pytest
from official import YAMNET_LAYERS, chirp, vggish_variables, write_official_weights, yamnet_arrays
from scipy.signal import get_window
from scipy.special import expit

from embedviz import models
from embedviz.audio import blocks, inspect
from embedviz.mel import audioset_mel_matrix


def log_mel(samples: np.ndarray, offset: float) -> np.ndarray:
    """The AudioSet front end in float64 NumPy, (frames, 64)."""
    frames = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float64), 400)[::160]
    spectrum = np.abs(np.fft.rfft(frames * get_window("hann", 400), 512))
    matrix = audioset_mel_matrix(bands=64, bins=257, rate_hz=16000, low_hz=125, high_hz=7500)
    return np.log(spectrum @ matrix + offset)


def same_padded(x: np.ndarray, kernel: int, stride: int) -> np.ndarray:
    """Pad (B, H, W, C) as TensorFlow's SAME does."""
    pads = []
    for size in x.shape[1:3]:
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        pads.append((total // 2, total - total // 2))
    return np.pad(x, ((0, 0), *pads, (0, 0)))


def patches_of(x: np.ndarray, kernel: int, stride: int) -> np.ndarray:
    """(B, H', W', C, kernel, kernel) views of the padded input."""
    views = np.lib.stride_tricks.sliding_window_view(
        same_padded(x, kernel, stride), (kernel, kernel), axis=(1, 2)
    )
    return views[:, ::stride, ::stride]


def convolve(x: np.ndarray, kernel: np.ndarray, stride: int = 1) -> np.ndarray:
    return np.einsum(
        "bhwcij,ijco->bhwo", patches_of(x, kernel.shape[0], stride), kernel, optimize=True
    )


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def vggish_by_hand(patches: np.ndarray, variables: dict[str, np.ndarray]) -> np.ndarray:
    """VGGish from the paper's table, float32 NumPy."""

    def layer(name: str) -> tuple[np.ndarray, np.ndarray]:
        return variables[f"vggish/{name}/weights"], variables[f"vggish/{name}/biases"]

    def pooled(x: np.ndarray) -> np.ndarray:
        b, h, w, c = x.shape
        return x.reshape(b, h // 2, 2, w // 2, 2, c).max(axis=(2, 4))

    x = patches[..., np.newaxis].astype(np.float32)
    for names in (
        ["conv1"],
        ["conv2"],
        ["conv3/conv3_1", "conv3/conv3_2"],
        ["conv4/conv4_1", "conv4/conv4_2"],
    ):
        for name in names:
            kernel, bias = layer(name)
            x = relu(convolve(x, kernel) + bias)
        x = pooled(x)
    x = x.reshape(len(x), -1)
    for name in ("fc1/fc1_1", "fc1/fc1_2"):
        kernel, bias = layer(name)
        x = relu(x @ kernel + bias)
    kernel, bias = layer("fc2")
    return x @ kernel + bias


def yamnet_by_hand(
    patches: np.ndarray, arrays: dict[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """YAMNet with batch normalisation as published, not folded."""

    def normalised(x: np.ndarray, layer: str) -> np.ndarray:
        prefix = f"{layer}/bn/{layer}/bn/"
        mean, variance = arrays[prefix + "moving_mean:0"], arrays[prefix + "moving_variance:0"]
        return relu((x - mean) / np.sqrt(variance + 1e-4) + arrays[prefix + "beta:0"])

    x = patches[..., np.newaxis].astype(np.float32)
    for number, (stride, _) in enumerate(YAMNET_LAYERS, start=1):
        if number == 1:
            stride = 2
            x = convolve(x, arrays["layer1/conv/layer1/conv/kernel:0"], stride)
            x = normalised(x, "layer1/conv")
            continue
        depthwise, pointwise = (f"layer{number}/{kind}_conv" for kind in ("depthwise", "pointwise"))
        kernel = arrays[f"{depthwise}/{depthwise}/depthwise_kernel:0"][..., 0]
        x = np.einsum("bhwcij,ijc->bhwc", patches_of(x, 3, stride), kernel)
        x = normalised(x, depthwise)
        x = normalised(convolve(x, arrays[f"{pointwise}/{pointwise}/kernel:0"]), pointwise)
    embeddings = x.mean(axis=(1, 2))
    logits = embeddings @ arrays["logits/logits/kernel:0"] + arrays["logits/logits/bias:0"]
    return embeddings, expit(logits)


def cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


def test_the_log_mel_front_end_gives_the_published_numbers():
    """Figures of the AudioSet reference for the smoke test's sine and for T(16000, 2)."""
    model = models.load_model("logmel")
    sine = np.sin(2 * np.pi * 1000 * np.arange(0, 3, 1 / 16000))
    rows = model.embed(sine, 16000, hop_s=0.96).patches
    assert rows.shape == (3, 96, 64)
    np.testing.assert_allclose(rows[0, 0, :3], [-4.48313252, -4.27083405, -4.17064267], atol=5e-4)
    np.testing.assert_allclose(rows[0, 0, -3:], [-4.60069383, -4.60098887, -4.60116305], atol=5e-4)
    assert rows.mean(dtype=np.float64) == pytest.approx(-3.429619, abs=5e-4)
    assert rows.max() == pytest.approx(4.811118, abs=5e-4)
    assert (rows.mean(axis=1).argmax(axis=1) == 19).all()

    rows = model.embed(chirp(16000, 2), 16000).patches
    np.testing.assert_allclose(
        rows[0, 0, [0, 16, 32, 63]], [3.733046, 0.062621, -0.255051, 0.741111], atol=5e-4
    )
    np.testing.assert_allclose(
        rows[1, 52, [0, 16, 32, 63]], [-1.712033, -1.163304, -0.466039, 1.189382], atol=5e-4
    )


def test_the_mel_matrix_has_the_published_weights():
    matrix = audioset_mel_matrix(bands=64, bins=257, rate_hz=16000, low_hz=125, high_hz=7500)
    assert matrix.sum() == pytest.approx(230.913599161, abs=1e-6)
    assert np.count_nonzero(matrix) == 461
    assert matrix[5, 0] == pytest.approx(0.94769046, abs=1e-6)


def test_the_logmel_vector_is_mean_deviation_and_change_of_each_band():
    heard = models.load_model("logmel").embed(chirp(16000, 2), 16000)
    patch = heard.patches[1].astype(np.float64)
    wanted = np.concatenate(
        [patch.mean(axis=0), patch.std(axis=0), np.abs(np.diff(patch, axis=0)).mean(axis=0)]
    )
    np.testing.assert_allclose(heard.vectors[1], wanted, atol=1e-4)


@pytest.mark.xdist_group("vggish")
def test_vggish_from_the_official_format_equals_an_independent_forward_pass(tmp_path):
    folder = tmp_path / "official"
    write_official_weights("vggish", folder)
    variables = vggish_variables(np.random.default_rng(7))
    sound = chirp(16000, 3)
    by_hand = vggish_by_hand(
        np.stack([log_mel(sound, 0.01)[i * 96 : (i + 1) * 96] for i in range(3)]), variables
    )
    raw = models.load_model("vggish", "raw", weights=folder).embed(sound, 16000).vectors
    assert cosines(raw, by_hand).min() > 0.99999
    assert (np.linalg.norm(raw - by_hand, axis=1) / np.linalg.norm(by_hand, axis=1)).max() < 1e-4
    # The rows differ from one another, so that a constant answer would not pass.
    assert cosines(raw[:1], raw[2:])[0] < 0.999

    with np.load(folder / "vggish_pca_params.npz") as pca:
        whitened = (pca["pca_eigen_vectors"] @ (by_hand.T - pca["pca_means"])).T
    quantised = ((np.clip(whitened, -2, 2) + 2) * 255 / 4).astype(np.uint8)
    found = models.load_model("vggish", "postprocessed", weights=folder).embed(sound, 16000).vectors
    assert np.abs(found - quantised).max() <= 1
    assert (found == quantised).mean() > 0.99
    np.testing.assert_array_equal(found, np.round(found))


@pytest.mark.shared
def test_the_real_pca_parameters_load_and_quantise_like_the_release(shared):
    from embedviz.models.vggish import _postprocessing

    rng = np.random.default_rng(0)
    embeddings = rng.normal(0, 0.5, (20, 128)).astype(np.float32)
    path = shared / "weights" / "vggish_pca_params.npz"
    with np.load(path) as pca:
        means = pca["pca_means"].reshape(-1, 1)
        whitened = (pca["pca_eigen_vectors"] @ (embeddings.T.astype(np.float64) - means)).T
    wanted = ((np.clip(whitened, -2, 2) + 2) * 255 / 4).astype(np.uint8)
    found = np.asarray(_postprocessing(path)(embeddings))
    assert np.abs(found - wanted).max() <= 1
    assert (found == wanted).mean() > 0.99


def test_yamnet_from_the_official_format_equals_an_independent_forward_pass(tmp_path):
    folder = tmp_path / "official"
    write_official_weights("yamnet", folder)
    arrays = yamnet_arrays(np.random.default_rng(7))
    sound = chirp(16000, 2)
    heard = models.load_model("yamnet", weights=folder).embed(sound, 16000)
    assert len(heard) == 4
    frames = log_mel(np.concatenate([sound, np.zeros(38640 - 32000, np.float32)]), 0.001)
    patches = np.stack([frames[i * 48 : i * 48 + 96] for i in range(4)])
    embeddings, scores = yamnet_by_hand(patches, arrays)
    relative = np.linalg.norm(heard.vectors - embeddings, axis=1) / np.linalg.norm(
        embeddings, axis=1
    )
    assert relative.max() < 5e-4
    np.testing.assert_allclose(heard.scores, scores, atol=1e-4)
    assert list(heard.columns["top_class"]) == [f"Class, number {i}" for i in scores.argmax(axis=1)]


@pytest.fixture(scope="module")
def real_yamnet(shared):
    return models.load_model("yamnet", weights=shared / "weights")


SIGNALS = {
    "Zeros": lambda: np.zeros(48000),
    "Random": lambda: np.random.RandomState(51773).uniform(-1, 1, 48000),  # noqa: NPY002
    "Sine": lambda: np.sin(2 * np.pi * 440 * np.arange(0, 3, 1 / 16000)),
}


@pytest.mark.shared
@pytest.mark.parametrize("signal", SIGNALS)
def test_yamnet_gives_googles_stored_outputs(signal, shared, real_yamnet):
    stored = np.load(shared / "fixtures" / "yamnet" / f"main_YAMNetTest_test{signal}.npz")
    heard = real_yamnet.embed(SIGNALS[signal](), 16000)
    assert heard.vectors.shape == stored["embeddings"].shape

    log_mels = np.concatenate([*heard.patches[:-1, :48], heard.patches[-1]])
    wanted = stored["log_mel_spectrogram"]
    assert log_mels.shape == wanted.shape
    # Beside a loud pure tone the stored file holds the rounding of its FFT: at 4 kHz a float64
    # reference differs from it by the same 5e-5 in magnitude, which is 0.04 in the logarithm.
    np.testing.assert_allclose(np.exp(log_mels), np.exp(wanted), atol=1e-4, rtol=1e-4)
    if signal != "Sine":
        np.testing.assert_allclose(log_mels, wanted, atol=1e-3)

    # The weights at hand are a reconstruction; the real ones would be equal.
    assert cosines(heard.vectors, stored["embeddings"]).min() >= 0.995


@pytest.mark.shared
@pytest.mark.parametrize("signal", SIGNALS)
def test_yamnets_head_is_the_official_one(signal, shared):
    """The classifier on the stored embeddings gives the stored scores."""
    from embedviz.checkpoints import read_keras_h5

    stored = np.load(shared / "fixtures" / "yamnet" / f"main_YAMNetTest_test{signal}.npz")
    arrays = dict(read_keras_h5(shared / "weights" / "yamnet.h5"))
    logits = (
        stored["embeddings"] @ arrays["logits/logits/kernel:0"] + arrays["logits/logits/bias:0"]
    )
    np.testing.assert_allclose(expit(logits), stored["predictions"], atol=1e-4)


@pytest.mark.shared
def test_the_head_in_our_graph_is_that_head(shared, real_yamnet):
    from embedviz.checkpoints import read_keras_h5

    heard = real_yamnet.embed(SIGNALS["Random"](), 16000)
    arrays = dict(read_keras_h5(shared / "weights" / "yamnet.h5"))
    logits = heard.vectors @ arrays["logits/logits/kernel:0"] + arrays["logits/logits/bias:0"]
    np.testing.assert_allclose(heard.scores, expit(logits), atol=1e-4)


@pytest.mark.shared
def test_yamnet_passes_its_published_smoke_test(real_yamnet):
    checks = models.smoke_test(real_yamnet)
    assert len(checks) == 3
    assert all(check.passed for check in checks), checks


@pytest.mark.shared
def test_yamnet_hears_dogs_in_the_dog_clips(shared, real_yamnet):
    with (shared / "weights" / "yamnet_class_map.csv").open(newline="") as file:
        names = np.array([row["display_name"] for row in csv.DictReader(file)])
    scores = []
    for path in sorted((shared / "audio" / "esc10" / "dog_bark").glob("*.ogg")):
        recording = inspect(path)
        heard = real_yamnet.hear(
            blocks(recording, 16000), duration_s=recording.duration_s, per="recording"
        )
        scores += [part.scores[0] for part in heard]
    top = names[np.argsort(-np.mean(scores, axis=0))[:3]]
    # The ontology's chain Animal > Domestic animals, pets > Dog scores nearly alike.
    assert set(top) == {"Dog", "Domestic animals, pets", "Animal"}
