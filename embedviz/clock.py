"""When a row was heard: from the names that recorders give to their files, and within a recording.

Times are what the recorder's clock showed, which many set to UTC and others to local time; names
seldom say which, so a time zone in a name is left aside.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from embedviz.data import FloatArray

# Clocks that were never set start in 1970 or 2000; two digits of a year are after 2000.
_YEARS, _UNIX_YEARS = range(1990, 2041), range(2010, 2041)

_FULL_DATE = r"(?<!\d)(?P<year>\d{4})(?P<dash>[-_.]?)(?P<month>\d\d)(?P=dash)(?P<day>\d\d)"
_TIME = r"(?P<hour>\d\d)(?P<colon>[-_.:]?)(?P<minute>\d\d)(?P=colon)(?P<second>\d\d)"
_FRACTION = r"(?:[._]?(?P<fraction>\d{3}|\d{6}))?(?!\d)(?!\s?[AaPp][Mm]\b)"
_PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        # AudioMoth 20210905_153000.WAV, Song Meter SM4_20210905_153000.wav (SM3: 20210905$153000),
        # BAR-LT 20210905T153000+1000, PAM 20171108_094819_000, Orcasound 2020-07-25--00-00-01,
        # OOI 2020-07-25T00:00:01.000015, telephones 2021-09-05 15.30.00, BirdNET-Pi.
        rf"{_FULL_DATE}(?:[-_ .$T]{{0,3}}| at |-birdnet-){_TIME}{_FRACTION}",
        # Arbimon SITE-2012-02-12_14-30: without seconds only where it cannot be a number of files.
        r"(?<!\d)(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)"
        r"[_ T](?P<hour>\d\d)[-:](?P<minute>\d\d)(?![-:]?\d)(?!\s?[AaPp][Mm]\b)",
        # SoundTrap 5678.210905153000.wav, HARP 121212_060000.x.wav, NRS08-140523-001620.wav.
        r"(?<!\d)(?P<year>\d\d)(?P<month>\d\d)(?P<day>\d\d)[-_]?"
        r"(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)(?!\d)",
    )
)
# The old AudioMoth names files by the seconds since 1970 in eight hexadecimal digits.
_HEXADECIMAL = re.compile(r"[0-9A-Fa-f]{8}")
# Catalogues number sounds in eight digits too, some with a letter at the end.
_SURELY_HEXADECIMAL = re.compile(r"(?=\d*[A-Fa-f].)[0-9A-Fa-f]{8}")
_PARTS = ("year", "month", "day", "hour", "minute", "second")
_UNIX = re.compile(r"(?P<seconds>\d{10})(?:\d{3})?")


def recorded_at(name: str) -> datetime | None:
    """Give when a recording starts, by its file name; None where the name gives no date and time.

    What is no date (month 13) is none, and so is what no recorder will have recorded (1970).
    """
    file = _file(name)
    for pattern in _PATTERNS:
        for match in pattern.finditer(file):
            moment = _moment(match.groupdict())
            if moment is not None:
                return moment
    stem = file.partition(".")[0]
    if unix := _UNIX.fullmatch(stem):
        return _since_1970(int(unix["seconds"]))
    return _since_1970(int(stem, 16)) if _SURELY_HEXADECIMAL.fullmatch(stem) else None


def time_of_day_h(table: pd.DataFrame) -> FloatArray | None:
    """Give the hour of the day (N,), 0 up to 24, at which each row starts.

    NaN where the name of the recording gives no time; None where no name does.
    """
    codes, names = pd.factorize(table["recording"])
    starts = [recorded_at(name) for name in names]
    # One in sixteen hexadecimal names has no letter; its companions tell what it is.
    stems = [_file(name).partition(".")[0] for name in names]
    if any(_SURELY_HEXADECIMAL.fullmatch(stem) for stem in stems):
        starts = [
            _since_1970(int(stem, 16)) if start is None and _HEXADECIMAL.fullmatch(stem) else start
            for start, stem in zip(starts, stems, strict=True)
        ]
    if not any(starts):
        return None
    midnight_s = np.array([np.nan if start is None else _seconds(start) for start in starts])
    hours = (midnight_s[codes] + table["start_s"].to_numpy(float)) / 3600 % 24
    rounded = np.asarray(hours, dtype=np.float32)
    rounded[rounded >= 24] = 0
    return rounded


def position(table: pd.DataFrame, durations_s: Mapping[str, float]) -> FloatArray:
    """Give where in its recording the middle of each row lies (N,): 0 the start, 1 the end.

    NaN where the recording's duration is not known.
    """
    codes, names = pd.factorize(table["recording"])
    known_s = np.array([durations_s.get(name, np.nan) for name in names], float)
    known_s[~(known_s > 0)] = np.nan
    middle_s = (table["start_s"].to_numpy(float) + table["stop_s"].to_numpy(float)) / 2
    return np.asarray(np.clip(middle_s / known_s[codes], 0, 1), dtype=np.float32)


def _file(name: str) -> str:
    """Give the last part of a recording's name, without its folders."""
    return name.rpartition("/")[2]


def _moment(found: Mapping[str, str | None]) -> datetime | None:
    """Give the date and time of a match, None where there is no such day, hour or year."""
    year, month, day, hour, minute, second = (int(found.get(part) or 0) for part in _PARTS)
    year += 2000 if len(found["year"] or "") == 2 else 0
    microseconds = int((found.get("fraction") or "").ljust(6, "0"))
    try:
        moment = datetime(year, month, day, hour, minute, second, microseconds)
    except ValueError:
        return None
    return moment if moment.year in _YEARS else None


def _since_1970(seconds: int) -> datetime | None:
    moment = datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
    return moment if moment.year in _UNIX_YEARS else None


def _seconds(moment: datetime) -> float:
    """Give the seconds since midnight."""
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return (moment - midnight).total_seconds()
