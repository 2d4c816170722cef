"""Random changes to bytes and to JSON; each entrance adds those of its own formats."""

import copy
import json
from random import Random
from typing import Any, get_args

from ava_np import specification
from ava_np.layers import AnyLayer
from ava_np.layers.initialisers import Initialiser
from ava_np.specification import MODELS, PicturesSpecification, Specification, TrainingSpecification

NUMBERS = (0, 1, -1, 2, 3, 7, 255, 256, 1000, 1001, 65535, 10**6, 2**31, 2**40, 2**53, 2**63 - 1, 2**63, 10**40)
FRACTIONS = (0.0, -0.0, 0.5, 1.0, -1.5, 1e-320, 1e-45, 3e38, 1e39, 1e60, 1e308, 0.999999999999)
TEXTS = ("", "a", "photos", "toy:ring", "toy:", "..", "/", "a\0b", "\x1b[31m\u202e\n", "\ud800", "x" * 5000, "9" * 400)
SHAPES: tuple[Any, ...] = (None, True, False, [], {}, [[]], {"": {}}, [1] * 1001, [0, 0], [[[[[[1]]]]]])

STRUCTS = (*MODELS.values(), *get_args(AnyLayer), PicturesSpecification, TrainingSpecification, Specification)
KEYS = sorted({field for kind in STRUCTS for field in kind.__struct_fields__} | {"layer", "name", "encoder", "decoder"})
LITERALS = ("ArchitectureName", "Likelihood", "OptimiserName", "PriorName", "Propagation", "Reduction", "Schedule")
WORDS = (
    *(*MODELS, "function", *get_args(Initialiser)),
    *(str(kind.__struct_config__.tag) for kind in get_args(AnyLayer)),
    *(word for name in LITERALS for word in get_args(getattr(specification, name))),
)
INTEGERS = (b"\0", b"\xff", b"\x7f", b"\x80", b"\0\0", b"\xff\xff", bytes(4), 4 * b"\xff", b"\x7f" + 3 * b"\xff")


def mutated_bytes(data: bytes, random: Random) -> bytes:
    """Return the bytes with one to eight small changes."""
    values = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 4, 8))):
        start = random.randint(0, len(values))
        length = min(random.choice((0, 1, 1, 2, 4, 8, 64)), len(values) - start)
        part: bytes = random.choice((b"", random.choice(INTEGERS), bytes([random.randrange(256)]), *INTEGERS[:2]))
        if random.random() < 0.2 and values:  # a copy from elsewhere
            other = random.randrange(len(values))
            part = bytes(values[other : other + random.choice((1, 4, 16, 64))])
        if random.random() < 0.05:  # truncated
            length = len(values) - start
        values[start : start + length] = part
    return bytes(values)


def mutated_json(value: Any, random: Random) -> Any:
    """Return a copy of a JSON value with one to four changes at random places."""
    value = copy.deepcopy(value)
    for _ in range(random.choice((1, 1, 2, 4))):
        places = _places(value)
        if not places:
            return _any_value(random)
        holder, key = random.choice(places)
        _change(holder, key, random)
    return value


def mutated_text(text: bytes, random: Random) -> bytes:
    """Return JSON with changes to its structure, or to its bytes; other text with changes to its bytes."""
    if random.random() < 0.8:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            pass
        else:
            return json.dumps(mutated_json(value, random)).encode()
    return mutated_bytes(text, random)


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every (list or dictionary, index or key) in a value."""
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting:
        holder = waiting.pop()
        if isinstance(holder, dict | list):
            items = list(holder.items() if isinstance(holder, dict) else enumerate(holder))
            found += [(holder, key) for key, _ in items]
            waiting += [inner for _, inner in items]
    return found


def _change(holder: Any, key: Any, random: Random) -> None:
    """Change one item: replace it, remove it, repeat it, or add one beside it."""
    kind, old = random.random(), holder[key]
    if kind < 0.5:
        holder[key] = _near(old, random)
    elif kind < 0.65:
        del holder[key]
    elif kind < 0.75:
        holder[key] = _any_value(random)
    elif isinstance(holder, list):
        holder.insert(key, copy.deepcopy(old) if random.random() < 0.7 else _any_value(random))
    else:
        holder[random.choice(KEYS)] = copy.deepcopy(old) if random.random() < 0.3 else _any_value(random)


def _near(old: Any, random: Random) -> Any:
    """A value of the same type."""
    if isinstance(old, bool):
        return not old
    if isinstance(old, int | float):
        nearby = (old + 1, old - 1, -old, 2 * old, old / 2, float(old) if abs(old) < 1e300 else 0.0)
        return random.choice((*nearby, random.choice(NUMBERS), random.choice(FRACTIONS)))
    if isinstance(old, str):
        return random.choice((random.choice(WORDS), random.choice(WORDS), random.choice(TEXTS), old + "x", old.upper()))
    return random.choice((_any_value(random), old))


def _any_value(random: Random) -> Any:
    return copy.deepcopy(random.choice(random.choice((NUMBERS, FRACTIONS, TEXTS, SHAPES, WORDS))))
