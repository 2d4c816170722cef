"""Print the answer of the function in outside.py, and how often it was in the cache."""

from ava_np.outside.user import ask  # type: ignore[import-not-found]

print(ask(), sum(ask.stats.cache_hits.values()))
