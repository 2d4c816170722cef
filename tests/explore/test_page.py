"""The page of ``ava explore`` in headless Chromium: sliders change the picture, and nothing is an error."""

import re
import shutil
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.command import ava, spawn, write_pictures

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needed = ("playwright", "starlette", "uvicorn")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None or not all(map(find_spec, needed)), reason="Chromium, playwright or ava-np[explore] is missing"
)

PIXELS = "id => document.getElementById(id).toDataURL()"


def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds; the page's policy forbids code in it that would wait."""
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run of a VAE that has learnt a little."""
    folder = tmp_path_factory.mktemp("explore")
    write_pictures(folder / "photos", count=12)
    options = ("--model", "vae", "--hidden", "16", "--latent", "3", "--epochs", "30", "--out", folder / "run")
    assert ava("train", folder / "photos", *options).code == 0
    return folder / "run"


@pytest.fixture
def page(run: Path) -> Iterator[Any]:
    """Yield the page, opened and complete; fail at the end if the browser has reported an error."""
    server = spawn("explore", run, "--no-browser")
    assert server.stdout is not None
    address = server.stdout.readline().strip()
    errors: list[str] = []
    with import_module("playwright.sync_api").sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        view = browser.new_page(viewport={"width": 360, "height": 740})
        view.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        view.on("pageerror", lambda error: errors.append(str(error)))
        view.on("requestfailed", lambda request: errors.append(request.url))
        view.goto(address)
        view.wait_for_selector("body[data-ready=true]")
        yield view
        requests_elsewhere = [line for line in errors if "127.0.0.1" not in line and "http" in line]
        assert not requests_elsewhere
        assert not errors
        browser.close()
    server.terminate()
    server.communicate()


def test_the_page_works_with_a_mouse_and_with_keys(page: Any, tmp_path: Path) -> None:
    """All in one: to start a browser takes longer than to use it."""
    assert page.evaluate("document.documentElement.scrollWidth") == 360  # fits a phone

    def pixels(name: str) -> str:
        return str(page.evaluate(PIXELS, name))

    def changed(name: str, before: str) -> None:
        until(lambda: pixels(name) != before)

    def count(selector: str) -> int:
        return int(page.locator(selector).count())

    before, cross = pixels("current"), pixels("map")
    slider = page.locator("#sliders input").first
    slider.focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    changed("current", before)
    changed("map", cross)
    page.keyboard.press("Delete")
    until(lambda: pixels("current") == before)

    between = pixels("between")
    page.locator("#t").fill("0.9")
    changed("between", between)
    page.click("#circle")
    between = pixels("between")
    changed("between", between)
    page.click("#stop")

    assert count("#samples .tile") == 24
    page.locator("#samples .star").nth(2).click()
    until(lambda: count("#kept .tile") == 1)
    before = pixels("current")
    page.locator("#samples .tile > button:first-child").nth(5).click()
    changed("current", before)

    before = pixels("current")
    page.locator("#map").focus()
    for _ in range(10):
        page.keyboard.press("ArrowUp")
    changed("current", before)

    Image.new("RGB", (40, 30), "red").save(tmp_path / "own.png")
    page.set_input_files("#file", tmp_path / "own.png")
    page.wait_for_selector("#yours:not([hidden])")
    until(lambda: count("#nearest .tile") > 0)
    with page.expect_download() as saved:
        page.click("#gif")
    assert re.fullmatch(r"(line|circle)\.gif", saved.value.suggested_filename)
    assert page.locator("#error").is_hidden()
