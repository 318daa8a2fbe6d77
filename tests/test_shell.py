from __future__ import annotations

import subprocess
import sys
import threading
import time
import tomllib
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from embedviz.errors import RecordingError
from embedviz.palette import DARK, LIGHT, MOST_CATEGORIES, category_colours
from embedviz.ui import home, progress
from embedviz.ui.jobs import queue
from embedviz.ui.pace import Update
from embedviz.ui.workspace import Workspace

ROOT = Path(__file__).parents[1]
PAGES = ["embed", "explore", "compare", "evaluate", "export", "models"]


@pytest.fixture
def bare_pages(tmp_path, monkeypatch):
    """Pages with nothing on them, where only the frame is looked at."""
    for name in PAGES:
        (tmp_path / f"{name}.py").write_text("import streamlit as st\nst.title(__file__)\n")
    monkeypatch.setattr(home, "page", lambda name: tmp_path / f"{name}.py")


@pytest.fixture
def app(bare_pages):
    return AppTest.from_file(str(home.MAIN), default_timeout=20)


@pytest.fixture
def hold():
    """Work that stays where it is until the test is over or stops it."""
    over = threading.Event()

    def work(report):
        while not over.wait(0.01):
            report(Update(60, 240, "recordings", "night_*1*/a.wav", 0.5))

    yield work
    over.set()
    queue().close()


def token(app):
    values = app.query_params["w"]
    return values if isinstance(values, str) else values[-1]


def until(condition):
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert condition()


def test_a_first_visit_gets_a_workspace_in_its_address(app):
    app.run()
    assert not app.exception
    assert Workspace.open(token(app)).uploads.is_dir()


def test_a_reload_finds_the_workspace_of_its_address(app):
    workspace = Workspace.create()
    app.query_params["w"] = workspace.token
    app.run()
    assert token(app) == workspace.token
    assert app.session_state["workspace"] == workspace
    assert not app.toast


def test_an_emptied_address_is_filled_again_from_the_session(app):
    app.run()
    first = token(app)
    del app.query_params["w"]
    app.run()
    assert token(app) == first


@pytest.mark.parametrize("old", ["a" * 22, "../../etc"])
def test_who_comes_back_too_late_is_told_and_gets_a_new_workspace(app, old):
    app.query_params["w"] = old
    app.run()
    assert token(app) != old
    assert Workspace.open(token(app))
    assert "This workspace is gone" in app.toast[0].value


@pytest.mark.parametrize("name", PAGES)
def test_every_page_opens(name):
    app = AppTest.from_file(str(home.MAIN), default_timeout=20).run()
    app.switch_page(str(home.page(name))).run()
    assert not app.exception


def test_the_first_visit_opens_the_map(app):
    assert "explore.py" in app.run().title[0].value


def test_the_first_paint_loads_no_network_and_no_projection():
    code = (
        "import sys\n"
        "from streamlit.testing.v1 import AppTest\n"
        "from embedviz.ui import home\n"
        "import embedviz.server\n"
        "assert not AppTest.from_file(str(home.MAIN), default_timeout=60).run().exception\n"
        "heavy = {'tensorflow', 'keras', 'umap', 'numba', 'sklearn', 'tensorboard'}\n"
        "sys.exit(' '.join(heavy & set(sys.modules)) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_one_page_leads_to_another_in_the_same_workspace(app, bare_pages):
    home.page("explore").write_text(
        "import streamlit as st\n"
        "from embedviz.ui import session\n"
        "session.link('models', label='Models', icon=':material/hearing:')\n"
        "if st.button('Embed'):\n"
        "    session.go('embed')\n"
    )
    app.run()
    first = token(app)
    assert not app.exception
    app.button[0].click().run()
    assert "embed.py" in app.title[0].value
    assert token(app) == first


def test_running_work_is_shown_on_every_page_and_can_be_stopped(app, hold):
    app.run()
    job = queue().submit(hold, owner=token(app), title="Embedding 240 recordings with YAMNet")
    until(lambda: job.update.done)
    app.run()
    assert "**Embedding 240 recordings with YAMNet**" in [text.value for text in app.markdown]
    assert any(text.value.startswith("60 / 240 recordings") for text in app.caption)
    app.button(key=f"stop-{job.id}").click().run()
    until(lambda: not job.active)
    app.run()
    assert job.state == "stopped"
    assert any("what was finished until then is kept" in text.value for text in app.markdown)
    app.button(key=f"dismiss-{job.id}").click().run()
    assert queue().of(token(app)) == []
    assert not app.button


def test_work_that_failed_says_why(app):
    app.run()

    def work(report):
        raise RecordingError("bird.wav has 0 samples; nothing to embed.")

    job = queue().submit(work, owner=token(app), title="Embedding")
    until(lambda: not job.active)
    app.run()
    assert any("nothing to embed" in text.value for text in app.markdown)


def test_another_workspace_sees_none_of_it(app, hold):
    job = queue().submit(hold, owner=Workspace.create().token, title="Theirs")
    until(lambda: job.state == "running")
    app.run()
    assert not any("Theirs" in text.value for text in app.markdown)


def test_the_second_job_says_that_it_waits(app, hold):
    app.run()
    jobs = [queue().submit(hold, owner=token(app), title=f"Job {n}") for n in range(2)]
    until(lambda: jobs[0].state == "running")
    app.run()
    assert "waiting, 1 ahead" in [text.value for text in app.caption]


class Stub:
    """A job as the words about it see it."""

    def __init__(self, update, rate=None, eta_s=None):
        self.update, self.rate, self.eta_s = update, rate, eta_s


@pytest.mark.parametrize(
    ("update", "rate", "amount", "speed"),
    [
        (Update(168, 240, "recordings"), 3.4, "168 / 240 recordings", "3.4 recordings/s"),
        (Update(12e6, 288e6, "bytes"), 12.4e6, "12 / 288 MB", "12.4 MB/s"),
        (Update(67, 1204, "s"), 412.2, "1:07 / 20:04 of sound", "412x real time"),
        (Update(67, 1204, "s"), 1.26, "1:07 / 20:04 of sound", "1.3x real time"),
        (Update(1200, 45000, "windows"), None, "1,200 / 45,000 windows", ""),
        (Update(2, 3), None, "2 / 3", ""),
    ],
)
def test_progress_is_told_in_the_units_of_the_work(update, rate, amount, speed):
    assert progress.amount(Stub(update)) == amount
    assert progress.speed(Stub(update, rate)) == speed


@pytest.mark.parametrize(
    ("eta_s", "left"),
    [(7.2, "0:07 left"), (61, "1:01 left"), (3723, "1:02:03 left"), (None, "")],
)
def test_the_time_left_is_written_like_a_clock(eta_s, left):
    assert progress.time_left(Stub(Update(0, 0), eta_s=eta_s)) == left


def test_a_file_name_cannot_format_the_page():
    assert progress.plain("a_*b*.wav") == r"a\_\*b\*\.wav"
    assert progress.plain("rain 1") == "rain 1"


def themes():
    return tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"]


@pytest.mark.parametrize(("mode", "palette"), [("light", LIGHT), ("dark", DARK)])
def test_the_page_and_the_figures_in_it_share_their_colours(mode, palette):
    theme = themes() | themes()[mode]
    assert theme["textColor"] == palette.text
    assert theme["borderColor"] == palette.line
    assert theme["secondaryBackgroundColor"] == palette.surface
    assert theme["primaryColor"] == palette.accent
    assert theme["chartCategoricalColors"] == category_colours(MOST_CATEGORIES, palette)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_words_can_be_read_on_their_background(mode):
    theme = themes()[mode]
    for surface in ("backgroundColor", "secondaryBackgroundColor"):
        assert contrast(theme["textColor"], theme[surface]) > 7
        assert contrast(theme["linkColor"], theme[surface]) > 4.5
        assert contrast(theme["redColor"], theme[surface]) > 4.5
        assert contrast(theme["primaryColor"], theme[surface]) > 3


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour):
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
