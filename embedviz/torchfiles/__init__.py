"""PyTorch's weight files as NumPy arrays, without PyTorch and without running anything."""

from embedviz.torchfiles.reading import read_torch, state_dict

__all__ = ["read_torch", "state_dict"]
