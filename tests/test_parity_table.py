"""The comparison behind `make parity`, without PyTorch: what counts as agreement, and its table."""

import json
from dataclasses import replace

import numpy as np
import pytest

from parity.comparison import Agreement, compare
from parity.reference import MODELS, Answer, reference
from parity.signals import KINDS, sound
from parity.table import as_json, line, markdown


def answer(vectors: np.ndarray, features: np.ndarray | None = None) -> Answer:
    silence = np.zeros(10, np.float32)
    return Answer("default", "a sound", "window", silence, vectors, features)


def agreement(**changes) -> Agreement:
    row = Agreement(
        model="yamnet",
        variant="default",
        per="window",
        reference="the official package",
        versions="package 1.0",
        sounds=4,
        rows=18,
        feature_error=1e-5,
        feature_limit=1e-3,
        feature_unit="dB",
        vector_error=1e-6,
        vector_limit=2e-5,
        cosine=1 - 1e-12,
        spread=0.5,
    )
    return replace(row, **changes)


def test_the_error_is_that_of_the_worst_row():
    theirs = np.eye(3, 8)
    ours = theirs.copy()
    ours[1] *= 1.001
    errors = compare([(answer(theirs), answer(ours)), (answer(2 - theirs), answer(2 - theirs))])
    assert errors.vector == pytest.approx(1e-3)
    assert errors.cosine == pytest.approx(1)
    assert errors.rows == 6
    assert not errors.fault


def test_features_are_compared_by_their_largest_difference():
    vectors, features = np.eye(2, 8), np.zeros((2, 4, 3))
    moved = features.copy()
    moved[1, 2, 0] = -0.25
    assert compare([(answer(vectors, features), answer(vectors, moved))]).feature == 0.25


def test_another_number_of_rows_is_a_fault():
    errors = compare([(answer(np.eye(3)), answer(np.eye(3)[:2]))])
    assert "(2, 3)" in errors.fault
    assert "(3, 3)" in errors.fault


def test_values_that_are_not_finite_are_a_fault():
    ours = np.eye(3)
    ours[0, 0] = np.nan
    assert "finite" in compare([(answer(np.eye(3)), answer(ours))]).fault


def test_a_network_that_hears_all_sounds_alike_proves_nothing():
    alike = [np.full((1, 8), 1.0), np.full((1, 8), 1.001)]
    assert "alike" in compare([(answer(one), answer(one)) for one in alike]).fault


@pytest.mark.parametrize(
    "changes",
    [{"vector_error": 3e-5}, {"feature_error": 2e-3}, {"fault": "the reference ended early"}],
)
def test_a_row_beyond_a_limit_fails(changes):
    assert agreement().passed
    row = agreement(**changes)
    assert not row.passed
    assert line(row).startswith("FAIL")
    assert "fail" in markdown([row]).splitlines()[-1].lower()


def test_the_table_is_markdown_with_one_line_a_row():
    heading, rule, *rows = markdown([agreement(), agreement(variant="another")]).splitlines()
    assert len({len(row) for row in (heading, rule, *rows)}) == 1
    assert "smallest cosine" in heading
    assert set(rule) <= set("|- ")
    assert [row.split("|")[1].strip() for row in rows] == [
        "yamnet (default), window",
        "yamnet (another), window",
    ]
    assert "1 - 1e-12" in rows[0]


def test_the_json_holds_the_numbers_and_no_infinity():
    found = json.loads(as_json([agreement(), agreement(vector_error=np.inf, fault="ended")]))
    assert [row["passed"] for row in found] == [True, False]
    assert found[0]["vector_error"] == 1e-6
    assert found[1]["vector_error"] is None


@pytest.mark.parametrize("samples", [100, 2_561, 48_000])
def test_the_sounds_differ_at_every_length(samples):
    sounds = [sound(kind, samples, 48_000) for kind in KINDS]
    for i, one in enumerate(sounds):
        assert one.shape == (samples,)
        assert np.abs(one).max() <= 1
        assert all(np.abs(one - other).max() > 0.1 for other in sounds[:i])


@pytest.mark.parametrize("name", MODELS)
def test_every_variant_that_a_reference_answers_is_one_of_ours(name):
    from embedviz import models

    asked = reference(name)
    facts = models.facts(asked.model)
    named = {variant for served in asked.checkpoints.values() for variant in served}
    assert named <= set(facts.variants)
    assert asked.rate_hz == facts.rate_hz
