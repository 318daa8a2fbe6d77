"""`embedviz evaluate`: what it writes, what it says, and what it refuses."""

from __future__ import annotations

import hashlib
import html
import json
import shlex
from dataclasses import replace

import evaluations
import numpy as np
import pandas as pd
import pytest

from embedviz.cli_evaluate import PARTS, PROBES, summary, titles
from embedviz.data import Projection, Source
from embedviz.evaluation import evaluate, results
from embedviz.store import read_set, write_set

QUICK = [arg for part in PARTS for arg in ("--without", part)]


@pytest.fixture
def files(make_set, tmp_path, monkeypatch):
    """A set of log-mel and one of YAMNet whose vectors say nothing, of the same recordings."""
    monkeypatch.chdir(tmp_path)
    good = make_set(rows=96, classes=2)
    names = good.table["recording"].unique()
    sources = {
        name: Source(name, hashlib.sha256(name.encode()).hexdigest(), 2.4, 16000, 1)
        for name in names
    }
    good = replace(good, provenance=replace(good.provenance, recordings=sources))
    noise = np.random.default_rng(1).normal(size=good.vectors.shape).astype(np.float32)
    other = replace(good.provenance, model="yamnet", verified=False, weights={"y.h5": "ab" * 32})
    write_set(good, tmp_path / "logmel.parquet")
    write_set(replace(good, vectors=noise, provenance=other), tmp_path / "yamnet.parquet")
    return ["logmel.parquet", "yamnet.parquet"]


def test_the_report_is_written_and_its_command_repeats_it(embedviz_command, files, tmp_path):
    said = embedviz_command(
        "evaluate", *files, "--label", "label", "--seed", 7, *QUICK, "--out", "night 1.html"
    )
    assert not said.err
    lines = said.out.splitlines()
    found = json.loads((tmp_path / "night 1.json").read_text())
    best = max(found["probed"], key=lambda one: one["scores"]["accuracy"]["value"])
    assert "log" in best["model"].lower()
    assert best["scores"]["accuracy"]["value"] > 0.95
    assert [line for line in lines if line.startswith(best["model"]) and "100.0 %" in line]
    assert said.out.count("YAMNet, unverified weights was made with weights") == 1
    written = [line.removesuffix(" written") for line in lines if line.endswith(" written")]
    assert written == [
        "night 1.html", "night 1.json", "night 1-scores.csv", "night 1-predictions.csv",
        "night 1-confusion.csv",
    ]  # fmt: skip
    made = found.pop("made")
    sums = {one["file"]: one["sha256"] for one in made["sets"].values()}
    assert sums == {
        name: hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in files
    }
    page = (tmp_path / "night 1.html").read_text()
    assert made["command"] in html.unescape(page)
    (tmp_path / "night 1.json").unlink()
    embedviz_command(*shlex.split(made["command"])[1:])
    again = json.loads((tmp_path / "night 1.json").read_text())
    assert again.pop("made")["command"] == made["command"]
    assert again == found


def test_columns_are_written_on_request(embedviz_command, files, tmp_path):
    one = read_set(tmp_path / "logmel.parquet")
    mapped = one.with_projection(Projection("umap", one.vectors[:, :2].copy(), {}))
    write_set(mapped, tmp_path / "logmel.parquet")
    said = embedviz_command(
        "evaluate", "logmel.parquet", "--label", "label", "--probe", "nearest", *QUICK,
        "--write-columns", "--out", "report.html",
    )  # fmt: skip
    columns = "cluster, map_kept_neighbours, map_trustworthiness, map_continuity"
    assert f"logmel.parquet: columns {columns}" in said.out
    frame = pd.read_parquet(tmp_path / "logmel.parquet")
    assert set(columns.split(", ")) <= set(frame)
    numbers = json.loads((tmp_path / "report.json").read_text())
    assert {one["probe"] for one in numbers["probed"]} == {"nearest"}
    after = read_set(tmp_path / "logmel.parquet")
    np.testing.assert_array_equal(after.vectors, one.vectors)


def test_the_report_names_the_checksums_of_the_files_as_their_columns_left_them(
    embedviz_command, files, tmp_path
):
    before = sums(tmp_path, files)
    ask = ["evaluate", *files, "--label", "label", "--probe", "nearest", *QUICK]
    embedviz_command(*ask, "--write-columns", "--out", "r.html")
    found = json.loads((tmp_path / "r.json").read_text())
    made = found.pop("made")
    assert {one["file"]: one["sha256"] for one in made["sets"].values()} == sums(tmp_path, files)
    assert not set(before.values()) & set(sums(tmp_path, files).values())
    assert all(one in (tmp_path / "r.html").read_text() for one in sums(tmp_path, files).values())
    words = shlex.split(made["command"])
    assert "--write-columns" in words
    # What was written is not evaluated: repeated, all is the same, the files too.
    embedviz_command(*words[1:])
    again = json.loads((tmp_path / "r.json").read_text())
    remade = again.pop("made")
    assert again == found
    assert (remade["command"], remade["sets"]) == (made["command"], made["sets"])
    embedviz_command(*ask, "--out", "without.html")
    assert "--write-columns" not in (tmp_path / "without.html").read_text()


def sums(folder, files):
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in files}


def test_columns_that_cannot_be_had_cost_no_report(embedviz_command, files, tmp_path):
    for name in files:
        one = read_set(tmp_path / name)
        one.table.loc[:3, "label"] = ""
        vectors = one.vectors.copy()
        vectors[:4] = np.nan if name == "yamnet.parquet" else 0
        write_set(replace(one, vectors=vectors), tmp_path / name)
    said = embedviz_command(
        "evaluate", *files, "--label", "label", "--probe", "nearest", "--pool", "window", *QUICK,
        "--write-columns", "--out", "r.html", status=1,
    )  # fmt: skip
    assert said.err.count("\n") == 1
    assert "4 of 96 vectors hold NaN" in said.err
    assert "logmel.parquet: columns cluster\n" in said.out
    assert "r.html written" in said.out
    assert "yamnet.parquet: columns" not in said.out
    made = json.loads((tmp_path / "r.json").read_text())["made"]
    assert {one["file"]: one["sha256"] for one in made["sets"].values()} == sums(tmp_path, files)


def test_labels_are_never_replaced_by_columns_and_own_columns_are(
    embedviz_command, files, tmp_path
):
    one = read_set(tmp_path / "logmel.parquet")
    own = {"cluster": one.table["label"], "cluster_2": "by hand"}
    labels = ("label", *own)
    made = replace(one.provenance, label_columns=labels)
    write_set(replace(one, table=one.table.assign(**own), provenance=made), tmp_path / files[0])
    ask = ["evaluate", "logmel.parquet", "--label", "cluster", "--probe", "nearest", *QUICK]
    for _ in range(2):
        said = embedviz_command(*ask, "--write-columns", "--out", "report.html")
        assert "logmel.parquet: columns cluster_3\n" in said.out
    after = read_set("logmel.parquet")
    assert after.label_columns == labels
    assert after.table["cluster"].tolist() == one.table["label"].tolist()
    assert set(after.table["cluster_2"]) == {"by hand"}
    assert after.table["cluster_3"].str.contains("cluster").all()
    assert set(after.table) == {*one.table, *own, "cluster_3"}


def test_columns_of_a_set_in_parts_are_refused_before_any_work(
    embedviz_command, files, tmp_path, monkeypatch
):
    (tmp_path / "my night").mkdir()
    monkeypatch.setattr("embedviz.store.read_set", lambda path: pytest.fail("The work began."))
    said = embedviz_command(
        "evaluate", "logmel.parquet", "my night", "--label", "label", "--write-columns",
        "--out", "r.html", status=1,
    )  # fmt: skip
    assert said.err.count("\n") == 1
    assert "my night, a set in parts" in said.err
    assert "`embedviz import 'my night' --out FILE.parquet`" in said.err


def test_the_command_of_a_file_whose_name_begins_with_a_dash_repeats_it(
    embedviz_command, files, tmp_path
):
    (tmp_path / "logmel.parquet").rename(tmp_path / "-dash.parquet")
    options = ["--label", "label", "--probe", "nearest", *QUICK, "--out", "r.html"]
    embedviz_command("evaluate", *options, "--", "-dash.parquet")
    found = json.loads((tmp_path / "r.json").read_text())["made"]
    assert found["command"].startswith("embedviz evaluate ./-dash.parquet --label label")
    embedviz_command(*shlex.split(found["command"])[1:])


def test_a_part_that_cannot_be_had_is_a_note_and_the_report_is_written(
    embedviz_command, files, tmp_path
):
    one = read_set(tmp_path / "logmel.parquet")
    one.table.loc[:3, "label"] = ""
    vectors = one.vectors.copy()
    vectors[:4] = np.nan
    write_set(replace(one, vectors=vectors), tmp_path / "logmel.parquet")
    without = [arg for part in PARTS if part != "trust" for arg in ("--without", part)]
    said = embedviz_command(
        "evaluate", "logmel.parquet", "--label", "label", "--probe", "nearest", *without,
        "--out", "r.html",
    )  # fmt: skip
    assert ": the trust of the map was left out: 4 of 96 vectors hold NaN" in said.out
    assert (tmp_path / "r.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["logmel.parquet", "--label", "species", "--out", "r.html"], "species"),
        (["logmel.parquet", "--label", "label", "--out", "r.pdf"], ".html"),
        (["gone.parquet", "--label", "label", "--out", "r.html"], "gone.parquet"),
        (["logmel.parquet", "--label", "label", "--group", "site", "--out", "r.html"], "site"),
        (["logmel.parquet", "--label", "label", "--without", "tea", "--out", "r.html"], "tea"),
        (["logmel.parquet", "--label", "label", "--seed", -1, "--out", "r.html"], "-1"),
        (["logmel.parquet", "--label", "label", "--seed", 2**31, "--out", "r.html"], "2147483648"),
    ],
    ids=["label", "out", "file", "group", "part", "seed below", "seed above"],
)
def test_what_cannot_be_is_one_line_and_writes_nothing(
    embedviz_command, files, tmp_path, arguments, wanted
):
    before = sorted(tmp_path.rglob("*"))
    said = embedviz_command("evaluate", *arguments, status=1)
    assert said.err.count("\n") == 1
    assert wanted in said.err
    assert sorted(tmp_path.rglob("*")) == before


def test_sets_of_one_model_are_told_apart_by_their_files(make_set, tmp_path):
    one, other = make_set(), make_set(seed=1)
    yamnet = replace(one, provenance=replace(one.provenance, model="yamnet"))
    paths = [tmp_path / "a" / "night.parquet", tmp_path / "b.parquet", tmp_path / "c.parquet"]
    found = titles(paths, [one, other, yamnet])
    assert [title.endswith(end) for title, end in zip(found, ("night", "b", "YAMNet"), strict=True)]
    assert found[2] == "YAMNet"
    assert found[0].endswith(", night")
    assert len(set(titles([paths[0], tmp_path / "b" / "night.parquet"], [one, other]))) == 2


def test_the_summary_is_one_aligned_table():
    found = evaluations.evaluation()
    lines = summary(found)
    table = lines[lines.index("") + 1 : lines.index("", 2)]
    assert len(table) == 1 + len(found.probed) + 1
    column = table[0].index("accuracy")
    assert all(row[column - 1] == " " and row[column] != " " for row in table)
    assert table[-1].split()[:2] == ["always", "rain"]
    assert "warning: YAMNet predicts the folder better than the label." in lines
    assert "note: Two recordings have no label." in lines


def test_the_command_knows_every_probe_and_part():
    assert set(PROBES) == set(results.PROBES)
    assert set(PARTS) == set(evaluate.PARTS)
