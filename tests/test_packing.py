from __future__ import annotations

import json
import math
import struct

import numpy as np
import pandas as pd
import pytest

from embedviz.errors import EmbedvizError
from embedviz.packing import (
    pack_column,
    pack_names,
    pack_numbers,
    pack_points,
    pack_rows,
    unpack_rows,
)


def read(content):
    """Read a pack as the browser does: header, then values that need no copy."""
    (length,) = struct.unpack("<I", content[:4])
    header = json.loads(content[4 : 4 + length])
    # A browser refuses float64 at places that 8 does not divide.
    assert (4 + length) % 8 == 0
    values = np.frombuffer(content, np.dtype(header["dtype"]).newbyteorder("<"), offset=4 + length)
    assert len(values) == header["count"]
    return header, values


def words(content):
    """The name of every row."""
    header, codes = read(content)
    assert header["kind"] == "names"
    assert header["names"] == sorted(set(header["names"]))
    assert header["counts"] == np.bincount(codes, minlength=len(header["names"])).tolist()
    return [header["names"][code] for code in codes]


def column(*values, dtype=None, name="made"):
    return pd.Series(list(values), dtype=dtype, name=name)


def test_times_keep_every_digit_and_know_that_they_are_seconds():
    # An hour into a recording float32 is off by 0.1 ms.
    times = [3600.48, 0.1, 7200.96]
    header, values = read(pack_column(column(*times, name="start_s")))
    assert values.tolist() == times
    assert (header["dtype"], header["unit"]) == ("float64", "s")
    assert (header["min"], header["max"]) == (0.1, 7200.96)


def test_times_in_float32_are_sent_as_float64_too():
    header, _ = read(pack_column(column(0.5, 1.5, dtype="float32", name="stop_s")))
    assert header["dtype"] == "float64"


def test_scores_in_float32_stay_small():
    header, values = read(pack_column(column(0.25, 0.5, dtype="float32", name="score")))
    assert (header["dtype"], header["unit"]) == ("float32", "")
    assert values.tolist() == [0.25, 0.5]


def test_large_whole_numbers_are_exact():
    _, values = read(pack_column(column(2**24 + 1, 2**40 + 1)))
    assert values.tolist() == [2**24 + 1, 2**40 + 1]


@pytest.mark.parametrize(
    "given",
    [
        column(1.0, None, 3.0, dtype="float64"),
        column(1, None, 3, dtype="Int64"),
        column(1, None, 3, dtype="Float32"),
    ],
    ids=["float64", "Int64", "Float32"],
)
def test_a_missing_number_is_nan_and_no_extreme(given):
    header, values = read(pack_column(given))
    assert math.isnan(values[1])
    assert (header["min"], header["max"]) == (1.0, 3.0)


def test_infinity_is_sent_but_is_no_extreme():
    header, values = read(pack_numbers(np.array([2.0, np.inf, -np.inf])))
    assert values.tolist() == [2.0, np.inf, -np.inf]
    assert (header["min"], header["max"]) == (2.0, 2.0)


@pytest.mark.parametrize("values", [[], [math.nan, math.nan]], ids=["none", "all missing"])
def test_without_a_number_there_are_no_extremes(values):
    header, got = read(pack_numbers(np.array(values)))
    assert (header["min"], header["max"], len(got)) == (None, None, len(values))


@pytest.mark.parametrize("dtype", ["str", "object", "category"])
def test_names_come_back_in_the_order_of_rows(dtype):
    given = ["rain", "dog", "rain", "Änd/ 雨.wav", "crow"]
    assert words(pack_column(column(*given, dtype=dtype))) == given


@pytest.mark.parametrize("dtype", ["str", "object"])
def test_missing_and_empty_names_are_unknown(dtype):
    given = column("rain", None, "", "zebra", dtype=dtype)
    assert words(pack_names(given)) == ["rain", "unknown", "unknown", "zebra"]


def test_unknown_is_listed_only_where_a_row_is():
    header, _ = read(pack_names(column("rain", "zebra")))
    assert header["names"] == ["rain", "zebra"]


def test_a_class_that_is_called_unknown_and_a_missing_one_are_one_group():
    header, _ = read(pack_names(column("unknown", None, "a")))
    assert (header["names"], header["counts"]) == (["a", "unknown"], [1, 2])


def test_yes_and_no_are_names():
    assert words(pack_column(column(True, False, True))) == ["yes", "no", "yes"]
    given = column(True, None, False, dtype="boolean")
    assert words(pack_column(given)) == ["yes", "unknown", "no"]


def test_numbers_among_words_are_names():
    assert words(pack_column(column("a", 1, 2.5, dtype="object"))) == ["a", "1", "2.5"]


@pytest.mark.parametrize(
    ("names", "dtype"),
    [(1, "uint8"), (256, "uint8"), (257, "uint16"), (65_536, "uint16"), (65_537, "uint32")],
)
def test_codes_are_as_small_as_the_number_of_names_allows(names, dtype):
    given = [f"{number:06d}" for number in range(names)]
    content = pack_names(column(*given, dtype="str"))
    assert read(content)[0]["dtype"] == dtype
    assert words(content) == given


def test_a_set_without_rows_has_empty_columns():
    assert words(pack_names(column(dtype="str"))) == []
    assert read(pack_column(column(dtype="float64", name="start_s")))[0]["count"] == 0


@pytest.mark.parametrize("dims", [2, 3])
def test_points_are_sent_one_after_the_other(dims):
    # Of one row order but another memory order, as projections may come.
    points = np.asfortranarray(np.random.default_rng(0).normal(size=(7, dims)).astype(np.float32))
    header, values = read(pack_points(points))
    assert (header["kind"], header["dims"], header["dtype"]) == ("points", dims, "float32")
    np.testing.assert_array_equal(values.reshape(-1, dims), points)


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 1000])
def test_chosen_rows_come_back(count):
    flags = np.random.default_rng(count).random(count) < 0.5
    bits = pack_rows(flags)
    assert len(bits) == math.ceil(count / 8)
    np.testing.assert_array_equal(unpack_rows(bits, count), np.flatnonzero(flags))


def test_the_first_row_is_the_lowest_bit_of_the_first_byte():
    assert pack_rows([1, 0, 0, 1, 0, 0, 0, 0, 1]) == bytes([0b1001, 1])


@pytest.mark.parametrize(
    ("bits", "sentence"),
    [
        (b"\x00", "A selection of 9 rows, one bit a row, has exactly 2 B; less was given"),
        (b"\x00\x00\x00", "exactly 2 B; more was given"),
        (b"\x00\x02", "Rows beyond the last one, 8, are chosen"),
    ],
)
def test_bits_of_other_rows_are_refused(bits, sentence):
    with pytest.raises(EmbedvizError, match=sentence):
        unpack_rows(bits, 9)
