"""What the specifications of all models have."""

from typing import Literal

import msgspec

from ava_np.specification.values import ArchitectureName, Layers, Positive, Widths


class ModelSpecification(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="name", tag=str.lower
):
    """Base class of the specifications of models.

    Parameters
    ----------
    latent : int
        Length of the code, 1 to 1,000,000.
    architecture : str or dict
        Name of an architecture, or a custom one: the layers of each network (``ava_np.network.architectures``).
    hidden : tuple of int
        Widths of the hidden layers from the picture inward: neurons, or channels of convolutions. Empty for the
        architecture's default.
    output : {"sigmoid", "linear"}
        Activation of the decoder's output. Points of a toy distribution need "linear".

    Examples
    --------
    >>> from ava_np.specification import MODELS, VAE
    >>> VAE(latent=2, beta=4.0).name
    'vae'
    >>> list(MODELS)[-5:]
    ['ava1', 'ava2', 'ava3', 'ava4', 'ava5']
    """

    latent: Positive = 10
    architecture: ArchitectureName | Layers = "mlp"
    hidden: Widths = ()
    output: Literal["sigmoid", "linear"] = "sigmoid"

    @property
    def name(self) -> str:
        """Name of the model on the command line and in ``config.json``."""
        return str(self.__struct_config__.tag)
