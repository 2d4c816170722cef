"""The changes of Zhao et al. 2020 in torch, for pictures (batch, height, width, channels) in [0, 1]."""

from collections.abc import Callable
from typing import Any

import pytest

Tensor = Any


def colour(x: Tensor, noise: Tensor) -> Tensor:
    """Change brightness, saturation and contrast, one after the other, as they are published."""
    brightness, saturation, contrast = noise.T[:, :, None, None, None]
    x = x + (brightness - 0.5) / 2
    x = (x - x.mean(3, keepdim=True)) * (2 * saturation) + x.mean(3, keepdim=True)
    return (x - x.mean((1, 2, 3), keepdim=True)) * (contrast + 0.5) + x.mean((1, 2, 3), keepdim=True)


def translation(x: Tensor, noise: Tensor) -> Tensor:
    """Cut each picture out of itself with a border of zeros."""
    torch = pytest.importorskip("torch")

    (height, width), moved = x.shape[1:3], []
    down, right = int(height / 8 + 0.5), int(width / 8 + 0.5)
    for picture, (u, v) in zip(x, noise, strict=True):
        top, left = 2 * down - int(u * (2 * down + 1)), 2 * right - int(v * (2 * right + 1))
        bordered = torch.nn.functional.pad(picture, (0, 0, right, right, down, down))
        moved.append(bordered[top : top + height, left : left + width])
    return torch.stack(moved)


def cutout(x: Tensor, noise: Tensor) -> Tensor:
    """Multiply by a mask that is 0 within half a hole of the centre."""
    torch = pytest.importorskip("torch")

    height, width = x.shape[1:3]
    tall, wide = int(height / 2 + 0.5), int(width / 2 + 0.5)
    mask = torch.ones_like(x)
    for picture, (u, v) in zip(mask, noise, strict=True):
        i, j = int(u * (height + 1 - tall % 2)) - tall // 2, int(v * (width + 1 - wide % 2)) - wide // 2
        picture[max(i, 0) : i + tall, max(j, 0) : j + wide] = 0
    return x * mask


CHANGES: dict[str, tuple[int, Callable[[Tensor, Tensor], Tensor]]] = {
    "colour": (3, colour),
    "translation": (2, translation),
    "cutout": (2, cutout),
}
"""Random numbers for each picture, and the change, in the order in which they are applied."""
