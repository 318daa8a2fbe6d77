from __future__ import annotations

import base64
import io
import json
import re
import struct
import tomllib
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from conftest import recorded, tone
from PIL import Image

from embedviz import thumbnails
from embedviz.data import Projection, Source
from embedviz.errors import Cancelled, EmbedvizError
from embedviz.neighbours import nearest
from embedviz.onefile import code, pictures, sounds, write_onefile
from embedviz.onefile.facts import LICENCE, UNVERIFIED

ROOT = Path(__file__).parents[1]
ROWS = 40
EVIL = "</script><b>bold</b><!-- <script> & \u2028"


class Parsed(HTMLParser):
    """The elements of a page: (name, attributes) and the text of those with an id."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: dict[str, str] = {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "!doctype"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"{tag} ends what it did not begin"

    def handle_data(self, data):
        tag, attributes = self.elements[-1] if self.elements else ("", {})
        if tag == "script" and self.open[-1:] == ["script"]:
            name = attributes.get("id") or attributes.get("type") or "plotly"
            self.texts[name] = self.texts.get(name, "") + data

    def bytes(self, name: str) -> bytes:
        return base64.b64decode(self.texts[name], validate=True)

    @property
    def facts(self) -> dict:
        return json.loads(self.texts["facts"])


@pytest.fixture
def mapped(make_set, tmp_path):
    """A set with its recordings in the test's folder and places on a map."""
    found = recorded(make_set(ROWS), tmp_path)
    found = replace(found, thumbnails=np.ascontiguousarray(found.thumbnails[:, :24, :16]))
    places = np.random.default_rng(0).normal(size=(ROWS, 2)).astype(np.float32)
    return found.with_projection(Projection("umap", places, {}))


@pytest.fixture
def written(tmp_path):
    """Write a set, without sounds if nothing else is said, and read the page."""

    def write(embedding_set, **options):
        path = tmp_path / "map.html"
        wanted = {"title": "night", "sound_budget_mb": 0} | options
        result = write_onefile(embedding_set, path, **wanted)
        assert result.size_bytes == path.stat().st_size
        return result, Parsed(path.read_text(encoding="utf-8"))

    return write


def unpacked(content: bytes) -> tuple[dict, np.ndarray]:
    (length,) = struct.unpack_from("<I", content)
    header = json.loads(content[4 : 4 + length])
    return header, np.frombuffer(content, np.dtype(header["dtype"]), offset=4 + length)


def shown(sheet: bytes, row: int, shape: tuple[int, int]) -> np.ndarray:
    """Cut a row's picture out of its sheet, as RGB."""
    frames, bands = shape
    across, down = row % 64 % 8, row % 64 // 8
    box = (across * frames, down * bands, (across + 1) * frames, (down + 1) * bands)
    return np.asarray(Image.open(io.BytesIO(sheet)).convert("RGB").crop(box))


def test_the_page_is_whole_and_holds_one_map(mapped, written):
    result, page = written(mapped)
    assert page.open == []
    tags = [tag for tag, _ in page.elements]
    assert tags.count("main") == tags.count("h1") == 1
    assert page.facts["title"] == "night"
    assert page.facts["map"]["count"] == ROWS
    assert result.pictures


def test_nothing_in_the_page_has_an_address(mapped, written):
    _, page = written(mapped)
    named = {name for _, attributes in page.elements for name in attributes}
    assert not named & {"src", "href", "srcset", "action", "data", "style", "onload"}
    metas = [attributes for tag, attributes in page.elements if tag == "meta"]
    policy = next(meta["content"] for meta in metas if "http-equiv" in meta)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert "http" not in policy
    assert "connect-src" not in rules
    assert "*" not in policy


def test_the_styles_ask_for_nothing():
    styles = code.styles()
    assert ".lm-card" in styles
    assert not re.search(r"url\(|@import|</", styles)


def test_text_from_outside_stays_text(mapped, written):
    label = mapped.table["label"].where(mapped.table.index > 3, EVIL)
    name = mapped.table["recording"].iloc[0]
    renamed = mapped.table["recording"].replace(name, EVIL)
    made = mapped.provenance
    recordings = {EVIL: made.recordings[name], **made.recordings}
    evil = replace(
        mapped,
        table=mapped.table.assign(label=label, recording=renamed),
        provenance=replace(made, patch_unit=EVIL, recordings=recordings),
    )
    _, page = written(evil, title=EVIL)
    assert page.open == []
    assert "b" not in [tag for tag, _ in page.elements]
    facts = page.facts
    assert facts["title"] == EVIL
    assert facts["patch"]["unit"] == EVIL
    assert EVIL in facts["recordings"]
    header, _ = unpacked(page.bytes("column-0"))
    assert EVIL in header["names"]


def test_every_module_finds_what_it_imports():
    found = code.modules(code.ENTRY)
    assert {"onefile.js", "embedded.js", "explore.js", "state.js", "view.js"} <= set(found)
    for name, text in found.items():
        wanted = re.findall(r"""(?:from|import)\s*\(?\s*["']([^"']+)["']""", text)
        assert all(one.startswith("embedviz/") for one in wanted), name
        assert {one.removeprefix("embedviz/") for one in wanted} <= set(found), name


@pytest.mark.parametrize(
    ("text", "renamed"),
    [
        ('import { A, B } from "./packs.js";', 'import { A, B } from "embedviz/packs.js";'),
        ('import {\n  A,\n} from "./a-b.js";', 'import {\n  A,\n} from "embedviz/a-b.js";'),
        ('import "./state.js";', 'import "embedviz/state.js";'),
        ('export { A } from "./a.js";', 'export { A } from "embedviz/a.js";'),
        ('await import("./a.js")', 'await import("embedviz/a.js")'),
        ('const words = "go from here";', 'const words = "go from here";'),
        ('fetch("./a.js")', 'fetch("./a.js")'),
    ],
)
def test_modules_import_each_other_by_name(text, renamed):
    assert code.renamed(text) == renamed


def test_the_import_map_holds_the_modules_themselves(mapped, written):
    _, page = written(mapped)
    imports = json.loads(page.texts["importmap"])["imports"]
    kind, _, data = imports["embedviz/state.js"].partition(";base64,")
    assert kind == "data:text/javascript;charset=utf-8"
    own = (ROOT / "assets" / "state.js").read_text()
    assert base64.b64decode(data).decode().startswith(own)
    assert page.texts["module"] == 'import "embedviz/onefile.js";'


def test_plotly_is_the_installed_one_and_cannot_end_its_element(mapped, written, monkeypatch):
    _, page = written(mapped)
    assert "plotly.js v" in page.texts["plotly"][:200]
    monkeypatch.setattr(
        code, "files", lambda name: Text('a="</script>"+"<!-- <SCRIPT>";b=1<!c;d="<svg>"')
    )
    assert code.plotly() == r'a="\x3c/script>"+"\x3c!-- \x3cSCRIPT>";b=1<!c;d="<svg>"'


class Text:
    """A file that holds this text, wherever it is."""

    def __init__(self, text: str) -> None:
        self.text = text

    def joinpath(self, *_):
        return self

    def read_text(self, encoding):
        return self.text


def test_points_and_columns_come_back_as_they_were(mapped, written):
    _, page = written(mapped)
    drawn = page.facts["map"]["maps"][0]
    header, places = unpacked(page.bytes(drawn["points"]))
    assert header["dims"] == 2
    assert np.array_equal(places.reshape(-1, 2), mapped.projection.coordinates)
    assert [column["name"] for column in drawn["columns"]] == [
        *("label", "recording", "start_s", "stop_s", "padding_s")
    ]
    for column in drawn["columns"]:
        header, values = unpacked(page.bytes(column["url"]))
        assert header["kind"] == column["kind"]
        if header["kind"] == "names":
            values = np.array(header["names"])[values]
        assert values.tolist() == mapped.table[column["name"]].tolist()


def test_the_nearest_rows_are_those_of_the_vectors(mapped, written):
    _, page = written(mapped, rows_nearest=8)
    assert page.facts["neighbours"] == 8
    rows = np.frombuffer(page.bytes("near-rows"), "<u4").reshape(ROWS, 8)
    steps = np.frombuffer(page.bytes("near-distances"), "<u2").reshape(ROWS, 8)
    for row in (0, 17, ROWS - 1):
        expected, distances = nearest(mapped.vectors, row, k=8)
        assert rows[row].tolist() == expected.tolist()
        assert steps[row] / 65535 * 2 == pytest.approx(distances, abs=2e-5)


def test_one_row_has_no_neighbours(mapped, written):
    one = replace(
        mapped,
        table=mapped.table.iloc[:1],
        vectors=mapped.vectors[:1],
        thumbnails=mapped.thumbnails[:1],
        projection=Projection("umap", np.zeros((1, 2), np.float32), {}),
    )
    result, page = written(one, sound_budget_mb=1)
    assert page.facts["neighbours"] == 0
    assert result.sounds == 1
    assert page.facts["line"].startswith("Log-mel · 1 point of 1 recording · UMAP")


@pytest.mark.parametrize(("scheme", "colours"), [("light", "inverted grey"), ("dark", "magma")])
def test_pictures_are_the_rows_own_in_either_scheme(mapped, written, scheme, colours):
    _, page = written(mapped)
    facts = page.facts
    sheet = bytearray(page.bytes("sheet-0"))
    palette = base64.b64decode(facts["palettes"][scheme])
    at = facts["palettes"]["at"]
    assert sheet[at + 4 : at + 8] == b"PLTE"
    sheet[at : at + len(palette)] = palette
    assert facts["pictures"]["perSheet"] == 64
    shape = (facts["pictures"]["frames"], facts["pictures"]["bands"])
    for row in (0, 9, ROWS - 1):
        expected = thumbnails.picture(mapped.thumbnails[row], colours=colours).convert("RGB")
        assert np.array_equal(shown(bytes(sheet), row, shape), np.asarray(expected))


def smooth(rows: int) -> np.ndarray:
    """Thumbnails (rows, 96, 64), each of one shade."""
    shades = (np.arange(rows) * 4 % 256).astype(np.uint8)
    return np.broadcast_to(shades[:, None, None], (rows, 96, 64))


def test_pictures_get_coarser_until_they_fit():
    noise = np.random.default_rng(0).integers(0, 256, (130, 48, 32), dtype=np.uint8)
    steps = []
    for budget in (400_000, 230_000, 100_000, 35_000, 15_000):
        found = pictures.pictures(noise, budget, lambda share: None)
        steps.append((found.frames, found.bands, found.shades))
        assert sum(map(code.in_file, found.sheets)) <= 1.05 * budget
        assert len(found.sheets) == 3
    assert steps[0] == (48, 32, 256)
    assert steps[1] == (48, 32, 32)
    assert steps[2:] == sorted(steps[2:], reverse=True)
    assert steps[4][0] < 24
    assert pictures.pictures(noise, 1000, lambda share: None) is None


def test_reduced_pictures_never_mix_with_the_next():
    some = pictures._reduced(smooth(64), (18, 12))
    assert np.array_equal(some, np.broadcast_to(smooth(64)[:, :1, :1], (64, 18, 12)))


def test_where_pictures_were_reduced_the_page_says_so(mapped, written, monkeypatch):
    monkeypatch.setattr("embedviz.onefile.page.PICTURE_BUDGET_MB", 0.007)
    result, page = written(mapped)
    patch = page.facts["patch"]
    assert patch["frames"] < 24
    assert len(patch["bands_hz"]) == patch["bands"] < 16
    assert patch["bands_hz"][0] == 125
    assert patch["bands_hz"][-1] == 7500
    said = f"the pictures have {patch['frames']} x {patch['bands']} pixels instead of 24 x 16"
    assert any(said in sentence for sentence in result.sentences)
    assert set(result.sentences) <= set(page.facts["notes"])


def test_a_set_without_pictures_makes_a_page_without(mapped, written):
    result, page = written(replace(mapped, thumbnails=None))
    assert not result.pictures
    assert page.facts["pictures"] is page.facts["patch"] is None
    assert "The set was made without pictures." in result.sentences


@pytest.mark.parametrize("rate_hz", [4000, 8000, 10000, 16000, 22050, 44100, 96000])
@pytest.mark.parametrize("seconds", [0.05, 0.96, 2.5])
def test_a_compressed_sound_is_as_long_as_the_sound(rate_hz, seconds):
    clip = io.BytesIO()
    sf.write(clip, tone(700, seconds, rate_hz), rate_hz, format="WAV")
    clip.seek(0)
    content = sounds.mp3(clip)
    samples, found_hz = sf.read(io.BytesIO(content), dtype="float32")
    assert len(samples) / found_hz == pytest.approx(seconds, abs=0.002)
    strength = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    assert strength.argmax() * found_hz / len(samples) == pytest.approx(700, abs=1.1 / seconds)
    assert len(content) < 1500 + 9000 * seconds


def test_all_sounds_are_there_where_they_fit(mapped, written):
    result, page = written(mapped, sound_budget_mb=1)
    assert result.sounds == ROWS == page.facts["sounds"]["count"]
    assert result.sentences == (f"The sounds of all {ROWS} points are in the file.",)
    samples, rate_hz = sf.read(io.BytesIO(page.bytes("sound-5")), dtype="float32")
    assert rate_hz == 16000
    assert len(samples) == pytest.approx(0.96 * 16000, abs=2)


def test_a_budget_is_kept_and_the_page_says_what_fits(mapped, written):
    result, page = written(mapped, sound_budget_mb=0.05)
    kept = [name for name in page.texts if name.startswith("sound-")]
    assert sum(len(page.texts[name]) for name in kept) <= 50_000
    assert 5 <= len(kept) == result.sounds < ROWS
    assert f"The sounds of {result.sounds} of 40 points fit into 0.05 MB." in result.sentences
    rows = [int(name.removeprefix("sound-")) for name in kept]
    recordings = mapped.table["recording"].iloc[rows]
    # Ten recordings of four rows: none gives a second one before the others gave their first.
    assert recordings.value_counts().max() <= -(-len(rows) // 10)
    assert "not in the file" in page.facts["sounds"]["why"]


def test_no_budget_makes_a_page_without_sounds(mapped, written):
    result, page = written(mapped)
    assert result.sounds == 0
    assert "No sounds are in the file." in result.sentences
    assert not [name for name in page.texts if name.startswith("sound-")]


def test_recordings_that_are_gone_are_named(mapped, written, tmp_path):
    name = mapped.table["recording"].iloc[0]
    (tmp_path / name).unlink()
    result, _ = written(mapped, sound_budget_mb=1)
    assert result.sounds == ROWS - 4
    said = " ".join(result.sentences)
    assert f"The sounds of {ROWS - 4} of {ROWS} points are in the file." in said
    assert f"One recording could not be read: {name} does not exist" in said


def test_only_files_that_may_be_read_are_put_into_the_page(mapped, written):
    def find(row):
        raise EmbedvizError("It lies outside the folders the app may read.")

    result, _ = written(mapped, find=find, sound_budget_mb=1)
    assert result.sounds == 0
    assert "10 recordings could not be read: clip" in result.sentences[1]


def test_of_long_sounds_the_beginning_is_kept(mapped, written, tmp_path, monkeypatch):
    monkeypatch.setattr(sounds, "LONGEST_S", 0.5)
    result, page = written(mapped, sound_budget_mb=1)
    assert "Of longer sounds the first" in result.sentences[1]
    samples, rate_hz = sf.read(io.BytesIO(page.bytes("sound-0")), dtype="float32")
    assert len(samples) == pytest.approx(0.5 * rate_hz, abs=2)


def test_the_first_rows_chosen_are_spread_over_recordings_and_the_map(make_set):
    made = make_set(4000, dims=2)
    names = ["long"] * 2000 + [f"short {i}" for i in range(1000) for _ in range(2)]
    places = np.random.default_rng(1).uniform(size=(4000, 2)).astype(np.float32)
    made = replace(made, table=made.table.assign(recording=names), thumbnails=None)
    order = sounds.evenly(made.with_projection(Projection("umap", places, {})))
    assert sorted(order) == list(range(4000))
    # Every recording is heard before any is heard twice, and the map's quarters alike at any time.
    first = made.table["recording"].iloc[order[:1001]]
    assert first.nunique() == 1001
    for count in (100, 300, 1001, 2500):
        quarters = np.bincount((places[order[:count]] > 0.5) @ [1, 2], minlength=4) / count
        assert quarters == pytest.approx(0.25, abs=0.07)
    of_long = np.sort(order[order < 2000][:16])
    assert np.diff(of_long).max() < 2000 / 16 * 2.1


def test_the_colours_of_the_page_are_the_apps(mapped):
    page = (ROOT / "assets" / code.TEMPLATE).read_text()
    theme = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"]
    light, dark = re.findall(r":root(?:\[[^\]]*\])? \{(.*?)\}", page, flags=re.DOTALL)
    for block, colours in ((light, theme["light"]), (dark, theme["dark"])):
        found = dict(re.findall(r"--st-([\w-]+)-color: (#\w{6});", block))
        assert len(found) == 8
        for name, colour in found.items():
            camel = re.sub(r"-(\w)", lambda letter: letter[1].upper(), name)
            assert colour.upper() == colours[f"{camel}Color"].upper(), name


def test_the_page_says_where_it_is_from(mapped, written):
    _, page = written(mapped)
    facts = page.facts
    assert facts["line"].startswith("Log-mel · 40 points of 10 recordings · UMAP · made with")
    assert facts["warning"] == ""
    assert LICENCE in facts["notes"]
    made = replace(mapped.provenance, verified=False)
    facts = written(replace(mapped, provenance=made))[1].facts
    assert facts["warning"] == UNVERIFIED
    assert "unverified weights" in facts["line"]


def test_the_axes_of_pca_are_named(mapped, written):
    places = mapped.projection.coordinates
    pca = Projection("pca", places, {"axes": [1, 3]}, (0.5, 0.125))
    _, page = written(mapped.with_projection(pca))
    assert page.facts["map"]["maps"][0]["axes"] == ["PC1 (50%)", "PC3 (12%)"]


def test_colour_and_scheme_can_be_chosen(mapped, written):
    _, page = written(mapped)
    assert page.facts["map"]["colour"]["name"] == "label"
    assert page.facts["dark"] is None
    _, page = written(mapped, colour="start_s", dark=True)
    assert page.facts["map"]["colour"]["name"] == "start_s"
    assert page.facts["dark"] is True


def test_a_set_without_a_map_cannot_be_written(mapped, tmp_path):
    with pytest.raises(EmbedvizError, match="no projection yet"):
        write_onefile(replace(mapped, projection=None), tmp_path / "map.html", title="night")


def test_progress_goes_up_to_100_and_stopping_leaves_nothing(mapped, written, tmp_path):
    seen = []
    written(mapped, sound_budget_mb=1, progress=lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen)
    assert seen[-1] == (100, 100)
    (tmp_path / "map.html").unlink()

    def stop(done, total):
        if done > 50:
            raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        write_onefile(mapped, tmp_path / "map.html", title="night", progress=stop)
    assert not list(tmp_path.glob("*map.html*"))


def test_a_recording_may_be_known_by_name_alone(mapped, written):
    made = replace(mapped.provenance, recordings={"other.wav": Source("x", "0", 1.0, 8000, 1)})
    result, page = written(replace(mapped, provenance=made), sound_budget_mb=1)
    assert result.sounds == 0
    assert page.facts["recordings"] == {"other.wav": [1.0, 8000]}
