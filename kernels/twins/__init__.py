"""The plain-loop twins of the kernels: each equation as the slow, obvious program that it is.

One number at a time, with ``math`` alone. The tests hold every fast kernel against its twin, and
``docs/kernels`` teaches from the twins. Where a kernel rewrites its equation to be quick or to stay finite,
the twin keeps the textbook form, so that their agreement proves something.
"""
