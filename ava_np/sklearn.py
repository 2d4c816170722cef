"""Estimators for scikit-learn (``pip install "ava-np[sklearn]"``): every model, in a Pipeline or a GridSearchCV.

``AutoencoderTransformer`` has the models with an encoder: its ``transform`` gives codes. ``GANSampler`` has those
without one: it draws samples, as a density of scikit-learn does.

X is rows of values, (n, D); or pictures (n, H, W, C) in [0, 1]; or the path of a folder of pictures. Rows are pictures
in [0, 1] if there is an ``image_shape``; otherwise any numbers, to be scaled to about unit size by a scaler in front.
"""

from numbers import Integral
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from ava_np.data.batches import Batches
from ava_np.data.sources import read_pictures
from ava_np.errors import AvaError
from ava_np.indices import evenly_spaced
from ava_np.models import Model, build
from ava_np.training.fit import MAX_FITTED, training_specification
from ava_np.training.trainer import Trainer

Source = ArrayLike | str | Path
"""Rows, pictures, or a folder of pictures."""


class _PictureEstimator(BaseEstimator):
    """What both kinds of estimators have: their parameters, and training.

    Attributes
    ----------
    model_ : Model
        The trained model.
    trainer_ : Trainer
        What ``partial_fit`` continues.
    history_ : list of dict
        Each epoch's metrics, of ``fit``.
    n_features_in_ : int
        Values of a picture.
    """

    default_model: ClassVar[str]
    _pictures: tuple[int, ...] | None
    trainer_: Trainer

    def __init__(
        self,
        model: str | None = None,
        *,
        latent: int = 10,
        hidden: tuple[int, ...] = (),
        architecture: Any = "mlp",
        image_shape: tuple[int, int, int] | None = None,
        epochs: int = 50,
        batch_size: int = 64,
        learning_rate: float | None = None,
        options: dict[str, Any] | None = None,
        random_state: int | np.integer | np.random.RandomState | None = 0,
    ) -> None:
        self.model = model
        self.latent = latent
        self.hidden = hidden
        self.architecture = architecture
        self.image_shape = image_shape
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.options = options
        self.random_state = random_state

    def fit(self, X: Source, y: object = None) -> Any:
        """Train a new model.

        Parameters
        ----------
        X : array_like, (n, D) or (n, H, W, C), or path
            What to train on.
        y : object
            Ignored.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X is not finite, too short, or an option does not fit the model.
        AvaError
            If the model has no encoder and must have one, or a folder cannot be read.
        """
        x = self._start(X)
        self.history_ = [metrics for metrics in self.trainer_.run(Batches(x)) if metrics is not None]
        self._end(x)
        return self

    def partial_fit(self, X: Source, y: object = None) -> Any:
        """Train one epoch on X, after what was trained before; parameters as for ``fit``."""
        x = self._rows(X, reset=False) if hasattr(self, "trainer_") else self._start(X)
        self.model_.validated_pictures(x)
        self.trainer_.check(len(x))
        seed, steps = self.trainer_.training.seed, self.trainer_.steps
        generator = np.random.default_rng((seed, 6, steps))
        order = generator.permutation(len(x))
        for start in range(0, len(x), self.batch_size):
            batch = x[order[start : start + self.batch_size]].reshape(-1, self.model_.neurons)
            self.trainer_.step(batch, self.trainer_.model.noise(generator, len(batch)))
        self._end(x)
        return self

    def sample(self, n_samples: int = 1, random_state: int | None = None) -> np.ndarray:
        """Draw samples.

        Parameters
        ----------
        n_samples : int
            Number of samples.
        random_state : int or None
            Seed; None for other samples at each call.

        Returns
        -------
        ndarray, (n_samples, D) or (n_samples, H, W, C) float32
            Rows or pictures, as X was.
        """
        check_is_fitted(self)
        return self._shaped(self.model_.sample(n_samples, random_state))

    def __sklearn_is_fitted__(self) -> bool:
        """Whether there is a trained model."""
        return hasattr(self, "model_")

    def _start(self, X: Source) -> np.ndarray:
        """Read X, and create the model and its trainer."""
        x = self._rows(X, reset=True)
        given = self.random_state
        seed = int(given if isinstance(given, Integral) else check_random_state(given).randint(2**31 - 1))
        options = {"latent": self.latent, "hidden": tuple(self.hidden), "architecture": self.architecture}
        options |= {"output": "linear"} if self._pictures is None else {}
        model = build(self.model or self.default_model, x.shape[1:], seed=seed, **options, **(self.options or {}))
        model.validated_pictures(x)  # pictures have values in [0, 1]
        training = training_specification(
            model, epochs=self.epochs, batch_size=self.batch_size, learning_rate=self.learning_rate, seed=seed
        )
        self.trainer_ = Trainer(model, training)
        self.model_: Model = model
        return x

    def _end(self, x: np.ndarray) -> None:
        """Take the average of the weights, if there is one, and fit the distribution of the codes."""
        self.model_ = self.trainer_.average.model
        self.model_.fit_codes(x[evenly_spaced(len(x), MAX_FITTED)])

    def _rows(self, X: Source, *, reset: bool) -> np.ndarray:
        """Return X as pictures (n, H, W, C) float32, after the checks of scikit-learn."""
        given: Any = X
        if isinstance(X, str | Path):
            given = read_pictures(X).array if reset else self._read(X)
        shape = None
        if not hasattr(given, "shape"):
            given = np.asarray(given)
        if len(given.shape) == 4:
            shape, given = tuple(given.shape[1:]), np.asarray(given).reshape(len(given), -1)
            if not reset and shape != self._pictures:
                raise ValueError(f"pictures of shape {shape} given to a model of shape {self._pictures}")
        x = validate_data(self, given, reset=reset, dtype=np.float32, order="C", ensure_min_samples=1)
        if reset:
            self._as_rows = shape is None
            self._pictures = shape or self.image_shape
        return np.asarray(x).reshape(-1, *(self._pictures or (1, x.shape[1], 1)))

    def _read(self, folder: str | Path) -> np.ndarray:
        """Return the pictures of a folder at the size and in the colours of those that the model was trained on."""
        height, width, channels = self._pictures or (None, None, None)
        if height is None or width is None:
            raise ValueError("the model was trained on rows, and a folder has pictures")
        return np.asarray(read_pictures(folder, size=(width, height), colour="grey" if channels == 1 else "rgb").array)

    def _shaped(self, pictures: np.ndarray) -> np.ndarray:
        """Return pictures as rows, if X was rows."""
        return pictures.reshape(len(pictures), -1) if self._as_rows else pictures


class AutoencoderTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, _PictureEstimator):
    """An autoencoder, VAE, AVA or another model with an encoder, as a transformer from pictures to codes.

    Parameters
    ----------
    model : str or None
        "ae", "vae", which is also None, "aae", "vae-gan-costs", "vaegan", "vae-gan-sum", "bigan", "avb", "alphagan" or
        "ava1" to "ava5".
    latent : int
        Length of the code.
    hidden : tuple of int
        Widths of the hidden layers; empty for the architecture's default.
    architecture : str or dict
        A name or the layers of each network.
    image_shape : (int, int, int) or None
        (H, W, C), if rows of X are pictures in [0, 1].
    epochs, batch_size : int
        Passes over X, and pictures in a step.
    learning_rate : float or None
        Of Adam; None for the model's default.
    options : dict or None
        Other options of the model, such as ``{"likelihood": "gaussian"}``.
    random_state : int, RandomState or None
        Seed of the weights, the order of the pictures and the noise.

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.sklearn import AutoencoderTransformer
    >>> X = np.random.default_rng(0).normal(size=(100, 2)) @ np.random.default_rng(1).normal(size=(2, 8))
    >>> estimator = AutoencoderTransformer("ae", latent=2, hidden=(16,), epochs=100, batch_size=10).fit(X)
    >>> estimator.transform(X).shape, bool(estimator.score(X) > -0.1 * X.var())
    ((100, 2), True)
    """

    default_model = "vae"

    def transform(self, X: Source) -> np.ndarray:
        """Return the mean code of each picture, (n, latent) float32."""
        check_is_fitted(self)
        return self.model_.encode(self._rows(X, reset=False))

    def inverse_transform(self, X: ArrayLike) -> np.ndarray:
        """Return the picture of each code (n, latent), as rows if X of ``fit`` was rows."""
        check_is_fitted(self)
        return self._shaped(self.model_.decode(np.asarray(X, np.float32)))

    def score(self, X: Source, y: object = None) -> float:
        """Return minus the mean squared error of the reconstructions: higher is better, 0 is perfect."""
        check_is_fitted(self)
        x = self._rows(X, reset=False)
        return -float(np.square(self.model_.reconstruct(x) - x, dtype=np.float64).mean())

    @property
    def _n_features_out(self) -> int:
        """For ``get_feature_names_out``."""
        return self.model_.latent

    def _start(self, X: Source) -> np.ndarray:
        x = super()._start(X)
        if self.model_.encoder_name is None:
            raise AvaError(f"{self.model_.specification.name} has no encoder: take GANSampler")
        return x

    def __sklearn_tags__(self) -> Any:
        """Say that codes are float32."""
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


class GANSampler(_PictureEstimator):
    """A GAN as an estimator that draws samples.

    Parameters
    ----------
    model : {"gan", "dcgan"} or None
        "dcgan" needs pictures; None is "gan".
    latent, hidden, architecture, image_shape, epochs, batch_size, learning_rate, options, random_state
        As for ``AutoencoderTransformer``.

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.sklearn import GANSampler
    >>> X = np.random.default_rng(0).normal(3, 1, size=(500, 1))
    >>> sampler = GANSampler(latent=2, hidden=(16,), epochs=20, learning_rate=0.002).fit(X)
    >>> sampler.sample(4, random_state=0).shape
    (4, 1)
    """

    default_model = "gan"
