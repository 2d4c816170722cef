"""The papers' tables, the benchmarks, the kernel staircases, and the comparison with PyTorch."""
