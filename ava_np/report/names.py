"""Names of models, objective terms, baselines and layers for pages, charts and tables."""

from collections.abc import Iterable
from typing import NamedTuple

from ava_np import specification as specifications
from ava_np.errors import RunError
from ava_np.layers import shape_text
from ava_np.network import Network
from ava_np.specification import ModelSpecification, TermName


class Term(NamedTuple):
    """A term of an objective: its symbol in plain text, its symbol in a chart, and its meaning."""

    symbol: str
    label: str
    meaning: str


class Baseline(NamedTuple):
    """A fixed image that AVA (17) compares with all pictures: its name and its meaning."""

    label: str
    meaning: str


BASELINES = {
    "grey": Baseline("mid-grey", "0.5 everywhere, the output of an untrained decoder"),
    "copy_mean": Baseline("copy of a picture, mean", "one of the pictures; mean over all of them"),
    "copy_best": Baseline("copy of a picture, best", "the picture that is nearest to all others"),
    "single_colour": Baseline("best single colour", "the geometric median of all pixels"),
    "mean_image": Baseline("mean image", "the mean of all pictures, at this zoom"),
    "floor": Baseline(
        "floor at this zoom", "lower bound of any image at this zoom: the geometric median of each block"
    ),
    "mean_image_full_size": Baseline("mean image, full size", "the mean of all pictures"),
    "floor_full_size": Baseline("floor at full size", "lower bound of any image"),
}
"""By the keys of ``ava_np.evaluation.metrics.baselines``."""

MODEL_TITLES = {
    "ae": "Autoencoder",
    "vae-gan-costs": "VAE with the costs of a GAN",
    "alphagan": "α-GAN",
    "bigan": "BiGAN",
    "cascade": "Cascade of a VAE and a GAN",
    "vaegan": "VAE-GAN",
    "vae-gan-sum": "Weighted sum of VAE and GAN",
}
"""Titles of the models whose title is not their name in capitals."""

PRIOR_NAMES = {
    "normal": "the prior N(0, I)",
    "uniform": "the uniform prior",
    "gamma": "the gamma prior",
    "mixture": "the mixture prior, ten Gaussians on a circle",
    "swiss-roll": "the Swiss roll prior",
    "function": "the prior function",
    "cascade": "the VAE, μ(g(r)) with r from N(0, I)",
}

FITTED_CODES = "a Gaussian that is fitted to the codes of the training data"

LIKELIHOODS = {
    "gaussian": "a Gaussian with unit variance, without its constant",
    "calibrated": "a Gaussian whose variance is the mean squared error of a batch, without its constant: it may be "
    "negative, and is less for better reconstructions",
    "laplace": "a Laplace distribution of scale 1/λ, without its constant",
    "bernoulli": "Bernoulli values, a cross-entropy; its minimum is 0 only if all values are 0 or 1",
}

_GAN: dict[TermName, Term] = {
    "log_d_real": Term("log d(x)", r"$\log\,d(x)$", "discriminator on data"),
    "log_d_fake": Term("log(1 - d(g(z)))", r"$\log(1-d(g(z)))$", "discriminator on samples"),
}
_BIGAN: dict[TermName, Term] = {
    "log_d_real": Term("log d(x, f(x))", r"$\log\,d(x,f(x))$", "discriminator on data with their codes"),
    "log_d_fake": Term("log(1 - d(g(z), z))", r"$\log(1-d(g(z),z))$", "discriminator on samples with their codes"),
}
_VAEGAN: dict[TermName, Term] = {
    "features": Term(
        "½‖dₗ(x) - dₗ(x̃)‖²",
        r"$½\,\Vert d_l(x)-d_l(\tilde{x})\Vert^2$",
        "L_llike: reconstruction, in the features of the discriminator's layer l",
    ),
    "log_d_real": Term("log d(x)", r"$\log\,d(x)$", "discriminator on data"),
    "log_d_reconstructed": Term("log(1 - d(x̃))", r"$\log(1-d(\tilde{x}))$", "discriminator on reconstructions"),
    "log_d_fake": Term("log(1 - d(xₚ))", r"$\log(1-d(x_p))$", "discriminator on samples"),
}
_AVB: dict[TermName, Term] = {
    "kl": Term("T(x, z)", r"$T(x,z)$", "estimate of the divergence of the code from the prior"),
    "log_d_real": Term("log σ(T(x, z))", r"$\log\,\sigma(T(x,z))$", "discriminator on data with their codes"),
    "log_d_fake": Term(
        "log(1 - σ(T(x, zₚ)))", r"$\log(1-\sigma(T(x,z_p)))$", "discriminator on data with codes from the prior"
    ),
}
_AAE: dict[TermName, Term] = {
    "log_D_prior": Term("log D(zₚ)", r"$\log\,D(z_p)$", "discriminator on codes from the prior"),
    "log_D_code": Term("log(1 - D(z))", r"$\log(1-D(z))$", "discriminator on codes of data"),
}
_ALPHAGAN: dict[TermName, Term] = {
    "reconstruction": Term("λ‖x - x̂‖₁", r"$\lambda\,\Vert x-\hat{x}\Vert_1$", "reconstruction, distance of the values"),
    "log_d_real": Term("log d(x)", r"$\log\,d(x)$", "discriminator on data"),
    "log_d_reconstructed": Term("log(1 - d(x̂))", r"$\log(1-d(\hat{x}))$", "discriminator on reconstructions"),
    "log_d_fake": Term("log(1 - d(xₚ))", r"$\log(1-d(x_p))$", "discriminator on samples"),
    **_AAE,
}
_AVA: dict[TermName, Term] = {
    "reconstruction": Term("½‖x - x′‖²", r"$½\,\Vert x-x'\Vert^2$", "reconstruction, AVA (1)"),
    "log_d_real": Term("log d(x)", r"$\log\,d(x)$", "Ψ on data, AVA (2)"),
    "log_d_fake": Term("log(1 - d(x′))", r"$\log(1-d(x'))$", "Ψ on decoded data, AVA (2)"),
    "log_D_real": Term("log D(μ(x))", r"$\log\,D(\mu(x))$", "Λ on codes of data, AVA (11)"),
    "log_D_fake": Term("log(1 - D(μ(x′)))", r"$\log(1-D(\mu(x')))$", "Λ on codes of decoded data, AVA (11)"),
}


def terms_of(model: ModelSpecification, names: Iterable[TermName]) -> dict[TermName, Term]:
    """Return the terms of a run's metrics that have these names.

    Raises
    ------
    RunError
        If the model has no such term: the metrics are then of another model.
    """
    known, chosen = objective_terms(model), list(names)
    for name in chosen:
        if name not in known:
            raise RunError(f"metrics.jsonl is not of this run: {model.name} has no term {name!r}")
    return {name: known[name] for name in chosen}


def objective_terms(model: ModelSpecification) -> dict[TermName, Term]:
    """Return every term that a model of this specification reports, by its key in ``metrics.jsonl``."""
    match model:
        case specifications.GAN():
            return _GAN
        case specifications.BiGAN():
            return _BIGAN
        case specifications.VAEGAN():
            return {**_VAEGAN, "kl": _divergence(model, ": L_prior")}
        case specifications.VAEGANSum():
            return {**_GAN, "reconstruction": _reconstruction(model), "kl": _divergence(model)}
        case specifications.AVB():
            return {"reconstruction": _reconstruction(model), **_AVB}
        case specifications.AlphaGAN():
            return _ALPHAGAN
        case specifications.AVA():
            return {**_AVA, "reconstruction": _reconstruction(model), "kl": _divergence(model, ", AVA (1)")}
        case specifications.AAE() | specifications.VAEGANCosts():
            return {"reconstruction": _reconstruction(model), **_AAE}
        case specifications.VAE():
            return {"reconstruction": _reconstruction(model), "kl": _divergence(model)}
        case specifications.AE():
            return {"reconstruction": _reconstruction(model)}
    raise ValueError(f"{type(model).__name__} has no names for its terms")


def _reconstruction(
    model: specifications.AE
    | specifications.VAE
    | specifications.AAE
    | specifications.VAEGANCosts
    | specifications.VAEGANSum
    | specifications.AVB
    | specifications.AVA,
) -> Term:
    if model.likelihood == "bernoulli":
        return Term("H(x, x′)", r"$\mathrm{H}(x,x')$", "reconstruction, cross-entropy")
    if model.likelihood == "calibrated":
        return Term("-log p(x|z)", r"$-\log\,p(x|z)$", "reconstruction, a Gaussian whose variance is the squared error")
    if isinstance(model, specifications.AVA):
        return _AVA["reconstruction"]
    return _AVA["reconstruction"]._replace(meaning="reconstruction, squared error")


def _divergence(
    model: specifications.VAE | specifications.VAEGAN | specifications.VAEGANSum | specifications.AVA, where: str = ""
) -> Term:
    weighted = "" if model.beta == 1 else f", before the weight β = {model.beta:g}"
    return Term("KL", r"$\mathrm{KL}$", f"divergence of the code from the prior{where}{weighted}")


def likelihood_text(model: ModelSpecification) -> str:
    """Return the distribution of a picture around its reconstruction, in words."""
    if isinstance(model, specifications.AlphaGAN):
        return LIKELIHOODS["laplace"]
    return LIKELIHOODS[getattr(model, "likelihood", "gaussian")]


def chance_level(model: ModelSpecification) -> float:
    """Return the probability of "real" that a discriminator gives if it cannot tell real from fake.

    It is 1/2, (1 - s)/2 with labels smoothed by s, and 1/3 if a discriminator of pictures sees two fakes for each
    picture, as in an α-GAN and usually in a VAE-GAN.
    """
    if isinstance(model, specifications.AlphaGAN):
        return 1 / 3
    if isinstance(model, specifications.VAEGAN) and model.reconstructions_are_fake:
        return 1 / 3
    return (1 - getattr(model, "smoothing", 0.0)) / 2


def model_title(model: ModelSpecification) -> str:
    """Return a model's name as a heading: "AVA5, exact propagation", "AAE with a gamma prior"."""
    text = MODEL_TITLES.get(model.name, model.name.upper())
    prior = getattr(model, "prior", "normal")
    if prior != "normal":
        text += f" {'and' if ' with ' in text else 'with'} a {prior.replace('swiss-roll', 'Swiss roll')} prior"
    if (beta := getattr(model, "beta", 1)) != 1:
        text += f" with β = {beta:g}"
    propagation = getattr(model, "propagation", None)
    return f"{text}, {propagation} propagation" if propagation else text


def prior_name(model: ModelSpecification) -> str:
    """Return where a model draws the codes of its samples from, in words."""
    return PRIOR_NAMES.get(model.name) or PRIOR_NAMES[getattr(model, "prior", "normal")]


def layers_text(network: Network) -> str:
    """Return a network's layers with their output shapes: "784: dense 256, leaky relu, dense 20"."""
    parts = []
    for layer, before, after in zip(network.layers, network.shapes, network.shapes[1:], strict=False):
        name = layer.name.replace("_", " ")
        has_shape = after != before or "W" in layer.parameter_shapes(before)
        parts.append(f"{name} {shape_text(after)}" if has_shape else name)
    return f"{shape_text(network.input_shape)}: {', '.join(parts)}"
