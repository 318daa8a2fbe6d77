"""The official sides: from WAV files to embeddings as the published inference code does it.

Each function takes the folder that holds the official file, written there before, and gives a
function of paths. Models are loaded before the clock runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch

Sound = npt.NDArray[np.float32]
Work = Callable[[Sequence[Path]], object]


def yamnet(folder: Path) -> Work:
    """`yamnet/inference.py`: soundfile, resampy, one Keras 2 model called on the whole file."""
    import tensorflow as tf

    from parity.yamnet import network

    classifier = network()
    classifier.load_weights(str(folder / "yamnet.h5"))
    mel_matrix = tf.signal.linear_to_mel_weight_matrix(64, 257, 16000, 125.0, 7500.0)

    # `features.py` puts these steps into the same model; as a function of TensorFlow's they take
    # the same kernels.
    def patches_of(waveform: Any) -> Any:  # noqa: ANN401 (TensorFlow has no types)
        steps = -(-max(0, len(waveform) - 15_600) // 7_680)
        padded = tf.pad(waveform, [[0, 15_600 + 7_680 * steps - len(waveform)]])
        magnitudes = tf.abs(tf.signal.stft(padded, 400, 160, 512))
        log_mel = tf.math.log(tf.matmul(magnitudes, mel_matrix) + 0.001)
        return tf.signal.frame(log_mel, 96, 48, axis=0)

    def hear(path: Path) -> Sound:
        embeddings, scores = classifier(patches_of(_resampled(path)))
        np.asarray(scores)
        return np.asarray(embeddings)

    return _each(hear)


def vggish(folder: Path) -> Work:
    """`vggish_inference_demo.py`: soundfile, resampy, NumPy features, one run of the session."""
    from parity.vggish import log_mel, restored

    embed = restored(folder / "vggish_model.ckpt")

    def hear(path: Path) -> Sound:
        frames = log_mel(_resampled(path), 0.01)
        whole = len(frames) // 96
        return embed(frames[: whole * 96].reshape(whole, 96, 64))

    return _each(hear)


def _resampled(path: Path) -> Sound:
    """Read and resample as both of Google's scripts do."""
    import resampy
    import soundfile as sf

    data, rate_hz = sf.read(path, dtype="int16")
    return resampy.resample((data / 32768.0).astype(np.float32), rate_hz, 16000)


def pann_windows(folder: Path) -> Work:
    """`panns_inference`: librosa.load, and a batch of all seconds, as its `inference` takes."""
    net = _pann(folder)
    return _each(lambda path: _asked(net, _loaded(path, 32000).reshape(-1, 32000)))


def pann_clips(folder: Path) -> Work:
    """`panns_inference`: librosa.load and a batch of one clip, as in its example."""
    net = _pann(folder)
    return _each(lambda path: _asked(net, _loaded(path, 32000)[np.newaxis]))


def _pann(folder: Path) -> torch.nn.Module:
    import torch

    from parity.pann import FILES, network

    net = network("cnn14", np.random.default_rng(0))
    net.load_state_dict(torch.load(folder / FILES["cnn14"][0])["model"])
    return net


def _asked(net: torch.nn.Module, batch: Sound) -> Sound:
    import torch

    with torch.no_grad():
        return net(torch.from_numpy(batch))["embedding"].numpy()


def kumar(folder: Path) -> Work:
    """`feat_extractor.py` of weak_feature_extractor: librosa's features, the whole file at once."""
    import torch

    from parity.kumar import RATE_HZ, features, network

    net = network(np.random.default_rng(0))
    state = torch.load(folder / "mx-h64-1024_0d3-1.17.pkl")
    state = {name.removeprefix("module."): values for name, values in state.items()}
    missing = net.load_state_dict(state, strict=False).missing_keys
    assert all(name.endswith("num_batches_tracked") for name in missing), missing

    def hear(path: Path) -> Sound:
        frames = features(_loaded(path, RATE_HZ))
        with torch.no_grad():
            return net(torch.from_numpy(frames)[None, None])[0, :, :, 0].T.numpy()

    return _each(hear)


def passt_scenes(folder: Path) -> Work:
    """`hear21passt`: its scene embeddings of one clip; it leaves the loading to the caller."""
    import torch

    model = _passt(folder)

    def hear(path: Path) -> Sound:
        with torch.no_grad():
            return model.get_scene_embeddings(torch.from_numpy(_loaded(path, 32000)[None])).numpy()

    return _each(hear)


def passt_timestamps(folder: Path) -> Work:
    """`hear21passt`: its timestamp embeddings, every 50 ms."""
    import torch

    model = _passt(folder)

    def hear(path: Path) -> Sound:
        with torch.no_grad():
            sound = torch.from_numpy(_loaded(path, 32000)[None])
            return model.get_timestamp_embeddings(sound)[0].numpy()

    return _each(hear)


def _passt(folder: Path) -> Any:  # noqa: ANN401 (hear21passt has no types)
    import torch

    from parity.passt import FILE, network, wrapped

    net = network(np.random.default_rng(0))
    net.load_state_dict(torch.load(folder / FILE))
    return wrapped(net)


def openl3(folder: Path) -> Work:
    """`openl3`: soundfile as in its command, `get_audio_embedding` resamples with resampy."""
    import soundfile as sf
    from openl3 import get_audio_embedding, models

    # Its loader wants the file unpacked; the reference leaves it there.
    path = str(folder / "plain.h5")
    model = models.load_audio_embedding_model_from_path(path, "mel256", 512)

    def hear(path: Path) -> Sound:
        audio, rate_hz = sf.read(path)
        return get_audio_embedding(audio, rate_hz, model=model, verbose=0)[0]

    return _each(hear)


def _loaded(path: Path, rate_hz: int) -> Sound:
    """Read and resample as librosa does by default."""
    import librosa

    return librosa.load(path, sr=rate_hz, mono=True)[0]


def _each(hear: Callable[[Path], Sound]) -> Work:
    return lambda paths: [hear(path) for path in paths]
