"""AVA1 to AVA5: Nguyen, Adversarial Variational Autoencoders, 2023, doi 10.20944/preprints202308.0131.

The names are the paper's: f(x|Θ) encoder, g(z|Φ) decoder, d(x|Ψ) discriminator, D(μ|Λ) encoding discriminator; a
trailing underscore is its prime, so x_ is x'. Numbers in the right margin are its equations; docs/paper/ava.md has
each with its derivation and its test. d, d_, D and D_ are logits; a δ is an error, the gradient of what is descended.
Every sum over neurons and over the batch is a plain sum, as printed: the trainer alone divides.

Two propagations differ only in how an error crosses from one network to another. "paper" is (5) to (16) to the
letter; "exact" is the true gradient of (3) and (12) for Θ and Φ and of (4) and (11) for Ψ and Λ. Leaning, (10) and
(16), has no true gradient and is the paper's in both.
"""

from dataclasses import dataclass
from math import prod

import numpy as np

from ava_np import specification as specifications
from ava_np.kernels.discrimination import (
    causal_backward,
    log_fake_backward,
    log_fake_forward,
    log_real_backward,
    log_real_forward,
    reverse_causal_backward,
)
from ava_np.kernels.gaussian import kl_backward, kl_forward, reparameterise_backward, reparameterise_forward
from ava_np.kernels.squared_error import squared_error_backward, squared_error_forward
from ava_np.layers import Dense
from ava_np.models.base import Noise, Terms
from ava_np.models.propagation import TwoPropagations
from ava_np.models.terms import kl_objective, log_sigmoid, sigmoid, split_mean_logvar
from ava_np.network import Buffers, Network
from ava_np.network.architectures import architecture, discriminator


@dataclass(frozen=True)
class Variant:
    """The four switches that tell the paper's models apart."""

    discriminator: bool = False  # Ψ: (3), (4), (6), (7)
    reverse_causal: bool = False  # (9), (10)
    encoding_discriminator: bool = False  # Λ: (11) to (14)
    encoding_reverse_causal: bool = False  # (15), (16)


VARIANTS = {
    "ava1": Variant(discriminator=True),
    "ava2": Variant(discriminator=True, reverse_causal=True),
    "ava3": Variant(encoding_discriminator=True),
    "ava4": Variant(encoding_discriminator=True, encoding_reverse_causal=True),
    "ava5": Variant(discriminator=True, reverse_causal=True, encoding_discriminator=True, encoding_reverse_causal=True),
}


@dataclass
class StepBuffers:
    """One buffers for each application of a network in a step; a prime marks the decoded data."""

    f: Buffers  # Θ on x
    f_: Buffers  # Θ on x'
    g: Buffers  # Φ on z
    d: Buffers  # Ψ on x
    d_: Buffers  # Ψ on x'
    D: Buffers  # Λ on μ(x)
    D_: Buffers  # Λ on μ(x')
    z: np.ndarray


class AVA(TwoPropagations[StepBuffers]):
    """An adversarial variational autoencoder. Without its switches it is the VAE of models/vae.py.

    Parameters
    ----------
    specification : specification.AVA1 to AVA5
        Which of the paper's models, its propagation ("exact": true gradients, "paper": the rules as printed), the
        length n of its code, its architecture.
    shape : tuple of int
        Shape of a picture, (height, width, channels), in [0, 1].
    seed : int
        Seed of the first weights.
    dtype : dtype
        ``float32`` for training, ``float64`` for gradient checks.
    """

    def __init__(
        self,
        specification: specifications.AVA,
        shape: tuple[int, int, int],
        *,
        seed: int = 0,
        dtype: type[np.floating] = np.float32,
    ) -> None:
        layers, generator, n = architecture(specification, shape), np.random.default_rng(seed), specification.latent
        many = specification.minibatch_discrimination
        discriminator_layers = discriminator(
            [*layers.discriminator, *layers.discriminator_head], minibatch_discrimination=many
        )
        code_discriminator_layers = discriminator(layers.code_discriminator, minibatch_discrimination=many)
        self.Θ = Network((prod(shape),), [*layers.encoder, Dense(2 * n)], generator, dtype)
        self.Φ = Network((n,), layers.decoder, generator, dtype)
        self.Ψ = Network((prod(shape),), discriminator_layers, generator, dtype)
        self.Λ = Network((n,), code_discriminator_layers, generator, dtype)
        self.variant, self.propagation = VARIANTS[specification.name], specification.propagation
        networks = {"encoder": self.Θ, "decoder": self.Φ}
        if self.variant.discriminator:
            networks["discriminator"] = self.Ψ
        if self.variant.encoding_discriminator:
            networks["encoding_discriminator"] = self.Λ
        super().__init__(specification, shape, networks)

    def make_buffers(self, batch: int) -> StepBuffers:
        """New buffers for a step on ``batch`` pictures."""
        Θ, Φ, Ψ, Λ = self.Θ, self.Φ, self.Ψ, self.Λ
        z = np.zeros((batch, self.latent), Θ.dtype)
        return StepBuffers(
            f=Θ.buffers(batch),
            f_=Θ.buffers(batch, "frozen"),
            g=Φ.buffers(batch),
            d=Ψ.buffers(batch),
            d_=Ψ.buffers(batch),
            D=Λ.buffers(batch),
            D_=Λ.buffers(batch),
            z=z,
        )

    def gradients(self, x: np.ndarray, noise: Noise) -> Terms:
        """Add every network's gradient, summed over the batch, to its ``grad``: the paper's rules (5) to (16).

        Parameters
        ----------
        x : ndarray, (batch, m)
            Pictures as rows.
        noise : dict of str to ndarray
            r, (batch, n): standard normal noise of (8).

        Returns
        -------
        dict of str to float
            The terms of the objectives in nats, summed over the batch.
        """
        # fmt: off
        Θ, Φ, Ψ, Λ, v = self.Θ, self.Φ, self.Ψ, self.Λ, self.variant
        t, r, exact = self.buffers(len(x), noise), noise["r"], self.propagation == "exact"

        μ, s = split_mean_logvar(Θ.forward(t.f, x))                     #       f(x|Θ), s = log Σ
        reparameterise_forward(t.z, μ, s, r)                            # (8)   z = μ + Σ^½ r
        x_ = Φ.forward(t.g, t.z)                                        #       x' = g(z|Φ)
        δx_, (δμ, δs) = t.g.clear_error(), split_mean_logvar(t.f.clear_error())

        terms = {"reconstruction": squared_error_forward(x_, x), "kl": kl_forward(μ, s)}
        squared_error_backward(δx_, x_, x)                              # (6)   -(x - x'), also of the VAE
        kl_backward(δμ, δs, μ, s)                                       # (5)   μ and ½(Σ - 1)

        if v.discriminator:
            d, d_ = Ψ.forward(t.d, x), Ψ.forward(t.d_, x_)
            terms |= {"log_d_real": log_real_forward(d), "log_d_fake": log_fake_forward(d_)}
            self.add_adversarial_error(δx_, Ψ, t.d_)                    # (6)   a_d'(d(x')) / (1 - d(x')), Ψ*
            log_real_backward(t.d.clear_error(), d, -1)                 # (7)   a_d'(d(x)) / d(x)
            log_fake_backward(t.d_.clear_error(), d_, -1)               # (7)   -a_d'(d(x')) / (1 - d(x'))
            if v.reverse_causal:
                a_g = Φ.output_slope(t.g)                               #       a_g'(x')
                reverse_causal_backward(t.d_.error, d_, x, x_, a_g)     # (10)  a_d'(d0) Σ (x - x') a_g'(x')
            Ψ.backward(t.d, inputs=False)
            Ψ.backward(t.d_, inputs=False)

        if v.encoding_discriminator:
            μ_, _ = split_mean_logvar(Θ.forward(t.f_, x_))              #       μ(x')
            D, D_ = Λ.forward(t.D, μ), Λ.forward(t.D_, μ_)
            terms |= {"log_D_real": log_real_forward(D), "log_D_fake": log_fake_forward(D_)}
            if exact:
                δμ_, _ = split_mean_logvar(t.f_.clear_error())
                self.add_adversarial_error(δμ_, Λ, t.D_)                # (12)  from D to μ(x'), through Λ*,
                δx_ += Θ.backward(t.f_)                                 # (12)  and on to Θ and x'
            else:
                self.add_adversarial_error(δμ, Λ, t.D_)                 # (14)  a_D'(D(μ(x'))) / (1 - D(μ(x')))
            log_real_backward(t.D.clear_error(), D, -1)                 # (13)  a_D'(D(μ(x))) / D(μ(x))
            log_fake_backward(t.D_.clear_error(), D_, -1)               # (13)  -a_D'(D(μ(x'))) / (1 - D(μ(x')))
            if v.encoding_reverse_causal:
                a_f, _ = split_mean_logvar(Θ.output_slope(t.f_))        #       a_f'(μ(x')) = 1: μ is linear
                reverse_causal_backward(t.D_.error, D_, μ, μ_, a_f)     # (16)  a_D'(D0) Σ (μ(x) - μ(x')) a_f'
            Λ.backward(t.D, inputs=False)
            Λ.backward(t.D_, inputs=False)

        δz = Φ.backward(t.g, inputs=exact)                              # (6)   δx' a_g'(x'), then down into Φ
        if exact:
            reparameterise_backward(δμ, δs, δz, s, r)                   # (1)   the path through z that (5) drops
        Θ.backward(t.f, inputs=False)                                   # (5), (14)
        return terms
        # fmt: on

    def add_adversarial_error(self, δ: np.ndarray, discriminator: Network, buffers: Buffers) -> None:
        """Add to δ, at the neurons that a discriminator reads, the error of log(1 - d).

        Paper: one number for all neurons of a picture, as through weights of one. Exact: through the real weights.
        Either way the discriminator learns nothing from it: the paper's star.
        """
        if self.propagation == "paper":
            causal_backward(δ, buffers.output)
        else:
            log_fake_backward(buffers.clear_error(), buffers.output, +1)
            δ += discriminator.backward(buffers, parameters=False)

    def detached(self, x: np.ndarray, noise: Noise) -> dict[str, np.ndarray]:
        """The factors that the rules treat as constants, (batch, 1) each: c, C of (6), (14) and e, E of (10), (16)."""
        at = self.evaluate(x, noise)
        a_g = self.Φ.output_slope(self.buffers(len(x), noise).g)
        return {
            "c": sigmoid(at["d_"]),
            "C": sigmoid(at["D_"]),
            "e": np.sum((x - at["x_"]) * a_g, axis=1, keepdims=True),
            "E": np.sum(at["μ"] - at["μ_"], axis=1, keepdims=True),
        }

    def objectives(self, x: np.ndarray, noise: Noise, detached: dict[str, np.ndarray]) -> dict[str, float]:
        """What each network descends, in plain NumPy and independent of the kernels; ``detached`` as from ``detached``.

        The printed objectives, and for the rules that are not their gradients the surrogates that they do descend
        (docs/paper/ava.md proves each).
        """
        # fmt: off
        at, v, w = self.evaluate(x, noise), self.variant, detached
        x_, μ, s, μ_, d, d_, D, D_ = (at[k] for k in ("x_", "μ", "s", "μ_", "d", "d_", "D", "D_"))
        squared, kl = np.sum((x - x_) ** 2) / 2, kl_objective(μ, s)
        loss = squared + kl                                             # (1)
        b = np.sum(log_sigmoid(d) + log_sigmoid(-d_))                   # (2), (4)
        B = np.sum(log_sigmoid(D) + log_sigmoid(-D_))                   # (11)
        if v.discriminator:
            loss += np.sum(log_sigmoid(-d_))                            # (3)
        if v.encoding_discriminator:
            loss += np.sum(log_sigmoid(-D_))                            # (12)
        if v.reverse_causal:
            b -= squared                                                # (9)   its gradient in Ψ is 0, so
            b += np.sum(w["e"] * sigmoid(d_))                           # (10)  ascends e d(x'), e held
        if v.encoding_reverse_causal:
            B -= np.sum((μ - μ_) ** 2) / 2                              # (15)  its gradient in Λ is 0, so
            B += np.sum(w["E"] * sigmoid(D_))                           # (16)  ascends E D(μ(x')), E held
        l_Θ = l_Φ = loss
        if self.propagation == "paper":
            l_Θ = kl - v.encoding_discriminator * np.sum(w["C"] * μ)         # (5), (14)  C held
            l_Φ = squared - v.discriminator * np.sum(w["c"] * x_)   # (6)        c held
        return {"encoder": l_Θ, "decoder": l_Φ, "discriminator": -b, "encoding_discriminator": -B}
        # fmt: on

    def evaluate(self, x: np.ndarray, noise: Noise) -> dict[str, np.ndarray]:
        """Copies of all that a step computes on the way forward, whatever the variant uses of it."""
        Θ, Φ, Ψ, Λ, t, r = self.Θ, self.Φ, self.Ψ, self.Λ, self.buffers(len(x), noise), noise["r"]
        μ, s = split_mean_logvar(Θ.forward(t.f, x).copy())
        x_ = Φ.forward(t.g, μ + np.exp(s / 2) * r).copy()
        μ_, _ = split_mean_logvar(Θ.forward(t.f_, x_).copy())
        d, d_ = Ψ.forward(t.d, x).copy(), Ψ.forward(t.d_, x_).copy()
        D, D_ = Λ.forward(t.D, μ).copy(), Λ.forward(t.D_, μ_).copy()
        return {"x_": x_, "μ": μ, "s": s, "μ_": μ_, "d": d, "d_": d_, "D": D, "D_": D_}
