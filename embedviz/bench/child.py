"""The process that measures one model: reads an `Ask` as JSON, tells its steps, gives figures.

python -m embedviz.bench.child

A process of its own, because TensorFlow sets its threads once, and because what one model leaves
in memory must not slow the next.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from embedviz.bench.measured import Ask
from embedviz.errors import EmbedvizError, ModelError


def main() -> None:
    """Measure, with each line on standard output one JSON object."""
    # TensorFlow notes as an error that it emulates bfloat16, which is what the figures say.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Whatever libraries print goes to standard error, beside the figures.
    told = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def tell(**words: Any) -> None:  # noqa: ANN401 (whatever JSON holds)
        print(json.dumps(words), file=told, flush=True)  # noqa: T201 (the way to the parent)

    asked = json.loads(sys.stdin.readline())
    ask = Ask(**asked["ask"])
    try:
        set_threads(ask.threads)
        from embedviz.bench.measuring import measure, setting

        measured = measure(ask, Path(asked["folder"]), lambda words: tell(step=words))
        tell(setting=asdict(setting(ask)), measured=measured.plain())
    except EmbedvizError as error:
        tell(error=str(error), refused=isinstance(error, ModelError))


def set_threads(threads: int | None) -> None:
    """Give TensorFlow so many threads, before it makes any; as many as it likes for None."""
    from embedviz import engine  # noqa: F401 (holds back TensorFlow's start-up notes)

    import tensorflow as tf  # isort: skip

    if threads is not None:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)


if __name__ == "__main__":
    main()
