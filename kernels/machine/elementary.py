"""e^t, e^t - 1, log(1 + u) and tanh t in float32 as plain arithmetic, so that LLVM vectorises the loops around them.

A call of the system's mathematical library computes one value at a time. The code below has no calls, no tables and no
branches, so LLVM computes as many values at once as a vector holds. In float64, which gradient checks use, the system's
functions are called.

Range reduction     t = n ln 2 + r, n an integer, |r| <= ½ ln 2, so that  e^t = 2^n e^r
e^t                 n is added to the exponent bits of e^r = 1 + (r + r² q(r))
e^t - 1             2^n (r + r² q(r)) + (2^n - 1)
log(1 + u)          u p(u), for u in [0, 1] only: callers pass u = e^-|t|
tanh t              t + t³ s(t²) near 0, else 1 - 2 / (1 + e^2|t|) with the sign of t

Each result is within 2 units in the last place; a result below the smallest normal number, 1.2e-38, is 0. The
coefficients minimise the maximum relative error, by Lawson's algorithm: 1.3e-8 for e^r - 1, 5e-9 for log(1 + u), 3e-9
for tanh t.
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

INLINED: Any = {**FLAGS, "forceinline": True}
"""LLVM inlines these functions into each kernel. If numba did, which types them again, compilation would take twice as
long."""

inlined = register_jitable(**INLINED)
single = np.float32

ZERO, HALF, ONE, TWO, INFINITY = map(single, (0, 0.5, 1, 2, math.inf))

LOG2_E = single(1 / math.log(2))
MINUS_LN2_HIGH, MINUS_LN2_LOW = single(-0.693359375), single(2.1219444e-4)
"""-ln 2 in two parts; the first has so few digits that n times it is exact."""

MAX_EXPONENT, MIN_EXPONENT = single(88.72283), single(-87.33654)
"""The largest t for which e^t is finite, and the smallest for which it is a normal number."""

TANH_POLYNOMIAL_LIMIT = single(0.6)
"""|t| below which tanh is computed by its polynomial: above, the other form loses no digits."""

# Coefficients of the polynomials q, p and s above, highest power first.
Q = tuple(map(single, (0.0013882521, 0.0083665206, 0.0416671999, 0.1666654362, 0.4999999815)))
P_HIGH = (-0.003231485, 0.0197917952, -0.0568399649, 0.1059054676, -0.1529704873)
P = tuple(map(single, (*P_HIGH, 0.1967257135, -0.2495335309, 0.3332986428, -0.499998968, 0.9999999943)))
S = tuple(map(single, (-0.0058951577, 0.0207959713, -0.0537838302, 0.1333192413, -0.33333298)))

ROUNDER = single(1.5 * 2**23)
"""A number added to this is rounded to an integer, which is in the last bits of the sum."""
ROUNDER_BITS = int(ROUNDER.view(np.int32))

MANTISSA_BITS, EXPONENT_BIAS = 23, 127
"""Of a float32: the number of bits below the exponent, and the exponent's value in 2^0."""


@intrinsic
def polynomial(context, x, coefficients):  # type: ignore[no-untyped-def]
    """Return the value of a polynomial at x, by Horner's rule.

    Each step is one fused instruction. Separate products and sums could be reordered (kernels/machine/compile.py), and
    the two parts of ln 2, which are added one after the other to stay exact, could be added up first.
    """

    def generate(context, builder, signature, given):  # type: ignore[no-untyped-def]
        kind = given[0].type
        step = builder.module.declare_intrinsic("llvm.fmuladd", [kind], ir.FunctionType(kind, [kind] * 3))
        value, *others = cgutils.unpack_tuple(builder, given[1])
        for coefficient in others:
            value = builder.call(step, [value, given[0], coefficient])
        return value

    return x(x, coefficients), generate


@intrinsic
def bits_of(context, value):  # type: ignore[no-untyped-def]
    """Return the bits of a float32 as an integer."""

    def generate(context, builder, signature, given):  # type: ignore[no-untyped-def]
        return builder.bitcast(given[0], ir.IntType(32))

    return types.int32(types.float32), generate


@intrinsic
def float_of(context, bits):  # type: ignore[no-untyped-def]
    """Return the float32 with the given bits."""

    def generate(context, builder, signature, given):  # type: ignore[no-untyped-def]
        return builder.bitcast(builder.trunc(given[0], ir.IntType(32)), ir.FloatType())

    return types.float32(types.int64), generate


@inlined
def _reduced(t):  # type: ignore[no-untyped-def]
    """Return n and e^r - 1."""
    n = np.int32(bits_of(polynomial(t, (LOG2_E, ROUNDER))) - ROUNDER_BITS)
    r = polynomial(single(n), (MINUS_LN2_LOW, polynomial(single(n), (MINUS_LN2_HIGH, t))))
    return n, polynomial(r * r, (polynomial(r, Q), r))


@inlined
def _exp(t):  # type: ignore[no-untyped-def]
    n, e = _reduced(t)
    power = float_of(bits_of(ONE + e) + (n << MANTISSA_BITS))
    power = power if t <= MAX_EXPONENT else t + INFINITY  # a NaN stays a NaN
    return ZERO if t < MIN_EXPONENT else power


@inlined
def _expm1(t):  # type: ignore[no-untyped-def]
    """Return e^t - 1, with 2 · 2^(n-1) for 2^n: that may be 2^128, which overflows, although e^t does not."""
    n, e = _reduced(MIN_EXPONENT if t < MIN_EXPONENT else t)
    half = float_of((n + (EXPONENT_BIAS - 1)) << MANTISSA_BITS)
    return TWO * polynomial(e, (half, half - HALF)) if t <= MAX_EXPONENT else t + INFINITY


@inlined
def _log1p(u):  # type: ignore[no-untyped-def]
    return u * polynomial(u, P)


@inlined
def _tanh(t):  # type: ignore[no-untyped-def]
    near = polynomial(t * t * t, (polynomial(t * t, S), t))
    far = math.copysign(ONE - TWO / (ONE + _exp(TWO * abs(t))), t)
    return near if abs(t) < TANH_POLYNOMIAL_LIMIT else far


def _overload(name: str, ours: Callable[[Any], Any]) -> Callable[[float], float]:
    """Return the function of that name from ``math``; compiled code calls ``ours`` instead for float32."""
    system = getattr(math, name)

    def function(t: float) -> float:
        return float(system(t))

    @overload(function, jit_options=INLINED)
    def chosen(t):  # type: ignore[no-untyped-def]
        return (lambda t: ours(t)) if t == types.float32 else (lambda t: system(t))

    return function


exp = _overload("exp", _exp)
expm1 = _overload("expm1", _expm1)
log1p = _overload("log1p", _log1p)
tanh = _overload("tanh", _tanh)
