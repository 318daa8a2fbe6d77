"""The page Export: what is chosen reaches the bundle, and the bundle opens from the page."""

from __future__ import annotations

import io
import json
import time
import zipfile
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
import pytest
from asking import Client
from onpage import laid_out, visit
from PIL import Image

from embedviz.projector.findings import Finding
from embedviz.projector.validate import Report
from embedviz.store import write_set
from embedviz.ui import exports
from embedviz.ui.bundling import CELL
from embedviz.ui.exports import bundle_path
from embedviz.ui.hosting import host, hosted_address, withdraw
from embedviz.ui.jobs import queue
from embedviz.ui.opening import standalone_link

pytestmark = pytest.mark.usefixtures("clean_queue")

HOSTED = "export-hosted-night"


@pytest.fixture
def open_page(workspace):
    """Open the page as a visitor whose workspace holds these sets, the last the newest."""

    def open_page(**sets):
        for name, one in sets.items():
            write_set(one, workspace.set_path(name))
        app = visit(workspace, "export")
        assert not app.error
        return app

    return open_page


def write(app, state="done"):
    """Write the bundle and give the page afterwards."""
    next(one for one in app.button if one.label == "Write the bundle").click().run()
    job = queue().of(app.session_state["workspace"].token)[-1]
    deadline = time.monotonic() + 40
    while job.active and time.monotonic() < deadline:
        time.sleep(0.02)
    assert job.state == state, job.message
    app.run()
    assert not app.exception
    return job


def held(workspace, *names):
    with zipfile.ZipFile(bundle_path(workspace, list(names))) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def links(app):
    return {one.proto.label: one.proto.url for one in app.get("link_button")}


def words(app):
    return "\n".join(
        element.value
        for kind in (app.markdown, app.caption, app.warning, app.error, app.info, app.success)
        for element in kind
    ).replace("\\", "")


def chosen(app, key):
    return next(one for one in app.selectbox if one.key and one.key.startswith(key))


def test_the_bundle_opens_in_the_projector_of_this_app(open_page, make_set, workspace):
    app = open_page(night=laid_out(make_set()))
    assert links(app) == {}
    write(app)
    link = links(app)["Open in the projector"]
    assert link.endswith(f"/projector/{workspace.token}/night/")
    asked = urlsplit(link).path
    client = Client()
    assert "vz-projector-dashboard" in client.get(asked).text
    (one,) = client.get(f"{asked}info?run=.").json["embeddings"]
    assert one["tensorShape"] == [40, 16]


def test_the_pictures_shown_are_those_of_the_bundle(open_page, make_set, workspace):
    app = open_page(night=laid_out(make_set()))
    (shown,) = app.get("image")
    # Not in Streamlit's own store of pictures, which forgets them in the middle of a rerun.
    picture = Client().get(urlsplit(shown.value[0]).path).picture
    write(app)
    with Image.open(io.BytesIO(held(workspace, "night")["sprite.png"])) as whole:
        np.testing.assert_array_equal(picture, whole.crop((0, 0, *picture.size)))
        assert picture.width == whole.width


def test_cells_that_the_whole_sheet_has_no_room_for_are_refused_at_once(open_page, make_set):
    app = open_page(night=laid_out(make_set(4200)))
    (shown,) = app.get("image")
    assert "the first 1,024 of 4,200 points" in shown.captions[0]
    chosen(app, CELL).set_value("128 px").run()
    assert "4,200 windows in cells of 128 px do not fit a sprite sheet of 8192 px" in words(app)
    assert not app.get("image")


def test_the_pictures_of_a_sample_are_those_of_its_bundle(open_page, make_set, workspace):
    app = open_page(night=laid_out(make_set(1100)))
    app.number_input(key="export-sample").set_value(20).run()
    (shown,) = app.get("image")
    assert "one cell of 64 px a point" in shown.captions[0]
    picture = Client().get(urlsplit(shown.value[0]).path).picture
    write(app)
    with Image.open(io.BytesIO(held(workspace, "night")["sprite.png"])) as whole:
        np.testing.assert_array_equal(picture, whole.crop((0, 0, *picture.size)))


def test_the_projector_is_shown_on_the_page_only_if_asked_for(open_page, make_set):
    app = open_page(night=laid_out(make_set()))
    write(app)
    assert not app.get("iframe")
    app.toggle(key="export-framed").set_value(True).run()
    (frame,) = app.get("iframe")
    assert frame.proto.src == links(app)["Open in the projector"]


def test_hosting_is_one_switch_that_gives_a_ready_link(open_page, make_set, workspace):
    app = open_page(night=laid_out(make_set()))
    write(app)
    assert app.toggle(key=HOSTED).value is False
    assert not app.code
    app.toggle(key=HOSTED).set_value(True).run()
    link = app.code[0].value
    assert links(app)["Open projector.tensorflow.org"] == link
    page, _, query = link.partition("?")
    assert page == "https://projector.tensorflow.org/"
    # As the projector reads it: split at & and =, then decoded once.
    assert query.count("=") == 1
    assert not set("&#/:") & set(query)
    config = urlsplit(unquote(query.partition("=")[2]))
    assert workspace.token not in link
    client = Client()
    assert client.get(config.path).json["embeddings"][0]["tensorShape"] == [40, 16]
    app.toggle(key=HOSTED).set_value(False).run()
    assert not app.code
    assert client.get(config.path).status_code == 404


def test_a_switch_shows_what_another_tab_has_done(open_page, make_set, workspace):
    app = open_page(night=laid_out(make_set()))
    write(app)
    app.toggle(key=HOSTED).set_value(True).run()
    first = app.code[0].value
    withdraw(workspace, "night")
    app.run()
    assert app.toggle(key=HOSTED).value is False
    # A page that is merely drawn again opens nothing.
    assert hosted_address(workspace, "night") is None
    host(workspace, "night")
    app.run()
    assert app.toggle(key=HOSTED).value is True
    assert app.code[0].value != first


def test_a_link_made_over_https_leads_to_https_addresses():
    link = standalone_link("a" * 22, "https://sounds.example.org/app/export?w=secret#x")
    (config,) = parse_qs(urlsplit(link).query)["config"]
    assert config.startswith(f"https://sounds.example.org/hosted/{'a' * 22}/projector_config.json")
    assert "secret" not in link
    assert config.endswith("?over=https")


def test_every_choice_reaches_the_bundle(open_page, make_set, workspace):
    found = laid_out(make_set())
    found.table["kind"] = [f"kind {row % 3}" for row in range(40)]
    app = open_page(night=found)
    chosen(app, "export-cell").select("32 px")
    chosen(app, "export-label").select("kind")
    chosen(app, "export-frame").select("label")
    chosen(app, "export-digits").select(4)
    app.toggle(key="export-join").set_value(True)
    columns = next(one for one in app.multiselect if one.label == "Columns")
    columns.set_value(["recording", "kind"])
    app.number_input(key="export-sample").set_value(20)
    app.text_input(key="export-base").set_value(" https://example.org/birds ")
    app.run()
    write(app)
    files = held(workspace, "night")
    header, *rows = files["metadata.tsv"].decode().splitlines()
    assert header.split("\t") == ["kind", "recording", "__seq_next__"]
    assert len(rows) == 20
    (one,) = json.loads(files["projector_config.json"])["embeddings"]
    assert one["tensorPath"] == "https://example.org/birds/tensors.bytes"
    assert one["sprite"]["singleImageDim"] == [32, 32]
    numbers = files["tensors.tsv"].decode().split()
    assert max(len(number.lstrip("-").replace(".", "").lstrip("0")) for number in numbers) <= 4
    assert "20 points" in words(app)


def test_what_was_made_safe_is_listed_under_the_summary(open_page, make_set):
    found = make_set()
    found.table["place"] = ["a\tb", "", *["c"] * 38]
    app = open_page(night=found)
    write(app)
    (listed,) = [one for one in app.expander if one.label.startswith("Good to know")]
    said = [line for line in listed.markdown[0].value.splitlines() if "place" in line]
    assert len(said) == 2
    assert all("edit_note" in line for line in said)
    assert any("tab" in line for line in said)
    assert not app.error


def test_only_columns_that_all_sets_have_can_be_chosen(open_page, make_set, workspace):
    first, second = make_set(8), make_set(8, seed=1)
    first.table["only here"] = "x"
    app = open_page(night=first, day=second)
    assert "only here" not in chosen(app, "export-label").options
    sets = next(one for one in app.multiselect if one.label == "Sets in the bundle")
    sets.set_value(["night"]).run()
    assert "only here" in chosen(app, "export-label").options
    sets.set_value(["night", "day"]).run()
    options = chosen(app, "export-label").options
    assert "label" in options
    assert "only here" not in options
    write(app)
    assert {"logmel/tensors.bytes", "logmel-2/tensors.bytes"} <= set(
        held(workspace, "night", "day")
    )
    link = links(app)["Open in the projector"]
    assert link.endswith(f"/projector/{workspace.token}/night%2Bday/")


def test_pictures_can_be_left_out(open_page, make_set, workspace):
    app = open_page(night=make_set())
    chosen(app, "export-cell").select("no pictures").run()
    assert not app.get("image")
    write(app)
    assert "sprite.png" not in held(workspace, "night")


def test_the_preview_follows_the_colours_and_frames(open_page, make_set):
    app = open_page(night=make_set())
    before = app.get("image")[0].proto.imgs[0].url
    chosen(app, "export-colours").select("magma").run()
    coloured = app.get("image")[0].proto.imgs[0].url
    chosen(app, "export-frame").select("label").run()
    framed = app.get("image")[0].proto.imgs[0].url
    assert len({before, coloured, framed}) == 3
    assert not app.exception


def test_too_many_windows_for_clear_pictures_are_said_before_writing(
    open_page, make_set, monkeypatch
):
    monkeypatch.setattr("embedviz.thumbnails.MOST_CLEAR_WINDOWS", 30)
    app = open_page(night=make_set())
    assert "will hold none" in words(app)
    app.number_input(key="export-sample").set_value(30).run()
    assert "will hold none" not in words(app)
    assert app.get("image")


def test_an_address_that_is_none_is_refused_in_a_sentence(open_page, make_set):
    app = open_page(night=make_set())
    app.text_input(key="export-base").set_value("birds").run()
    job = write(app, state="failed")
    assert "'birds'" in job.message


def test_an_invalid_bundle_is_not_praised(open_page, make_set, monkeypatch):
    broken = Finding("error", "tensors.tsv", "Row 3 is ragged.")
    report = Report((broken,), "1 embedding: it will not open as it should, 1 error.")
    monkeypatch.setattr(exports, "validate_bundle", lambda path: report)
    app = open_page(night=make_set())
    write(app)
    assert [one.value.replace("\\", "") for one in app.error] == [
        report.summary,
        "tensors.tsv: Row 3 is ragged.",
    ]
    assert not app.success
