"""Fork a process while another thread compiles a kernel, and compile another kernel in it."""

import os
import threading

import numpy as np
from numba.core import event

from ava_np.kernels.activations import exp_forward, relu_forward

compiling = threading.Event()


class Listener(event.Listener):
    """Sets ``compiling`` when numba starts to compile."""

    def on_start(self, event: object) -> None:
        compiling.set()

    def on_end(self, event: object) -> None:
        pass


if __name__ == "__main__":
    array = np.ones((2, 2), np.float32)
    with event.install_listener("numba:compile", Listener()):
        thread = threading.Thread(target=exp_forward, args=(array.copy(),))
        thread.start()
        compiling.wait()
        child = os.fork()
        if not child:
            relu_forward(array)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        thread.join()
