from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from embedviz import cli_ensemble
from embedviz.data import Provenance
from embedviz.ensemble import ensemble
from embedviz.errors import SetError
from embedviz.store import read_set, write_set


@pytest.fixture
def two(make_set):
    """Two models of the same 40 rows, the second far wider and far louder."""
    narrow, wide = make_set(dims=8), make_set(dims=200, seed=1)
    made = replace(
        wide.provenance,
        model="yamnet",
        weights={"weights.h5": "a" * 64},
        bands_hz=(1.0, 2.0),
        label_columns=("label", "site"),
    )
    table = wide.table.assign(site="pond", top_class="Rain")
    wide = replace(wide, table=table, vectors=1000 * wide.vectors + 7, provenance=made)
    return narrow, wide


def without(found, rows):
    """The set with only these rows."""
    return replace(
        found,
        table=found.table.iloc[rows].reset_index(drop=True),
        vectors=found.vectors[rows],
        thumbnails=found.thumbnails[rows],
    )


def test_every_column_is_standardised_and_every_model_weighs_the_same(two):
    joined = ensemble(two)
    assert joined.vectors.shape == (40, 208)
    assert joined.vectors.dtype == np.float32
    np.testing.assert_allclose(joined.vectors.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(joined.vectors[:, :8].std(axis=0), 8**-0.5, rtol=1e-5)
    np.testing.assert_allclose(joined.vectors[:, 8:].std(axis=0), 200**-0.5, rtol=1e-5)
    for part in (joined.vectors[:, :8], joined.vectors[:, 8:]):
        assert np.square(part).sum(axis=1).mean() == pytest.approx(1, rel=1e-5)


def test_the_values_are_those_of_the_formula(two):
    narrow, wide = two
    by_hand = [
        (v - v.mean(axis=0)) / v.std(axis=0) / np.sqrt(v.shape[1])
        for v in (narrow.vectors.astype(np.float64), wide.vectors.astype(np.float64))
    ]
    np.testing.assert_allclose(ensemble(two).vectors, np.hstack(by_hand), atol=1e-6)


@pytest.mark.parametrize("value", [0.0, 0.1, -12345.678])
def test_a_column_that_does_not_vary_becomes_zero_and_weighs_nothing(two, value):
    narrow, wide = two
    vectors = narrow.vectors.copy()
    vectors[:, 3] = value
    joined = ensemble([replace(narrow, vectors=vectors), wide])
    assert not joined.vectors[:, 3].any()
    assert np.square(joined.vectors[:, :8]).sum(axis=1).mean() == pytest.approx(1, rel=1e-5)


def test_rows_are_joined_by_what_they_are_not_by_their_place(two):
    narrow, wide = two
    shuffled = without(wide, np.random.default_rng(0).permutation(40))
    np.testing.assert_allclose(
        ensemble([narrow, shuffled]).vectors, ensemble(two).vectors, atol=1e-6
    )


def test_only_rows_that_all_members_have_are_joined(two, make_set):
    narrow, wide = two
    third = without(make_set(dims=5, seed=2), np.arange(30, 4, -1))
    joined = ensemble([without(narrow, np.arange(0, 40, 2)), wide, third])
    rows = np.arange(6, 32, 2)
    assert joined.vectors.shape == (13, 213)
    pd.testing.assert_frame_equal(
        joined.table[["recording", "start_s"]],
        narrow.table[["recording", "start_s"]].iloc[rows].reset_index(drop=True),
    )
    np.testing.assert_array_equal(joined.thumbnails, narrow.thumbnails[rows])
    alone = ensemble([without(narrow, rows), without(wide, rows), without(third, 30 - rows)])
    np.testing.assert_allclose(joined.vectors, alone.vectors, atol=1e-6)


def test_the_set_names_its_members_and_says_how_they_were_made(two, tmp_path):
    narrow, wide = two
    failed = replace(wide.provenance, failures={"broken.wav": "It ends too soon."})
    joined = ensemble([narrow, replace(wide, provenance=failed)])
    made = joined.provenance
    assert made.title == "ensemble(logmel, yamnet)"
    assert made.members == ("logmel", "yamnet")
    assert ensemble([joined, narrow]).provenance.members == ("logmel", "yamnet", "logmel")
    assert made.weights == {"yamnet/weights.h5": "a" * 64}
    assert made.bands_hz == narrow.provenance.bands_hz
    assert made.failures == {"broken.wav": "It ends too soon."}
    assert joined.label_columns == ("label", "site")
    assert list(joined.table)[:5] == ["recording", "start_s", "stop_s", "label", "site"]
    assert set(joined.table["top_class"]) == {"Rain"}
    write_set(joined, tmp_path / "joined.parquet")
    assert read_set(tmp_path / "joined.parquet").provenance == made


def test_two_variants_of_one_model_keep_their_own_names_and_files(two):
    _, wide = two
    one, other = (
        replace(wide, provenance=replace(wide.provenance, model="openl3", variant=variant))
        for variant in ("env", "music")
    )
    made = ensemble([one, other]).provenance
    assert made.model == "ensemble(openl3 env, openl3 music)"
    assert set(made.weights) == {"openl3 env/weights.h5", "openl3 music/weights.h5"}


def test_one_unverified_member_makes_the_ensemble_unverified(two):
    narrow, wide = two
    unproven = replace(wide, provenance=replace(wide.provenance, verified=False))
    assert ensemble(two).provenance.verified
    assert not ensemble([narrow, unproven]).provenance.verified
    assert "unverified weights" in ensemble([narrow, unproven]).provenance.title


def test_what_cannot_be_joined_is_refused_in_a_sentence(two):
    narrow, wide = two
    with pytest.raises(SetError, match="at least two sets"):
        ensemble([narrow])
    with pytest.raises(SetError, match="at least two"):
        ensemble([narrow, without(wide, [3])])
    broken = wide.vectors.copy()
    broken[4, 5] = np.nan
    with pytest.raises(SetError, match="NaN"):
        ensemble([narrow, replace(wide, vectors=broken)])
    with pytest.raises(SetError, match="No row is in all"):
        ensemble([narrow, without(wide, range(20)), without(wide, range(20, 40))])


def run(*arguments):
    return CliRunner().invoke(cli_ensemble.ensemble, [str(argument) for argument in arguments])


def test_the_command_joins_files(two, tmp_path):
    for name, one in zip("ab", two, strict=True):
        write_set(one, tmp_path / f"{name}.parquet")
    done = run(tmp_path / "a.parquet", tmp_path / "b.parquet", "--out", tmp_path / "c.parquet")
    assert done.exit_code == 0, done.output
    assert "40 rows of 208, ensemble(logmel, yamnet)" in done.stdout
    assert done.stderr == ""
    np.testing.assert_array_equal(read_set(tmp_path / "c.parquet").vectors, ensemble(two).vectors)
    head = json.loads(pq.read_metadata(tmp_path / "c.parquet").metadata[b"embedviz"])
    assert Provenance.from_json(head).model == "ensemble(logmel, yamnet)"


def test_the_command_says_how_many_rows_were_left_out(two, tmp_path):
    narrow, wide = two
    write_set(narrow, tmp_path / "a.parquet")
    write_set(without(wide, range(12)), tmp_path / "b.parquet")
    done = run(tmp_path / "a.parquet", tmp_path / "b.parquet", "--out", tmp_path / "c.parquet")
    assert done.exit_code == 0, done.output
    assert "12 of" in done.stderr
    assert "a.parquet's 40 rows" in done.stderr
    assert "b.parquet" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [(["a.parquet", "--out", "c.parquet"], "two files"), (["a", "b", "--out", "c"], ".parquet")],
)
def test_the_command_refuses_what_makes_no_ensemble(arguments, sentence):
    done = run(*arguments)
    assert done.exit_code != 0
    assert sentence in done.output
