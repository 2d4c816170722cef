"""Between the kernels and the processor: compilation, threads, vector code, and the loops of matrix products."""
