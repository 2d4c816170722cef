"""The entrance of specifications: a config.json, a file for ``--architecture``, and the options of a run.

An input is a line with its kind, then its content:

- "config": the content of a config.json;
- "architecture MODEL": the content of a file for ``ava train --model MODEL --architecture``;
- "command": the arguments of ``ava train``, one a line;
- "options": a JSON object of what ``RunOptions`` takes and, in "model", ``specify_model`` and, in "shape", ``build``.
"""

import linecache
from collections.abc import Callable
from dataclasses import fields
from math import prod
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import msgspec
import numpy as np
import pytest

import ava_np
from ava_np.cli.train import train
from ava_np.errors import AvaError
from ava_np.models import _kind, array_shapes
from ava_np.run import session
from ava_np.run.folder import Run
from ava_np.specification import MODELS, VAE, AnyModel, ModelSpecification, RunOptions, decode, encode, specify_model
from tests.cli.refusals import failed
from tests.command import ava, tree
from tests.fuzz.bounds import bounded, one_line, printable_lines, sandbox
from tests.fuzz.mutations import FRACTIONS, NUMBERS, WORDS, mutated_bytes, mutated_text

MAX_VALUES = 10**6  # in a sample's way through the networks, of parameters and of scratch
SHAPE = (5, 4, 3)
OPTION_NAMES = [name for parameter in train.params for name in (*parameter.opts, *parameter.secondary_opts)]

T = TypeVar("T")


def check(data: bytes) -> None:
    """Assert that a specification is accepted and can be used, or is refused in one line."""
    head, _, content = data.partition(b"\n")
    kind, _, model = head.decode("latin-1").partition(" ")
    with sandbox() as place:
        (place / "content.json").write_bytes(content)
        (place / "config.json").write_bytes(content)
        before = tree(place)
        with bounded(place / "nothing"):
            if kind == "architecture":
                _architecture(model if model in MODELS else "vae")
            elif kind == "command":
                _parse(content.decode("utf-8", "surrogateescape").replace("\0", "").splitlines())
            elif kind == "options":
                _options(content)
            else:
                _config(place)
        assert tree(place) == before


def mutated(data: bytes, random: Random) -> bytes:
    """Return an input of the same kind with another content."""
    head, _, content = data.partition(b"\n")
    if head.startswith(b"architecture") and random.random() < 0.3:
        head = b"architecture " + random.choice(list(MODELS)).encode()
    if head.startswith(b"command"):
        return head + b"\n" + _other_arguments(content, random)
    return head + b"\n" + mutated_text(content, random)


def too_large(model: ModelSpecification, shape: tuple[int, int, int]) -> bool:
    """Return whether a model is right, but so large that building it would take long."""
    try:
        chains = list(_kind(model).plan(model, shape).values())
    except (AvaError, ValueError):
        return False
    scratch = [
        layer.scratch_size(before)
        for chain in chains
        for layer, before in zip(chain.layers, chain.shapes, strict=False)
    ]
    values = sum(chain.parameter_count + sum(map(prod, chain.shapes)) for chain in chains)
    return values + max(scratch) > MAX_VALUES


def _config(folder: Path) -> None:
    run = _accepted(lambda: Run.open(folder))
    if run is None:
        return
    specification = run.specification
    assert decode(encode(specification)) == specification
    assert specification.with_id().id == decode(encode(specification)).with_id().id
    _build(specification.model, specification.pictures.shape)


def _architecture(model: str) -> None:
    options = _parse(["--model", model, "--architecture", "content.json"])
    if options is not None:
        _build(specify_model(str(options.model), **options.model_options), SHAPE)


def _options(content: bytes) -> None:
    try:
        options = msgspec.json.decode(content, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    model, shape = options.pop("model", {}), options.pop("shape", SHAPE)
    if isinstance(model, dict):
        name = model.pop("name", "vae")
        model = _accepted(lambda: specify_model(name, **model)) or VAE()
        if isinstance(shape, tuple | list):
            _build(model, tuple(shape))
    options["model"] = model
    if options.keys() <= {field.name for field in fields(RunOptions)}:
        _accepted(lambda: RunOptions(**options))


def _build(model: AnyModel, shape: tuple[int, int, int]) -> None:
    """Assert that a model has the arrays that were planned, and makes pictures, or that it is refused."""
    planned = _accepted(lambda: array_shapes(model, shape))
    if planned is None or too_large(model, shape):
        return
    options = msgspec.structs.asdict(model)
    if options.get("prior") == "function":
        del options["prior"]
    built = _accepted(lambda: ava_np.build(model.name, shape, **options))
    if built is None:
        return
    found = {
        f"{name}.{layer}.{array}": values.shape
        for name, network in built.networks.items()
        for views in (network.parameters, network.states)
        for layer, array, values in network.named_arrays(views)
    }
    assert found == planned
    samples = _accepted(lambda: built.sample(2, 0))
    assert samples is None or (samples.shape == (2, *shape) and np.isfinite(samples).all())


def _accepted(call: Callable[[], T]) -> T | None:
    """Return the result of a call, or None if it refuses its arguments in one line, by one of the documented errors."""
    try:
        return call()
    except (AvaError, msgspec.ValidationError) as error:
        one_line(str(error))
    except ValueError as error:
        if not _is_raised_here(error):  # but by NumPy or Python
            raise
        one_line(str(error))
    return None


def _is_raised_here(error: ValueError) -> bool:
    """Whether an error comes from a ``raise`` in ava_np."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    assert trace is not None
    file = trace.tb_frame.f_code.co_filename
    return "ava_np" in file and linecache.getline(file, trace.tb_lineno).strip().startswith("raise ")


def _parse(arguments: list[str]) -> RunOptions | None:
    """Return the options that ``ava train`` understands, or None if it refuses them or does something else."""
    understood: list[RunOptions] = []

    def start(options: RunOptions, *others: object, **more: object) -> None:
        understood.append(options)
        raise AvaError("understood")

    def resume(*others: object, **more: object) -> None:
        raise AvaError("understood")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "start", start)
        patch.setattr(session, "resume", resume)
        outcome = ava("train", *arguments)
    printable_lines(outcome.out)
    printable_lines(outcome.err)
    if outcome.code:
        assert outcome.code in (1, 2), outcome
        failed(outcome, outcome.code)
    return understood[0] if understood else None


def _other_arguments(content: bytes, random: Random) -> bytes:
    """Change the arguments of a command: lose, repeat or swap some, or change the bytes of one."""
    lines = content.split(b"\n")
    for _ in range(random.choice((1, 1, 2, 4))):
        at, kind = random.randrange(len(lines)), random.random()
        if kind < 0.4:
            lines[at] = mutated_bytes(lines[at], random)
        elif kind < 0.6:
            lines.insert(at, str(random.choice((*NUMBERS, *FRACTIONS, *WORDS))).encode())
        elif kind < 0.8:
            lines[at] = random.choice(OPTION_NAMES).encode()
        elif len(lines) > 1:
            del lines[at]
    return b"\n".join(lines)
