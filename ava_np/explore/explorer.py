"""What the page asks a model: its codes, samples, neighbours and map, as arrays and plain values."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ava_np.data.decoding import decode
from ava_np.data.pictures import central_crop
from ava_np.data.zoom import zoom_out
from ava_np.errors import AvaError
from ava_np.indices import evenly_spaced
from ava_np.models import Model
from ava_np.run.folder import Run

MAX_KNOWN = 2000  # pictures whose codes are computed: the neighbours, and the points of the map
MAX_DRAWN = 500  # points of the map, and drawn codes by which the numbers are ordered without an encoder


@dataclass(frozen=True)
class Map:
    """Codes on a plane: the plane of a code of two numbers itself, or that of their two main directions.

    Attributes
    ----------
    points : ndarray, (codes, 2)
        Where the codes are.
    centre : ndarray, (latent,)
        The code at (0, 0).
    axes : ndarray, (2, latent)
        The code at (x, y) is centre + x axes[0] + y axes[1].
    share : float
        Share of the codes' variance that the plane shows, in [0, 1].
    """

    points: np.ndarray
    centre: np.ndarray
    axes: np.ndarray
    share: float


class Explorer:
    """A trained model with the codes of its training pictures.

    Parameters
    ----------
    model : Model
        The model.
    pictures : ndarray, (pictures, height, width, channels), optional
        Training pictures, of which at most 2000 are used. Without them, or without an encoder, codes are drawn.
    run : Run, optional
        Says how other pictures are prepared (``encode``).

    Examples
    --------
    >>> import ava_np
    >>> import numpy as np
    >>> from ava_np.explore.explorer import Explorer
    >>> model = ava_np.build("vae", (8, 8, 1), latent=3)
    >>> explorer = Explorer(model, np.random.default_rng(0).random((20, 8, 8, 1)))
    >>> explorer.codes.shape, explorer.map.points.shape, explorer.strip(explorer.codes[:4]).shape
    ((20, 3), (20, 2), (8, 32, 1))
    """

    def __init__(self, model: Model, pictures: np.ndarray | None = None, run: Run | None = None) -> None:
        self.model, self.run = model, run
        known = pictures is not None and len(pictures) > 0 and model.encoder_name is not None
        self.pictures = pictures[evenly_spaced(len(pictures), MAX_KNOWN)] if known and pictures is not None else None
        drawn = self.draw(MAX_DRAWN, 0)
        self.codes = drawn if self.pictures is None else model.encode(self.pictures)
        self.centre, self.deviation = self.codes.mean(axis=0), self.codes.std(axis=0)
        # A number that the encoder does not use is always near its mean, but samples have it anywhere.
        self.reach = np.maximum(self.deviation, drawn.std(axis=0))
        self.map = plane(self.codes)

    def draw(self, count: int, seed: int) -> np.ndarray:
        """Return codes of samples, (count, latent): those that ``ava sample --seed`` decodes."""
        generator, codes = np.random.default_rng((seed, 4)), self.model.codes
        return self.model.prior(generator, count) if codes is None else codes.draw(generator, count)

    def strip(self, codes: np.ndarray) -> np.ndarray:
        """Return the pictures of codes side by side, (height, codes · width, channels)."""
        return side_by_side(self.model.decode(codes))

    def encode(self, data: bytes) -> tuple[np.ndarray, np.ndarray]:
        """Return a picture file, prepared as the run's own pictures were, and its code.

        Parameters
        ----------
        data : bytes
            The content of a file of any format that is read.

        Returns
        -------
        picture : ndarray, (height, width, channels)
        code : ndarray, (latent,)

        Raises
        ------
        PictureError
            If it cannot be read.
        AvaError
            If the model has no encoder.
        """
        if self.model.encoder_name is None:
            raise AvaError(f"{self.model.specification.name} has no encoder, so a picture has no code")
        assert self.run is not None
        prepared = self.run.specification.pictures
        grey = prepared.channels == 1
        pixels, _ = decode(data, prepared.size, prepared.fit, grey=grey, max_pixels=prepared.max_pixels)
        left, top, width, height = central_crop("the picture", prepared.size, prepared.zoom)
        whole = np.empty((1, height, width, prepared.channels), np.float32)
        whole[0] = pixels[top : top + height, left : left + width]  # a grey one, in all channels
        picture = zoom_out(whole, prepared.zoom)
        return picture[0], self.model.encode(picture)[0]

    def nearest(self, code: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the training pictures whose codes are nearest: indices in ``pictures``, and distances."""
        if self.pictures is None:
            return np.empty(0, np.int64), np.empty(0)
        distances = np.linalg.norm(self.codes - code, axis=1)
        order = np.argsort(distances, kind="stable")[:count]
        return order, distances[order]

    def facts(self) -> dict[str, Any]:
        """Return what the page needs to know before anything is decoded, as values that JSON takes."""
        height, width, channels = self.model.shape
        shown = evenly_spaced(len(self.codes), MAX_DRAWN)
        return {
            "name": self.model.specification.name,
            "height": height,
            "width": width,
            "channels": channels,
            "latent": self.model.latent,
            "encoder": self.model.encoder_name is not None,
            "pictures": 0 if self.pictures is None else len(self.pictures),
            "centre": rounded(self.centre),
            "reach": rounded(self.reach),
            "order": np.argsort(-self.deviation, kind="stable").tolist(),
            "map": {
                "points": rounded(self.map.points[shown]),
                "indices": shown.tolist(),
                "codes": rounded(self.codes[shown]),
                "centre": rounded(self.map.centre),
                "axes": rounded(self.map.axes),
                "share": round(self.map.share, 4),
            },
        }


def plane(codes: np.ndarray) -> Map:
    """Return the plane on which codes are shown.

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.explore.explorer import plane
    >>> codes = np.random.default_rng(0).normal(size=(100, 5)) * [0, 3, 0, 1, 0]
    >>> shown = plane(codes)
    >>> back = shown.centre + shown.points @ shown.axes
    >>> round(shown.share, 6), bool(np.allclose(back, codes))
    (1.0, True)
    """
    codes = codes.astype(np.float64)
    latent = codes.shape[1]
    if latent == 2:
        return Map(codes, np.zeros(2), np.eye(2), 1.0)
    centre = codes.mean(axis=0)
    values, vectors = np.linalg.eigh(np.atleast_2d(np.cov((codes - centre).T, bias=True)))
    axes = np.zeros((2, latent))
    found = vectors.T[::-1][:2]  # one direction only, if the code is one number
    axes[: len(found)] = found
    total = float(values.sum())
    return Map((codes - centre) @ axes.T, centre, axes, float(values[::-1][:2].sum()) / total if total else 1.0)


def side_by_side(pictures: np.ndarray) -> np.ndarray:
    """Return pictures (count, height, width, channels) as one, (height, count · width, channels)."""
    count, height, width, channels = pictures.shape
    return pictures.transpose(1, 0, 2, 3).reshape(height, count * width, channels)


def rounded(array: np.ndarray) -> Any:
    """Return numbers as lists, to the digits that float32 has."""
    return np.array([float(f"{value:.8g}") for value in array.reshape(-1)]).reshape(array.shape).tolist()
