"""The gate as a gRPC service."""
