"""What a visitor wants recordings heard with, and what that will give and cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from embedviz import catalogue, models, pooling, windows
from embedviz.data import Recording
from embedviz.errors import ModelError
from embedviz.model import Per
from embedviz.spacing import checked_hop
from embedviz.wording import counted, listed


@dataclass(frozen=True)
class Choice:
    """One model and what a point is."""

    model: str
    variant: str
    per: Per = "window"
    hop_s: float | None = None
    """None: the model's own."""
    channel: int | None = None
    """Counted from 1; None mixes all by their mean."""

    @property
    def title(self) -> str:
        """The model as people call it, with its variant where it has several."""
        facts = models.facts(self.model)
        return facts.title if self.is_plain else f"{facts.title} {self.variant}"

    @property
    def name(self) -> str:
        """The same, for the name of a set."""
        return self.model if self.is_plain else f"{self.model} {self.variant}"

    @property
    def refusal(self) -> str | None:
        """Why the model cannot hear so, in a sentence; None where it can."""
        try:
            checked_hop(models.facts(self.model).of(self.variant), self.per, self.hop_s)
        except ModelError as error:
            return str(error)
        return None

    @property
    def is_plain(self) -> bool:
        """Whether the name of the model alone says which variant it is."""
        return self.variant == "default" or len(models.facts(self.model).variants) == 1


def run_title(recordings: Sequence[Recording], choices: Sequence[Choice]) -> str:
    """Say what a run does; runs with other recordings may have the same title.

    Parameters
    ----------
    choices
        One or more, which differ in nothing but the model.
    """
    with_models = (
        f"Embedding {counted(len(recordings), 'recording')} with "
        f"{listed([choice.title for choice in choices])}"
    )
    one = choices[0]
    if one.per == "window":
        settings = []
    elif one.per == "recording":
        settings = ["a point per recording"]
    else:
        settings = [f"a point per {one.per:g} s"]
    settings += [] if one.hop_s is None else [f"hop {one.hop_s:g} s"]
    settings += [] if one.channel is None else [f"channel {one.channel}"]
    return ", ".join([with_models, *settings])


def download_bytes(choice: Choice) -> int:
    """Give what a run would have to download first."""
    facts = models.facts(choice.model)
    if catalogue.ready(facts, choice.variant):
        return 0
    return catalogue.download_bytes(facts, choice.variant)


def points(recordings: Sequence[Recording], choice: Choice) -> int:
    """Count the points that a run would give, from the lengths of the recordings alone."""
    if choice.per == "recording":
        return len(recordings)
    if choice.per != "window":
        return sum(pooling.stretches(rec.duration_s, float(choice.per)) for rec in recordings)
    facts = models.facts(choice.model).of(choice.variant)
    hop = facts.hop_samples(choice.hop_s)
    return sum(
        windows.count(round(rec.duration_s * facts.rate_hz), facts.framing, hop=hop)
        for rec in recordings
    )
