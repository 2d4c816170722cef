"""Train with each reduction at the paper's learning rates: the table of docs/manual/reductions.md.

    python -m ava_np.experiments.paper.reductions [FOLDER]

Every run uses plain SGD with all pictures in every step. The output is a Markdown table of reconstruction errors, with
"diverges" where a loss or a gradient was not finite.
"""

import sys
from pathlib import Path

import joblib
import numpy as np

from ava_np.data.sources import read_pictures
from ava_np.data.zoom import zoom_out
from ava_np.errors import NotFiniteError
from ava_np.evaluation.metrics import reconstruction_error
from ava_np.experiments.paper.ava_tables import printed_objective
from ava_np.models import build
from ava_np.training.fit import fit

STEPS = 300
RATES = (1.0, 0.3, 0.1, 0.03, 0.01)
MODELS = (("vae", "paper"), ("ava5", "paper"), ("vae", "exact"), ("ava5", "exact"))


def cell(pictures: np.ndarray, model: str, propagation: str, reduction: str, rate: float) -> str:
    """Train one model; return its reconstruction error, or "diverges"."""
    network = build(model, pictures.shape[1:], propagation=propagation, **printed_objective(model))
    try:
        fit(
            network,
            pictures,
            epochs=STEPS,
            batch_size=len(pictures),
            optimiser="sgd",
            learning_rate=rate,
            reduction=reduction,
        )
    except NotFiniteError:
        return "diverges"
    return f"{reconstruction_error(pictures, network.reconstruct(pictures)):.4f}"


def main() -> None:
    """Print the table for the folder given on the command line, or for the built-in pictures."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    pictures = zoom_out(read_pictures(folder, size=(180, 250), fit="stretch", zoom=3).array, 3)
    mean = np.broadcast_to(pictures.mean(axis=0), pictures.shape)
    keys = [(*model, reduction, rate) for reduction in ("sum", "mean", "fan") for rate in RATES for model in MODELS]
    cells = iter(joblib.Parallel(n_jobs=-1)(joblib.delayed(cell)(pictures, *key) for key in keys))
    print(f"Reconstruction error after {STEPS} steps; mean image {reconstruction_error(pictures, mean):.4f}, ", end="")
    print(f"untrained {reconstruction_error(pictures, np.full_like(pictures, 0.5)):.4f}\n")
    print("| reduction | γ |", *(f"{model}, {propagation} |" for model, propagation in MODELS))
    print("|---|---|" + "---|" * len(MODELS))
    for reduction in ("sum", "mean", "fan"):
        for rate in RATES:
            print(f"| {reduction} | {rate} |", *(f"{next(cells)} |" for _ in MODELS))


if __name__ == "__main__":
    main()
