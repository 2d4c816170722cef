"""Figures of a model, for a notebook: each function returns a matplotlib ``Figure``, which a notebook shows.

Nothing here uses pyplot or a display. ``figure.savefig("samples.png")`` writes a figure.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from ava_np.errors import AvaError
from ava_np.images import grid
from ava_np.models import Model
from ava_np.report.charts import STYLE, to_png

SIDE = 0.6  # inches of a small picture
CSS_PIXELS_PER_INCH = 96
MOST_CLASSES = 10  # with colours of their own


class NotebookFigure(Figure):
    """A figure that a notebook shows as it is: matplotlib's own needs pyplot, or the inline backend, for that."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        return to_png(self), {"width": round(CSS_PIXELS_PER_INCH * self.get_figwidth())}


def samples(model: Model, count: int = 64, seed: int | None = None) -> Figure:
    """Draw samples of a model.

    Parameters
    ----------
    model : Model
        A trained model.
    count : int
        Number of samples, at least 1.
    seed : int, optional
        Of the codes; by default they differ at each call.

    Returns
    -------
    Figure
        One sheet.

    Examples
    --------
    >>> import ava_np
    >>> from ava_np import plot
    >>> figure = plot.samples(ava_np.build("vae", (8, 8, 1)), 16, seed=0)
    >>> len(figure.axes)
    1
    """
    return _sheet(model.sample(count, seed), None)


def reconstructions(model: Model, pictures: ArrayLike, count: int = 10) -> Figure:
    """Draw pictures above their reconstructions.

    Parameters
    ----------
    model : Model
        A model with an encoder.
    pictures : array_like, (N, H, W, C)
        Of the model's shape.
    count : int
        The first so many are drawn.

    Returns
    -------
    Figure
        Two rows.

    Raises
    ------
    AvaError
        If the model has no encoder.

    Examples
    --------
    >>> import ava_np
    >>> import numpy as np
    >>> from ava_np import plot
    >>> figure = plot.reconstructions(ava_np.build("ae", (8, 8, 1)), np.zeros((5, 8, 8, 1), np.float32))
    >>> figure.axes[0].get_title()
    'pictures, and their reconstructions'
    """
    shown = np.asarray(pictures)[:count]
    figure = _sheet(np.concatenate([shown, model.reconstruct(shown)]), len(shown))
    figure.axes[0].set_title("pictures, and their reconstructions")
    return figure


def latent_plane(model: Model, extent: float = 2.0, side: int = 15) -> Figure:
    """Draw what a plane of codes decodes to, for a model whose codes have two values.

    Parameters
    ----------
    model : Model
        With ``latent`` = 2.
    extent : float
        Both values of the code go from -extent to extent.
    side : int
        Pictures in a row and in a column.

    Returns
    -------
    Figure
        The first value grows to the right, the second upwards.

    Raises
    ------
    AvaError
        If the codes do not have two values.

    Examples
    --------
    >>> import ava_np
    >>> from ava_np import plot
    >>> plot.latent_plane(ava_np.build("vae", (8, 8, 1), latent=2), side=3).axes[0].get_xlabel()
    'first value of the code'
    """
    if model.latent != 2:
        raise AvaError(f"a plane of codes needs codes of two values, and these have {model.latent}")
    values = np.linspace(-extent, extent, side)
    second, first = np.meshgrid(values[::-1], values, indexing="ij")
    sheet = grid(model.decode(np.stack([first.ravel(), second.ravel()], axis=1)), side, padding=0)
    figure = NotebookFigure(figsize=(SIDE * side, SIDE * side), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(_drawable(sheet), cmap="gray", vmin=0, vmax=1, extent=(-extent, extent, -extent, extent), aspect="auto")
    axes.set_xlabel("first value of the code")
    axes.set_ylabel("second value")
    return figure


@style.context(STYLE)
def codes(model: Model, pictures: ArrayLike, labels: Sequence[Any] | np.ndarray | None = None) -> Figure:
    """Draw the codes of pictures as points: both values, or the two principal components of longer codes.

    Parameters
    ----------
    model : Model
        A model with an encoder, and codes of at least two values.
    pictures : array_like, (N, H, W, C)
        Of the model's shape.
    labels : sequence, length N, optional
        Classes, each in a colour of its own if there are at most ten.

    Returns
    -------
    Figure
        A scatter plot.

    Raises
    ------
    AvaError
        If the model has no encoder, or its codes have one value.

    Examples
    --------
    >>> import ava_np
    >>> import numpy as np
    >>> from ava_np import plot
    >>> pictures = np.random.default_rng(0).random((20, 8, 8, 1), np.float32)
    >>> figure = plot.codes(ava_np.build("vae", (8, 8, 1), latent=3), pictures, labels=["a", "b"] * 10)
    >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    ['a', 'b']
    """
    points = model.encode(pictures)
    if points.shape[1] < 2:
        raise AvaError("codes of one value have no plane")
    names = ("first value of the code", "second value")
    if points.shape[1] > 2:
        centred = points - points.mean(axis=0)
        points = centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T
        names = ("first principal component of the codes", "second principal component")
    figure = NotebookFigure(figsize=(6, 6), layout="constrained")
    axes = figure.add_subplot()
    classes = np.zeros(len(points), int) if labels is None else np.asarray(labels)
    kinds = np.unique(classes)
    for kind in kinds if len(kinds) <= MOST_CLASSES else [None]:
        chosen = slice(None) if kind is None else classes == kind
        axes.plot(*points[chosen].T, ".", markersize=4, label=str(kind))
    if labels is not None and len(kinds) <= MOST_CLASSES:
        axes.legend(frameon=False)
    axes.set_xlabel(names[0])
    axes.set_ylabel(names[1])
    return figure


@style.context(STYLE)
def losses(history: Sequence[dict[str, Any]]) -> Figure:
    """Draw the terms of a training's objectives over its epochs.

    Parameters
    ----------
    history : sequence of dict
        What ``ava_np.fit`` returns.

    Returns
    -------
    Figure
        A curve for each term, in nats per picture.

    Raises
    ------
    AvaError
        If there is no epoch.

    Examples
    --------
    >>> import ava_np
    >>> import numpy as np
    >>> from ava_np import plot
    >>> history = ava_np.fit(ava_np.build("vae", (4, 4, 1)), np.zeros((4, 4, 4, 1), np.float32), epochs=3)
    >>> [axes.get_title("left") for axes in plot.losses(history).axes]
    ['reconstruction', 'kl']
    """
    if not history:
        raise AvaError("there is no epoch to draw")
    epochs, terms = [line["epoch"] for line in history], list(history[-1]["nats"])
    figure = NotebookFigure(figsize=(3.2 * len(terms), 2.8), layout="constrained")
    for number, term in enumerate(terms, start=1):
        axes: Axes = figure.add_subplot(1, len(terms), number)
        axes.plot(epochs, [line["nats"][term] for line in history])
        axes.set_title(term)
        axes.set_xlabel("epoch")
    figure.axes[0].set_ylabel("nats per picture")
    return figure


def _sheet(pictures: np.ndarray, columns: int | None) -> Figure:
    """Return pictures side by side."""
    sheet = grid(pictures, columns)
    height, width = (side / max(pictures.shape[1:3]) * SIDE for side in sheet.shape[:2])
    figure = NotebookFigure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(_drawable(sheet), cmap="gray", vmin=0, vmax=1)
    axes.axis("off")
    return figure


def _drawable(sheet: np.ndarray) -> np.ndarray:
    """Return a sheet as matplotlib takes it: without the channel of grey, in [0, 1]."""
    clipped = np.clip(sheet, 0, 1)
    return clipped[:, :, 0] if sheet.shape[2] == 1 else clipped
