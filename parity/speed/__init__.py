"""Our pipeline against the official code: same weights, same files, same threads.

python -m parity.speed [--only MODEL ...] [--threads N] [--rounds N]
"""
