"""What embeddings know: probes, clusters, confounds, and how far a map of them can be trusted."""
