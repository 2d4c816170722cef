"""What the kernels that a model calls compute: each as a formula, and as the derivative of a plain function.

A rule of the paper that has no true gradient is the derivative of its surrogate, in which the factor that the rule
holds constant is an argument (docs/paper/ava.md).
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from ava_np.trace.numbers import number, products

Values = Sequence[np.ndarray | float]
"""The arguments of a kernel."""


class Rule(NamedTuple):
    """What a kernel computes.

    Attributes
    ----------
    writes : tuple of int
        The arguments that it writes or adds to.
    formula : callable
        ``formula(values, output, b, k)`` returns the formula of entry (b, k) of the output with this place in
        ``writes``.
    derivative_of : callable or None
        ``derivative_of(values)`` returns the sum whose derivative by the arguments ``by`` is added; None for a kernel
        of a forward pass.
    by : tuple of int
        For each argument that is written, the one that it is the error of.
    crosses : bool
        Whether it carries an error from one network to another.
    """

    writes: tuple[int, ...]
    formula: Callable[[Values, int, int, int], str]
    derivative_of: Callable[[Values], float] | None = None
    by: tuple[int, ...] = ()
    crosses: bool = False


def _array(values: Values, index: int) -> np.ndarray:
    return np.asarray(values[index])


def _n(values: Values, index: int, b: int, k: int) -> str:
    return number(float(_array(values, index)[b, k]))


def _log_sigmoid(t: np.ndarray) -> np.ndarray:
    return -np.logaddexp(0, -t)


def _kl(values: Values) -> float:
    μ, s = _array(values, 2), _array(values, 3)
    return float(np.sum(np.exp(s) + μ**2 - 1 - s) / 2)


def _code(values: Values) -> float:
    """⟨δz, z⟩. The kernel does not take μ, on which it depends linearly: its error's array stands in for it."""
    μ, δz, s, r = _array(values, 0), _array(values, 2), _array(values, 3), _array(values, 4)
    return float(np.sum(δz * (μ + np.exp(s / 2) * r)))


def _causal(values: Values) -> float:
    """-d Σ x', with d held constant: the surrogate of (6) and (14). The error's array stands in for x'."""
    x_, t = _array(values, 0), _array(values, 1)
    return -float(np.sum(1 / (1 + np.exp(-t)) * x_))


def _reverse_causal(values: Values) -> float:
    """-e d, with e held constant: the surrogate of (10) and (16)."""
    t, x, x_, a = (_array(values, i) for i in range(1, 5))
    return -float(np.sum(np.sum((x - x_) * a, axis=1, keepdims=True) / (1 + np.exp(-t))))


def _reparameterised(v: Values, output: int, b: int, k: int) -> str:
    return f"μ + e^(s/2)·r = {_n(v, 1, b, k)} + e^({_n(v, 2, b, k)}/2)·{_n(v, 3, b, k)}"


def _through_code(v: Values, output: int, b: int, k: int) -> str:
    if output == 0:
        return f"δz = {_n(v, 2, b, k)}"
    return f"½·δz·r·e^(s/2) = ½·{_n(v, 2, b, k)}·{_n(v, 4, b, k)}·e^({_n(v, 3, b, k)}/2)"


def _kl_error(v: Values, output: int, b: int, k: int) -> str:
    return f"μ = {_n(v, 2, b, k)}" if output == 0 else f"½·(e^s - 1) = ½·(e^({_n(v, 3, b, k)}) - 1)"


def _reverse_causal_error(v: Values, output: int, b: int, k: int) -> str:
    x, x_, a = (_array(v, i)[b] for i in (2, 3, 4))
    d = f"σ({_n(v, 1, b, 0)})"
    return f"-d·(1 - d)·Σ (x - x')·a' = -{d}·(1 - {d})·({products(x - x_, a)})"


def _sign(v: Values) -> float:
    return float(np.asarray(v[2]))


def _minus(sign: float) -> str:
    return "-" if sign < 0 else ""


RULES: dict[str, Rule] = {
    "reparameterise_forward": Rule((0,), _reparameterised),
    "squared_error_backward": Rule(
        (0,),
        lambda v, _, b, k: f"x' - x = {_n(v, 1, b, k)} - {_n(v, 2, b, k)}",
        lambda v: float(np.sum((_array(v, 1) - _array(v, 2)) ** 2) / 2),
        (1,),
    ),
    "cross_entropy_backward": Rule(
        (0,),
        lambda v, _, b, k: f"σ(t) - x = σ({_n(v, 1, b, k)}) - {_n(v, 2, b, k)}",
        lambda v: float(np.sum(np.logaddexp(0, _array(v, 1)) - _array(v, 2) * _array(v, 1))),
        (1,),
    ),
    "kl_backward": Rule((0, 1), _kl_error, _kl, (2, 3)),
    "reparameterise_backward": Rule((0, 1), _through_code, _code, (0, 3)),
    "log_real_backward": Rule(
        (0,),
        lambda v, _, b, k: f"{_minus(_sign(v))}(1 - d) = {_minus(_sign(v))}(1 - σ({_n(v, 1, b, k)}))",
        lambda v: float(np.sum(_sign(v) * _log_sigmoid(_array(v, 1)))),
        (1,),
    ),
    "log_fake_backward": Rule(
        (0,),
        lambda v, _, b, k: f"{_minus(-_sign(v))}d = {_minus(-_sign(v))}σ({_n(v, 1, b, k)})",
        lambda v: float(np.sum(_sign(v) * _log_sigmoid(-_array(v, 1)))),
        (1,),
    ),
    "causal_backward": Rule((0,), lambda v, _, b, k: f"-d = -σ({_n(v, 1, b, 0)})", _causal, (0,), crosses=True),
    "reverse_causal_backward": Rule((0,), _reverse_causal_error, _reverse_causal, (1,), crosses=True),
}
"""The kernels that the models call, by name."""
