"""PaSST: a transformer that looks at patches of a log-mel picture, trained to tag AudioSet.

K. Koutini, J. Schlueter, H. Eghbal-zadeh, G. Widmer, Efficient Training of Audio Transformers with
Patchout, Interspeech 2022, arXiv:2110.05069. Code and weights: Apache-2.0.

The network is `passt_s_swa_p16_128_ap476` as hear21passt 0.0.26 runs it for HEAR. Variant `full`
gives its whole vector, the 527 logits and then the 768 features (1295 numbers; accounts of 1296
match no reference code); variant `features` gives the 768 alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from embedviz.checkpoints import take
from embedviz.classes import AUDIOSET_CLASSES, AUDIOSET_NAMES, top_class
from embedviz.facts import Clip, Facts, Framing, WeightFile
from embedviz.mel import band_centres_hz
from embedviz.torchfiles import state_dict

if TYPE_CHECKING:
    import tensorflow as tf

    from embedviz.frontends.framed import Framed
    from embedviz.model import Columns

WEIGHTS = WeightFile(
    name="passt-s-f128-p16-s10-ap.476-swa.pt",
    url="https://github.com/kkoutini/PaSST/releases/download/v0.0.1-audioset/"
    "passt-s-f128-p16-s10-ap.476-swa.pt",
    checksum="sha256:302903fa8c4aee817b11dc982da0b29aaf8d11a3e722420476d0a12c9db70c2c",
    size_bytes=344_665_734,
)

TIMESTAMPS = Framing(
    window_s=0.16,
    window_samples=5120,
    hop_s=0.05,
    tail="drop",
    lead_samples=2560,
    trail_samples=2560,
    edges="reflect",
)
"""The windows of HEAR's timestamps; EfficientAT's authors, the same group, cut them alike."""
LONG = Framing(
    window_s=10.0,
    window_samples=320_000,
    hop_s=2.5,
    tail="drop",
    lead_samples=160_000,
    trail_samples=160_000,
    edges="reflect",
)
"""The windows whose mean stands for a recording longer than 10 s; likewise."""

FACTS = Facts(
    name="passt",
    title="PaSST",
    group="General",
    hears="Everyday sounds, 160 ms at a time; names the likeliest of AudioSet's 527 classes.",
    paper="Koutini et al., Interspeech 2022, arXiv:2110.05069",
    licence="Apache-2.0",
    home="https://github.com/kkoutini/PaSST",
    rate_hz=32000,
    framing=TIMESTAMPS,
    clip=Clip(
        shortest_samples=4801,
        longest_s=10.0,
        beyond=LONG,
    ),
    patch_frames=16,
    bands_hz=band_centres_hz(128, 0.0, 15000.0),
    patch_range=(-1.4, 1.6),
    patch_unit="(ln(mel power + 0.00001) + 4.5) / 5",
    variants={"full": 1295, "features": 768},
    files=(WEIGHTS, AUDIOSET_NAMES),
    precisions=("float32", "bfloat16"),
    notes="The full vector holds 527 logits and then 768 features: 1295 numbers. Windows last "
    "160 ms, every 50 ms; a recording is heard in one pass up to 10 s, beyond as the mean of 10 s "
    "every 2.5 s. A large network: 20 windows per second of sound are slow without a GPU.",
)

BLOCKS, HEADS, WIDTH, HIDDEN = 12, 12, 768, 3072
PATCH, STEP = 16, 10
"""Frames, and bands, of a square patch, and from one patch to the next."""
BAND_PLACES, TIME_PLACES = 12, 99
SUMMARIES = 2
"""The tokens `cls` and `dist` stand before the patches; they carry the result."""
EPSILON, HEAD_EPSILON = 1e-6, 1e-5

TOKENS = {
    "cls_token": (1, 1, WIDTH),
    "dist_token": (1, 1, WIDTH),
    "new_pos_embed": (1, SUMMARIES, WIDTH),
    "freq_new_pos_embed": (1, WIDTH, BAND_PLACES, 1),
    "time_new_pos_embed": (1, WIDTH, 1, TIME_PLACES),
    "patch_embed.proj.weight": (WIDTH, 1, PATCH, PATCH),
    "patch_embed.proj.bias": (WIDTH,),
}
NORMS = (*(f"blocks.{i}.norm{j}" for i in range(BLOCKS) for j in (1, 2)), "norm", "head.0")
LINEAR = {
    "attn.qkv": (3 * WIDTH, WIDTH),
    "attn.proj": (WIDTH, WIDTH),
    "mlp.fc1": (HIDDEN, WIDTH),
    "mlp.fc2": (WIDTH, HIDDEN),
}


def _read(path: Path, dtype: str) -> dict[str, tf.Variable]:
    """Read the official file; the matrices of the blocks get the type `dtype`."""
    import tensorflow as tf

    arrays = state_dict(path)
    kept: dict[str, tf.Variable] = {}

    def keep(name: str, shape: tuple[int, ...], kept_as: str = "float32") -> None:
        array = take(arrays, name, shape, path)
        kept[name] = tf.Variable(
            tf.cast(array.T if len(shape) == 2 else array, kept_as), trainable=False
        )

    for name, shape in TOKENS.items():
        keep(name, shape)
    for name in NORMS:
        keep(f"{name}.weight", (WIDTH,))
        keep(f"{name}.bias", (WIDTH,))
    for number in range(BLOCKS):
        for name, shape in LINEAR.items():
            keep(f"blocks.{number}.{name}.weight", shape, dtype)
            keep(f"blocks.{number}.{name}.bias", shape[:1], dtype)
    keep("head.1.weight", (AUDIOSET_CLASSES, WIDTH))
    keep("head.1.bias", (AUDIOSET_CLASSES,))
    return kept


class _Transformer:
    """The network in evaluation mode, from patches (B, T, 128) to features and logits.

    Tokens lie one a row, (B * N, 768), as TensorFlow multiplies them fastest. In bfloat16 the
    matrices of the blocks are that; the sum that runs through the blocks stays float32.
    """

    def __init__(self, weights: Mapping[str, tf.Variable]) -> None:
        self._weights = weights

    def __call__(self, patches: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        import tensorflow as tf

        tokens = self._tokens(patches)
        length = tf.shape(tokens)[1]
        x = tf.reshape(tokens, (-1, WIDTH))
        for number in range(BLOCKS):
            # After the last block only the summaries are heard, so no more are computed.
            asking = SUMMARIES if number == BLOCKS - 1 else length
            x = self._block(x, f"blocks.{number}", length, asking)
        summaries = tf.reshape(self._norm(x, "norm", EPSILON), (-1, SUMMARIES, WIDTH))
        features = tf.reduce_mean(summaries, axis=1)
        return features, self._linear(self._norm(features, "head.0", HEAD_EPSILON), "head.1")

    def _tokens(self, patches: tf.Tensor) -> tf.Tensor:
        """Give the tokens (B, N, 768): the summaries, then all patches with their places.

        The reference sets the patches of one band side by side, we those of one moment: their
        order does not matter to the summaries.
        """
        import tensorflow as tf

        weights = self._weights
        kernel = tf.transpose(weights["patch_embed.proj.weight"], (3, 2, 1, 0))
        x = tf.nn.conv2d(patches[..., tf.newaxis], kernel, STEP, "VALID")
        x = tf.nn.bias_add(x, weights["patch_embed.proj.bias"])
        x += tf.transpose(weights["time_new_pos_embed"], (0, 3, 2, 1))[:, : tf.shape(x)[1]]
        x += tf.transpose(weights["freq_new_pos_embed"], (0, 3, 2, 1))
        batch = tf.shape(x)[0]
        summaries = tf.concat([weights["cls_token"], weights["dist_token"]], axis=1)
        summaries = tf.tile(summaries + weights["new_pos_embed"], (batch, 1, 1))
        return tf.concat([summaries, tf.reshape(x, (batch, -1, WIDTH))], axis=1)

    def _block(self, x: tf.Tensor, name: str, length: int, asking: int) -> tf.Tensor:
        """Give the first `asking` of every `length` tokens after a block, one a row."""
        import tensorflow as tf

        heard = self._attention(self._norm(x, f"{name}.norm1", EPSILON), name, length, asking)
        x = tf.reshape(tf.reshape(x, (-1, length, WIDTH))[:, :asking], (-1, WIDTH))
        x += tf.cast(self._linear(heard, f"{name}.attn.proj"), x.dtype)
        hidden = self._linear(self._norm(x, f"{name}.norm2", EPSILON), f"{name}.mlp.fc1")
        return x + tf.cast(self._linear(tf.nn.gelu(hidden), f"{name}.mlp.fc2"), x.dtype)

    def _attention(self, x: tf.Tensor, name: str, length: int, asking: int) -> tf.Tensor:
        import tensorflow as tf

        size = WIDTH // HEADS
        asked = tf.reshape(self._linear(x, f"{name}.attn.qkv"), (-1, length, 3, HEADS, size))
        query, key, value = tf.unstack(tf.transpose(asked, (2, 0, 3, 1, 4)))
        fits = tf.matmul(query[:, :, :asking] * size**-0.5, key, transpose_b=True)
        weights = tf.cast(tf.nn.softmax(tf.cast(fits, tf.float32)), value.dtype)
        return tf.reshape(tf.transpose(tf.matmul(weights, value), (0, 2, 1, 3)), (-1, WIDTH))

    def _linear(self, x: tf.Tensor, name: str) -> tf.Tensor:
        import tensorflow as tf

        kernel = self._weights[f"{name}.weight"]
        x = tf.matmul(tf.cast(x, kernel.dtype), kernel)
        return tf.nn.bias_add(x, self._weights[f"{name}.bias"])

    def _norm(self, x: tf.Tensor, name: str, epsilon: float) -> tf.Tensor:
        import tensorflow as tf

        mean, variance = tf.nn.moments(x, -1, keepdims=True)
        scale, shift = self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]
        return tf.nn.batch_normalization(x, mean, variance, shift, scale, epsilon)


def build(files: Mapping[str, Path], variant: str, dtype: str) -> Framed:
    """Give graph code from waveforms (B, n) to vectors, patches (B, T, 128) and scores.

    n is 4801 to 321,600 samples; T is 1 + (n - 1) // 320.
    """
    import tensorflow as tf

    from embedviz.frontends.kaldi import framed

    network = _Transformer(_read(files[WEIGHTS.name], dtype))

    def finish(patches: tf.Tensor) -> dict[str, tf.Tensor]:
        features, logits = network(patches)
        vectors = tf.concat([logits, features], axis=1) if variant == "full" else features
        return {"vectors": vectors, "scores": tf.sigmoid(logits)}

    return framed(FACTS.framing.window_samples, finish)


def columns(files: Mapping[str, Path]) -> Columns | None:
    """Give the column `top_class` from scores (N, 527), if the names of the classes are there."""
    return top_class(files.get(AUDIOSET_NAMES.name), AUDIOSET_CLASSES)
