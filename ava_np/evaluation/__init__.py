"""Measures of a trained model, and what they are compared with."""
