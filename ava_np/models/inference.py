"""Use of a model: from pictures to codes, and from codes to pictures."""

from math import prod
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from ava_np.errors import AvaError, NotFiniteError
from ava_np.models.codes import CodeDistribution, fit_codes
from ava_np.network import Network
from ava_np.network.blas import single_threaded_blas
from ava_np.specification import ModelSpecification

CHUNK = 256  # samples that pass through a network at once
ROUNDING = 1e-6  # by which a mean of values in [0, 1] may exceed the range


class InferenceModel:
    """The part of a model that needs no training: encode, decode, reconstruct and sample.

    Attributes
    ----------
    specification : ModelSpecification
        The model's options.
    shape : tuple of int
        Shape of a picture, (height, width, channels).
    latent : int
        Length of the code.
    networks : dict of str to Network
        The networks that learn.
    """

    decoder_name: ClassVar[str] = "decoder"
    """The network that turns codes into pictures."""

    encoder_name: ClassVar[str | None] = "encoder"
    """The network that turns pictures into codes, or None."""

    codes: CodeDistribution | None = None
    """The distribution that samples are drawn from, after ``fit_codes``; None for the prior."""

    specification: ModelSpecification
    shape: tuple[int, int, int]
    latent: int
    dtype: type[np.floating]
    networks: dict[str, Network]

    def __repr__(self) -> str:
        """Return the model's name, the shape of its pictures, the length of its code and its size."""
        size, count = "x".join(map(str, self.shape)), sum(one.parameter_count for one in self.networks.values())
        return f"<{self.specification.name}: pictures of {size}, codes of {self.latent}, {count:,} parameters>"

    def _repr_html_(self) -> str:
        """Return a table for a notebook: shapes, and the parameters of each network."""
        from ava_np.notebook import table_html

        height, width, channels = self.shape
        facts = [("pictures", f"{width}x{height}{', grey' if channels == 1 else ''}"), ("codes", str(self.latent))]
        counts = [(name, f"{one.parameter_count:,} parameters") for name, one in self.networks.items()]
        return table_html(self.specification.name, facts + counts)

    @property
    def neurons(self) -> int:
        """m, the number of values in a picture."""
        return prod(self.shape)

    def encode(self, pictures: ArrayLike) -> np.ndarray:
        """Return the mean code of each picture.

        Parameters
        ----------
        pictures : array_like, (pictures, height, width, channels)
            Of the model's shape; floats in [0, 1], unless the model's output is linear. There may be none.

        Returns
        -------
        ndarray, (pictures, latent)
            μ(x), or the code of a deterministic encoder.

        Raises
        ------
        ValueError
            If the pictures are not of the model's shape, or their values are not in the range.
        AvaError
            If the model has no encoder.

        Examples
        --------
        >>> import ava_np
        >>> model = ava_np.build("vae", (8, 8, 1), latent=3)
        >>> model.encode(np.zeros((5, 8, 8, 1), np.float32)).shape
        (5, 3)
        """
        if self.encoder_name is None:
            raise AvaError(f"{self.specification.name} has no encoder, so it cannot compute codes from pictures")
        pictures = self.validated_pictures(pictures)
        return self._apply(self.encoder_name, pictures.reshape(len(pictures), self.neurons))[:, : self.latent]

    def decode(self, codes: ArrayLike) -> np.ndarray:
        """Return the picture of each code.

        Parameters
        ----------
        codes : array_like, (codes, latent)
            Any finite numbers; any number of codes, which may be 0.

        Returns
        -------
        ndarray, (codes, height, width, channels)
            In [0, 1], unless the model's output is linear.

        Raises
        ------
        ValueError
            If the codes are not of the model's length, not numbers, or not finite in the model's float type.

        Examples
        --------
        >>> import ava_np
        >>> model = ava_np.build("gan", (8, 8, 1), latent=3)
        >>> model.decode(np.zeros((5, 3))).shape
        (5, 8, 8, 1)
        """
        return self._decode(codes)

    def _decode(self, codes: ArrayLike, *, hidden: bool = False) -> np.ndarray:
        """Return pictures, or what the decoder's last layer takes."""
        codes = np.asarray(codes)
        if codes.ndim != 2 or codes.shape[1] != self.latent:
            raise ValueError(f"codes of shape {codes.shape} given to a model of latent length {self.latent}")
        if codes.dtype.kind not in "fiu":
            raise ValueError(f"codes must be numbers, not {codes.dtype}")
        with np.errstate(over="ignore"):  # a float64 may be too large for float32
            codes = codes.astype(self.dtype, copy=False)
        if not np.isfinite(codes).all():
            raise ValueError(f"codes must be finite in {np.dtype(self.dtype)}")
        return self._apply(self.decoder_name, codes, hidden=hidden).reshape(-1, *self.shape)

    def logits(self, codes: ArrayLike) -> np.ndarray:
        """Return what stands in front of the sigmoid of the output layer: log p / (1 - p) of each value p of a picture.

        Parameters
        ----------
        codes : array_like, (codes, latent)
            As for ``decode``, which also says which errors are raised.

        Returns
        -------
        ndarray, (codes, height, width, channels)
            Any finite numbers.

        Raises
        ------
        AvaError
            If the model's output is linear.

        Examples
        --------
        >>> import ava_np
        >>> model, z = ava_np.build("vae", (8, 8, 1), latent=3), np.zeros((5, 3))
        >>> bool(np.allclose(1 / (1 + np.exp(-model.logits(z))), model.decode(z)))
        True
        """
        if self.specification.output != "sigmoid":
            raise AvaError(f"the output of this {self.specification.name} is linear: it has no logits")
        return self._decode(codes, hidden=True)

    def posterior(self, pictures: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Return the distribution of each picture's code, q(z|x) = N(μ, Σ).

        Parameters
        ----------
        pictures : array_like, (pictures, height, width, channels)
            As for ``encode``, which also says which errors are raised.

        Returns
        -------
        μ, Σ : ndarray, (pictures, latent)
            Means, and variances in float64, which are never 0.

        Raises
        ------
        AvaError
            If the encoder gives a code and no distribution.

        Examples
        --------
        >>> import ava_np
        >>> μ, Σ = ava_np.build("vae", (8, 8, 1), latent=3).posterior(np.zeros((5, 8, 8, 1), np.float32))
        >>> μ.shape, Σ.shape
        ((5, 3), (5, 3))
        """
        if self.encoder_name is None:
            self.encode(pictures)  # which raises the error
        μ, Σ = self._code_moments(self.validated_pictures(pictures))
        if Σ is None:
            raise AvaError(f"the encoder of {self.specification.name} gives a code, and no distribution of codes")
        return μ, Σ

    def features(self, pictures: ArrayLike) -> np.ndarray:
        """Return the activations of the encoder's last hidden layer, in front of the layer that gives the code.

        Parameters
        ----------
        pictures : array_like, (pictures, height, width, channels)
            As for ``encode``, which also says which errors are raised.

        Returns
        -------
        ndarray, (pictures, width)
            Features that the code is a linear function of.

        Raises
        ------
        AvaError
            If the encoder does not take pictures alone.

        Examples
        --------
        >>> import ava_np
        >>> model = ava_np.build("vae", (8, 8, 1), hidden=(32,), latent=3)
        >>> model.features(np.zeros((5, 8, 8, 1), np.float32)).shape
        (5, 32)
        """
        if self.encoder_name is None:
            return self.encode(pictures)  # which raises the error
        array = self.validated_pictures(pictures)
        if self.networks[self.encoder_name].input_shape != (self.neurons,):
            raise AvaError(f"the encoder of {self.specification.name} does not take pictures alone")
        return self._apply(self.encoder_name, array.reshape(len(array), self.neurons), hidden=True)

    def reconstruct(self, pictures: ArrayLike) -> np.ndarray:
        """Decode the mean code of each picture, g(μ(x)).

        Parameters
        ----------
        pictures : array_like, (pictures, height, width, channels)
            As for ``encode``, which also says which errors are raised.

        Returns
        -------
        ndarray, (pictures, height, width, channels)
            As ``decode`` returns them.

        Examples
        --------
        >>> import ava_np
        >>> model = ava_np.build("ae", (8, 8, 1))
        >>> model.reconstruct(np.zeros((5, 8, 8, 1), np.float32)).shape
        (5, 8, 8, 1)
        """
        return self.decode(self.encode(pictures))

    def prior(self, generator: np.random.Generator, count: int) -> np.ndarray:
        """Draw codes from the prior: N(0, I) unless the model has another.

        Parameters
        ----------
        generator : numpy.random.Generator
            Source of the random numbers.
        count : int
            Number of codes.

        Returns
        -------
        ndarray, (count, latent)
            One code in each row.

        Examples
        --------
        >>> import ava_np
        >>> model = ava_np.build("aae", (8, 8, 1), latent=2, prior="uniform")
        >>> bool((abs(model.prior(np.random.default_rng(0), 100)) <= 1).all())
        True
        """
        return generator.standard_normal((count, self.latent))

    @property
    def samples_fitted_codes(self) -> bool:
        """Whether samples are drawn from a Gaussian that is fitted to the codes of the training pictures."""
        return False

    def fit_codes(self, pictures: ArrayLike) -> None:
        """Fit the distribution of codes that ``sample`` draws from, for models that reconstruct pictures from codes.

        A training does this at its end. Models that draw from their prior are left as they are.

        Parameters
        ----------
        pictures : array_like, (pictures, height, width, channels)
            Training pictures, as for ``encode``; at least one.

        Raises
        ------
        NotFiniteError
            If a mean or a variance of a code is not finite.

        Examples
        --------
        >>> import ava_np
        >>> model = ava_np.build("ae", (8, 8, 1), latent=3)
        >>> model.fit_codes(np.random.default_rng(0).random((20, 8, 8, 1)))
        >>> model.codes.root.shape
        (3, 3)
        """
        self.codes = self.fitted_codes(pictures)

    def fitted_codes(self, pictures: ArrayLike) -> CodeDistribution | None:
        """Return what ``fit_codes`` keeps.

        Parameters
        ----------
        pictures : array_like, (pictures, height, width, channels)
            As for ``fit_codes``.

        Returns
        -------
        CodeDistribution or None
            None if the model draws from its prior.

        Examples
        --------
        >>> import ava_np
        >>> model = ava_np.build("gan", (8, 8, 1), latent=3)
        >>> model.fitted_codes(np.zeros((20, 8, 8, 1))) is None
        True
        """
        if not self.samples_fitted_codes:
            return None
        return fit_codes(*self._code_moments(self.validated_pictures(pictures)))

    def _code_moments(self, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the mean and the variance of each picture's code, (pictures, latent) each; None for no variance."""
        assert self.encoder_name is not None
        output = self._apply(self.encoder_name, pictures.reshape(len(pictures), self.neurons))
        μ, s = output[:, : self.latent], output[:, self.latent :]
        if not s.shape[1]:
            return μ, None
        with np.errstate(over="ignore"):
            variances = np.exp(s.astype(np.float64))  # in float32, a small one would be 0
        if not np.isfinite(variances).all():
            raise NotFiniteError("the variance of a code is not finite")
        return μ, variances

    def sample(
        self, count: int, generator: np.random.Generator | int | None = None, *, from_prior: bool = False
    ) -> np.ndarray:
        """Decode ``count`` codes, drawn like those of the training pictures.

        Parameters
        ----------
        count : int
            Number of pictures, which may be 0.
        generator : numpy.random.Generator or int, optional
            Source of the codes, or its seed. By default the codes differ at each call.
        from_prior : bool
            Draw the codes from the prior, even if a distribution was fitted to those of the training pictures.

        Returns
        -------
        ndarray, (count, height, width, channels)
            As ``decode`` returns them.

        Raises
        ------
        ValueError
            If ``count`` is negative.

        Examples
        --------
        >>> import ava_np
        >>> model = ava_np.build("vae", (8, 8, 1))
        >>> model.sample(16, 0).shape
        (16, 8, 8, 1)
        """
        if count < 0:
            raise ValueError(f"sample takes a number of pictures from 0 on, not {count}")
        generator = np.random.default_rng(generator)
        if self.codes is None or from_prior:
            return self.decode(self.prior(generator, count))
        return self.decode(self.codes.draw(generator, count))

    def validated_pictures(self, pictures: ArrayLike) -> np.ndarray:
        """Return pictures as an array, after checking that the model can take them.

        Parameters
        ----------
        pictures : array_like, (pictures, height, width, channels)
            Any number of pictures, which may be 0.

        Returns
        -------
        ndarray, (pictures, height, width, channels)
            The same values.

        Raises
        ------
        ValueError
            If the shape is not the model's, the values are not floats, not finite, or, unless the model's output is
            linear, not in [0, 1].

        Examples
        --------
        >>> import ava_np
        >>> model = ava_np.build("vae", (8, 8, 1))
        >>> model.validated_pictures(np.full((1, 8, 8, 1), 255.0))
        Traceback (most recent call last):
        ValueError: pictures need values in [0, 1], not up to 255: divide 8-bit values by 255
        """
        array = np.asarray(pictures)
        if array.shape[1:] != self.shape:
            raise ValueError(f"pictures of shape {array.shape[1:]} given to a model of shape {self.shape}")
        if not np.issubdtype(array.dtype, np.floating):
            raise ValueError(f"pictures need floating-point values, not {array.dtype}: divide 8-bit values by 255")
        if not np.isfinite(array).all():
            raise ValueError("pictures need finite values; these hold NaN or infinity")
        if self.specification.output != "linear" and array.size:
            low, high = array.min(), array.max()
            if low < -ROUNDING or high > 1 + ROUNDING:
                outside = f"up to {high:g}: divide 8-bit values by 255" if high > 1 else f"down to {low:g}"
                raise ValueError(f"pictures need values in [0, 1], not {outside}")
        return array

    def _apply(self, name: str, x: np.ndarray, *, hidden: bool = False) -> np.ndarray:
        """Return the output of network ``name`` on the rows of x, or what its last layer takes, computed in chunks."""
        network = self.networks[name]
        y = np.empty((len(x), *(network.shapes[-2] if hidden else network.output_shape)), network.dtype)
        with single_threaded_blas:
            for start in range(0, len(x), CHUNK):
                rows = x[start : start + CHUNK]
                buffers = network.buffers(len(rows), "evaluation")
                y[start : start + CHUNK] = network.forward(buffers, rows, hidden=hidden)
        if not np.isfinite(y).all():
            raise NotFiniteError(f"the output of the {name.replace('_', ' ')} is not finite")
        return y
