"""``ava evaluate``, ``gradcheck`` and ``info``: what they print, on six small pictures and on points."""

import json
import shutil
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

import ava_np
from ava_np.data import toys
from ava_np.data.folder import load_pictures
from ava_np.data.zoom import zoom_in
from ava_np.evaluation import metrics
from ava_np.models.gradcheck import LIMIT
from ava_np.specification import MODELS
from tests.command import SMALL, ava, write_pictures
from tests.results import ZOOM, printed, ran, refused, train_runs

ROOT = Path(__file__).resolve().parents[2]
BASELINES = {"grey", "single_colour", "mean_image", "floor"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_runs(tmp_path_factory.mktemp("place"))


@pytest.fixture
def place(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: a copy of the runs, with the pictures where they were."""
    for name in ("run", "gan", "toy", "line"):
        shutil.copytree(made / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def photos(made: Path) -> Path:
    return made / "photos"


def test_evaluate_prints_what_the_library_measures(place: Path, photos: Path) -> None:
    found = printed("evaluate", "run")
    pictures = load_pictures(photos, zoom=ZOOM)
    result = ava_np.evaluate(ava_np.load("run"), pictures.array, ZOOM)
    assert found["reconstruction_error"] == pytest.approx(result.reconstruction_error)
    assert found["reconstruction_errors"] == pytest.approx(
        dict(zip(pictures.names, result.reconstruction_errors, strict=True))
    )
    assert found["reconstruction_error"] == pytest.approx(np.mean(list(found["reconstruction_errors"].values())))
    assert found["rmse"] == pytest.approx(result.rmse)
    assert found["image_best"] == pictures.names[result.best]
    assert set(found["baselines"]) >= BASELINES
    assert found["baselines"]["floor"] <= found["rmse"] <= found["rmse_mean"]


def test_evaluate_prints_tables(place: Path) -> None:
    text, found = ran("evaluate", "run"), printed("evaluate", "run")
    expected = found["reconstruction_errors"] | {name.replace("_", " "): found["baselines"][name] for name in BASELINES}
    for name, value in expected.items():
        assert any(line.split() == [*name.split(), f"{value:.4f}"] for line in text.splitlines()), name


def test_other_pictures_are_evaluated_like_the_own(place: Path) -> None:
    write_pictures(place / "other", 3, size=(30, 20), seed=9)
    found = printed("evaluate", "run", "other")
    assert set(found["reconstruction_errors"]) == {"1.png", "2.png", "3.png"}
    assert found["reconstruction_error"] != printed("evaluate", "run")["reconstruction_error"]


@pytest.fixture
def parted(place: Path, photos: Path) -> str:
    """A run that holds two of its six pictures out for validation, and one for a test."""
    ran("train", photos, *SMALL, "--model", "ae", "--validation", 0.34, "--test", 0.17, "--out", "parted")
    return "parted"


def test_the_parts_of_a_run_are_evaluated_apart(parted: str) -> None:
    parts = {
        name: printed("evaluate", parted, "--part", name)["reconstruction_errors"]
        for name in ("train", "validation", "test")
    }
    assert [len(own) for own in parts.values()] == [3, 2, 1]
    assert sorted(name for own in parts.values() for name in own) == [f"{k}.png" for k in range(1, 7)]
    assert printed("evaluate", parted)["reconstruction_errors"] == parts["train"]


def test_a_part_that_is_not_there_is_refused(place: Path, photos: Path) -> None:
    assert "holds out no test pictures" in refused("evaluate", "run", "--part", "test")
    assert "leave it or FOLDER out" in refused("evaluate", "run", photos, "--part", "train")
    assert "leave out FOLDER and --part" in refused("evaluate", "toy", "--part", "train")
    assert "leave out FOLDER and --part" in refused("evaluate", "toy", photos)


@pytest.mark.parametrize("folder", [False, True])
def test_of_many_pictures_some_are_judged_and_few_listed(
    monkeypatch: pytest.MonkeyPatch, place: Path, photos: Path, folder: bool
) -> None:
    monkeypatch.setattr("ava_np.run.folder.MAX_EVALUATED", 4)
    monkeypatch.setattr("ava_np.cli.check.MAX_LISTED", 3)
    monkeypatch.setattr("ava_np.cli.check.WORST", 2)
    arguments = ("evaluate", "run", photos) if folder else ("evaluate", "run")
    outcome = ava(*arguments, "--json")
    assert outcome.err == "4 of 6 pictures are judged, evenly spaced\n"
    own = json.loads(outcome.out)["reconstruction_errors"]
    assert list(own) == ["1.png", "3.png", "4.png", "6.png"]
    lines = ran(*arguments).splitlines()
    assert lines[0].startswith("the 2 worst of 4 pictures")
    assert [line.split()[0] for line in lines[2:4]] == sorted(own, key=lambda name: -own[name])[:2]
    assert not lines[4]


def test_samples_are_measured_where_nothing_is_shown_back(place: Path, photos: Path) -> None:
    found = printed("evaluate", "gan")
    pictures = load_pictures(photos, zoom=ZOOM).array
    samples = zoom_in(ava_np.load("gan").sample(100, np.random.default_rng((0, 3))), ZOOM)
    rmses = [metrics.rmse(sample, pictures) for sample in samples]
    assert found["rmse"] == pytest.approx(min(rmses))
    assert found["rmse_mean"] == pytest.approx(np.mean(rmses))
    assert found["baselines"] == pytest.approx(metrics.baselines(pictures, ZOOM))
    assert "reconstruction_error" not in found
    text = ran("evaluate", "gan")
    assert f"the best of 100 samples  {found['rmse']:.4f}" in text
    assert "own error" not in text


def test_points_are_judged_by_their_distribution(place: Path) -> None:
    for name, toy, of in (("toy", "ring", 8), ("line", "gaussian", 1)):
        points = ava_np.load(name).sample(1000, np.random.default_rng((0, 3)))
        judged = toys.mode_coverage(toy, points)
        found = printed("evaluate", name)
        assert (found["modes"], found["of"], found["good"]) == (judged.modes_found, of, judged.good_fraction)
        text = ran("evaluate", name)
        assert f"modes found    {judged.modes_found} of {of}" in text
        assert f"good samples   {100 * judged.good_fraction:.1f} %" in text
    assert found["mean"] == pytest.approx(points.mean())
    assert found["deviation"] == pytest.approx(points.std())


def test_gradcheck_lists_every_gradient() -> None:
    outcome = ava("gradcheck", "--model", "ava5", "--architecture", "mlp", "--json")
    assert outcome.code == 0
    rows = json.loads(outcome.out)
    keys = {"model", "architecture", "propagation", "phase", "network", "layer", "quantity", "relative_error"}
    assert all(row.keys() == keys and row["relative_error"] < LIMIT for row in rows)
    assert {row["propagation"] for row in rows} == {"exact", "paper"}
    assert {row["network"] for row in rows} == {"encoder", "decoder", "discriminator", "encoding_discriminator"}
    assert f"all {len(rows)} gradients pass" in outcome.err


def test_gradcheck_prints_a_line_for_each_model() -> None:
    lines = ran("gradcheck", "--architecture", "mlp").splitlines()
    assert lines[0].split() == ["model", "architecture", "propagation", "gradients", "worst", "where"]
    both = [name for name, kind in MODELS.items() if "propagation" in kind.__struct_fields__]
    assert [line.split()[0] for line in lines[2:]] == [name for name in MODELS for _ in range(1 + (name in both))]
    rows = json.loads(ava("gradcheck", "--model", "bigan", "--architecture", "mlp", "--json").out)
    worst = max(rows, key=lambda row: row["relative_error"])
    (line,) = (line for line in lines if line.startswith("bigan "))
    where = f"{worst['phase']}: {worst['network']}.{worst['layer']}.{worst['quantity']}"
    assert line.split(maxsplit=4)[1:] == ["mlp", str(len(rows)), f"{worst['relative_error']:.1e}", where]


def test_gradcheck_prints_every_row() -> None:
    lines = ran("gradcheck", "--model", "vae", "--architecture", "mlp", "--propagation", "paper", "--all").splitlines()
    assert lines[0].split()[:5] == ["model", "architecture", "propagation", "phase", "network"]
    assert all(line.split()[:3] == ["vae", "mlp", "paper"] for line in lines[2:])
    assert len(lines) == 2 + 2 * 3 * 3  # networks, layers, and W, b and the input


def test_gradcheck_takes_every_architecture_and_the_layer_that_compares() -> None:
    lines = ran("gradcheck", "--model", "gan").splitlines()
    assert [line.split()[1] for line in lines[2:]] == ["mlp", "conv28", "conv64", "dcgan"]
    arguments = ("gradcheck", "--minibatch-discrimination", "--architecture", "mlp", "--json")
    rows = json.loads(ava(*arguments).out)
    assert {row["model"] for row in rows if row["layer"].startswith("minibatch")} == {
        name for name, kind in MODELS.items() if "minibatch_discrimination" in kind.__struct_fields__
    }
    assert {row["model"] for row in rows}.isdisjoint({"ae", "vae"})


@pytest.mark.parametrize(
    "arguments", [("--model", "ae", "--minibatch-discrimination"), ("--model", "gan", "--propagation", "exact")]
)
def test_gradcheck_refuses_what_the_model_has_not(arguments: tuple[str, ...]) -> None:
    assert "leave that option out" in refused("gradcheck", *arguments)


def test_gradcheck_fails_if_a_row_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ava_np.models.gradcheck.LIMIT", 1e-30)
    outcome = ava("gradcheck", "--model", "ae", "--architecture", "mlp")
    assert outcome.code == 1
    assert " gradients reach 1e-30" in outcome.err


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


def test_info_describes_an_architecture_of_ones_own(place: Path, photos: Path) -> None:
    own = {"encoder": [{"layer": "flatten"}, {"layer": "dense", "width": 3}]}
    (place / "own.json").write_text(json.dumps(own))
    ran("train", photos, *SMALL, "--zoom", 3, "--model", "ae", "--architecture", "own.json", "--out", "own")
    assert printed("info", "own")["networks"]["encoder"].startswith("36: reshape 3x4x3, flatten 36, dense 3, ")
    assert '"layer": "dense"' in ran("info", "own")


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The version; where ava-np is not installed, its metadata are written from pyproject.toml."""
    try:
        return metadata.version("ava-np")
    except metadata.PackageNotFoundError:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
        folder = tmp_path / f"ava_np-{project['version']}.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: ava-np\nVersion: {project['version']}\n")
        monkeypatch.syspath_prepend(tmp_path)
        return str(project["version"])


def test_info_describes_the_installation(installed: str) -> None:
    found = printed("info")
    assert found["versions"]["ava-np"] == installed
    assert found["versions"]["python"] == sys.version.split()[0]
    assert found["versions"]["numpy"] == np.__version__
    assert found["machine"]["threads"] >= 1
    assert "versions" in ran("info").splitlines()


def test_the_version_is_told(installed: str) -> None:
    assert ran("--version").strip() == f"ava, version {installed}"
