"""The models of cxrgate. `cxrgate.core.shipped.shipped_models()` gives their folder; digests.json names each file."""
