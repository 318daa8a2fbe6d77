"""Files written row group by row group: what is counted, given up, blamed, and read back."""

import errno
import gc
import io
import json
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest

from embedviz import atomic, cache, partfiles
from embedviz.atomic import written_whole
from embedviz.cache import Entry, Held
from embedviz.data import Recording
from embedviz.errors import EmbedvizError, SetError
from embedviz.imports.parquet import read_parquet
from embedviz.partitions import finished, part_name
from embedviz.setwriter import SetWriter
from embedviz.storage import folder
from embedviz.store import read_set, to_arrow

RECORDING = Recording("a.wav", Path("a.wav"), 1.0, 16000, 1)
KEY = "ab" * 32


class Stopped(Exception):
    """What ends the writing."""


@pytest.fixture
def unraisable(monkeypatch):
    """What Python complains of after an error that it could not raise."""
    seen = []
    monkeypatch.setattr(sys, "unraisablehook", lambda told: seen.append(str(told.exc_value)))
    return seen


@pytest.fixture
def groups_of_a_row(monkeypatch):
    monkeypatch.setattr("embedviz.setwriter.GROUP_BYTES", 1)
    monkeypatch.setattr("embedviz.cache._BUFFERED_BYTES", 1)


def entry(rows=1):
    return Entry(
        vectors=np.zeros((rows, 4), np.float32),
        start_s=np.zeros(rows),
        stop_s=np.ones(rows),
        padding_s=np.zeros(rows),
        thumbnails=np.zeros((rows, 2, 3), np.uint8),
        columns={},
    )


def test_the_bytes_of_a_table_are_counted_once():
    class Counted(SimpleNamespace):
        @property
        def nbytes(self):
            asked.append(self)
            return 4

    asked, held = [], Held(10)
    assert [held.add(Counted()) for _ in range(3)] == [False, False, True]
    assert len(asked) == 3


def test_a_set_that_is_given_up_ends_without_a_complaint(groups_of_a_row, unraisable, tmp_path):
    def stopped():
        with SetWriter(tmp_path / "set.parquet", ()) as writer:
            writer.add(RECORDING, entry())
            raise Stopped

    with suppress(Stopped):
        stopped()
    gc.collect()
    assert unraisable == []
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("full", [False, True])
def test_an_entry_that_is_given_up_ends_without_a_complaint(
    groups_of_a_row, unraisable, monkeypatch, full
):
    def refused(writer):
        raise OSError(28, "No space left on device")

    def stopped():
        with cache.keeping(KEY) as add:
            add(entry())
            if full:
                monkeypatch.setattr(pq.ParquetWriter, "close", refused)
            raise Stopped

    with suppress(Stopped):
        stopped()
    gc.collect()
    assert unraisable == []
    assert cache.load(KEY) is None


def test_the_cache_is_not_blamed_for_what_is_heard():
    def heard():
        with cache.keeping(KEY) as add:
            add(entry())
            raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input/output"):  # as it is: an EmbedvizError is none
        heard()


def test_a_disk_that_is_full_when_the_file_is_closed_is_told_of_once(
    groups_of_a_row, make_set, tmp_path, monkeypatch
):
    class Full(io.FileIO):
        def write(self, content):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(
        atomic.os, "fdopen", lambda handle, mode: io.BufferedWriter(Full(handle, "w"), 64)
    )
    path = tmp_path / "out" / "set.parquet"

    def work():
        with SetWriter(path, ()) as writer:
            writer.add(RECORDING, entry(2))
            writer.finish(make_set(2).provenance)

    with pytest.raises(SetError, match=r"set\.parquet could not be written: No space left"):
        work()
    assert list(path.parent.iterdir()) == []
    with pytest.raises(OSError, match="No space left") as raised, written_whole(path) as file:
        file.write(b"some")
    assert raised.value.filename == str(path)


@pytest.mark.parametrize("method", ["write_table", "close"])
def test_a_cache_that_cannot_be_written_is_named(groups_of_a_row, monkeypatch, method):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, method, full)
    with (
        pytest.raises(EmbedvizError, match=r"The cache at .* \(No space left on device\); free"),
        cache.keeping(KEY) as add,
    ):
        add(entry())


def test_a_cache_folder_that_is_a_file_is_named():
    cache.cache_folder().write_bytes(b"in the way")
    with (
        pytest.raises(EmbedvizError, match=r"The cache at .* could not be written"),
        cache.keeping(KEY) as add,
    ):
        add(entry())


def test_an_entry_in_several_groups_is_read_back(groups_of_a_row):
    with cache.keeping(KEY) as add:
        for rows in (2, 3):
            add(entry(rows))
    assert [len(part) for part in cache.load(KEY).parts()] == [2, 3]


def test_a_footer_of_very_many_recordings_is_read(make_set, tmp_path):
    whole, path = make_set(rows=8), tmp_path / part_name(0)
    table = to_arrow(whole)
    with pq.ParquetWriter(path, table.schema) as writer:
        writer.write_table(table)
        # As long as what a set says of some hundred thousand recordings, but read in no time.
        writer.add_key_value_metadata({"more": "x" * 101_000_000})
    with pytest.raises(OSError, match="Exceeded size limit"):
        pq.ParquetFile(path)
    assert read_parquet(path).provenance == whole.provenance
    assert partfiles.footer(folder(tmp_path), path.name).rows == 8
    assert finished(folder(tmp_path))[path.name].part.rows == 8


def test_a_set_written_as_it_comes_reads_like_any_other(groups_of_a_row, make_set, tmp_path):
    made = replace(make_set(4).provenance, label_columns=())
    with SetWriter(tmp_path / "set.parquet", ()) as writer:
        writer.add(RECORDING, entry(2))
        writer.add(RECORDING, entry(3))
        writer.finish(made)
    schema = pq.read_schema(tmp_path / "set.parquet")
    assert json.loads(schema.metadata[b"embedviz"])["model"] == made.model
    assert schema.field("embedding").type.list_size == 4
    assert read_set(tmp_path / "set.parquet").vectors.shape == (5, 4)
