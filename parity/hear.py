"""HEAR's own validator on `embedviz.hear.*`, and an official HEAR module as a foreign model.

python -m parity.hear [--only NAME ...]

All models run on random weights in the official format, from the same writers as the table.
"""

from __future__ import annotations

import argparse
import os
import pkgutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from parity import exchange
from parity.__main__ import ROOT, run
from parity.comparison import compare
from parity.passt import FILE
from parity.reference import MODELS, Answer, reference

SEED = "20260101"
FOREIGN = "hear21passt.base"
VALIDATE = "from hearvalidator.validate import main; main()"


def names() -> list[str]:
    """Give the models that have a HEAR module."""
    from embedviz import hear

    found = [module.name for module in pkgutil.iter_modules(hear.__path__)]
    return [name for name in found if not name.startswith("_")]


def write_weights(model: str, work: Path, answers: str = "1") -> tuple[Path, str]:
    """Write random official files of a model's default variant; give their folder, or a fault."""
    from embedviz import models

    asked = reference(model)
    variant = models.facts(model).default_variant
    checkpoint = next(name for name, served in asked.checkpoints.items() if variant in served)
    folder = work / model
    fault = run("parity.asked", model, checkpoint, SEED, str(folder), answers, asked=asked)
    return folder, fault


def validate(model: str, work: Path) -> bool:
    """Run hear-validator on our module of a model and print what it says at the end."""
    weights = []
    if model in MODELS:
        folder, fault = write_weights(model, work)
        if fault:
            print(f"FAIL  embedviz.hear.{model}: {fault}")
            return False
        weights = ["--model", str(folder / exchange.WEIGHTS)]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", VALIDATE, f"embedviz.hear.{model}", *weights],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"},
        capture_output=True,
        text=True,
    )
    said = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    last = said[-1] if said else f"exit status {done.returncode}"
    passed = done.returncode == 0 and last == "Looks good!"
    print(f"{'pass' if passed else 'FAIL'}  hear-validator embedviz.hear.{model}: {last}")
    return passed


def foreign(work: Path) -> bool:
    """Load `hear:hear21passt.base` and compare it with PaSST's own answers."""
    folder, fault = write_weights("passt", work, answers="10")
    hub = work / "torch" / "hub" / "checkpoints"
    hub.mkdir(parents=True)
    if not fault:
        (folder / exchange.WEIGHTS / FILE).rename(hub / FILE)
        told = {"TORCH_HOME": str(work / "torch")}
        fault = run("parity.foreign", FOREIGN, str(folder), shown=told)
    if fault:
        print(f"FAIL  hear:{FOREIGN}: {fault}")
        return False
    both = zip(*(exchange.read(folder, side) for side in ("reference", "foreign")), strict=True)
    pairs: list[tuple[Answer, Answer]] = [pair for pair in both if pair[0].variant == "full"]
    errors = compare(pairs)
    passed = not errors.fault and errors.vector <= 1e-6
    words = errors.fault or f"vectors {errors.vector:.1e} of 1e-06 from its own, {errors.rows} rows"
    print(f"{'pass' if passed else 'FAIL'}  hear:{FOREIGN} as a model: {words}")
    return passed


def main() -> int:
    """Validate all, then the foreign module."""
    parser = argparse.ArgumentParser(prog="parity.hear", description=__doc__.splitlines()[0])
    choices = [*names(), "foreign"]
    parser.add_argument("--only", action="append", choices=choices, help="only this one")
    verdicts = []
    for name in parser.parse_args().only or choices:
        with TemporaryDirectory(prefix="parity-") as work:
            place = Path(work)
            verdicts.append(foreign(place) if name == "foreign" else validate(name, place))
            sys.stdout.flush()
    return 0 if all(verdicts) else 1


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
