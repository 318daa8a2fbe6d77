"""Vectors from elsewhere as embedding sets: bundles, arrays, tables and AudioSet's records."""
