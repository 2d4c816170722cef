"""Networks: layers over one flat parameter vector, the buffers of a pass, gradients, and named architectures."""

from ava_np.network.buffers import Buffers
from ava_np.network.network import Network

__all__ = ["Buffers", "Network"]
