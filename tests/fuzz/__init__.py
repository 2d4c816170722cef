"""Fuzzers of the three entrances: pictures, run folders and specifications.

Each module of an entrance has ``check``, which asserts that an input is used or refused as it should be, and
``mutated``, which changes an input at random. Hypothesis, atheris and the replay of the corpus use these two.
"""
