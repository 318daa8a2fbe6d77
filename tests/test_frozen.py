"""Where nothing is published, a model's first result is what later ones are compared with."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from embedviz import frozen, models
from embedviz.facts import WeightFile
from embedviz.folders import weights_folder
from embedviz.heard import joined
from embedviz.weightfiles import Found


@pytest.fixture
def model():
    return models.load_model("logmel")


def kept() -> Path:
    return weights_folder() / "logmel" / "first-result-default.npz"


class Turned:
    """A listener whose vectors have changed a little since."""

    def __init__(self, listener, factor):
        self.listener, self.factor = listener, factor

    def windows(self, *given, **more):
        heard = joined(self.listener.windows(*given, **more))
        yield replace(heard, vectors=heard.vectors * np.float32(self.factor))

    def clip(self, *_):
        return None


def test_the_first_result_is_kept_and_the_second_is_compared_with_it(model):
    assert not kept().exists()
    first = frozen.check(model)
    assert first.passed
    assert "kept to compare with" in first.sentence
    assert kept().is_file()
    second = frozen.check(model)
    assert second.passed
    assert "differs from the first result by 0.0e+00" in second.sentence


@pytest.mark.parametrize(("factor", "passed"), [(1.0001, True), (1.01, False)])
def test_a_changed_result_fails_beyond_rounding(model, factor, passed):
    frozen.check(model)
    changed = replace(model, listener=Turned(model.listener, factor))
    assert frozen.check(changed).passed is passed


def test_other_weights_have_a_first_result_of_their_own(model):
    frozen.check(model)
    file = WeightFile("w.pt", "https://example.org/w.pt", None)
    other = replace(model, weights={"w.pt": Found(file, Path("w.pt"), "0" * 64, verified=False)})
    assert "kept to compare with" in frozen.check(other).sentence


def test_a_damaged_first_result_is_made_anew(model):
    frozen.check(model)
    kept().write_bytes(b"PK\x03\x04 cut short")
    assert "kept to compare with" in frozen.check(model).sentence
    assert "differs" in frozen.check(model).sentence
