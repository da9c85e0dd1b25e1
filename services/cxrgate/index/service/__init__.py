"""The index as a gRPC service."""
