"""Run folders: what a training leaves on disk, and how it is read back."""
