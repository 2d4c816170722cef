"""Formulas with the numbers put in, as text that a calculator can repeat."""

import numpy as np

MAX_TERMS = 8  # of a sum that is written out


def number(value: float) -> str:
    """Return a number with four significant digits, in brackets if it is negative.

    Examples
    --------
    >>> number(0.123456), number(-2.0)
    ('0.1235', '(-2)')
    """
    text = f"{value:.4g}"
    return f"({text})" if text.startswith("-") else text


def products(a: np.ndarray, b: np.ndarray) -> str:
    """Return Σ a b of two vectors, written out.

    Examples
    --------
    >>> products(np.array([1.0, 2.0]), np.array([0.5, -1.0]))
    '1·0.5 + 2·(-1)'
    """
    terms = [f"{number(one)}·{number(other)}" for one, other in zip(a[:MAX_TERMS], b[:MAX_TERMS], strict=True)]
    return " + ".join([*terms, "…"] if len(a) > MAX_TERMS else terms)
