"""Cascade of a VAE and a GAN: Ahmad, Sun, You, Palade and Mao 2022. The GAN's codes come from the trained VAE.

    z = μ(g(r)),   r ~ N(0, I)                                      f and g of the VAE, which are frozen
    min over G  max over D  E log D(x) + E log(1 - D(G(z)))

The VAE's decoder g and encoder f change places: g makes a picture of noise, and the mean code of that picture is the
"informative noise vector". All the rest is a GAN (models/gan.py). G begins as g, if it has the same layers.
"""

from typing import Any

import numpy as np

from ava_np import specification as specifications
from ava_np.errors import OptionError
from ava_np.layers import Dense, shape_text
from ava_np.models.base import Model
from ava_np.models.gan import GAN
from ava_np.models.step import NewNetwork
from ava_np.network import Network
from ava_np.network.architectures import Architecture, architecture
from ava_np.specification import ModelSpecification


class Cascade(GAN):
    """A GAN whose codes come from a trained VAE."""

    specification: specifications.Cascade

    def build_networks(self, layers: Architecture, new: NewNetwork) -> dict[str, Network]:
        """Create G and D, and f and g, which ``take_vae`` fills."""
        assert self.specification.vae is not None  # the specification has replaced it
        gan, vae = super().build_networks(layers, new), architecture(self.specification.vae, self.shape)
        f, g = new(self.neurons, [*vae.encoder, Dense(2 * self.latent)]), new(self.latent, vae.decoder)
        return {"encoder": f, "decoder": g, **gan}

    def take_vae(self, vae: Model) -> None:
        """Copy the encoder and the decoder of a trained model; G begins as the decoder, if it has the same layers.

        Parameters
        ----------
        vae : Model
            The VAE or AVA that the specification describes, or another cascade with it.

        Raises
        ------
        OptionError
            If its pictures have another shape, or its options are others.

        Examples
        --------
        >>> import ava_np
        >>> vae = ava_np.build("vae", (8, 8, 1), latent=3)
        >>> cascade = ava_np.build("cascade", (8, 8, 1), vae=vae)  # calls it
        >>> bool((cascade.networks["encoder"].theta == vae.networks["encoder"].theta).all())
        True
        """
        if vae.shape != self.shape:
            shapes = f"{shape_text(vae.shape)}, and the cascade's {shape_text(self.shape)}"
            raise OptionError("trained_vae", f"the VAE's pictures are {shapes}")
        gan, of_vae = self.specification, self.specification.vae
        assert of_vae is not None
        if getattr(vae.specification, "vae", vae.specification) != of_vae:
            raise OptionError("trained_vae", f"the cascade is of another model than this {vae.specification.name}")
        copies = {"encoder": "encoder", "decoder": "decoder"}
        if (gan.architecture, gan.hidden) == (of_vae.architecture, of_vae.hidden):
            copies["generator"] = "decoder"
        for name, of in copies.items():
            own, trained = self.networks[name], vae.networks[of]
            own.theta[:] = trained.theta
            for kept, values in zip(own.states, trained.states, strict=True):
                for key, array in kept.items():
                    array[:] = values[key]

    def prior(self, generator: np.random.Generator, count: int) -> np.ndarray:
        """Draw codes z = μ(g(r)), (count, latent), from r ~ N(0, I)."""
        pictures = self._apply("decoder", super().prior(generator, count))
        return self._apply("encoder", pictures)[:, : self.latent]


def options_of(vae: ModelSpecification) -> dict[str, Any]:
    """Return the options that a cascade has from its VAE.

    Raises
    ------
    OptionError
        If the model is neither a VAE nor an AVA.

    Examples
    --------
    >>> from ava_np.models.cascade import options_of
    >>> from ava_np.specification import VAE
    >>> options_of(VAE(latent=3))["latent"]
    3
    """
    if not isinstance(vae, specifications.VAE | specifications.AVA):
        raise OptionError("trained_vae", f"the codes come from a VAE or an AVA, not from the model {vae.name}")
    return {"latent": vae.latent, "output": vae.output, "vae": vae}
