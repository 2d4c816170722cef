"""The kernels of a first step, compiled by two processes.

A process compiles one kernel at a time, and the first step of a training needs some fifty of them. So a second process
compiles them, too, from the last to the first. Each looks into the cache (kernels/machine/compile.py) before it
compiles a kernel, and puts it there afterwards: they meet half-way. The list below decides how long that takes, and
nothing else; the training compiles what is missing here.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from threading import Thread
from typing import Any

import numpy as np

from ava_np.kernels import activations, discrimination, factored, gaussian
from ava_np.kernels.convolution import add_channel_sums
from ava_np.kernels.dense import add_column_sums
from ava_np.kernels.machine import blocking, direct_conv, few_rows, few_terms, scatter, split_k, weight_gradient
from ava_np.kernels.machine.compile import is_cached
from ava_np.kernels.machine.elementwise import Flat
from ava_np.kernels.machine.micro_kernel import host_tile
from ava_np.kernels.machine.parallel import cores
from ava_np.kernels.optimisers import adam_step
from ava_np.kernels.squared_error import squared_error_backward, squared_error_forward

DTYPE = np.dtype(np.float32)
CONTIGUOUS, VIEW, VECTOR = np.ones((2, 2), DTYPE), np.ones((2, 3), DTYPE)[:, :2], np.ones(2, DTYPE)
"""Arguments of the layouts that a step passes."""


def second_process() -> AbstractContextManager[object]:
    """Start the second process, which ends when it has compiled everything, and with the context at the latest.

    None is started if the kernels are in the cache or cannot be, if there is one core, or if there is no micro-kernel
    for this processor.
    """
    if cores() == 1 or host_tile(DTYPE.itemsize) is None or is_cached(discrimination.causal_backward):
        return nullcontext()
    command = [sys.executable, "-P", "-m", __name__]
    try:
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except OSError:  # the training does without, if no more processes are allowed
        return nullcontext()


def last_to_first() -> Iterator[Callable[[], object]]:
    """Yield calls that compile one kernel each, in the order of a step of AVA5 that runs backwards."""

    def loop(kernel: Flat[Any]) -> Iterator[Callable[[], object]]:
        yield partial(kernel, *[VECTOR] * kernel.arrays, *[1.0] * kernel.numbers)
        yield partial(kernel.address, DTYPE)

    yield partial(few_rows.part_address, DTYPE)  # and with it the micro-kernel, before the other process needs it
    yield partial(few_terms.part_address, DTYPE)
    yield partial(discrimination.causal_backward, VIEW, CONTIGUOUS)
    yield partial(discrimination.causal_backward, CONTIGUOUS, CONTIGUOUS)
    yield from loop(adam_step)
    yield partial(factored.part_address, DTYPE)
    yield partial(factored.factored_norm, [(CONTIGUOUS, CONTIGUOUS)], VECTOR)
    yield partial(gaussian.reparameterise_backward, VIEW, VIEW, CONTIGUOUS, VIEW, CONTIGUOUS)
    yield partial(discrimination.reverse_causal_backward, CONTIGUOUS, CONTIGUOUS, VIEW, VIEW, VIEW)
    yield partial(add_column_sums, VECTOR, CONTIGUOUS)
    yield partial(discrimination.reverse_causal_backward, *[CONTIGUOUS] * 5)
    yield from loop(activations.sigmoid_backward)
    yield from loop(activations.leaky_relu_backward)
    yield partial(discrimination.log_fake_backward, CONTIGUOUS, CONTIGUOUS, 1)
    yield partial(discrimination.log_real_backward, CONTIGUOUS, CONTIGUOUS, 1)
    yield partial(discrimination.log_fake_forward, CONTIGUOUS)
    yield partial(discrimination.log_real_forward, CONTIGUOUS)
    yield partial(gaussian.kl_forward, VIEW, VIEW)
    yield partial(gaussian.kl_backward, *[VIEW] * 4)
    yield partial(squared_error_backward, *[CONTIGUOUS] * 3)
    yield partial(squared_error_forward, CONTIGUOUS, CONTIGUOUS)
    yield partial(gaussian.reparameterise_forward, CONTIGUOUS, VIEW, VIEW, CONTIGUOUS)
    yield from loop(activations.sigmoid_forward)
    yield from loop(activations.leaky_relu_forward)
    yield partial(split_k.part_address, DTYPE)
    # of convolutions
    yield partial(add_channel_sums, VECTOR, CONTIGUOUS, np.ones(256, DTYPE))
    yield partial(weight_gradient.part_addresses, DTYPE)
    yield from loop(activations.relu_backward)
    yield partial(scatter.part_address, DTYPE)
    yield from loop(activations.relu_forward)
    yield partial(blocking.part_address, DTYPE)
    yield partial(direct_conv.part_address, DTYPE)


def _end_with_the_training() -> None:
    os.read(sys.stdin.fileno(), 1)  # returns when the context has closed the pipe, or its process is dead
    os._exit(0)


if __name__ == "__main__":
    Thread(target=_end_with_the_training, daemon=True).start()
    for compile_kernel in last_to_first():
        compile_kernel()
