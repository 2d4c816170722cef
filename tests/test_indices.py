"""Evenly spaced indices: as many as asked for, all different, from the first to the last."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ava_np.indices import evenly_spaced


@given(count=st.integers(1, 100_000), at_most=st.integers(1, 2000))
def test_indices_are_evenly_spaced_from_the_first_to_the_last(count: int, at_most: int) -> None:
    found = evenly_spaced(count, at_most)
    assert len(found) == min(count, at_most)
    assert found[0] == 0
    assert len(found) == 1 or found[-1] == count - 1
    gaps = np.diff(found)
    assert (gaps >= 1).all()
    assert len(found) < 2 or gaps.max() - gaps.min() <= 2


def test_all_indices_of_a_short_array() -> None:
    assert evenly_spaced(5, 9).tolist() == [0, 1, 2, 3, 4]
    assert evenly_spaced(1, 9).tolist() == [0]
