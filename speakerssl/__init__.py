"""Self-supervised speaker verification."""
