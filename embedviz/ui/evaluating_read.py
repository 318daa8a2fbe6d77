"""An evaluation read again from the JSON that its report keeps beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache, lru_cache
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np

from embedviz.errors import EvaluationError
from embedviz.evaluation.results import Evaluation, IntArray

OPEN_EVALUATIONS = 4


def read_evaluation(path: Path) -> Evaluation:
    """Read the JSON of a report; the few read last stay in memory.

    Raises
    ------
    EvaluationError
        It cannot be read.
    """
    try:
        return _read(path, path.stat().st_mtime_ns)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise EvaluationError(
            f"The evaluation {path.name} cannot be read; evaluate again."
        ) from error


@lru_cache(maxsize=OPEN_EVALUATIONS)
def _read(path: Path, _stamp: int) -> Evaluation:
    found: Evaluation = _made(Evaluation, json.loads(path.read_text(encoding="utf-8")))
    return found


def _made(kind: Any, value: Any) -> Any:  # noqa: ANN401 (JSON)
    """Make a value of the type `kind` out of what `Evaluation.to_json` gave for it."""
    if isinstance(kind, UnionType):
        return None if value is None else _made(get_args(kind)[0], value)
    origin = get_origin(kind)
    if isinstance(kind, type) and is_dataclass(kind):
        known = [one.name for one in fields(kind) if one.name in value]
        return kind(**{name: _made(_hints(kind)[name], value[name]) for name in known})
    if origin is tuple:
        return tuple(_made(get_args(kind)[0], one) for one in value)
    if origin is Mapping:
        return {name: _made(get_args(kind)[1], one) for name, one in value.items()}
    # By its name: what it stands for is told apart in another way by every version of NumPy.
    if kind == IntArray:
        return np.asarray(value, np.int64)
    if kind is float:
        # JSON has no NaN.
        return float("nan") if value is None else float(value)
    return value


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)
