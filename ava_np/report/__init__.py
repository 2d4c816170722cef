"""What a run shows: contact sheets, charts, and one page that explains them."""
