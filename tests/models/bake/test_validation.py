from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from encode_text import encode_text

from trainer.bake.batch import StepBatches
from trainer.bake.latents import encode_pictures
from trainer.bake.validation import Validation
from trainer.dataset.buckets import bucket_rules, placement_of
from trainer.network.draws import generator_for


@pytest.fixture
def validation(make_settings: Any, open_session: Callable[..., Any]) -> Any:
    with open_session(make_settings(validate_every_n_steps=3, max_train_steps=20)) as (session, planned):
        rules = bucket_rules(session.settings)
        pictures = planned.validation.pictures
        placements = [placement_of(each.width, each.height, rules) for each in pictures]
        latents = dict(encode_pictures(session.model, pictures, placements, 4))
        yield SimpleNamespace(
            it=Validation(session, pictures, latents), session=session, pictures=pictures, latents=latents
        )


def quiet(done: int, total: int) -> None:
    return None


def test_noise_and_times_are_fixed(validation: Any) -> None:
    torch.manual_seed(0)
    first = validation.it.measure(0, quiet)
    again = validation.it.measure(5, quiet)
    assert (first.loss, again.change, again.error) == (again.loss, 0.0, 0.0)
    assert (first.step, again.step) == (0, 5)


def test_the_loss_is_that_of_evenly_spaced_times(validation: Any) -> None:
    """By hand, picture by picture: times 50, 475, 900 for three pictures, noise drawn by the picture's place."""
    model, losses = validation.session.model, []
    for index, time in enumerate((50, 475, 900)):
        latent = validation.latents[index].latents[None]
        noise = torch.randn(latent.shape[1:], generator=generator_for(0, "validation", index))[None]
        with torch.no_grad():
            text = encode_text(model, [validation.pictures[index].caption], 1)
            noisy = model.schedule.add_noise(latent, noise, torch.tensor([time]))
            losses.append((model.predict(noisy, torch.tensor([time]), text) - noise).square().mean().item())
    assert validation.it.measure(0, quiet).loss == pytest.approx(sum(losses) / 3, rel=1e-5)


def test_the_change_is_paired_by_picture(validation: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Differences -0.1, -0.2, -0.3: mean -0.2, deviation 0.1, standard error 0.1 / sqrt 3."""
    given = iter([torch.tensor([0.5, 1.0, 2.0]), torch.tensor([0.4, 0.8, 1.7])])
    monkeypatch.setattr(validation.it, "_losses", lambda progress: next(given))
    validation.it.measure(0, quiet)
    verdict = validation.it.measure(9, quiet)
    assert verdict.change == pytest.approx(-0.2)
    assert verdict.error == pytest.approx(0.1 / 3**0.5)


def test_one_picture_has_no_standard_error(validation: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation.it, "_losses", lambda progress: torch.tensor([0.5]))
    assert validation.it.measure(0, quiet).error is None


def test_the_untrained_lora_measures_as_the_base(validation: Any) -> None:
    untrained = validation.it.measure(0, quiet).loss
    validation.session.network.unet_strength = validation.session.network.text_encoder_strength = 0.0
    assert validation.it.measure(0, quiet).loss == untrained


def test_progress_is_reported_in_pictures(validation: Any) -> None:
    told: list[tuple[int, int]] = []
    validation.it.measure(0, lambda done, total: told.append((done, total)))
    assert told == [(2, 3), (3, 3)]


@pytest.mark.parametrize(
    ("step", "ends_epoch", "due"),
    [(1, False, False), (3, False, True), (4, True, True), (5, False, False), (20, False, True)],
)
def test_it_is_due_every_n_steps_at_epochs_ends_and_at_the_end(
    validation: Any, step: int, ends_epoch: bool, due: bool
) -> None:
    assert validation.it.due(StepBatches(step, 1, ends_epoch, (), ()), 3) is due


def test_the_base_under_a_trained_lora_measures_as_before_training(validation: Any) -> None:
    untrained = validation.it.measure(0, quiet)
    with torch.no_grad():
        for weight in validation.session.network.parameters():
            weight.add_(0.05)
    trained = validation.it.measure(1, quiet)
    validation.it.restore({})
    assert not validation.it.knows_the_base
    validation.it.measure_base(quiet)
    assert validation.it.measure(1, quiet) == trained
    assert trained.loss != untrained.loss
