"""Minibatch discrimination: twin, central differences, ties, similarities, symmetries, PyTorch."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ava_np.kernels.minibatch_discrimination import minibatch_discrimination_backward, minibatch_discrimination_forward
from ava_np.kernels.twins import minibatch_discrimination as twin
from tests.oracles import FLOATS, assert_close, check_gradient, doubles, few_examples, normal, seeds

every_float = pytest.mark.parametrize("dtype", FLOATS)
shapes = st.tuples(st.integers(1, 6), st.integers(1, 5), st.integers(1, 4))

Shape = tuple[int, int, int]


def features(M: np.ndarray) -> np.ndarray:
    """Return o, computed into an array filled with NaN."""
    o = np.full(M.shape[:2], np.nan, M.dtype)
    minibatch_discrimination_forward(o, M)
    return o


def errors(do: np.ndarray, M: np.ndarray) -> np.ndarray:
    """Return dM, computed into an array filled with NaN."""
    dM = np.full_like(M, np.nan)
    minibatch_discrimination_backward(dM, do, M)
    return dM


@every_float
@given(shape=shapes, seed=seeds)
@few_examples
def test_forward_and_backward_match_the_twin(dtype: type[np.floating], shape: Shape, seed: int) -> None:
    """With values rounded to multiples of ½, so that there are ties."""
    generator = np.random.default_rng(seed)
    M, do = np.round(2 * normal(generator, shape, dtype)) / 2, normal(generator, shape[:2], dtype)
    expected_o, expected_dM = np.full(shape[:2], np.nan), np.full(shape, np.nan)

    o, dM = features(M), errors(do, M)

    M, do = doubles(M, do)
    twin.minibatch_discrimination_forward(expected_o, M)
    twin.minibatch_discrimination_backward(expected_dM, do, M)
    assert_close(o, expected_o, dtype)
    assert_close(dM, expected_dM, dtype)


@given(shape=shapes, seed=seeds)
@few_examples
def test_backward_matches_central_differences(shape: Shape, seed: int) -> None:
    generator = np.random.default_rng(seed)
    ranks = np.broadcast_to(np.arange(shape[0])[:, None, None], shape)
    # Any two samples differ by at least 0.1 in every value, so no difference crosses a kink.
    M = 0.4 * generator.permuted(ranks, axis=0) + 0.3 * generator.random(shape)
    weight = normal(generator, shape[:2], np.float64)
    check_gradient(lambda: float(np.sum(weight * features(M))), M, errors(weight, M))


def test_errors_are_written() -> None:
    generator = np.random.default_rng(0)
    M, do = normal(generator, (4, 3, 2), np.float64), normal(generator, (4, 3), np.float64)
    dM = np.full_like(M, 5.0)
    for _ in range(2):
        minibatch_discrimination_backward(dM, do, M)
    np.testing.assert_array_equal(dM, errors(do, M))


@every_float
def test_identical_samples_have_similarity_1_with_all_others(dtype: type[np.floating]) -> None:
    """In a collapsed batch every feature has its largest value, batch - 1."""
    M = np.tile(normal(np.random.default_rng(0), (1, 5, 3), dtype), (8, 1, 1))
    np.testing.assert_array_equal(features(M), 7)


@every_float
def test_distant_samples_have_similarity_0_and_error_0(dtype: type[np.floating]) -> None:
    M = np.zeros((4, 5, 3), dtype)
    M[:, :, 0] = 1000 * np.arange(4)[:, None]
    with np.errstate(all="raise"):
        np.testing.assert_array_equal(features(M), 0)
        np.testing.assert_array_equal(errors(np.ones((4, 5), dtype), M), 0)
    limit = np.finfo(dtype).max
    M[:, :, 0] = np.array([-limit, limit, 0, limit / 2])[:, None]  # distances that overflow
    np.testing.assert_array_equal(features(M), 0)
    np.testing.assert_array_equal(errors(np.ones((4, 5), dtype), M), 0)


def test_similarity_is_exp_of_minus_the_distance() -> None:
    """Two samples with one row each, at L1 distance 0.5 + 0.25."""
    M = np.array([[[1.0, 2.0]], [[1.5, 1.75]]])
    np.testing.assert_allclose(features(M), math.exp(-0.75), rtol=1e-15)


def test_batch_of_one_gives_zero() -> None:
    M = normal(np.random.default_rng(0), (1, 5, 3), np.float64)
    np.testing.assert_array_equal(features(M), 0)
    np.testing.assert_array_equal(errors(np.ones((1, 5)), M), 0)


def test_descending_the_features_spreads_the_batch() -> None:
    """A generator does this if the discriminator treats similarity as a sign of fake samples."""
    M = normal(np.random.default_rng(0), (6, 4, 3), np.float64)
    before, spread = features(M), M.std(axis=0).mean()
    M -= 0.01 * errors(np.ones((6, 4)), M)
    assert np.all(features(M).sum(axis=0) < before.sum(axis=0))
    assert M.std(axis=0).mean() > spread


def test_derivative_at_a_tie_is_0() -> None:
    """The one-sided derivatives of |.| are -1 and 1; with 0, identical samples are neither attracted nor repelled."""
    generator = np.random.default_rng(0)
    M, do = np.tile(normal(generator, (1, 5, 3), np.float64), (8, 1, 1)), normal(generator, (8, 5), np.float64)
    np.testing.assert_array_equal(errors(do, M), 0)
    M = np.array([[[0.0, 1.0]], [[0.0, 3.0]]])  # a tie in one value of two
    np.testing.assert_allclose(errors(np.ones((2, 1)), M), [[[0, 2 * math.exp(-2)]], [[0, -2 * math.exp(-2)]]])


def test_errors_sum_to_0_over_the_batch() -> None:
    """Only differences matter: shifting all samples together changes nothing, so their errors cancel."""
    generator = np.random.default_rng(0)
    M, do = normal(generator, (6, 4, 3), np.float64), normal(generator, (6, 4), np.float64)
    assert_close(features(M + 7), features(M), np.float64)
    assert np.abs(errors(do, M)).max() > 0.1
    assert_close(errors(do, M).sum(axis=0), np.zeros((4, 3)), np.float64)


@given(shape=shapes, seed=seeds)
@few_examples
def test_permuting_samples_and_features_permutes_the_results(shape: Shape, seed: int) -> None:
    generator = np.random.default_rng(seed)
    M, do = normal(generator, shape, np.float64), normal(generator, shape[:2], np.float64)
    samples, rows = generator.permutation(shape[0]), generator.permutation(shape[1])
    permuted = np.ascontiguousarray(M[samples][:, rows])
    permuted_do = np.ascontiguousarray(do[samples][:, rows])
    assert_close(features(permuted), features(M)[samples][:, rows], np.float64)
    assert_close(errors(permuted_do, permuted), errors(do, M)[samples][:, rows], np.float64)


def test_equals_the_usual_implementation_minus_the_comparison_with_itself() -> None:
    """The usual implementation also compares every sample with itself, which adds exp(-0) = 1 to every feature."""
    M = normal(np.random.default_rng(0), (6, 5, 3), np.float64)
    differences = M[:, :, :, None] - M.transpose(1, 2, 0)[None]
    usual = np.exp(-np.abs(differences).sum(axis=2)).sum(axis=2)
    assert_close(features(M), usual - 1, np.float64)


@every_float
def test_nan_reaches_all_samples_in_its_feature_only(dtype: type[np.floating]) -> None:
    M = np.zeros((4, 5, 3), dtype)
    M[2, 1, 0] = np.nan
    expected = np.tile(np.arange(5) == 1, (4, 1))
    np.testing.assert_array_equal(np.isnan(features(M)), expected)
    np.testing.assert_array_equal(np.isnan(errors(np.ones((4, 5), dtype), M)).all(axis=2), expected)
    np.testing.assert_array_equal(np.isnan(errors(np.ones((4, 5), dtype), M)).any(axis=2), expected)


def test_matches_torch() -> None:
    """Including ties: PyTorch also uses 0 as the derivative of |.| at 0."""
    torch = pytest.importorskip("torch")
    generator = np.random.default_rng(0)
    M, do = np.round(2 * normal(generator, (7, 5, 3), np.float64)) / 2, normal(generator, (7, 5), np.float64)
    theirs = torch.tensor(M, requires_grad=True)
    similarity = torch.exp(-(theirs[:, None] - theirs[None]).abs().sum(dim=3))
    expected = (similarity * (1 - torch.eye(7, dtype=torch.float64))[:, :, None]).sum(dim=1)
    expected.backward(torch.tensor(do))
    np.testing.assert_allclose(features(M), expected.detach().numpy(), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(errors(do, M), theirs.grad.numpy(), rtol=1e-9, atol=1e-9)
