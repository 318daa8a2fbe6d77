"""bfloat16 where hardware calculates in it, and a sentence everywhere else."""

import re

import numpy as np
import pytest

from embedviz import audio, models, precision
from embedviz.bench import random_weights
from embedviz.bench.bare import Bare
from embedviz.bench.sound import write_recording
from embedviz.errors import ModelError
from embedviz.precision import Device, GraphicsCard


def processor(family: str, *flags: str, cards: tuple[GraphicsCard, ...] = ()) -> Device:
    return Device("Some Processor", family, frozenset(flags), cards)


NEW_CARD, OLD_CARD = GraphicsCard("A new one", (8, 0)), GraphicsCard("An old one", (7, 5))


@pytest.mark.parametrize(
    "found",
    [
        processor("x86", "avx2", "avx512_bf16"),
        processor("x86", "amx_bf16"),
        processor("ARM", "asimd", "bf16"),
        processor("x86", cards=(NEW_CARD,)),
        processor("x86", cards=(GraphicsCard("A newer one", (12, 0)), OLD_CARD)),
    ],
)
def test_hardware_that_calculates_in_it_is_taken(found):
    assert precision.lacking(found) is None
    precision.require("bfloat16", on=found)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (processor("x86", "avx2", "bf16"), "Some Processor) has neither avx512_bf16 nor amx_bf16"),
        (processor("ARM", "asimd", "avx512_bf16"), "Some Processor) has no bf16"),
        (processor("riscv"), "Some Processor) is of a kind"),
        # Networks run on the card, whatever the processor could do.
        (
            processor("x86", "amx_bf16", cards=(OLD_CARD,)),
            "(An old one) has compute capability 7",
        ),
        (processor("x86", "amx_bf16", cards=(GraphicsCard("Odd"),)), "(Odd) tells no compute cap"),
    ],
)
def test_other_hardware_is_refused_with_what_it_lacks(found, words):
    with pytest.raises(ModelError, match=re.escape(words)) as refused:
        precision.require("bfloat16", on=found)
    assert "choose float32" in str(refused.value)
    assert str(refused.value).count(". ") == 0
    precision.require("float32", on=found)


def test_the_precision_is_refused_before_the_weights_are_looked_for(monkeypatch):
    monkeypatch.setattr(precision, "device", lambda: processor("x86"))
    with pytest.raises(ModelError, match="avx512_bf16"):
        models.load_model("vggish", precision="bfloat16")


def test_the_command_says_so_in_a_line(embedviz_command, monkeypatch, write_wav):
    monkeypatch.setattr(precision, "device", lambda: processor("x86"))
    path = write_wav("sound.wav", np.zeros(16000, np.float32))
    options = ("--model", "vggish", "--out", path.with_suffix(".parquet"))
    said = embedviz_command("embed", path, *options, "--precision", "bfloat16", status=1)
    assert "Some Processor" in said.err
    assert len(said.err.splitlines()) == 1


def test_this_machine_is_known():
    found = precision.device()
    assert found.processor
    assert found.flags
    assert found.family in precision.FLAGS


@pytest.mark.parametrize("name", ["kumar"])
def test_rounding_moves_a_vector_little(name, tmp_path):
    facts = models.facts(name)
    folder = random_weights.write(name, facts.default_variant, tmp_path)
    files = {file.name: folder / file.name for file in facts.files}
    path = write_recording(tmp_path / "sound.wav", 4.0)
    vectors = []
    for number in facts.precisions:
        bare = Bare(facts, files, facts.default_variant, precision=number)
        [windows] = bare.cut(audio.blocks(path, facts.rate_hz), batch=8)
        vectors.append(bare.heard(windows)[0][0])
    lengths = np.linalg.norm(vectors, axis=2).prod(axis=0)
    cosines = np.prod(vectors, axis=0).sum(axis=1) / lengths
    assert facts.precisions == ("float32", "bfloat16")
    assert 0.99 < cosines.min() < cosines.max() < 1.0
