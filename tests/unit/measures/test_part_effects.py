from dataclasses import replace

import numpy as np
import pytest

from trainer.measures.of_parts import ENCODERS, OF_PARTS
from trainer.measures.part_effects import PartEffects, effect_values


def effects_of(e: dict[frozenset[str], np.ndarray], parts: tuple[str, ...], groups: dict[str, set[str]]) -> PartEffects:
    """From predictions [pictures, elements] of every set of parts, as the definitions say."""
    none, every = e[frozenset()], e[frozenset(parts)]
    whole = every - none

    def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return (a * b).mean(axis=1)

    alone = {name: e[frozenset(group)] - none for name, group in groups.items()}
    last = {name: every - e[frozenset(parts) - group] for name, group in groups.items()}
    interaction = whole - alone["unet"] - alone[ENCODERS if ENCODERS in groups else "text_encoder"]
    return PartEffects(
        parts,
        product(none, none),
        product(whole, whole),
        {name: product(whole, change) for name, change in alone.items()},
        {name: product(change, change) for name, change in alone.items()},
        {name: product(change, change) for name, change in last.items()},
        product(interaction, interaction),
    )


def two_parts(unet: float, encoder: float, both: float, pictures: int = 12) -> PartEffects:
    draws = np.random.default_rng(1)
    base, u, t, i = draws.normal(size=(4, pictures, 400))
    sets = {(): base, ("unet",): base + unet * u, ("text_encoder",): base + encoder * t}
    sets["unet", "text_encoder"] = base + unet * u + encoder * t + both * i
    groups = {"unet": {"unet"}, "text_encoder": {"text_encoder"}}
    return effects_of({frozenset(key): value for key, value in sets.items()}, ("unet", "text_encoder"), groups)


def test_shares_and_what_both_do_together_make_the_whole() -> None:
    values = {(v.name, v.part): v for v in effect_values(7, two_parts(0.2, 0.4, 0.2), {}) if not v.scope}
    unet, encoder = values["output_share", "unet"], values["output_share", "text_encoder"]
    # Unrelated changes: their squares add up, 0.04 + 0.16 + 0.04.
    assert unet.value == pytest.approx(1 / 6, abs=0.04) and encoder.value == pytest.approx(4 / 6, abs=0.04)
    assert unet.value + encoder.value + values["output_together", ""].value == pytest.approx(1)
    assert values["output_lead", ""].value == pytest.approx(encoder.value - unet.value)
    assert values["output_alone", "unet"].value == pytest.approx(0.2, rel=0.05)
    assert values["output_last", "text_encoder"].value == pytest.approx((0.16 + 0.04) ** 0.5, rel=0.05)
    assert values["output_interaction", ""].value == pytest.approx((0.04 / 0.24) ** 0.5, rel=0.05)
    for value in values.values():
        assert value.step == 7 and value.count == 12 and value.low < value.value < value.high, value.name


@pytest.mark.parametrize(("rounding", "known"), [(0.01, True), (0.4, False), (2.0, False)])
def test_a_change_that_is_hardly_more_than_rounding_has_no_shares(rounding: float, known: bool) -> None:
    effects = two_parts(0.3, 0.3, 0.0)
    effects = replace(effects, rounding=np.full_like(effects.whole, rounding**2))
    values = effect_values(1, effects, {"folder a": [0, 3, 5]})
    of_shares = {v.value is not None for v in values if v.name in ("output_share", "output_lead", "output_interaction")}
    assert of_shares == {known}
    assert all(v.value is not None for v in values if v.name in ("output_alone", "output_last"))


def test_a_scope_counts_its_own_pictures_only_and_one_picture_has_no_interval() -> None:
    effects = two_parts(0.3, 0.3, 0.0)
    values = [v for v in effect_values(1, effects, {"folder a": [0, 3, 5], "outfit b": [2]}) if v.scope]
    assert {(v.scope, v.count) for v in values} == {("folder a", 3), ("outfit b", 1)}
    single = next(v for v in values if v.scope == "outfit b" and v.name == "output_share" and v.part == "unet")
    assert single.value == pytest.approx(effects.along["unet"][2] / effects.whole[2])
    assert single.low is single.high is None


def test_several_encoders_are_taken_apart_and_together() -> None:
    draws = np.random.default_rng(3)
    parts = ("unet", "text_encoder", "text_encoder_2")
    base, *changes = draws.normal(size=(4, 8, 200))
    own = dict(zip(parts, changes, strict=True))
    sets = {
        frozenset(some): base + sum((own[p] for p in some), np.zeros_like(base))
        for some in ((), *[(p,) for p in parts], parts[:2], parts[1:], (parts[0], parts[2]), parts)
    }
    groups = {p: {p} for p in parts} | {ENCODERS: set(parts[1:])}
    values = {(v.name, v.part): v.value for v in effect_values(1, effects_of(sets, parts, groups), {})}
    shares = [values["output_share", part] for part in parts]
    assert sum(shares) == pytest.approx(1) and values["output_share", ENCODERS] == pytest.approx(sum(shares[1:]))
    assert values["output_lead", ""] == pytest.approx(sum(shares[1:]) - shares[0])


def test_one_part_has_sizes_and_no_shares() -> None:
    ones = np.ones(4)
    effects = PartEffects(("unet",), ones, 4 * ones, {"unet": 4 * ones}, {"unet": 4 * ones}, {"unet": 4 * ones}, None)
    values = effect_values(1, effects, {})
    assert {(v.name, v.part) for v in values} == {
        ("output_alone", ""),
        ("output_alone", "unet"),
        ("output_last", "unet"),
    }
    assert all(v.value == 2 for v in values)


def test_a_lora_that_changes_nothing_or_is_no_number_has_no_share() -> None:
    for wrong in (0.0, float("nan")):
        value = {(v.name, v.part): v for v in effect_values(1, two_parts(wrong, wrong, wrong), {})}[
            "output_share", "unet"
        ]
        assert (value.value, value.low, value.high) == (None, None, None)


def test_every_value_has_a_record() -> None:
    keys = {record.key for record in OF_PARTS}
    assert {value.name for value in effect_values(1, two_parts(1, 1, 1), {})} == keys
