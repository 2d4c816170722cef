"""Tests of the layers, each through a network and its buffers."""
