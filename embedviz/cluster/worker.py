"""What runs on a node: models loaded once, then one part after the other."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import embedviz
from embedviz.cluster.orders import Loaded, Order, Task
from embedviz.errors import Cancelled, EmbedvizError, Unheard
from embedviz.partitions import Outcome, part_name, part_of
from embedviz.progress import Progress
from embedviz.storage import folder

if TYPE_CHECKING:
    from embedviz.embed import Written
    from embedviz.model import Model

THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


class Worker:
    """A Ray actor, of which `look` and `stop` are answered while `work` goes on.

    Parameters
    ----------
    order
        What to do with every shard.
    threads
        The CPUs that this worker holds.
    environment
        Variables of the driver that hold here too: where weights lie, threads if they were set.
    """

    def __init__(self, order: Order, threads: int, environment: Mapping[str, str]) -> None:
        # TensorFlow reads these when it is imported, which `load` does.
        os.environ.update({**dict.fromkeys(THREADS, str(threads)), **environment})
        os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # workers may share a GPU
        self._order = order
        self._models: dict[str, Model] = {}
        self._shard = -1
        self._seen: dict[str, Progress] = {}
        self._stopped = False

    def load(self, example: Path) -> Loaded:
        """Load the models.

        Parameters
        ----------
        example
            A recording, to find out whether this node sees what the driver sees.

        Raises
        ------
        EmbedvizError
            If a model, its weights or the recording cannot be had on this node.
        """
        from embedviz.models import load_model

        node = socket.gethostname()
        if not os.access(example, os.R_OK):
            raise EmbedvizError(
                f"A worker on {node} cannot read {example}; put the recordings on storage that "
                "every node sees under the same path."
            )
        for name, variant in self._order.variants.items():
            try:
                self._models[name] = load_model(name, variant, precision=self._order.precision)
            except EmbedvizError as error:
                raise type(error)(f"On {node}: {error}") from error
        asked = {name: self._asked(model) for name, model in self._models.items()}
        return Loaded(node, embedviz.__version__, asked)

    def work(self, task: Task) -> dict[str, Outcome]:
        """Hear a shard and write its part for each of the models that lack it.

        Raises
        ------
        Cancelled
            After `stop`; what is unfinished is removed.
        """
        from embedviz.embed import embed_to_files

        name = part_name(task.shard)
        self._shard, self._seen = task.shard, {}
        with ExitStack() as stack:
            targets = {
                model: stack.enter_context(folder(self._order.folders[model]).receive(name))
                for model in task.models
            }
            written = embed_to_files(
                task.recordings,
                {model: self._models[model] for model in task.models},
                targets,
                per=self._order.per,
                hop_s=self._order.hop_s,
                channel=self._order.channel,
                progress=self._note,
            )
        return {model: _outcome(name, found) for model, found in written.items()}

    def look(self) -> tuple[int, dict[str, Progress]]:
        """Give the shard at hand and how far each model is with it."""
        return self._shard, dict(self._seen)

    def stop(self) -> None:
        """Let the work at hand end soon, without a part."""
        self._stopped = True

    def _note(self, model: str, progress: Progress) -> None:
        if self._stopped:
            raise Cancelled("Stopped.")
        self._seen[model] = progress

    def _asked(self, model: Model) -> dict[str, Any]:
        order = self._order
        return {
            "model": model.facts.name,
            "variant": model.variant,
            "weights": {file: found.sha256 for file, found in sorted(model.weights.items())},
            "verified": model.verified,
            "precision": model.precision,
            "per": order.per,
            "hop": model.checked_hop(order.per, order.hop_s),
            "channel": order.channel,
        }


def _outcome(name: str, found: Written | Unheard) -> Outcome:
    """Say in small values what became of a shard."""
    if isinstance(found, Unheard):
        return Outcome(None, found.failures)
    return Outcome(part_of(name, found.rows, found.provenance), found.provenance.failures)
