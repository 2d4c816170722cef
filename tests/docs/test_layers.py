"""The page on the layers: its table is the specifications', its example can be built, its tests exist."""

import json
import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from ava_np.layers import AnyLayer
from ava_np.network.architectures import architecture
from ava_np.specification import VAE, validated

PAGE = Path(__file__).parents[2] / "docs" / "layers" / "README.md"
TESTS = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(not PAGE.is_file(), reason="the docs are not beside these tests")


def text() -> str:
    return PAGE.read_text(encoding="utf-8")


def test_the_table_has_every_layer_with_its_fields_and_what_they_are_if_left_out() -> None:
    rows = re.findall(r"^\| `(\w+)` \|([^|]*)\|", text(), flags=re.MULTILINE)
    written = {name: fields for name, fields in rows if name not in ("training", "frozen", "evaluation")}
    layers = {str(layer.__struct_config__.tag): layer for layer in get_args(AnyLayer)}
    assert written.keys() == layers.keys()
    for name, layer in layers.items():
        found = dict(re.findall(r"`(\w+)` ?([^`]*?)(?:, |\s*$)(?=`|$)", written[name]))
        assert found.keys() == set(layer.__struct_fields__), name
        for field in msgspec.structs.fields(layer):
            required = field.default is msgspec.NODEFAULT
            assert found[field.name] == "" if required else json.loads(found[field.name]) == _plain(field.default), name


def _plain(value: object) -> object:
    """As JSON has it."""
    return list(value) if isinstance(value, tuple) else value


def test_the_example_can_be_built() -> None:
    (example,) = re.findall(r"^```json\n(.*?)^```$", text(), flags=re.DOTALL | re.MULTILINE)
    networks = json.loads(example)
    found = architecture(validated(VAE, architecture=networks, latent=10), (28, 28, 1))
    assert set(networks) == {"encoder", "decoder", "discriminator", "code_discriminator"}
    for name, layers in networks.items():
        tags = [str(layer.__struct_config__.tag) for layer in getattr(found, name)]
        built = [tag for tag in tags if tag not in ("reshape", "flatten")]
        asked = [layer["layer"] for layer in layers if layer["layer"] not in ("reshape", "flatten")]
        assert built[: len(asked)] == asked


def test_the_tests_that_it_names_exist() -> None:
    sources = "".join(
        path.read_text(encoding="utf-8") for folder in ("layers", "network") for path in (TESTS / folder).glob("*.py")
    )
    named = set(re.findall(r"`(test_\w+)`", text()))
    assert named
    assert named <= set(re.findall(r"^def (test_\w+)", sources, flags=re.MULTILINE))


def test_its_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", text())
    assert links
    for link in links:
        assert (PAGE.parent / link).exists(), link
