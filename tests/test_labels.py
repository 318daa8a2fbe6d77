"""Labels come from folders or from whatever table the user has."""

from __future__ import annotations

from pathlib import Path
from time import process_time
from uuid import UUID

import numpy as np
import pytest

from embedviz.data import RESERVED_COLUMNS, Recording
from embedviz.errors import LabelsError
from embedviz.labels import from_folders, from_table

ESC_50 = """filename,fold,target,category,esc10,src_file,take
1-100032-A-0.wav,1,0,dog,True,100032,A
1-100038-A-14.wav,1,14,chirping_birds,False,100038,A
1-100210-A-36.wav,1,36,vacuum_cleaner,False,100210,A
1-100210-B-36.wav,1,36,vacuum_cleaner,False,100210,B
"""
ESC_50_NAMES = [line.split(",")[0] for line in ESC_50.splitlines()[1:]]


def recordings(*names: str) -> list[Recording]:
    return [Recording(name, Path("/sounds") / name, 5.0, 44100, 1) for name in names]


@pytest.fixture
def write_table(tmp_path):
    def write(text: str, encoding: str = "utf-8", name: str = "labels.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return write


def test_a_recording_is_labelled_with_the_folder_in_its_name():
    (labelled,) = from_folders(recordings("site 4/owl/owl-01.flac"))
    assert labelled.labels == {"label": "owl"}


def test_a_recording_added_by_itself_is_labelled_with_the_folder_on_disk(tmp_path):
    alone = Recording("owl-01.flac", tmp_path / "owl" / "owl-01.flac", 1.0, 16000, 1)
    assert from_folders([alone])[0].labels == {"label": "owl"}


def test_the_esc_50_table_works_as_it_is(write_table):
    labelled = from_table(write_table(ESC_50), recordings(*reversed(ESC_50_NAMES)))
    assert labelled.columns == ("label", "fold", "target", "esc10", "src_file", "take")
    assert labelled.unmatched == ()
    assert [r.name for r in labelled.recordings] == ESC_50_NAMES[::-1]
    assert labelled.recordings[-1].labels == {
        "label": "dog",
        "fold": "1",
        "target": "0",
        "esc10": "True",
        "src_file": "100032",
        "take": "A",
    }


def test_a_number_that_only_begins_a_file_name_names_no_recording(write_table):
    labelled = from_table(write_table(ESC_50), recordings("1-100210-B-36.wav", "100210.wav"))
    assert labelled.unmatched == ("100210.wav",)


@pytest.mark.parametrize(
    "item", ["007", "64486", str(UUID(int=2**100 + 7)), "rec.2020.01", "Ärztin-é"]
)
def test_a_bird_table_names_recordings_without_their_extension(write_table, item):
    table = write_table(f"itemid,hasbird\n{item},1\n7,0\n")
    labelled = from_table(table, recordings(f"wav/{item}.wav", "other.wav"))
    assert labelled.columns == ("label",)
    assert [r.labels for r in labelled.recordings] == [{"label": "1"}, {"label": ""}]
    assert labelled.unmatched == ("other.wav",)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("owl/01.wav", "owl/01.wav"),
        ("OWL\\01.WAV", "owl/01.wav"),
        ("./owl/01.wav", "owl/01.wav"),
        ("owl/01", "owl/01.wav"),
        ("/home/ada/data/owl/01.wav", "owl/01.wav"),
        ("C:\\data\\owl\\01.flac", "owl/01.wav"),
        ("01.wav", "owl/01.wav"),
        (" 01.wav ", "owl/01.wav"),
        ("01.mp3", "owl/01.wav"),
        ("a/b/c/01.wav", "01.wav"),
        ("cafe\u0301.wav", "caf\u00e9.wav"),
    ],
)
def test_a_path_may_be_written_in_many_ways(write_table, written, name):
    labelled = from_table(write_table(f"file,species\n{written},owl\n"), recordings(name))
    assert labelled.recordings[0].labels == {"label": "owl"}


def test_equal_file_names_in_different_folders_keep_their_own_labels(write_table):
    table = write_table("path,species\ndata/a/01.wav,owl\ndata/b/01.wav,wren\n")
    labelled = from_table(table, recordings("b/01.wav", "a/01.wav", "c/01.wav"))
    assert [r.labels["label"] for r in labelled.recordings] == ["wren", "owl", ""]


def test_a_bare_name_labels_every_copy_of_a_recording(write_table):
    table = write_table("id,species\n01,owl\n")
    labelled = from_table(table, recordings("flac/01.flac", "mp3/01.mp3"))
    assert [r.labels["label"] for r in labelled.recordings] == ["owl", "owl"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
def test_every_common_kind_of_table_is_read(write_table, delimiter, encoding):
    rows = [("filename", "species", "note"), ("1.wav", "Eisvögel", '"a, b; c"')]
    text = "\r\n".join(delimiter.join(row) for row in rows)
    labelled = from_table(write_table(text, encoding), recordings("1.wav"))
    assert labelled.recordings[0].labels == {"label": "Eisvögel", "note": "a, b; c"}


def test_decimal_commas_do_not_split_a_semicolon_table(write_table):
    table = write_table("file;level\n1.wav;-3,5\n2.wav;-4,5\n")
    assert from_table(table, recordings("1.wav")).recordings[0].labels == {"label": "-3,5"}


def test_words_like_na_stay_words(write_table):
    table = write_table("file,species,island\n1.wav,NA,None\n2.wav,nan,\n3.wav,kea\n")
    labelled = from_table(table, recordings("1.wav", "2.wav", "3.wav"))
    assert [r.labels["label"] for r in labelled.recordings] == ["NA", "nan", "kea"]
    assert [r.labels["island"] for r in labelled.recordings] == ["None", "", ""]


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("file,fold,label", ("label", "fold")),
        ("file,category,Label", ("label", "category")),
        ("file,type,species", ("label", "type")),
        ("file,Call_Type,fold", ("label", "fold")),
        ("file,x,recording,label", ("label", "x_label", "recording_label")),
        ("file,,label,label", ("label", "column_2", "label_2")),
        ("file,a,a,a,label", ("label", "a", "a_2", "a_3")),
    ],
)
def test_the_label_column_comes_first_and_names_are_free_to_use(write_table, header, columns):
    row = ",".join(["1.wav", *map(str, range(len(header.split(",")) - 1))])
    labelled = from_table(write_table(f"{header}\n{row}\n"), recordings("1.wav"))
    assert labelled.columns == columns
    assert not set(labelled.columns) & set(RESERVED_COLUMNS)
    assert tuple(labelled.recordings[0].labels) == columns


def test_without_a_known_name_the_first_column_of_varied_text_is_the_label(write_table):
    table = write_table("file,year,project,who\n1.wav,2020,owls,ada\n2.wav,2021,owls,bob\n")
    labelled = from_table(table, recordings("1.wav", "2.wav"))
    assert labelled.columns == ("label", "year", "project")
    assert [r.labels["label"] for r in labelled.recordings] == ["ada", "bob"]


def test_the_labels_of_a_table_replace_those_of_folders(write_table):
    labelled = from_table(
        write_table("file,species,year\n1.wav,owl,2020\n"), from_folders(recordings("a/1.wav"))
    )
    assert labelled.recordings[0].labels == {"label": "owl", "year": "2020"}


def test_a_row_may_be_repeated(write_table):
    table = write_table("file,species\n1.wav,owl\n1.wav,owl\n1.WAV,owl\n")
    assert from_table(table, recordings("1.wav")).recordings[0].labels == {"label": "owl"}


def test_rows_that_contradict_each_other_are_refused_by_name(write_table):
    table = write_table("file,species\n1.wav,owl\n2.wav,owl\n2.wav,wren\n")
    with pytest.raises(LabelsError, match=r"'owl' and 'wren' in its column 'label' for 2\.wav"):
        from_table(table, recordings("1.wav", "2.wav"))


def test_contradictions_about_other_recordings_do_no_harm(write_table):
    table = write_table("file,species\n1.wav,owl\n2.wav,owl\n2.wav,wren\n")
    assert from_table(table, recordings("1.wav")).unmatched == ()


def test_a_table_of_other_recordings_is_refused_with_an_example_of_both(write_table):
    table = write_table("file,species\nnight-1.wav,owl\nnight-2.wav,owl\n")
    with pytest.raises(LabelsError, match=r"'night-1\.wav', where .* 'day-1\.wav'"):
        from_table(table, recordings("day-1.wav"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "holds no text"),
        (" \n\n", "holds no text"),
        ("PK\x03\x04\0\0", "holds no text"),
        ("file\n1.wav\n", "1 columns"),
        ("file,species\n", "1 lines"),
        ("file,species\n1.wav,owl,2,3\n", "not a regular table: Expected 2 fields in line 2"),
        ('file,species\n1.wav,"owl\n', "not a regular table"),
        ("1.wav,owl\n2.wav,wren\n", "wanted a first line that names the columns"),
    ],
)
def test_what_is_no_table_of_labels_is_refused_with_the_reason(write_table, text, reason):
    with pytest.raises(LabelsError, match=reason):
        from_table(write_table(text), recordings("1.wav", "2.wav"))


def test_a_table_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(LabelsError, match=r"gone\.csv cannot be read: No such file"):
        from_table(tmp_path / "gone.csv", recordings("1.wav"))


def test_a_table_without_recordings_labels_nothing(write_table):
    with pytest.raises(LabelsError, match="no recordings"):
        from_table(write_table(ESC_50), [])


def test_ten_thousand_recordings_find_their_rows_among_a_hundred_thousand_at_once(write_table):
    rng = np.random.default_rng(0)
    rows = [f"audio/{i:06d}.wav,{i % 5},{i % 50},kind {i % 50}" for i in range(100_000)]
    table = write_table("\n".join(["filename,fold,target,category", *rows]))
    chosen = rng.choice(100_000, 10_000, replace=False)
    started = process_time()
    labelled = from_table(table, recordings(*(f"{i:06d}.flac" for i in chosen)))
    assert process_time() - started < 5
    assert [r.labels["target"] for r in labelled.recordings] == [str(i % 50) for i in chosen]


@pytest.mark.shared
def test_the_real_clips_are_labelled_by_their_folders(shared):
    folder = shared / "audio" / "esc10"
    clips = sorted(folder.glob("*/*.ogg"))
    names = [clip.relative_to(folder).as_posix() for clip in clips]
    labelled = from_folders(
        [Recording(n, p, 5.0, 44100, 1) for n, p in zip(names, clips, strict=True)]
    )
    labels = [r.labels["label"] for r in labelled]
    assert {label: labels.count(label) for label in labels} == dict.fromkeys(labels, 24)
    assert len(set(labels)) == 10


@pytest.mark.shared
def test_a_table_of_the_wav_originals_labels_the_real_ogg_clips(shared, write_table):
    clips = sorted((shared / "audio" / "esc10").glob("*/*.ogg"))
    lines = [f"{c.stem}.wav,{c.stem[0]},{c.parent.name},{c.stem.split('-')[1]}" for c in clips]
    table = write_table("\n".join(["filename,fold,category,src_file", *lines]))
    labelled = from_table(table, recordings(*(clip.name for clip in clips)))
    assert labelled.columns == ("label", "fold", "src_file")
    assert [r.labels["label"] for r in labelled.recordings] == [c.parent.name for c in clips]
