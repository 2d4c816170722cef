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
    from ava_np.data.sources import read_pictures
    from ava_np.data.zoom import zoom_in, zoom_out
    from ava_np.errors import AvaError
    from ava_np.evaluation.evaluate import evaluate
    from ava_np.kernels.machine.parallel import use_threads
    from ava_np.models import build
    from ava_np.run.checkpoint import load_model as load
    from ava_np.run.checkpoint import save_model as save
    from ava_np.training.trainer import fit

__version__ = "0.1.0"

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
    "evaluate": ("evaluation.evaluate", "evaluate"),
    "fit": ("training.trainer", "fit"),
    "load": ("run.checkpoint", "load_model"),
    "read_pictures": ("data.sources", "read_pictures"),
    "save": ("run.checkpoint", "save_model"),
    "use_threads": ("kernels.machine.parallel", "use_threads"),
    "zoom_in": ("data.zoom", "zoom_in"),
    "zoom_out": ("data.zoom", "zoom_out"),
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'ava_np' has no attribute {name!r}")
    module, attribute = _WHERE[name]
    return getattr(import_module(f"ava_np.{module}"), attribute)


def __dir__() -> list[str]:
    return __all__
