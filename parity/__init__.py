"""Parity: every model against its official code, on random weights in the official format.

`make parity` runs it in an environment of its own; see `python -m parity --help`.
"""
