"""A split puts every picture in exactly one part, and depends only on its seed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ava_np.data.split import Split, split
from ava_np.errors import PictureError
from tests.oracles import few_examples


@few_examples
@given(
    count=st.integers(1, 300),
    validation=st.floats(0, 0.99),
    test=st.floats(0, 0.99),
    seed=st.integers(0, 2**32),
)
def test_every_picture_is_in_exactly_one_part(count: int, validation: float, test: float, seed: int) -> None:
    held_out = [int(share * count + 0.5) for share in (validation, test)]
    if (validation and not held_out[0]) or (test and not held_out[1]) or sum(held_out) >= count:
        with pytest.raises(PictureError, match=r"^[^\n]*$"):
            split(count, validation, test, seed)
        return
    parts = split(count, validation, test, seed)
    assert sorted(np.concatenate(parts)) == list(range(count))
    for part, share in zip(parts, (1 - validation - test, validation, test), strict=True):
        assert (np.diff(part) > 0).all()
        assert abs(len(part) - share * count) <= 1
        assert len(part) or not share


def test_a_split_depends_only_on_its_seed() -> None:
    first, other = split(1000, 0.2, 0.1, 7), split(1000, 0.2, 0.1, 8)
    for part, same, different in zip(first, split(1000, 0.2, 0.1, 7), other, strict=True):
        np.testing.assert_array_equal(part, same)
        assert not np.array_equal(part, different)
    order = np.random.default_rng((7, 5)).permutation(1000)
    np.testing.assert_array_equal(first.test, np.sort(order[:100]))
    np.testing.assert_array_equal(split(1000, 0, 0.1, 7).test, first.test)


def test_shares_are_rounded_to_whole_pictures() -> None:
    assert isinstance(split(10, 0, 0, 0), Split)
    assert [len(part) for part in split(10, 0, 0, 0)] == [10, 0, 0]
    assert [len(part) for part in split(10, 0.1, 0.2, 0)] == [7, 1, 2]


def test_a_share_that_would_leave_a_part_empty_is_refused() -> None:
    with pytest.raises(PictureError, match=r"a validation share of 0.04 is less than one of 10 pictures"):
        split(10, 0.04, 0.2, 0)
    with pytest.raises(PictureError, match=r"a test share of 0.01 is less than one"):
        split(10, 0.2, 0.01, 0)
    with pytest.raises(PictureError, match=r"0.5 and 0.5 of 10 pictures leave none to train on"):
        split(10, 0.5, 0.5, 0)
