"""Adversarial variational autoencoders with hand-derived backpropagation, in NumPy and Numba, on a CPU.

>>> import ava_np
>>> pictures = ava_np.read_pictures("photos", zoom=3)            # doctest: +SKIP
>>> x = ava_np.zoom_out(pictures.array, 3)                       # doctest: +SKIP
>>> model = ava_np.build("ava5", x.shape[1:])                    # doctest: +SKIP
>>> metrics = ava_np.fit(model, x, epochs=500)                   # doctest: +SKIP
>>> codes = model.encode(x)                                      # doctest: +SKIP
>>> ava_np.save(model, "model.safetensors")                      # doctest: +SKIP

Names are loaded when they are first used, so that ``import ava_np`` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ava_np.checkpoint import load_model as load
    from ava_np.checkpoint import save_model as save
    from ava_np.data import read_pictures
    from ava_np.errors import AvaError
    from ava_np.evaluation import evaluate
    from ava_np.kernels._threads import use_threads
    from ava_np.models import build
    from ava_np.training import fit
    from ava_np.zoom import zoom_in, zoom_out

__all__ = [
    "AvaError",
    "build",
    "evaluate",
    "fit",
    "load",
    "read_pictures",
    "save",
    "use_threads",
    "zoom_in",
    "zoom_out",
]

_WHERE = {
    "AvaError": ("errors", "AvaError"),
    "build": ("models", "build"),
    "evaluate": ("evaluation", "evaluate"),
    "fit": ("training", "fit"),
    "load": ("checkpoint", "load_model"),
    "read_pictures": ("data", "read_pictures"),
    "save": ("checkpoint", "save_model"),
    "use_threads": ("kernels._threads", "use_threads"),
    "zoom_in": ("zoom", "zoom_in"),
    "zoom_out": ("zoom", "zoom_out"),
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'ava_np' has no attribute {name!r}")
    module, attribute = _WHERE[name]
    return getattr(import_module(f"ava_np.{module}"), attribute)


def __dir__() -> list[str]:
    return __all__
