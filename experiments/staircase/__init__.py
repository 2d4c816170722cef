"""Kernels in small steps: from the plain loops of an equation to the code that the layers run."""
