"""Networks: layers over one flat parameter vector, the buffers of a pass, gradients, and named architectures."""

from ava_np.network.network import Buffers, Network

__all__ = ["Buffers", "Network"]
