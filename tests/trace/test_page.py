"""The page of ``ava trace`` in headless Chromium: its numbers are the JSON's, and rewinding gives the same page."""

import json
import shutil
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.command import ava

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None or find_spec("playwright") is None, reason="Chromium or playwright is missing"
)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """Return the page and the traces of all models."""
    folder = tmp_path_factory.mktemp("trace")
    html, numbers = folder / "page.html", folder / "numbers.json"
    assert ava("trace", "all", "--html", html, "--json", numbers).code == 0
    return html, json.loads(numbers.read_text("utf-8"))["traces"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Yield a browser."""
    with import_module("playwright.sync_api").sync_playwright() as browsers:
        yield browsers.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])


@pytest.fixture
def page(files: tuple[Path, list[dict[str, Any]]], browser: Any) -> Iterator[Any]:
    """Yield the page on a phone; fail at the end if the browser has reported an error or asked for anything else."""
    errors: list[str] = []
    view = browser.new_page(viewport={"width": 360, "height": 740})
    view.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    view.on("pageerror", lambda error: errors.append(str(error)))
    view.on(
        "request", lambda request: None if request.url.startswith(("file:", "data:")) else errors.append(request.url)
    )
    view.goto(files[0].as_uri())
    yield view
    assert view.evaluate("document.documentElement.scrollWidth") <= 360
    view.close()
    assert not errors


def move(view: Any, to: int) -> str:
    """Move the slider, and return the part of the page that follows from it."""
    view.locator("#step").evaluate(
        "(slider, to) => { slider.value = to; slider.dispatchEvent(new Event('input')) }", to
    )
    return str(view.locator("main").inner_html())


def test_every_row_of_every_model_shows_the_numbers_of_the_json(page: Any, files: tuple[Path, Any]) -> None:
    for trace in files[1]:
        page.select_option("#model", trace["model"])
        if trace["propagation"]:
            page.check(f"input[value={trace['propagation']}]")
        for i in {0, len(trace["rows"]) // 3, len(trace["rows"]) // 2, len(trace["rows"]) - 1}:
            move(page, i)
            row = trace["rows"][i]
            if row["after"] is None:  # of the wide layers of AVB and BiGAN
                assert "too many to show" in page.locator("#now").inner_text()
                continue
            values = flat(row["after"])
            cells = page.locator("#entries tbody td:nth-child(3)").all_inner_texts()
            assert len(cells) == min(len(values), 12)
            for cell, value in zip(cells, values, strict=False):
                assert float(cell.split("→")[-1]) == pytest.approx(value, rel=1e-5, abs=1e-12)


def flat(values: Any) -> list[float]:
    """Return the numbers of nested lists, or of one number."""
    return [one for part in values for one in flat(part)] if isinstance(values, list) else [values]


def test_rewinding_gives_the_same_page(page: Any) -> None:
    page.select_option("#model", "ava5")
    before = move(page, 60)
    for _ in range(3):
        page.locator("h1").click()
        page.keyboard.press("ArrowRight")
    assert move(page, 63) != before
    for key in ("End", "Home"):
        page.keyboard.press(key)
    assert move(page, 60) == before


def test_flipping_turns_the_error_of_the_decoder(page: Any, files: tuple[Path, Any]) -> None:
    page.select_option("#model", "ava1")
    page.check("input[value=paper]")
    paper = next(one for one in files[1] if (one["model"], one["propagation"]) == ("ava1", "paper"))
    at = next(i for i, row in enumerate(paper["rows"]) if row["code"].startswith("causal_backward"))
    move(page, at)
    assert page.locator("#crossing svg line").count() == 4  # Figure 1: one arrow for each of the four pixels
    page.check("input[value=exact]")
    assert page.locator("#crossing").is_hidden()
    assert "encoder" in page.locator("#angles").inner_text()


def test_a_prediction_hides_the_value_until_it_is_right(page: Any, files: tuple[Path, Any]) -> None:
    page.select_option("#model", "ae")
    trace = next(one for one in files[1] if one["model"] == "ae")
    at = next(i for i, row in enumerate(trace["rows"]) if row["stage"] == "errors")
    row, answer = trace["rows"][at], trace["rows"][at]["after"][0][0]
    page.check("#predict")
    move(page, at)
    assert page.locator("#entries tbody td:nth-child(3)").first.inner_text() == "?"
    box = page.locator("#now input")
    box.fill(str(-answer))
    box.press("Enter")
    assert "sign" in page.locator("#now [role=status]").inner_text()
    box.fill(f"{answer:.4g}")
    box.press("Enter")
    assert "Right" in page.locator("#now").inner_text()
    assert page.locator("#entries tbody td:nth-child(3)").first.inner_text() != "?", row


def test_one_network_alone(page: Any) -> None:
    page.select_option("#model", "vae")
    page.select_option("#filter", "decoder")
    move(page, 0)
    assert "Φ on z" in page.locator("#now").inner_text()
    page.locator("#networks .box.now g[tabindex]").first.focus()
    assert "Φ on z" in page.locator("#neuron").inner_text()
