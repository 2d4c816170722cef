"""Pictures and points: where they come from, how they are read, and how a trainer draws batches of them."""
