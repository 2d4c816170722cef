"""What models, their terms and their layers are called: on pages, in charts and in tables."""

from typing import NamedTuple

from ava_np import specification as specifications
from ava_np.layers import shape_text
from ava_np.network import Network
from ava_np.specification import ModelSpecification


class Term(NamedTuple):
    """A term of an objective: its symbol as text, the same for a chart, and what it is."""

    symbol: str
    label: str
    meaning: str


NAMES = {
    "ae": "Autoencoder",
    "vae-gan-costs": "VAE with the costs of a GAN",
    "bigan": "BiGAN",
    "vaegan": "VAE-GAN",
}
"""Those that are not simply in capitals."""

PRIOR_NAMES = {
    "normal": "the prior N(0, I)",
    "uniform": "the uniform prior",
    "gamma": "the gamma prior",
    "mixture": "the mixture prior, ten Gaussians on a circle",
    "swiss-roll": "the Swiss roll prior",
    "function": "the prior function",
}

_GAN = {
    "log_d_real": Term("log d(x)", r"$\log\,d(x)$", "discriminator on data"),
    "log_d_fake": Term("log(1 - d(g(z)))", r"$\log(1-d(g(z)))$", "discriminator on samples"),
}
_BIGAN = {
    "log_d_real": Term("log d(x, f(x))", r"$\log\,d(x,f(x))$", "discriminator on data with their codes"),
    "log_d_fake": Term("log(1 - d(g(z), z))", r"$\log(1-d(g(z),z))$", "discriminator on samples with their codes"),
}
_VAEGAN = {
    "kl": Term("KL", r"$\mathrm{KL}$", "L_prior: divergence of the code from N(0, I)"),
    "features": Term(
        "½‖dₗ(x) - dₗ(x̃)‖²",
        r"$½\,\Vert d_l(x)-d_l(\tilde{x})\Vert^2$",
        "L_llike: reconstruction, in the features of the discriminator's layer l",
    ),
    "log_d_real": Term("log d(x)", r"$\log\,d(x)$", "discriminator on data"),
    "log_d_reconstructed": Term("log(1 - d(x̃))", r"$\log(1-d(\tilde{x}))$", "discriminator on reconstructions"),
    "log_d_fake": Term("log(1 - d(xₚ))", r"$\log(1-d(x_p))$", "discriminator on samples"),
}
_AAE = {
    "log_D_prior": Term("log D(zₚ)", r"$\log\,D(z_p)$", "discriminator on codes from the prior"),
    "log_D_code": Term("log(1 - D(z))", r"$\log(1-D(z))$", "discriminator on codes of data"),
}
_AVA = {
    "reconstruction": Term("½‖x - x′‖²", r"$½\,\Vert x-x'\Vert^2$", "reconstruction, AVA (1)"),
    "kl": Term("KL", r"$\mathrm{KL}$", "divergence of the code from the prior, AVA (1)"),
    "log_d_real": Term("log d(x)", r"$\log\,d(x)$", "Ψ on data, AVA (2)"),
    "log_d_fake": Term("log(1 - d(x′))", r"$\log(1-d(x'))$", "Ψ on decoded data, AVA (2)"),
    "log_D_real": Term("log D(μ(x))", r"$\log\,D(\mu(x))$", "Λ on codes of data, AVA (11)"),
    "log_D_fake": Term("log(1 - D(μ(x′)))", r"$\log(1-D(\mu(x')))$", "Λ on codes of decoded data, AVA (11)"),
}


def objective_terms(model: ModelSpecification) -> dict[str, Term]:
    """Every term that a model of this specification reports, by its key in ``metrics.jsonl``."""
    match model:
        case specifications.GAN():
            return _GAN
        case specifications.BiGAN():
            return _BIGAN
        case specifications.VAEGAN():
            return _VAEGAN
        case specifications.AVA():
            return _AVA
        case specifications.AAE() | specifications.VAEGANCosts():
            return {"reconstruction": _reconstruction(model), **_AAE}
        case specifications.VAE():
            weighed = "" if model.beta == 1 else f", before β = {model.beta:g} weighs it"
            divergence = Term("KL", r"$\mathrm{KL}$", f"divergence of the code from the prior{weighed}")
            return {"reconstruction": _reconstruction(model), "kl": divergence}
        case specifications.AE():
            return {"reconstruction": _reconstruction(model)}
    raise ValueError(f"no terms are known of {type(model).__name__}")


def _reconstruction(
    model: specifications.AE | specifications.VAE | specifications.AAE | specifications.VAEGANCosts,
) -> Term:
    if model.likelihood == "bernoulli":
        return Term("H(x, x′)", r"$\mathrm{H}(x,x')$", "reconstruction, cross-entropy")
    return _AVA["reconstruction"]._replace(meaning="reconstruction, squared error")


def chance_level(model: ModelSpecification) -> float:
    """The probability of "real" that a discriminator gives when it cannot tell.

    1/2, or (1 - s)/2 with labels smoothed by s; 1/3 for a VAE-GAN that sees two fakes for each picture.
    """
    if isinstance(model, specifications.VAEGAN) and model.reconstructions_are_fake:
        return 1 / 3
    return (1 - getattr(model, "smoothing", 0.0)) / 2


def model_title(model: ModelSpecification) -> str:
    """A model's name as a heading: "AVA5, exact propagation", "AAE with a gamma prior"."""
    text = NAMES.get(model.name, model.name.upper())
    prior = getattr(model, "prior", "normal")
    if prior != "normal":
        text += f" {'and' if ' with ' in text else 'with'} a {prior.replace('swiss-roll', 'Swiss roll')} prior"
    if isinstance(model, specifications.VAE) and model.beta != 1:
        text += f" with β = {model.beta:g}"
    propagation = getattr(model, "propagation", None)
    return f"{text}, {propagation} propagation" if propagation else text


def layers_text(network: Network) -> str:
    """A network's layers with the shapes that they make: "784: dense 256, leaky relu, dense 20"."""
    parts = []
    for layer, before, after in zip(network.layers, network.shapes, network.shapes[1:], strict=False):
        name = layer.name.replace("_", " ")
        made = after != before or "W" in layer.parameter_shapes(before)
        parts.append(f"{name} {shape_text(after)}" if made else name)
    return f"{shape_text(network.input_shape)}: {', '.join(parts)}"
