"""Google's humpback whale model: a ResNet-50 on PCEN spectrograms that hears humpback song.

A. N. Allen et al., A convolutional neural network for automated detection of humpback whale song
in a diverse, long-term passive acoustic dataset, Front. Mar. Sci. 8:607321, 2021. Apache-2.0; its
card asks for use in conservation, education and research. It is published as a TensorFlow
SavedModel (`google/humpback_whale/1` of TF-Hub and Kaggle) and loaded through `tensorflow_hub`.

PCEN, the normalisation of each band by its own recent level, starts anew in every window of 3.84 s,
as in the model's own `score`. The other usual way, one PCEN over the whole recording that is cut
afterwards, makes a window's vector depend on where the recording starts, and is not offered. Sound
is not scaled: the card puts training clips at about 0.02 peak and finds 20 dB up or down harmless.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embedviz.errors import WeightsError
from embedviz.facts import Facts, Framing, WeightFile
from embedviz.mel import band_centres_hz

if TYPE_CHECKING:
    import tensorflow as tf

    from embedviz.data import FloatArray
    from embedviz.engine import Hear
    from embedviz.heard import Column
    from embedviz.model import Columns

RATE_HZ = 10_000
SIZE = 2048
SAVED_MODEL = WeightFile(
    name="humpback_whale_1.tar.gz",
    url="https://tfhub.dev/google/humpback_whale/1?tf-hub-format=compressed",
    checksum=None,
    size_bytes=94_000_000,  # its variables; the size of the archive is not on record
)

FACTS = Facts(
    name="humpback",
    title="Humpback whale",
    group="Bioacoustics",
    hears="Humpback song, up to 5 kHz; scores each window for it in the column `call_score`.",
    paper="Allen et al., Front. Mar. Sci. 8:607321, 2021, doi:10.3389/fmars.2021.607321",
    licence="Apache-2.0",
    home="https://www.kaggle.com/models/google/humpback-whale",
    rate_hz=RATE_HZ,
    framing=Framing(window_s=3.84, window_samples=39_124, hop_s=3.84, tail="pad"),
    patch_frames=128,
    bands_hz=band_centres_hz(64, 0.0, 5000.0),
    patch_range=(0.0, 3.0),
    patch_unit="PCEN",
    variants={"default": SIZE},
    batch=16,
    files=(SAVED_MODEL,),
    notes="PCEN starts anew in every window, as in the model's own `score`; the end is padded with "
    "zeros. Sound is not scaled: the model was trained on clips of about 0.02 peak and tolerates "
    "20 dB up or down.",
)

MEMBERS = ("front_end", "features", "logits", "metadata")


def build(files: Mapping[str, Path], variant: str, dtype: str) -> Hear:
    """Give graph code from waveforms (B, 39124) to vectors (B, 2048), patches and call scores."""
    from embedviz import savedmodels

    path = files[SAVED_MODEL.name]
    return listening(savedmodels.load(path), path)


def listening(loaded: Any, path: Path) -> Hear:  # noqa: ANN401 (a SavedModel has no types)
    """Give the graph code of a loaded SavedModel of this kind.

    Raises
    ------
    WeightsError
        If it lacks what the published model offers, or hears another rate or window.
    """
    import tensorflow as tf

    _check_interface(loaded, path)
    logits_of = _head(loaded, path)

    def hear(waveforms: tf.Tensor) -> dict[str, tf.Tensor]:
        patches, vectors = _patches_and_vectors(loaded, waveforms)
        scores = tf.sigmoid(logits_of(patches, vectors))
        return {"vectors": vectors, "patches": patches, "scores": scores}

    return hear


def columns(files: Mapping[str, Path]) -> Columns:
    """Give the column `call_score` from scores (N, 1): the model's confidence in humpback song."""

    def call_score(scores: FloatArray) -> dict[str, Column]:
        return {"call_score": scores[:, 0]}

    return call_score


def offers_interface(loaded: Any) -> bool:  # noqa: ANN401
    """Tell whether a loaded SavedModel has the members that the published one is used by."""
    return all(callable(getattr(loaded, name, None)) for name in MEMBERS)


def _check_interface(loaded: Any, path: Path) -> None:  # noqa: ANN401
    if not offers_interface(loaded):
        raise WeightsError(
            f"{path.name} does not offer {', '.join(MEMBERS)}; it is not the humpback model."
        )
    told = loaded.metadata()
    found = [int(told.get(key, 0)) for key in ("input_sample_rate", "context_width_samples")]
    if found != [RATE_HZ, FACTS.framing.window_samples]:
        raise WeightsError(
            f"{path.name} hears windows of {found[1]:,} samples at {found[0]:,} Hz, wanted "
            f"{FACTS.framing.window_samples:,} at {RATE_HZ:,}; it is not the humpback model."
        )


def _patches_and_vectors(
    loaded: Any,  # noqa: ANN401
    waveforms: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Give the PCEN of each window by itself, (B, 128, 64), and its vector."""
    import tensorflow as tf

    shape = (None, FACTS.patch_frames, len(FACTS.bands_hz))
    patches = tf.ensure_shape(loaded.front_end(waveforms[:, :, tf.newaxis]), shape)
    return patches, tf.ensure_shape(loaded.features(patches), (None, SIZE))


def _head(loaded: Any, path: Path) -> Any:  # noqa: ANN401
    """Give the function from patches and their vectors to logits (B, 1).

    The model's own `logits` would hear the patches a second time, at the whole network's cost.
    Where the SavedModel shows the weights of its last layer, the vectors are used instead.
    """
    import tensorflow as tf

    samples = FACTS.framing.window_samples
    noise = tf.random.stateless_normal((2, samples), seed=(1, 2), stddev=0.02)
    try:
        patches, vectors = _patches_and_vectors(loaded, noise)
        logits = tf.ensure_shape(loaded.logits(patches), (None, 1))
    except (ValueError, TypeError, tf.errors.OpError) as error:
        reason = " ".join(str(error).split())[:200]
        raise WeightsError(f"{path.name} does not work as the humpback model: {reason}") from error
    variables = getattr(loaded, "variables", ())
    kernels = [variable for variable in variables if tuple(variable.shape) == (SIZE, 1)]
    biases = [variable for variable in variables if tuple(variable.shape) == (1,)]
    if len(kernels) == len(biases) == 1:
        [kernel], [bias] = kernels, biases
        if np.allclose(vectors @ kernel + bias, logits, rtol=0, atol=1e-3):
            return lambda patches, vectors: vectors @ kernel + bias
    return lambda patches, vectors: loaded.logits(patches)
