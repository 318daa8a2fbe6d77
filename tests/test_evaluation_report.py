"""The report of an evaluation: what it says, that its numbers are right, and that it is whole."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import chain
from types import SimpleNamespace

import evaluations
import numpy as np
import pandas as pd
import pytest
import soundfile as sf
from conftest import recorded
from PIL import Image

from embedviz.data import Projection
from embedviz.errors import EvaluationError
from embedviz.evaluation.beside import beside_majority
from embedviz.evaluation.columns import with_columns
from embedviz.evaluation.report import headline, listing, marks, words, write
from embedviz.evaluation.report.curves import by_labelled
from embedviz.evaluation.report.headline import notes, warnings
from embedviz.evaluation.results import Difference, Score

EVIL = "<b onload=alert(1)>\"'&amp;</script><script>alert(2)</script> 🐦 {{ 7 * 7 }}"
VOID = {"meta", "br", "img", "input", "hr", "link"}
PARTS = {
    "differences": "differences",
    "clustered": "clusters",
    "trusted": "trust",
    "confounds": "confounds",
    "corrected": "corrections",
}
"""Part of an evaluation -> its section."""


class Parsed(HTMLParser):
    """Elements, texts and numbers of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.numbers: list[tuple[str, str]] = []
        """Value and text of each `data` element."""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        if tag == "data":
            self.numbers.append((self.elements_named("data")[-1]["value"], self.texts["data"][-1]))

    def handle_data(self, data):
        if self.open:
            self.texts[self.open[-1]][-1] += data

    def elements_named(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if tag == name]

    @property
    def sections(self) -> set[str]:
        return {one["id"] for one in self.elements_named("section")}

    def block(self, name: str) -> str:
        """The text of the script element with this id."""
        scripts = self.elements_named("script")
        return self.texts["script"][[one.get("id") for one in scripts].index(name)]


@pytest.fixture
def report(tmp_path):
    """Write a report and read its page."""

    def made(found, *, sets=None, **options) -> Parsed:
        written = write(found, tmp_path / "report.html", sets=sets or {}, **options)
        assert all(path.stat().st_size for path in written)
        page = Parsed(written[0].read_text(encoding="utf-8"))
        assert page.open == []
        return page

    return made


# The answer.


def judged(models, over=0.2, majority=0.25, **scores):
    """An evaluation with one probe, whose differences have intervals of `over` around them."""
    found = evaluations.evaluation(models=dict.fromkeys(models, 0.9))
    probed = tuple(
        replace(one, scores={"accuracy": Score(*models[one.model])})
        for one in found.probed
        if one.probe == "logistic"
    )
    differences = tuple(
        Difference(a.model, b.model, "logistic", Score(gap, gap - over, gap + over))
        for n, a in enumerate(probed)
        for b in probed[n + 1 :]
        for gap in [a.scores["accuracy"].value - b.scores["accuracy"].value]
    )
    task = replace(found.task, majority=majority)
    return replace(found, probed=probed, differences=differences, task=task)


YAMNET, VGGISH, LOGMEL = (0.938, 0.901, 0.962), (0.902, 0.85, 0.94), (0.721, 0.66, 0.77)


@pytest.mark.parametrize(
    ("models", "over", "said"),
    [
        (
            {"YAMNet": YAMNET, "VGGish": VGGISH, "log-mel": LOGMEL},
            0.02,
            "YAMNet separates “label” best: 93.8 % of the recordings right (95 % interval 90.1 to "
            "96.2), against 72.1 % of log-mel and 25.0 % of always saying rain.",
        ),
        (
            {"YAMNet": YAMNET, "VGGish": VGGISH, "log-mel": LOGMEL},
            0.1,
            "YAMNet comes first on “label” with 93.8 % of the recordings right (95 % interval 90.1 "
            "to 96.2), but cannot be told apart from VGGish; against 72.1 % of log-mel and 25.0 % "
            "of always saying rain.",
        ),
        (
            {"YAMNet": YAMNET, "log-mel": LOGMEL},
            0.3,
            "No model separates “label” better than the baseline: YAMNet gets 93.8 % of the "
            "recordings right (95 % interval 90.1 to 96.2), which cannot be told apart from "
            "log-mel with 72.1 % (95 % interval 66.0 to 77.0).",
        ),
        (
            {"YAMNet": LOGMEL, "log-mel": YAMNET},
            0.1,
            "The baseline separates “label” best: log-mel with 93.8 % (95 % interval 90.1 to "
            "96.2); the best model, YAMNet, gets 72.1 % of the recordings right (95 % interval "
            "66.0 to 77.0).",
        ),
        (
            {"YAMNet": YAMNET},
            0.1,
            "YAMNet separates “label”: 93.8 % of the recordings right (95 % interval 90.1 to "
            "96.2), against 25.0 % of always saying rain.",
        ),
    ],
    ids=["best", "tied", "no-better-than-baseline", "baseline-best", "alone"],
)
def test_the_first_sentence_says_what_was_found(models, over, said):
    assert headline(judged(models, over)) == said


def test_what_always_saying_the_commonest_class_gets_is_no_success():
    said = headline(judged({"YAMNet": (0.95, 0.91, 0.97)}, majority=0.95))
    assert said.startswith("No model separates “label”: the best, YAMNet, gets 95.0 %")
    assert said.endswith("cannot be told apart from the 95.0 % of always saying rain.")


def probed(majority=0.5, **scores):
    """An evaluation of models, each with scores of (logistic, nearest) and 0.05 around them."""
    names = {name.replace("_", "-"): both for name, both in scores.items()}
    found = evaluations.evaluation(["rain", "dog"], models=dict.fromkeys(names, 0.9))
    every = tuple(
        replace(one, scores={"accuracy": evaluations.around(value, 0.05)})
        for one, value in zip(found.probed, chain(*names.values()), strict=True)
    )
    task = replace(found.task, majority=majority)
    between = evaluations.differences(every)
    return replace(found, probed=every, task=task, differences=between)


def test_the_baseline_is_heard_with_its_best_probe():
    """And not with that probe with which the model happens to be best."""
    said = headline(probed(EfficientAT=(0.9, 0.988), log_mel=(0.762, 0.6)))
    assert said == (
        "EfficientAT separates “label”: 98.8 % of the recordings right (95 % interval 93.8 to "
        "100.0), against 76.2 % of log-mel and 50.0 % of always saying rain."
    )
    said = headline(probed(M=(0.885, 0.5), log_mel=(0.425, 1.0)))
    assert said == (
        "The baseline separates “label” best: log-mel with 100.0 % (95 % interval 95.0 to 100.0); "
        "the best model, M, gets 88.5 % of the recordings right (95 % interval 83.5 to 93.5)."
    )
    said = headline(probed(M=(0.885, 0.5), log_mel=(0.425, 0.86)))
    assert said.startswith("No model separates “label” better than the baseline: M gets 88.5 %")
    assert said.endswith(
        "cannot be told apart from log-mel with 86.0 % (95 % interval 81.0 to 91.0)."
    )


def test_where_only_the_baseline_is_above_chance_it_is_best():
    said = headline(probed(M=(0.5, 0.48), log_mel=(0.983, 0.9)))
    assert said == (
        "The baseline separates “label” best: log-mel with 98.3 % (95 % interval 93.3 to 100.0); "
        "the best model, M, gets 50.0 % of the recordings right (95 % interval 45.0 to 55.0)."
    )


def test_other_models_are_heard_with_their_best_probe():
    said = headline(probed(YAMNet=(0.92, 0.6), VGGish=(0.5, 0.9), Third=(0.7, 0.7)))
    assert said.startswith("YAMNet comes first on “label” with 92.0 %")
    assert "but cannot be told apart from VGGish; against" in said
    said = headline(probed(YAMNet=(0.92, 0.6), VGGish=(0.5, 0.8)))
    assert said.startswith("YAMNet separates “label” best: 92.0 %")


def many(best, *, models=7):
    """Models of which one is better and the others guess."""
    scores = {f"model {n}": (0.5, 0.4, 0.6) for n in range(models - 1)}
    return judged({"YAMNet": best} | scores, majority=0.5)


def test_the_best_of_many_is_judged_as_such():
    lucky = (0.66, 0.516, 0.78)
    assert headline(many(lucky, models=1)).startswith("YAMNet separates “label”: 66.0 %")
    assert headline(many(lucky)) == (
        "No model separates “label”: the best, YAMNet, gets 66.0 % of the recordings right (95 % "
        "interval 51.6 to 78.0), which cannot, as the best of 7 probes, be told apart from the "
        "50.0 % of always saying rain."
    )
    assert headline(many((0.9, 0.8, 0.95))).startswith("YAMNet separates “label” best: 90.0 %")


def test_the_best_balanced_accuracy_of_many_is_judged_as_such():
    one = {"YAMNet": (0.6, 0.51, 0.7)}
    others = {f"model {n}": GUESSES for n in range(6)}
    alone = rare(one, YAMNet=WRONG)
    assert headline(alone).startswith("YAMNet separates “label”, though not by accuracy")
    found = rare(one | others, YAMNet=WRONG, **dict.fromkeys(others, WRONG))
    assert headline(found).startswith("No model separates “label”")
    sure = rare({"YAMNet": (0.8, 0.7, 0.88)} | others, YAMNet=WRONG, **dict.fromkeys(others, WRONG))
    assert headline(sure).startswith("YAMNet separates “label”, though not by accuracy")


@pytest.mark.parametrize(("models", "warned"), [(1, False), (7, True)])
def test_the_warning_beside_the_headline_judges_alike(models, warned):
    found = many((0.66, 0.516, 0.78), models=models)
    said = beside_majority(found.probed, SimpleNamespace(task=found.task))
    assert said.startswith("No model is more accurate for certain") == warned
    good = many((0.9, 0.8, 0.95), models=models)
    assert beside_majority(good.probed, SimpleNamespace(task=good.task)) == ""


def rare(balanced, **accuracies):
    """95 of 100 recordings of one of two classes, and each model's balanced accuracy."""
    found = judged(accuracies, majority=0.95)
    task = replace(found.task, classes=("bird", "none"), counts=(5, 95))
    probed = tuple(
        replace(one, scores=dict(one.scores) | {"balanced_accuracy": Score(*balanced[one.model])})
        for one in found.probed
    )
    return replace(found, task=task, probed=probed)


RIGHT, WRONG = (0.955, 0.92, 0.97), (0.9, 0.85, 0.94)
TELLS, GUESSES = (0.666, 0.557, 0.759), (0.5, 0.45, 0.55)


def test_a_rare_class_that_is_found_counts_though_accuracy_does_not_show_it():
    found = rare({"YAMNet": TELLS}, YAMNet=RIGHT)
    assert headline(found) == (
        "YAMNet separates “label”, though not by accuracy: balanced accuracy 66.6 % (95 % interval "
        "55.7 to 75.9), against 50.0 % by chance; 95.5 % of the recordings right (95 % interval "
        "92.0 to 97.0), against 95.0 % of always saying none."
    )


def test_it_is_the_model_that_finds_the_rare_class_and_not_the_most_accurate():
    every = {"VGGish": RIGHT, "YAMNet": WRONG, "log-mel": WRONG}
    balanced = {"VGGish": GUESSES, "YAMNet": TELLS, "log-mel": (0.7, 0.6, 0.8)}
    said = headline(rare(balanced | {"log-mel": (0.52, 0.46, 0.57)}, **every))
    assert said.startswith("YAMNet separates “label”, though not by accuracy: balanced accuracy")
    assert "against 52.0 % of log-mel and 50.0 % by chance; 90.0 % of the recordings" in said
    assert headline(rare(balanced, **every)) == (
        "No model separates “label” better than the baseline by balanced accuracy: YAMNet gets "
        "66.6 % (95 % interval 55.7 to 75.9), which cannot be told apart from log-mel with 70.0 % "
        "(95 % interval 60.0 to 80.0)."
    )
    assert headline(rare(balanced | {"YAMNet": (0.49, 0.44, 0.54)}, **every)) == (
        "The baseline separates “label” best by balanced accuracy: log-mel with 70.0 % (95 % "
        "interval 60.0 to 80.0); the best model, VGGish, gets 50.0 % (95 % interval 45.0 to 55.0)."
    )
    said = headline(rare({"log-mel": (0.7, 0.6, 0.8)}, **{"log-mel": WRONG}))
    assert said.startswith("log-mel separates “label”, though not by accuracy: balanced accuracy")


def test_what_lies_below_the_commonest_class_is_said_to():
    said = headline(rare({"YAMNet": GUESSES}, YAMNet=WRONG))
    assert said.startswith("No model separates “label”: the best, YAMNet, gets 90.0 %")
    assert said.endswith("which is below the 95.0 % of always saying none.")
    said = headline(rare({"YAMNet": GUESSES}, YAMNet=RIGHT))
    assert said.endswith("which cannot be told apart from the 95.0 % of always saying none.")


def test_many_that_cannot_be_told_apart_are_counted():
    many = {f"model {n}": (0.9, 0.85, 0.95) for n in range(9)}
    assert "cannot be told apart from 8 other models" in headline(judged(many))


def test_unverified_weights_and_confounds_are_warned_of():
    found = warnings(evaluations.evaluation())
    assert found == [
        "YAMNet predicts the folder better than the label.",
        "YAMNet was made with weights that are not the published ones.",
    ]


# The page.


def test_every_number_of_a_model_is_that_of_the_json(report, tmp_path):
    page = report(evaluations.evaluation())
    numbers = json.loads((tmp_path / "report.json").read_text())
    shown = {float(value): text for value, text in page.numbers if value}
    for one in numbers["probed"]:
        for key, score in one["scores"].items():
            assert shown[score["value"]] == f"{100 * score['value']:.1f} %", key
    for one in numbers["differences"]:
        assert abs(one["accuracy"]["value"]) in shown
    for part, keys in {
        "clustered": ["unclustered", "adjusted_rand", "adjusted_mutual_information"],
        "trusted": ["trustworthiness", "continuity", "kept_neighbours", "stability"],
        "confounds": ["chance", "tied_to_label"],
    }.items():
        assert {one[key] for one in numbers[part] for key in keys} <= set(shown), part
    assert evaluations.evaluation().task.majority in shown


@pytest.mark.parametrize("parts", [(), ("confounds", "notes"), (*PARTS, "made")])
def test_a_part_that_is_missing_has_no_section(report, parts):
    page = report(evaluations.only(evaluations.evaluation(), *parts))
    always = {"models", "confusions", "curves", "made", "terms"}
    assert page.sections == always | {PARTS[part] for part in parts if part in PARTS}
    assert ("pre" in page.texts) == ("made" in parts)


def test_without_curves_there_is_no_section_for_them(report):
    found = evaluations.evaluation()
    bare = [replace(one, by_setting=(), by_labelled=()) for one in found.probed]
    assert "curves" not in report(replace(found, probed=tuple(bare))).sections


def test_the_page_asks_for_nothing_and_runs_only_its_own_code(report):
    page = report(evaluations.evaluation())
    named = {name for _, attributes in page.elements for name in attributes}
    assert not named & {"src", "href", "srcset", "action", "style", "onload", "onclick"}
    policies = [m["content"] for m in page.elements_named("meta") if "http-equiv" in m]
    rules = dict(rule.strip().split(" ", 1) for rule in policies[0].split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["media-src"] == rules["img-src"] == "data:"
    (style,), code = page.texts["style"], page.texts["script"][-1]
    for rule, text in (("style-src", style), ("script-src", code)):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"
    assert not re.search(r"url\(|@import", style)


def test_text_from_outside_stays_text(report):
    found = evaluations.evaluation([EVIL, "dog"], models={EVIL: 0.9, "log-mel": 0.5}, label=EVIL)
    units = replace(found.units, recording=tuple(EVIL for _ in found.units.recording))
    page = report(replace(found, units=units, notes=(EVIL,)))
    assert "b" not in {tag for tag, attributes in page.elements if "onload" in attributes}
    assert len(page.texts["script"]) == 2
    assert EVIL in page.texts["b"]
    assert EVIL in page.texts["figcaption"]
    assert EVIL in page.texts["li"]
    behind = json.loads(page.block("behind"))
    assert {unit[0] for unit in behind["units"].values()} == {EVIL}


def test_two_classes_have_areas(report):
    page = report(evaluations.evaluation(["bird", "no bird"]))
    assert "ROC AUC" in page.texts["th"]
    found = evaluations.evaluation(["bird", "no bird"]).probed[0].scores["roc_auc"].value
    assert (repr(found), f"{found:.2f}") in page.numbers


@pytest.mark.parametrize("classes", [("bird", "none"), ("none", "bird")])
def test_average_precision_names_its_class_and_what_chance_gives(classes, report, tmp_path):
    found = evaluations.evaluation(classes)
    counts = (20, 380) if classes[0] == "bird" else (380, 20)
    found = replace(found, task=replace(found.task, counts=counts, majority=0.95))
    said = (
        "Average precision is that of “bird”, which is 5.0 % of the recordings: chance gives "
        "about 0.05."
    )
    assert said in notes(found)
    page = report(found)
    assert any(text.endswith(f"guessing gives its share. {said}") for text in page.texts["dd"])
    assert ("0.05", "0.05") in page.numbers
    scores = pd.read_csv(tmp_path / "report-scores.csv")
    assert set(scores["average_precision_of"]) == {"bird"}
    assert scores["average_precision_by_chance"].tolist() == [0.05] * len(found.probed)
    several = evaluations.evaluation()
    assert not any("Average precision" in one for one in notes(several))
    assert "Average precision" not in report(several).texts["dt"]


def test_sixty_classes_fit(report, tmp_path):
    classes = [f"a bird with quite a long name, number {n}" for n in range(60)]
    page = report(evaluations.evaluation(classes, each=10))
    assert (tmp_path / "report.html").stat().st_size < 1e6
    assert set(classes) <= set(page.texts["title"])
    boxes = [one["viewbox"] for one in page.elements_named("svg") if one.get("role") == "group"]
    assert len(boxes) == 2  # of the best models
    assert all(float(box.split()[2]) < 1300 for box in boxes)


def test_what_was_not_measured_is_a_dash(report, tmp_path):
    found = evaluations.evaluation()
    nothing = Score(float("nan"), float("nan"), float("nan"))
    first = replace(found.probed[0], scores=dict(found.probed[0].scores) | {"macro_f1": nothing})
    page = report(replace(found, probed=(first, *found.probed[1:])))
    assert ("", words.NOTHING) in page.numbers
    assert not any("nan" in text for texts in page.texts.values() for text in texts)
    numbers = json.loads((tmp_path / "report.json").read_text())
    assert numbers["probed"][0]["scores"]["macro_f1"] == dict.fromkeys(("value", "low", "high"))


def test_a_cell_lists_its_units(report):
    found = evaluations.evaluation()
    page = report(found)
    behind = json.loads(page.block("behind"))
    for number, one in enumerate(found.probed):
        for place in np.argwhere(one.confusion):
            true, said = place.tolist()
            units = behind["cells"][f"{number}-{true}-{said}"]
            assert len(units) == min(one.confusion[true, said], listing.MOST_PER_CELL)
            assert all((found.units.truth[u], one.predicted[u]) == (true, said) for u in units)
            assert all(behind["units"][str(u)][0] == found.units.recording[u] for u in units)


def test_full_cells_list_units_of_different_recordings_first():
    found = evaluations.evaluation(["rain", "dog"], each=20, windows=30, models={"YAMNet": 1.0})
    cells = listing.listed(found)
    first = cells[0, 0, 0]
    assert len(first) == listing.MOST_PER_CELL
    assert len({found.units.recording[unit] for unit in first[:20]}) == 20


# The tables.


def test_the_tables_hold_every_score_and_prediction(report, tmp_path):
    found = evaluations.evaluation()
    report(found)
    scores = pd.read_csv(tmp_path / "report-scores.csv")
    assert scores["accuracy"].tolist() == [one.scores["accuracy"].value for one in found.probed]
    assert scores["accuracy_low"].tolist() == [one.scores["accuracy"].low for one in found.probed]
    assert scores["accuracy in fold 2"].tolist() == [one.fold_accuracy[1] for one in found.probed]
    predictions = pd.read_csv(tmp_path / "report-predictions.csv")
    column = predictions["log-mel: Nearest neighbours"]
    assert column.tolist() == [found.task.classes[n] for n in found.probed[-1].predicted]
    right = (column == predictions["truth"]).mean()
    assert right == pytest.approx(found.probed[-1].scores["accuracy"].value)
    confusion = pd.read_csv(tmp_path / "report-confusion.csv")
    assert len(confusion) == len(found.probed) * 16
    assert confusion["units"].sum() == len(found.probed) * 48


def test_a_name_that_is_no_page_is_refused(tmp_path):
    with pytest.raises(EvaluationError, match="ends in .html"):
        write(evaluations.evaluation(), tmp_path / "report.pdf", sets={})
    assert list(tmp_path.iterdir()) == []


# The sounds.


@pytest.fixture
def heard(make_set, tmp_path):
    """An evaluation whose recordings can be heard, and its set."""
    found = evaluations.evaluation(["rain", "dog"], each=5, models={"YAMNet": 0.6})
    names = tuple(f"clip{n:03d}.wav" for n in range(10))
    one = recorded(make_set(40), tmp_path)
    assert set(names) == set(one.table["recording"])
    stops = tuple(2.4 for _ in names)
    return replace(found, units=replace(found.units, stop_s=stops)), one


def test_mistakes_can_be_heard_and_seen(report, heard):
    found, one = heard
    page = report(found, sets={"YAMNet": one})
    wrong = set(np.flatnonzero(found.probed[0].predicted != found.units.truth).tolist())
    ids = {script.get("id") for script in page.elements_named("script")}
    assert wrong
    assert {f"sound-{unit}" for unit in wrong} <= ids
    unit = min(wrong)
    samples, rate_hz = sf.read(io.BytesIO(base64.b64decode(page.block(f"sound-{unit}"))))
    assert len(samples) / rate_hz == pytest.approx(2.4, abs=0.01)
    spectrum = np.abs(np.fft.rfft(samples))
    assert np.argmax(spectrum) / 2.4 == pytest.approx(1000, abs=2)
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(page.block(f"picture-{unit}")))))
    darkest = 31 - np.argmin(picture.mean(axis=1))
    assert 8 < darkest < 13  # 1 kHz of 8 kHz, in 32 mel bands


def test_the_sounds_keep_to_their_budget(report, heard, tmp_path):
    found, one = heard
    report(found, sets={"YAMNet": one}, sound_budget_mb=0)
    bare = (tmp_path / "report.html").stat().st_size
    page = report(found, sets={"YAMNet": one}, sound_budget_mb=0.012)
    size = (tmp_path / "report.html").stat().st_size
    ids = [one.get("id") for one in page.elements_named("script")]
    assert 0 < sum(str(name).startswith("sound-") for name in ids) < 4
    assert 0 < size - bare < 12_800


def test_a_recording_that_is_gone_is_said(report, heard, tmp_path):
    found, one = heard
    (tmp_path / "clip003.wav").unlink()
    page = report(found, sets={"YAMNet": one})
    assert any("1 recording could not be read: " in text for text in page.texts["p"])


# Numbers and drawings.


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (words.percent(0.9375), "93.8 %"),
        (words.percent(-0.0001), "0.0 %"),
        (words.percent(float("nan")), "–"),
        (words.points(-0.0132), "−1.3"),
        (words.points(0.00004), "0.0"),
        (words.decimal(-0.001), "0.00"),
        (words.seconds(1.444), "1.44 s"),
        (words.seconds(125.3), "2:05.30"),
        (words.listed(["A", "B", "C"]), "A, B and C"),
        (words.counted(12000, "class", "classes"), "12,000 classes"),
    ],
)
def test_numbers_are_written_for_people(found, said):
    assert found == said


@pytest.mark.parametrize(
    "values", [[0.1, 0.97], [0.95, 0.9501], [0.5], [-0.31, 0.02], [0, 1], [float("nan")]]
)
def test_a_scale_holds_its_values_and_counts_evenly(values):
    own = marks.scale(values, "{:g}".format)
    known = [value for value in values if np.isfinite(value)]
    assert all(0 < own.at(value) < marks.WIDTH for value in known)
    assert 2 <= len(own.ticks) <= 9
    steps = np.diff([tick.x for tick in own.ticks])
    np.testing.assert_allclose(steps, steps[0], atol=0.2)


def test_a_better_score_lies_further_right_and_higher():
    found = evaluations.evaluation()
    own = marks.scale([0.2, 0.9], words.percent)
    assert own.at(0.3) < own.at(0.31)
    (curves, _) = by_labelled(found)
    for panel in curves.panels:
        heights = [dot.y for dot in panel.dots]
        assert heights == sorted(heights, reverse=True)


# Columns.


def test_clusters_and_trust_become_columns(make_set):
    found = make_set(rows=80)
    places = found.vectors[:, :2].copy()
    mapped = found.with_projection(Projection("umap", places, {}))
    with_all, names = with_columns(mapped, title="YAMNet", progress=lambda one: None)
    assert names == ("cluster", "map_kept_neighbours", "map_trustworthiness", "map_continuity")
    crossed = pd.crosstab(with_all.table["cluster"], with_all.table["label"])
    clusters = crossed.drop(index="no cluster", errors="ignore")
    assert len(clusters) >= 4
    assert ((clusters > 0).sum(axis=1) == 1).all()
    trust = with_all.table[list(names[1:])].to_numpy()
    assert ((trust >= 0) & (trust <= 1)).all()
    assert with_columns(found)[1] == ("cluster",)
