"""What each part of a LoRA does to the prediction, against predictions made one at a time."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from encode_text import encode_text
from tiny_bases import write_tiny

from trainer.bake.pictures.lend_model import lend_model
from trainer.bake.session import TrainingSession
from trainer.families.registry import family_record
from trainer.journal.measure_records import MeasuredValue
from trainer.measures.carried import Carrier, carried
from trainer.measures.part_groups import TIMES, passes_of
from trainer.models.engines import load_base
from trainer.models.identify import identify_base
from trainer.network.draws import generator_for
from trainer.network.injection import LayerRules, LoraNetwork, inject
from trainer.probes.parts import PartsProbe, ProbedPicture

CAPTIONS = ("1girl, hat", "1girl, smile, red", "halo", "1girl, hat")


def pictures_of(
    model: Any, sizes: Sequence[tuple[int, int]] = ((8, 8), (8, 12), (8, 8), (8, 8))
) -> list[ProbedPicture]:
    draws = torch.Generator().manual_seed(4)
    return [
        ProbedPicture(
            torch.randn((model.latent_channels, *size), generator=draws),
            (64, 64, 0, 0, 64, 64),
            caption,
            ("folder a" if index < 2 else "folder b", "outfit x"),
        )
        for index, (size, caption) in enumerate(zip(sizes, CAPTIONS, strict=True))
    ]


def move(network: LoraNetwork, **sizes: float) -> None:
    """Give the parts of a fresh LoRA a change, as far as their sizes say."""
    draws = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for part in network.parts:
            for up in network.ups(part):
                up.copy_(torch.randn(up.shape, generator=draws) * sizes.get(part, 0.0))


def by_name(values: Sequence[MeasuredValue], scope: str = "") -> dict[tuple[str, str], MeasuredValue]:
    return {(value.name, value.part): value for value in values if value.scope == scope}


def quiet(done: int, total: int) -> None:
    return None


def never() -> bool:
    return False


@pytest.fixture
def session(make_settings: Any, open_session: Callable[..., Any]) -> Iterator[TrainingSession]:
    with open_session(make_settings(text_encoder_stop="1", max_train_steps=4)) as (session, _):
        yield session


def probe_of(session: TrainingSession, batch_size: int = 7) -> PartsProbe:
    texts = session.text_embeddings.each_alone
    return PartsProbe(session.model, session.network, texts, pictures_of(session.model), seed=7, batch_size=batch_size)


def measured(session: TrainingSession, probe: PartsProbe, step: int = 1) -> Sequence[MeasuredValue]:
    with lend_model(session, base_alone=False):
        return probe.measure(step, quiet, never)


@torch.no_grad()
def by_hand(session: TrainingSession, picture: int, time: int, unet: float, encoder: float) -> torch.Tensor:
    """One picture at one time with each part at a strength: 16 times from 50 to 900, the first of each picture lowest."""
    model, network = session.model, session.network
    each = pictures_of(model)[picture]
    at = model.schedule.spread_times(4 * TIMES)[[time * 4 + picture]]
    noise = torch.randn(each.latents.shape, generator=generator_for(7, "parts", picture, time))
    noisy = model.schedule.add_noise(each.latents[None], noise[None], at)
    network.unet_strength, network.text_encoder_strength = unet, encoder
    predicted = model.predict(noisy, at, encode_text(model, [each.caption], 1))
    network.unet_strength = network.text_encoder_strength = 1.0
    return predicted.double()


def test_the_values_are_those_of_the_two_by_two_design(session: TrainingSession) -> None:
    move(session.network, unet=0.02, text_encoder=0.05)
    values = by_name(measured(session, probe_of(session)))
    sums = dict.fromkeys(("base", "whole", "unet", "te", "last te", "interaction", "along unet", "along te"), 0.0)
    for picture in range(4):
        for time in range(TIMES):
            e = {(u, t): by_hand(session, picture, time, u, t) for u in (0, 1) for t in (0, 1)}
            whole, unet, te = e[1, 1] - e[0, 0], e[1, 0] - e[0, 0], e[0, 1] - e[0, 0]
            for name, first, second in (
                ("base", e[0, 0], e[0, 0]),
                ("whole", whole, whole),
                ("unet", unet, unet),
                ("te", te, te),
                ("last te", e[1, 1] - e[1, 0], e[1, 1] - e[1, 0]),
                ("interaction", e[1, 1] - e[1, 0] - e[0, 1] + e[0, 0], e[1, 1] - e[1, 0] - e[0, 1] + e[0, 0]),
                ("along unet", whole, unet),
                ("along te", whole, te),
            ):
                sums[name] += float((first * second).mean())
    expected = {
        ("output_alone", ""): (sums["whole"] / sums["base"]) ** 0.5,
        ("output_alone", "unet"): (sums["unet"] / sums["base"]) ** 0.5,
        ("output_alone", "text_encoder"): (sums["te"] / sums["base"]) ** 0.5,
        ("output_last", "text_encoder"): (sums["last te"] / sums["base"]) ** 0.5,
        ("output_interaction", ""): (sums["interaction"] / sums["whole"]) ** 0.5,
        ("output_share", "unet"): sums["along unet"] / sums["whole"],
        ("output_share", "text_encoder"): sums["along te"] / sums["whole"],
        ("output_lead", ""): (sums["along te"] - sums["along unet"]) / sums["whole"],
    }
    for key, value in expected.items():
        assert values[key].value == pytest.approx(value, rel=1e-3), key


def test_a_lora_whose_encoder_changes_everything_is_told_from_one_whose_unet_does(session: TrainingSession) -> None:
    probe = probe_of(session)
    move(session.network, unet=0.0005, text_encoder=0.2)
    encoder = measured(session, probe, 1)
    move(session.network, unet=0.05, text_encoder=0.0005)
    unet = measured(session, probe, 2)
    assert carried(encoder, 1).carrier is Carrier.ENCODERS
    assert carried(unet, 2).carrier is Carrier.REST
    assert carried(unet, 2).words.startswith("the U-Net carries (U-Net ")
    assert carried(encoder, 1, "folder a").pictures == 2
    # All pictures are of it.
    assert carried(encoder, 1, "outfit x") is None


def test_a_part_that_was_never_trained_has_no_share_and_where_nothing_was_trained_there_are_none(
    session: TrainingSession,
) -> None:
    probe = probe_of(session)
    untrained = by_name(measured(session, probe))
    assert untrained["output_alone", ""].value == 0 and untrained["output_share", "unet"].value is None
    move(session.network, unet=0.02)
    values = by_name(measured(session, probe))
    assert values["output_share", "unet"].value == pytest.approx(1)
    assert values["output_share", "text_encoder"].value == 0
    assert values["output_interaction", ""].value == 0


@pytest.mark.parametrize("kept", [True, False])
def test_an_encoder_that_stopped_counts_as_one_that_trains(session: TrainingSession, kept: bool) -> None:
    """Its outputs may be kept: they have the LoRA in them, and the base's are made all the same."""
    move(session.network, unet=0.02, text_encoder=0.05)
    before = measured(session, probe_of(session))
    session.text_embeddings.cache_for(CAPTIONS if kept else ())
    session.trained_parts.update(session.settings, session.plan, 1)
    assert session.text_embeddings.is_cached("text_encoder") is kept
    probe = probe_of(session)
    assert measured(session, probe) == before
    assert session.text_embeddings.is_cached("text_encoder") is kept
    # The base's outputs are kept from the first time on.
    assert measured(session, probe) == before


def test_it_leaves_strengths_and_random_numbers_as_they_were(session: TrainingSession) -> None:
    move(session.network, unet=0.02, text_encoder=0.05)
    session.network.set_strength("unet", 0.5)
    torch.manual_seed(5)
    state = torch.get_rng_state()
    measured(session, probe_of(session))
    assert torch.equal(torch.get_rng_state(), state)
    assert [session.network.strength(part) for part in session.network.parts] == [0.5, 1.0]


def test_the_base_is_predicted_once_and_a_stop_ends_it(
    session: TrainingSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    move(session.network, unet=0.02, text_encoder=0.05)
    made: list[int] = []
    predict = session.model.predict
    monkeypatch.setattr(session.model, "predict", lambda noisy, *rest: made.append(len(noisy)) or predict(noisy, *rest))
    told: list[tuple[int, int]] = []
    probe = probe_of(session)
    with lend_model(session, base_alone=False):
        probe.measure(1, lambda done, total: told.append((done, total)), never)
        # The base once as it is, and once for what rounding makes of it.
        assert sum(made) == 16 * (passes_of(session.network.parts) + 2) and told[-1] == (16, 16)
        made.clear()
        probe.measure(2, quiet, never)
        assert sum(made) == 16 * passes_of(session.network.parts) == 16 * 3
        assert probe.measure(3, quiet, lambda: True) == ()


def test_the_interval_is_wider_where_the_pictures_disagree(session: TrainingSession) -> None:
    move(session.network, unet=0.02, text_encoder=0.05)
    probe = probe_of(session)
    lead = by_name(measured(session, probe))["output_lead", ""]
    alike = pictures_of(session.model)[:1] * 4
    same = PartsProbe(
        session.model,
        session.network,
        session.text_embeddings.each_alone,
        [replace(each, scopes=()) for each in alike],
        seed=7,
        batch_size=16,
    )
    narrow = by_name(measured(session, same))["output_lead", ""]
    assert lead.low < lead.value < lead.high and lead.count == 4
    assert narrow.high - narrow.low < lead.high - lead.low


@torch.no_grad()
def test_two_encoders_are_taken_apart_and_together(tmp_path: Path) -> None:
    path = write_tiny(tmp_path / "xl.safetensors", "sdxl")
    model = load_base(identify_base(str(path)), device="cpu", dtype=torch.float32)
    parts = [part.key for part in family_record("sdxl").parts]
    network = inject(model, LayerRules(dim=2, alpha=2), 0, parts)
    move(network, unet=0.001, text_encoder=0.02, text_encoder_2=0.2)

    def encode(captions: Sequence[str]) -> Any:
        return [
            {part: model.encode_part(part, model.tokenize([each]), 1) for part in model.encoders} for each in captions
        ]

    probe = PartsProbe(model, network, encode, pictures_of(model), seed=7, batch_size=16)
    values = probe.measure(3, quiet, never)
    named = by_name(values)
    assert passes_of(parts) == 7
    assert named["output_share", "encoders"].value > named["output_share", "text_encoder_2"].value * 0.9 > 0.3
    found = carried(values, 3)
    assert found is not None and found.words.startswith("the text encoders carry (TE2 ")
