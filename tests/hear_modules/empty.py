"""A module without HEAR's functions."""
