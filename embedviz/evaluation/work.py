"""The steps of an evaluation and what they find, one model at a time so that one is in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from embedviz.data import EmbeddingSet
from embedviz.evaluation import baseline
from embedviz.evaluation.athand import AtHand
from embedviz.evaluation.beside import (
    beside_majority,
    differences,
    ensembles,
    label_score,
    unverified,
)
from embedviz.evaluation.probing import Probing, probed
from embedviz.evaluation.results import (
    Clustered,
    Confound,
    Corrected,
    Evaluation,
    Made,
    Probed,
    Trusted,
)
from embedviz.evaluation.steps import Part, Step, optional
from embedviz.evaluation.units import Gathered

if TYPE_CHECKING:
    from embedviz.evaluation.things import Things


class Work:
    """Finds all that was asked of some sets."""

    def __init__(
        self,
        sets: Mapping[str, EmbeddingSet],
        asked: Gathered,
        how: Sequence[Probing],
        *,
        seed: int,
        find: baseline.Find | None,
    ) -> None:
        self._sets, self._asked, self._how = sets, asked, how
        self._seed, self._find = seed, find
        taken = baseline.TITLE in sets
        self._log_mel = f"{baseline.TITLE} baseline" if taken else baseline.TITLE
        self._held = AtHand(sets, asked)
        self._things: Things | None = None
        self._probed: list[Probed] = []
        self._clustered: list[Clustered] = []
        self._trusted: list[Trusted] = []
        self._confounds: list[Confound] = []
        self._corrected: list[Corrected] = []
        self._notes: list[str] = []

    def steps(self, parts: frozenset[str]) -> list[Step]:
        """Plan everything; the weights are about what each takes."""
        steps = []
        if "confounds" in parts:
            listen = Step("Listening to the recordings", 10, self._find_things)
            steps += optional([listen], "The search for confounds was left out", self._notes)
        for title in self._sets:
            steps += self._of_set(title, parts)
        if not any(map(self._is_baseline, self._sets)):
            hear = Step("Hearing the recordings with log-mel", 15, self._hear_baseline)
            probes = self._probes(self._log_mel, 10)
            steps += optional([hear, *probes], "There is no log-mel baseline", self._notes)
        if "ensembles" in parts:
            for members in ensembles([title for title in self._sets if self._is_member(title)]):
                title = f"ensemble of {', '.join(members)}"
                join = Step(f"{title}: joining", 1, partial(self._join, members))
                probes = self._probes(title, 15)
                steps += optional([join, *probes], f"The {title} was left out", self._notes)
        return steps

    def result(self, made: Made) -> Evaluation:
        """Put together what was found."""
        return Evaluation(
            task=self._asked.task,
            units=self._asked.units,
            probed=tuple(self._probed),
            differences=differences(self._probed, self._asked, self._seed),
            clustered=tuple(self._clustered),
            trusted=tuple(self._trusted),
            confounds=tuple(self._confounds),
            corrected=tuple(self._corrected),
            notes=self._all_notes(),
            made=made,
        )

    def _is_baseline(self, title: str) -> bool:
        return self._sets[title].provenance.model == baseline.MODEL

    def _is_member(self, title: str) -> bool:
        return not self._is_baseline(title) and not self._sets[title].provenance.members

    def _of_set(self, title: str, parts: frozenset[str]) -> list[Step]:
        """Plan what is asked of one set, beginning with its vectors."""
        steps = [Step(f"{title}: pooling", 1, lambda _: self._held.take(title))]
        steps += self._probes(title, 10)
        more: dict[str, tuple[str, int, Callable[[str, Part], None]]] = {
            "confounds": ("search for confounds", 10, self._find_confounds),
            "corrections": ("probing without what disturbs", 10, self._correct),
            "clusters": ("search for clusters", 5, self._cluster),
            "trust": ("trust of the map", 20, self._trust),
        }
        for part, (doing, weight, run) in more.items():
            if part in parts:
                step = Step(f"{title}: {doing}", weight, partial(run, title))
                steps += optional([step], f"{title}: the {doing} was left out", self._notes)
        return steps

    def _probes(self, title: str, weight: int) -> list[Step]:
        words = {"logistic": "logistic regression", "nearest": "nearest neighbours"}
        return [
            Step(
                f"{title}: {words[how.probe]}",
                weight * (2 if how.curves else 1),
                partial(self._probe, title, how),
            )
            for how in self._how
        ]

    def _join(self, members: Sequence[str], _: Part) -> None:
        self._held.join(members)

    def _hear_baseline(self, tell: Part) -> None:
        self._held.hear_baseline(self._find, tell)

    def _probe(self, title: str, how: Probing, tell: Part) -> None:
        if self._held.vectors is None:
            return
        found, notes = probed(
            title,
            self._held.vectors,
            self._asked,
            how,
            baseline=title == baseline.TITLE
            if title not in self._sets
            else self._is_baseline(title),
            # The logistic probe standardises all columns by itself.
            first=self._held.first if how.probe == "nearest" else None,
            tell=tell,
        )
        self._probed.append(found)
        self._notes += notes

    def _find_things(self, tell: Part) -> None:
        from embedviz.evaluation.things import things

        self._things = things(
            self._sets[self._asked.reference],
            self._asked.units,
            self._asked.task,
            find=self._find,
            seed=self._seed,
            progress=tell,
        )
        self._notes += self._things.notes

    def _find_confounds(self, title: str, tell: Part) -> None:
        from embedviz.evaluation.confounds import confounds

        if self._held.vectors is None or self._things is None:
            return
        self._confounds += confounds(
            title,
            self._held.vectors,
            self._things,
            self._asked.task,
            label_score=label_score(
                self._probed, title, self._held.vectors, self._asked, self._seed
            ),
            seed=self._seed,
            progress=tell,
        )

    def _correct(self, title: str, tell: Part) -> None:
        from embedviz.evaluation.corrections import corrected

        if self._held.vectors is None:
            return
        grouped = self._asked.task.group != "recording"
        self._corrected += corrected(
            title,
            self._held.vectors,
            self._asked.units,
            self._asked.task,
            groups=self._asked.groups,
            group_values=self._asked.group_values if grouped else None,
            components=next((how.setting for how in self._how if how.probe == "logistic"), None),
            seed=self._seed,
            progress=tell,
        )

    def _cluster(self, title: str, tell: Part) -> None:
        from embedviz.evaluation.clustering import clustered

        if self._held.vectors is None:
            return
        classes = self._asked.task.classes
        labels = [classes[number] for number in self._asked.units.truth]
        self._clustered += clustered(
            title, self._held.vectors, labels, seed=self._seed, progress=tell
        )

    def _trust(self, title: str, tell: Part) -> None:
        from embedviz.evaluation.maptrust import trusted

        one = self._sets[title]
        self._trusted.append(
            trusted(title, one.vectors, one.projection, seed=self._seed, progress=tell)
        )

    def _all_notes(self) -> tuple[str, ...]:
        """Put warnings first."""
        every = [
            *(one.warning for one in self._confounds),
            beside_majority(self._probed, self._asked),
            *(unverified(title, one) for title, one in self._sets.items()),
            *self._notes,
        ]
        return tuple(dict.fromkeys(note for note in every if note))
