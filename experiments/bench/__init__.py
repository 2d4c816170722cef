"""``ava bench``: how fast training is, beside PyTorch and JAX."""
