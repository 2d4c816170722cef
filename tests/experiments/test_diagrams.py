"""The diagrams of the documentation are those that are drawn today, and every model's is on its page."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from ava_np.experiments.diagrams import diagrams
from ava_np.experiments.diagrams.flow import edges
from ava_np.trace import trace_step

IMAGES = Path(__file__).parents[2] / "docs" / "images"
DRAWN = dict(diagrams())


@pytest.mark.skipif(not IMAGES.is_dir(), reason="the docs are not next to these tests")
@pytest.mark.parametrize("name", DRAWN)
def test_the_file_is_what_is_drawn(name: str) -> None:
    """Otherwise run ``python -m ava_np.experiments.diagrams docs/images``."""
    assert (IMAGES / name).read_text("utf-8") == DRAWN[name]


@pytest.mark.parametrize("name", DRAWN)
def test_everything_is_inside_the_picture(name: str) -> None:
    root = ElementTree.fromstring(DRAWN[name])
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    shapes = [one.attrib for one in root.iter() if "x" in one.attrib or "cx" in one.attrib]
    assert shapes
    for one in shapes:
        x, y = float(one.get("x", one.get("cx", "0"))), float(one.get("y", one.get("cy", "0")))
        assert 0 <= x <= x + float(one.get("width", "0")) <= width
        assert 0 <= y <= y + float(one.get("height", "0")) <= height


def test_edges_are_those_of_the_paper() -> None:
    found = {(edge.source, edge.target, edge.part) for edge in edges(trace_step("ava5"), "step")}
    assert found == {
        ("x", "f", ""),
        ("f", "g", "z"),
        ("x", "d", ""),
        ("g", "d_", ""),
        ("g", "f_", ""),
        ("f", "D", "μ"),
        ("f_", "D_", "μ"),
    }


def test_an_error_stops_at_a_discriminator_only_where_it_does_not_learn() -> None:
    assert DRAWN["model-ava5.svg"].count('class="bar"') == 2  # Ψ* and Λ*
    assert DRAWN["model-vae.svg"].count('class="bar"') == 0
    assert DRAWN["model-gan.svg"].count('class="bar"') == 1


@pytest.mark.skipif(not IMAGES.is_dir(), reason="the docs are not next to these tests")
def test_every_diagram_is_on_a_page() -> None:
    pages = "".join(page.read_text("utf-8") for page in IMAGES.parent.rglob("*.md"))
    missing = [name for name in DRAWN if f"images/{name})" not in pages]
    assert sorted(missing) == sorted(
        f"model-{name}.svg" for name in ("dcgan", "vae-gan-costs", "ava1", "ava2", "ava3", "ava4")
    )  # parts of others, or the same as others
