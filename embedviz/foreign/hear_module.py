"""Importing somebody's HEAR module and loading its model, checked against HEAR's contract.

Source: https://hearbenchmark.com/hear-api.html
"""

from __future__ import annotations

import importlib
import inspect
import keyword
from collections.abc import Callable
from types import ModuleType
from typing import Any, Literal

from embedviz.errors import ModelError
from embedviz.foreign.hear_calls import ForeignModule, broken, kind, said
from embedviz.hear import RATES_HZ

FUNCTIONS = ("load_model", "get_timestamp_embeddings", "get_scene_embeddings")


def load(name: str, weights: str, options: dict[str, str]) -> ForeignModule:
    """Import a module, load its model and check what both offer.

    Parameters
    ----------
    name
        An importable module, which runs its code.
    weights
        Handed to its `load_model`; the module's own default if empty.
    options
        More keywords for `load_model`.

    Raises
    ------
    ModelError
        If the module is not there, fails, or breaks HEAR's contract.
    """
    module = _imported(name)
    for function in FUNCTIONS:
        if not callable(getattr(module, function, None)):
            raise broken(name, f"it has no function {function}", ", ".join(FUNCTIONS))
    model = _loaded(name, module.load_model, weights, options)
    framework = _framework(type(model))
    if framework is None:
        raise broken(
            name,
            f"load_model gives {kind(model)}",
            "a torch.nn.Module or a tf.Module",
        )
    if framework == "torch":
        model.to("cpu")  # where its audio will be
    rate_hz = getattr(model, "sample_rate", None)
    if rate_hz not in RATES_HZ:
        raise broken(
            name,
            f"the model's sample_rate is {rate_hz!r}",
            f"one of {', '.join(map(str, RATES_HZ))}",
        )
    return ForeignModule(
        name=name,
        module=module,
        model=model,
        framework=framework,
        rate_hz=int(rate_hz),
        scene_size=_size(name, model, "scene_embedding_size"),
        timestamp_size=_size(name, model, "timestamp_embedding_size"),
    )


def _imported(name: str) -> ModuleType:
    parts = name.split(".")
    if not all(part.isidentifier() and not keyword.iskeyword(part) for part in parts):
        raise ModelError(
            f"{name!r} is no name of a Python module; `hear:` takes one that can be imported, "
            "such as hear:hear21passt.base."
        )
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or name
        if missing in (".".join(parts[:count]) for count in range(1, len(parts) + 1)):
            raise ModelError(
                f"There is no Python module {missing} here; install the package that holds {name}."
            ) from error
        raise ModelError(
            f"{name} cannot be imported without the Python module {missing}; install that too."
        ) from error
    except Exception as error:
        raise ModelError(f"{name} cannot be imported ({said(error)}).") from error


def _loaded(
    name: str, load_model: Callable[..., Any], weights: str, options: dict[str, str]
) -> Any:  # noqa: ANN401 (still unchecked)
    for option in options:
        if option not in inspect.signature(load_model).parameters:
            raise ModelError(f"{name} has no variants: its load_model takes no {option!r}.")
    try:
        return load_model(weights, **options) if weights else load_model(**options)
    except Exception as error:
        given = repr(weights) if weights else "no weights"
        raise ModelError(
            f"{name}: load_model failed with {given} ({said(error)}); HEAR wants it to load its "
            "model from a path, and from its own place without one."
        ) from error


def _framework(kind: type) -> Literal["tensorflow", "torch"] | None:
    """Tell a framework's Module by its name, so that none need be installed to ask."""
    for ancestor in kind.__mro__:
        home = ancestor.__module__.split(".")
        if ancestor.__name__ == "Module" and home[0] == "tensorflow":
            return "tensorflow"
        if ancestor.__name__ == "Module" and home[:2] == ["torch", "nn"]:
            return "torch"
    return None


def _size(name: str, model: object, attribute: str) -> int:
    size = getattr(model, attribute, None)
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise broken(name, f"the model's {attribute} is {size!r}", "a positive Python int")
    return size
