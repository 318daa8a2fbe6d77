"""Embedding Projector bundles: writing, judging, reading and serving them."""
