"""What the listening map asks the server for."""

from __future__ import annotations

import json
import os
import struct
from dataclasses import replace
from urllib.parse import quote

import numpy as np
import pandas as pd
import pytest
import soundfile as sf
from asking import RATE_HZ, SECONDS, Client, noise, put_set
from conftest import tone

from embedviz import figures, neighbours, sheets
from embedviz.packing import pack_column, pack_numbers, pack_rows
from embedviz.palette import LIGHT
from embedviz.served.around import Around
from embedviz.spectrogram import spectrogram
from embedviz.store import write_set
from embedviz.thumbnails import picture
from embedviz.ui import home
from embedviz.ui.packs import (
    PACKS_KEPT,
    SELECTIONS_KEPT,
    keep_selection,
    publish,
    selected_rows,
    selection_bits,
)
from embedviz.ui.workspace import Workspace


@pytest.fixture
def client():
    return Client()


@pytest.fixture
def samples():
    return noise()


@pytest.fixture
def made(make_set, workspace, samples):
    """A set of 8 rows over one 16-bit WAV in the workspace."""
    path = workspace.uploads / "clip.wav"
    sf.write(path, samples, RATE_HZ, subtype="PCM_16")
    return put_set(make_set(8), workspace, path)


@pytest.fixture
def row(client, workspace, made):
    """Ask for everything that is known of a row."""
    return lambda number=1: client.get(f"/row/{workspace.token}/esc10/{number}.json").json


def rewritten(workspace, made, **changes):
    write_set(replace(made, **changes), workspace.set_path("esc10"))
    # A second write within the clock's step would not be told apart.
    os.utime(workspace.set_path("esc10"), ns=(0, 1))


# Which rows are alike.


def test_the_nearest_rows_come_with_their_distances(client, workspace, made):
    found = client.get(f"/nearest/{workspace.token}/esc10/2.json?k=4").json
    rows, distances = neighbours.nearest(made.vectors, 2, k=4)
    assert found["rows"] == rows.tolist()
    np.testing.assert_allclose(found["distances"], distances, atol=1e-6)


def test_ten_nearest_rows_are_given_unless_asked_otherwise(client, workspace, make_set, made):
    put_set(make_set(40), workspace, workspace.uploads / "clip.wav", name="forty")
    assert len(client.get(f"/nearest/{workspace.token}/forty/2.json").json["rows"]) == 10
    assert len(client.get(f"/nearest/{workspace.token}/esc10/2.json").json["rows"]) == 7


def test_similar_rows_are_found_by_number_and_by_distance(client, workspace, made):
    address = f"/similar/{workspace.token}/esc10/2.json"
    rows, distances = neighbours.nearest(made.vectors, 2, k=7)
    assert client.get(f"{address}?k=3").json == {"rows": [2, *rows[:2].tolist()]}
    assert sorted(client.get(f"{address}?k=900").json["rows"]) == list(range(8))
    middle = (distances[3] + distances[4]) / 2
    by_distance = client.get(f"{address}?distance={middle}").json
    assert by_distance == {"rows": [2, *rows[:4].tolist()]}
    assert client.get(f"{address}?distance=0").json == {"rows": [2]}


# Any stretch of a recording.


@pytest.mark.parametrize(
    ("start_s", "stop_s"), [(0, 2.4), (0.1, 0.2), (1.23456, 2.00001), (2.3, 2.4)]
)
def test_a_stretch_is_exactly_the_recordings_own_samples(
    client, workspace, made, samples, start_s, stop_s
):
    answer = client.get(f"/stretch/{workspace.token}/esc10/3.wav?start={start_s}&stop={stop_s}")
    got, rate_hz = answer.sound
    assert rate_hz == RATE_HZ
    wanted = samples[round(start_s * RATE_HZ) : round(stop_s * RATE_HZ)]
    np.testing.assert_array_equal(got, wanted)


def test_a_player_can_seek_in_a_stretch(client, workspace, made):
    address = f"/stretch/{workspace.token}/esc10/3.wav?start=0.5&stop=1"
    whole = client.get(address).content
    part = client.get(address, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, whole[100:200])


def test_a_stretch_is_of_the_channel_that_the_model_heard(client, workspace, make_set):
    left, right = tone(440, SECONDS, RATE_HZ), tone(880, SECONDS, RATE_HZ)
    path = workspace.uploads / "stereo.wav"
    sf.write(path, np.stack([left, right], axis=1), RATE_HZ, subtype="PCM_16")
    put_set(make_set(8), workspace, path, channel=2)
    got, _ = client.get(f"/stretch/{workspace.token}/esc10/0.wav?start=0&stop=1").sound
    np.testing.assert_allclose(got / 32768, right[:RATE_HZ], atol=1e-4)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("start=-0.1&stop=1", "-0.1 to 1 s is no stretch of clip000.wav, which lasts 2.40 s."),
        ("start=1&stop=1", "1 to 1 s is no stretch"),
        ("start=2&stop=1", "2 to 1 s is no stretch"),
        ("start=0&stop=2.5", "0 to 2.5 s is no stretch"),
        ("start=0&stop=inf", "0 to inf s is no stretch"),
        ("start=nan&stop=1", "start=nan is no number of seconds."),
        ("start=0&stop=later", "stop=later is no number of seconds."),
        ("start=0", "stop= is no number of seconds."),
    ],
)
def test_what_is_no_stretch_is_refused(client, workspace, made, query, sentence):
    answer = client.get(f"/stretch/{workspace.token}/esc10/0.wav?{query}")
    assert answer.status_code == 404
    assert sentence in answer.text


def test_a_very_long_stretch_is_not_cut_out(client, workspace, made):
    sources = {
        name: replace(source, duration_s=4000.0)
        for name, source in made.provenance.recordings.items()
    }
    rewritten(workspace, made, provenance=replace(made.provenance, recordings=sources))
    answer = client.get(f"/stretch/{workspace.token}/esc10/0.wav?start=1&stop=602")
    assert (answer.status_code, "play the recording instead" in answer.text) == (404, True)


# Pictures.


@pytest.mark.parametrize(("query", "colours"), [("magma", "magma"), ("inverted", "inverted grey")])
def test_a_sheet_shows_the_rows_in_the_pages_colours(client, workspace, made, query, colours):
    got = client.get(f"/sheet/{workspace.token}/esc10/full/0.png?colours={query}").picture
    for number in range(8):
        cut = got.convert("RGB").crop((number * 96, 0, (number + 1) * 96, 64))
        expected = picture(made.thumbnails[number], colours=colours).convert("RGB")
        np.testing.assert_array_equal(np.asarray(cut), np.asarray(expected))
    small = client.get(f"/sheet/{workspace.token}/esc10/small/0.png?colours={query}")
    assert small.content == sheets.sheet(made.thumbnails, "small", 0, colours)


def test_pictures_are_kept_by_the_browser_and_labels_are_asked_for_again(client, workspace, made):
    def kept(address):
        return client.get(address).headers["cache-control"]

    assert kept(f"/sheet/{workspace.token}/esc10/full/0.png") == "private, max-age=3600"
    assert kept(f"/column/{workspace.token}/esc10/label") == "private, no-cache"
    assert kept(f"/row/{workspace.token}/esc10/0.json") == "private, no-cache"


def test_the_picture_around_a_row_shows_what_the_row_says(client, workspace, make_set):
    """A whistle of 2 kHz from 6.0 to 6.2 s lies where time and frequency say."""
    whistle = np.zeros(round(12 * RATE_HZ), np.float32)
    whistle[6 * RATE_HZ : round(6.2 * RATE_HZ)] = tone(2000, 0.2, RATE_HZ)
    path = workspace.uploads / "whistle.wav"
    sf.write(path, whistle, RATE_HZ)
    made = make_set(8)
    made.table["start_s"], made.table["stop_s"] = 5.0, 5.96
    found = put_set(made, workspace, path)
    sources = {
        name: replace(source, duration_s=12.0)
        for name, source in found.provenance.recordings.items()
    }
    rewritten(workspace, found, provenance=replace(found.provenance, recordings=sources))
    told = client.get(f"/row/{workspace.token}/esc10/0.json").json["around"]
    assert (told["start_s"], told["stop_s"], told["bands_hz_max"]) == (1.0, 9.96, RATE_HZ / 2)
    address = f"/around/{workspace.token}/esc10/0.png?colours=inverted"
    image = np.asarray(client.get(address).picture.convert("L"))
    assert image.shape == (told["bands"], told["frames"])
    loud = image < 128
    assert image.min() == 0
    seconds_a_pixel = (told["stop_s"] - told["start_s"]) / told["frames"]
    columns = np.flatnonzero(loud.any(axis=0))
    heard_s = told["start_s"] + (columns[[0, -1]] + 0.5) * seconds_a_pixel
    # The transform's window of 46 ms reaches beyond both ends of the whistle.
    np.testing.assert_allclose(heard_s, [6.0, 6.2], atol=0.03)
    hz = (told["bands"] - 0.5 - np.argmin(image.min(axis=1))) * told["bands_hz_max"]
    assert hz / told["bands"] == pytest.approx(2000, abs=told["bands_hz_max"] / told["bands"])


@pytest.mark.parametrize("rate_hz", [4000, 16_000, 44_100])
@pytest.mark.parametrize("seconds", [0.01, 0.2, 2.4, 3.4831, 9.0, 100.0])
def test_the_size_of_the_picture_around_is_that_of_its_spectrogram(
    workspace, make_set, rate_hz, seconds
):
    made = make_set(4)
    made.table["start_s"], made.table["stop_s"] = 0.0, seconds
    sources = {
        name: replace(source, duration_s=seconds, rate_hz=rate_hz)
        for name, source in made.provenance.recordings.items()
    }
    from embedviz.served.rows import Row

    found = replace(made, provenance=replace(made.provenance, recordings=sources))
    told = Around.of(Row(workspace, found, 0))
    assert told.stop_s == min(seconds, 60.0)
    drawn = spectrogram(np.zeros(round(told.stop_s * rate_hz), np.float32), rate_hz)
    assert (told.frames, told.bands) == drawn.levels_db.shape


def test_a_set_without_pictures_says_so(client, workspace, made, row):
    rewritten(workspace, made, thumbnails=None)
    answer = client.get(f"/sheet/{workspace.token}/esc10/full/0.png")
    assert (answer.status_code, answer.text) == (404, "This set was made without pictures.")
    assert row()["patch"] is None


# Everything that is known of a row.


def test_a_row_says_where_it_lies_and_what_is_known_of_it(row, made):
    found = row(1)
    assert (found["recording"], found["start_s"], found["stop_s"]) == ("clip000.wav", 0.48, 1.44)
    assert (found["duration_s"], found["rate_hz"]) == (SECONDS, RATE_HZ)
    assert (found["heard"], found["why"], found["receiver"]) == (True, "", "Log-mel")
    assert found["columns"] == [
        {"name": "recording", "value": "clip000.wav"},
        {"name": "start_s", "value": 0.48},
        {"name": "stop_s", "value": 1.44},
        {"name": "label", "value": "class 0"},
        {"name": "padding_s", "value": 0},
    ]


def test_a_rows_patch_has_the_axes_of_its_large_picture(row, made):
    patch = row(3)["patch"]
    drawn = figures.heard(made.thumbnails[3], made, 3, LIGHT)
    assert [patch["start_s"], patch["stop_s"]] == list(drawn.layout.xaxis.range)
    assert (patch["frames"], patch["bands"]) == (96, 64)
    np.testing.assert_allclose(np.round(patch["bands_hz"]), drawn.data[0].customdata[:, 0])
    assert (patch["low"], patch["high"], patch["unit"]) == (-5, 5, "ln")


def test_fewer_bands_than_the_models_own_have_the_frequencies_between(workspace, made, row):
    bands_hz = tuple(np.linspace(100, 4100, 201))
    rewritten(workspace, made, provenance=replace(made.provenance, bands_hz=bands_hz))
    found = row()["patch"]["bands_hz"]
    assert len(found) == 64
    assert (found[0], found[-1]) == (100, 4100)
    assert (np.diff(found) > 0).all()


def test_a_value_of_any_kind_is_text_or_a_number(workspace, made, row):
    table = made.table.assign(
        whole=7,
        small=np.float32(0.1),
        missing=np.nan,
        endless=np.inf,
        wet=True,
        unnamed=None,
        day=pd.Timestamp("2024-05-01"),
    )
    rewritten(workspace, made, table=table)
    values = {each["name"]: each["value"] for each in row()["columns"]}
    assert [values[name] for name in ("whole", "small", "missing", "endless")] == [
        7,
        0.1,
        "",
        "inf",
    ]
    assert [values[name] for name in ("wet", "unnamed")] == ["yes", ""]
    assert values["day"].startswith("2024-05-01")


def test_a_row_says_why_it_cannot_be_heard(workspace, made, row):
    (workspace.uploads / "clip.wav").write_text("no sound")
    found = row()
    assert (found["heard"], found["around"]) == (False, None)
    assert found["why"].startswith("clip000.wav ")
    (workspace.uploads / "clip.wav").unlink()
    assert row()["why"] == "clip000.wav is not where it was when the set was made."
    rewritten(workspace, made, provenance=replace(made.provenance, recordings={}))
    found = row()
    assert found["why"] == "The set does not say where clip000.wav lies."
    assert (found["duration_s"], found["rate_hz"], found["around"]) == (None, None, None)


# Columns and published values.


@pytest.mark.parametrize("name", ["label", "start_s", "recording"])
def test_a_column_is_sent_packed(client, workspace, made, name):
    answer = client.get(f"/column/{workspace.token}/esc10/{name}")
    assert answer.status_code == 200
    assert answer.content == pack_column(made.table[name])


@pytest.mark.parametrize("name", ["time of day", "a/b", "100 %", "Vögel?", "../label", "x.wav#2"])
def test_a_column_may_have_any_name(client, workspace, made, name):
    rewritten(workspace, made, table=made.table.assign(**{name: np.arange(8.0)}))
    answer = client.get(f"/column/{workspace.token}/esc10/{quote(name, safe='')}")
    assert answer.status_code == 200, answer.text
    assert answer.content == pack_numbers(np.arange(8.0))


def test_a_column_is_sent_again_only_after_it_has_changed(client, workspace, made):
    address = f"/column/{workspace.token}/esc10/label"
    tag = client.get(address).headers["etag"]
    for held in (tag, f'"other", W/{tag}'):
        again = client.get(address, headers={"If-None-Match": held})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
    rewritten(workspace, made, table=made.table.assign(label="rain"))
    changed = client.get(address, headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag
    assert b'"rain"' in changed.content


def test_a_row_is_sent_again_only_after_it_has_changed(client, workspace, made):
    address = f"/row/{workspace.token}/esc10/0.json"
    tag = client.get(address).headers["etag"]
    assert client.get(address, headers={"If-None-Match": tag}).status_code == 304
    (workspace.uploads / "clip.wav").unlink()
    assert client.get(address, headers={"If-None-Match": tag}).json["heard"] is False


def test_what_a_page_published_is_sent_as_it_is(client, workspace):
    content = pack_numbers(np.arange(5.0))
    digest = publish(workspace, content)
    assert publish(workspace, content) == digest
    answer = client.get(f"/pack/{workspace.token}/{digest}")
    assert (answer.status_code, answer.content) == (200, content)
    assert answer.headers["content-type"] == "application/octet-stream"


def test_what_is_published_again_outlives_what_is_not(workspace):
    first, *_ = [publish(workspace, struct.pack("<I", i)) for i in range(PACKS_KEPT)]
    folder = workspace.folder / "packs"
    for path in folder.iterdir():
        os.utime(path, ns=(0, 0))
    assert publish(workspace, struct.pack("<I", 0)) == first
    publish(workspace, b"one more")
    assert len(list(folder.iterdir())) == PACKS_KEPT
    assert (folder / f"{first}.bin").is_file()


# Selections.


def test_a_selection_gets_an_id_by_which_python_and_the_map_find_it(client, workspace, made):
    bits = pack_rows([0, 1, 0, 0, 0, 1, 0, 1])
    answer = client.post(f"/selection/{workspace.token}/esc10", bits)
    assert answer.json["count"] == 3
    identity = answer.json["id"]
    assert len(identity) == 16
    assert selected_rows(workspace, "esc10", identity, 8).tolist() == [1, 5, 7]
    again = client.get(f"/selection/{workspace.token}/esc10/{identity}")
    assert (again.status_code, again.content) == (200, bits)
    assert client.post(f"/selection/{workspace.token}/esc10", bits).json["id"] == identity
    other = client.post(f"/selection/{workspace.token}/esc10", pack_rows([1] * 8)).json
    assert (other["count"], other["id"] != identity) == (8, True)


def test_a_selection_may_arrive_in_parts(client, workspace, make_set, made):
    put_set(make_set(40), workspace, workspace.uploads / "clip.wav", name="forty")
    answer = client.post(f"/selection/{workspace.token}/forty", b"\x01\x02", b"", b"\x00\x00\x80")
    rows = selected_rows(workspace, "forty", answer.json["id"], 40)
    assert rows.tolist() == [0, 9, 39]


@pytest.mark.parametrize(
    ("rows", "body", "sentence"),
    [
        (8, b"", "A selection of 8 rows, one bit a row, has exactly 1 B; less was given."),
        (8, b"\x01\x00", "more was given"),
        (6, b"\x41", "Rows beyond the last one, 5, are chosen."),
    ],
)
def test_a_selection_of_other_rows_is_refused(
    client, workspace, make_set, made, rows, body, sentence
):
    put_set(make_set(rows), workspace, workspace.uploads / "clip.wav", name="few")
    answer = client.post(f"/selection/{workspace.token}/few", body)
    assert answer.status_code == 400
    assert sentence in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert not (workspace.folder / "selections").exists()


def test_a_body_without_end_is_not_read(client, workspace, made):
    answer = client.post(f"/selection/{workspace.token}/esc10", *[bytes(1 << 16)] * 1000)
    assert answer.status_code == 400
    assert client.parts_read == 1


def test_the_newest_selections_of_a_set_are_kept(workspace, made):
    def chosen(number):
        return struct.pack("<H", number)

    first = keep_selection(workspace, "esc10", chosen(0), 16)
    ids = [keep_selection(workspace, "esc10", chosen(i), 16) for i in range(1, SELECTIONS_KEPT)]
    for age, identity in enumerate([first, *ids]):
        path = workspace.folder / "selections" / "esc10" / f"{identity}.bits"
        os.utime(path, ns=(0, age))
    # Chosen again, the first is the newest.
    assert keep_selection(workspace, "esc10", chosen(0), 16) == first
    keep_selection(workspace, "esc10", chosen(9999), 16)
    assert selection_bits(workspace, "esc10", first) == chosen(0)
    assert len(list((workspace.folder / "selections" / "esc10").iterdir())) == SELECTIONS_KEPT
    with pytest.raises(Exception, match="This selection is not kept any more"):
        selection_bits(workspace, "esc10", ids[0])


def test_a_selection_of_a_set_that_was_made_anew_with_other_rows_is_refused(workspace, made):
    identity = keep_selection(workspace, "esc10", b"\x03", 8)
    with pytest.raises(Exception, match="exactly 2 B"):
        selected_rows(workspace, "esc10", identity, 9)


def test_a_full_disk_is_said_to_be_full(client, workspace, made, monkeypatch):
    def full(path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("embedviz.ui.packs.written_whole", full)
    answer = client.post(f"/selection/{workspace.token}/esc10", b"\x03")
    assert answer.text == "The workspace cannot be written to: No space left on device."


# The map's own files.


@pytest.fixture
def assets(tmp_path, monkeypatch):
    folder = tmp_path / "assets"
    (folder / "deeper").mkdir(parents=True)
    (folder / "points.js").write_text("export const name = 'é';")
    (folder / "panel.css").write_text(".lm-card {}")
    for other in ("page.html", ".hidden.js", "deeper/inner.js"):
        (folder / other).write_text("not for everybody")
    (tmp_path / "outside.js").write_text("not for everybody")
    monkeypatch.setattr(home, "home", lambda: tmp_path)
    return folder


def test_the_maps_modules_and_styles_are_sent_anew_when_they_change(client, assets):
    answer = client.get("/map/points.js")
    assert answer.text == "export const name = 'é';"
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"].endswith("no-cache")
    assert client.get("/map/panel.css").headers["content-type"].startswith("text/css")
    held = {"If-None-Match": answer.headers["etag"]}
    assert client.get("/map/points.js", headers=held).status_code == 304
    (assets / "points.js").write_text("export const name = 2;")
    assert client.get("/map/points.js", headers=held).text == "export const name = 2;"


@pytest.mark.parametrize(
    "name", ["page.html", ".hidden.js", "deeper/inner.js", "..%2Foutside.js", "none.js", ""]
)
def test_nothing_else_of_the_app_is_sent(client, assets, name):
    answer = client.get(f"/map/{name}")
    assert answer.status_code == 404
    assert "everybody" not in answer.text


def test_the_real_modules_are_served(client):
    assert "export" in client.get("/map/packs.js").text


# What a token does not open.

OWN = {
    "sound": "/sound/{token}/{name}/{row}.wav",
    "stretch": "/stretch/{token}/{name}/{row}.wav?start=0&stop=1",
    "recording": "/recording/{token}/{name}/{row}",
    "picture": "/picture/{token}/{name}/{row}.png",
    "sheet": "/sheet/{token}/{name}/full/{row}.png",
    "around": "/around/{token}/{name}/{row}.png",
    "row": "/row/{token}/{name}/{row}.json",
    "nearest": "/nearest/{token}/{name}/{row}.json",
    "similar": "/similar/{token}/{name}/{row}.json",
    "column": "/column/{token}/{name}/label",
    "pack": "/pack/{token}/{digest}",
    "drawn": "/drawn/{token}/{digest}.png",
    "brought": "/brought/{token}/{recording}",
    "choose": "/selection/{token}/{name}",
    "chosen": "/selection/{token}/{name}/{id}",
}
OF_SETS = sorted(OWN.keys() - {"pack", "drawn", "brought"})
OF_ROWS = sorted(kind for kind, address in OWN.items() if "{row}" in address)


@pytest.fixture
def asked(client, workspace, made):
    """Ask a route for what is there, but for some parts of its address."""
    parts = {
        "token": workspace.token,
        "name": "esc10",
        "row": 0,
        "recording": "clip.wav",
        "digest": publish(workspace, b"published"),
        "id": keep_selection(workspace, "esc10", b"\x03", 8),
    }

    def ask(kind, **other):
        address = OWN[kind].format(**(parts | other))
        return client.post(address, b"\x03") if kind == "choose" else client.get(address)

    return ask


@pytest.mark.parametrize("kind", OWN)
def test_a_workspaces_own_things_are_given_with_every_safe_header(asked, kind):
    answer = asked(kind)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"].startswith(("private", "no-store"))


def refused(answer, sentence=""):
    assert answer.status_code == 404
    assert "\n" not in answer.text
    if sentence:
        assert sentence in answer.text
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("kind", OWN)
def test_another_sessions_token_opens_nothing(asked, kind):
    words = {
        "pack": "What this page showed is not in this workspace",
        "drawn": "What this page showed is not in this workspace",
        "brought": "There is no recording 'clip.wav' in this workspace.",
        "chosen": "This selection is not kept",
    }
    sentence = words.get(kind, "There is no set 'esc10' in this workspace.")
    refused(asked(kind, token=Workspace.create().token), sentence)


@pytest.mark.parametrize("kind", OWN)
@pytest.mark.parametrize("token", ["a" * 22, "short", "..", "%2e%2e", "..%2F..%2Fetc"])
def test_a_token_of_nobody_opens_nothing(asked, kind, token):
    refused(asked(kind, token=token), "" if "." in token else "This workspace is gone")


@pytest.mark.parametrize("kind", OF_SETS)
@pytest.mark.parametrize("name", ["none", "demo", "..", "..%2Fesc10", "%2e%2e", "esc10%00", "-x"])
def test_a_set_that_is_not_there_is_not_found(asked, kind, name):
    answer = asked(kind, name=name)
    if answer.status_code != 405:  # the address of something else, which takes no selection
        refused(answer)


@pytest.mark.parametrize("kind", OF_ROWS)
def test_a_row_beyond_the_last_one_is_not_found(asked, kind):
    sentence = "no sheet 8" if kind == "sheet" else "The set has 8 rows; row 8 is not one."
    refused(asked(kind, row=8), sentence)


@pytest.mark.parametrize("kind", OF_ROWS)
@pytest.mark.parametrize("row", ["-1", "0.5", "x", "²", "..%2F0", "9" * 20, "9" * 5000])
def test_what_is_no_row_is_not_found(asked, kind, row):
    sentence = "Sheets have numbers" if kind == "sheet" else "is not one."
    refused(asked(kind, row=row), "" if "%2F" in row else sentence)


@pytest.mark.parametrize(
    "digest", ["0" * 32, "0" * 31, "A" * 32, "..", "..%2Fsets%2Fesc10", "*", "%00" * 32]
)
def test_nonsense_names_no_published_values(asked, digest):
    refused(asked("pack", digest=digest))


@pytest.mark.parametrize(
    "identity", ["0" * 16, "0" * 15, "..", "..%2F..%2Fpacks", "g" * 16, "%00" * 16]
)
def test_nonsense_names_no_selection(asked, identity):
    refused(asked("chosen", id=identity))


def test_a_selection_of_one_set_is_none_of_another(asked, workspace, made):
    write_set(made, workspace.set_path("other"))
    refused(asked("chosen", name="other"), "This selection is not kept any more")


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("/column/{token}/esc10/embedding", "The set has no column 'embedding'."),
        ("/column/{token}/esc10/..%2F..%2Fesc10", "The set has no column '../../esc10'."),
        ("/column/{token}/esc10/", "The set has no column ''."),
        ("/sheet/{token}/esc10/huge/0.png", "'huge' is no level of pictures"),
        ("/sheet/{token}/esc10/full/0.png?colours=pink", "'pink' is no choice of colours"),
        ("/around/{token}/esc10/0.png?colours=pink", "'pink' is no choice of colours"),
        ("/nearest/{token}/esc10/0.json?k=0", "k=0 is no number of rows; 1 and above are."),
        ("/nearest/{token}/esc10/0.json?k=-3", "k=-3 is no number of rows"),
        ("/similar/{token}/esc10/0.json?k=many", "k=many is no number of rows"),
        ("/similar/{token}/esc10/0.json?k=%C2%B2", "k=² is no number of rows"),
        ("/similar/{token}/esc10/0.json?distance=far", "distance=far is no number"),
        ("/similar/{token}/esc10/0.json?distance=nan", "distance=nan is no number"),
        ("/similar/{token}/esc10/0.json?distance=-1", "No row is at a distance below 0"),
    ],
)
def test_what_cannot_be_asked_is_said_to_be_so(client, workspace, made, address, sentence):
    refused(client.get(address.format(token=workspace.token)), sentence)


@pytest.mark.parametrize("kind", ["stretch", "around"])
@pytest.mark.parametrize("where", ["another workspace", "the disk", "a link"])
def test_a_set_cannot_reach_files_outside_its_workspace(
    client, workspace, make_set, samples, tmp_path, kind, where
):
    outside = (Workspace.create().uploads if where == "another workspace" else tmp_path) / "x.wav"
    sf.write(outside, samples, RATE_HZ)
    named = outside
    if where == "a link":
        named = workspace.uploads / "link.wav"
        named.symlink_to(outside)
    put_set(make_set(8), workspace, named)
    sentence = "clip000.wav lies outside the folders the app may read."
    address = OWN[kind].format(token=workspace.token, name="esc10", row=0)
    refused(client.get(address), sentence)
    known = client.get(f"/row/{workspace.token}/esc10/0.json").json
    assert (known["heard"], known["why"], known["around"]) == (False, sentence, None)


def test_the_demo_can_be_explored_from_every_workspace_and_selections_are_ones_own(
    client, workspace, make_set, samples
):
    path = workspace.set_path("demo").parent / "recordings" / "clip.flac"
    path.parent.mkdir(parents=True)
    sf.write(path, samples, RATE_HZ)
    put_set(make_set(8), workspace, path, name="demo")
    other = Workspace.create()
    made = client.post(f"/selection/{workspace.token}/demo", b"\x03").json
    for kind in set(OF_SETS) - {"choose", "chosen"}:
        address = OWN[kind].format(token=other.token, name="demo", row=0)
        assert client.get(address).status_code == 200, kind
    address = OWN["chosen"].format(token=other.token, name="demo", id=made["id"])
    refused(client.get(address), "This selection is not kept any more")


def test_numbers_in_answers_are_plain_json(client, workspace, made):
    content = client.get(f"/row/{workspace.token}/esc10/0.json").content

    def no_constant(word):
        raise AssertionError(f"{word} is no JSON")

    json.loads(content, parse_constant=no_constant)
