"""`embedviz embed --engine ray`; as in `embedviz.cli`, imports of the core stand inside."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from embedviz.data import Recording
    from embedviz.model import Per
    from embedviz.partitions import Parts


def embed_on_cluster(
    recordings: Sequence[Recording],
    failures: Mapping[str, str],
    *,
    names: Sequence[str],
    variants: Mapping[str, str],
    precision: str,
    per: Per,
    hop_s: float | None,
    channel: int | None,
    out: str | Path,
    address: str | None,
    cpus: int | None = None,
    gpus: float | None = None,
) -> int:
    """Embed on a Ray cluster, print what was made, and give the exit status.

    Parameters
    ----------
    recordings, failures
        What to hear, and the sentences on what could not be gathered.
    names, variants
        The models, and the variant of each that has one named.
    out
        A folder `NAME.parquet` for the parts, or a folder of such for several models; a path or
        an address that fsspec knows.
    address
        Of the cluster; None for `RAY_ADDRESS`, else a cluster of this machine alone.
    cpus, gpus
        Of each worker; None finds them by what the nodes have.
    """
    from embedviz.cli_embed import bars, told
    from embedviz.cluster.orders import Order
    from embedviz.cluster.run import embed_with_ray
    from embedviz.errors import EmbedvizError

    order = Order(
        variants={name: variants.get(name) for name in names},
        folders=_folders(names, str(out)),
        precision=precision,
        per=per,
        hop_s=hop_s,
        channel=channel,
    )
    with bars(names) as report:
        found = embed_with_ray(
            recordings,
            order,
            address=address,
            failures=failures,
            cpus=cpus,
            gpus=gpus,
            progress=report,
            say=_note,
        )
    made = {
        name: result if isinstance(result, EmbedvizError) else (_summary(result), result.failures)
        for name, result in found.items()
    }
    return told(made, failures)


def _folders(names: Sequence[str], out: str) -> dict[str, str]:
    """Give each model's folder of parts."""
    from embedviz.cli_places import files_of

    place = out.rstrip("/")
    if len(names) > 1:
        if place.endswith(".parquet"):
            raise click.UsageError(f"Found --out {out}; with several models wanted a plain folder.")
        return {name: f"{place}/{file}" for name, file in files_of(names).items()}
    if not place.endswith(".parquet"):
        raise click.UsageError(f"Found --out {out}; wanted a name that ends in .parquet.")
    return {names[0]: place}


def _summary(found: Parts) -> str:
    heard = sum(part.recordings for part in found.parts)
    unverified = "" if found.asked.get("verified", True) else " (unverified weights)"
    return (
        f"{found.address}: {found.rows} rows in {len(found.parts)} parts from {heard} recordings, "
        f"{found.asked['model']}{unverified}"
    )


def _note(sentence: str) -> None:
    """Show a sentence above the bars."""
    from tqdm import tqdm

    tqdm.write(f"note: {sentence}", file=sys.stderr)
