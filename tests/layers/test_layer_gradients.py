"""Every layer's backward pass compared with central differences of its forward pass, in a network."""

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ava_np.layers import AnyLayer, Mode
from tests.layers.cases import BY_MODE, CASES, MODES, Case, chains, run
from tests.oracles import check_gradient, few_examples, seeds

many_examples = settings(few_examples, max_examples=40)
"""More examples than ``few_examples``, because there are many combinations."""


def check(case: Case, mode: Mode, seed: int, intermediate: int | None = None, tolerance: float = 1e-7) -> None:
    """Assert that the input error and every parameter's gradient are the gradients of Σ error · output."""
    network, buffers, x, error = run(case, mode, seed, intermediate)
    dx = network.backward(buffers, buffers.error).copy()

    def objective() -> float:
        return float((error * network.forward(buffers, x)).sum())

    check_gradient(objective, x, dx, tolerance)
    arrays = zip(
        network.named_arrays(network.parameters), network.named_arrays(network.gradient.read_layers()), strict=True
    )
    for (*_, parameter), (*_, gradient) in arrays:
        check_gradient(objective, parameter, gradient, tolerance)


def test_every_layer_is_covered() -> None:
    assert sorted(CASES) == sorted(str(layer.__struct_config__.tag) for layer in get_args(AnyLayer))


@pytest.mark.parametrize(("name", "mode"), BY_MODE)
@given(data=st.data(), seed=seeds)
@many_examples
def test_backward_is_the_gradient(name: str, mode: Mode, data: st.DataObject, seed: int) -> None:
    check(data.draw(CASES[name]), mode, seed)


@pytest.mark.parametrize("name", CASES)
@given(data=st.data(), seed=seeds)
@few_examples
def test_backward_adds_gradients_and_overwrites_input_errors(name: str, data: st.DataObject, seed: int) -> None:
    network, buffers, _, error = run(data.draw(CASES[name]), "training", seed)
    first, gradient = network.backward(buffers, buffers.error).copy(), network.gradient.read()
    buffers.error[:] = error
    np.testing.assert_array_equal(network.backward(buffers, buffers.error), first)
    np.testing.assert_allclose(network.gradient.read(), 2 * gradient, rtol=1e-12)


@pytest.mark.parametrize(("name", "mode"), BY_MODE)
@given(data=st.data(), seed=seeds)
def test_a_layer_that_does_not_say_so_does_not_read_its_output(
    name: str, mode: Mode, data: st.DataObject, seed: int
) -> None:
    """A later layer may work in place on that output, and has then overwritten it."""
    first, second = (run(data.draw(st.just(case)), mode, seed) for case in [data.draw(CASES[name])] for _ in range(2))
    (layer,) = second.network.layers
    if not layer.reads_output and not layer.in_place:
        second.buffers.output.fill(np.nan)
    for one in (first, second):
        one.network.backward(one.buffers, one.error)
    assert np.array_equal(first.buffers.input_error, second.buffers.input_error)
    assert np.array_equal(first.network.gradient.read(), second.network.gradient.read())


@pytest.mark.parametrize(("name", "mode"), BY_MODE)
@given(data=st.data(), seed=seeds)
@few_examples
def test_a_layer_reads_its_output_only_if_it_says_so(name: str, mode: Mode, data: st.DataObject, seed: int) -> None:
    """Otherwise a later layer that works in place has overwritten it before the backward pass."""
    case = data.draw(CASES[name])
    first, second = run(case, mode, seed), run(case, mode, seed)
    layer = case.layers[0]
    if not layer.reads_output and not layer.in_place:
        second.buffers.output.fill(np.nan)
    dx, other = (one.network.backward(one.buffers, one.error) for one in (first, second))
    np.testing.assert_array_equal(dx, other)
    np.testing.assert_array_equal(first.network.gradient.read(), second.network.gradient.read())


@pytest.mark.parametrize("mode", MODES)
@given(data=st.data(), seed=seeds)
@many_examples
def test_backward_of_any_chain_is_the_gradient(mode: Mode, data: st.DataObject, seed: int) -> None:
    """Chains contain activations in a row, with reshapes between them, and an intermediate layer anywhere.

    The tolerance is wider, because a second batch norm can remove the shift of the first one, and then the differences
    are differences of large numbers.
    """
    case = data.draw(chains())
    check(case, mode, seed, data.draw(st.integers(0, len(case.layers))), tolerance=1e-6)


@given(data=st.data(), seed=seeds)
@few_examples
def test_forward_does_not_change_its_input(data: st.DataObject, seed: int) -> None:
    """This holds even if the first layer works in place."""
    _, buffers, x, _ = run(data.draw(chains()), "training", seed)
    assert (buffers.input == x).all()
