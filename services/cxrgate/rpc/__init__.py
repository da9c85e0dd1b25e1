"""What every service and caller of cxrgate shares: server, channel, errors, roles, certificates.

Nothing is re-exported: the client installs grpcio alone and may import `limits` and `channel` only.
"""
