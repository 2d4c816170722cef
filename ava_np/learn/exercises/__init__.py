"""The exercises, one file each: text, given code, solution, checks."""
