"""The vectors that are asked next: those of one set, of several joined, or of the baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from embedviz.data import EmbeddingSet, FloatArray
from embedviz.errors import EvaluationError
from embedviz.evaluation import baseline
from embedviz.evaluation.beside import side_by_side
from embedviz.evaluation.pooled import pooled
from embedviz.evaluation.steps import Part
from embedviz.evaluation.units import Gathered

if TYPE_CHECKING:
    from embedviz.evaluation.fitting import Fitted


class AtHand:
    """Holds the vectors (U, D) of the units; what was held before is let go first.

    A step that fails leaves none, and those after it that need them have nothing to do.
    """

    def __init__(self, sets: Mapping[str, EmbeddingSet], asked: Gathered) -> None:
        self._sets, self._asked = sets, asked
        self.vectors: FloatArray | None = None
        self.first: Fitted = None
        """What is fitted in each fold before the nearest neighbours are looked for."""

    def take(self, title: str) -> None:
        """Pool the vectors of a set.

        Raises
        ------
        EvaluationError
            If they cannot be, for example for a value that is not finite.
        """
        self._let_go()
        self.vectors = self._pooled(title)

    def join(self, members: Sequence[str]) -> None:
        """Set the vectors of several models side by side; each fold standardises them.

        Raises
        ------
        EvaluationError
            As `take`.
        """
        self._let_go()
        every = [self._pooled(title) for title in members]
        self.first = side_by_side([vectors.shape[1] for vectors in every])
        self.vectors = np.hstack(every)

    def hear_baseline(self, find: baseline.Find | None, tell: Part) -> None:
        """Hear the units with log-mel; parameters and errors as `baseline.logmel_vectors`."""
        self._let_go()
        self.vectors = baseline.logmel_vectors(
            self._sets[self._asked.reference].provenance,
            self._asked.units,
            pooling=self._asked.task.pooling,
            find=find,
            progress=tell,
        )

    def _let_go(self) -> None:
        self.vectors, self.first = None, None

    def _pooled(self, title: str) -> FloatArray:
        try:
            return pooled(
                self._sets[title].vectors,
                self._asked.unit_of_row[title],
                len(self._asked.units.truth),
                pooling=self._asked.task.pooling,
            )
        except EvaluationError as error:
            raise EvaluationError(f"{title}: {error}") from error
