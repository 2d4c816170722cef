"""Presets fill in options, and every model takes each of them."""

import pytest

from ava_np.specification import MODELS, RunOptions
from ava_np.specification.presets import PRESETS, fill_in


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("name", MODELS)
def test_every_model_takes_every_preset(name: str, preset: str) -> None:
    of_model = MODELS[name].__struct_fields__
    filled = fill_in({}, preset, name)
    options = {option: value for option, value in filled.items() if option in of_model}
    others = {option: value for option, value in filled.items() if option not in of_model}
    others |= {"trained_vae": "run"} if name == "cascade" else {}
    RunOptions(model=name, model_options=options, **others)


def test_what_is_given_stays() -> None:
    assert fill_in({"latent": 3, "epochs": 2}, "digits", "vae")["latent"] == 3
    assert fill_in({"epochs": 2}, "digits", "vae")["epochs"] == 2
