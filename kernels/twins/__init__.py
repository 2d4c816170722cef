"""Twins: plain-loop reference implementations of the kernels.

They compute one value at a time, with ``math`` alone. The tests compare every kernel with its twin, and the pages in
``docs/kernels`` quote them. A kernel may rewrite its equation for speed or to avoid overflow; its twin keeps the
textbook form, so that agreement between the two shows that the rewriting is correct.
"""
