"""Minibatch discrimination: twin, differences, ties, and that it counts the likenesses within a batch."""

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
    """o, in an array that held NaN before."""
    o = np.full(M.shape[:2], np.nan, M.dtype)
    minibatch_discrimination_forward(o, M)
    return o


def errors(do: np.ndarray, M: np.ndarray) -> np.ndarray:
    """dM, in an array that held NaN before."""
    dM = np.full_like(M, np.nan)
    minibatch_discrimination_backward(dM, do, M)
    return dM


@every_float
@given(shape=shapes, seed=seeds)
@few_examples
def test_both_passes_are_their_twins(dtype: type[np.floating], shape: Shape, seed: int) -> None:
    """Over numbers rounded to halves, so that there are ties."""
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
def test_backward_is_the_gradient(shape: Shape, seed: int) -> None:
    generator = np.random.default_rng(seed)
    ranks = np.broadcast_to(np.arange(shape[0])[:, None, None], shape)
    # Every two samples differ by 0.1 or more in every number: no difference may straddle a kink.
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
def test_identical_samples_see_all_the_others(dtype: type[np.floating]) -> None:
    """A collapsed batch: every feature is batch - 1, its largest value."""
    M = np.tile(normal(np.random.default_rng(0), (1, 5, 3), dtype), (8, 1, 1))
    np.testing.assert_array_equal(features(M), 7)


@every_float
def test_far_samples_see_nobody_and_learn_nothing(dtype: type[np.floating]) -> None:
    M = np.zeros((4, 5, 3), dtype)
    M[:, :, 0] = 1000 * np.arange(4)[:, None]
    with np.errstate(all="raise"):
        np.testing.assert_array_equal(features(M), 0)
        np.testing.assert_array_equal(errors(np.ones((4, 5), dtype), M), 0)
    limit = np.finfo(dtype).max
    M[:, :, 0] = np.array([-limit, limit, 0, limit / 2])[:, None]  # distances that overflow are far too
    np.testing.assert_array_equal(features(M), 0)
    np.testing.assert_array_equal(errors(np.ones((4, 5), dtype), M), 0)


def test_likeness_falls_off_by_the_distance() -> None:
    """Two samples at the L1 distance 0.5 + 0.25 in their only row."""
    M = np.array([[[1.0, 2.0]], [[1.5, 1.75]]])
    np.testing.assert_allclose(features(M), math.exp(-0.75), rtol=1e-15)


def test_a_sample_alone_has_nobody_to_resemble() -> None:
    M = normal(np.random.default_rng(0), (1, 5, 3), np.float64)
    np.testing.assert_array_equal(features(M), 0)
    np.testing.assert_array_equal(errors(np.ones((1, 5)), M), 0)


def test_a_descent_of_the_features_spreads_the_batch() -> None:
    """What a generator does against a discriminator that takes similarity for a sign of fakes."""
    M = normal(np.random.default_rng(0), (6, 4, 3), np.float64)
    before, spread = features(M), M.std(axis=0).mean()
    M -= 0.01 * errors(np.ones((6, 4)), M)
    assert np.all(features(M).sum(axis=0) < before.sum(axis=0))
    assert M.std(axis=0).mean() > spread


def test_at_a_tie_the_derivative_is_0() -> None:
    """|.| has the slopes -1 and 1 there; the one between pulls identical samples neither together nor apart."""
    generator = np.random.default_rng(0)
    M, do = np.tile(normal(generator, (1, 5, 3), np.float64), (8, 1, 1)), normal(generator, (8, 5), np.float64)
    np.testing.assert_array_equal(errors(do, M), 0)
    M = np.array([[[0.0, 1.0]], [[0.0, 3.0]]])  # a tie in one number of two
    np.testing.assert_allclose(errors(np.ones((2, 1)), M), [[[0, 2 * math.exp(-2)]], [[0, -2 * math.exp(-2)]]])


def test_forces_come_in_pairs() -> None:
    """Only differences count: all samples may move together, so the errors of a batch sum up to 0."""
    generator = np.random.default_rng(0)
    M, do = normal(generator, (6, 4, 3), np.float64), normal(generator, (6, 4), np.float64)
    assert_close(features(M + 7), features(M), np.float64)
    assert np.abs(errors(do, M)).max() > 0.1
    assert_close(errors(do, M).sum(axis=0), np.zeros((4, 3)), np.float64)


@given(shape=shapes, seed=seeds)
@few_examples
def test_samples_and_features_in_another_order_have_their_results_in_that_order(shape: Shape, seed: int) -> None:
    generator = np.random.default_rng(seed)
    M, do = normal(generator, shape, np.float64), normal(generator, shape[:2], np.float64)
    samples, kernels = generator.permutation(shape[0]), generator.permutation(shape[1])
    moved = np.ascontiguousarray(M[samples][:, kernels])
    moved_do = np.ascontiguousarray(do[samples][:, kernels])
    assert_close(features(moved), features(M)[samples][:, kernels], np.float64)
    assert_close(errors(moved_do, moved), errors(do, M)[samples][:, kernels], np.float64)


def test_it_is_the_printed_program_less_the_sample_itself() -> None:
    """The widespread program compares every sample with itself too: exp(-0) = 1 more in every feature."""
    M = normal(np.random.default_rng(0), (6, 5, 3), np.float64)
    differences = M[:, :, :, None] - M.transpose(1, 2, 0)[None]
    printed = np.exp(-np.abs(differences).sum(axis=2)).sum(axis=2)
    assert_close(features(M), printed - 1, np.float64)


@every_float
def test_a_nan_is_seen_by_every_sample_in_its_own_feature(dtype: type[np.floating]) -> None:
    M = np.zeros((4, 5, 3), dtype)
    M[2, 1, 0] = np.nan
    own = np.tile(np.arange(5) == 1, (4, 1))
    np.testing.assert_array_equal(np.isnan(features(M)), own)
    np.testing.assert_array_equal(np.isnan(errors(np.ones((4, 5), dtype), M)).all(axis=2), own)
    np.testing.assert_array_equal(np.isnan(errors(np.ones((4, 5), dtype), M)).any(axis=2), own)


def test_it_is_what_torch_computes() -> None:
    """Ties included: torch too has the slope 0 of |.| at 0."""
    torch = pytest.importorskip("torch")
    generator = np.random.default_rng(0)
    M, do = np.round(2 * normal(generator, (7, 5, 3), np.float64)) / 2, normal(generator, (7, 5), np.float64)
    theirs = torch.tensor(M, requires_grad=True)
    similarity = torch.exp(-(theirs[:, None] - theirs[None]).abs().sum(dim=3))
    expected = (similarity * (1 - torch.eye(7, dtype=torch.float64))[:, :, None]).sum(dim=1)
    expected.backward(torch.tensor(do))
    np.testing.assert_allclose(features(M), expected.detach().numpy(), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(errors(do, M), theirs.grad.numpy(), rtol=1e-9, atol=1e-9)
