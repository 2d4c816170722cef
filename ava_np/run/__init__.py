"""Run folders: writing, reading and resuming trainings."""
