"""OpenL3 against published figures and a second forward pass in NumPy."""

import gzip
import wave
from dataclasses import replace

import numpy as np
import official_openl3
import pytest
from scipy.signal import welch

from embedviz import checkpoints, models
from embedviz.errors import ModelError, WeightsError
from embedviz.heard import joined
from embedviz.mel import slaney_mel_matrix
from embedviz.model import Model
from embedviz.models import openl3
from embedviz.stepping import StepListener, Stepping

pytestmark = pytest.mark.xdist_group("openl3")

RATE_HZ = 48000
# By hand and through our graph: every front end and both contents.
NETWORKS = ("mel256_music", "mel128_env", "linear_env")


def file_name(network: str) -> str:
    return f"openl3_audio_{network}-v0_4_0.h5.gz"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A folder of official files, and what was written into each."""
    folder = tmp_path_factory.mktemp("openl3")
    rng = np.random.default_rng(5)
    contents = {}
    for network in NETWORKS:
        contents[network] = official_openl3.layers(rng)
        official_openl3.write_file(folder / file_name(network), contents[network])
    return folder, contents


@pytest.fixture(scope="module")
def load(written):
    """Load a variant of the written files once."""
    kept = {}

    def model(variant):
        if variant not in kept:
            kept[variant] = models.load_model("openl3", variant, weights=written[0])
        return kept[variant]

    return model


def chirp() -> np.ndarray:
    """The test signal T(48000, 1): a linear chirp with a little noise."""
    t = np.arange(RATE_HZ) / RATE_HZ
    k = 0.4 * RATE_HZ - 100
    noise = np.random.RandomState(1234).uniform(-1, 1, len(t))  # noqa: NPY002
    return (0.5 * np.sin(2 * np.pi * (100 * t + 0.5 * k * t**2)) + 0.05 * noise).astype(np.float32)


def patch_by_hand(window: np.ndarray, front_end: str) -> np.ndarray:
    """One window (48000,) -> its patch (frames, bands), in float64."""
    size = 512 if front_end == "linear" else 2048
    frames = 197 if front_end == "linear" else 199
    padded = np.pad(window.astype(np.float64), (0, size))
    cut = np.stack([padded[i * 242 : i * 242 + size] for i in range(frames)])
    magnitudes = np.abs(np.fft.rfft(cut * (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size))))
    if front_end != "linear":
        magnitudes = magnitudes @ slaney_mel_matrix(
            bands=int(front_end[3:]), bins=1025, rate_hz=RATE_HZ, low_hz=0, high_hz=24000
        )
    levels = 10 * np.log10(np.maximum(magnitudes, 1e-10))
    return np.maximum(levels - levels.max(), -80)


def last_layer_by_hand(patch: np.ndarray, given) -> np.ndarray:
    """A patch (frames, bands) -> the last convolution's output (bands, frames, 512), in float64.

    Nothing is folded: every layer is applied by itself, in the file's order.
    """
    layers = iter([weights for _, weights in given if weights])

    def convolution(x: np.ndarray) -> np.ndarray:
        weights = next(layers)
        kernel = weights["kernel"].astype(np.float64)
        rows, columns, before = x.shape
        padded = np.pad(x, [(1, 1), (1, 1), (0, 0)])
        shifted = (
            padded[i : i + rows, j : j + columns].reshape(-1, before) @ kernel[i, j]
            for i in range(3)
            for j in range(3)
        )
        return weights["bias"] + sum(shifted).reshape(rows, columns, -1)

    def normalised(x: np.ndarray) -> np.ndarray:
        statistics = next(layers)
        deviation = np.sqrt(statistics["moving_variance"].astype(np.float64) + 1e-3)
        return (
            statistics["gamma"] * (x - statistics["moving_mean"]) / deviation + statistics["beta"]
        )

    x = normalised(patch.T[..., np.newaxis])
    for number in range(1, 8):
        x = np.maximum(0, normalised(convolution(x)))
        if number in (2, 4, 6):
            x = x[: len(x) // 2 * 2, : x.shape[1] // 2 * 2]
            x = x.reshape(len(x) // 2, 2, x.shape[1] // 2, 2, -1).max(axis=(1, 3))
    return convolution(x)


# Computed with kapre 0.3.5: band, then the levels of frames of T(48000, 1) in dB.
@pytest.mark.parametrize(
    ("front_end", "mean", "deviation", "first_frame", "frame_100"),
    [
        (
            "linear", -22.72836, 3.82274,
            (-14.60670, -21.24716, -20.32197, -21.84315),
            (-24.14491, -25.81129, -25.55457, -23.31271),
        ),
        (
            "mel128", -21.05832, 4.07593,
            (-21.21203, -1.98279, -21.37590, -21.12541),
            (-22.55529, -22.23044, -22.10981, -14.98546),
        ),
        (
            "mel256", -22.51768, 4.22835,
            (-25.56057, -13.03985, -22.62340, -20.92803),
            (-23.39363, -29.35810, -24.08001, -23.54189),
        ),
    ],
)  # fmt: skip
def test_patches_are_those_of_the_official_front_end(
    front_end, mean, deviation, first_frame, frame_100
):
    import tensorflow as tf

    patch = openl3._front_end(front_end)(tf.constant(chirp()[np.newaxis])).numpy()[0]
    assert patch.shape == openl3.SHAPES[front_end]
    assert patch.mean() == pytest.approx(mean, abs=2e-4)
    assert patch.std() == pytest.approx(deviation, abs=2e-4)
    bands = [0, 10, 60, 100]
    np.testing.assert_allclose(patch[0, bands], first_frame, atol=0.005)
    np.testing.assert_allclose(patch[100, bands], frame_100, atol=0.005)
    np.testing.assert_allclose(patch, patch_by_hand(chirp(), front_end), atol=0.02)


def official_windows(sound: np.ndarray, hop: int, lead: int) -> np.ndarray:
    """The windows (n, 48000) that the official rule cuts."""
    sound = np.pad(sound, (lead, 0))
    if len(sound) < RATE_HZ:
        sound = np.pad(sound, (0, RATE_HZ - len(sound)))
    sound = np.pad(sound, (0, -(len(sound) - RATE_HZ) % hop))
    return np.lib.stride_tricks.sliding_window_view(sound, RATE_HZ)[::hop]


@pytest.mark.parametrize(
    ("samples", "hop_s", "lead", "rows"),
    [
        (100, 0.1, 24000, 1),
        (48000, 0.1, 24000, 6),
        (96000, 0.1, 24000, 16),
        (96001, 0.1, 24000, 17),
        (240000, 0.1, 24000, 46),
        (240000, 0.1, 0, 41),
        (240000, 0.5, 24000, 10),
    ],
)
def test_windows_are_cut_by_the_official_rule(samples, hop_s, lead, rows):
    from embedviz.listeners import WindowListener
    from embedviz.model import Model

    framing = replace(openl3.FACTS.framing, lead_samples=lead)
    facts = replace(openl3.FACTS, framing=framing)

    def hear(waveforms):
        """Every 1000th sample of a window stands for its embedding."""
        return {"vectors": waveforms[:, ::1000], "patches": waveforms[:, :1, None]}

    listener = WindowListener(facts, hear)
    model = Model(facts, facts.default_variant, "float32", {}, listener)
    sound = np.arange(1, samples + 1, dtype=np.float32)
    heard = model.embed(sound, RATE_HZ, hop_s=hop_s)
    assert len(heard) == rows
    np.testing.assert_array_equal(
        heard.vectors, official_windows(sound, round(hop_s * RATE_HZ), lead)[:, ::1000]
    )
    # The official time of a window is its centre where silence is put in front, else its start.
    begin_s = heard.stop_s + heard.padding_s - 1
    np.testing.assert_allclose(begin_s + lead / RATE_HZ, np.arange(rows) * hop_s, atol=1e-6)


@pytest.mark.parametrize("network", NETWORKS)
def test_both_sizes_are_maxima_of_the_last_layer_computed_by_hand(network, written, load):
    front_end = network.partition("_")[0]
    sound = chirp()[:28800]
    # The second of two windows begins 0.4 s before the sound and ends with it.
    window = np.pad(sound, (19200, 0))
    patch = patch_by_hand(window, front_end)
    last = last_layer_by_hand(patch, written[1][network])
    bands, times = len(last) // 4, last.shape[1] // 3
    wanted = last.reshape(4, bands, 3, times, 512).max(axis=(1, 3))

    heard = load(f"{network}_6144").embed(sound, RATE_HZ)
    np.testing.assert_allclose(heard.patches[1], patch, atol=0.02)
    found = heard.vectors[1].reshape(4, 3, 512)
    assert np.linalg.norm(found - wanted) < 5e-5 * np.linalg.norm(wanted)

    small = load(f"{network}_512").embed(sound, RATE_HZ)
    every = heard.vectors.reshape(-1, 4, 3, 512).max(axis=(1, 2))
    np.testing.assert_allclose(small.vectors, every, atol=1e-4, rtol=1e-5)
    assert (wanted < 0).any()  # no activation follows the last layer

    def ending(name):
        import tensorflow as tf

        path = written[0] / file_name(network)
        built = openl3.build({path.name: path}, f"{network}_{name}", "float32")
        hear = built.hear if name == "steps" else built
        return hear(tf.constant(window[np.newaxis]))["vectors"].numpy()[0]

    steps = ending("steps")
    assert steps.shape == (24, 512)
    for found, pooled in [(ending("mean"), last.mean(axis=(0, 1))), (steps, last.max(axis=0))]:
        assert np.linalg.norm(found - pooled) < 5e-5 * np.linalg.norm(pooled)
    np.testing.assert_allclose(steps.max(axis=0), small.vectors[1], rtol=1e-5, atol=1e-4)


def test_steps_of_time_are_rows_of_40_ms_and_follow_each_other(load):
    model = load("mel128_env_steps")
    step = 24 * 1936
    sound = 0.01 * np.random.default_rng(0).normal(size=RATE_HZ * 2).astype(np.float32)
    sound[RATE_HZ // 2] = 1  # a click in row 12, which lasts from 0.484 s to 0.524 s
    heard = model.embed(sound, RATE_HZ)
    rows = len(heard)
    assert rows == 1 + (2 * RATE_HZ - 1) // 1936
    np.testing.assert_allclose(heard.start_s, np.arange(rows) * 1936 / RATE_HZ, atol=1e-9)
    np.testing.assert_allclose(heard.stop_s[:-1], heard.start_s[1:], atol=1e-9)
    assert heard.stop_s[-1] == 2
    assert heard.patches.shape == (rows, 8, 128)
    assert heard.patches[:24].mean(axis=2).max(axis=1).argmax() == 12
    # The variant of 512 values hears the same windows of the same sound with so much in front.
    front = 903 + step - 24000
    wide = load("mel128_env_512").embed(np.pad(sound, (front, 0)), RATE_HZ, hop_s=step / RATE_HZ)
    for number in (0, 1):
        most = heard.vectors[24 * number : 24 * number + 24].max(axis=0)
        np.testing.assert_allclose(most, wide.vectors[1 + number], rtol=1e-5, atol=1e-4)


def test_blocks_and_batches_change_no_steps(load):
    model = load("mel128_env_steps")
    sound = 0.1 * np.random.default_rng(1).normal(size=round(RATE_HZ * 2.1)).astype(np.float32)
    whole = model.embed(sound, RATE_HZ)
    blocks = [sound[i : i + 997] for i in range(0, len(sound), 997)]
    parts = list(replace(model, batch=1).hear(iter(blocks), duration_s=len(sound) / RATE_HZ))
    assert [len(part) for part in parts] == [24, 24, 5]
    np.testing.assert_allclose(joined(parts).vectors, whole.vectors, rtol=1e-4, atol=1e-4)
    recording = model.embed(sound, RATE_HZ, per="recording")
    np.testing.assert_allclose(recording.vectors[0], whole.vectors.mean(axis=0), rtol=1e-4)
    with pytest.raises(ModelError, match=r"sets its rows 0\.0403 s apart"):
        model.embed(sound, RATE_HZ, hop_s=0.1)


@pytest.mark.parametrize(
    ("samples", "rows"), [(100, 1), (1936, 1), (1937, 2), (48000, 25), (96000, 50)]
)
def test_every_step_that_begins_within_the_sound_has_a_row(samples, rows):
    facts = openl3.FACTS.of("linear_env_steps")

    def hear(waveforms):
        """Each step is the first and the last sample of its time."""
        import tensorflow as tf

        within = tf.reshape(waveforms[:, 135 : 135 + 24 * 1936], [-1, 24, 1936])
        return {"vectors": within[:, :, ::1935], "patches": tf.zeros([1, 197, 257])}

    listener = StepListener(facts, Stepping(hear, 48000, 24, 135))
    model = Model(facts, "linear_env_steps", "float32", {}, listener, batch=1)
    sound = np.arange(1, samples + 1, dtype=np.float32)
    heard = model.embed(sound, RATE_HZ)
    assert len(heard) == rows
    np.testing.assert_array_equal(heard.vectors[:, 0], 1 + 1936 * np.arange(rows))
    ends = 1936 * (1 + np.arange(rows))
    np.testing.assert_array_equal(heard.vectors[:, 1], np.where(ends <= samples, ends, 0))


def test_silence_is_level_and_its_embedding_finite(load):
    heard = load("mel128_env_512").embed(np.zeros(100), RATE_HZ)
    assert (heard.patches == 0).all()
    assert np.isfinite(heard.vectors).all()


@pytest.mark.usefixtures("emulated_bfloat16")
def test_half_precision_changes_a_vector_by_a_few_percent(written, load):
    model = models.load_model("openl3", "mel128_env_512", written[0], precision="bfloat16")
    exact = load("mel128_env_512").embed(chirp()[:24000], RATE_HZ)
    heard = model.embed(chirp()[:24000], RATE_HZ)
    assert heard.vectors.dtype == np.float32
    difference = np.linalg.norm(heard.vectors - exact.vectors) / np.linalg.norm(exact.vectors)
    assert 0 < difference < 0.05


def test_every_variant_reads_the_one_file_that_is_named_for_it():
    for variant, size in openl3.FACTS.variants.items():
        network, _, length = variant.rpartition("_")
        assert size == (int(length) if length.isdigit() else 512)
        assert [file.name for file in openl3.FACTS.files_for(variant)] == [file_name(network)]
        facts = openl3.FACTS.of(variant)
        shape = (facts.patch_frames, len(facts.bands_hz))
        frames, bands = openl3.SHAPES[network.partition("_")[0]]
        assert shape == (8 if length == "steps" else frames, bands)
    assert len(openl3.FACTS.variants) == 24
    assert openl3.FACTS.default_variant == "mel256_music_512"


def test_files_of_other_networks_are_refused(tmp_path, written):
    path = tmp_path / file_name("mel128_env")
    given = written[1]["mel128_env"]
    spectrogram = ("melspectrogram_1", {"freq2mel": np.zeros((1025, 128), np.float32)})
    number = next(i for i, (name, _) in enumerate(given) if name == "batch_normalization_9")
    name, weights = given[number]
    swapped = dict(reversed(weights.items()))
    others = [
        [spectrogram, *given],  # version 0.2
        given[:-1],
        [*given[:number], (name, swapped), *given[number + 1 :]],
    ]
    for other in others:
        official_openl3.write_file(path, other)
        with pytest.raises(WeightsError, match="not the official file"):
            openl3.build({path.name: path}, "mel128_env_512", "float32")


def test_a_packed_file_holds_what_the_same_file_holds_unpacked(tmp_path, written):
    given = written[1]["linear_env"]
    (tmp_path / "plain.h5").write_bytes(official_openl3.keras_h5(given))
    plain = checkpoints.read_keras_h5(tmp_path / "plain.h5")
    packed = checkpoints.read_keras_h5(written[0] / file_name("linear_env"))
    assert [name for name, _ in packed] == [name for name, _ in plain]
    assert len(packed) == 48
    for (_, a), (_, b) in zip(packed, plain, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_damaged_packed_file_is_refused(tmp_path):
    path = tmp_path / "weights.h5.gz"
    whole = gzip.compress(official_openl3.keras_h5([("dense", {"kernel": np.arange(9999.0)})]))
    # Cut short, one byte changed, and packed without being HDF5.
    changed = whole[:2000] + bytes([whole[2000] ^ 255]) + whole[2001:]
    for content in (whole[:-100], whole[:12], changed, gzip.compress(b"words")):
        path.write_bytes(content)
        with pytest.raises(WeightsError, match=r"weights\.h5\.gz is no Keras weights file"):
            checkpoints.read_keras_h5(path)
    path.write_bytes(whole)
    assert checkpoints.read_keras_h5(path)


def test_a_packed_file_that_unpacks_to_too_much_is_refused(tmp_path):
    path = tmp_path / "bomb.h5.gz"
    path.write_bytes(gzip.compress(bytes(257 * 2**20), compresslevel=1))
    assert path.stat().st_size < 2**21
    with pytest.raises(WeightsError, match="larger than 256 MiB unpacked"):
        checkpoints.read_keras_h5(path)


def test_the_check_compares_published_figures_and_tells_random_weights_apart(load):
    checks = models.smoke_test(load("linear_env_512"))
    assert len(checks) == 3
    assert "mean" in checks[0].sentence
    assert "published 1.894" in checks[0].sentence
    assert not any(check.passed for check in checks)
    assert models.smoke_test(load("linear_env_6144")) == []


@pytest.mark.shared
def test_published_figures_are_those_of_the_official_regression_data(shared):
    folder = shared / "fixtures" / "openl3" / "regression"
    linear = np.load(folder / "chirp_44k_kapre_linear.npz")["embedding"]
    mel = np.load(folder / "chirp_44k_kapre.npz")["embedding"]
    official = {
        "mel256_music_6144": mel,
        "mel256_music_512": mel.reshape(-1, 4, 3, 512).max(axis=(1, 2)),
        "linear_env_512": linear,
    }
    assert official.keys() == openl3.PUBLISHED.keys()
    for variant, vectors in official.items():
        figures = (vectors.mean(), vectors.std(), np.linalg.norm(vectors[0]))
        np.testing.assert_allclose(figures, openl3.PUBLISHED[variant][2], rtol=1e-5)


@pytest.mark.shared
def test_our_chirp_differs_from_the_official_one_only_by_its_random_numbers(shared):
    with wave.open(str(shared / "fixtures" / "openl3" / "audio" / "chirp_44k.wav")) as file:
        assert file.getframerate() == 44100
        official = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float64)
    pure = openl3._pure_chirp() * 2**15
    ours = openl3._chirp().astype(np.float64) * 2**15
    assert len(ours) == len(official)
    assert np.abs(official - pure).max() < 10
    assert np.abs(ours - pure).max() < 10
    powers = [welch(sound - pure, nperseg=512)[1] for sound in (official, ours)]
    np.testing.assert_allclose(10 * np.log10(powers[0] / powers[1]), 0, atol=1.5)
