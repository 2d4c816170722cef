"""A page to explore one's own model: codes, walks, samples, neighbours and a map, all decoded by the engine."""
