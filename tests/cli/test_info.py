"""``ava info`` and ``ava --version``: a run, an installation, and a checkout that is not installed."""

import json
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

import ava_np
from ava_np.data.folder import load_pictures
from tests.command import SMALL, spawn
from tests.results import ZOOM, printed, ran


def test_info_describes_a_run(place: Path, photos: Path) -> None:
    found = printed("info", "run")
    expected = {"name": "ava5", "propagation": "exact", "latent": 2, "hidden": [8], "architecture": "mlp"}
    assert found["model"].items() >= expected.items()
    digest = load_pictures(photos, zoom=ZOOM).sha256
    expected = {"source": str(photos), "size": [12, 9], "channels": 3, "zoom": 3, "sha256": digest}
    assert found["pictures"].items() >= expected.items()
    assert found["networks"]["encoder"] == "36: dense 8, leaky relu, dense 4; 332 parameters"
    assert found["progress"]["epochs"] == found["progress"]["steps"] == 3
    text = ran("info", "run")
    for section, values in found.items():
        assert f"\n{section}\n" in f"\n{text}"
        assert all(f"  {key} " in text for key in values)
    assert not any(word in text for word in ("None", "True", "False", "[", "(", "{", "'"))
    assert "  hidden                   8\n" in text
    assert "  size                     12, 9\n" in text


def test_info_describes_convolutions(place: Path, photos: Path) -> None:
    options = ("--model", "dcgan", "--hidden", "2,3", "--latent", 4, "--zoom", 1, "--minibatch-discrimination")
    ran("train", photos, *options, "--epochs", 1, "--out", "dcgan")
    networks = printed("info", "dcgan")["networks"]
    assert networks["generator"].startswith(
        "4: dense 27, reshape 3x3x3, batch norm, relu, transposed convolution 5x6x2, batch norm, relu, "
        "transposed convolution 9x12x3, flatten 324, sigmoid; "
    )
    assert networks["discriminator"].startswith(
        "324: reshape 9x12x3, convolution 5x6x2, leaky relu, convolution 3x3x3, batch norm, leaky relu, flatten 27, "
        "minibatch discrimination "
    )
    parameters = [network.theta.size for network in ava_np.load("dcgan").networks.values()]
    assert [text.rpartition("; ")[2] for text in networks.values()] == [f"{size:,} parameters" for size in parameters]


def test_info_describes_a_custom_architecture(place: Path, photos: Path) -> None:
    own = {"encoder": [{"layer": "flatten"}, {"layer": "dense", "width": 3}]}
    (place / "own.json").write_text(json.dumps(own))
    ran("train", photos, *SMALL, "--zoom", 3, "--model", "ae", "--architecture", "own.json", "--out", "own")
    assert printed("info", "own")["networks"]["encoder"].startswith("36: reshape 3x4x3, flatten 36, dense 3, ")
    assert '"layer": "dense"' in ran("info", "own")


@pytest.fixture
def not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the metadata of all installed packages."""

    def version(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", version)


@pytest.mark.usefixtures("not_installed")
def test_info_describes_the_installation() -> None:
    found = printed("info")
    assert found["versions"]["ava-np"] == ava_np.__version__
    assert found["versions"]["python"] == sys.version.split()[0]
    assert found["versions"]["numpy"] == np.__version__
    assert found["machine"]["threads"] >= 1
    assert Path(found["documentation"]["docs"], "manual", "command-line.md").is_file()
    assert "versions" in ran("info").splitlines()


@pytest.mark.usefixtures("not_installed")
def test_version_is_printed() -> None:
    assert ran("--version").strip() == f"ava, version {ava_np.__version__}"


def test_package_can_be_run_as_a_module() -> None:
    process = spawn("--version", script="import runpy; runpy.run_module('ava_np', run_name='__main__')")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out.strip(), err) == (0, f"ava, version {ava_np.__version__}", "")
