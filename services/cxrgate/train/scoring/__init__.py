"""How well a model tells patients apart: scores of pairs and queries, and figures with intervals."""
