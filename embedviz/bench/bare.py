"""A model's traced graph by itself, and its network from patches, without the pipeline around."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embedviz import windows
from embedviz.data import FloatArray
from embedviz.facts import Facts
from embedviz.models import model_file
from embedviz.sweeping import piece_columns

if TYPE_CHECKING:
    import tensorflow as tf

    from embedviz.engine import Hear


class Bare:
    """A model's graph, traced anew from its weight files.

    Parameters
    ----------
    facts
        Of the model's variant.
    files
        Official names -> paths of its weights.
    precision
        Any that the model offers, emulated where the device lacks it.
    """

    def __init__(
        self, facts: Facts, files: Mapping[str, Path], variant: str, *, precision: str
    ) -> None:
        import tensorflow as tf

        built = model_file(facts.name).build(files, variant, precision)
        self._facts = facts
        self._hear, self._rows, self._samples = _hearing(facts, built)
        # A wrapped graph can be cut in two; it runs like any other traced function.
        self._graph = tf.compat.v1.wrap_function(
            lambda waveforms: dict(self._hear(waveforms)),
            [tf.TensorSpec((None if self._samples else 1, self._samples), tf.float32)],
        )
        given = self._graph.structured_outputs
        self._network = self._graph.prune(given["patches"], given[self._rows])

    def cut(self, blocks: Iterable[FloatArray], *, batch: int) -> list[tf.Tensor]:
        """Cut mono sound at the model's rate into batches (B, n) of its native windows.

        A network that sweeps gets pieces as long as the pipeline's, one by one.
        """
        import tensorflow as tf

        facts = self._facts
        if self._samples is None:
            assert facts.sweep is not None
            size = piece_columns(facts.sweep) * facts.sweep.step_samples
            whole = np.concatenate(list(blocks))
            pieces = np.split(whole, range(size, len(whole), size))
            # The last one may be too short to hear.
            heard = [piece for piece in pieces if len(piece) > facts.framing.window_samples]
            return [tf.constant(piece[np.newaxis]) for piece in heard or pieces[:1]]
        parts = windows.cut(blocks, facts.framing, hop=facts.hop_samples(), batch=batch)
        return [tf.constant(np.ascontiguousarray(part.samples)) for part in parts]

    def heard(self, waveforms: tf.Tensor) -> tuple[FloatArray, tf.Tensor]:
        """Give the vectors and the patches of waveforms (B, n)."""
        given = self._graph(waveforms)
        return np.asarray(given[self._rows]), given["patches"]

    def vectors(self, patches: tf.Tensor) -> FloatArray:
        """Give the vectors of patches: the network alone."""
        return np.asarray(self._network(patches))


def _hearing(facts: Facts, built: Any) -> tuple[Hear, str, int | None]:  # noqa: ANN401
    """Give graph code from waveforms, the name of its rows, and the samples it hears."""
    from embedviz.engine import Sweeping

    if not isinstance(built, Sweeping):
        return built, "vectors", facts.framing.window_samples
    if built.finish is None:
        return built.whole, "columns", None
    return built.clips, "vectors", facts.framing.window_samples
