from __future__ import annotations

import re
import urllib.error
import urllib.request

import pytest

pytest_plugins = ["browser"]
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

PAGES = ["Embed", "Explore", "Compare", "Evaluate", "Export", "Models"]
TOKEN = re.compile(r"\bw=([A-Za-z0-9_-]{22})")


def opened(page, name):
    page.wait_for_function(f"document.title == '{name} · embedviz'")
    page.get_by_test_id("stAppViewContainer").wait_for()


def token(page):
    page.wait_for_url(TOKEN)
    return TOKEN.search(page.url)[1]


def test_a_deep_link_on_a_cold_server_shows_the_whole_frame(
    page, server, console_errors, elsewhere, screenshot
):
    page.goto(f"{server.url}/explore")
    opened(page, "Explore")
    for name in PAGES:
        page.get_by_role("link", name=name, exact=True).wait_for()
    assert page.get_by_text("Page not found").count() == 0
    token(page)
    screenshot("shell-light")
    screenshot("shell-dark", "dark")
    assert console_errors == []
    assert elsewhere == []


def test_the_first_visit_shows_the_map_and_every_page_keeps_the_workspace(
    page, server, console_errors
):
    page.goto(server.url)
    opened(page, "Explore")
    first = token(page)
    for name in ("Models", "Embed", "Explore"):
        page.get_by_role("link", name=name, exact=True).click()
        opened(page, name)
        assert token(page) == first
    page.reload()
    opened(page, "Explore")
    assert token(page) == first
    page.go_back()
    opened(page, "Embed")
    assert token(page) == first
    assert console_errors == []


def test_an_expired_link_is_explained(page, server):
    page.goto(f"{server.url}/?w={'a' * 22}")
    page.get_by_text("This workspace is gone").wait_for()
    assert token(page) != "a" * 22


def test_the_shell_fits_a_phone(page, server, screenshot):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(server.url)
    opened(page, "Explore")
    screenshot("shell-phone")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_the_running_app_answers_unknown_sounds_with_a_sentence(server):
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{server.url}/sound/{'a' * 22}/demo/0.wav")
    with caught.value as answer:
        assert answer.code == 404
        assert answer.read().decode().startswith("This workspace is gone")
