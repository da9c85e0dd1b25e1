"""An audit: planted leaks sent through a gate to see what passes."""
