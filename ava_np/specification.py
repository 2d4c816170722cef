"""A run's whole specification: what ``config.json`` holds, checked on the way in.

Nothing slow is imported here, so that the command line can name its choices at once.
"""

from typing import Annotated, Any, Literal, TypeVar, get_args

import msgspec
from msgspec import Meta

FORMAT = 2  # of the run folder; raised when an older reader would misread it

PaperModel = Literal["vae", "ava1", "ava2", "ava3", "ava4", "ava5"]
Propagation = Literal["exact", "paper"]
Likelihood = Literal["gaussian", "bernoulli"]
PriorName = Literal["normal", "uniform", "gamma", "mixture", "swiss-roll"]
ArchitectureName = Literal["mlp", "conv28", "conv64", "dcgan"]
OptimiserName = Literal["adam", "rmsprop", "momentum", "sgd"]
Schedule = Literal["constant", "linear", "cosine", "exponential"]
Reduction = Literal["sum", "mean", "fan"]
Colour = Literal["auto", "grey", "rgb"]

Part = Literal["train", "validation", "test"]

TOY = "toy:"  # begins the name of a source of points

Positive = Annotated[int, Meta(ge=1)]
Rate = Annotated[float, Meta(gt=0, le=1)]
Share = Annotated[float, Meta(ge=0, lt=1)]
Weight = Annotated[float, Meta(ge=0)]


class ModelSpecification(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="name", tag=str.lower
):
    """Which model, and what every model has.

    ``latent`` is the length of the code. ``architecture`` is a named one, or the layers of each network
    (``ava_np.network.architectures``). ``hidden`` are the widths of its hidden layers from the picture inward: neurons,
    or channels of convolutions; empty for the architecture's own. ``output`` is the activation of the pictures'
    neurons.
    """

    latent: Positive = 10
    architecture: ArchitectureName | dict[str, tuple[dict[str, Any], ...]] = "mlp"
    hidden: tuple[Positive, ...] = ()
    output: Literal["sigmoid", "linear"] = "sigmoid"

    @property
    def name(self) -> str:
        """What the model is called on the command line."""
        return str(self.__struct_config__.tag)


class AE(ModelSpecification, frozen=True):
    """Autoencoder."""

    likelihood: Likelihood = "gaussian"


class VAE(ModelSpecification, frozen=True):
    """Variational autoencoder; ``beta`` weighs the divergence."""

    propagation: Propagation = "exact"
    likelihood: Likelihood = "gaussian"
    beta: Weight = 1.0


class _Adversarial(ModelSpecification, frozen=True):
    """What models with a discriminator choose: ``minibatch_discrimination`` puts that layer into it.

    ``smoothing`` is how far below 1 the discriminator's target for real samples is. A ``saturating`` generator
    descends log(1 - d), as the objective says, another -log d.
    """

    minibatch_discrimination: bool = False
    smoothing: Share = 0.0
    saturating: bool = False


class GAN(_Adversarial, frozen=True):
    """Generative adversarial network."""


class DCGAN(GAN, frozen=True):
    """The same, of convolutions with batch norm."""

    architecture: ArchitectureName | dict[str, tuple[dict[str, Any], ...]] = "dcgan"
    latent: Positive = 100


class AAE(_Adversarial, frozen=True):
    """Adversarial autoencoder; a ``stochastic`` encoder draws its code from a Gaussian of its own."""

    likelihood: Likelihood = "gaussian"
    prior: PriorName | Literal["function"] = "normal"
    stochastic: bool = False


class VAEGANCosts(_Adversarial, frozen=True, tag="vae-gan-costs"):
    """Variational autoencoder in which a discriminator of codes replaces the divergence."""

    likelihood: Likelihood = "gaussian"
    prior: PriorName | Literal["function"] = "normal"


class BiGAN(_Adversarial, frozen=True):
    """Bidirectional GAN."""


class VAEGAN(ModelSpecification, frozen=True):
    """VAE-GAN of Larsen et al.: ``gamma`` weighs L_llike for the decoder.

    ``reconstructions_are_fake`` counts log(1 - Dis(x')) in L_GAN, as Algorithm 1 prints it.
    """

    minibatch_discrimination: bool = False
    gamma: Weight = 1.0
    reconstructions_are_fake: bool = True


class AVA(ModelSpecification, frozen=True):
    """An adversarial variational autoencoder of the paper."""

    propagation: Propagation = "exact"
    minibatch_discrimination: bool = False


class AVA1(AVA, frozen=True):
    """A discriminator of pictures."""


class AVA2(AVA, frozen=True):
    """And it leans, (10)."""


class AVA3(AVA, frozen=True):
    """A discriminator of codes."""


class AVA4(AVA, frozen=True):
    """And it leans, (16)."""


class AVA5(AVA, frozen=True):
    """Both."""


AnyModel = AE | VAE | GAN | DCGAN | AAE | VAEGANCosts | BiGAN | VAEGAN | AVA1 | AVA2 | AVA3 | AVA4 | AVA5

MODELS: dict[str, type[ModelSpecification]] = {str(kind.__struct_config__.tag): kind for kind in get_args(AnyModel)}


class PicturesSpecification(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which pictures: ``source`` is a folder, an idx file or "toy:NAME"; None for the built-in ones.

    Each is resized to ``size`` (width, height), cropped to a multiple of ``zoom``, and zoomed out by it. ``sha256`` is
    that of their values at full size, where it is known: a training goes on with the same pictures or not at all.
    ``validation`` and ``test`` are the shares that are not trained on, drawn by the training's seed; ``flip`` and
    ``shift`` (pixels, each way) vary what is. ``limit`` takes the first so many, 0 all. ``cache`` is the folder of a
    memory-mapped copy of pictures that are larger than memory.
    """

    source: str | None
    size: tuple[Positive, Positive]
    channels: Literal[1, 3]
    zoom: Positive
    sha256: str | None = None
    limit: Annotated[int, Meta(ge=0)] = 0
    validation: Share = 0.0
    test: Share = 0.0
    flip: bool = False
    shift: Annotated[int, Meta(ge=0)] = 0
    cache: str | None = None

    @property
    def toy(self) -> bool:
        """Whether they are points of a toy distribution and no pictures to look at."""
        return self.source is not None and self.source.startswith(TOY)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of a zoomed picture, (height, width, channels): what the networks see."""
        return self.size[1] // self.zoom, self.size[0] // self.zoom, self.channels


class TrainingSpecification(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How it is trained: ``learning_rate`` is the paper's γ in (0, 1], times what ``schedule`` says of the step.

    ``momentum`` is that of "momentum", and Adam's β₁. ``weight_decay`` is λ of θ <- θ - γ λ θ. ``clip`` is the largest
    norm of a network's gradient, per picture; 0 for no limit.
    """

    optimiser: OptimiserName
    learning_rate: Rate
    reduction: Reduction
    batch_size: Positive
    epochs: Positive
    seed: Annotated[int, Meta(ge=0)]
    momentum: Share = 0.9
    weight_decay: Weight = 0.0
    clip: Weight = 0.0
    schedule: Schedule = "constant"


class Specification(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that a run's result depends on."""

    format: int
    model: AnyModel
    pictures: PicturesSpecification
    training: TrainingSpecification


DEFAULTS: dict[str, tuple[float, Reduction]] = {
    "adam": (2e-4, "sum"),
    "rmsprop": (2e-4, "sum"),
    "momentum": (0.03, "fan"),
    "sgd": (0.3, "fan"),
}
"""Learning rate and reduction, where they are not given, by optimiser."""


def default_momentum(model: ModelSpecification, optimiser: str) -> float:
    """0.5 for Adam in a GAN, DCGAN or BiGAN, as Radford et al. 2016 found; 0.9 otherwise."""
    return 0.5 if optimiser == "adam" and isinstance(model, GAN | BiGAN) else 0.9


T = TypeVar("T")


def validated(kind: type[T], **values: Any) -> T:
    """A specification of this kind with these values.

    Raises
    ------
    ValueError
        ``msgspec.ValidationError``, if a value is of the wrong kind or out of range; it is named.
    """
    return msgspec.convert(values, kind)


def encode(specification: Specification) -> bytes:
    """The specification as JSON, indented, the same bytes for the same values."""
    return msgspec.json.format(msgspec.json.encode(specification), indent=2) + b"\n"


def decode(text: bytes) -> Specification:
    """Read what ``encode`` wrote.

    Raises
    ------
    msgspec.DecodeError
        If the text is no JSON or does not fit: unknown keys and values out of range are refused with their path.
    """
    return msgspec.json.decode(text, type=Specification)
