"""Leaving with a model: ONNX graphs, or PyTorch modules with their weights."""

from ava_np.models import Model

DECODERS = ("decoder", "generator")
"""The networks that turn codes into pictures."""


def entrance(model: Model, name: str) -> str:
    """Return what a network of a model takes: "pictures", "codes", or the "features" of the trunk in front of it.

    Its role decides, not the length of its input: codes may be as long as pictures.

    Examples
    --------
    >>> import ava_np
    >>> from ava_np.export import entrance
    >>> model = ava_np.build("bigan", (2, 2, 1), latent=4)
    >>> [entrance(model, name) for name in ("encoder", "generator", "discriminator")]
    ['pictures', 'codes', 'features']
    """
    if name in (*DECODERS, "code_discriminator", "encoding_discriminator"):
        return "codes"
    return "features" if f"{name}_trunk" in model.networks else "pictures"
