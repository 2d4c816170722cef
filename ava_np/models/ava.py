"""AVA1 to AVA5: Nguyen, Adversarial Variational Autoencoders, 2023, doi 10.20944/preprints202308.0131.

The names are the paper's: f(x|Θ) encoder, g(z|Φ) decoder, d(x|Ψ) discriminator, D(μ|Λ) encoding discriminator. A
trailing underscore is the paper's prime, so x_ is x'. Numbers in the right margin are its equations; docs/paper/ava.md
has each with its derivation and its test. d, d_, D and D_ are logits. A δ is an error, the gradient of what is
descended. Every sum over neurons and over the batch is a plain sum, as printed; only the trainer divides.

The two propagations differ only in how an error passes from one network to another. "paper" is (5) to (16) to the
letter. "exact" is the true gradient of (3) and (12) for Θ and Φ, and of (4) and (11) for Ψ and Λ. Reverse-causal
propagation, (10) and (16), has no true gradient and is the paper's in both.

Exact propagation can also leave the printed objective in four places: -log d for log(1 - d) in (3) and (12), which does
not saturate; the weights λ and λ_μ of these terms, and β of KL; and the calibrated variance σ² (models/terms.py).
"""

from dataclasses import dataclass

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
from ava_np.models.likelihood import Probabilistic
from ava_np.models.propagation import TwoPropagations
from ava_np.models.step import Detached, NewNetwork, Noise, StepBuffers, Terms
from ava_np.models.terms import (
    calibrated_variance,
    gaussian_objective,
    gaussian_value,
    generator_loss,
    kl_objective,
    log_sigmoid,
    sigmoid,
    split_mean_logvar,
)
from ava_np.network import Buffers, Network
from ava_np.network.architectures import Architecture, discriminator


@dataclass(frozen=True)
class Variant:
    """Four switches that tell the paper's models apart."""

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
class AVABuffers(StepBuffers):
    """The buffers of a step: one for each application of a network. A trailing underscore marks the decoded data."""

    f: Buffers  # Θ on x
    f_: Buffers  # Θ on x'
    g: Buffers  # Φ on z
    d: Buffers  # Ψ on x
    d_: Buffers  # Ψ on x'
    D: Buffers  # Λ on μ(x)
    D_: Buffers  # Λ on μ(x')
    z: np.ndarray


class AVA(Probabilistic, TwoPropagations[AVABuffers]):
    """An adversarial variational autoencoder. Without its switches it is the VAE of models/vae.py."""

    specification: specifications.AVA

    def build_networks(self, layers: Architecture, new: NewNetwork) -> dict[str, Network]:
        """Create Θ, Φ, Ψ and Λ, and return those that the variant uses."""
        n, similarity = self.latent, self.specification.minibatch_discrimination
        trunk = [*layers.discriminator, *layers.discriminator_head]
        self.Θ = new(self.neurons, [*layers.encoder, Dense(2 * n)])
        self.Φ = new(n, layers.decoder)
        self.Ψ = new(self.neurons, discriminator(trunk, minibatch_discrimination=similarity))
        self.Λ = new(n, discriminator(layers.code_discriminator, minibatch_discrimination=similarity))
        self.variant = VARIANTS[self.specification.name]
        self.calibrated, self.β = self.specification.likelihood == "calibrated", self.specification.beta
        self.saturating = bool(self.specification.saturating)
        self.λ = getattr(self.specification, "adversarial_weight", 1.0)
        self.λ_μ = getattr(self.specification, "encoding_adversarial_weight", 1.0)
        networks = {"encoder": self.Θ, "decoder": self.Φ}
        if self.variant.discriminator:
            networks["discriminator"] = self.Ψ
        if self.variant.encoding_discriminator:
            networks["encoding_discriminator"] = self.Λ
        return networks

    def make_buffers(self, batch: int) -> AVABuffers:
        """Return new buffers for a step on ``batch`` pictures."""
        Θ, Φ, Ψ, Λ = self.Θ, self.Φ, self.Ψ, self.Λ
        return AVABuffers(
            f=Θ.buffers(batch),
            f_=Θ.buffers(batch, "frozen"),
            g=Φ.buffers(batch),
            d=Ψ.buffers(batch),
            d_=Ψ.buffers(batch),
            D=Λ.buffers(batch),
            D_=Λ.buffers(batch),
            z=np.zeros((batch, self.latent), self.dtype),
        )

    def gradients(self, x: np.ndarray, noise: Noise) -> Terms:
        """Add every network's gradient, summed over the batch: the paper's rules (5) to (16).

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
        step, r, exact = self.buffers(len(x), noise), noise["r"], self.propagation == "exact"

        μ, s = split_mean_logvar(Θ.forward(step.f, x))                  #       f(x|Θ), s = log Σ
        reparameterise_forward(step.z, μ, s, r)                         # (8)   z = μ + Σ^½ r
        x_ = Φ.forward(step.g, step.z)                                  #       x' = g(z|Φ)
        δx_, δf = step.g.zero_error(), step.f.zero_error()              #       errors of Φ at x' and of Θ at (μ, s)
        δμ, δs = split_mean_logvar(δf)

        squared, σ2 = squared_error_forward(x_, x), 1.0
        squared_error_backward(δx_, x_, x)                              # (6)   -(x - x'), also of the VAE
        kl_backward(δμ, δs, μ, s)                                       # (5)   μ and ½(Σ - 1)
        if exact:
            σ2 = calibrated_variance(squared, x.size, step.g.share) if self.calibrated else 1.0
            δf *= self.β * σ2
        terms = {"reconstruction": gaussian_value(squared, x.size, σ2), "kl": kl_forward(μ, s)}

        if v.discriminator:
            d, d_ = Ψ.forward(step.d, x), Ψ.forward(step.d_, x_)
            terms |= {"log_d_real": log_real_forward(d), "log_d_fake": log_fake_forward(d_)}
            self.add_adversarial_error(δx_, Ψ, step.d_, self.λ)         # (6)   a_d'(d(x')) / (1 - d(x')), Ψ*
            δd, δd_ = step.d.zero_error(), step.d_.zero_error()
            log_real_backward(δd, d, -1)                                # (7)   a_d'(d(x)) / d(x)
            log_fake_backward(δd_, d_, -1)                              # (7)   -a_d'(d(x')) / (1 - d(x'))
            if v.reverse_causal:
                a_g = Φ.output_slope(step.g)                            #       a_g'(x')
                reverse_causal_backward(δd_, d_, x, x_, a_g)            # (10)  a_d'(d0) Σ (x - x') a_g'(x')
            Ψ.backward_parameters(step.d, δd)
            Ψ.backward_parameters(step.d_, δd_)

        if v.encoding_discriminator:
            μ_, _ = split_mean_logvar(Θ.forward(step.f_, x_))           #       μ(x')
            D, D_ = Λ.forward(step.D, μ), Λ.forward(step.D_, μ_)
            terms |= {"log_D_real": log_real_forward(D), "log_D_fake": log_fake_forward(D_)}
            if exact:
                δf_ = step.f_.zero_error()
                δμ_, _ = split_mean_logvar(δf_)
                self.add_adversarial_error(δμ_, Λ, step.D_, self.λ_μ)   # (12)  from D to μ(x'), through Λ*,
                δx_ += Θ.backward(step.f_, δf_)                         # (12)  and on to Θ and x'
            else:
                self.add_adversarial_error(δμ, Λ, step.D_)              # (14)  a_D'(D(μ(x'))) / (1 - D(μ(x')))
            δD, δD_ = step.D.zero_error(), step.D_.zero_error()
            log_real_backward(δD, D, -1)                                # (13)  a_D'(D(μ(x))) / D(μ(x))
            log_fake_backward(δD_, D_, -1)                              # (13)  -a_D'(D(μ(x'))) / (1 - D(μ(x')))
            if v.encoding_reverse_causal:
                a_f, _ = split_mean_logvar(Θ.output_slope(step.f_))     #       a_f'(μ(x')) = 1: μ is linear
                reverse_causal_backward(δD_, D_, μ, μ_, a_f)            # (16)  a_D'(D0) Σ (μ(x) - μ(x')) a_f'
            Λ.backward_parameters(step.D, δD)
            Λ.backward_parameters(step.D_, δD_)

        if exact:
            δz = Φ.backward(step.g, δx_)                                # (6)   δx' a_g'(x'), then down into Φ
            reparameterise_backward(δμ, δs, δz, s, r)                   # (1)   the path through z that (5) drops
        else:
            Φ.backward_parameters(step.g, δx_)                          # (6)   δx' a_g'(x'), then down into Φ
        Θ.backward_parameters(step.f, δf)                               # (5), (14)
        return terms
        # fmt: on

    def add_adversarial_error(self, δ: np.ndarray, discriminator: Network, buffers: Buffers, weight: float = 1) -> None:
        """Add to δ, at the neurons that a discriminator reads, the error of the network that made them.

        Paper: one number for all neurons of a picture, as if all weights were one. Exact: the error of log(1 - d) or
        -log d, through the real weights. In both cases the discriminator does not learn from it: the paper's star.
        """
        if self.propagation == "paper":
            causal_backward(δ, buffers.output)
        else:
            error = generator_loss(buffers, self.saturating)
            error *= weight
            δ += discriminator.backward_input(buffers, error)

    def detached(self, x: np.ndarray, noise: Noise) -> Detached:
        """Return the factors that the rules treat as constants, (batch, 1) each.

        c and C belong to (6) and (14), e and E to (10) and (16), σ2 to the calibrated variance.
        """
        at = self.forward_values(x, noise)
        a_g = self.Φ.output_slope(self.buffers(len(x), noise).g)
        return {
            "c": sigmoid(at["d_"]),
            "C": sigmoid(at["D_"]),
            "e": np.sum((x - at["x_"]) * a_g, axis=1, keepdims=True),
            "E": np.sum(at["μ"] - at["μ_"], axis=1, keepdims=True),
            "σ2": np.full((len(x), 1), calibrated_variance(squared_error_forward(at["x_"], x), x.size)),
        }

    def objectives(self, x: np.ndarray, noise: Noise, detached: Detached) -> dict[str, float]:
        """Return what each network minimises, in plain NumPy and independent of the kernels.

        These are the printed objectives, and for rules that are not their gradients the surrogates whose gradients they
        are (docs/paper/ava.md proves each).
        """
        # fmt: off
        at, v, w = self.forward_values(x, noise), self.variant, detached
        x_, μ, s, μ_, d, d_, D, D_ = (at[k] for k in ("x_", "μ", "s", "μ_", "d", "d_", "D", "D_"))
        squared, kl = np.sum((x - x_) ** 2) / 2, kl_objective(μ, s)
        loss = gaussian_objective(x_, x, calibrated=self.calibrated) + self.β * kl  # (1)
        if self.calibrated:
            loss *= w["σ2"].item(0)
        b = np.sum(log_sigmoid(d) + log_sigmoid(-d_))                   # (2), (4)
        B = np.sum(log_sigmoid(D) + log_sigmoid(-D_))                   # (11)
        if v.discriminator:
            loss += self.λ * self.adversarial_objective(d_)             # (3)
        if v.encoding_discriminator:
            loss += self.λ_μ * self.adversarial_objective(D_)           # (12)
        if v.reverse_causal:
            b -= squared                                                # (9)   its gradient in Ψ is 0, so
            b += np.sum(w["e"] * sigmoid(d_))                           # (10)  ascends e d(x'), e detached
        if v.encoding_reverse_causal:
            B -= np.sum((μ - μ_) ** 2) / 2                              # (15)  its gradient in Λ is 0, so
            B += np.sum(w["E"] * sigmoid(D_))                           # (16)  ascends E D(μ(x')), E detached
        l_Θ = l_Φ = loss
        if self.propagation == "paper":
            l_Θ = kl - v.encoding_discriminator * np.sum(w["C"] * μ)    # (5), (14)  C detached
            l_Φ = squared - v.discriminator * np.sum(w["c"] * x_)       # (6)        c detached
        return {"encoder": l_Θ, "decoder": l_Φ, "discriminator": -b, "encoding_discriminator": -B}
        # fmt: on

    def adversarial_objective(self, d: np.ndarray) -> float:
        """Return log(1 - d), as (3) and (12) print it, or -log d, summed over the batch."""
        return float(np.sum(log_sigmoid(-d) if self.saturating else -log_sigmoid(d)))

    def forward_values(self, x: np.ndarray, noise: Noise) -> dict[str, np.ndarray]:
        """Return copies of all values of a step's forward pass, including those that the variant does not use."""
        Θ, Φ, Ψ, Λ, step, r = self.Θ, self.Φ, self.Ψ, self.Λ, self.buffers(len(x), noise), noise["r"]
        μ, s = split_mean_logvar(Θ.forward(step.f, x).copy())
        x_ = Φ.forward(step.g, μ + np.exp(s / 2) * r).copy()
        μ_, _ = split_mean_logvar(Θ.forward(step.f_, x_).copy())
        d, d_ = Ψ.forward(step.d, x).copy(), Ψ.forward(step.d_, x_).copy()
        D, D_ = Λ.forward(step.D, μ).copy(), Λ.forward(step.D_, μ_).copy()
        return {"x_": x_, "μ": μ, "s": s, "μ_": μ_, "d": d, "d_": d_, "D": D, "D_": D_}
