"""The limits of the machine: what their loops compute."""

import numpy as np

from ava_np.experiments.bench.machine import Spin, measure_rates, total


def test_the_multiply_add_loop_runs_and_counts_two_operations_for_each() -> None:
    spin = Spin()
    spin(10 * spin.operations)
    assert spin.operations > 0
    assert spin.operations % 2 == 0


def test_the_memory_loop_returns_the_sum() -> None:
    assert total(np.arange(100, dtype=np.float32)) == 4950


def test_all_rates_are_positive() -> None:
    rates = measure_rates(1, 1)
    assert min(rates.peak, rates.sgemm, rates.memory) > 0
