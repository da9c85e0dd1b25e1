"""Thresholds with a guarantee: planted leaks sent through a gate, and the certificate that comes of it."""
