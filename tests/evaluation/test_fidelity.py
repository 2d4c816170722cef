"""PSNR and SSIM: the values of scikit-image and of plain loops, and their limits."""

import math

import numpy as np
import pytest

from ava_np.errors import PictureError
from ava_np.evaluation.fidelity import psnr, ssim


def pair(H: int = 16, W: int = 14, C: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Return pictures, and the same with noise."""
    generator = np.random.default_rng(0)
    pictures = generator.random((4, H, W, C)).astype(np.float32)
    noise = generator.normal(0, 0.2, pictures.shape).astype(np.float32)
    return pictures, np.clip(pictures + noise, 0, 1)


def direct_ssim(x: np.ndarray, y: np.ndarray, side: int = 11) -> float:
    """Return SSIM of two pictures in plain loops, as Wang et al. 2004 print it."""
    half, values = side // 2, []
    offsets = range(-half, half + 1)
    window = np.array([[math.exp(-(i * i + j * j) / 4.5) for j in offsets] for i in offsets])
    window /= window.sum()
    for channel in range(x.shape[2]):
        for i in range(x.shape[0] - side + 1):
            for j in range(x.shape[1] - side + 1):
                a, b = (one[i : i + side, j : j + side, channel].astype(float) for one in (x, y))
                μa, μb = (window * a).sum(), (window * b).sum()
                σa, σb = (window * (a - μa) ** 2).sum(), (window * (b - μb) ** 2).sum()
                σab = (window * (a - μa) * (b - μb)).sum()
                top = (2 * μa * μb + 0.01**2) * (2 * σab + 0.03**2)
                values.append(top / ((μa**2 + μb**2 + 0.01**2) * (σa + σb + 0.03**2)))
    return float(np.mean(values))


@pytest.mark.parametrize(("H", "W", "side"), [(16, 14, 11), (11, 20, 11), (8, 9, 7), (2, 5, 1)])
def test_ssim_is_the_printed_formula(H: int, W: int, side: int) -> None:
    x, y = pair(H, W)
    np.testing.assert_allclose(ssim(x, y), [direct_ssim(a, b, side) for a, b in zip(x, y, strict=True)], rtol=1e-6)


def test_both_are_those_of_scikit_image() -> None:
    metrics = pytest.importorskip("skimage.metrics")
    x, y = pair(30, 40)
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0}
    for a, b, found, ratio in zip(x, y, ssim(x, y), psnr(x, y), strict=True):
        assert found == pytest.approx(metrics.structural_similarity(a, b, channel_axis=2, **options), rel=1e-5)
        assert ratio == pytest.approx(metrics.peak_signal_noise_ratio(a, b, data_range=1.0), rel=1e-5)


def test_a_perfect_reconstruction_has_the_best_values_and_more_noise_worse_ones() -> None:
    x, y = pair()
    assert ssim(x, x) == pytest.approx(1)
    assert np.isinf(psnr(x, x)).all()
    half = (x + y) / 2
    assert (ssim(x, half) > ssim(x, y)).all()
    np.testing.assert_allclose(psnr(x, half) - psnr(x, y), 20 * math.log10(2), rtol=1e-5)  # a quarter of the square


def test_what_does_not_fit_is_refused() -> None:
    x, y = pair()
    for measure in (psnr, ssim):
        with pytest.raises(ValueError, match="shape"):
            measure(x, y[:2])
        with pytest.raises(PictureError):
            measure(x[:0], y[:0])
