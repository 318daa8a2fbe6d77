"""Sets in parts: what lies in the folder, how a run claims it, and what a stopped one leaves."""

import json
import subprocess
import sys
from dataclasses import replace

import fsspec
import numpy as np
import pandas as pd
import pyarrow.dataset
import pytest
from conftest import tone

from embedviz.errors import SetError
from embedviz.partcoordinates import write_projection
from embedviz.partitioned import open_partitioned
from embedviz.partitions import INDEX, Outcome, begin, finish, finished, part_name, part_of, parts
from embedviz.plans import planned
from embedviz.project import project
from embedviz.recordings import gather
from embedviz.storage import folder
from embedviz.store import read_set, write_set

ASKED = {"model": "logmel", "weights": {"a.h5": "0" * 64}, "hop": 0.48, "per": "window"}
ELSEWHERE = {"name": "../o/victim.parquet", "rows": 1, "recordings": 1, "seconds": 1.0}


@pytest.fixture(params=["path", "file://", "memory://"])
def place(request, tmp_path):
    """A folder that does not exist yet, on this disk and behind addresses."""
    if request.param == "path":
        yield folder(tmp_path / "deep" / "set.parquet")
    elif request.param == "file://":
        yield folder(f"file://{tmp_path}/deep/set.parquet")
    else:
        yield folder("memory://deep/set.parquet")
        fsspec.filesystem("memory").store.clear()


@pytest.fixture
def recordings(write_wav, tmp_path):
    for name in ("a.wav", "b.wav"):
        write_wav(f"clips/{name}", tone(440, 1.0))
    return gather([tmp_path / "clips"], unpack_to=tmp_path / "unpacked").recordings


def put(place, shard, found):
    """Write a part and give what became of its shard."""
    name = part_name(shard)
    with place.receive(name) as path:
        write_set(found, path)
    return Outcome(part_of(name, len(found), found.provenance), found.provenance.failures)


def with_failure(found):
    return replace(found, provenance=replace(found.provenance, failures={"x.wav": "x.wav: no."}))


def test_what_a_run_finished_is_listed(place, recordings, make_set):
    plan = planned(recordings, ASKED)
    begin(place, plan)
    made = [put(place, 0, make_set(8)), put(place, 1, with_failure(make_set(12)))]
    assert finished(place) == {part_name(n): outcome for n, outcome in enumerate(made)}
    finish(place, plan, parts=[one.part for one in made], failures={"x.wav": "x.wav: no."})

    found = parts(place.address)
    assert [(part.name, part.rows, part.recordings, part.seconds) for part in found.parts] == [
        ("part-00000.parquet", 8, 2, 4.8),
        ("part-00001.parquet", 12, 3, 7.2),
    ]
    assert found.rows == 20
    assert found.failures == {"x.wav": "x.wav: no."}
    assert found.asked == ASKED
    assert not [name for name in place.names() if name.startswith(".")]


def test_the_folder_is_one_table_to_other_programs(tmp_path, recordings, make_set):
    place = folder(tmp_path / "set.parquet")
    plan = planned(recordings, ASKED)
    begin(place, plan)
    made = [put(place, 0, make_set(8)), put(place, 1, make_set(12, seed=1))]
    finish(place, plan, parts=[one.part for one in made], failures={})
    assert len(pd.read_parquet(tmp_path / "set.parquet")) == 20
    assert pyarrow.dataset.dataset(tmp_path / "set.parquet").count_rows() == 20
    assert len(read_set(tmp_path / "set.parquet" / "part-00001.parquet")) == 12


def test_a_part_that_broke_off_is_not_there(place, recordings, make_set, tmp_path):
    begin(place, planned(recordings, ASKED))
    put(place, 0, make_set(8))
    write_set(make_set(8), tmp_path / "whole.parquet")
    whole = (tmp_path / "whole.parquet").read_bytes()
    place.write(part_name(1), whole[: len(whole) // 2])
    assert list(finished(place)) == [part_name(0)]


def test_nothing_appears_where_the_writing_fails(place, recordings):
    begin(place, planned(recordings, ASKED))

    def broken():
        with place.receive(part_name(0)) as path:
            if "://" in place.address:
                path.write_bytes(b"half")
            raise ValueError("the disk is full")

    with pytest.raises(ValueError, match="full"):
        broken()
    assert part_name(0) not in place.names()


def test_what_killed_writers_left_is_removed_in_the_end(place, recordings, make_set):
    plan = planned(recordings, ASKED)
    begin(place, plan)
    made = put(place, 0, make_set(8))
    place.write(".part-00001.parquet.x1.part", b"half")
    finish(place, plan, parts=[made.part], failures={})
    assert place.names() == (INDEX, "_plan.json", part_name(0))


def test_a_map_is_kept_only_while_no_part_was_computed_anew(place, recordings, make_set):
    plan = planned(recordings, ASKED)
    sets = [make_set(8), make_set(12, seed=1)]

    def mapped(plan=plan):
        made = finished(place).values()
        finish(place, plan, parts=[one.part for one in made], failures={})
        return open_partitioned(place.address).projection()

    begin(place, plan)
    for shard, one in enumerate(sets):
        put(place, shard, one)
    assert mapped() is None
    opened = open_partitioned(place.address)
    write_projection(opened, project(opened.embedding_set(), "pca"))
    places = open_partitioned(place.address).projection().coordinates
    np.testing.assert_array_equal(mapped().coordinates, places)
    index = place.read(INDEX)
    assert mapped(planned(recordings[:1], ASKED)) is None, "another plan"
    place.write(INDEX, index)
    put(place, 1, sets[1])
    assert mapped() is None, "a part was computed anew"
    place.write(INDEX, b"{")
    assert mapped() is None, "the index was damaged"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"hop": 0.96}, "its hop is 0.48, this one's 0.96"),
        ({"weights": {"a.h5": "1" * 64}}, "its weights differ"),
        ({"per": 2.0}, "its per is window, this one's 2.0"),
    ],
)
def test_another_run_in_the_same_folder_is_refused(place, recordings, change, words):
    begin(place, planned(recordings, ASKED))
    begin(place, planned(recordings, ASKED))
    with pytest.raises(SetError, match=words):
        begin(place, planned(recordings, {**ASKED, **change}))


def test_changed_recordings_and_labels_are_another_run(place, recordings, write_wav):
    begin(place, planned(recordings, ASKED))
    labelled = [replace(one, labels={"label": "bird"}) for one in recordings]
    for others in (recordings[:1], labelled):
        with pytest.raises(SetError, match="its recordings or their labels differ"):
            begin(place, planned(others, ASKED))
    write_wav("clips/a.wav", tone(880, 1.5))
    with pytest.raises(SetError, match="its recordings or their labels differ"):
        begin(place, planned(recordings, ASKED))


def test_parts_of_nobody_are_not_mixed_with_ours(place, recordings, make_set):
    put(place, 0, make_set(8))
    with pytest.raises(SetError, match="belong to no run"):
        begin(place, planned(recordings, ASKED))


def test_a_file_in_the_way_is_named(tmp_path, recordings):
    (tmp_path / "set.parquet").write_bytes(b"one file")
    with pytest.raises(SetError, match="is a file; a set in parts is a folder"):
        begin(folder(tmp_path / "set.parquet"), planned(recordings, ASKED))


def test_an_unfinished_set_says_what_to_do(place, recordings, make_set):
    with pytest.raises(SetError, match=f"holds no {INDEX}"):
        parts(place.address)
    begin(place, planned(recordings, ASKED))
    put(place, 0, make_set(8))
    with pytest.raises(SetError, match="not finished; start the command that writes it once more"):
        parts(place.address)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "damaged"),
        ("[1]", "damaged"),
        (json.dumps({"format": 1, "parts": [{"name": "a"}]}), "damaged"),
        (json.dumps({"format": 1, "parts": [ELSEWHERE], "failures": {}, "plan": ""}), "damaged"),
        (json.dumps({"format": 2}), "newer embedviz"),
    ],
)
def test_an_index_that_cannot_be_read_is_named(place, text, words):
    place.write(INDEX, text.encode())
    with pytest.raises(SetError, match=words):
        parts(place.address)


def test_an_address_that_nothing_here_reads_is_one_sentence():
    with pytest.raises(SetError, match="cannot be reached: Protocol not known"):
        parts("nowhere://bucket/set.parquet")


def test_paths_do_not_ask_for_fsspec(tmp_path):
    code = (
        "import sys; sys.modules['fsspec'] = None\n"
        "from embedviz.storage import folder\n"
        "place = folder(sys.argv[1]); place.write('_x', b'1')\n"
        "assert place.names() == ('_x',) and place.read('_x') == b'1'\n"
        "try: folder('s3://bucket/x')\n"
        "except Exception as error: print(error)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "set.parquet")],
        check=True,
        capture_output=True,
        text=True,
    )
    assert "pip install" in told.stdout
