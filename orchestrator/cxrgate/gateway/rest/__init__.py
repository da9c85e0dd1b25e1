"""The check service over HTTPS and JSON."""
