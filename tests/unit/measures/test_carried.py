import pytest

from trainer.journal.measure_records import MeasuredValue
from trainer.measures.carried import Carrier, carried, carried_by_step, carrier_of
from trainer.measures.of_parts import ENCODERS, OUTPUT_LEAD, OUTPUT_SHARE, OUTPUT_TOGETHER


def measured(
    shares: dict[str, float | None], lead: float, half: float | None, *, step: int = 5, scope: str = ""
) -> list[MeasuredValue]:
    low, high = (None, None) if half is None else (lead - half, lead + half)
    about = {"step": step, "scope": scope, "count": 16}
    return [
        *(MeasuredValue(name=OUTPUT_SHARE, part=part, value=share, **about) for part, share in shares.items()),
        MeasuredValue(name=OUTPUT_LEAD, value=lead, low=low, high=high, **about),
        MeasuredValue(name=OUTPUT_TOGETHER, value=0.07, **about),
    ]


@pytest.mark.parametrize(
    ("lead", "low", "high", "who"),
    [
        (0.49, 0.40, 0.58, Carrier.ENCODERS),
        (-0.80, -0.90, -0.70, Carrier.REST),
        (0.05, -0.10, 0.20, Carrier.CLOSE),
        (-0.30, -0.33, -0.27, Carrier.CLOSE),
        # A large lead that the pictures do not bear out claims nobody.
        (0.60, 0.10, 1.10, Carrier.OPEN),
        (0.60, -0.40, 1.60, Carrier.OPEN),
        (-0.50, -0.70, -0.30, Carrier.OPEN),
        (0.90, None, None, Carrier.OPEN),
    ],
)
def test_nobody_carries_unless_the_whole_interval_says_so(
    lead: float, low: float | None, high: float | None, who: Carrier
) -> None:
    assert carrier_of(lead, low, high) is who


@pytest.mark.parametrize(
    ("unet", "encoder", "half", "words", "column"),
    [
        (0.22, 0.71, 0.1, "the text encoder carries (TE 71 %, U-Net 22 %)", "22:71"),
        (0.88, 0.04, 0.1, "the U-Net carries (U-Net 88 %, TE 4 %)", "88:4"),
        (0.48, 0.41, 0.1, "close (U-Net 48 %, TE 41 %)", "48:41"),
        (0.70, 0.25, 0.3, "the U-Net ahead, but not clear on 16 pictures (U-Net 70 %, TE 25 %)", "70:25?"),
    ],
)
def test_the_words_have_numbers(unet: float, encoder: float, half: float, words: str, column: str) -> None:
    found = carried(measured({"text_encoder": encoder, "unet": unet}, encoder - unet, half), 5)
    assert found is not None
    assert (found.words, found.column, found.together) == (words, column, 0.07)


def test_several_encoders_carry_together() -> None:
    shares = {"unet": 0.1, "text_encoder": 0.3, "text_encoder_2": 0.5, ENCODERS: 0.82}
    found = carried(measured(shares, 0.72, 0.1), 5)
    assert found is not None
    assert found.words == "the text encoders carry (TE2 50 %, TE1 30 %, U-Net 10 %)"
    assert found.column == "10:82"


def test_nothing_is_said_of_what_was_not_measured() -> None:
    values = measured({"unet": 0.5, "text_encoder": 0.5}, 0.0, 0.1)
    assert carried(values, 6) is None and carried(values, 5, "folder a") is None and carried([], 5) is None
    assert carried(measured({"unet": None, "text_encoder": None}, 0.0, 0.1), 5) is None
    assert carried(measured({"unet": 1.0}, 0.0, 0.1), 5) is None
    assert carried(measured({"unet": 0.5, "no such part": 0.5}, 0.0, 0.1), 5) is None


def test_each_step_and_each_scope_has_its_own() -> None:
    values = [
        *measured({"unet": 0.9, "text_encoder": 0.1}, -0.8, 0.1, step=2),
        *measured({"unet": 0.1, "text_encoder": 0.9}, 0.8, 0.1, step=4),
        *measured({"unet": 0.5, "text_encoder": 0.5}, 0.0, 0.1, step=4, scope="folder b"),
    ]
    assert {step: each.carrier for step, each in carried_by_step(values).items()} == {
        2: Carrier.REST,
        4: Carrier.ENCODERS,
    }
    assert {step: each.carrier for step, each in carried_by_step(values, "folder b").items()} == {4: Carrier.CLOSE}
