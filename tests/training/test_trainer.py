"""The trainer: reproducibility, resuming, interruptions, and metrics compared with a calculation in plain NumPy."""

import copy
import json
from itertools import islice
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ava_np import build
from ava_np.data.batches import Batches
from ava_np.errors import NotFiniteError, PictureError
from ava_np.models import Model
from ava_np.models.step import Noise
from ava_np.specification import OptimiserName, Reduction
from ava_np.training.trainer import Trainer
from tests.oracles import few_examples
from tests.training.cases import COUNT, SHAPE, STEPS, parameter_bytes, small_model, specify, trained


def test_the_same_seed_gives_the_same_bytes(pictures: np.ndarray) -> None:
    assert trained(specify(seed=4), pictures) == trained(specify(seed=4), pictures)


def test_different_seeds_give_different_parameters(pictures: np.ndarray) -> None:
    first, _ = trained(specify(seed=4), pictures)
    second, _ = trained(specify(seed=5), pictures)
    assert all(first[name] != second[name] for name in first)


@few_examples
@given(
    stop=st.integers(0, STEPS),
    name=st.sampled_from(["vae", "gan", "dcgan", "aae", "bigan", "vaegan", "ava5"]),
    optimiser=st.sampled_from(["adam", "sgd"]),
    reduction=st.sampled_from(["sum", "fan"]),
    ema=st.sampled_from([0.0, 0.9]),
)
def test_a_resumed_training_equals_an_uninterrupted_one(
    stop: int, name: str, optimiser: OptimiserName, reduction: Reduction, ema: float
) -> None:
    """This holds for every byte of the parameters, their average, the running statistics and the optimisers' states."""
    pictures = np.random.default_rng(5).random((6, 4, 4, 1), dtype=np.float32)
    training = msgspec.structs.replace(specify(optimiser, 1e-3, reduction), ema=ema)

    def trainer(seed: int) -> Trainer:
        return Trainer(build(name, (4, 4, 1), latent=2, hidden=(5,), seed=seed), training)

    uninterrupted = trainer(0)
    expected = list(uninterrupted.run(Batches(pictures)))
    first = trainer(0)
    metrics = list(islice(first.run(Batches(pictures)), stop))
    saved = copy.deepcopy(first.state())
    second = trainer(99)
    second.restore(*saved)
    assert second.steps == len(metrics) == min(stop, len(expected))
    if metrics and metrics[-1] is not None and stop <= len(expected):
        metrics.pop()  # an epoch whose metrics were taken just before the stop is reported again
    metrics += second.run(Batches(pictures))
    arrays, numbers = second.state()
    assert {key: array.tobytes() for key, array in arrays.items()} == {
        key: array.tobytes() for key, array in uninterrupted.state()[0].items()
    }
    assert numbers == uninterrupted.state()[1]
    assert json.dumps(metrics) == json.dumps(expected)  # which also compares the order of the terms


def statistics_bytes(model: Model) -> list[bytes]:
    """Return the bytes of all running statistics."""
    return [a.tobytes() for network in model.networks.values() for state in network.states for a in state.values()]


@pytest.mark.parametrize("error", [KeyboardInterrupt, NotFiniteError])
@pytest.mark.parametrize(("phase", "unchanged"), [("discriminator", True), ("generator", False)])
def test_a_step_interrupted_before_its_first_update_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, error: type[BaseException], phase: str, unchanged: bool
) -> None:
    """Running statistics, which the forward pass has already updated, are restored.

    An interruption in the second phase comes after the update of the first, so the model has changed.
    """
    dcgan = build("dcgan", (4, 4, 1), latent=2, hidden=(4, 5))
    trainer = Trainer(dcgan, specify())
    x = np.random.default_rng(0).random((3, 16), dtype=np.float32)
    noise = dcgan.noise(np.random.default_rng(1), 3)
    trainer.step(x, noise)
    parameters, statistics = parameter_bytes(dcgan), statistics_bytes(dcgan)
    gradients = getattr(dcgan, f"{phase}_gradients")

    def interrupted(*arguments: Any) -> None:
        gradients(*arguments)
        assert statistics_bytes(dcgan) != statistics
        raise error("stopped")

    monkeypatch.setattr(dcgan, f"{phase}_gradients", interrupted)
    with pytest.raises(error):
        trainer.step(x, noise)
    assert trainer.steps == 1
    assert trainer.between_steps == unchanged
    assert (parameter_bytes(dcgan) == parameters and statistics_bytes(dcgan) == statistics) == unchanged


def test_a_network_that_learns_in_two_phases_has_an_optimiser_for_each() -> None:
    """For the encoder of an AAE, Adam keeps separate moments for the reconstruction and for the regularisation."""
    aae = build("aae", (2, 2, 1), latent=2, hidden=(4,))
    trainer = Trainer(aae, specify())
    x, noise = np.random.default_rng(0).random((3, 4), dtype=np.float32), aae.noise(np.random.default_rng(1), 3)
    untrained = copy.deepcopy(aae)
    trainer.step(x, noise)
    moments = [trainer.optimisers[phase, "encoder"].state["m"] for phase in ("reconstruction", "regularisation")]
    untrained.phases[0].gradients(x, noise)
    expected = 0.1 * untrained.networks["encoder"].gradient.read() / 3
    np.testing.assert_allclose(moments[0], expected, rtol=1e-5, atol=1e-9)
    assert not np.allclose(moments[1], moments[0])


@pytest.mark.parametrize(("count", "batch", "rejected"), [(7, 3, True), (1, 4, True), (6, 3, False), (3, 1, True)])
def test_batches_of_one_picture_are_rejected_for_batch_norm(count: int, batch: int, rejected: bool) -> None:
    dcgan, gan = (build(name, (4, 4, 1), latent=2, hidden=(4, 5)) for name in ("dcgan", "gan"))
    Trainer(gan, specify(batch_size=batch)).check(count)
    if rejected:
        with pytest.raises(
            PictureError, match="would be alone" if count > 1 else "there is only one: give more pictures"
        ):
            next(Trainer(dcgan, specify(batch_size=batch)).run(Batches(np.zeros((count, 4, 4, 1), np.float32))))
    else:
        Trainer(dcgan, specify(batch_size=batch)).check(count)


def test_validation_pictures_are_spread_over_the_whole_held_out_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder that is sorted by class, the first pictures would all be of one class."""
    vae, seen = small_model("vae"), []
    greys = np.linspace(0, 1, 1000, dtype=np.float32)[:, None, None, None] * np.ones((1, *SHAPE), np.float32)

    def black(pictures: np.ndarray) -> np.ndarray:
        seen.append(pictures)
        return np.zeros_like(pictures)

    monkeypatch.setattr(vae, "reconstruct", black)
    (*_, last) = Trainer(vae, specify()).run(Batches(np.zeros((2, *SHAPE), np.float32)), Batches(greys))
    assert last is not None
    assert last["validation"]["reconstruction_error"] == pytest.approx(0.25, abs=0.005)  # half of the mean grey, 0.5
    assert len(seen[0]) == 256
    assert seen[0].max() == 1


def test_running_a_finished_training_again_does_nothing(pictures: np.ndarray) -> None:
    trainer = Trainer(small_model(), specify())
    assert len(list(trainer.run(Batches(pictures)))) == trainer.steps == STEPS
    before = parameter_bytes(trainer.model)
    assert list(trainer.run(Batches(pictures))) == []
    assert parameter_bytes(trainer.model) == before


def test_a_state_of_another_model_is_rejected(pictures: np.ndarray) -> None:
    arrays, numbers = Trainer(build("ava5", SHAPE, latent=3, hidden=(5,)), specify()).state()
    with pytest.raises(ValueError, match=r"encoder\.theta has \d+ values instead of \d+"):
        Trainer(small_model(), specify()).restore(arrays, numbers)


def test_a_state_of_another_optimiser_is_rejected(pictures: np.ndarray) -> None:
    arrays, numbers = Trainer(small_model(), specify("sgd")).state()
    with pytest.raises(KeyError, match=r"step\.encoder\.m"):
        Trainer(small_model(), specify("adam")).restore(arrays, numbers)


def test_every_epoch_sees_every_picture_once_in_a_new_order(
    pictures: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer, seen = Trainer(small_model(), specify()), []
    step = trainer.step

    def record(x: np.ndarray, noise: Noise, rate: float, size: int) -> None:
        assert noise["r"].shape == (len(x), 2)
        assert size == len(x)
        seen.append(x.copy())
        step(x, noise, rate)

    monkeypatch.setattr(trainer, "step", record)
    epoch_ends = [metrics is not None for metrics in trainer.run(Batches(pictures))]
    assert [len(x) for x in seen] == [3, 3, 1, 3, 3, 1]
    assert epoch_ends == [False, False, True, False, False, True]
    first, second = np.concatenate(seen[:3]), np.concatenate(seen[3:])
    rows = pictures.reshape(COUNT, -1)
    for epoch in (first, second):
        np.testing.assert_array_equal(epoch[np.lexsort(epoch.T)], rows[np.lexsort(rows.T)])
    assert not np.array_equal(first, second)


def test_metrics_are_means_per_picture_in_nats(pictures: np.ndarray) -> None:
    """They are compared with the sums of (1), (2) and (11) in float64; the learning rate is too small for a change."""
    model = small_model()
    before = parameter_bytes(model)
    trainer = Trainer(model, specify("sgd", learning_rate=1e-60, seed=11))
    epochs = [metrics for metrics in trainer.run(Batches(pictures)) if metrics is not None]
    assert parameter_bytes(model) == before
    assert [(metrics["epoch"], metrics["step"]) for metrics in epochs] == [(1, 3), (2, 6)]
    rows = pictures.reshape(COUNT, -1).astype(np.float64)
    for epoch, metrics in enumerate(epochs):
        order = np.random.default_rng((11, 0, epoch + 1)).permutation(COUNT)
        noise = [
            np.random.default_rng((11, 1, 3 * epoch + batch)).standard_normal((size, 2))
            for batch, size in enumerate((3, 3, 1))
        ]
        expected = terms(model, rows[order], np.concatenate(noise))
        assert metrics["nats"] == pytest.approx({name: values.mean() for name, values in expected.items()}, rel=1e-4)


def terms(model: Model, x: np.ndarray, r: np.ndarray) -> dict[str, np.ndarray]:
    """Return each term of AVA5 for each picture, computed in plain NumPy."""

    def apply(name: str, x: np.ndarray) -> np.ndarray:
        first, second = (p for p in model.networks[name].parameters if p)
        hidden = x @ first["W"] + first["b"]
        return np.asarray(np.where(hidden > 0, hidden, 0.2 * hidden) @ second["W"] + second["b"])

    code = apply("encoder", x)
    μ, s = code[:, :2], code[:, 2:]
    decoded = 1 / (1 + np.exp(-apply("decoder", μ + np.exp(s / 2) * r)))
    μ_ = apply("encoder", decoded)[:, :2]

    def log_real(name: str, x: np.ndarray) -> np.ndarray:
        return np.asarray(-np.log(1 + np.exp(-apply(name, x)[:, 0])))

    def log_fake(name: str, x: np.ndarray) -> np.ndarray:
        return np.asarray(-np.log(1 + np.exp(apply(name, x)[:, 0])))

    return {
        "reconstruction": 0.5 * np.sum((x - decoded) ** 2, axis=1),
        "kl": 0.5 * np.sum(np.exp(s) + μ**2 - 1 - s, axis=1),
        "log_d_real": log_real("discriminator", x),
        "log_d_fake": log_fake("discriminator", decoded),
        "log_D_real": log_real("encoding_discriminator", μ),
        "log_D_fake": log_fake("encoding_discriminator", μ_),
    }


def test_gradients_are_means_over_the_batch(pictures: np.ndarray) -> None:
    """Four equal pictures with equal noise in one batch change every parameter by as much as one of them alone."""
    x, r = pictures[:1].reshape(1, -1), np.array([[0.3, -0.2]], np.float32)
    one, four = (Trainer(small_model(), specify("sgd", 0.1, "fan")) for _ in range(2))
    one.step(x, {"r": r})
    four.step(np.repeat(x, 4, axis=0), {"r": np.repeat(r, 4, axis=0)})
    for name, network in one.model.networks.items():
        np.testing.assert_allclose(four.model.networks[name].theta, network.theta, rtol=1e-4, atol=1e-6)
        assert not np.array_equal(network.theta, small_model().networks[name].theta)


def test_diagnostics_do_not_change_the_training(pictures: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    """They overwrite the gradients under both propagations, but not the parameters or the model's propagation."""
    parameters, metrics = trained(specify(), pictures)
    assert set(metrics[2]["angle"]) == set(parameters)
    without = small_model()
    monkeypatch.setattr(without, "diagnostics", lambda x, r: {})
    assert list(Trainer(without, specify()).run(Batches(pictures)))
    assert parameter_bytes(without) == parameters
