"""Adversarial variational autoencoders with hand-derived backpropagation, in NumPy and Numba, on a CPU.

Each public name is loaded on first use, so ``import ava_np`` itself is fast.

Examples
--------
Train AVA5 on the ten built-in pictures. A path instead of ``None`` reads a folder of pictures.

>>> import ava_np
>>> pictures = ava_np.read_pictures(None, size=(48, 48), zoom=3)
>>> x = ava_np.zoom_out(pictures.array, 3)
>>> x.shape
(10, 16, 16, 3)
>>> model = ava_np.build("ava5", x.shape[1:], latent=4, hidden=(32,))
>>> metrics = ava_np.fit(model, x, epochs=20)
>>> metrics[-1]["nats"]["reconstruction"] < metrics[0]["nats"]["reconstruction"]
True
>>> codes = model.encode(x)
>>> codes.shape
(10, 4)
>>> model.decode(codes).shape
(10, 16, 16, 3)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ava_np.data.batches import Batches
    from ava_np.data.sources import read_pictures
    from ava_np.data.zoom import zoom_in, zoom_out
    from ava_np.errors import AvaError
    from ava_np.evaluation.evaluate import evaluate
    from ava_np.kernels.machine.parallel import use_threads
    from ava_np.models import build
    from ava_np.run.checkpoint import load_model as load
    from ava_np.run.checkpoint import save_model as save
    from ava_np.specification import TrainingSpecification
    from ava_np.training.fit import fit
    from ava_np.training.trainer import Trainer

__version__ = "0.1.0"

__all__ = [
    "AvaError",
    "Batches",
    "Trainer",
    "TrainingSpecification",
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
    "Batches": ("data.batches", "Batches"),
    "Trainer": ("training.trainer", "Trainer"),
    "TrainingSpecification": ("specification", "TrainingSpecification"),
    "build": ("models", "build"),
    "evaluate": ("evaluation.evaluate", "evaluate"),
    "fit": ("training.fit", "fit"),
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
