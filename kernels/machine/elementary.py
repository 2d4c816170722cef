"""e^t and its kin as arithmetic, so that a loop over float32 works on whole vectors.

A call of the system's mathematics takes one number at a time. What follows has no calls, no tables and no branches, and
LLVM computes as many numbers of it side by side as a vector holds. In float64, for gradient checks, the system's own
functions are used.

Range reduction     t = n ln 2 + r, n whole, |r| <= ½ ln 2, so that  e^t = 2^n e^r
e^t                 n is added to the exponent, among the bits of e^r = 1 + (r + r² q(r))
e^t - 1             2^n (r + r² q(r)) + (2^n - 1)
log(1 + u)          u p(u): it is wanted of u = e^-|t| alone, which is in [0, 1]
tanh t              t + t³ s(t²) near 0, else 1 - 2 / (1 + e^2|t|) with the sign of t

Each result is within 2 units of its last digit; one below the least normal number, 1.2e-38, is 0. The coefficients are
those of the least greatest relative error, found by Lawson's algorithm: 1.3e-8 of e^r - 1, 5e-9 of log(1 + u), 3e-9 of
tanh t.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload, register_jitable

from ava_np.kernels.machine.compile import FLAGS

WRITTEN_IN: Any = {**FLAGS, "forceinline": True}
"""Typed once for all kernels, and written into each by LLVM: where numba does that, a kernel takes twice the time."""

written_in = register_jitable(**WRITTEN_IN)
single = np.float32

ZERO, HALF, ONE, TWO, INFINITY = map(single, (0, 0.5, 1, 2, math.inf))

LOG2_E = single(1 / math.log(2))
MINUS_LN2_HIGH, MINUS_LN2_LOW = single(-0.693359375), single(2.1219444e-4)
"""The first has so few digits that n times it is exact."""

LARGEST, SMALLEST = single(88.72283), single(-87.33654)
"""Where e^t is just finite, and just normal."""

NEAR = single(0.6)
"""Where one form of tanh gives way to the other."""

# Highest power first.
Q = tuple(map(single, (0.0013882521, 0.0083665206, 0.0416671999, 0.1666654362, 0.4999999815)))
P_HIGH = (-0.003231485, 0.0197917952, -0.0568399649, 0.1059054676, -0.1529704873)
P = tuple(map(single, (*P_HIGH, 0.1967257135, -0.2495335309, 0.3332986428, -0.499998968, 0.9999999943)))
S = tuple(map(single, (-0.0058951577, 0.0207959713, -0.0537838302, 0.1333192413, -0.33333298)))

WHOLE = single(1.5 * 2**23)
"""What is added to this is rounded to a whole number, which stands in the last bits of the sum."""
WHOLE_BITS = int(WHOLE.view(np.int32))

DIGITS, BIAS = 23, 127
"""Of a float32: how many bits are below its exponent, and what stands there for 2^0."""


@intrinsic
def polynomial(context, x, coefficients):  # type: ignore[no-untyped-def]
    """Horner's rule.

    Each step is one instruction and not a product and a sum: sums may be reordered (kernels/machine/compile.py), and
    then what is added in two pieces, to stay exact, would be added in one."""

    def generate(context, builder, signature, given):  # type: ignore[no-untyped-def]
        kind = given[0].type
        step = builder.module.declare_intrinsic("llvm.fmuladd", [kind], ir.FunctionType(kind, [kind] * 3))
        value, *others = cgutils.unpack_tuple(builder, given[1])
        for coefficient in others:
            value = builder.call(step, [value, given[0], coefficient])
        return value

    return x(x, coefficients), generate


@intrinsic
def bits(context, number):  # type: ignore[no-untyped-def]
    """Those of a float32, read as a whole number."""

    def generate(context, builder, signature, given):  # type: ignore[no-untyped-def]
        return builder.bitcast(given[0], ir.IntType(32))

    return types.int32(types.float32), generate


@intrinsic
def number(context, bits):  # type: ignore[no-untyped-def]
    """The float32 that has them."""

    def generate(context, builder, signature, given):  # type: ignore[no-untyped-def]
        return builder.bitcast(builder.trunc(given[0], ir.IntType(32)), ir.FloatType())

    return types.float32(types.int64), generate


@written_in
def _reduced(t):  # type: ignore[no-untyped-def]
    """n and e^r - 1."""
    n = np.int32(bits(polynomial(t, (LOG2_E, WHOLE))) - WHOLE_BITS)
    r = polynomial(single(n), (MINUS_LN2_LOW, polynomial(single(n), (MINUS_LN2_HIGH, t))))
    return n, polynomial(r * r, (polynomial(r, Q), r))


@written_in
def _exp(t):  # type: ignore[no-untyped-def]
    n, e = _reduced(t)
    power = number(bits(ONE + e) + (n << DIGITS))
    power = power if t <= LARGEST else t + INFINITY  # a NaN stays a NaN
    return ZERO if t < SMALLEST else power


@written_in
def _expm1(t):  # type: ignore[no-untyped-def]
    """Twice what has 2^(n-1) in place of 2^n: 2^128, which may belong to a finite e^t, is none."""
    n, e = _reduced(SMALLEST if t < SMALLEST else t)
    half = number((n + (BIAS - 1)) << DIGITS)
    return TWO * polynomial(e, (half, half - HALF)) if t <= LARGEST else t + INFINITY


@written_in
def _log1p(u):  # type: ignore[no-untyped-def]
    return u * polynomial(u, P)


@written_in
def _tanh(t):  # type: ignore[no-untyped-def]
    near = polynomial(t * t * t, (polynomial(t * t, S), t))
    far = math.copysign(ONE - TWO / (ONE + _exp(TWO * abs(t))), t)
    return near if abs(t) < NEAR else far


def _overload(name: str, ours: Callable[[Any], Any]) -> Callable[[float], float]:
    """The system's function of that name, in place of which compiled code has ours for float32."""
    systems = getattr(math, name)

    def function(t: float) -> float:
        return float(systems(t))

    @overload(function, jit_options=WRITTEN_IN)
    def chosen(t):  # type: ignore[no-untyped-def]
        return (lambda t: ours(t)) if t == types.float32 else (lambda t: systems(t))

    return function


exp = _overload("exp", _exp)
expm1 = _overload("expm1", _expm1)
log1p = _overload("log1p", _log1p)
tanh = _overload("tanh", _tanh)
