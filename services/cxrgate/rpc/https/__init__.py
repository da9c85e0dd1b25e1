"""HTTPS with the same TLS identities as gRPC."""
