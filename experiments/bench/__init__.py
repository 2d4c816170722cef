"""``ava bench``: measure how fast training is, compared with PyTorch and JAX."""
