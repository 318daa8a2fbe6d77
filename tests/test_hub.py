"""Foreign SavedModels: by folder, archive, address and handle, whatever form their sound takes."""

import hashlib
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import official_humpback
import pytest
from conftest import tone
from serving import serving

from embedviz import models
from embedviz.errors import ModelError, WeightsError
from embedviz.folders import weights_folder
from embedviz.foreign import hub_handles, hub_options

# One worker for all: the SavedModels are written once.
pytestmark = pytest.mark.xdist_group("hub")


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    """Give the folder of a SavedModel by its kind, written when first asked for."""
    place = tmp_path_factory.mktemp("zoo")

    def folder(kind: str) -> Path:
        if not (place / kind).exists():
            writers[kind](place / kind)
        return place / kind

    return folder


def save_module(folder: Path, shape, hear, *more_inputs, signatures=None, **attributes) -> None:
    """Write a tf.Module whose call is `hear(module, waveform, ...)`."""
    import tensorflow as tf

    import embedviz.engine  # noqa: F401 (quietly)

    class Hearing(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec(shape, name="waveform"), *more_inputs])
        def __call__(self, waveform, *rest):
            return hear(self, waveform, *rest)

    module = Hearing()
    rng = np.random.default_rng(3)
    module.kernel = tf.Variable(rng.normal(0, 0.05, (64, 1024)).astype(np.float32))
    for name, value in attributes.items():
        setattr(module, name, value)
    tf.saved_model.save(module, str(folder), signatures=signatures)


def log_mel_patches(waveform, hop):
    """The features of Google's exporters: log-mel frames, and patches of 96 of them."""
    import tensorflow as tf

    spectrum = tf.abs(tf.signal.stft(waveform, 400, 160, 512))
    matrix = tf.signal.linear_to_mel_weight_matrix(64, 257, 16000, 125.0, 7500.0)
    log_mel = tf.math.log(tf.matmul(spectrum, matrix) + 0.001)
    return log_mel, tf.signal.frame(log_mel, 96, hop, axis=0)


def pattern(module, patches):
    """A vector (1024,) of each patch that changes with the order of its frames."""
    import tensorflow as tf

    weights = tf.linspace(0.0, 1.0, 96)[:, tf.newaxis]
    return tf.tanh(tf.reduce_mean(patches * weights, axis=1) @ module.kernel)


def write_yamnet(folder: Path) -> None:
    import tensorflow as tf

    def hear(module, waveform):
        samples = tf.shape(waveform)[0]
        hops = tf.cast(tf.math.ceil(tf.maximum(0, samples - 15600) / 7680), tf.int32)
        waveform = tf.pad(waveform, [[0, 15600 + 7680 * hops - samples]])
        log_mel, patches = log_mel_patches(waveform, 48)
        embeddings = pattern(module, patches)
        return tf.sigmoid(embeddings[:, :521]), embeddings, log_mel

    folder.mkdir()
    (folder / "map.csv").write_text("index,mid,display_name\n0,/m/0,Speech\n")
    asset = tf.saved_model.Asset(str(folder / "map.csv"))
    path = tf.function(lambda: asset.asset_path, input_signature=[])
    save_module(folder, (None,), hear, class_map=asset, class_map_path=path)


def write_vggish(folder: Path) -> None:
    def hear(module, waveform):
        return pattern(module, log_mel_patches(waveform, 96)[1])[:, :128]

    save_module(folder, (None,), hear)


def write_batches(folder: Path) -> None:
    """Takes batches and the rate, gives a dictionary with several rows a window."""
    import tensorflow as tf

    def hear(module, waveform, sample_rate):
        frames = tf.signal.frame(waveform, 64, 64) / tf.cast(sample_rate, tf.float32)
        return {
            "embedding": tf.abs(frames) @ module.kernel,
            "logits": tf.reduce_mean(frames, axis=1),
            "lengths": tf.shape(waveform),
        }

    save_module(folder, (None, None), hear, tf.TensorSpec((), tf.int32, name="sample_rate"))


def write_fixed(folder: Path) -> None:
    """Hears exactly 8000 samples with a channel axis, in a function of its own as well."""
    import tensorflow as tf

    def mean_frame(waveform):
        return tf.reduce_mean(tf.abs(tf.reshape(waveform, (-1, 125, 64))), axis=1)

    infer = tf.function(
        lambda audio: (mean_frame(audio)[:, :7], mean_frame(audio)),
        input_signature=[tf.TensorSpec((None, 8000), name="audio")],
    )
    served = tf.function(
        lambda inputs: {"embeddings": mean_frame(inputs)[:, :9], "label": mean_frame(inputs)},
        input_signature=[tf.TensorSpec((None, 8000), name="inputs")],
    )
    save_module(
        folder,
        (None, 8000, 1),
        lambda module, waveform: mean_frame(waveform) @ module.kernel,
        infer=infer,
        signatures={"serving_default": served},
        served=served,
    )


def write_with_settings(folder: Path) -> None:
    """Has settings that are no tensors, as Keras models have, and a copy for training."""
    import tensorflow as tf

    class Hearing(tf.Module):
        @tf.function
        def __call__(self, waveform, training=False, mask=None):
            frames = tf.abs(tf.signal.frame(waveform, 64, 64))
            return tf.reduce_mean(frames, axis=-2) * (0.0 if training else 1.0)

    module = Hearing()
    sound = tf.TensorSpec((None, None), name="waveform")
    for training in (True, False):
        module.__call__.get_concrete_function(sound, training=training)
    tf.saved_model.save(module, str(folder))


def write_one_by_one(folder: Path) -> None:
    """Takes [1, N] and gives one flat vector."""
    import tensorflow as tf

    def hear(module, waveform):
        return tf.reduce_mean(tf.abs(tf.signal.frame(waveform[0], 64, 64)), axis=0)

    save_module(folder, (1, None), hear)


def write_flattening(folder: Path) -> None:
    """Takes [B, N], but its rows are frames of all waveforms in one list."""
    import tensorflow as tf

    def hear(module, waveform):
        return tf.abs(tf.reshape(waveform, (-1, 64))) @ module.kernel

    save_module(folder, (None, None), hear)


def write_choosy(folder: Path) -> None:
    """Takes whole seconds only."""
    import tensorflow as tf

    def hear(module, waveform):
        return tf.reduce_mean(tf.abs(tf.reshape(waveform, (-1, 16000))), axis=0)[:100]

    save_module(folder, (None,), hear)


def write_spectra(folder: Path) -> None:
    save_module(folder, (None, 96, 64, 1), lambda module, x: x)


writers = {
    "yamnet": write_yamnet,
    "vggish": write_vggish,
    "batches": write_batches,
    "fixed": write_fixed,
    "with_settings": write_with_settings,
    "one_by_one": write_one_by_one,
    "flattening": write_flattening,
    "choosy": write_choosy,
    "spectra": write_spectra,
    "humpback": lambda folder: official_humpback.save(folder, np.random.default_rng(5)),
}


@pytest.fixture(scope="module")
def sound():
    """3.3 s of three tones, one after the other."""
    return np.concatenate([tone(hz, 1.1) for hz in (300, 900, 2700)])


def call(folder: Path, *inputs):
    """What the SavedModel itself gives."""
    import tensorflow as tf

    return tf.saved_model.load(str(folder))(*inputs)


# What is known of VGGish and YAMNet


def test_a_yamnet_folder_gives_the_rows_of_yamnet(zoo, sound):
    model = models.load_model(f"hub:{zoo('yamnet')}")
    assert model.variant == "rate=16000,window=0.96,hop=0.48,output=1"
    heard = model.embed(sound, 16000)
    _, embeddings, _ = call(zoo("yamnet"), sound)
    np.testing.assert_allclose(heard.vectors, embeddings, atol=1e-5)
    np.testing.assert_allclose(heard.start_s, 0.48 * np.arange(6))
    assert heard.stop_s[-1] == pytest.approx(3.3)


def test_a_vggish_folder_gives_the_rows_of_vggish(zoo, sound):
    model = models.load_model(f"hub:{zoo('vggish')}")
    assert model.variant == "rate=16000,window=0.96,hop=0.96,output=0"
    heard = model.embed(sound, 16000)
    np.testing.assert_allclose(heard.vectors, call(zoo("vggish"), sound), atol=1e-5)
    np.testing.assert_allclose(heard.start_s, [0, 0.96, 1.92])


def test_other_windows_are_an_option(zoo, sound):
    """Of two seconds YAMNet makes three rows; the window's row is their mean."""
    model = models.load_model(f"hub:{zoo('yamnet')}", variant="window=1.92,output=0")
    assert model.variant == "rate=16000,window=1.92,hop=1.92,output=0"
    scores, _, _ = call(zoo("yamnet"), sound[: round(1.92 * 16000) + 240])
    assert len(scores) == 3
    heard = model.embed(sound, 16000)
    np.testing.assert_allclose(heard.vectors[0], scores.numpy().mean(axis=0), atol=1e-5)


# Every form of sound


def test_batches_and_a_rate_are_given_where_wanted(zoo, sound):
    model = models.load_model(f"hub:{zoo('batches')}", variant="rate=8000,window=0.8,hop=0.4")
    assert model.variant == "rate=8000,window=0.8,hop=0.4,output=embedding"
    halved = sound[::2]
    heard = model.embed(halved, 8000)
    for row, start in enumerate(range(0, 3 * 3200, 3200)):
        expected = call(zoo("batches"), halved[np.newaxis, start : start + 6400], 8000)
        np.testing.assert_allclose(
            heard.vectors[row], expected["embedding"].numpy()[0].mean(axis=0), rtol=1e-4, atol=1e-9
        )


def test_a_fixed_length_is_the_window(zoo, sound):
    model = models.load_model(f"hub:{zoo('fixed')}")
    assert model.variant == "rate=16000,window=0.5,hop=0.5,output=0"
    heard = model.embed(sound, 16000)
    expected = call(zoo("fixed"), sound[: 6 * 8000].reshape(6, 8000, 1))
    np.testing.assert_allclose(heard.vectors[:6], expected, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "variant", "size"),
    [
        ("signature=infer,output=1", "output=1,signature=infer", 64),
        ("signature=serving_default", "output=embeddings,signature=serving_default", 9),
    ],
)
def test_functions_and_signatures_are_called_by_name(zoo, sound, options, variant, size):
    model = models.load_model(f"hub:{zoo('fixed')}", variant=options)
    assert model.variant == f"rate=16000,window=0.5,hop=0.5,{variant}"
    frames = np.abs(sound[:8000].reshape(125, 64)).mean(axis=0)
    np.testing.assert_allclose(model.embed(sound, 16000).vectors[0], frames[:size], rtol=1e-4)


def test_a_window_that_the_model_wants_can_be_said(zoo, sound):
    model = models.load_model(f"hub:{zoo('choosy')}", variant="window=2")
    assert model.variant == "rate=16000,window=2,hop=2,output=0"
    expected = np.abs(sound[:32000].reshape(2, 16000)).mean(axis=0)[:100]
    np.testing.assert_allclose(model.embed(sound, 16000).vectors[0], expected, rtol=1e-4)


def test_settings_are_as_they_are_outside_of_training(zoo, sound):
    heard = models.load_model(f"hub:{zoo('with_settings')}", variant="window=1").embed(sound, 16000)
    frames = np.abs(sound[:16000].reshape(-1, 64)).mean(axis=0)
    np.testing.assert_allclose(heard.vectors[0], frames, rtol=1e-4)


@pytest.mark.parametrize("kind", ["one_by_one", "flattening"])
def test_what_keeps_no_windows_apart_hears_them_one_by_one(zoo, sound, kind):
    heard = models.load_model(f"hub:{zoo(kind)}").embed(sound, 16000)
    for row in range(3):
        window = sound[row * 15360 : (row + 1) * 15360]
        expected = call(zoo(kind), window[np.newaxis]).numpy().reshape(-1, heard.vectors.shape[1])
        np.testing.assert_allclose(heard.vectors[row], expected.mean(axis=0), atol=1e-5)


@pytest.mark.parametrize("kind", ["yamnet", "vggish", "batches", "fixed", "humpback"])
def test_a_variant_says_everything_that_makes_the_same_model_again(zoo, kind):
    told = {"humpback": "hop=1.28"}.get(kind)
    model = models.load_model(f"hub:{zoo(kind)}", variant=told)
    if kind == "humpback":
        assert model.variant == "rate=10000,window=3.84,hop=1.28"
    again = models.load_model(f"hub:{zoo(kind)}", variant=model.variant)
    assert replace(again.facts, notes="") == replace(model.facts, notes="")


def test_the_pictures_show_the_sound(zoo, sound):
    model = models.load_model(f"hub:{zoo('one_by_one')}", variant="window=1.1")
    heard = model.embed(sound, 16000)
    bands = np.array(model.facts.bands_hz)
    assert heard.patches.shape == (3, model.facts.patch_frames, 64)
    for patch, hz in zip(heard.patches, (300, 900, 2700), strict=True):
        peaks = bands[patch[5:-5].argmax(axis=1)]
        assert np.abs(peaks - hz).max() < 0.06 * hz
        # The tone's level of 0.3 is 10 dB below full scale.
        assert patch.max() == pytest.approx(-10, abs=3)
    assert model.facts.patch_range[0] < heard.patches.max() <= 0
    long = models.load_model(f"hub:{zoo('one_by_one')}", variant="window=60")
    assert long.facts.patch_frames == 100
    assert long.embed(sound, 16000).patches.shape == (1, 100, 64)


# What does not fit


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        (
            "yamnet",
            "output=3",
            r"no output 3; choose .*: 0 \[1, 521\], 1 \[1, 1024\], 2 \[96, 64\]",
        ),
        ("yamnet", "rate=8000", r"has 3 outputs; choose with output=NAME: 0 \[1, 521\]"),
        ("batches", "output=lengths", r"no output lengths; .*: embedding \[1, 240, 1024\], logits"),
        ("fixed", "signature=infer", r"has 2 outputs; choose with output=NAME: 0 \[1, 7\], 1 \["),
        ("fixed", "window=1", r"exactly 8,000 samples, window=0\.5 at 16,000 Hz; found 16,000"),
        ("fixed", "signature=hear", "no function hear; choose with signature=NAME: .*infer"),
        ("vggish", "window=0.5", r"gives \[0, 128\] as output 0 .* a longer window=SECONDS"),
        ("vggish", "rate=8000,window=0.1", r"gives \[0, 128\] as output 0"),
        ("choosy", None, r"choosy does not hear 0\.96 s at 16,000 Hz; try other rate=HZ,window="),
        ("yamnet", "hop=0.00001", "hop=1e-05, less than one sample"),
        ("spectra", None, r"takes no waveform .*found .* float32\[\?, 96, 64, 1\]"),
        ("humpback", "rate=16000", "is the humpback model; it takes rate=10000,window=3.84"),
        ("humpback", "signature=metadata", "takes no waveform .*; found no inputs"),
    ],
)
def test_options_that_do_not_fit_are_answered_with_what_does(zoo, kind, options, words):
    with pytest.raises(ModelError, match=words):
        models.load_model(f"hub:{zoo(kind)}", variant=options)


@pytest.mark.parametrize(
    "options",
    [
        "rate",
        "rate=",
        "rate=fast",
        "rate=16000.5",
        "rate=10",
        "window=0",
        "window=nan",
        "hop=-1",
        "speed=2",
        "rate=8000,rate=8000",
    ],
)
def test_options_that_say_nothing_sensible_are_refused(options):
    with pytest.raises(ModelError, match="wanted"):
        hub_options.read(options)


def test_what_a_foreign_model_cannot_have_is_refused(zoo):
    with pytest.raises(ModelError, match="hub:FOLDER"):
        models.load_model(f"hub:{zoo('yamnet')}", weights="somewhere")
    with pytest.raises(ModelError, match="float32"):
        models.load_model(f"hub:{zoo('yamnet')}", precision="bfloat16")


# Handles


@pytest.mark.parametrize(
    ("handle", "address", "archive"),
    [
        ("google/yamnet/1", "https://tfhub.dev/google/yamnet/1", "?tf-hub-format=compressed"),
        (
            "google/nonsemantic-speech-benchmark/trill/3",
            "https://tfhub.dev/google/nonsemantic-speech-benchmark/trill/3",
            "?tf-hub-format=compressed",
        ),
        (
            "google/yamnet/tensorFlow2/yamnet/1",
            "https://www.kaggle.com/models/google/yamnet/tensorFlow2/yamnet/1",
            "?tf-hub-format=compressed",
        ),
        ("https://a.org/m/1?key=2", "https://a.org/m/1?key=2", "&tf-hub-format=compressed"),
        ("https://a.org/m.tar.gz?key=2", "https://a.org/m.tar.gz?key=2", ""),
        (
            "https://a.org/m/1?tf-hub-format=compressed",
            "https://a.org/m/1?tf-hub-format=compressed",
            "",
        ),
    ],
)
def test_handles_stand_for_addresses(handle, address, archive):
    assert hub_handles.address(handle) == address
    assert hub_handles._archive_address(address) == address + archive


@pytest.mark.parametrize("handle", ["nowhere", "a/b", "gs://bucket/model", "../gone"])
def test_what_is_no_handle_is_told(handle):
    with pytest.raises(ModelError, match=f"no folder {handle}, and it is no handle"):
        models.load_model(f"hub:{handle}")


def test_a_folder_without_a_savedmodel_is_told(tmp_path):
    with pytest.raises(WeightsError, match=r"holds no saved_model\.pb"):
        models.load_model(f"hub:{tmp_path}")


def test_a_folder_an_archive_and_an_address_are_the_same_model(zoo, sound, tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")
    official_humpback.archive(zoo("yamnet"), tmp_path / "yamnet.tar.gz")
    with serving(tmp_path) as server:
        address = f"{server.url}/yamnet.tar.gz"
        loaded = [
            models.load_model(f"hub:{handle}")
            for handle in (zoo("yamnet"), tmp_path / "yamnet.tar.gz", address, address)
        ]
        assert server.asked == ["/yamnet.tar.gz"]
    rows = [model.embed(sound, 16000).vectors for model in loaded]
    for model, vectors in zip(loaded, rows, strict=True):
        np.testing.assert_array_equal(vectors, rows[0])
        assert model.weights["SavedModel"].sha256 == loaded[0].weights["SavedModel"].sha256
        assert not model.verified
    assert loaded[2].facts.name == f"hub:{address}"
    assert loaded[2].facts.title == "yamnet"


def test_the_humpback_model_gives_its_own_rows_from_any_address(zoo, sound, tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")
    own = models.load_model("humpback", weights=zoo("humpback")).embed(sound, 10_000)
    official_humpback.archive(zoo("humpback"), tmp_path / "humpback_whale_1.tar.gz")
    with serving(tmp_path) as server:
        served = models.load_model(f"hub:{server.url}/humpback_whale_1.tar.gz")
    for model in (served, models.load_model(f"hub:{zoo('humpback')}")):
        heard = model.embed(sound, 10_000)
        np.testing.assert_array_equal(heard.vectors, own.vectors)
        np.testing.assert_array_equal(heard.patches, own.patches)
        np.testing.assert_array_equal(heard.columns["call_score"], own.columns["call_score"])


def test_a_download_that_changed_on_disk_is_fetched_again(zoo, sound, tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")
    official_humpback.archive(zoo("vggish"), tmp_path / "vggish.tar.gz")
    with serving(tmp_path) as server:
        first = models.load_model(f"hub:{server.url}/vggish.tar.gz")
        [kept] = (weights_folder() / "hub").glob("*.tar.gz")
        kept.write_bytes(b"changed")
        again = models.load_model(f"hub:{server.url}/vggish.tar.gz")
        assert len(server.asked) == 2
    assert again.weights == first.weights


def test_an_address_that_fails_says_how_to_bring_the_model(monkeypatch, tmp_path):
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr("pooch.core.time.sleep", lambda seconds: None)
    with serving(tmp_path) as server:
        address = f"{server.url}/gone/1"
        with pytest.raises(WeightsError) as failure:
            models.load_model(f"hub:{address}")
    assert "the server answered 404" in str(failure.value)
    assert f"bring it yourself and give its folder instead of {address}" in str(failure.value)


@pytest.mark.parametrize("handle", ["google/vggish/1", "https://tfhub.dev/google/vggish/1"])
def test_a_model_of_tf_hub_in_its_own_cache_is_the_official_one(zoo, tmp_path, monkeypatch, handle):
    """No checksum is published, so what came from there by its name is what was asked for."""
    address = "https://tfhub.dev/google/vggish/1"
    cached = tmp_path / hashlib.sha1(address.encode()).hexdigest()
    shutil.copytree(zoo("vggish"), cached)
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path))
    model = models.load_model(f"hub:{handle}")
    assert model.verified
    assert model.facts.title == "vggish 1"
    assert model.facts.home == address
    assert model.weights["SavedModel"].path == cached


def test_importing_loads_no_framework():
    code = (
        "import sys, embedviz.foreign.hub, embedviz.models.humpback; "
        "sys.exit({'tensorflow', 'tensorflow_hub', 'keras', 'pooch'} & set(sys.modules) != set())"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_tensorflow_hub_loads_without_its_warnings():
    """Also where pkg_resources announces its end, as it does in newer setuptools."""
    code = (
        "import warnings; warnings.simplefilter('error')\n"
        "import embedviz.engine, sys, types\n"
        "old = types.ModuleType('pkg_resources')\n"
        "def told(name):\n"
        "    warnings.warn('pkg_resources is deprecated as an API. See https://...', UserWarning)\n"
        "    from packaging.version import Version; old.parse_version = Version\n"
        "    return Version\n"
        "old.__getattr__ = told\n"
        "sys.modules['pkg_resources'] = old\n"
        "from embedviz import savedmodels\n"
        "assert savedmodels._tensorflow_hub().load\n"
        "warnings.warn('another')"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert "UserWarning: another" in ran.stderr
    assert "pkg_resources is" not in ran.stderr
