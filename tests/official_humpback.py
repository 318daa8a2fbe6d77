"""A stand-in for the humpback SavedModel: its interface and front end, and a smaller network.

The members, their shapes and the numbers of the front end are the published ones. The network is
three random convolutions and a projection to 2048 values instead of a ResNet-50.
"""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np

RATE_HZ, WINDOW_SAMPLES = 10_000, 39_124


def write(folder: Path, rng: np.random.Generator) -> None:
    """Write the official file, `humpback_whale_1.tar.gz`."""
    folder.mkdir(parents=True, exist_ok=True)
    unpacked = folder.with_name(f"{folder.name}-unpacked")
    save(unpacked, rng)
    archive(unpacked, folder / "humpback_whale_1.tar.gz")


def archive(unpacked: Path, path: Path) -> None:
    """Pack a SavedModel as TF-Hub does."""
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        tar.add(unpacked, "./")


def save(
    folder: Path,
    rng: np.random.Generator,
    *,
    trained_pcen: bool = True,
    shows_weights: bool = True,
    **told: int,
) -> None:
    """Write the stand-in as an unpacked SavedModel.

    `trained_pcen` moves PCEN's values away from those that its constructor sets, as training does;
    `told` changes what `metadata` says.
    """
    import tensorflow as tf

    model = _stand_in(rng, trained_pcen, shows_weights, told)
    signatures = {"score": model.score, "metadata": model.metadata, "serving_default": model.score}
    tf.saved_model.save(model, str(folder), signatures=signatures)


def _stand_in(rng, trained_pcen, shows_weights, told):
    import tensorflow as tf

    def variable(values, name):
        return tf.Variable(np.asarray(values, np.float32), name=name)

    def kernel(*shape):
        values = rng.normal(0, np.sqrt(2 / np.prod(shape[:-1])), shape)
        # Centred: otherwise random ReLU layers map every sound to one direction.
        return variable(values - values.mean(axis=tuple(range(len(shape) - 1))), "kernel")

    class FrontEnd(tf.Module):
        def __init__(self):
            super().__init__()
            spread = 0.1 if trained_pcen else 0.0
            self.alpha = variable(0.98 + spread * rng.uniform(-1, 1, 64), "pcen/alpha")
            self.delta = variable(2.0 + spread * rng.uniform(-1, 1, 64), "pcen/delta")
            self.root = variable(2.0 + spread * rng.uniform(-1, 1, 64), "pcen/root")

        @tf.function(input_signature=[tf.TensorSpec((None, None, 1))])
        def __call__(self, waveform):
            return self.pcen(self.mel(waveform))

        def mel(self, waveform):
            spectrum = tf.abs(tf.signal.stft(waveform[:, :, 0], frame_length=1024, frame_step=300))
            matrix = tf.signal.linear_to_mel_weight_matrix(64, 513, RATE_HZ, 0.0, 5000.0)
            return tf.square(tf.tensordot(spectrum, matrix, 1))

        def pcen(self, energy):
            by_time = tf.transpose(energy, (1, 0, 2))
            smooth = tf.scan(lambda m, e: 0.975 * m + 0.025 * e, by_time, by_time[0])
            smooth = tf.transpose(smooth, (1, 0, 2))
            power = 1.0 / tf.maximum(self.root, 1.0)
            gained = energy / (1e-6 + smooth) ** tf.minimum(self.alpha, 1.0)
            return (gained + self.delta) ** power - self.delta**power

    class Part(tf.Module):
        def __init__(self, call):
            super().__init__()
            self.call = tf.function(call, input_signature=[tf.TensorSpec((None, 128, 64))])

        @tf.function(input_signature=[tf.TensorSpec((None, 128, 64))])
        def __call__(self, spectrogram):
            return self.call(spectrogram)

    # Not a tf.Module, whose `variables` are not saved; those of a Keras model are.
    class StandIn(tf.__internal__.tracking.AutoTrackable):
        def __init__(self):
            self.kernels = [kernel(5, 5, 1, 8), kernel(3, 3, 8, 16), kernel(3, 3, 16, 32)]
            self.biases = [variable(rng.normal(0, 0.1, n), "bias") for n in (8, 16, 32)]
            self.projection = kernel(8 * 4 * 32, 2048)
            self.dense = [kernel(2048, 1), variable(rng.normal(0, 0.5, 1), "dense/bias")]
            if shows_weights:
                self.variables = [*self.kernels, *self.biases, self.projection, *self.dense]
            self.front_end = FrontEnd()
            self.features = Part(self.embed)
            self.logits = Part(lambda s: self.embed(s) @ self.dense[0] + self.dense[1])

        def embed(self, spectrogram):
            x = spectrogram[..., tf.newaxis]
            for one, bias, step in zip(self.kernels, self.biases, (4, 2, 2), strict=True):
                x = tf.nn.relu(tf.nn.conv2d(x, one, step, "SAME") + bias)
            return tf.nn.relu(tf.reshape(x, (-1, 8 * 4 * 32)) @ self.projection)

        @tf.function(input_signature=[tf.TensorSpec((None, None, 1)), tf.TensorSpec((), tf.int64)])
        def score(self, waveform, context_step_samples):
            step = tf.cast(context_step_samples // 300, tf.int32)
            windows = tf.signal.frame(self.front_end.mel(waveform), 128, step, axis=1)
            patches = self.front_end.pcen(tf.reshape(windows, (-1, 128, 64)))
            scores = tf.sigmoid(self.logits(patches))
            return {"scores": tf.reshape(scores, (tf.shape(windows)[0], -1, 1))}

        @tf.function(input_signature=[])
        def metadata(self):
            return {
                "input_sample_rate": tf.constant(told.get("rate_hz", RATE_HZ), tf.int64),
                "context_width_samples": tf.constant(
                    told.get("window_samples", WINDOW_SAMPLES), tf.int64
                ),
                "class_names": tf.constant(["Mn"]),
            }

    return StandIn()
