"""Sixteen exercises in backpropagation, from a sigmoid to AVA, each checked as soon as it is written."""

from ava_np.learn.course import EXERCISES, check, check_file, exercise, file_name, stub, title

__all__ = ["EXERCISES", "check", "check_file", "exercise", "file_name", "stub", "title"]
