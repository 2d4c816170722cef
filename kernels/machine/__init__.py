"""Between the kernels and the processor: compilation, threads, the micro-kernel, and the loops around it."""
