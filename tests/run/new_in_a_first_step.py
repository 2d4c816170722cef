"""Print the kernels that the first steps of an AVA5 compile although the second process has compiled its own."""

import sys

import numpy as np
from numba.core.dispatcher import Dispatcher

import ava_np
from ava_np.run.compilation import last_to_first


def compiled() -> set[tuple[str, str]]:
    """Return the kernels of this process, with the types of their arguments."""
    modules = [module for name, module in sys.modules.items() if name.startswith("ava_np.kernels.")]
    found: set[tuple[str, str]] = set()
    for module in modules:
        for value in vars(module).values():
            kernel = getattr(value, "_whole", value)
            if isinstance(kernel, Dispatcher):
                found.update((kernel.py_func.__name__, str(types)) for types in kernel.signatures)
        if hasattr(module, "part_address"):
            found.add((module.__name__, f"{module.part_address.cache_info().currsize} addresses"))
    return found


for call in last_to_first():
    call()
before = compiled()
generator = np.random.default_rng(0)
for architecture, hidden, shape, count in (("mlp", (64,), (64, 64, 3), 10), ("conv28", (8, 16), (28, 28, 1), 64)):
    x = generator.random((count, *shape), np.float32)
    model = ava_np.build("ava5", shape, architecture=architecture, hidden=hidden)
    ava_np.fit(model, x, epochs=1)
for name, _ in sorted(compiled() - before):
    print(name)
