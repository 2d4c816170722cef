"""The options of a new run, and the specification that they make together with the pictures."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import asdict, replace

from ava_np.errors import OptionError
from ava_np.specification.defaults import DEFAULTS, default_batch_size, default_epochs, default_momentum
from ava_np.specification.models import AVA5, GAN, AnyModel, ModelSpecification
from ava_np.specification.run import FORMAT, PicturesSpecification, Specification, TrainingSpecification, is_toy
from ava_np.specification.values import MAX_PIXELS, OptimiserName, Reduction, Schedule, validated

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
    model : ModelSpecification
        The model with its options. Points of a toy distribution get a linear output.
    size : (width, height), optional
        Size in pixels to which all pictures are resized; by default the median, at most 256.
    zoom : int, optional
        The paper's fixed zoom; by default 3 for dense networks and pictures with a side of more than 64 pixels,
        otherwise 1.
    limit, validation, test, flip, shift, cache, max_pixels
        As in ``PicturesSpecification``.
    epochs : int, optional
        Number of passes; by default enough for 1000 steps.
    batch_size : int, optional
        Maximum number of pictures in a step; by default 16, or 64 for more than 1000 pictures.
    optimiser, weight_decay, clip, schedule, seed
        As in ``TrainingSpecification``.
    learning_rate : float, optional
        γ in (0, 1]; by default 0.0002 for "adam" and "rmsprop", 0.03 for "momentum", 0.3 for "sgd".
    momentum : float, optional
        μ of "momentum" or β₁ of "adam"; by default 0.9, and 0.5 for Adam in a GAN, DCGAN, BiGAN, AVB or α-GAN.
    reduction : {"sum", "mean", "fan"}, optional
        By default "fan" for "momentum" and "sgd", otherwise "sum".

    Raises
    ------
    OptionError
        If the model, the optimiser or the source has no use for an option.
    ValueError
        ``msgspec.ValidationError``, if a value has the wrong type or is out of range; the message names it.

    Examples
    --------
    >>> from ava_np.specification import VAE, RunOptions
    >>> options = RunOptions("photos", model=VAE(architecture="conv28", latent=32), epochs=100)
    >>> options.learning_rate is None
    True
    >>> RunOptions(optimiser="sgd", momentum=0.9)
    Traceback (most recent call last):
    ...
    ava_np.errors.OptionError: momentum is an option of adam and momentum, not of sgd
    """

    source: str | Path | None = None
    model: AnyModel = field(default_factory=AVA5)
    size: tuple[int, int] | None = None
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
    reduction: Reduction | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.model, ModelSpecification):
            raise OptionError("model", f"the model is a specification, such as VAE(latent=2), not {self.model!r}")
        validated(type(self.model), **asdict(self.model))
        self._pictures(self.size or (1, 1), 1, 1 if self.zoom is None else self.zoom)
        batch_size, epochs = (
            1 if self.batch_size is None else self.batch_size,
            1 if self.epochs is None else self.epochs,
        )
        training = self._training(batch_size, epochs)
        if training.weight_decay * training.learning_rate >= 1:
            message = f"weight decay must be less than 1 / γ = {1 / training.learning_rate:g}, or no weight is left"
            raise OptionError("weight_decay", message)
        if self.momentum is not None and self.optimiser not in ("adam", "momentum"):
            raise OptionError("momentum", f"momentum is an option of adam and momentum, not of {self.optimiser}")
        if self.validation and isinstance(self.model, GAN):
            message = f"validation measures reconstructions, and {self.model.name} makes none: leave it out"
            raise OptionError("validation", message)
        if not self.toy:
            return
        for name in ("flip", "shift"):
            if getattr(self, name):
                raise OptionError(name, "flip and shift vary pictures, not points: leave them out")
        if isinstance(self.model.architecture, str) and self.model.architecture != "mlp":
            message = f"points cannot be convolved: choose the architecture mlp, not {self.model.architecture}"
            raise OptionError("architecture", message)

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
        epochs = default_epochs(count, batch_size) if self.epochs is None else self.epochs
        return Specification(
            format=FORMAT,
            model=replace(self.model, output="linear") if self.toy else self.model,
            pictures=self._pictures(
                pictures.size, pictures.array.shape[-1], zoom, pictures.sha256, len(pictures.names)
            ),
            training=self._training(batch_size, epochs),
        )

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
        )

    def _training(self, batch_size: int, epochs: int) -> TrainingSpecification:
        # An unknown optimiser, of any type, is refused below.
        learning_rate, reduction = DEFAULTS.get(str(self.optimiser), (1.0, "sum"))
        return validated(
            TrainingSpecification,
            optimiser=self.optimiser,
            learning_rate=learning_rate if self.learning_rate is None else self.learning_rate,
            reduction=reduction if self.reduction is None else self.reduction,
            batch_size=batch_size,
            epochs=epochs,
            seed=self.seed,
            momentum=default_momentum(self.model, self.optimiser) if self.momentum is None else self.momentum,
            weight_decay=self.weight_decay,
            clip=self.clip,
            schedule=self.schedule,
        )


def _absolute(path: object) -> object:
    """An absolute path as text; what is no path is left for the validation to refuse."""
    return str(Path(path).resolve()) if isinstance(path, str | Path) and "\0" not in str(path) else path
