from __future__ import annotations

import pytest

pytest_plugins = ["browser"]
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_a_deep_link_on_a_cold_server_shows_the_whole_frame(page, server, console_errors, screenshot):
    page.goto(f"{server.url}/explore")
    page.get_by_role("heading", name="Explore", exact=True).wait_for()
    page.wait_for_timeout(1000)
    print(page.url, console_errors)
    print(page.inner_text("body"))
    screenshot("explore-light")
    screenshot("explore-dark", "dark")
    page.goto(f"{server.url}/embed")
    page.get_by_role("heading", name="Embed", exact=True).wait_for()
    screenshot("embed-light")
    page.get_by_role("link", name="Models").click()
    page.get_by_role("heading", name="Models", exact=True).wait_for()
    print(page.url)
    page.get_by_role("link", name="Explore").click()
    page.get_by_role("heading", name="Explore", exact=True).wait_for()
    print(page.url)
    page.wait_for_timeout(1000)
    print(page.url)
    print(server.log.read_text())
