"""Kernels that call each other, to be copied into a package of their own, and a script that runs them there."""
