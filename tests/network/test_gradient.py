"""The gradient of a network: deferring products changes when they are computed, but not the result."""

from typing import Any, get_args

import numpy as np
import pytest

from ava_np import build
from ava_np.kernels import factored
from ava_np.layers import Activation, Dense
from ava_np.network import Buffers, Network
from ava_np.network.gradient import inner_product
from ava_np.specification import OptimiserName, TrainingSpecification
from ava_np.training.trainer import Trainer

BATCH = 4
MODELS: dict[str, dict[str, Any]] = {
    "ava5": {"propagation": "exact", "hidden": (7,)},
    "vae": {"hidden": (7,)},
    "bigan": {"hidden": (7,)},
    "aae": {"hidden": (7,)},
    "vaegan": {"architecture": "conv28"},
    "vae-gan-sum": {"hidden": (7,)},
    "avb": {"hidden": (7,)},
    "alphagan": {"hidden": (7,)},
}

Expected = dict[int, dict[str, np.ndarray]]
"""Gradients by layer and name."""


@pytest.fixture(params=[True, False], ids=["deferred", "immediate"])
def deferred(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether all products are deferred, even small ones, or none."""
    monkeypatch.setattr(factored, "keeps_factors", lambda *_: request.param)
    return bool(request.param)


def make_network(generator: np.random.Generator) -> Network:
    return Network((6,), [Dense(5), Activation("tanh"), Dense(3)], generator, np.float64)


def propagate(network: Network, buffers: Buffers, generator: np.random.Generator) -> Expected:
    """Apply the network to random input and propagate a random error; return the gradients computed by plain NumPy."""
    x, error = generator.standard_normal((BATCH, 6)), generator.standard_normal((BATCH, 3))
    network.forward(buffers, x)
    network.backward(buffers, error)
    hidden = np.tanh(x @ network.parameters[0]["W"] + network.parameters[0]["b"])
    hidden_error = error @ network.parameters[2]["W"].T * (1 - hidden**2)
    return {
        0: {"W": x.T @ hidden_error, "b": hidden_error.sum(axis=0)},
        2: {"W": hidden.T @ error, "b": error.sum(axis=0)},
    }


def total(*several: Expected) -> Expected:
    return {i: {name: sum(one[i][name] for one in several) for name in ("W", "b")} for i in (0, 2)}  # type: ignore[misc]


def assert_gradient(network: Network, expected: Expected) -> None:
    """Assert that norm and values are as expected, and that reading does not change them."""
    flat = np.concatenate([array.ravel() for arrays in expected.values() for array in arrays.values()])
    for _ in range(2):
        assert network.gradient.norm() == pytest.approx(np.linalg.norm(flat), rel=1e-12)
        np.testing.assert_allclose(network.gradient.read(), flat, rtol=1e-12, atol=1e-12)
    for i, arrays in expected.items():
        for name, array in arrays.items():
            np.testing.assert_allclose(network.gradient.read_layers()[i][name], array, rtol=1e-12, atol=1e-12)


def test_gradients_of_several_applications_add_up(deferred: bool) -> None:
    generator = np.random.default_rng(0)
    network = make_network(generator)
    first, second = network.buffers(BATCH), network.buffers(BATCH)
    a, b = propagate(network, first, generator), propagate(network, second, generator)
    assert_gradient(network, total(a, b))
    network.gradient.clear()
    c, d = propagate(network, first, generator), propagate(network, first, generator)  # the same buffers twice
    assert_gradient(network, total(c, d))
    e = propagate(network, second, generator)  # after a read
    assert_gradient(network, total(c, d, e))
    network.gradient.clear()
    assert not network.gradient.read().any()
    assert network.gradient.norm() == 0


def test_inner_products_are_those_of_the_vectors(deferred: bool) -> None:
    """Of two gradients with factors, of one with and one that is 0 or has none, and with what was copied before."""
    generator = np.random.default_rng(0)
    network = make_network(generator)
    buffers = network.buffers(BATCH)
    propagate(network, buffers, generator)
    first, a = network.gradient.copy_parts(), network.gradient.copy_parts()
    vector = network.gradient.read()
    network.gradient.clear()
    nothing = network.gradient.copy_parts()
    propagate(network, buffers, generator)
    second, other = network.gradient.copy_parts(), network.gradient.read()
    network.gradient.write(other)
    written = network.gradient.copy_parts()
    assert inner_product(first, a) == pytest.approx(vector @ vector, rel=1e-10)
    for parts in (second, written):
        assert inner_product(first, parts) == pytest.approx(vector @ other, rel=1e-10)
        assert inner_product(parts, first) == pytest.approx(vector @ other, rel=1e-10)
    assert inner_product(first, nothing) == inner_product(nothing, first) == 0


def test_products_are_deferred_only_for_large_layers(deferred: bool) -> None:
    generator = np.random.default_rng(0)
    network = make_network(generator)
    propagate(network, network.buffers(BATCH), generator)
    kinds = [type(values) for segments in network.gradient.segments() for _, values in segments]
    assert (list in kinds) == deferred


def test_segments_cover_the_flat_vector_in_order(deferred: bool) -> None:
    generator = np.random.default_rng(0)
    network = make_network(generator)
    propagate(network, network.buffers(BATCH), generator)
    position = 0
    for segments, layer in zip(network.gradient.segments(), network.layer_slices, strict=True):
        assert (segments[0][0].start, segments[-1][0].stop) == (layer.start, layer.stop)
        for where, _ in segments:
            assert where.start == position
            position = where.stop
    assert position == network.theta.size


def test_two_errors_through_one_application_add_up(deferred: bool) -> None:
    generator = np.random.default_rng(1)
    network = make_network(generator)
    buffers = network.buffers(BATCH)
    first = propagate(network, buffers, generator)
    network.gradient.clear()
    error = np.ones((BATCH, 3))
    network.backward(buffers, error)
    once = network.gradient.read()
    network.backward(buffers, 2 * error)
    np.testing.assert_allclose(network.gradient.read(), 3 * once, rtol=1e-12, atol=1e-12)
    assert first.keys() == {0, 2}


def test_arrays_returned_by_read_never_change(deferred: bool) -> None:
    generator = np.random.default_rng(2)
    network = make_network(generator)
    buffers = network.buffers(BATCH)
    propagate(network, buffers, generator)
    flat, layers = network.gradient.read(), network.gradient.read_layers()
    before = flat.copy()
    propagate(network, buffers, generator)
    network.gradient.clear()
    np.testing.assert_array_equal(flat, before)
    np.testing.assert_array_equal(layers[0]["W"].ravel(), before[: layers[0]["W"].size])


def test_write_replaces_the_gradient(deferred: bool) -> None:
    generator = np.random.default_rng(2)
    network = make_network(generator)
    propagate(network, network.buffers(BATCH), generator)
    values = generator.standard_normal(network.theta.size)
    network.gradient.write(values)
    np.testing.assert_array_equal(network.gradient.read(), values)
    assert network.gradient.norm() == pytest.approx(np.linalg.norm(values))
    more = propagate(network, network.buffers(BATCH), generator)
    added = np.concatenate([array.ravel() for arrays in more.values() for array in arrays.values()])
    np.testing.assert_allclose(network.gradient.read(), values + added, rtol=1e-12, atol=1e-12)
    network.gradient.clear()
    assert not network.gradient.read().any()


class WeightLast(Dense, frozen=True, tag="weight_last"):
    """A dense layer whose weights are not its first parameter."""

    def parameter_shapes(self, input_shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        """Return b, then W."""
        return dict(reversed(super().parameter_shapes(input_shape).items()))


def test_any_parameter_can_be_the_deferred_one(deferred: bool) -> None:
    generator = np.random.default_rng(3)
    network = Network((6,), [WeightLast(5)], generator, np.float64)
    buffers, x, error = network.buffers(BATCH), generator.standard_normal((BATCH, 6)), np.ones((BATCH, 5))
    network.forward(buffers, x)
    network.backward_parameters(buffers, error)
    expected = np.concatenate([error.sum(axis=0), (x.T @ error).ravel()])
    assert network.gradient.norm() == pytest.approx(np.linalg.norm(expected))
    np.testing.assert_allclose(network.gradient.read(), expected)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("optimiser", get_args(OptimiserName))
def test_training_is_the_same_with_and_without_deferral(
    monkeypatch: pytest.MonkeyPatch, name: str, optimiser: OptimiserName
) -> None:
    trained = []
    for deferred in (True, False):
        monkeypatch.setattr(factored, "keeps_factors", lambda *_, deferred=deferred: deferred)
        model = build(name, (8, 8, 1), latent=3, dtype=np.float64, **MODELS[name])
        rng = np.random.default_rng(0)
        for network in model.networks.values():
            network.theta += 0.1 * rng.standard_normal(network.theta.shape)
        trainer = Trainer(model, TrainingSpecification(optimiser, 1e-3, "fan", BATCH, 1, 0, clip=2.0))
        for _ in range(3):
            trainer.step(rng.random((BATCH, model.neurons)), model.noise(rng, BATCH))
        trained.append(np.concatenate([network.theta for network in model.networks.values()]))
        assert trainer.progress.norms
    np.testing.assert_allclose(trained[0], trained[1], rtol=1e-9, atol=1e-9)
