"""The comparison of the layers with PyTorch: it needs PyTorch, and it reports a difference wherever it is."""

import sys
from typing import get_args

import numpy as np
import pytest

from ava_np.errors import AvaError
from ava_np.experiments import layers_against_torch as experiment
from ava_np.layers import AnyLayer, Layer


def test_a_missing_pytorch_is_reported_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(AvaError, match=r"PyTorch is not installed.*pip install torch") as caught:
        experiment.main()
    assert "\n" not in str(caught.value)


def test_every_layer_has_a_row() -> None:
    assert set(experiment.KINDS) == set(get_args(AnyLayer))


@pytest.mark.parametrize("kind", experiment.KINDS)
def test_random_cases_have_the_kind_and_an_output(kind: type[Layer]) -> None:
    cases = experiment.cases(kind, np.random.default_rng(0))
    for _ in range(50):
        layer, shape, _ = next(cases)
        assert type(layer) is kind
        assert min(layer.output_shape(shape)) >= 1


@pytest.mark.parametrize("wrong", [1.5, np.nan])
@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_a_difference_in_any_group_is_reported_for_its_direction(direction: str, wrong: float) -> None:
    """A difference of 0.5 is relative to the largest value of its group, 4. A NaN is a difference."""

    def results(value: float) -> experiment.Results:
        group = [
            {"a": np.array([2.0, 0.0])},
            {"b": np.array([1.0, -4.0]), "c": np.array([value])},
            {"d": np.array([3.0])},
        ]
        same = [{"a": np.array([1.0])}]
        return experiment.Results(group, same) if direction == "forward" else experiment.Results(same, group)

    forward, backward = experiment.worst_errors(results(wrong), results(1.0))
    error, other = (forward, backward) if direction == "forward" else (backward, forward)
    assert other == 0
    np.testing.assert_equal(error, np.nan if np.isnan(wrong) else 0.125)
