"""`cxrgate train`: models trained on your own images, and scored."""
