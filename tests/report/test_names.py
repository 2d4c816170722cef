"""Names of models, terms and baselines: every one that can occur has one."""

import numpy as np
import pytest

from ava_np.errors import RunError
from ava_np.evaluation.metrics import baselines
from ava_np.models import build
from ava_np.report.charts import CHARTED_BASELINES
from ava_np.report.names import BASELINES, chance_level, layers_text, model_title, objective_terms, terms_of
from ava_np.specification import GAN, MODELS, VAEGAN, AlphaGAN, specify_model


def test_every_baseline_has_a_name() -> None:
    measured = baselines(np.random.default_rng(0).random((3, 4, 4, 3)), 2)
    assert set(BASELINES) == set(measured)
    assert set(CHARTED_BASELINES) < set(BASELINES)


@pytest.mark.parametrize("name", MODELS)
def test_every_model_has_a_title_and_named_terms(name: str) -> None:
    specification = specify_model(name)
    assert model_title(specification)
    assert all(term.symbol and term.label and term.meaning for term in objective_terms(specification).values())


def test_chance_level_depends_on_smoothing_and_on_the_number_of_fakes() -> None:
    assert chance_level(GAN()) == 0.5
    assert chance_level(GAN(smoothing=0.1)) == 0.45
    assert chance_level(VAEGAN()) == chance_level(AlphaGAN()) == pytest.approx(1 / 3)
    assert chance_level(VAEGAN(reconstructions_are_fake=False)) == 0.5


def test_layers_are_listed_with_their_output_shapes() -> None:
    network = build("ae", (4, 4, 1), latent=2, hidden=(8,)).networks["encoder"]
    assert layers_text(network) == "16: dense 8, leaky relu, dense 2"


def test_terms_of_another_model_are_refused() -> None:
    assert list(terms_of(GAN(), ["log_d_fake"])) == ["log_d_fake"]
    with pytest.raises(RunError, match="gan has no term 'kl'"):
        terms_of(GAN(), ["log_d_fake", "kl"])
