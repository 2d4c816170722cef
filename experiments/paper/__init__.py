"""The experiments of the papers, run again: printed figures beside measured ones."""
