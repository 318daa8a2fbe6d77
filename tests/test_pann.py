"""PANN's CNN14 against published figures and a second forward pass in NumPy."""

from functools import partial
from pathlib import Path

import numpy as np
import official_pann
import pytest
from official import OTHER_SHAPE, chirp, relative, write_official_weights
from scipy.special import expit

from embedviz import models
from embedviz.checkpoints import take
from embedviz.errors import RecordingError
from embedviz.mel import slaney_mel_matrix
from embedviz.models import pann
from embedviz.torchfiles import state_dict
from embedviz.weights import add

pytestmark = pytest.mark.xdist_group("pann")

EMB512 = "Cnn14_emb512_mAP=0.420.pth"


def noise(samples: int, level: float = 0.1) -> np.ndarray:
    return np.random.default_rng(3).normal(0, level, samples).astype(np.float32)


def log_mel_by_hand(samples: np.ndarray, arrays: dict[str, np.ndarray]) -> np.ndarray:
    """Patches (T, 64) in float64, by the file's own kernels and matrix."""
    mirrored = np.pad(samples.astype(np.float64), 512, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(mirrored, 1024)[::320]
    real, imaginary = (
        frames @ arrays[f"spectrogram_extractor.stft.conv_{part}.weight"][:, 0].T
        for part in ("real", "imag")
    )
    bands = (real**2 + imaginary**2) @ arrays["logmel_extractor.melW"]
    return 10 * np.log10(np.maximum(bands, 1e-10))


def cnn14_by_hand(patches: np.ndarray, arrays: dict[str, np.ndarray]) -> tuple[np.ndarray, ...]:
    """Patches (T, 64) -> embedding (D,) and scores (527,), as the paper's code has them."""

    def normalise(x: np.ndarray, prefix: str) -> np.ndarray:
        gamma, beta, mean, variance = (
            arrays[f"{prefix}.{name}"].astype(np.float64)
            for name in ("weight", "bias", "running_mean", "running_var")
        )
        return gamma * (x - mean) / np.sqrt(variance + 1e-5) + beta

    def convolve(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        x = np.pad(x, [(1, 1), (1, 1), (0, 0)])
        neighbours = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(0, 1))
        shape = neighbours.shape
        return (
            neighbours.reshape(shape[0] * shape[1], -1)
            @ kernel.reshape(len(kernel), -1).T.astype(np.float64)
        ).reshape(*shape[:2], -1)

    x = normalise(patches, "bn0")[:, :, np.newaxis]
    for block in range(1, 7):
        for number in (1, 2):
            kernel = arrays[f"conv_block{block}.conv{number}.weight"]
            x = np.maximum(0, normalise(convolve(x, kernel), f"conv_block{block}.bn{number}"))
        if block < 6:
            x = x[: len(x) // 2 * 2]
            x = x.reshape(len(x) // 2, 2, x.shape[1] // 2, 2, -1).mean(axis=(1, 3))
    columns = x.mean(axis=1)
    pooled = columns.max(axis=0) + columns.mean(axis=0)
    embedding = np.maximum(0, arrays["fc1.weight"] @ pooled + arrays["fc1.bias"])
    return embedding, expit(arrays["fc_audioset.weight"] @ embedding + arrays["fc_audioset.bias"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("official") / "pann"
    write_official_weights("pann", folder)
    return folder


@pytest.fixture(scope="module")
def arrays(folder):
    return state_dict(folder / EMB512)


@pytest.fixture(scope="module")
def model(folder):
    return models.load_model("pann", weights=folder)


@pytest.fixture(scope="module")
def sweep(folder):
    """The graph from a waveform (n,) to its columns (S, 2048)."""
    from embedviz.engine import tf

    built = pann.build({EMB512: folder / EMB512}, "emb512", "float32")
    traced = tf.function(
        lambda waveforms: built.whole(waveforms)["columns"],
        input_signature=[tf.TensorSpec((None, None), tf.float32)],
    )
    return lambda sound: traced(sound[np.newaxis])[0].numpy()


def log_mel(samples: np.ndarray) -> np.ndarray:
    """Our front end with librosa's matrix, (T, 64)."""
    from embedviz.frontends.decibels import decibels, power_spectrum

    matrix = slaney_mel_matrix(bands=64, bins=513, rate_hz=32000, low_hz=50, high_hz=14000)
    return decibels(power_spectrum(samples[np.newaxis], 320), matrix)[0].numpy()


def test_the_mel_matrix_has_the_published_weights():
    matrix = slaney_mel_matrix(bands=64, bins=513, rate_hz=32000, low_hz=50, high_hz=14000)
    assert matrix.sum() == pytest.approx(2.048126, abs=1e-6)
    assert np.count_nonzero(matrix) == 866
    np.testing.assert_allclose(
        matrix[2:6, 0], [0.00428909, 0.01501181, 0.01131285, 0.00059012], atol=1e-8
    )


def test_the_front_end_gives_the_published_numbers():
    """Figures of torchlibrosa for T(32000, 2)."""
    patch = log_mel(chirp(32000, 2))
    assert patch.shape == (201, 64)
    assert patch.mean(dtype=np.float64) == pytest.approx(-19.040997, abs=1e-4)
    assert patch.std(dtype=np.float64, ddof=1) == pytest.approx(7.349210, abs=1e-4)
    assert patch.min() == pytest.approx(-36.550488, abs=1e-3)
    assert patch.max() == pytest.approx(23.957588, abs=1e-3)
    bands = [0, 16, 32, 63]
    np.testing.assert_allclose(
        patch[0, bands], [19.827475, -21.666544, -24.450710, -20.894344], atol=1e-3
    )
    np.testing.assert_allclose(
        patch[100, bands], [-25.949610, -20.069527, -18.309376, -20.857410], atol=1e-3
    )


def test_silence_lies_at_minus_100_db():
    np.testing.assert_allclose(log_mel(np.zeros(9920, np.float32)), -100.0, atol=1e-4)


@pytest.mark.parametrize("samples", [9920, 14999])
def test_a_recording_equals_an_independent_forward_pass(samples, model, arrays):
    sound = chirp(32000, samples / 32000)
    heard = model.embed(sound, 32000, per="recording")
    patches = log_mel_by_hand(sound, arrays)
    np.testing.assert_allclose(heard.patches[0], patches, atol=1e-3)
    embedding, scores = cnn14_by_hand(patches, arrays)
    assert relative(heard.vectors[0], embedding) < 2e-5
    np.testing.assert_allclose(heard.scores[0], scores, atol=1e-5)
    assert (heard.vectors == 0).any()
    assert heard.columns["top_class"][0] == f"Class, number {scores.argmax()}"
    # Another sound has another vector, so a constant answer would not pass.
    assert relative(model.embed(noise(samples), 32000, per="recording").vectors[0], embedding) > 0.1


def test_the_larger_network_gives_2048_values(folder):
    arrays = state_dict(folder / "Cnn14_mAP=0.431.pth")
    sound = chirp(32000, 0.4)
    heard = models.load_model("pann", "cnn14", weights=folder).embed(sound, 32000, per="recording")
    embedding, scores = cnn14_by_hand(log_mel_by_hand(sound, arrays), arrays)
    assert heard.vectors.shape == (1, 2048)
    assert relative(heard.vectors[0], embedding) < 2e-5
    np.testing.assert_allclose(heard.scores[0], scores, atol=1e-5)


def test_other_kernels_in_the_file_are_used_as_they_are():
    """A symmetric Hann window moves a patch by far more than rounding does."""
    arrays = official_pann.front_end_arrays(np.random.default_rng(1))
    periodic = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1024) / 1024)
    ratio = (np.hanning(1024)[1:] / periodic[1:]).astype(np.float32)
    for part in ("real", "imag"):
        arrays[f"spectrogram_extractor.stft.conv_{part}.weight"][..., 1:] *= ratio
    front_end = pann._front_end(partial(take, arrays, path=Path(EMB512)))
    sound = chirp(32000, 0.5)
    patches = front_end(sound[np.newaxis])[0].numpy()
    np.testing.assert_allclose(patches, log_mel_by_hand(sound, arrays), atol=2e-3)
    usual = official_pann.front_end_arrays(np.random.default_rng(1))
    assert np.abs(patches - log_mel_by_hand(sound, usual)).max() > 0.02


def test_parts_with_their_context_join_to_the_result_of_one_pass(sweep):
    """Four columns of context are enough, three are not."""
    step, context = pann.FACTS.sweep.step_samples, pann.FACTS.sweep.context_steps
    sound = chirp(32000, 4.2) + noise(134_400, 0.01)
    whole = sweep(sound)
    assert len(whole) == 13

    def middle(context: int) -> np.ndarray:
        """Columns 5 to 7 from a part that has sound on both sides."""
        part = sound[(5 - context) * step : (8 + context) * step]
        return sweep(part)[context : context + 3]

    assert relative(middle(context), whole[5:8]) < OTHER_SHAPE
    assert relative(middle(context - 1)[:1], whole[5:6]) > 2 * OTHER_SHAPE
    assert relative(middle(context - 1)[-1:], whole[7:8]) > 2 * OTHER_SHAPE
    last = sweep(sound[(9 - context) * step :])[context:]
    assert relative(last, whole[9:]) < OTHER_SHAPE


def test_a_batch_gives_what_each_window_gives_alone(model):
    sounds = np.stack([chirp(32000, 1), noise(32000)])
    together = model.embed(sounds.reshape(-1), 32000)
    assert len(together) == 2
    for row, sound in enumerate(sounds):
        alone = model.embed(sound, 32000)
        assert relative(together.vectors[row], alone.vectors[0]) < OTHER_SHAPE
        np.testing.assert_allclose(together.scores[row], alone.scores[0], atol=1e-5)
    assert relative(together.vectors[0], together.vectors[1]) > 0.1


def test_a_stretch_of_any_length_is_heard_as_one_window(model):
    sound = chirp(32000, 2)
    stretch = model.embed(sound, 32000, per=2.0)
    recording = model.embed(sound, 32000, per="recording")
    assert relative(stretch.vectors, recording.vectors) < OTHER_SHAPE


def test_a_recording_too_short_for_a_column_is_refused(model):
    assert len(model.embed(noise(9920), 32000, per="recording")) == 1
    with pytest.raises(RecordingError, match=r"0\.31 s"):
        model.embed(noise(9919), 32000, per="recording")


@pytest.mark.shared
def test_verifying_compares_with_the_published_scores_of_the_authors_example(shared, tmp_path):
    """Random weights must fail it; without the example there is nothing to compare with."""
    write_official_weights("pann", tmp_path / "official")
    cnn14 = models.load_model("pann", "cnn14", weights=tmp_path / "official")
    assert models.smoke_test(cnn14) == []
    add(pann.FACTS, shared / "fixtures" / "panns" / pann.EXAMPLE.name)
    checks = models.smoke_test(cnn14)
    assert [check.sentence.partition(": ")[2].rpartition(" ")[2] for check in checks] == [
        "0.893",
        "0.754",
        "0.235",
    ]
    assert not any(check.passed for check in checks)
    assert models.smoke_test(models.load_model("pann", weights=tmp_path / "official")) == []
