"""`embedviz bench` measures what it says, and says on what."""

import json
import time
from dataclasses import replace
from types import SimpleNamespace
from xml.etree import ElementTree

import click
import numpy as np
import official
import official_passt
import pytest

from embedviz import models, precision
from embedviz.bench import measuring, random_arrays, random_weights, running, table
from embedviz.bench.chart import svg
from embedviz.bench.measured import STEPS, Ask, Measured, Rounded, Setting, from_plain
from embedviz.bench.measuring import measure, times_as_fast
from embedviz.cli_bench import bench
from embedviz.errors import EmbedvizError, ModelError

SETTING = Setting("Some Processor", 2, ("A Card",), 0, "float32", "0.1.0", "2.21.0")
FAST = Measured(
    model="yamnet",
    variant="default",
    precision="float32",
    weights="official",
    heard_s=7200.0,
    windows=15000,
    end_to_end_s=60.0,
    graph_s=54.0,
    network_s=30.0,
)
SLOW = replace(
    FAST,
    model="openl3",
    weights="random",
    heard_s=36.0,
    rounded=Rounded(windows=32, smallest_cosine=0.9991, mean_cosine=0.9995, times_as_fast=None),
)


def run_bench(capsys, *arguments: object) -> tuple[int, str, str]:
    status = bench.main([str(argument) for argument in arguments], standalone_mode=False)
    return (status, *capsys.readouterr())


def test_the_command_measures_a_model_in_a_process_of_its_own(capsys, tmp_path):
    status, out, err = run_bench(
        capsys,
        *("--model", "logmel", "--seconds", 2, "--threads", 1),
        *("--json", tmp_path / "speed.json", "--chart", tmp_path / "speed.svg"),
    )
    assert (status, err) == (0, "")
    found = json.loads((tmp_path / "speed.json").read_text())
    assert found["threads"] == 1
    [logmel] = found["models"]
    assert logmel["heard_s"] == 2.0
    assert logmel["windows"] == 3  # at 0, 0.48 and 0.96 s
    assert logmel["weights"] == "none"
    assert min(logmel["network_s"], logmel["graph_s"]) > 0
    hours = logmel["end_to_end_hours_per_minute"]
    assert hours == pytest.approx(2.0 / 3600 * 60 / logmel["end_to_end_s"])
    assert f"{hours:.3g}" in out
    assert found["processor"] in out
    assert f"{hours:.3g}" in (tmp_path / "speed.svg").read_text()
    assert not list(tmp_path.glob("cache*"))  # nothing was kept where the user's results lie


def test_a_model_without_official_weights_is_measured_on_random_ones(tmp_path, monkeypatch):
    monkeypatch.setattr(precision, "device", lambda: precision.Device("A", "x86"))
    told = []
    found = measure(Ask("kumar", seconds=4.0), tmp_path, told.append)
    assert len(told) == STEPS
    assert found.weights == "random"
    assert found.windows == 4  # columns of 64 frames, each with half of the next one
    assert found.rounded is not None
    assert 0.99 < found.rounded.smallest_cosine < found.rounded.mean_cosine < 1.0
    assert found.rounded.times_as_fast is None
    assert from_plain(json.loads(json.dumps(found.plain()))) == found


class Busy:
    """In place of a graph: takes a while for every batch."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def heard(self, _batch):
        time.sleep(self._seconds)


@pytest.mark.usefixtures("emulated_bfloat16")
@pytest.mark.parametrize("measured", ["float32", "bfloat16"])
def test_bfloat16_is_timed_against_float32_whichever_was_asked_for(measured):
    slow, fast = Busy(0.2), Busy(0.02)
    pair = (slow, fast) if measured == "float32" else (fast, slow)
    assert times_as_fast(measured, *pair, [None]) > 2


def test_what_the_device_would_emulate_is_not_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(precision, "device", lambda: precision.Device("A", "x86"))
    with pytest.raises(ModelError, match="avx512_bf16"):
        measure(Ask("kumar", "bfloat16", seconds=2.0), tmp_path, lambda _: None)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["yamnet", "openl3", "efficientat"])
def test_random_weights_load_as_the_official_files_do_and_are_never_official(name, tmp_path):
    facts = models.facts(name)
    folder = random_weights.write(name, facts.default_variant, tmp_path)
    model = models.load_model(name, weights=folder)
    assert not model.verified
    noise = np.random.default_rng(0).normal(0, 0.1, facts.rate_hz)
    vectors = model.embed(noise, facts.rate_hz, per="recording").vectors
    assert np.isfinite(vectors).all()
    assert vectors.std() > 0


class Zeros:
    """In place of a generator: as large, and quicker."""

    def normal(self, _mean, _spread, size):
        return np.zeros(size)

    def uniform(self, _low, _high, size):
        return np.zeros(size)

    def standard_normal(self, size, dtype):
        return np.zeros(size, dtype)


@pytest.mark.parametrize(
    ("ours", "official_ones", "unused"),
    [
        (random_arrays.vggish_arrays, official.vggish_variables, set()),
        (
            random_arrays.passt_arrays,
            official_passt.arrays,
            {"head_dist.weight", "head_dist.bias"},
        ),
    ],
    ids=["vggish", "passt"],
)
def test_random_arrays_have_the_official_names_and_shapes(ours, official_ones, unused):
    wanted = {name: values.shape for name, values in official_ones(Zeros()).items()}
    found = {name: values.shape for name, values in ours(Zeros()).items()}
    assert found == {name: shape for name, shape in wanted.items() if name not in unused}


def test_the_table_is_aligned_and_says_what_was_not_measured():
    lines = table.lines(SETTING, [FAST, SLOW])
    heading, fast, slow = lines[2:5]
    assert lines[0] == (
        "Some Processor, 2 cores; A Card; threads: one a core; float32; embedviz 0.1.0, "
        "TensorFlow 2.21.0"
    )
    assert fast.split() == ["yamnet", "2", "2.22", "0.90", "4", "-", "-", "official"]
    assert slow.split()[:2] == ["openl3", "0.01"]
    assert "0.99910  not measured  random" in slow
    ends = [line.index(word) + len(word) for line, word in [(heading, "ratio"), (fast, "0.90")]]
    assert ends[0] == ends[1]
    said = " ".join(lines)
    assert "no arithmetic for it" in said
    assert "Random weights" in said
    assert max(map(len, lines)) <= 100
    assert "Random weights" not in " ".join(table.lines(SETTING, [FAST]))


def test_the_chart_is_drawn_to_scale_and_told_in_words():
    chart = ElementTree.fromstring(svg(SETTING, [FAST, SLOW]))
    name = "{http://www.w3.org/2000/svg}"
    assert chart.get("role") == "img"
    words = {part.get("id"): part.text for part in chart}
    assert words["title"] == "Hours of sound embedded per minute"
    assert "yamnet 2 end to end, 2.22 for the graph alone; openl3 0.01" in words["words"]
    widths = [
        float(bar.get("width")) for bar in chart.iter(f"{name}rect") if bar.get("height") == "13"
    ]
    labels = [text.text for text in chart.iter(f"{name}text")]
    assert len(widths) == 4
    assert {"YAMNet", "OpenL3", "2", "2.22", "0.01", "0.0111"} <= set(labels)
    # Logarithmic: the two models are a factor of 200 apart, end to end and alone.
    assert widths[0] - widths[2] == pytest.approx(widths[1] - widths[3], rel=0.05)
    assert widths[1] > widths[0] > widths[3] > widths[2]


def ended_by(monkeypatch, model, error, figures):
    """Let a model's measurement end in an error and give these figures for others."""

    def run(ask, _step):
        if ask.model == model:
            raise error
        return SETTING, figures

    monkeypatch.setattr(running, "run", run)


def test_ctrl_c_keeps_what_is_finished(capsys, monkeypatch):
    ended_by(monkeypatch, "openl3", KeyboardInterrupt, FAST)
    status, out, err = run_bench(capsys, "--model", "yamnet", "--model", "openl3")
    assert status == 130
    assert "yamnet" in out
    assert err == "embedviz: Stopped after 1 of 2 models.\n"


def test_a_model_that_fails_does_not_take_the_others_with_it(capsys, monkeypatch):
    ended_by(monkeypatch, "yamnet", EmbedvizError("Measuring yamnet ended early."), SLOW)
    status, out, err = run_bench(capsys, "--model", "yamnet", "--model", "openl3")
    assert (status, err) == (3, "warning: Measuring yamnet ended early.\n")
    assert "openl3" in out


def test_a_later_model_that_cannot_do_it_leaves_the_earlier_figures(capsys, monkeypatch):
    ended_by(monkeypatch, "openl3", ModelError("OpenL3 cannot do that here."), FAST)
    status, out, err = run_bench(capsys, "--model", "yamnet", "--model", "openl3")
    assert (status, err) == (3, "warning: OpenL3 cannot do that here.\n")
    assert "yamnet" in out
    with pytest.raises(ModelError, match="OpenL3 cannot"):
        run_bench(capsys, "--model", "openl3", "--model", "yamnet")


def test_a_process_that_ends_early_is_told(monkeypatch, capfd):
    monkeypatch.setattr(running, "CHILD", "embedviz.bench.nowhere")
    with pytest.raises(EmbedvizError, match="logmel ended early with exit status 1"):
        running.run(Ask("logmel"), lambda _: None)
    assert "nowhere" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("--model", "nonsense"), ModelError, "choose one of"),
        (("--chart", "speed.png"), click.BadParameter, "ends in .svg"),
        (("--chart", "nowhere/speed.svg"), click.BadParameter, "there is no folder nowhere"),
        (("--json", "nowhere/speed.json"), click.BadParameter, "there is no folder nowhere"),
        (("--seconds", "nan"), click.BadParameter, "found nan; wanted a number of seconds"),
        (("--seconds", "inf"), click.BadParameter, "inf"),
        (("--seconds", "1e300"), click.BadParameter, "is not in the range"),
    ],
)
def test_what_a_user_can_mend(arguments, error, words, monkeypatch):
    monkeypatch.setattr(running, "run", None)  # nothing is measured before
    with pytest.raises(error, match=words):
        bench.main(list(arguments), standalone_mode=False)


@pytest.mark.parametrize(("verified", "said"), [(True, "official"), (False, "unverified")])
def test_weights_whose_checksum_is_not_the_published_one_are_not_called_official(
    monkeypatch, tmp_path, verified, said
):
    monkeypatch.setattr(measuring.catalogue, "ready", lambda facts, variant: True)
    loaded = SimpleNamespace(verified=verified)
    monkeypatch.setattr(measuring.models, "load_model", lambda *_, **__: loaded)
    assert measuring._loaded(Ask("yamnet", "float32"), tmp_path) == (loaded, said)
