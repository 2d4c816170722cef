"""The page on the layers: its table matches the layers, its example can be built, and the tests that it names exist."""

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

pytestmark = pytest.mark.skipif(not PAGE.is_file(), reason="the docs are not next to these tests")


def text() -> str:
    return PAGE.read_text(encoding="utf-8")


def test_the_table_has_every_layer_with_its_fields_and_defaults() -> None:
    rows = re.findall(r"^\| `(\w+)` \|([^|]*)\|", text(), flags=re.MULTILINE)
    cells = {name: fields for name, fields in rows if name not in ("training", "frozen", "evaluation")}
    layers = {str(layer.__struct_config__.tag): layer for layer in get_args(AnyLayer)}
    assert cells.keys() == layers.keys()
    for name, layer in layers.items():
        defaults = dict(re.findall(r"`(\w+)` ?([^`]*?)(?:, |\s*$)(?=`|$)", cells[name]))
        assert defaults.keys() == set(layer.__struct_fields__), name
        for field in msgspec.structs.fields(layer):
            if field.default is msgspec.NODEFAULT:
                assert defaults[field.name] == "", name
            else:
                assert json.loads(defaults[field.name]) == _as_json(field.default), name


def _as_json(value: object) -> object:
    """Return the value in the form that ``json.loads`` returns."""
    return list(value) if isinstance(value, tuple) else value


def test_the_example_can_be_built() -> None:
    (example,) = re.findall(r"^```json\n(.*?)^```$", text(), flags=re.DOTALL | re.MULTILINE)
    networks = json.loads(example)
    result = architecture(validated(VAE, architecture=networks, latent=10), (28, 28, 1))
    assert set(networks) == {"encoder", "decoder", "discriminator", "code_discriminator"}
    for name, layers in networks.items():
        tags = [str(layer.__struct_config__.tag) for layer in getattr(result, name)]
        actual = [tag for tag in tags if tag not in ("reshape", "flatten")]
        expected = [layer["layer"] for layer in layers if layer["layer"] not in ("reshape", "flatten")]
        assert expected
        assert actual[: len(expected)] == expected


def test_named_tests_exist() -> None:
    sources = "".join(
        path.read_text(encoding="utf-8") for folder in ("layers", "network") for path in (TESTS / folder).glob("*.py")
    )
    named = set(re.findall(r"`(test_\w+)`", text()))
    assert named
    assert named <= set(re.findall(r"^def (test_\w+)", sources, flags=re.MULTILINE))


def test_links_lead_to_existing_files() -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", text())
    assert links
    for link in links:
        assert (PAGE.parent / link).exists(), link
