"""A gradient whose products wait is the same gradient."""

from typing import Any, get_args

import numpy as np
import pytest

from ava_np import build
from ava_np.kernels import factored
from ava_np.layers import Activation, Dense
from ava_np.network import Buffers, Network
from ava_np.specification import OptimiserName, TrainingSpecification
from ava_np.training.trainer import Trainer

BATCH = 4
MODELS: dict[str, dict[str, Any]] = {
    "ava5": {"propagation": "exact", "hidden": (7,)},
    "vae": {"hidden": (7,)},
    "bigan": {"hidden": (7,)},
    "aae": {"hidden": (7,)},
    "vaegan": {"architecture": "conv28"},
}


@pytest.fixture(params=[True, False], ids=["waiting", "written"])
def waits(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether products wait: here all do, however small."""
    monkeypatch.setattr(factored, "keeps_factors", lambda *_: request.param)
    return bool(request.param)


def network_of(generator: np.random.Generator) -> Network:
    return Network((6,), [Dense(5), Activation("tanh"), Dense(3)], generator, np.float64)


def carried(network: Network, buffers: Buffers, x: np.ndarray, error: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Forward and back; return the first layer's W's gradient of that alone, in plain NumPy, and the last's."""
    network.forward(buffers, x)
    buffers.error[:] = error
    hidden = np.tanh(x @ network.parameters[0]["W"] + network.parameters[0]["b"])
    behind = error @ network.parameters[2]["W"].T * (1 - hidden**2)
    network.backward(buffers)
    return x.T @ behind, hidden.T @ error


def draw(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return generator.standard_normal((BATCH, 6)), generator.standard_normal((BATCH, 3))


def assert_is(network: Network, first: np.ndarray, last: np.ndarray) -> None:
    expected = np.concatenate([first.ravel(), last.ravel()])
    norm = np.sqrt(np.sum(expected**2) + sum(np.sum(network.gradient._views[i]["b"] ** 2) for i in (0, 2)))
    assert network.gradient.norm() == pytest.approx(norm, rel=1e-12)
    found = np.concatenate([network.gradients[i]["W"].ravel() for i in (0, 2)])
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    assert network.gradient.norm() == pytest.approx(norm, rel=1e-12)


def test_applications_add_up_whoever_looks_when(waits: bool) -> None:
    generator = np.random.default_rng(0)
    network = network_of(generator)
    one, two = network.buffers(BATCH), network.buffers(BATCH)
    a, b = carried(network, one, *draw(generator)), carried(network, two, *draw(generator))
    assert bool(network.gradient._waiting) == waits
    assert_is(network, a[0] + b[0], a[1] + b[1])
    network.gradient.clear()
    c, d = carried(network, one, *draw(generator)), carried(network, one, *draw(generator))  # the same buffers again
    assert_is(network, c[0] + d[0], c[1] + d[1])
    e = carried(network, two, *draw(generator))  # after somebody has looked
    assert_is(network, c[0] + d[0] + e[0], c[1] + d[1] + e[1])
    network.gradient.clear()
    assert not network.grad.any()
    assert network.gradient.norm() == 0


def test_a_tape_carried_back_twice_keeps_both_errors(waits: bool) -> None:
    generator = np.random.default_rng(1)
    network = network_of(generator)
    buffers = network.buffers(BATCH)
    x, error = draw(generator)
    first = carried(network, buffers, x, error)
    buffers.error[:] = 2 * error
    network.backward(buffers)
    assert_is(network, 3 * first[0], 3 * first[1])


def test_whoever_writes_to_the_gradient_is_heard(waits: bool) -> None:
    generator = np.random.default_rng(2)
    network = network_of(generator)
    carried(network, network.buffers(BATCH), *draw(generator))
    network.grad[:] = 3
    assert network.gradient.norm() == pytest.approx(3 * np.sqrt(network.grad.size))
    (stretch,) = next(iter(network.gradient.segments()))
    np.testing.assert_array_equal(stretch[1], 3)
    network.gradient.clear()
    assert not network.grad.any()


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("optimiser", get_args(OptimiserName))
def test_training_takes_the_same_steps(monkeypatch: pytest.MonkeyPatch, name: str, optimiser: OptimiserName) -> None:
    trained = []
    for waiting in (True, False):
        monkeypatch.setattr(factored, "keeps_factors", lambda *_, waiting=waiting: waiting)
        model = build(name, (8, 8, 1), latent=3, dtype=np.float64, **MODELS[name])
        rng = np.random.default_rng(0)
        for network in model.networks.values():
            network.theta += 0.1 * rng.standard_normal(network.theta.shape)
        trainer = Trainer(model, TrainingSpecification(optimiser, 1e-3, "fan", BATCH, 1, 0, clip=2.0))
        for _ in range(3):
            trainer.step(rng.random((BATCH, model.neurons)), model.noise(rng, BATCH))
        trained.append(np.concatenate([network.theta for network in model.networks.values()]))
        assert trainer._norms
    np.testing.assert_allclose(trained[0], trained[1], rtol=1e-9, atol=1e-9)
