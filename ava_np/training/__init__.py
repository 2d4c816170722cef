"""Training: the loop, the optimisers, learning-rate schedules, and what the learning rate multiplies."""
