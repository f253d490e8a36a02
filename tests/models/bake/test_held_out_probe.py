from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from encode_text import encode_text

from trainer.bake.banded_losses import BandTimes
from trainer.bake.held_out_probe import HeldOutProbe, captions_of_probes, held_out_probes
from trainer.bake.latents import encode_pictures
from trainer.bake.pictures.lend_model import lend_model
from trainer.dataset.buckets import placements_of
from trainer.journal.measure_records import MeasuredValue
from trainer.network.draws import generator_for

_ALL = {"layout", "form", "detail", ""}


@pytest.fixture
def probed(request: Any, make_settings: Any, open_session: Callable[..., Any]) -> Any:
    """A session whose text encoder trains no more, with the outputs of its captions kept, and its probe."""
    more = getattr(request, "param", {"network_train_unet_only": True})
    settings = make_settings(measure_memorization=True, validation_seed=5, **more)
    with open_session(settings) as (session, planned):
        sets = (planned.data, planned.validation)
        trained, held_out = (
            dict(encode_pictures(session.model, each.pictures, placements_of(each), 4)) for each in sets
        )
        captions = [picture.caption for each in sets for picture in each.pictures]
        session.text_embeddings.cache_for([*captions, *captions_of_probes(settings, *sets)])
        session.text_embeddings.freeze("text_encoder")
        told: list[str] = []
        (probe,) = held_out_probes(session, planned, trained, held_out, told.append)
        yield SimpleNamespace(
            session=session, planned=planned, trained=trained, held_out=held_out, probe=probe, told=told
        )


def measured(probed: Any, step: int, stop: Callable[[], bool] = lambda: False) -> dict[tuple[str, str], MeasuredValue]:
    with lend_model(probed.session, base_alone=False):
        values = probed.probe.measure(step, lambda done, total: None, stop)
    return {(value.name, value.scope): value for value in values}


def shaken(probed: Any) -> None:
    with torch.no_grad():
        for number, weight in enumerate(probed.session.network.parameters()):
            weight.add_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(number)), alpha=0.05)


def test_an_untrained_lora_changes_nothing_and_tells_nobody_apart(probed: Any) -> None:
    values = measured(probed, 0)
    assert {value.value for (name, _), value in values.items() if "change" in name or "gap" in name} == {0.0}
    assert {scope for name, scope in values if name == "memorization_auc"} == _ALL
    assert {value.value for (name, _), value in values.items() if "_auc" in name} == {0.5}
    assert (
        "not known: 3 pictures of a kind, at least 4 needed; 3 trained pictures against 3 held-out ones"
        in probed.told[0]
    )


def test_a_change_is_that_of_the_loss_with_the_lora_against_the_base(probed: Any) -> None:
    """By hand for the band of details, without captions, picture by picture."""
    shaken(probed)
    found = measured(probed, 4)["validation_change_uncaptioned", "detail"]
    session, model = probed.session, probed.session.model
    times = BandTimes.of(model)
    model.bring_encoder_back("text_encoder")

    def mean_loss() -> float:
        losses = []
        for index in range(3):
            latent = probed.held_out[index].latents[None]
            for place, (band, time) in enumerate(zip(times.bands, times.times, strict=True)):
                if band == "detail":
                    drawn = generator_for(5, "bands", "held out", index, place)
                    noise = torch.randn(latent.shape[1:], generator=drawn)[None]
                    noisy = model.schedule.add_noise(latent, noise, time[None])
                    predicted = model.predict(noisy, time[None], encode_text(model, [""], 1))
                    losses.append((predicted - noise).square().mean().item())
        return sum(losses) / len(losses)

    with torch.no_grad(), session.network.without_dropout():
        with_lora = mean_loss()
        with session.without_lora():
            base = mean_loss()
    assert found.value == pytest.approx(with_lora - base, rel=1e-4)
    assert found.low is not None and found.high is not None and found.low <= found.value <= found.high
    assert found.count == 3


def test_the_base_is_measured_once_and_kept(probed: Any) -> None:
    told: list[tuple[int, int]] = []
    with lend_model(probed.session, base_alone=False):
        probed.probe.measure(1, lambda done, total: told.append((done, total)), lambda: False)
        first = told[-1]
        shaken(probed)
        probed.probe.measure(2, lambda done, total: told.append((done, total)), lambda: False)
    # 3 held-out pictures and 3 members at 6 times, with captions and without.
    assert first == (144, 144) and told[-1] == (72, 72)


def test_a_stop_ends_it_without_values_and_the_next_call_measures_all(probed: Any) -> None:
    asked = iter([False] * 60 + [True])
    assert measured(probed, 1, lambda: next(asked)) == {}
    assert {name for name, _ in measured(probed, 2)} == set(HeldOutProbe.names)


def test_held_out_pictures_alone_have_one_measure(probed: Any) -> None:
    asked = probed.session.settings.model_copy(update={"measure_memorization": False, "measure_validation": True})
    session = SimpleNamespace(**{**vars(probed.session), "settings": asked})
    (probe,) = held_out_probes(session, probed.planned, {}, probed.held_out, probed.told.append)  # type: ignore[arg-type]
    assert isinstance(probe, HeldOutProbe)
    assert len(probe._passes) == 1


@pytest.mark.parametrize("probed", [{}], indirect=True)
def test_the_base_is_without_what_a_stopped_encoder_has_learned(probed: Any) -> None:
    measured(probed, 0)
    shaken(probed)
    # The encoder stops: what is kept of it holds what its LoRA does.
    probed.session.text_embeddings.freeze("text_encoder")
    resumed = next(held_out_probes(probed.session, probed.planned, probed.trained, probed.held_out, probed.told.append))
    before = probed.probe
    probed.probe = resumed
    assert all(value.value for (name, _), value in measured(probed, 3).items() if name == "validation_change")
    for one, other in zip(before._base, resumed._base, strict=True):
        assert other == pytest.approx(one, rel=1e-5)


def test_what_was_computed_ahead_of_a_step_stays_for_it(make_settings: Any, open_session: Callable[..., Any]) -> None:
    """A member may have the words of the next batch's first picture."""
    settings = make_settings(network_train_unet_only=True, encoder_off_card=True, shuffle_caption=True)
    with open_session(settings) as (session, _):
        texts = session.text_embeddings
        texts.freeze("text_encoder")
        words = ["a, b", "c"]
        texts.compute_ahead(words, texts.tokenize(words))
        (ahead,) = texts._ahead
        for asked in (words, words[:1]):
            texts.of(asked, texts.tokenize(asked), apart=True)
        assert texts._ahead == [ahead] and texts._together is None
