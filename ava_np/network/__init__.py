"""Networks: layers over one flat parameter vector, the buffers of a pass, gradients, and named architectures."""

from ava_np.network.network import Network, Tape

__all__ = ["Network", "Tape"]
