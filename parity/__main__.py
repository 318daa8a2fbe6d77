"""Compare every model with its official code and print the table.

python -m parity [--only NAME ...] [--seed N] [--json FILE] [--keep FOLDER]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from parity import exchange, table
from parity.comparison import Agreement, compare
from parity.packages import versions
from parity.reference import MODELS, Answer, Reference, reference

ROOT = Path(__file__).parents[1]
Pairs = dict[tuple[str, str], list[tuple[Answer, Answer]]]


def agreements(name: str, seed: int, work: Path) -> Iterator[Agreement]:
    """Compare all checkpoints of one reference; one row for every variant and way of asking."""
    asked = reference(name)
    for checkpoint, variants in asked.checkpoints.items():
        folder = work / f"{name}-{checkpoint}"
        said = run("parity.asked", name, checkpoint, str(seed), str(folder), asked=asked)
        if not said:
            said = run("parity.ours", name, str(folder))
        if said:
            yield _row(asked, ", ".join(variants), "", [], fault=said)
            continue
        sides = (exchange.read(folder, side) for side in ("reference", "ours"))
        groups: Pairs = defaultdict(list)
        for theirs, ours in zip(*sides, strict=True):
            groups[theirs.variant, theirs.per].append((theirs, ours))
        for (variant, per), pairs in groups.items():
            yield _row(asked, variant, per, pairs)


def run(
    module: str,
    *arguments: str,
    asked: Reference | None = None,
    shown: Mapping[str, str] | None = None,
) -> str:
    """Run a module of ours in a process of its own; give its last words if it failed.

    Official code and ours do not share a process: the ones need Keras 2, the other Keras 3.
    """
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"}
    paths = [str(ROOT)]
    if asked is not None or shown is not None:
        environment |= (asked.environment if asked else {}) | (shown or {})
        paths.append(str(ROOT / "parity" / "stand_ins"))
    environment["PYTHONPATH"] = os.pathsep.join(paths)
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env=environment,
        capture_output=True,
        text=True,
    )
    if done.returncode == 0:
        return ""
    lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
    if os.environ.get("PARITY_TRACE"):
        print(done.stderr, file=sys.stderr)
    return f"{module} failed: {lines[-1]}"


def _row(
    asked: Reference,
    variant: str,
    per: str,
    pairs: list[tuple[Answer, Answer]],
    fault: str = "",
) -> Agreement:
    errors = compare(pairs) if pairs else None
    return Agreement(
        model=asked.model,
        variant=variant,
        per=per,
        reference=asked.code,
        versions=versions(asked.packages),
        sounds=len(pairs),
        rows=errors.rows if errors else 0,
        feature_error=errors.feature if errors else None,
        feature_limit=asked.feature_limit,
        feature_unit=asked.feature_unit,
        vector_error=errors.vector if errors else float("inf"),
        vector_limit=asked.limit(variant, per),
        cosine=errors.cosine if errors else -1.0,
        spread=errors.spread if errors else 0.0,
        fault=fault or (errors.fault if errors else ""),
    )


def main() -> int:
    """Compare, print, and give the exit status."""
    parser = argparse.ArgumentParser(prog="parity", description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", choices=MODELS, help="only this model")
    parser.add_argument("--seed", type=int, default=20260101, help="of the random weights")
    parser.add_argument("--json", type=Path, help="write the table there too")
    parser.add_argument("--keep", type=Path, help="leave weights and answers in this folder")
    options = parser.parse_args()
    rows: list[Agreement] = []
    for name in options.only or MODELS:
        with TemporaryDirectory(prefix="parity-") as work:
            place = options.keep.resolve() if options.keep else Path(work)
            for row in agreements(name, options.seed, place):
                print(table.line(row), flush=True)
                rows.append(row)
    print()
    print(table.markdown(rows))
    if options.json:
        options.json.write_text(table.as_json(rows), encoding="utf-8")
    failed = sum(not row.passed for row in rows)
    print(f"\n{len(rows) - failed} of {len(rows)} rows agree.")
    return 1 if failed or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
