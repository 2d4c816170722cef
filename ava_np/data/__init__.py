"""Data: read pictures and toy points from any source, split them, and draw batches for a trainer."""
