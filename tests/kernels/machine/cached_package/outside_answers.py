"""Print the answer of the kernel of outside_user.py, and how many times it was in the cache."""

from ava_np.outside import user  # type: ignore[import-not-found]

print(user.ask(), sum(user.ask.stats.cache_hits.values()))
