"""Sets in parts: what is read of them, what is refused, and coordinates written into them."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from inparts import part, write_parts

from embedviz import partfiles
from embedviz.data import Projection
from embedviz.errors import SetError
from embedviz.folders import cache_folder
from embedviz.imports.opening import open_source
from embedviz.partcoordinates import write_projection
from embedviz.partitioned import open_partitioned
from embedviz.partitions import INDEX, PLAN, part_name
from embedviz.partsample import sampled_parts
from embedviz.project import project
from embedviz.projector.bundle import write_bundle
from embedviz.projector.sampling import sampled
from embedviz.store import read_set, write_set


class Stopped(Exception):
    """What a user who has seen enough raises."""


@pytest.fixture
def whole(make_set):
    return make_set(rows=40)


@pytest.fixture
def in_parts(whole, tmp_path):
    """A set of 40 rows in parts of 16, 12 and 12."""
    sets = [part(whole, slice(*ends)) for ends in ((0, 16), (16, 28), (28, 40))]
    return write_parts(tmp_path / "night.parquet", sets, {"dead.wav": "no."}, scratch=tmp_path)


def unpacked() -> list[str]:
    return sorted(path.name for path in (cache_folder() / "unpacked").rglob("*.npy"))


def test_a_set_in_parts_is_the_set_that_it_was_made_of(in_parts, whole):
    found = read_set(in_parts)
    pd.testing.assert_frame_equal(found.table, whole.table)
    np.testing.assert_array_equal(found.vectors, whole.vectors)
    np.testing.assert_array_equal(found.thumbnails, whole.thumbnails)
    assert found.provenance == replace(whole.provenance, failures={"dead.wav": "no."})
    assert list(found.provenance.recordings) == list(dict.fromkeys(whole.table["recording"]))


@pytest.mark.parametrize("address", ["memory://lazy/night.parquet", "file://{folder}/url.parquet"])
def test_an_address_is_read_like_a_folder(whole, tmp_path, address):
    pytest.importorskip("fsspec")
    address = address.format(folder=tmp_path)
    sets = [part(whole, slice(0, 20)), part(whole, slice(20, 40))]
    found = read_set(write_parts(address, sets, scratch=tmp_path))
    np.testing.assert_array_equal(found.vectors, whole.vectors)
    pd.testing.assert_frame_equal(found.table, whole.table)


def test_vectors_stay_on_the_disk_and_are_unpacked_once(in_parts, monkeypatch):
    def mapped(array):
        while array is not None and not isinstance(array, np.memmap):
            array = array.base
        return array is not None

    first = read_set(in_parts)
    assert mapped(first.vectors)
    assert mapped(first.thumbnails)
    assert unpacked() == ["thumbnails.npy", "vectors.npy"]
    monkeypatch.setattr(partfiles, "vectors", pytest.fail)
    np.testing.assert_array_equal(read_set(in_parts).vectors, first.vectors)


def test_a_damaged_or_older_copy_is_unpacked_again(in_parts, whole, tmp_path):
    read_set(in_parts)
    copies = sorted((cache_folder() / "unpacked").rglob("*.npy"))
    for copy in copies:
        copy.write_bytes(copy.read_bytes()[:-8])
    np.testing.assert_array_equal(read_set(in_parts).vectors, whole.vectors)
    doubled = replace(whole, vectors=whole.vectors * 2)
    write_set(part(doubled, slice(0, 16)), in_parts / part_name(0))
    found = read_set(in_parts).vectors
    np.testing.assert_array_equal(found[:16], 2 * whole.vectors[:16])
    np.testing.assert_array_equal(found[16:], whole.vectors[16:])
    assert unpacked() == ["thumbnails.npy", "vectors.npy"], "the older state is deleted"


def test_opening_reads_no_rows_and_columns_only_what_is_asked_for(in_parts, whole, monkeypatch):
    asked = []
    table = partfiles.table
    monkeypatch.setattr(
        partfiles, "table", lambda *a, columns: asked.append(columns) or table(*a, columns=columns)
    )
    found = open_partitioned(in_parts)
    assert (found.rows, found.dims, found.failures) == (40, 16, {"dead.wav": "no."})
    assert found.column_names == tuple(whole.table.columns)
    assert asked == []
    pd.testing.assert_frame_equal(found.columns(["label"]), whole.table[["label"]])
    assert asked == [["label"]] * 3
    assert unpacked() == []
    with pytest.raises(SetError, match=r"has no column 'species'; it has recording, start_s"):
        found.columns(["species"])


def test_the_folder_is_one_table_to_other_programs(in_parts, whole):
    assert ds.dataset(in_parts).count_rows() == 40
    assert list(pd.read_parquet(in_parts)["recording"]) == list(whole.table["recording"])


def test_a_part_without_labels_has_empty_ones(whole, tmp_path):
    second = part(whole, slice(20, 40), label_columns=())
    second = replace(second, table=second.table.drop(columns="label"))
    sets = [part(whole, slice(0, 20)), second]
    for order in (sets, sets[::-1]):
        found = read_set(write_parts(tmp_path / "night.parquet", order, scratch=tmp_path))
        assert list(found.table.columns) == list(whole.table.columns)
        assert sorted(set(found.table["label"])) == ["", *sorted(set(whole.table["label"]))]
        assert found.label_columns == ("label",)


@pytest.mark.parametrize(
    ("labels", "read"),
    [
        (np.arange(20), [str(n) for n in range(20)]),
        (pd.Categorical(["a", "b"] * 10), ["a", "b"] * 10),
        (pd.Categorical([1, None] * 10), ["1", ""] * 10),
        ([None] * 20, [""] * 20),
        ([np.nan] * 20, [""] * 20),
        (["a", None] * 10, ["a", ""] * 10),
    ],
    ids=["numbers", "categories", "numbered categories", "none", "nan", "some"],
)
def test_labels_of_any_kind_stand_beside_text_or_none(whole, tmp_path, labels, read):
    first, second, third = (
        part(whole, slice(n, n + rows)) for n, rows in ((0, 8), (8, 20), (28, 12))
    )
    second = replace(second, table=second.table.assign(label=labels))
    third = replace(third, table=third.table.drop(columns="label"))
    where = write_parts(tmp_path / "n.parquet", [second, first, third], scratch=tmp_path)
    wanted = [*read, *whole.table["label"][:8], *[""] * 12]
    opened = open_partitioned(where)
    assert list(opened.columns(["label"])["label"]) == wanted
    assert list(opened.embedding_set().table["label"]) == wanted
    assert list(sampled_parts(opened, 99).table["label"]) == wanted
    assert len(sampled_parts(opened, 10)) == 10


def test_columns_that_do_not_fit_are_one_sentence(whole, tmp_path):
    first, second = part(whole, slice(0, 20)), part(whole, slice(20, 40))
    second = replace(second, table=second.table.assign(padding_s="long"))
    where = write_parts(tmp_path / "night.parquet", [first, second], scratch=tmp_path)
    for read in (read_set, lambda where: sampled_parts(open_partitioned(where), 99)):
        with pytest.raises(SetError, match="has parts whose columns do not fit"):
            read(where)


def test_parts_without_rows_are_one_sentence(whole, tmp_path):
    empty = part(whole, slice(0, 0))
    where = write_parts(tmp_path / "night.parquet", [empty, empty], scratch=tmp_path)
    for read in (read_set, lambda where: sampled_parts(open_partitioned(where), 10)):
        with pytest.raises(SetError, match="has no parts with rows"):
            read(where)
    mixed = write_parts(
        tmp_path / "m.parquet", [empty, part(whole, slice(0, 40))], scratch=tmp_path
    )
    np.testing.assert_array_equal(read_set(mixed).vectors, whole.vectors)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model": "vggish"}, "model vggish and logmel"),
        ({"precision": "bfloat16"}, "precision bfloat16 and float32"),
        ({"hop_s": 0.1}, "hop_s 0.1 and 0.48"),
        ({"weights": {"a": "1"}}, "weights"),
    ],
)
def test_parts_of_other_models_or_settings_are_refused(whole, tmp_path, changes, said):
    sets = [part(whole, slice(0, 20)), part(whole, slice(20, 40), **changes)]
    where = write_parts(tmp_path / "night.parquet", sets, scratch=tmp_path)
    with pytest.raises(SetError, match=rf"part-00001.* and part-00000.* have {said}") as told:
        read_set(where)
    assert str(told.value).count(". ") == 0
    assert unpacked() == []


def test_parts_of_another_width_or_without_pictures_are_refused(make_set, whole, tmp_path):
    for other in (make_set(rows=20, dims=8), replace(part(whole, slice(20, 40)), thumbnails=None)):
        where = write_parts(
            tmp_path / "night.parquet", [part(whole, slice(0, 20)), other], scratch=tmp_path
        )
        with pytest.raises(SetError, match="dimensions 8 and 16|thumbnails None and"):
            read_set(where)


def test_an_unfinished_run_is_refused_and_read_only_if_asked(in_parts, whole):
    (in_parts / INDEX).unlink()
    (in_parts / PLAN).write_text('{"format": 1, "plan": "x"}')
    with pytest.raises(SetError, match="is not finished; start the command"):
        read_set(in_parts)
    (in_parts / part_name(2)).write_bytes(b"PAR1 broken off")
    found = open_partitioned(in_parts, unfinished="read").embedding_set()
    np.testing.assert_array_equal(found.vectors, whole.vectors[:28])


def test_a_missing_broken_or_exchanged_part_is_one_sentence(in_parts, whole, tmp_path):
    kept = (in_parts / part_name(1)).read_bytes()
    for content, said in ((None, "missing"), (b"PAR1", "can be read"), (b"", "can be read")):
        (in_parts / part_name(1)).unlink()
        if content is not None:
            (in_parts / part_name(1)).write_bytes(content)
        with pytest.raises(SetError, match=f"part-00001.parquet is .*{said}"):
            read_set(in_parts)
        (in_parts / part_name(1)).write_bytes(kept)
    write_set(part(whole, slice(0, 8)), in_parts / part_name(1))
    with pytest.raises(SetError, match=f"part-00001.parquet has 8 rows where {INDEX} says 12"):
        read_set(in_parts)


def test_a_full_disk_is_told_before_anything_is_written(in_parts, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Disk", (), {"free": 10}))
    with pytest.raises(SetError, match=r"needs 0\.0 GB for vectors in .*EMBEDVIZ_CACHE"):
        read_set(in_parts)
    assert unpacked() == []


def test_unpacking_can_be_stopped_and_leaves_nothing(in_parts):
    def stop(done, total):
        assert (done, total) == (16, 40)
        raise Stopped

    with pytest.raises(Stopped):
        open_partitioned(in_parts).vectors(stop)
    assert [path for path in (cache_folder() / "unpacked").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("dims", [2, 3])
def test_project_writes_coordinates_into_every_part(embedviz_command, in_parts, whole, dims):
    command = "project", in_parts, "--method", "pca", "--dims", dims
    said = embedviz_command(*command)
    assert f"40 rows projected by pca, {dims}-D; the axes explain" in said.out
    made = read_set(in_parts).projection
    single = in_parts.with_name("single.parquet")
    write_set(whole, single)
    embedviz_command("project", single, *command[2:])
    expected = read_set(single).projection
    np.testing.assert_allclose(made.coordinates, expected.coordinates, atol=1e-5)
    assert (made.method, made.settings) == (expected.method, expected.settings)
    stored = [
        json.loads(pq.read_schema(in_parts / part_name(i)).metadata[b"embedviz"]) for i in range(3)
    ]
    index = json.loads((in_parts / INDEX).read_bytes())
    assert [one["projection"] for one in stored] == [index["projection"]] * 3
    assert list(pd.read_parquet(in_parts).columns) == list(pd.read_parquet(single).columns)
    read = read_set(in_parts / part_name(1))
    np.testing.assert_array_equal(read.projection.coordinates, made.coordinates[16:28])
    np.testing.assert_array_equal(read.thumbnails, whole.thumbnails[16:28])


def test_projecting_again_replaces_and_keeps_what_was_unpacked(
    embedviz_command, in_parts, monkeypatch
):
    embedviz_command("project", in_parts, "--method", "pca", "--dims", 3)
    monkeypatch.setattr(partfiles, "vectors", pytest.fail)
    embedviz_command("project", in_parts, "--method", "pca")
    assert read_set(in_parts).projection.dims == 2
    assert "z" not in pd.read_parquet(in_parts).columns


def test_coordinates_go_elsewhere_and_to_addresses(embedviz_command, in_parts, tmp_path):
    pytest.importorskip("fsspec")
    before = {path.name: path.read_bytes() for path in in_parts.iterdir()}
    address = "memory://lazy/mapped.parquet"
    embedviz_command("project", in_parts, "--method", "pca", "--out", address)
    assert {path.name: path.read_bytes() for path in in_parts.iterdir()} == before
    first = read_set(address).projection
    assert first.dims == 2
    embedviz_command("project", address, "--method", "pca", "--dims", 3)
    assert read_set(address).projection.dims == 3
    said = embedviz_command("project", in_parts, "--method", "pca", "--out", address, status=1)
    assert "holds something already; choose another --out" in said.err


def test_a_set_whose_parts_were_being_rewritten_has_no_map(in_parts, whole):
    write_projection(open_partitioned(in_parts), project(whole, "pca"))

    def stop(done, total):
        raise Stopped

    with pytest.raises(Stopped):
        write_projection(open_partitioned(in_parts), project(whole, "pca", dims=3), progress=stop)
    found = read_set(in_parts)
    assert found.projection is None
    pd.testing.assert_frame_equal(found.table, whole.table)


def test_export_writes_a_sample_of_a_set_in_parts(embedviz_command, in_parts, tmp_path):
    embedviz_command("project", in_parts, "--method", "pca")
    out = tmp_path / "x.zip"
    said = embedviz_command("export", in_parts, "--sample", 20, "--out", out)
    assert "20 of 40 windows" in said.out
    embedviz_command("validate", out)
    whole_bundle = write_bundle({"logmel": read_set(in_parts)}, tmp_path / "bundle")
    assert len((whole_bundle / "tensors.bytes").read_bytes()) == 40 * 16 * 4


def test_a_folder_without_a_set_is_one_sentence(embedviz_command, tmp_path):
    (tmp_path / "empty.parquet").mkdir()
    for command in (["project"], ["export", "--out", tmp_path / "out"]):
        said = embedviz_command(*command, tmp_path / "empty.parquet", status=1)
        assert said.err.count("\n") == 1
        assert INDEX in said.err
    said = embedviz_command("validate", tmp_path / "empty.parquet", status=1)
    assert "error" in said.out + said.err


def test_import_makes_one_file_of_the_parts(in_parts, whole, tmp_path, embedviz_command):
    said = embedviz_command("import", in_parts, "--out", tmp_path / "one" / "night.parquet")
    assert "40 rows of 16" in said.out
    one = read_set(tmp_path / "one" / "night.parquet")
    np.testing.assert_array_equal(one.vectors, whole.vectors)
    assert one.provenance.failures == {"dead.wav": "no."}


def test_a_sample_of_the_parts_is_that_of_the_whole_set_and_unpacks_nothing(
    in_parts, whole, monkeypatch
):
    monkeypatch.setattr("embedviz.unpacked.Shelf.array", pytest.fail)
    told = []
    found = sampled_parts(open_partitioned(in_parts), 10, lambda *so_far: told.append(so_far))
    wanted = sampled(whole, 10)
    pd.testing.assert_frame_equal(found.table, wanted.table)
    np.testing.assert_array_equal(found.vectors, wanted.vectors)
    np.testing.assert_array_equal(found.thumbnails, wanted.thumbnails)
    assert found.provenance.sampled_from == 40
    assert set(found.provenance.recordings) == set(wanted.table["recording"])
    assert found.provenance.failures == {"dead.wav": "no."}
    assert told == [(16, 40), (28, 40), (40, 40)]


def test_a_sample_keeps_the_shares_of_the_column_named_label(whole, tmp_path):
    sites = replace(
        whole,
        table=whole.table.assign(site=[f"site {n % 3}" for n in range(40)]),
        provenance=replace(whole.provenance, label_columns=("site", "label")),
    )
    halves = [part(sites, slice(0, 20)), part(sites, slice(20, 40))]
    where = write_parts(tmp_path / "night.parquet", halves, scratch=tmp_path)
    found = sampled_parts(open_partitioned(where), 10)
    np.testing.assert_array_equal(found.vectors, sampled(sites, 10).vectors)


def test_a_sample_keeps_its_places_on_the_map(in_parts, whole):
    opened = open_partitioned(in_parts)
    write_projection(opened, project(opened.embedding_set(), "pca"))
    places = open_partitioned(in_parts).projection().coordinates
    found = sampled_parts(open_partitioned(in_parts), 10)
    rows = [np.flatnonzero((whole.vectors == vector).all(axis=1)) for vector in found.vectors]
    np.testing.assert_array_equal(found.projection.coordinates, places[np.concatenate(rows)])


def test_a_sample_of_more_rows_than_there_are_is_all_of_them(in_parts, whole):
    found = sampled_parts(open_partitioned(in_parts), 41)
    pd.testing.assert_frame_equal(found.table, whole.table)
    assert found.provenance.sampled_from is None


def test_a_sample_of_one_file_reads_it_a_row_group_at_a_time(whole, tmp_path, monkeypatch):
    places = np.arange(80, dtype=np.float32).reshape(40, 2)
    whole = whole.with_projection(Projection("pca", places, {}, (0.5, 0.25)))
    monkeypatch.setattr("embedviz.store.ROW_GROUP", 16)
    write_set(whole, tmp_path / "night.parquet")
    monkeypatch.setattr("embedviz.store.pq.read_table", pytest.fail)
    (found,) = open_source(tmp_path / "night.parquet", sample=10).values()
    wanted = sampled(whole, 10)
    pd.testing.assert_frame_equal(found.table, wanted.table)
    np.testing.assert_array_equal(found.vectors, wanted.vectors)
    np.testing.assert_array_equal(found.thumbnails, wanted.thumbnails)
    np.testing.assert_array_equal(found.projection.coordinates, wanted.projection.coordinates)
    assert found.provenance.sampled_from == 40
    (all_of_it,) = open_source(tmp_path / "night.parquet", sample=40).values()
    assert all_of_it.provenance == whole.provenance
    np.testing.assert_array_equal(all_of_it.vectors, whole.vectors)
