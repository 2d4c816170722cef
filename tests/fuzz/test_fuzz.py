"""The property of each entrance, for every input of the corpus and for changes to these at random.

``pytest -m slow tests/fuzz`` tries many more changes, and ``tests.fuzz.atheris_run`` looks for new branches.
"""

from random import Random
from types import ModuleType

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fuzz import pictures, runs, specifications
from tests.fuzz.seeds import CORPUS

ENTRANCES = {"pictures": pictures, "runs": runs, "specifications": specifications}
INPUTS = {name: sorted((CORPUS / name).iterdir()) for name in ENTRANCES}
EXAMPLES = {"pictures": 60, "runs": 40, "specifications": 100}
MANY = 50  # times as many in the slow test

entrances = pytest.mark.parametrize("name", ENTRANCES)


@entrances
def test_corpus(name: str) -> None:
    for path in INPUTS[name]:
        check_one(ENTRANCES[name], path.read_bytes(), path.name)


@entrances
def test_changes_at_random(name: str) -> None:
    check_changes(name, EXAMPLES[name])


@pytest.mark.slow
@pytest.mark.timeout(3600)
@entrances
def test_many_changes_at_random(name: str) -> None:
    check_changes(name, MANY * EXAMPLES[name])


def check_changes(name: str, examples: int) -> None:
    """Check inputs of the corpus after up to three changes."""
    entrance = ENTRANCES[name]

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate,),  # the inputs are small, so that shrinking them is not worth the time
    )
    @given(path=st.sampled_from(INPUTS[name]), seed=st.integers(0, 2**32), changes=st.integers(1, 3))
    def changed(path: object, seed: int, changes: int) -> None:
        data, random = CORPUS.joinpath(str(path)).read_bytes(), Random(seed)
        for _ in range(changes):
            data = entrance.mutated(data, random)
        check_one(entrance, data, f"{path}, seed {seed}")

    changed()


def check_one(entrance: ModuleType, data: bytes, name: str) -> None:
    """Check an input; a failure shows what it is."""
    try:
        entrance.check(data)
    except Exception as error:
        error.add_note(f"{name}: {data[:2000]!r}")
        raise
