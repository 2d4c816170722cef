"""The options of a new run, and the specification that they make together with the pictures."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict, replace

from ava_np.errors import OptionError
from ava_np.specification.base import ModelSpecification
from ava_np.specification.defaults import (
    DEFAULTS,
    default_adaptive_rate,
    default_batch_size,
    default_ema,
    default_epochs,
    default_layers,
    default_momentum,
)
from ava_np.specification.gans import GAN, Cascade
from ava_np.specification.models import AnyModel, specify_model
from ava_np.specification.run import FORMAT, PicturesSpecification, Specification, TrainingSpecification, is_toy
from ava_np.specification.values import MAX_PIXELS, Fit, OptimiserName, Reduction, Schedule, validated

if TYPE_CHECKING:
    from ava_np.data.pictures import Pictures


@dataclass(frozen=True)
class RunOptions:
    """The options of a new run: those of ``ava train``.

    None stands for a default that depends on the other options or on the pictures (``ava_np.specification.defaults``).

    Parameters
    ----------
    source : path or str, optional
        A folder of pictures, an idx file or a folder that holds one, or "toy:gaussian", "toy:ring", "toy:grid"; None
        for the built-in pictures.
    model : str or ModelSpecification
        The name of a model, whose architecture, widths and length of the code then follow from the pictures; or a
        specification, which is taken as it is. Points of a toy distribution get a linear output.
    model_options : mapping of str to Any
        Options of the named model, such as ``latent``.
    size : (width, height), optional
        Size in pixels to which all pictures are resized; by default the median, at most 256.
    fit : {"crop", "pad", "stretch"}
        How pictures of another ratio are fitted to it (``ava_np.data.fitting``).
    zoom : int, optional
        The paper's fixed zoom; by default the least that leaves no side above 128 pixels.
    limit, validation, test, flip, shift, cache, max_pixels
        As in ``PicturesSpecification``.
    epochs : int, optional
        Number of passes; by default enough for 1000 steps.
    batch_size : int, optional
        Maximum number of pictures in a step; by default 16, or 64 for more than 1000 pictures.
    optimiser, weight_decay, clip, schedule, milestones, decay, patience, seed
        As in ``TrainingSpecification``; a patience needs ``validation``.
    ema : float, optional
        β of the average of the weights; by default 0.999 for a GAN, DCGAN or BiGAN with a constant learning rate,
        otherwise 0 for none.
    learning_rate : float, optional
        γ in (0, 1]; by default 0.03 for "momentum" and 0.3 for "sgd"; for "adam" and "rmsprop" 0.001, 0.0005 for AVA,
        VAE-GAN, the weighted sum, AVB and α-GAN, and 0.0002 for GAN and BiGAN; for dense layers at most
        16 / (values of a picture).
    momentum : float, optional
        μ of "momentum" or β₁ of "adam"; by default 0.9, and 0.5 for Adam in a GAN, DCGAN, BiGAN, AVB, α-GAN, or a
        dense AAE or VAE with GAN costs.
    reduction : {"sum", "mean", "fan"}, optional
        By default "fan" for "momentum" and "sgd", otherwise "sum".
    trained_vae : path or str, optional
        For "cascade", which needs it: the run folder of the VAE or AVA that its codes come from. That run decides the
        length of the code, ``size``, ``fit``, ``zoom`` and the channels.

    Raises
    ------
    OptionError
        If the model, the optimiser or the source has no use for an option.
    ValueError
        ``msgspec.ValidationError``, if a value has the wrong type or is out of range; the message names it.

    Examples
    --------
    >>> from ava_np.specification import VAE, RunOptions
    >>> options = RunOptions("photos", model="vae", model_options={"latent": 32}, epochs=100)
    >>> options = RunOptions("photos", model=VAE(architecture="conv28", latent=32), epochs=100)
    >>> options.learning_rate is None
    True
    >>> RunOptions(optimiser="sgd", momentum=0.9)
    Traceback (most recent call last):
    ...
    ava_np.errors.OptionError: momentum is an option of adam and momentum, not of sgd
    """

    source: str | Path | None = None
    model: str | AnyModel = "ava5"
    model_options: Mapping[str, Any] = field(default_factory=dict)
    size: tuple[int, int] | None = None
    fit: Fit = "crop"
    zoom: int | None = None
    limit: int = 0
    validation: float = 0.0
    test: float = 0.0
    flip: bool = False
    shift: int = 0
    cache: str | Path | None = None
    max_pixels: int = MAX_PIXELS
    epochs: int | None = None
    batch_size: int | None = None
    optimiser: OptimiserName = "adam"
    learning_rate: float | None = None
    momentum: float | None = None
    weight_decay: float = 0.0
    clip: float = 0.0
    schedule: Schedule = "constant"
    milestones: tuple[int, ...] = ()
    decay: float = 0.1
    patience: int = 0
    reduction: Reduction | None = None
    ema: float | None = None
    seed: int = 0
    trained_vae: str | Path | None = None

    def __post_init__(self) -> None:
        model = self._given_model
        validated(type(model), **asdict(model))
        self._pictures(self.size or (1, 1), 1, 1 if self.zoom is None else self.zoom)
        batch_size, epochs = (
            1 if self.batch_size is None else self.batch_size,
            1 if self.epochs is None else self.epochs,
        )
        training = self._training(batch_size, epochs, model, 1)
        if training.weight_decay * training.learning_rate >= 1:
            message = f"weight decay must be less than 1 / γ = {1 / training.learning_rate:g}, or no weight is left"
            raise OptionError("weight_decay", message)
        if self.momentum is not None and self.optimiser not in ("adam", "momentum"):
            raise OptionError("momentum", f"momentum is an option of adam and momentum, not of {self.optimiser}")
        if (self.trained_vae is None) == isinstance(model, Cascade):
            message = (
                "a cascade takes its codes from a trained VAE: name its run"
                if self.trained_vae is None
                else f"only a cascade begins with a trained VAE, and this is a {model.name}: leave it out"
            )
            raise OptionError("trained_vae", message)
        if self.validation and isinstance(model, GAN):
            message = f"validation measures reconstructions, and {model.name} makes none: leave it out"
            raise OptionError("validation", message)
        if self.decay != RunOptions.decay and not self.milestones:
            raise OptionError("decay", "decay is the factor of milestones, and there are none: leave it out")
        if self.patience and not self.validation:
            raise OptionError("patience", "patience waits for a better validation error: hold out pictures for it")
        if not self.toy:
            return
        for name in ("fit", "flip", "shift"):
            if getattr(self, name) != getattr(RunOptions, name):
                raise OptionError(name, f"{name} changes pictures, not points: leave it out")
        if getattr(model, "augment", None):
            raise OptionError("augment", "augment varies pictures, not points: leave it out")
        if isinstance(model.architecture, str) and model.architecture != "mlp":
            message = f"points cannot be convolved: choose the architecture mlp, not {model.architecture}"
            raise OptionError("architecture", message)

    @property
    def _given_model(self) -> AnyModel:
        """The model with the options that were given, and for others the defaults that need no pictures."""
        if isinstance(self.model, str):
            return specify_model(self.model, **self.model_options)
        if self.model_options:
            raise OptionError("model_options", "the options of a model belong to its name, not to a specification")
        if not isinstance(self.model, ModelSpecification):
            raise OptionError("model", f"the model is a name, or a specification such as VAE(), not {self.model!r}")
        return self.model

    @property
    def toy(self) -> bool:
        """Whether the data are points of a toy distribution instead of pictures."""
        return is_toy(self.source)

    def specification(self, pictures: "Pictures", zoom: int, count: int) -> Specification:
        """Return the specification of the run: these options, and a default for each that is None.

        Parameters
        ----------
        pictures : Pictures
            All pictures of ``source``, at full size.
        zoom : int
            The zoom with which they were read.
        count : int
            Number of pictures that are trained on.
        """
        batch_size = default_batch_size(count) if self.batch_size is None else self.batch_size
        prepared = self._pictures(pictures.size, pictures.array.shape[-1], zoom, pictures.sha256, len(pictures.names))
        model = self._given_model
        if self.toy:
            model = replace(model, output="linear")
        elif isinstance(self.model, str):
            model = replace(model, **default_layers(model, self.model_options, count, prepared.shape))
        epochs = default_epochs(count, batch_size, model) if self.epochs is None else self.epochs
        training = self._training(batch_size, epochs, model, prod(prepared.shape))
        return Specification(format=FORMAT, model=model, pictures=prepared, training=training)

    def _pictures(
        self, size: tuple[int, int], channels: int, zoom: int, sha256: str | None = None, count: int = 0
    ) -> PicturesSpecification:
        return validated(
            PicturesSpecification,
            source=self.source if self.toy else _absolute(self.source),
            size=size,
            channels=channels,
            zoom=zoom,
            sha256=sha256,
            limit=self.limit,
            validation=self.validation,
            test=self.test,
            flip=self.flip,
            shift=self.shift,
            cache=_absolute(self.cache),
            count=count,
            max_pixels=self.max_pixels,
            fit=self.fit,
            by_folder=True,
        )

    def _training(self, batch_size: int, epochs: int, model: ModelSpecification, values: int) -> TrainingSpecification:
        # An unknown optimiser, of any type, is refused below.
        learning_rate, reduction = DEFAULTS.get(str(self.optimiser), (1.0, "sum"))
        if self.optimiser in ("adam", "rmsprop"):
            learning_rate = default_adaptive_rate(model, values)
        return validated(
            TrainingSpecification,
            optimiser=self.optimiser,
            learning_rate=learning_rate if self.learning_rate is None else self.learning_rate,
            reduction=reduction if self.reduction is None else self.reduction,
            batch_size=batch_size,
            epochs=epochs,
            seed=self.seed,
            momentum=default_momentum(model, self.optimiser) if self.momentum is None else self.momentum,
            weight_decay=self.weight_decay,
            clip=self.clip,
            schedule=self.schedule,
            milestones=self.milestones,
            decay=self.decay,
            patience=self.patience,
            ema=default_ema(model, self.schedule) if self.ema is None else self.ema,
        )


def _absolute(path: object) -> object:
    """An absolute path as text; what is no path is left for the validation to refuse."""
    return str(Path(path).resolve()) if isinstance(path, str | Path) and "\0" not in str(path) else path
