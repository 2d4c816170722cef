"""The comparison with PyTorch: it says that it needs it, and a difference is seen."""

import sys
from typing import get_args

import numpy as np
import pytest

from ava_np.errors import AvaError
from ava_np.experiments import layers_against_torch as experiment
from ava_np.layers import AnyLayer


def test_without_pytorch_it_says_so_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(AvaError, match=r"PyTorch is not installed.*pip install torch") as caught:
        experiment.main()
    assert "\n" not in str(caught.value)


def test_every_layer_has_its_row() -> None:
    assert set(experiment.KINDS) == set(get_args(AnyLayer))


def test_the_cases_fit_and_are_of_their_kind() -> None:
    for kind in experiment.KINDS:
        drawn = experiment.cases(kind, np.random.default_rng(0))
        for layer, shape, _ in (next(drawn) for _ in range(50)):
            assert type(layer) is kind
            assert min(layer.output_shape(shape)) >= 1


@pytest.mark.parametrize("wrong", [1.5, np.nan])
@pytest.mark.parametrize("side", ["forward", "backward"])
def test_a_difference_is_seen_on_its_side_wherever_it_is(side: str, wrong: float) -> None:
    """Relative to the largest value of its group: 0.5 in 4. A NaN is no agreement."""

    def results(value: float) -> experiment.Results:
        group = [
            {"a": np.array([2.0, 0.0])},
            {"b": np.array([1.0, -4.0]), "c": np.array([value])},
            {"d": np.array([3.0])},
        ]
        same = [{"a": np.array([1.0])}]
        return experiment.Results(group, same) if side == "forward" else experiment.Results(same, group)

    forward, backward = experiment.distances(results(wrong), results(1.0))
    seen, other = (forward, backward) if side == "forward" else (backward, forward)
    assert other == 0
    np.testing.assert_equal(seen, np.nan if np.isnan(wrong) else 0.125)
