"""Kernels: compiled functions on NumPy arrays, one file per operation, each with its forward and backward pass.

Layers, loss terms and optimisers are built from them. Import them as ``ava_np.kernels``: another project on PyPI
publishes a top-level package named ``kernels``, and installing one would silently overwrite the other.
"""

if __name__ != "ava_np.kernels":
    raise ImportError("import these kernels as ava_np.kernels, not as a top-level package")
