"""The humpback model, against a stand-in SavedModel and a second front end in NumPy."""

import shutil
from dataclasses import replace

import numpy as np
import official_humpback as official
import pytest
from official import chirp
from scipy.signal import get_window
from serving import serving

from embedviz import models, savedmodels, weights
from embedviz.errors import WeightsError
from embedviz.models import humpback

# One worker for all: the SavedModels are written once.
pytestmark = pytest.mark.xdist_group("humpback")


def mel_energy(sound: np.ndarray) -> np.ndarray:
    """The squared mel sums of the magnitude spectrum in float64, (frames, 64)."""
    frames = np.lib.stride_tricks.sliding_window_view(sound.astype(np.float64), 1024)[::300]
    spectrum = np.abs(np.fft.rfft(frames * get_window("hann", 1024)))
    mel = 1127 * np.log1p(np.linspace(0, 5000, 513) / 700)[:, np.newaxis]
    edges = np.linspace(0, 1127 * np.log1p(5000 / 700), 66)
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    matrix = np.maximum(0, np.minimum((mel - low) / (centre - low), (high - mel) / (high - centre)))
    matrix[0] = 0
    return (spectrum @ matrix) ** 2


def pcen(energy: np.ndarray, alpha=0.98, delta=2.0, root=2.0) -> np.ndarray:
    smooth = np.empty_like(energy)
    smooth[0] = energy[0]
    for t in range(1, len(energy)):
        smooth[t] = 0.975 * smooth[t - 1] + 0.025 * energy[t]
    alpha, power = np.minimum(alpha, 1), 1 / np.maximum(root, 1)
    return (energy / (1e-6 + smooth) ** alpha + delta) ** power - delta**power


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The stand-in as an unpacked SavedModel, with trained values of PCEN."""
    place = tmp_path_factory.mktemp("humpback") / "unpacked"
    official.save(place, np.random.default_rng(5))
    return place


@pytest.fixture(scope="module")
def archive(folder):
    """The same as the official file."""
    path = folder.parent / "humpback_whale_1.tar.gz"
    official.archive(folder, path)
    return path


@pytest.fixture(scope="module")
def model(folder):
    return models.load_model("humpback", weights=folder)


@pytest.fixture(scope="module")
def sound():
    """11 s, so that the last of three windows is padded."""
    return 0.04 * chirp(10_000, 11)


def test_the_front_end_has_the_published_numbers(tmp_path):
    """Values of Google's export code, with the constructor's PCEN."""
    x = 0.04 * chirp(10_000, 10)
    energy, bands = mel_energy(x), [0, 16, 32, 63]
    np.testing.assert_allclose(
        energy[[0, 100]][:, bands],
        [
            [0.00617408, 0.00668781, 0.00565469, 0.14559557],
            [0.00693576, 0.00623477, 26.042208, 0.09309437],
        ],
        rtol=1e-4,
    )
    official.save(tmp_path / "model", np.random.default_rng(0), trained_pcen=False)
    theirs = savedmodels.load(tmp_path / "model").front_end(x[np.newaxis, :, np.newaxis]).numpy()
    assert theirs.shape == (1, 330, 64)
    for found in (theirs[0], pcen(energy)):
        np.testing.assert_allclose(
            [found.mean(), found.std(), found.max()], [0.215562, 0.478946, 4.695203], rtol=1e-4
        )
        np.testing.assert_allclose(
            found[[0, 100]][:, bands],
            [[0.289639, 0.290066, 0.289170, 0.306887], [0.659248, 0.001576, 4.091749, 0.217638]],
            atol=2e-5,
        )


def test_pcen_starts_anew_in_every_window(model, folder, sound):
    heard = model.embed(sound, 10_000)
    np.testing.assert_allclose(heard.start_s, [0, 3.84, 7.68])
    np.testing.assert_allclose(heard.stop_s, [3.84, 7.68, 11])
    np.testing.assert_allclose(heard.padding_s, [0, 0, 0.52], atol=1e-6)
    trained = savedmodels.load(folder).front_end
    values = (trained.alpha.numpy(), trained.delta.numpy(), trained.root.numpy())
    padded = np.concatenate([sound, np.zeros(39_124, np.float32)])
    for row, start in enumerate([0, 38_400, 76_800]):
        expected = pcen(mel_energy(padded[start : start + 39_124]), *values)
        np.testing.assert_allclose(heard.patches[row], expected, atol=1e-3)
    # The other convention differs by far more.
    whole = pcen(mel_energy(padded), *values)
    assert np.abs(heard.patches[1] - whole[128:256]).max() > 0.1


def test_vectors_and_scores_are_the_models_own(model, folder, sound):
    import tensorflow as tf

    theirs = savedmodels.load(folder)
    heard = model.embed(sound, 10_000)
    assert heard.vectors.shape == (3, 2048)
    np.testing.assert_allclose(heard.vectors, theirs.features(heard.patches), rtol=1e-4, atol=1e-5)
    step = tf.constant(38_400, tf.int64)
    scores = theirs.score(sound[np.newaxis, :, np.newaxis], step)["scores"].numpy()[0, :, 0]
    assert len(scores) == 2  # `score` leaves out the padded window
    assert np.ptp(scores) > 1e-3
    np.testing.assert_allclose(heard.columns["call_score"][:2], scores, atol=1e-5)
    assert heard.columns["call_score"].dtype == np.float32


def test_scores_do_not_depend_on_finding_the_last_layers_weights(tmp_path, model, sound):
    official.save(tmp_path / "model", np.random.default_rng(5), shows_weights=False)
    hidden = models.load_model("humpback", weights=tmp_path / "model")
    np.testing.assert_allclose(
        hidden.embed(sound, 10_000).scores, model.embed(sound, 10_000).scores, atol=1e-5
    )


def test_the_official_archive_gives_the_same_rows(model, archive, sound):
    for path in (archive, archive.parent):
        packed = models.load_model("humpback", weights=path)
        assert not packed.verified
        np.testing.assert_array_equal(
            packed.embed(sound, 10_000).vectors, model.embed(sound, 10_000).vectors
        )


def test_the_archive_is_fetched_from_its_address_and_is_then_official(
    model, archive, sound, monkeypatch
):
    monkeypatch.setenv("NO_PROXY", "*")
    with pytest.raises(WeightsError, match="embedviz weights fetch humpback"):
        models.load_model("humpback")
    with serving(archive.parent) as server:
        address = f"{server.url}/{archive.name}?tf-hub-format=compressed"
        files = (replace(humpback.FACTS.files[0], url=address),)
        monkeypatch.setattr(humpback, "FACTS", replace(humpback.FACTS, files=files))
        weights.fetch(humpback.FACTS)
    fetched = models.load_model("humpback")
    assert fetched.verified
    np.testing.assert_array_equal(
        fetched.embed(sound, 10_000).vectors, model.embed(sound, 10_000).vectors
    )


def test_an_unpacked_folder_can_be_added_by_hand(model, folder, sound):
    weights.add(humpback.FACTS, folder, unverified=True)
    added = models.load_model("humpback")
    assert not added.verified
    np.testing.assert_array_equal(
        added.embed(sound, 10_000).vectors, model.embed(sound, 10_000).vectors
    )


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"rate_hz": 24_000}, "windows of 39,124 samples at 24,000 Hz"),
        ({"window_samples": 120_000}, "windows of 120,000 samples at 10,000 Hz"),
    ],
)
def test_a_model_that_hears_otherwise_is_refused(tmp_path, told, words):
    official.save(tmp_path / "model", np.random.default_rng(0), **told)
    with pytest.raises(WeightsError, match=f"{words}.* it is not the humpback model"):
        models.load_model("humpback", weights=tmp_path / "model")


def test_another_savedmodel_is_refused(tmp_path):
    import tensorflow as tf

    tf.saved_model.save(tf.Module(), str(tmp_path / "model"))
    with pytest.raises(WeightsError, match="does not offer front_end, features, logits, metadata"):
        models.load_model("humpback", weights=tmp_path / "model")


def test_a_model_whose_parts_do_not_fit_is_refused(folder, tmp_path):
    import tensorflow as tf

    class Odd(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None, None, 1))])
        def front_end(self, waveform):
            return waveform[:, :128, 0]

        @tf.function(input_signature=[tf.TensorSpec((None, 128, 64))])
        def features(self, patches):
            return patches

        logits = features

        @tf.function(input_signature=[])
        def metadata(self):
            return {"input_sample_rate": 10_000, "context_width_samples": 39_124}

    tf.saved_model.save(Odd(), str(tmp_path / "model"))
    with pytest.raises(WeightsError, match="does not work as the humpback model"):
        models.load_model("humpback", weights=tmp_path / "model")


def test_a_damaged_archive_is_refused_and_leaves_nothing(archive, tmp_path, monkeypatch):
    monkeypatch.setenv("EMBEDVIZ_CACHE", str(tmp_path / "cache"))
    cut = tmp_path / archive.name
    cut.write_bytes(archive.read_bytes()[:50_000])
    with pytest.raises(WeightsError, match=r"is no whole tar\.gz archive"):
        models.load_model("humpback", weights=cut)
    assert list((tmp_path / "cache" / "savedmodels").iterdir()) == []
    shutil.rmtree(tmp_path / "cache")
