"""How many workers a cluster has room for, how large they are, and the way into it."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from embedviz.errors import EmbedvizError

CPUS = 4
"""Of a worker, where a node has as many: networks gain little from more, and a worker's models
take memory once."""
_ANSWER_S = 10.0
_STORE_BYTES = 100 * 2**20
"""For Ray's object store on this machine; only small values pass through it."""
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # Ray puts a function of its own in the place of `print`, which Numba cannot compile.
    "RAY_TQDM_PATCH_PRINT": "0",
    # A paragraph on stdout for every lost worker, of which `say` is told in a sentence.
    "RAY_DEDUP_LOGS_SKIP_REGEX": "A worker died or was killed",
}
"""Variables that keep Ray from sending statistics and from writing between our lines."""


@dataclass(frozen=True)
class Places:
    """Room for so many workers, each holding so many CPUs and GPUs."""

    workers: int
    cpus: int
    gpus: float


def places(
    nodes: Sequence[Mapping[str, float]], *, cpus: int | None = None, gpus: float | None = None
) -> Places:
    """Share the nodes' resources among workers.

    Parameters
    ----------
    nodes
        What each living node has, by Ray's names: `CPU`, `GPU`.
    cpus
        CPUs of a worker; None for up to `CPUS`.
    gpus
        GPUs of a worker, also a part of one; None for one where any node has one. Nodes without
        GPUs are then left alone, because their vectors would differ in the last bits.

    Raises
    ------
    EmbedvizError
        If no node has room for one such worker.
    """
    if gpus is None:
        gpus = float(any(node.get("GPU", 0) >= 1 for node in nodes))
    fit = [node for node in nodes if node.get("CPU", 0) >= 1 and node.get("GPU", 0) >= gpus]
    if cpus is None:
        cpus = min(CPUS, max((_share(node, gpus) for node in fit), default=1))
    workers = sum(_room(node, cpus, gpus) for node in fit)
    if workers == 0:
        found = sum(node.get("CPU", 0) for node in nodes), sum(node.get("GPU", 0) for node in nodes)
        raise EmbedvizError(
            f"No node of the cluster has room for a worker with {cpus} CPUs and {gpus:g} GPUs; "
            f"its {len(nodes)} nodes have {found[0]:g} CPUs and {found[1]:g} GPUs together."
        )
    return Places(workers, cpus, gpus)


def _share(node: Mapping[str, float], gpus: float) -> int:
    """Give the CPUs that a worker may have, so that every GPU of the node gets one."""
    workers = int(node["GPU"] / gpus) if gpus else 1
    return max(1, int(node["CPU"] / workers))


def _room(node: Mapping[str, float], cpus: int, gpus: float) -> int:
    by_cpus = int(node["CPU"] / cpus)
    return min(by_cpus, int(node["GPU"] / gpus)) if gpus else by_cpus


def living_nodes() -> list[Mapping[str, float]]:
    """Give the resources of each node of the cluster that is connected."""
    import ray

    nodes: Callable[[], list[dict[str, Any]]] = ray.nodes
    return [node["Resources"] for node in nodes() if node["Alive"]]


@contextmanager
def connected(address: str | None) -> Iterator[None]:
    """Connect to a cluster, or start one on this machine alone.

    Parameters
    ----------
    address
        For example `10.0.0.5:6379` or `auto`; None for the one that `RAY_ADDRESS` names, else for
        one of our own, with all CPUs of this machine, which ends with the run.

    Raises
    ------
    EmbedvizError
        If Ray is not installed, does not answer, or is lost while it is used.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError as error:
        raise EmbedvizError(
            "The engine ray needs Ray, which is not installed; run `pip install -r "
            "requirements-cluster.txt`, or `pip install embedviz[cluster]`."
        ) from error
    if ray.is_initialized():  # by a program that uses embedviz; it is theirs to end
        yield
        return
    chosen = address or os.environ.get("RAY_ADDRESS") or "local"
    own = {"include_dashboard": False, "object_store_memory": _STORE_BYTES}
    settings: dict[str, Any] = own if chosen == "local" else {}
    try:
        _answered(chosen)
        ray.init(chosen, log_to_driver=False, logging_level=logging.ERROR, **settings)
    except (OSError, RuntimeError, ValueError) as error:
        raise EmbedvizError(
            f"Ray cannot be reached at {chosen} ({_first_line(error)}); start a cluster with "
            "`ray start --head`, or leave --address away to use this machine alone."
        ) from error
    try:
        yield
    except ray.exceptions.RayError as error:
        raise EmbedvizError(
            f"The Ray cluster at {chosen} was lost ({_first_line(error)}); what was finished is "
            "kept, and the same command goes on from there."
        ) from error
    finally:
        ray.shutdown()


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".")


def _answered(address: str) -> None:
    """Raise OSError where nothing listens: Ray itself would go on trying for many minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_S).close()
