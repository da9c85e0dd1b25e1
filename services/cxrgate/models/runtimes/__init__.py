"""What computes a model's forward pass."""
