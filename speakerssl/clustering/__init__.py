"""Groups of recordings that stand for speakers, and labels that are likely wrong; needs embeddings of any encoder."""
