"""Evaluation of trained models: the paper's measure (17), reconstruction errors, measures of samples, modes of toys."""
