"""Leaving with a model: ONNX graphs, or PyTorch modules with their weights."""
