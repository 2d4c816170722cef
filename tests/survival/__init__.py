"""Trainings that are killed, stopped and starved of disk space at every moment at which they write."""
