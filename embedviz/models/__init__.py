"""The models: every file in this folder is one, found by its name.

A model file holds, in this order: a docstring (paper, licence), `FACTS`, the network, the
reading of the official file as `build(files, variant, dtype)`, and where they exist
`columns(files)` (class scores -> table columns) and `smoke_test(model)` (the published check).
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from embedviz.errors import ModelError
from embedviz.facts import Check, Facts

if TYPE_CHECKING:
    from embedviz.engine import Hear, Sweeping
    from embedviz.listeners import Listener
    from embedviz.model import Columns, Model
    from embedviz.stepping import Stepping


FOREIGN = ("hub", "hear")
"""Models by address: `hub:HANDLE_OR_FOLDER` and `hear:package.module`."""


class ModelFile(Protocol):
    """What a file in this folder offers."""

    FACTS: Facts

    def build(
        self, files: Mapping[str, Path], variant: str, dtype: str
    ) -> Hear | Sweeping | Stepping:
        """Give graph code from waveforms (B, samples) to `vectors`, `patches`, perhaps `scores`.

        A network that sweeps along sound of any length, or gives several rows a window, gives its
        parts instead. `files` maps official names to paths; `dtype` is a Keras dtype policy.
        """


def names() -> tuple[str, ...]:
    """Give the names of all models, the baseline first."""
    found = [module.name for module in pkgutil.iter_modules(__path__)]
    return tuple(sorted(found, key=lambda name: (facts(name).group != "Baseline", name)))


def model_file(name: str) -> ModelFile:
    """Import the file of one model, without its framework.

    Raises
    ------
    ModelError
        If there is no such model.
    """
    known = [module.name for module in pkgutil.iter_modules(__path__)]
    if name not in known:
        raise ModelError(f"There is no model {name!r}; choose one of {', '.join(sorted(known))}.")
    return cast(ModelFile, importlib.import_module(f"{__name__}.{name}"))


def facts(name: str) -> Facts:
    """Give the facts of one model."""
    return model_file(name).FACTS


def checked_variant(model_facts: Facts, variant: str | None) -> str:
    """Give the variant, or the model's default for None."""
    if variant is None:
        return model_facts.default_variant
    if variant not in model_facts.variants:
        raise ModelError(
            f"{model_facts.name} has no variant {variant!r}; "
            f"choose one of {', '.join(model_facts.variants)}."
        )
    return variant


def load_model(
    name: str,
    variant: str | None = None,
    weights: str | Path | None = None,
    precision: str = "float32",
) -> Model:
    """Load a model and its official weights.

    Parameters
    ----------
    name
        One of `names()`, `hub:HANDLE_OR_FOLDER` or `hear:package.module`.
    variant
        A form of the model's output, for example `postprocessed` for VGGish.
    weights
        An official file, or a folder that holds the official files; by default the cache that
        `embedviz weights` fills.
    precision
        `float32`, or `bfloat16` where the model offers it and this machine calculates in it.

    Raises
    ------
    ModelError
        If there is no such model, variant or precision, or bfloat16 would be emulated here.
    WeightsError
        If a weight file is missing, damaged or holds something else.
    """
    family, colon, rest = name.partition(":")
    if colon:
        return _foreign(family, rest, variant, weights, precision)
    source = model_file(name)
    model_facts = source.FACTS
    chosen = checked_variant(model_facts, variant)
    if precision not in model_facts.precisions:
        raise ModelError(
            f"{name} runs in {' or '.join(model_facts.precisions)}, found {precision!r}; "
            + ("choose one of these." if len(model_facts.precisions) > 1 else "choose that.")
        )
    from embedviz import weights as weight_files
    from embedviz.precision import require

    require(precision)
    found = weight_files.find(
        model_facts, chosen, weights=None if weights is None else Path(weights)
    )
    # TensorFlow takes seconds to load, so the missing file is reported before that; and the engine
    # sets it up, so a model file must not be the first to load it.
    from embedviz import engine  # noqa: F401
    from embedviz.model import Model

    paths = {file_name: entry.path for file_name, entry in found.items()}
    make_columns: Callable[[Mapping[str, Path]], Columns | None] | None = getattr(
        source, "columns", None
    )
    own_facts = model_facts.of(chosen)
    return Model(
        facts=own_facts,
        variant=chosen,
        precision=precision,
        weights=found,
        listener=_listener(own_facts, source.build(paths, chosen, precision)),
        columns=make_columns(paths) if make_columns else None,
        batch=own_facts.batch,
    )


def _listener(model_facts: Facts, built: Hear | Sweeping | Stepping) -> Listener:
    """Give what hears with a network of this kind."""
    from embedviz.engine import Sweeping
    from embedviz.listeners import WindowListener
    from embedviz.stepping import StepListener, Stepping
    from embedviz.sweeping import SweepListener

    if isinstance(built, Sweeping):
        return SweepListener(model_facts, built)
    if isinstance(built, Stepping):
        return StepListener(model_facts, built)
    return WindowListener(model_facts, built)


def _foreign(
    family: str, rest: str, variant: str | None, weights: str | Path | None, precision: str
) -> Model:
    """Load a model that is no file of ours."""
    if family not in FOREIGN:
        raise ModelError(
            f"There is no model {family}:{rest}; `hub:` takes a SavedModel and `hear:` a module."
        )
    load: Callable[..., Model] = importlib.import_module(f"embedviz.foreign.{family}").load
    return load(rest, variant=variant, weights=weights, precision=precision)


def smoke_test(model: Model) -> list[Check]:
    """Run the published check on a loaded model; empty where none is published."""
    run: Callable[[Model], list[Check]] | None = getattr(
        model_file(model.facts.name), "smoke_test", None
    )
    return run(model) if run else []
