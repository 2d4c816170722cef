"""The options of ``ava train``, in the groups of its help text."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import rich_click as click

from ava_np.cli.options import (
    ARCHITECTURES,
    COUNT,
    MODELS,
    PROPAGATIONS,
    RATE,
    SEED,
    SHARE,
    WEIGHT,
    ArchitectureType,
    ChangesType,
    CountsType,
    IntervalType,
    NumberType,
    SizeType,
    Word,
)
from ava_np.specification import (
    MAX_COUNT,
    MAX_PIXELS,
    MAX_TOTAL,
    Fit,
    OnDivergence,
    OptimiserName,
    PriorName,
    Reduction,
    RunOptions,
    Schedule,
    VAELikelihood,
)
from ava_np.specification.defaults import (
    BATCH,
    CODE,
    CONVOLUTION_STEPS,
    DENSE_STEPS,
    FEW_PICTURES,
    FIRST_CHANNELS,
    LARGE_BATCH,
    LARGE_SIDE,
    LEAST_SIDE,
    MANY_PICTURES,
    MOST_CHANNELS,
)
from ava_np.specification.presets import PRESETS

DEFAULT = RunOptions()
MAX_MINUTES = 60 * 24 * 365

# No option has a default here, so that the command sees which ones were given; RunOptions has the defaults.
MODEL_OPTIONS = [
    click.option("--model", type=MODELS, help=f"The model.  [default: {DEFAULT.model}]"),
    click.option(
        "--from",
        "trained_vae",
        type=click.Path(path_type=Path),
        metavar="RUN",
        help="cascade: the run of the trained VAE or AVA that the codes come from. It decides --latent, --size, --fit "
        "and --zoom.",
    ),
    click.option(
        "--architecture",
        type=ArchitectureType(),
        metavar="|".join((*ARCHITECTURES, "FILE.json")),
        help="Layers of the networks, or a file with a custom architecture (docs/layers).  "
        f"[default: conv28 for {FEW_PICTURES} pictures of {LEAST_SIDE}x{LEAST_SIDE} or more, then dcgan for vaegan and "
        "alphagan; dcgan for cascade; mlp for fewer, and for gan and bigan]",
    ),
    click.option(
        "--hidden",
        type=CountsType("width"),
        help="Widths of the hidden layers, from the picture inward: neurons, or channels.  "
        f"[default: 256 for mlp; {FIRST_CHANNELS // 2} or {FIRST_CHANNELS}, doubled up to {MOST_CHANNELS}, where "
        "convolutions are the default]",
    ),
    click.option(
        "--latent",
        type=COUNT,
        help=f"Length of the code z.  [default: {CODE} where convolutions are the default, 100 for the model dcgan, "
        "that of the VAE for cascade, else 10]",
    ),
    click.option(
        "--propagation",
        type=PROPAGATIONS,
        help="vae, ava1 to ava5: true gradients, or the paper's rules (5) to (16) as printed.  [default: exact]",
    ),
    click.option(
        "--likelihood",
        type=Word(get_args(VAELikelihood)),
        help="calibrated (vae, vae-gan-sum, avb, ava1 to ava5): a Gaussian whose variance is learned. gaussian: of "
        "variance 1. bernoulli (ae, vae, aae, vae-gan-costs, vae-gan-sum, avb): cross-entropy.  [default: calibrated "
        "where there is one and the propagation is exact, else gaussian]",
    ),
    click.option(
        "--beta", type=WEIGHT, help="vae, vaegan, vae-gan-sum, ava1 to ava5: weight of the divergence.  [default: 1]"
    ),
    click.option(
        "--adversarial-weight",
        type=WEIGHT,
        help="ava1, ava2, ava5, vae-gan-sum: weight of the discriminator's error in the decoder.  [default: 1]",
    ),
    click.option(
        "--encoding-adversarial-weight",
        type=WEIGHT,
        help="ava3, ava4, ava5: weight of the encoding discriminator's error at μ(x').  [default: 1]",
    ),
    click.option(
        "--prior",
        type=Word(get_args(PriorName)),
        help="aae, vae-gan-costs: distribution that the codes are trained to follow; gan, dcgan: distribution of the "
        "codes, normal or uniform.  [default: normal]",
    ),
    click.option("--stochastic", is_flag=True, default=None, help="aae: the encoder samples its code from a Gaussian."),
    click.option("--gamma", type=WEIGHT, help="vaegan: weight of the feature loss in the decoder.  [default: 0.01]"),
    click.option(
        "--reconstruction-weight", type=WEIGHT, help="alphagan: weight λ of the distance ‖x - x̂‖₁.  [default: 1]"
    ),
    click.option(
        "--reconstructions-are-fake/--reconstructions-are-not-fake",
        default=None,
        help="vaegan: whether the discriminator sees reconstructions as fakes.  [default: yes, as in Algorithm 1]",
    ),
    click.option(
        "--minibatch-discrimination",
        is_flag=True,
        default=None,
        help="Add a layer to the discriminators that compares the pictures of a batch.",
    ),
    click.option(
        "--augment",
        type=ChangesType(),
        help="gan, dcgan, cascade, bigan: random changes of the pictures that the discriminator sees, real and fake, "
        "so that it does not learn a few by heart: colour, translation, cutout.  [default: none]",
    ),
    click.option(
        "--smoothing",
        type=SHARE,
        help="One-sided label smoothing: the target of real samples is 1 minus this.  [default: 0]",
    ),
    click.option(
        "--saturating",
        is_flag=True,
        default=None,
        help="Generators, and ava1 to ava5, descend log(1 - d) instead of -log d.",
    ),
]

PICTURE_OPTIONS = [
    click.option(
        "--preset",
        type=Word(tuple(PRESETS)),
        help="Fill in options for a kind of pictures; those that are given stay as they are.",
    ),
    click.option(
        "--size",
        type=SizeType(),
        help="Resize all pictures; --size 64 is 64x64.  [default: the median size, at most 256]",
    ),
    click.option(
        "--fit",
        type=Word(get_args(Fit)),
        help="Pictures of another ratio: cut to the central part, padded with the colour of their edge, or distorted.  "
        f"[default: {DEFAULT.fit}]",
    ),
    click.option(
        "--zoom",
        type=COUNT,
        help="The paper's fixed zoom: block means for the input, repeated pixels for the output.  "
        f"[default: the least that leaves no side above {LARGE_SIDE} pixels]",
    ),
    click.option("--limit", type=COUNT, help="Use only this many pictures, evenly from all folders."),
    click.option("--validation", type=SHARE, help="Share of the pictures to hold out and evaluate while training."),
    click.option("--test", type=SHARE, help="Share of the pictures to hold out for ava evaluate --part test."),
    click.option("--flip", is_flag=True, default=None, help="Mirror pictures at random, left to right."),
    click.option(
        "--shift", type=click.IntRange(0, MAX_COUNT), help="Shift pictures at random by up to this many pixels."
    ),
    click.option(
        "--cache",
        type=click.Path(path_type=Path),
        help="Keep a decoded copy of the pictures in this folder, for more pictures than fit in memory.",
    ),
    click.option(
        "--max-pixels",
        type=click.IntRange(1, MAX_TOTAL),
        help=f"Refuse pictures with more pixels than this.  [default: {MAX_PIXELS}]",
    ),
    click.option(
        "--strict", is_flag=True, default=None, help="Stop at a picture that cannot be read, instead of skipping it."
    ),
]

TRAINING_OPTIONS = [
    click.option(
        "--minutes",
        type=NumberType(0, MAX_MINUTES, min_open=True),
        help="Train for about so many minutes, instead of a number of epochs.",
    ),
    click.option(
        "--epochs",
        type=COUNT,
        help=f"Passes over the pictures.  [default: enough for {DENSE_STEPS} steps, or {CONVOLUTION_STEPS} with "
        "convolutions]",
    ),
    click.option(
        "--batch-size",
        type=COUNT,
        help="Maximum number of pictures in a step.  "
        f"[default: {BATCH}; {LARGE_BATCH} for more than {MANY_PICTURES} pictures]",
    ),
    click.option(
        "--optimiser",
        "--optimizer",
        type=Word(get_args(OptimiserName)),
        help=f"The optimiser; the paper uses sgd.  [default: {DEFAULT.optimiser}]",
    ),
    click.option(
        "--lr",
        "learning_rate",
        type=RATE,
        help="Learning rate γ.  [default: 0.001; 0.0005 for vaegan, vae-gan-sum, avb, alphagan and ava1 to ava5; "
        "0.0002 for gan and bigan; at most 16 / (values of a picture) for mlp; 0.03 for momentum, 0.3 for sgd]",
    ),
    click.option(
        "--momentum",
        type=SHARE,
        help="μ of momentum, or β₁ of adam.  [default: 0.9; 0.5 for adam in gan, dcgan, cascade, bigan, avb, "
        "alphagan, and aae and vae-gan-costs of dense layers]",
    ),
    click.option("--weight-decay", type=WEIGHT, help="Decoupled weight decay: λ of θ <- θ - γ λ θ.  [default: 0]"),
    click.option("--clip", type=WEIGHT, help="Maximum norm of a network's gradient, per picture.  [default: no limit]"),
    click.option(
        "--schedule",
        type=Word(get_args(Schedule)),
        help=f"How γ changes during the training.  [default: {DEFAULT.schedule}]",
    ),
    click.option(
        "--milestones",
        type=CountsType("epoch"),
        help="Epochs after each of which γ is multiplied by --decay.  [default: none]",
    ),
    click.option("--decay", type=RATE, help=f"Factor of γ at each of the --milestones.  [default: {DEFAULT.decay:g}]"),
    click.option(
        "--patience",
        type=COUNT,
        help="Stop when the error of the --validation pictures has not improved for so many evaluations, of which a "
        "training has 50 to 100, or one for each epoch, and keep the best weights.  [default: train to the last epoch]",
    ),
    click.option(
        "--ema",
        type=SHARE,
        help="Decay of the exponential moving average of the weights, which is the model that is saved; 0 for none.  "
        "[default: 0.999 for gan, dcgan, cascade and bigan with a constant learning rate, else 0]",
    ),
    click.option(
        "--reduction",
        type=Word(get_args(Reduction)),
        help="Scale of the gradients: a picture's sum, its mean, or the mean over a layer's connections.  "
        "[default: fan for momentum and sgd, else sum]",
    ),
    click.option(
        "--seed",
        type=SEED,
        help=f"Seed; the same seed gives the same bytes.  [default: {DEFAULT.seed}]",
    ),
    click.option("--threads", type=click.IntRange(1), help="Number of threads.  [default: one for each core]"),
]

RUN_OPTIONS = [
    click.option("--out", type=click.Path(path_type=Path), help="The run folder.  [default: a new one in runs/]"),
    click.option("--resume", is_flag=True, help="Continue the run in --out; see above for what may be changed."),
    click.option("--overwrite", is_flag=True, default=None, help="Replace the run in --out."),
    click.option(
        "--checkpoint-every",
        type=IntervalType(),
        metavar="STEPS|5min",
        help="Save after every so many steps, or minutes.  [default: 1min; 100 with rollback]",
    ),
    click.option(
        "--on-divergence",
        type=Word(get_args(OnDivergence)),
        help="If a loss or a gradient is not finite: stop, or roll back to the last save and halve the learning rate.  "
        "[default: stop]",
    ),
    click.option(
        "--log", type=Word(("csv", "tensorboard")), multiple=True, help="Log to the run folder, too; repeatable."
    ),
]

GROUPS = {"Model": MODEL_OPTIONS, "Pictures": PICTURE_OPTIONS, "Training": TRAINING_OPTIONS, "Run folder": RUN_OPTIONS}


def train_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add all options of ``ava train`` to a command, and their groups to its help text."""
    panels: list[Any] = []
    for name, options in reversed(GROUPS.items()):
        for option in reversed(options):
            command = option(command)
        added: list[click.Parameter] = command.__click_params__[-len(options) :]  # type: ignore[attr-defined]
        panels.append({"name": name, "options": [parameter.opts[0] for parameter in reversed(added)]})
    click.rich_click.OPTION_GROUPS["ava train"] = panels[::-1]
    return command
