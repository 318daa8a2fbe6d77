from datetime import datetime

import numpy as np
import pandas as pd
import pytest

from embedviz.clock import position, recorded_at, time_of_day_h

MOMENT = datetime(2021, 9, 5, 15, 30)


def rows(names, start_s=0.0, length_s=1.0):
    start_s = np.broadcast_to(start_s, len(names))
    return pd.DataFrame({"recording": names, "start_s": start_s, "stop_s": start_s + length_s})


@pytest.mark.parametrize(
    "name",
    [
        "20210905_153000.WAV",  # AudioMoth
        "20210905_153000T.WAV",  # AudioMoth, triggered
        "24F319055FDF2902_20210905_153000.WAV",  # AudioMoth, with its number
        "SM4_20210905_153000.wav",  # Song Meter
        "S4A01234_20210905_153000.wav",
        "ARIZONA-1_0+1_20210905$153000.wav",  # Song Meter 3 with GPS
        "20210905T153000+1000_REC [-27.1 152.3].flac",  # BAR-LT
        "MARS-20210905T153000Z-16kHz.wav",
        "2021-09-05--15-30-00.wav",  # Orcasound, OOI
        "2021-09-05T15-30-00.flac",
        "2021-09-05T153000Z.wav",
        "SITE-2021-09-05_15-30.flac",  # Arbimon
        "5678.210905153000.wav",  # SoundTrap
        "SanctSound_SB01_01_1678032935_210905153000.wav",
        "SOCAL_H_59_210905_153000.x.wav",  # HARP
        "NRS08-210905-153000.wav",
        "Chan_1-24bps.1277236867.2021-09-05-15-30-00.wav",  # JASCO
        "T2021-09-05_15-30-00_0000123.wav",  # Avisoft, with its counter
        "Recording 2021-09-05 15.30.00.m4a",
        "Recording 2021-09-05 at 15.30.00.m4a",
        "Turdus merula-85-2021-09-05-birdnet-15:30:00.mp3",
        "6134E2C8.WAV",  # AudioMoth, old: seconds since 1970 in hexadecimal
        "1630855880.wav",
        "1630855880000.wav",
        "20210905153000.wav",
        "a site/2019-01-01 10.00.00/20210905_153000.WAV",
    ],
)
def test_a_recorder_names_its_files_by_when_they_start(name):
    # Those that count the seconds since 1970 are 80 seconds later.
    late = {"6134E2C8.WAV", "1630855880.wav", "1630855880000.wav"}
    expected = MOMENT.replace(minute=31, second=20) if name in late else MOMENT
    assert recorded_at(name) == expected


@pytest.mark.parametrize(
    ("name", "microseconds"),
    [
        ("20210905_153000_123.wav", 123_000),
        ("PREFIX_20210905_153000_000456.w4v", 456),
        ("S20210905T153000676+1000_E20210905T160446501+1000.wav", 676_000),
        ("OO-HYEA2--YDH-2021-09-05T15:30:00.000015.mseed", 15),
    ],
)
def test_parts_of_a_second_are_read(name, microseconds):
    assert recorded_at(name) == MOMENT.replace(microsecond=microseconds)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "rain.wav",
        "20210905.wav",  # a date alone says nothing of the time of day
        "2021-09-05.wav",
        "20210905_0001.wav",  # a date and the number of a file
        "210905_0001.WAV",
        "2021-09-05_01.wav",
        "20211305_153000.wav",  # no such month, day, hour
        "20210230_153000.wav",
        "20210905_253000.wav",
        "20210905_156000.wav",
        "19700101_000012.WAV",  # a clock that was never set
        "00000012.WAV",
        "deadbeef.wav",  # 2088
        "0000000012.wav",
        "2021-09-05 03.30.00 PM.m4a",
        "1-100032-A-0.wav",  # ESC-50
        "100032-3-0-0.wav",  # UrbanSound8K
        "XC123456.mp3",  # xeno-canto
        "-0SdAVK79lg_30000_40000.wav",  # AudioSet
        "61025001.wav",  # Watkins: the catalogue's numbers are no hexadecimal times
        "6301900B.wav",
        "20210905/153000.wav",  # a folder is no part of the name
    ],
)
def test_names_that_give_no_time_are_given_none(name):
    assert recorded_at(name) is None


def test_a_name_with_two_times_starts_at_the_first_that_is_one():
    assert recorded_at("20210905_153000_20210905_160000.wav") == MOMENT
    assert recorded_at("12345678_123456_20210905_153000.wav") == MOMENT


def test_the_time_of_day_is_that_of_each_row_and_goes_on_after_midnight():
    table = rows(["20210905_233000.WAV"] * 4, [0.0, 900.0, 1800.0, 86_400.0])
    found = time_of_day_h(table)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [23.5, 23.75, 0, 23.5], atol=1e-5)
    last = time_of_day_h(rows(["20210905_235959_999999.wav"]))
    assert last[0] < 24


def test_rows_whose_recording_tells_no_time_have_none():
    table = rows(["20210905_060000.WAV", "rain.wav", "20210905_180000.WAV"])
    np.testing.assert_array_equal(time_of_day_h(table), np.float32([6, np.nan, 18]))
    assert time_of_day_h(rows(["rain.wav", "61025001.wav"])) is None


def test_hexadecimal_names_without_a_letter_are_known_by_their_companions():
    found = time_of_day_h(rows(["5B7A2F10.WAV", "58001001.WAV", "12345678.WAV", "x.wav"]))
    np.testing.assert_allclose(found, [3.0267, 22.8625, np.nan, np.nan], atol=1e-4)


def test_the_position_is_that_of_the_middle_of_a_row_in_its_recording():
    table = rows(["a.wav", "a.wav", "b.wav", "c.wav"], [0.0, 9.0, 0.0, 5.0], 2.0)
    found = position(table, {"a.wav": 10.0, "b.wav": 2.0})
    assert found.dtype == np.float32
    # The second row is padded beyond the end; nobody knows how long c.wav is.
    np.testing.assert_allclose(found, [0.1, 1.0, 0.5, np.nan], atol=1e-6)
    assert np.isnan(position(table, {"a.wav": 0.0})).all()
