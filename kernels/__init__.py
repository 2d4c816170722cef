"""Arrays in, arrays out: the numba-jitted kernels that every layer, term and optimiser of ava-np is made of.

They are imported as ``ava_np.kernels``: a top-level package ``kernels`` is published by others, and an install of
the one would silently overwrite the other.
"""

if __name__ != "ava_np.kernels":
    raise ImportError("import these kernels as ava_np.kernels, not as a top-level package")
