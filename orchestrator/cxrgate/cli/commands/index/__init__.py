"""`cxrgate index`: snapshots of the real images."""
