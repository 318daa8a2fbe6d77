"""Kumar's network against published figures and a second forward pass in NumPy."""

import numpy as np
import official_kumar
import pytest
from official import OTHER_SHAPE, relative, write_official_weights

from embedviz import models
from embedviz.errors import RecordingError
from embedviz.mel import slaney_mel_matrix
from embedviz.models import kumar

pytestmark = pytest.mark.xdist_group("kumar")

RATE_HZ = 44100
# A recording of T frames gives T // 64 - 1 columns.
ONE_COLUMN, TWO_COLUMNS = 127 * 512, 191 * 512


def chirp(seconds: float) -> np.ndarray:
    """The test signal T(44100, duration): a linear chirp with a little noise."""
    t = np.arange(round(RATE_HZ * seconds)) / RATE_HZ
    k = (0.4 * RATE_HZ - 100) / seconds
    noise = np.random.RandomState(1234).uniform(-1, 1, len(t))  # noqa: NPY002
    return (0.5 * np.sin(2 * np.pi * (100 * t + 0.5 * k * t**2)) + 0.05 * noise).astype(np.float32)


def noise(samples: int, level: float = 0.1) -> np.ndarray:
    return np.random.default_rng(3).normal(0, level, samples).astype(np.float32)


def patches_by_hand(samples: np.ndarray) -> np.ndarray:
    """Patches (at least 128, 128) in float64, as the reference makes them with librosa."""
    mirrored = np.pad(samples.astype(np.float64), 512, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(mirrored, 1024)[::512]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1024) / 1024)
    matrix = slaney_mel_matrix(bands=128, bins=513, rate_hz=RATE_HZ, low_hz=0, high_hz=22050)
    bands = 10 * np.log10(np.maximum(np.abs(np.fft.rfft(frames * window)) ** 2 @ matrix, 1e-10))
    bands = np.maximum(bands, bands.max() - 80)
    return np.pad(bands, [(0, max(0, 128 - len(bands))), (0, 0)])


def columns_by_hand(patches: np.ndarray, arrays: dict[str, np.ndarray]) -> np.ndarray:
    """Patches (T, 128) -> the output of layer 18, (T // 64 - 1, 1024)."""

    def layer(x: np.ndarray, number: int, padding: int) -> np.ndarray:
        kernel, bias = (arrays[f"layer{number}.0.{name}"] for name in ("weight", "bias"))
        gamma, beta, mean, variance = (
            arrays[f"layer{number}.1.{name}"].astype(np.float64)
            for name in ("weight", "bias", "running_mean", "running_var")
        )
        x = np.pad(x, [(padding, padding), (padding, padding), (0, 0)])
        neighbours = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[2:], axis=(0, 1))
        flat = neighbours.reshape(neighbours.shape[0] * neighbours.shape[1], -1)
        x = flat @ kernel.reshape(len(kernel), -1).T.astype(np.float64) + bias
        x = np.maximum(0, gamma * (x - mean) / np.sqrt(variance + 1e-5) + beta)
        return x.reshape(*neighbours.shape[:2], -1)

    x = patches[:, :, np.newaxis]
    for numbers in [(1, 2), (4, 5), (7, 8), (10, 11), (13, 14), (16,)]:
        for number in numbers:
            x = layer(x, number, padding=1)
        x = x[: len(x) // 2 * 2]
        x = x.reshape(len(x) // 2, 2, x.shape[1] // 2, 2, -1).max(axis=(1, 3))
    return layer(x, 18, padding=0)[:, 0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("official") / "kumar"
    write_official_weights("kumar", folder)
    return folder


@pytest.fixture(scope="module")
def arrays(folder):
    # What `write_official_weights` wrote: the same numbers from the same seed.
    return official_kumar.arrays(np.random.default_rng(7))


@pytest.fixture(scope="module")
def model(folder):
    return models.load_model("kumar", weights=folder)


@pytest.fixture(scope="module")
def sweep(folder):
    """The graph from waveforms (B, n) and the loudest level to columns (B, S, 1024)."""
    from embedviz.engine import tf

    name = kumar.WEIGHTS.name
    built = kumar.build({name: folder / name}, "default", "float32")
    traced = tf.function(
        lambda waveforms, loudest: built.columns(built.frames(waveforms), loudest)["columns"],
        input_signature=[tf.TensorSpec((None, None), tf.float32), tf.TensorSpec((), tf.float32)],
    )
    return lambda waveforms, loudest: traced(waveforms, loudest).numpy()


def test_the_front_end_gives_the_published_numbers(model):
    """Figures of librosa with mirrored ends for T(44100, 2)."""
    patch = model.embed(chirp(2), RATE_HZ, per="recording").patches[0]
    assert patch.shape == (173, 128)
    assert patch.mean(dtype=np.float64) == pytest.approx(-21.476902, abs=1e-4)
    assert patch.std(dtype=np.float64) == pytest.approx(6.860088, abs=1e-4)
    bands = [0, 32, 64, 127]
    np.testing.assert_allclose(
        patch[0, bands], [21.006166, -25.815304, -20.504343, -24.431820], atol=1e-3
    )
    np.testing.assert_allclose(
        patch[100, bands], [-23.014994, -30.895607, -19.567907, -19.243452], atol=1e-3
    )


@pytest.mark.parametrize(
    ("samples", "rows"), [(ONE_COLUMN, 1), (TWO_COLUMNS - 1, 1), (TWO_COLUMNS, 2)]
)
def test_rows_equal_an_independent_forward_pass(samples, rows, model, arrays):
    sound = chirp(samples / RATE_HZ)
    heard = model.embed(sound, RATE_HZ)
    patches = patches_by_hand(sound)
    columns = columns_by_hand(patches, arrays)
    assert heard.vectors.shape == columns.shape == (rows, 1024)
    assert relative(heard.vectors, columns) < 2e-5
    for row in range(rows):
        np.testing.assert_allclose(
            heard.patches[row], patches[row * 64 : row * 64 + 128], atol=1e-3
        )
    np.testing.assert_allclose(heard.start_s, np.arange(rows) * 64 * 512 / RATE_HZ)
    recording = model.embed(sound, RATE_HZ, per="recording")
    assert relative(recording.vectors[0], columns.mean(axis=0)) < 2e-5
    # Another sound has another vector, so a constant answer would not pass.
    assert relative(model.embed(noise(samples), RATE_HZ).vectors[0], columns[0]) > 0.1


@pytest.mark.parametrize("samples", [513, 30000, ONE_COLUMN - 1])
def test_short_sound_is_filled_up_with_frames_of_0_db(samples, model, arrays):
    sound = noise(samples)
    heard = model.embed(sound, RATE_HZ, per="recording")
    patches = patches_by_hand(sound)
    assert patches.shape == (128, 128)
    assert (patches[1 + samples // 512 :] == 0).all()
    np.testing.assert_allclose(heard.patches[0], patches, atol=1e-3)
    assert relative(heard.vectors, columns_by_hand(patches, arrays)) < 2e-5


def test_levels_count_from_the_loudest_of_the_whole_recording(model, arrays):
    """A bang after 55 s, when the quiet beginning has long been heard, still raises its floor."""
    quiet = noise(60 * RATE_HZ, level=1e-6)
    bang = quiet.copy()
    bang[55 * RATE_HZ : 56 * RATE_HZ] += noise(RATE_HZ, level=0.3)
    heard = model.embed(bang, RATE_HZ)
    patches = patches_by_hand(bang)
    floor = patches.max() - 80
    assert (patches[:128] == floor).all()
    np.testing.assert_allclose(heard.patches[0], floor, atol=1e-3)
    assert relative(heard.vectors[0], columns_by_hand(patches[:256], arrays)[0]) < 2e-5
    assert model.embed(quiet[: 2 * RATE_HZ], RATE_HZ).patches.max() < floor


def test_parts_with_their_context_join_to_the_result_of_one_pass(sweep):
    """Three columns of context are enough, two are not."""
    step, context = kumar.FACTS.sweep.step_samples, kumar.FACTS.sweep.context_steps
    sound = (chirp(9) + noise(9 * RATE_HZ, 0.01))[np.newaxis]
    loudest = np.float32(30)
    whole = sweep(sound, loudest)[0]
    assert len(whole) == 11

    def middle(context: int) -> np.ndarray:
        """Columns 4 to 6 from a part that has sound on both sides."""
        part = sound[:, (4 - context) * step : (7 + context) * step]
        return sweep(part, loudest)[0, context : context + 3]

    assert relative(middle(context), whole[4:7]) < OTHER_SHAPE
    assert relative(middle(context - 1), whole[4:7]) > 2 * OTHER_SHAPE
    last = sweep(sound[:, (8 - context) * step :], loudest)[0, context:]
    assert relative(last, whole[8:]) < OTHER_SHAPE


def test_a_batch_gives_what_each_sound_gives_alone(sweep):
    sounds = np.stack([chirp(3), noise(3 * RATE_HZ)])
    together = sweep(sounds, np.float32(30))
    assert together.shape == (2, 3, 1024)
    for row in (0, 1):
        alone = sweep(sounds[row : row + 1], np.float32(30))
        assert relative(together[row], alone[0]) < OTHER_SHAPE
    assert relative(together[0], together[1]) > 0.1


def test_sound_too_short_to_be_mirrored_is_refused(model):
    with pytest.raises(RecordingError, match=r"0\.0116 s"):
        model.embed(noise(512), RATE_HZ, per="recording")
