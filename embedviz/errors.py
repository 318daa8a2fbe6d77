"""Everything embedviz raises on purpose.

EmbedvizError           one sentence: what was found, what was wanted, what to do
├── RecordingError      one recording cannot be used; the rest of a batch goes on
│   └── Unheard         not one recording of a run could be heard
├── LabelsError         a label table cannot be read or matches no recording
├── ModelError          an unknown model, variant, hop or precision
├── WeightsError        a weight file is missing, damaged or not the published one
├── SetError            an embedding set (Parquet) cannot be read or written
├── ProjectionError     a projection cannot be computed with these settings
├── BundleError         an Embedding Projector bundle cannot be written or read
├── EvaluationError     a label, a split or a probe cannot be had from these rows
└── Cancelled           the user stopped the work; nothing finished is lost
"""

from collections.abc import Mapping


class EmbedvizError(Exception):
    """The base of every error a user can act on."""


class RecordingError(EmbedvizError):
    """One recording cannot be used."""


class Unheard(RecordingError):  # noqa: N818 (what came of a run)
    """Not one recording of a run could be heard."""

    def __init__(self, failures: Mapping[str, str]) -> None:
        first = next(iter(failures.values()), "No recordings were given.")
        super().__init__(f"Not one of {len(failures)} recordings could be heard. {first}")
        self.failures = failures
        """Name of each recording -> why."""


class LabelsError(EmbedvizError):
    """A label table cannot be read or matches no recording."""


class ModelError(EmbedvizError):
    """A model was asked for something that it does not offer."""


class WeightsError(EmbedvizError):
    """A weight file is missing, damaged or not the published one."""


class SetError(EmbedvizError):
    """An embedding set cannot be read or written."""


class ProjectionError(EmbedvizError):
    """A projection cannot be computed with these settings."""


class BundleError(EmbedvizError):
    """An Embedding Projector bundle cannot be written or read."""


class EvaluationError(EmbedvizError):
    """A label, a split or a probe cannot be had from these rows."""


class Cancelled(EmbedvizError):
    """The user stopped the work."""

    made: object = None
    """What was finished until then, for who asked for it."""
