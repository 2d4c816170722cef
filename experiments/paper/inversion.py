"""The code of a picture under a generator that has no encoder: found by descending on the code.

    min over z  ½ ‖x - G(z)‖²,   the error x' - x passed back through G to z

The engine's own backward pass brings the error to the code, so nothing else is needed (Creswell and Bharath 2018).
"""

import numpy as np

from ava_np.kernels.optimisers import adam_step
from ava_np.models import Model

RATE = 0.05


def find_codes(model: Model, pictures: np.ndarray, *, starts: int, steps: int, seed: int = 0) -> np.ndarray:
    """Return the code of each picture with the least squared error.

    Parameters
    ----------
    model : Model
        Its decoder or generator, with running statistics, is G.
    pictures : ndarray, (N, H, W, C) float32
        What G(z) should be.
    starts : int
        Codes from N(0, I) that each descent begins at; the best end is returned.
    steps : int
        Steps of Adam.
    seed : int
        Of the starts.

    Returns
    -------
    ndarray, (N, latent) float32
        Codes for ``model.decode``.

    Examples
    --------
    >>> import ava_np
    >>> from ava_np.experiments.paper.inversion import find_codes
    >>> model = ava_np.build("gan", (4, 4, 1), latent=2, hidden=(16,))
    >>> pictures = model.decode([[0.5, -1.0]])
    >>> codes = find_codes(model, pictures, starts=2, steps=200)
    >>> bool(abs(model.decode(codes) - pictures).max() < 0.01)
    True
    """
    G, count = model.networks[model.decoder_name], len(pictures)
    x = np.tile(pictures.reshape(count, -1), (starts, 1)).astype(model.dtype)
    z = np.random.default_rng(seed).standard_normal((starts * count, model.latent)).astype(model.dtype)
    mean, square, buffers = (
        np.zeros(z.size, model.dtype),
        np.zeros(z.size, model.dtype),
        G.buffers(len(z), "evaluation"),
    )
    for step in range(1, steps + 1):
        δz = G.backward_input(buffers, G.forward(buffers, z) - x)
        adam_step(z.reshape(-1), mean, square, δz.reshape(-1), RATE, 1.0, 0.9, 0.999, 1e-8, step)
    errors = np.square(G.forward(buffers, z) - x).sum(axis=1).reshape(starts, count)
    return np.asarray(z.reshape(starts, count, -1)[errors.argmin(axis=0), np.arange(count)])
