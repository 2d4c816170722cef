"""Mistakes in how errors and gradients travel: the loss is right."""

from collections.abc import Callable
from typing import ClassVar
from unittest.mock import patch

import numpy as np

from ava_np.experiments.mistakes.mistake import Mistake, differ
from ava_np.kernels.zoom import zoom_in_forward
from ava_np.layers import Activation, Dense, Maxout
from ava_np.learn.exercise import slope
from ava_np.models import build
from ava_np.models.gradcheck import LIMIT, check
from ava_np.network import Network

GENERATOR = np.random.default_rng(3)


def _subsampled() -> Mistake:
    x, dy = GENERATOR.normal(size=(1, 2, 3, 1)), GENERATOR.normal(size=(1, 4, 6, 1))
    dx = dy[:, ::2, ::2]

    def forward(a: np.ndarray) -> np.ndarray:
        y = np.empty((1, 4, 6, 1))
        zoom_in_forward(y, a, 2)
        return y

    def objective(a: np.ndarray) -> float:
        return float(np.sum(dy * forward(a)))

    return Mistake(
        "upsampling that subsamples",
        "each pixel is repeated, and gets back one of the errors, not their sum",
        "eriklindernoren/ML-From-Scratch, deep_learning/layers.py",
        lambda: differ(dx, slope(objective, x)),
        lambda: differ(dx, slope(objective, x)),
        lambda: differ(np.array(float(np.sum(dx * x))), np.array(objective(x))),
        "⟨A x, y⟩ = ⟨x, Aᵀ y⟩",
    )


def _adam_without_correction() -> Mistake:
    def first_step(g: float, rate: float = 0.01) -> float:
        m, v = (1 - 0.9) * g, (1 - 0.999) * g * g
        return float(rate * (m / (1 - 0.9)) / (np.sqrt(v / (1 - 0.9)) + 1e-8))  # both by (1 - β₁), none by (1 - β^t)

    return Mistake(
        "Adam without β^t",
        "the moments are not corrected for the number of steps",
        "eriklindernoren/ML-From-Scratch #35",
        None,
        None,
        lambda: differ(np.array(first_step(3.0)), np.array(0.01)),
        "the first step has the length γ, whatever the gradient",
    )


class _Two:
    """A dense network of two layers, applied to x and x', whose gradient one can read in a wrong way."""

    x: ClassVar[np.ndarray] = GENERATOR.normal(size=(3, 4))
    other: ClassVar[np.ndarray] = GENERATOR.normal(size=(3, 4))
    error: ClassVar[np.ndarray] = GENERATOR.normal(size=(3, 2))

    def __init__(self) -> None:
        self.network = Network((4,), [Dense(3), Activation("tanh"), Dense(2)], np.random.default_rng(1), np.float64)
        self.first, self.second = self.network.buffers(3), self.network.buffers(3)

    def objective(self, inputs: tuple[np.ndarray, ...]) -> Callable[[np.ndarray], float]:
        """Return Σ ⟨error, network(input)⟩ as a function of the parameters."""

        def value(theta: np.ndarray) -> float:
            self.network.theta[:] = theta
            return float(sum(np.sum(self.error * self.network.forward(self.first, one)) for one in inputs))

        return value

    def gradient(self, inputs: tuple[np.ndarray, ...]) -> np.ndarray:
        """Return the gradient that these applications add to what is there."""
        for buffers, one in zip((self.first, self.second), inputs, strict=False):
            self.network.forward(buffers, one)
            self.network.backward_parameters(buffers, self.error)
        return self.network.gradient.read()


def _not_zeroed() -> Mistake:
    def noticed_at(step: int) -> bool:
        two = _Two()
        theta = two.network.theta.copy()
        gradients = [two.gradient((two.x,)) for _ in range(step)]  # without clear() between them
        return differ(gradients[-1], slope(two.objective((two.x,)), theta))

    return Mistake(
        "no zeroing",
        "the gradient of the last step is still there",
        "Adversarial-Deep-Learning/code-soup #69",
        lambda: noticed_at(1),
        lambda: noticed_at(1),
        lambda: noticed_at(2),
        "the same step again has the same gradient",
    )


def _written() -> Mistake:
    def noticed(inputs: tuple[np.ndarray, ...]) -> bool:
        two = _Two()
        theta = two.network.theta.copy()
        gradient = two.gradient(inputs[-1:])  # the last application has overwritten what was there
        return differ(gradient, slope(two.objective(inputs), theta))

    return Mistake(
        "written, not added",
        "of two applications, the second overwrites the gradient of the first",
        "huggingface/candle #3507",
        lambda: noticed((_Two.x,)),
        lambda: noticed((_Two.x, _Two.other)),
        lambda: noticed((_Two.x, _Two.x)),
        "two equal applications have twice the gradient of one",
    )


def _moved_too_early() -> Mistake:
    def noticed(rate: float) -> bool:
        x, W, V = _Two.x, GENERATOR.normal(size=(4, 3)), GENERATOR.normal(size=(3, 2))
        h = x @ W
        moved = V - rate * h.T @ _Two.error
        dW = x.T @ (_Two.error @ moved.T)
        return differ(dW, slope(lambda a: float(np.sum(_Two.error * (x @ a @ V))), W))

    return Mistake(
        "moved too early",
        "W is updated before the error is passed on through it",
        "VikParuchuri/zero_to_gpt #12",
        lambda: noticed(0.0),
        lambda: noticed(0.0),
        lambda: noticed(0.01),
        "(θ - θ') / γ is the gradient at every rate γ",
    )


def _detached_fake() -> Mistake:
    """The generator's gradient is 0; the discriminator's is right."""

    def noticed(network: str) -> bool:
        with patch("ava_np.network.network.Network.backward_input", lambda self, b, e: np.zeros_like(b.input_error)):
            rows = check("gan")
        return any(row.relative_error >= LIMIT for row in rows if row.network == network and row.quantity != "input")

    def unmoved() -> bool:
        model = build("gan", (2, 2, 1), dtype=np.float64)
        noise = model.noise(np.random.default_rng(0), 2)
        with patch.object(type(model.D), "backward_input", lambda self, b, e: np.zeros_like(b.input_error)):  # type: ignore[attr-defined]
            model.phases[1].gradients(np.zeros((2, 4)), noise)
        return model.networks["generator"].gradient.norm() == 0

    return Mistake(
        "fake detached",
        "in the generator's step, its picture is cut off from the generator",
        "nikhilsinghmus/image2reverb #37",
        lambda: noticed("discriminator"),
        lambda: noticed("generator"),
        unmoved,
        "the generator moves",
    )


def _features_train_discriminator() -> Mistake:
    """VAE-GAN's discriminator learns from the features' loss that only encoder and decoder shall descend."""

    def learning(self: Network, buffers: object, error: np.ndarray, *, from_intermediate: bool = False) -> np.ndarray:
        return self.backward(buffers, error, from_intermediate=from_intermediate)  # type: ignore[arg-type]

    def noticed() -> bool:
        with patch("ava_np.network.network.Network.backward_input", learning):
            rows = check("vaegan")
        return any(
            row.relative_error >= LIMIT for row in rows if row.network == "discriminator" and row.quantity == "W"
        )

    def of_features_alone() -> float:
        model = build("vaegan", (2, 2, 1), dtype=np.float64)
        dis = model.networks["discriminator"]
        buffers = dis.buffers(2)
        dis.forward(buffers, np.full((2, 4), 0.5))
        error = buffers.zero_intermediate_error() + 1
        learning(dis, buffers, error, from_intermediate=True)
        return dis.gradient.norm()

    return Mistake(
        "features train the discriminator",
        "the loss of its features is descended by the discriminator as well",
        "YuanxunLu/LiveSpeechPortraits #24",
        None,
        noticed,
        lambda: of_features_alone() > 0,
        "without its own loss, the discriminator stays",
    )


def _overwritten_maxout() -> Mistake:
    """Maxout compares its input with its output, which an activation behind it had overwritten."""

    def noticed(*, activation: bool) -> bool:
        with patch.object(Maxout, "reads_output", False):
            layers = [Dense(6), Maxout(2), *([Activation("tanh")] if activation else [])]
            network = Network((4,), layers, np.random.default_rng(1), np.float64)
        buffers, error = network.buffers(3), GENERATOR.normal(size=(3, 3))
        network.forward(buffers, _Two.x)
        dx = network.backward_input(buffers, error).copy()
        return differ(dx, slope(lambda a: float(np.sum(error * network.forward(buffers, a))), _Two.x))

    return Mistake(
        "overwritten output",
        "maxout reads its output on the way back, and the next layer works in place",
        "this project, until its gradient check reached every layer",
        lambda: noticed(activation=False),
        lambda: noticed(activation=True),
        lambda: noticed(activation=True),
        "an error at the output reaches the input",
    )


PASSES = (
    _subsampled(),
    _adam_without_correction(),
    _not_zeroed(),
    _written(),
    _moved_too_early(),
    _detached_fake(),
    _features_train_discriminator(),
    _overwritten_maxout(),
)
"""The mistakes in passes and steps."""
