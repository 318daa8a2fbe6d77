"""A map as one HTML file that opens from disk: its code, its points, their pictures and sounds."""

from embedviz.onefile.page import OneFile, write_onefile

__all__ = ["OneFile", "write_onefile"]
