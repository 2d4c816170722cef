"""Evaluation of trained models: the paper's measure (17), the reconstruction error, and mode coverage of toys."""
