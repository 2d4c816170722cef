"""What the scripts of the published experiments compute, where the answer is known."""

import math
from pathlib import Path

import numpy as np
import pytest

import ava_np
from ava_np.errors import AvaError
from ava_np.experiments.paper import gaussian_1d, overview, vae_likelihood, vaegan_sensitivity
from ava_np.experiments.paper.inversion import find_codes
from ava_np.experiments.paper.judge import SHIFT, shifted
from ava_np.experiments.paper.pictures import read_parts
from ava_np.experiments.study import Key
from ava_np.models.likelihood import elbos
from tests.command import write_pictures


def test_an_undecided_discriminator_has_a_loss_of_three_log_two() -> None:
    model = vaegan_sensitivity.build((16, 16, 1), seed=0)
    head = model.networks["discriminator"].parameters[-1]
    head["W"][:], head["b"][:] = 0, 0
    found = vaegan_sensitivity.losses(model, np.random.default_rng(0).random((8, 16, 16, 1), np.float32))
    assert found["gan"] == pytest.approx(3 * math.log(2), rel=1e-6)


def test_the_divergence_is_divided_by_the_values_of_the_code_and_the_features_by_their_number() -> None:
    model = vaegan_sensitivity.build((16, 16, 1), seed=0)
    head = model.networks["encoder"].parameters[-1]
    head["W"][:], head["b"][:] = 0, 0
    head["b"][: model.latent] = 2.0  # μ = 2, Σ = 1: KL = 2 for each value
    x = np.random.default_rng(0).random((8, 16, 16, 1), np.float32)
    found = vaegan_sensitivity.losses(model, x)
    assert found["prior"] == pytest.approx(2.0, rel=1e-6)
    buffers = model.buffers(8, model.noise(np.random.default_rng(0), 8))
    difference = buffers.Dis.intermediate - buffers.Dis_.intermediate
    assert found["features"] == pytest.approx(np.square(difference).mean(), rel=1e-5)


def test_a_search_finds_a_picture_that_the_generator_can_make() -> None:
    model = ava_np.build("dcgan", (8, 8, 1), hidden=(4, 8), latent=3)
    ava_np.fit(model, np.random.default_rng(0).random((32, 8, 8, 1), np.float32), epochs=3)
    pictures = model.decode(np.random.default_rng(1).standard_normal((5, 3)))
    few, many = (
        np.square(model.decode(find_codes(model, pictures, starts=3, steps=steps)) - pictures).mean()
        for steps in (1, 200)
    )
    assert many < 0.01 * few


def test_a_shift_moves_each_picture_by_its_own_offset() -> None:
    pictures = np.zeros((200, 9, 9, 1), np.float32)
    pictures[:, 4, 4] = 1
    moved = shifted(pictures, 0)
    at = np.array([np.argwhere(one[:, :, 0])[0] for one in moved]) - 4
    assert at.min() == -SHIFT
    assert at.max() == SHIFT
    assert len(np.unique(at, axis=0)) == (2 * SHIFT + 1) ** 2
    assert (moved.sum(axis=(1, 2, 3)) == 1).all()
    assert (shifted(pictures, 0) == moved).all()


def test_the_epochs_stand_in_the_printed_proportion() -> None:
    plan = overview.Plan(500, "")
    assert [plan.epochs(model, 100) * 100 for model in overview.ITERATIONS] == [4000, 1400, 600, 800]
    assert [plan.epochs(model, 1) for model in overview.ITERATIONS] == [4000, 1400, 540, 800]


def test_binarised_pictures_have_their_greys_as_probability() -> None:
    greys = np.linspace(0, 1, 5, dtype=np.float32).reshape(1, 1, 5, 1) * np.ones((20_000, 1, 1, 1), np.float32)
    drawn = vae_likelihood.binarised(greys, 0)
    assert set(np.unique(drawn)) == {0.0, 1.0}
    np.testing.assert_allclose(drawn.mean(axis=0).ravel(), [0, 0.25, 0.5, 0.75, 1], atol=0.02)


def test_pytorch_learns_as_much_from_the_same_weights() -> None:
    pytest.importorskip("torch")
    from ava_np.experiments.paper.vae_torch import train_with_torch

    x = vae_likelihood.binarised(np.random.default_rng(0).random((200, 4, 4, 1)) ** 3, 0)
    for network, (_, function, _) in vae_likelihood.NETWORKS.items():
        ours, theirs = (vae_likelihood.build(network, (4, 4, 1), 0) for _ in range(2))
        start = elbos(ours, x, samples=20).mean()
        ava_np.fit(ours, x, epochs=20, batch_size=20, learning_rate=0.001, schedule="cosine")
        train_with_torch(theirs, x, function, 20, 20, 0.001, 0)
        found, control = (elbos(model, x, samples=20).mean() for model in (ours, theirs))
        assert found > start + 0.5
        assert abs(found - control) < 0.25 * (found - start)


def test_a_gan_of_one_number_learns_its_mean() -> None:
    plan, key = gaussian_1d.Plan(12), Key("default", 0)
    result, _ = gaussian_1d.train(plan, key)
    assert abs(result.mean - 4) < 0.5


def test_held_out_pictures_are_others_and_their_classes_go_with_them(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "plain", 12)
    parts = read_parts(folder, training=100, test=100)
    assert (len(parts.training), len(parts.test)) == (10, 2)
    both = {one.tobytes() for part in (parts.training, parts.test) for one in part}
    assert len(both) == 12
    with pytest.raises(AvaError, match="no classes"):
        _ = parts.labels
    for name in ("a", "b"):
        write_pictures(tmp_path / "classes" / name, 12, seed=ord(name))
    parts = read_parts(tmp_path / "classes", training=15, test=3)
    labels, test_labels = parts.labels
    assert (len(parts.training), len(labels)) == (15, 15)
    assert set(labels) | set(test_labels) == {"a", "b"}
