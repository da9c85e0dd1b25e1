"""Format 1: frozen."""
