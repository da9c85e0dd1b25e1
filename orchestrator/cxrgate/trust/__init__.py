"""Thresholds with a guarantee, leaks that are planted on purpose, and what they say of a release."""
