"""Factored gradients against gradients in memory."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ava_np.kernels import factored, gemm
from ava_np.kernels.machine import elementwise, parallel
from ava_np.kernels.machine.micro_kernel import Tile
from ava_np.kernels.optimisers import adam_step, momentum_step, rmsprop_step, sgd_step
from ava_np.kernels.twins import factored as twin
from ava_np.kernels.twins import optimisers as plain
from tests.oracles import FLOATS, assert_close, batches, doubles, few_examples, normal, seeds, widths

every_float = pytest.mark.parametrize("dtype", FLOATS)
STEPS = [
    (sgd_step, plain.sgd_step, 0, (0.1, 1 / 7)),
    (momentum_step, plain.momentum_step, 1, (0.1, 1 / 7, 0.8)),
    (rmsprop_step, plain.rmsprop_step, 1, (0.1, 1 / 7, 0.9, 1e-3)),
    (adam_step, plain.adam_step, 2, (0.1, 1 / 7, 0.9, 0.999, 1e-3, 3)),
]


@pytest.fixture(autouse=True)
def _all_threads() -> Iterator[None]:
    yield
    parallel.use_threads(0)


def factors_of(
    generator: np.random.Generator, counts: tuple[int, ...], inputs: int, outputs: int, dtype: type[np.floating]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the factors of one application for each count of samples."""
    return [(normal(generator, (n, inputs), dtype), normal(generator, (n, outputs), dtype)) for n in counts]


def doubled(factors: factored.Factors) -> factored.Factors:
    """Return copies in float64."""
    return [(x.astype(float), e.astype(float)) for x, e in factors]


def scratch_for(dtype: type[np.floating]) -> np.ndarray:
    """Return scratch full of NaN, which must not reach a result."""
    return np.full(factored.scratch_size(), np.nan, dtype)


@every_float
@given(counts=st.tuples(batches) | st.tuples(batches, batches), inputs=widths, outputs=widths, seed=seeds)
@few_examples
def test_norm_matches_its_twin(
    dtype: type[np.floating], counts: tuple[int, ...], inputs: int, outputs: int, seed: int
) -> None:
    factors = factors_of(np.random.default_rng(seed), counts, inputs, outputs, dtype)
    expected = twin.factored_norm(doubled(factors))
    scale = sum(np.linalg.norm(x) * np.linalg.norm(e) for x, e in factors)  # of terms that may cancel
    assert (
        abs(factored.factored_norm(factors, scratch_for(dtype)) ** 2 - expected**2)
        <= (1e-13 if dtype is np.float64 else 1e-5) * scale**2
    )


@every_float
@given(
    counts=st.tuples(batches) | st.tuples(batches, batches),
    others=st.tuples(batches) | st.tuples(batches, batches),
    inputs=widths,
    outputs=widths,
    seed=seeds,
)
@few_examples
def test_inner_product_matches_its_twin(
    dtype: type[np.floating], counts: tuple[int, ...], others: tuple[int, ...], inputs: int, outputs: int, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    first, second = (factors_of(generator, each, inputs, outputs, dtype) for each in (counts, others))
    expected = twin.factored_inner(doubled(first), doubled(second))
    sizes = [sum(float(np.linalg.norm(x) * np.linalg.norm(e)) for x, e in each) for each in (first, second)]
    scale = sizes[0] * sizes[1]
    assert abs(factored.factored_inner(first, second) - expected) <= (1e-13 if dtype is np.float64 else 1e-5) * scale
    assert factored.factored_inner(first, first) == pytest.approx(
        factored.factored_norm(first, scratch_for(dtype)) ** 2, rel=1e-4
    )


@every_float
@given(counts=st.tuples(batches) | st.tuples(batches, batches), inputs=widths, outputs=widths, seed=seeds)
@few_examples
def test_descent_matches_its_twin(
    dtype: type[np.floating], counts: tuple[int, ...], inputs: int, outputs: int, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    factors = factors_of(generator, counts, inputs, outputs, dtype)
    theta = normal(generator, (inputs * outputs,), dtype)
    expected, given = theta.astype(float), [(x.copy(), e.copy()) for x, e in factors]
    twin.factored_descent(expected, doubled(factors), 0.3)
    factored.factored_descent(theta, factors, 0.3, np.full(gemm.scratch_size(), np.nan, dtype))
    scale = 1 + sum(np.abs(x).max() * np.abs(e).max() * len(x) for x, e in factors)
    assert np.abs(theta - expected).max() <= (1e-14 if dtype is np.float64 else 1e-6) * scale
    for pair, kept in zip(factors, given, strict=True):
        assert all(np.array_equal(one, other) for one, other in zip(pair, kept, strict=True))


@every_float
@pytest.mark.parametrize(("fast", "slow", "states", "numbers"), STEPS)
@given(counts=st.tuples(batches) | st.tuples(batches, batches), inputs=widths, outputs=widths, seed=seeds)
@few_examples
def test_step_of_every_optimiser_matches_its_twin(
    dtype: type[np.floating],
    fast: factored.Step,
    slow: factored.Step,
    states: int,
    numbers: tuple[float, ...],
    counts: tuple[int, ...],
    inputs: int,
    outputs: int,
    seed: int,
) -> None:
    generator = np.random.default_rng(seed)
    factors = factors_of(generator, counts, inputs, outputs, dtype)
    arrays = [np.abs(normal(generator, (inputs * outputs,), dtype)) for _ in range(1 + states)]
    expected = list(doubles(*arrays))
    factored.factored_step(fast, arrays, factors, numbers, scratch_for(dtype))
    twin.factored_step(slow, expected, doubled(factors), numbers)
    for array, other in zip(arrays, expected, strict=True):
        assert_close(array, other, dtype)


@every_float
@pytest.mark.parametrize("shape", [(700, 256), (37, 1055), (3, 70_000), (70_000, 1)])
def test_block_size_and_number_of_threads_do_not_change_a_bit(
    monkeypatch: pytest.MonkeyPatch, dtype: type[np.floating], shape: tuple[int, int]
) -> None:
    """Also compared with the gradient in memory."""
    inputs, outputs = shape
    generator = np.random.default_rng(0)
    factors, results = factors_of(generator, (10, 3), inputs, outputs, dtype), []
    start = normal(generator, (inputs * outputs,), dtype)
    for threads, columns in ((1, 1 << 12), (2, 1 << 12), (2, 5000), (1, 64)):
        parallel.use_threads(threads)
        monkeypatch.setattr(elementwise, "MIN_ELEMENTS", 1)
        monkeypatch.setattr(factored, "MAX_BLOCK_COLUMNS", columns)
        θ, scratch = start.copy(), scratch_for(dtype)
        factored.factored_step(sgd_step, [θ], factors, (0.1, 1.0), scratch)
        results.append(θ)
    whole = start - 0.1 * sum(x.T.astype(float) @ e for x, e in factors).ravel()
    assert_close(results[0], whole, dtype)
    for other in results[1:]:
        np.testing.assert_array_equal(results[0], other)


def test_factors_are_kept_for_large_gradients_of_few_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(factored, "host_tile", lambda itemsize: Tile(6, 2, 8))
    assert factored.keeps_factors(10, 14_940, 256)
    assert not factored.keeps_factors(10, 100, 256)
    assert not factored.keeps_factors(1000, 14_940, 256)
    monkeypatch.setattr(factored, "host_tile", lambda itemsize: None)
    assert not factored.keeps_factors(10, 14_940, 256)


@every_float
def test_norm_of_many_samples_matches_that_of_the_product(dtype: type[np.floating]) -> None:
    """In several pieces of GEMM_DEPTH, of one application and of two with one input."""
    generator, inputs = np.random.default_rng(0), 2 * factored.GEMM_DEPTH + 33
    x, y = (normal(generator, (factored.MIN_GEMM_SAMPLES + n, inputs), dtype) for n in (0, 5))
    e, f = (normal(generator, (len(one), 40), dtype) for one in (x, y))
    for factors in ([(x, e)], [(x, e), (y, f)], [(x, e), (x, 2 * e)]):
        expected = np.linalg.norm(sum(a.T @ b for a, b in doubled(factors)))
        rtol = 1e-12 if dtype is np.float64 else 1e-5
        np.testing.assert_allclose(factored.factored_norm(factors, scratch_for(dtype)), expected, rtol=rtol)


@pytest.mark.parametrize("samples", [6, 40])
def test_norm_of_a_gradient_that_cancels_is_not_negative(samples: int) -> None:
    x, e = np.random.default_rng(0).standard_normal((2, samples, 500)).astype(np.float32)
    assert factored.factored_norm([(x, e), (x, -e)], scratch_for(np.float32)) <= 1e-3 * np.linalg.norm(x.T @ e)
    with np.errstate(invalid="ignore"):
        for wrong in (np.nan, np.inf):
            assert not np.isfinite(factored.factored_norm([(x, np.full_like(e, wrong))], scratch_for(np.float32)))


def test_arguments_that_do_not_fit_are_refused() -> None:
    factors = factors_of(np.random.default_rng(0), (4,), 6, 5, np.float32)
    θ, scratch = np.zeros(30, np.float32), scratch_for(np.float32)
    for wrong in (
        ([θ[:29]], factors, scratch),
        ([θ.astype(float)], factors, scratch),
        ([np.zeros(60, np.float32)[::2]], factors, scratch),
        ([θ], [(factors[0][0][:3], factors[0][1])], scratch),
        ([θ], [(factors[0][0][:, ::-1], factors[0][1])], scratch),
        ([θ], factors, scratch[:1000]),
    ):
        with pytest.raises(ValueError, match=r"factor|step"):
            factored.factored_step(sgd_step, wrong[0], wrong[1], (0.1, 1.0), wrong[2])
    assert not θ.any()
