"""Everything about one label, over any number of models: the same units, folds and draws."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from inspect import signature

from embedviz.data import EmbeddingSet
from embedviz.errors import EvaluationError
from embedviz.evaluation.baseline import Find
from embedviz.evaluation.probing import Probing
from embedviz.evaluation.question import Question
from embedviz.evaluation.results import PROBES, Evaluation, Made, Progress
from embedviz.evaluation.steps import run_all
from embedviz.evaluation.units import gathered
from embedviz.evaluation.work import Work

PARTS = ("curves", "ensembles", "clusters", "trust", "confounds", "corrections")
"""What an evaluation may hold beside the probes."""


def evaluate(
    sets: Mapping[str, EmbeddingSet],
    label: str,
    *,
    group: str | None = None,
    folds: str | None = None,
    pooling: str | None = None,
    probes: Collection[str] = tuple(PROBES),
    components: int | None = None,
    neighbours: int | None = None,
    seed: int = 0,
    parts: Collection[str] = PARTS,
    find: Find | None = None,
    made: Made | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Evaluation:
    """Ask what embeddings know of a label, and how far the answer can be trusted.

    Parameters
    ----------
    sets
        Title -> set. Several are compared over the rows or recordings that all of them have. One
        of log-mel is the baseline; else the recordings are heard again with it, where they lie
        where the set says.
    label
        The column to be predicted; the first set that has it is believed.
    group
        A column whose values (site, individual, day) are never on both sides of a split.
        Recordings and their copies never are.
    folds
        A column whose values are the folds; else there are up to five, stratified and seeded.
    pooling
        `window`: every row is a unit; `mean`, `max` or `mean+std`: the rows of a recording are
        pooled into one. By default `window` for one set and `mean` for several.
    probes
        Keys of `PROBES`.
    components, neighbours
        Settings of the probes; by default 128 and 5, or as many as the training rows allow.
    seed
        Of folds, draws and everything else that is random.
    parts
        Of `PARTS`.
    find
        Gives the path of a recording by its name; by default the one that the set remembers.
    made
        With what the evaluation is made; by default what can be known without files.
    progress
        Told often how far all is; raising from it stops the work.

    Returns
    -------
    Evaluation
        Models in the order of `sets`, then the baseline made here, then ensembles of the sets that
        are neither: every pair of up to three, and all together.

    Raises
    ------
    EvaluationError
        In one sentence, if the label, the split or a setting cannot be had.
    """
    _check(probes, parts, components, neighbours)
    question = Question(label, group=group, folds=folds, pooling=pooling, seed=seed)
    asked = gathered(sets, question)
    settings = {"logistic": components, "nearest": neighbours}
    curves = frozenset({"setting", "labelled"} if "curves" in parts else ())
    how = [Probing(name, settings[name], curves, seed) for name in PROBES if name in probes]
    work = Work(sets, asked, how, seed=seed, find=find)
    run_all(work.steps(frozenset(parts)), progress)
    if made is None:
        from embedviz.evaluation.making import made as described

        command = _command(
            question,
            probes=probes,
            components=components,
            neighbours=neighbours,
            parts=parts,
            find=find,
        )
        made = described(sets, command=command, seed=seed)
    return work.result(made)


def _check(
    probes: Collection[str], parts: Collection[str], components: int | None, neighbours: int | None
) -> None:
    for found, known, what in ((probes, PROBES, "probe"), (parts, PARTS, "part")):
        unknown = sorted(set(found) - set(known))
        if unknown:
            raise EvaluationError(f"The {what} {unknown[0]!r} is not one of {', '.join(known)}.")
    if not probes:
        raise EvaluationError(f"No probe was chosen; choose one of {', '.join(PROBES)}.")
    for name, value in (("components", components), ("neighbours", neighbours)):
        if value is not None and value < 1:
            raise EvaluationError(f"Found {value} {name}; wanted 1 or more.")


def _command(
    question: Question,
    *,
    probes: Collection[str],
    components: int | None,
    neighbours: int | None,
    parts: Collection[str],
    find: Find | None,
) -> str:
    """Write the call that repeats an evaluation: all that is not as by default."""
    known = signature(evaluate).parameters
    chosen: dict[str, object] = {
        "group": question.group,
        "folds": question.folds,
        "pooling": question.pooling,
        "probes": tuple(name for name in PROBES if name in probes),
        "components": components,
        "neighbours": neighbours,
        "seed": question.seed,
        "parts": tuple(name for name in PARTS if name in parts),
    }
    options = [
        f", {name}={value!r}" for name, value in chosen.items() if value != known[name].default
    ]
    # A function cannot be written out: as the sets, it goes by its name.
    options += [", find=find"] if find else []
    return f"embedviz.evaluate_sets(sets, {question.label!r}{''.join(options)})"
