"""``ava evaluate --measures`` prints what was asked for, beside what needs no model, or says why it cannot."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ava_np.cli.measures import NAMES
from ava_np.evaluation.measures import MEASURES
from tests.command import SMALL, ava, write_pictures


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of dark and bright pictures, in two classes."""
    folder, generator = tmp_path_factory.mktemp("classes"), np.random.default_rng(0)
    for name, brightness in (("dark", 80), ("bright", 170)):
        (folder / name).mkdir()
        for number in range(24):
            values = generator.normal(brightness, 20, (9, 12, 3))
            Image.fromarray(np.uint8(np.clip(values, 0, 255))).save(folder / name / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def run(pictures: Path) -> Path:
    """A short training of a VAE, with a part held out."""
    out = pictures.parent / "vae"
    done = ava("train", pictures, "--model", "vae", *SMALL, "--test", "0.5", "--out", out)
    assert done.code == 0, done.err
    return out


def test_the_names_are_those_of_the_measures() -> None:
    assert tuple(MEASURES) == NAMES


def test_all_measures_of_a_vae_are_beside_what_needs_no_model(run: Path) -> None:
    done = ava("evaluate", run, "--measures", "all", "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    alone = json.loads(ava("evaluate", run, "--part", "test", "--json").out)
    for name, other in (("reconstruction_error", "reconstruction_error"), ("rmse_at_model_size", "rmse")):
        assert found[name]["value"] == pytest.approx(alone[other])  # the zoom is 1
    assert found["reconstruction_error"]["baselines"]["mean picture"] == pytest.approx(alone["mean_image_error"])
    assert found["reconstruction_error"]["baselines"]["PCA of 2"] == pytest.approx(alone["pca_error"])
    assert found["nll"]["value"] <= found["negative_elbo"]["value"] + 3 * found["nll_error"]["value"]
    assert found["knn"]["baselines"]["pixels"] > 0.9  # the dark ones are darker
    assert found["frechet_distance"]["baselines"]["real pictures"] < found["frechet_distance"]["value"]
    assert "24 pictures, 24 training pictures" in done.err
    assert ava("evaluate", run, "--measures", "all", "--json").out == done.out
    table = ava("evaluate", run, "--measures", "samples,reconstruction").out
    assert table.index("PSNR, dB ↑") < table.index("Fréchet distance ↓")


def test_the_number_of_importance_samples_is_said_and_more_raise_the_estimate(run: Path) -> None:
    few, many = (
        json.loads(ava("evaluate", run, "--measures", "likelihood", "--importance-samples", k, "--json").out)["nll"]
        for k in (1, 300)
    )
    assert few["value"] > many["value"]
    assert (
        "-log p(x), nats, 7 samples" in ava("evaluate", run, "--measures", "likelihood", "--importance-samples", 7).out
    )


def test_what_does_not_fit_is_one_line(run: Path, pictures: Path, tmp_path: Path) -> None:
    plain = write_pictures(tmp_path / "plain", 10)
    out = tmp_path / "gan"
    assert ava("train", plain, "--model", "gan", *SMALL, "--out", out).code == 0
    for name, reason in (
        ("reconstruction", "gan has no encoder"),
        ("likelihood", "gan has no likelihood"),
        ("samples", "5 pictures are fewer than 20"),
    ):
        refused = ava("evaluate", out, "--measures", name)
        assert refused.code == 2
        assert reason in refused.err
    assert "there is no 'ssmi'" in ava("evaluate", run, "--measures", "ssmi").err
    done = ava("evaluate", out, "--measures", "all")
    assert done.code == 0, done.err
    assert "codes is left out: gan has no encoder" in done.err
    assert "these are training pictures" in done.err
    assert "sharpness of samples" in done.out
    assert "does not tell the classes" in ava("evaluate", run, plain, "--measures", "codes").err


def test_pictures_too_small_for_one_measure_have_the_others(tmp_path: Path) -> None:
    dots, out = write_pictures(tmp_path / "dots", 4, size=(2, 5)), tmp_path / "tiny"
    assert ava("train", dots, "--model", "ae", *SMALL, "--out", out).code == 0
    done = ava("evaluate", out, "--measures", "all")
    assert done.code == 0, done.err
    assert "sharpness is left out: the pictures have less than 3 x 3 pixels" in done.err
    assert "reconstruction error" in done.out
    refused = ava("evaluate", out, "--measures", "sharpness")
    assert refused.code == 2
    assert "less than 3 x 3" in refused.err


def test_other_pictures_are_compared_with_the_training_pictures(run: Path, pictures: Path) -> None:
    done = ava("evaluate", run, pictures, "--measures", "codes,image", "--json")
    assert done.code == 0, done.err
    assert "24 pictures, 24 training pictures" in done.err
    assert np.isfinite([one["value"] for one in json.loads(done.out).values()]).all()
