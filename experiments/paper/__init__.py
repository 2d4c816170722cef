"""Reproductions of the paper's experiments, with printed figures beside measured ones."""
