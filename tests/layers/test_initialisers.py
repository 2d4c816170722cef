"""Initialisers: mean, variance, distribution and bounds of the drawn weights, compared with the papers."""

from typing import get_args

import numpy as np
import pytest

from ava_np.layers import Convolution, Dense, Layer
from ava_np.layers.initialisers import Initialiser, initialise

NAMES = get_args(Initialiser)
INPUTS, OUTPUTS = 250, 400

VARIANCES = {
    "he_normal": 2 / 250,
    "he_uniform": 2 / 250,
    "glorot_normal": 2 / 650,
    "glorot_uniform": 2 / 650,
    "lecun_normal": 1 / 250,
    "lecun_uniform": 1 / 250,
    "torch": 1 / 750,
    "normal": 0.0004,
    "zeros": 0.0,
}

UNIFORM = ["he_uniform", "glorot_uniform", "lecun_uniform", "torch"]

every_initialiser = pytest.mark.parametrize("name", NAMES)
every_uniform_initialiser = pytest.mark.parametrize("name", UNIFORM)


def draw_weights(
    name: Initialiser,
    inputs: int = INPUTS,
    outputs: int = OUTPUTS,
    shape: tuple[int, ...] = (INPUTS, OUTPUTS),
    dtype: type[np.floating] = np.float64,
    seed: int = 0,
) -> np.ndarray:
    W = np.full(shape, np.nan, dtype)  # every entry must be written
    initialise(W, name, inputs, outputs, np.random.default_rng(seed))
    return W


def test_every_initialiser_is_covered() -> None:
    assert list(NAMES) == list(VARIANCES)
    assert [name for name in NAMES if name.endswith("uniform") or name == "torch"] == UNIFORM


@every_initialiser
def test_mean_and_variance_match_the_published_values(name: Initialiser) -> None:
    W, variance = draw_weights(name), VARIANCES[name]
    assert abs(W.mean()) <= 4 * np.sqrt(variance / W.size)
    assert W.var() == pytest.approx(variance, rel=0.02)  # 100 000 draws: four standard errors are 1.8 %


@every_uniform_initialiser
def test_uniform_values_reach_but_do_not_exceed_their_bounds(name: Initialiser) -> None:
    W = np.abs(draw_weights(name))
    bound = {"he": np.sqrt(6 / 250), "glorot": np.sqrt(6 / 650), "lecun": np.sqrt(3 / 250), "torch": np.sqrt(1 / 250)}[
        name.split("_")[0]
    ]
    assert W.max() <= bound * (1 + 1e-12)
    assert W.max() > 0.999 * bound
    assert np.median(W) == pytest.approx(bound / 2, rel=0.02)


@pytest.mark.parametrize("name", ["he_normal", "glorot_normal", "lecun_normal", "normal"])
def test_normal_is_not_truncated(name: Initialiser) -> None:
    """Some libraries truncate at two standard deviations; here 4.55 % of the values are beyond them."""
    W = np.abs(draw_weights(name)) / np.sqrt(VARIANCES[name])
    assert np.mean(W > 2) == pytest.approx(0.0455, abs=0.003)
    assert W.max() > 4


@every_initialiser
def test_variance_follows_the_given_fans_and_not_the_shape(name: Initialiser) -> None:
    """The example is a 3 × 3 convolution from 20 to 60 channels, in which an output neuron has 180 inputs."""
    inputs, outputs = 3 * 3 * 20, 3 * 3 * 60
    W = draw_weights(name, inputs, outputs, (3, 3, 20, 60))
    family = name.split("_")[0]
    variance = {"he": 2 / 180, "glorot": 2 / 720, "lecun": 1 / 180, "torch": 1 / 540, "normal": 0.02**2, "zeros": 0.0}
    assert W.var() == pytest.approx(variance[family], rel=0.05)  # 10 800 draws


@every_initialiser
def test_float32_and_float64_start_from_the_same_values(name: Initialiser) -> None:
    single, double = draw_weights(name, dtype=np.float32), draw_weights(name)
    np.testing.assert_array_equal(single, double.astype(np.float32))


@pytest.mark.parametrize(
    ("name", "deviation"), [("he_normal", np.sqrt(2 / 250)), ("lecun_normal", np.sqrt(1 / 250)), ("zeros", 0.0)]
)
def test_a_seed_always_draws_the_same_values(name: Initialiser, deviation: float) -> None:
    """Weights are the same bit for bit, also those of the next layer, because "zeros" draws values too."""
    actual, expected = np.random.default_rng(7), np.random.default_rng(7)
    for _ in range(2):
        W = np.empty((INPUTS, 30))
        initialise(W, name, INPUTS, 30, actual)
        np.testing.assert_array_equal(W, expected.normal(0.0, deviation, W.shape))
    assert actual.random() == expected.random()


@every_initialiser
def test_different_seeds_draw_different_values(name: Initialiser) -> None:
    assert np.any(draw_weights(name, seed=1) != draw_weights(name, seed=2)) == (name != "zeros")


def test_an_unknown_name_is_rejected_with_the_choices() -> None:
    with pytest.raises(ValueError, match=r"unknown initialiser 'he_norm': choose one of he_normal, .*, zeros"):
        draw_weights("he_norm")  # type: ignore[arg-type]


@pytest.mark.parametrize("layer", [Dense(7, "torch"), Convolution(5, 3, initialiser="torch")])
def test_torch_draws_weights_and_biases_in_the_range_of_pytorch(layer: Layer) -> None:
    """Both are uniform in ± 1 / √fan_in, which is what PyTorch's layers draw by default."""
    shape = (400,) if isinstance(layer, Dense) else (8, 8, 40)
    fan_in = 400 if isinstance(layer, Dense) else 9 * 40
    drawn = []
    for seed in range(200):
        arrays = {name: np.empty(of) for name, of in layer.parameter_shapes(shape).items()}
        layer.initialise(arrays, {}, shape, np.random.default_rng(seed))
        drawn.append(arrays)
    for name in ("W", "b"):
        values, bound = np.concatenate([arrays[name].reshape(-1) for arrays in drawn]), 1 / np.sqrt(fan_in)
        assert abs(values).max() <= bound
        assert abs(values).max() > 0.99 * bound
        assert values.var() == pytest.approx(bound**2 / 3, rel=0.1)


def test_other_initialisers_leave_the_bias_at_0() -> None:
    arrays = {"W": np.empty((4, 3)), "b": np.full(3, np.nan)}
    Dense(3).initialise(arrays, {}, (4,), np.random.default_rng(0))
    assert not arrays["b"].any()
