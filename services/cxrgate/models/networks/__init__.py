"""The networks: those of the paper, and the embedder that cxrgate trains."""
