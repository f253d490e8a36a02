"""Lanes from raw to over: what places an epoch, what is not measured, and what validation alone may not do."""

from made_bakes import floors, measured, saved_epochs

from trainer.doneness.place import place
from trainer.doneness.record import Doneness, DonenessLane, EpochState
from trainer.doneness.series import FloorOf
from trainer.doneness.words import lines
from trainer.journal.measure_records import MeasuredValue
from trainer.measures.of_pictures import BLEED, STATIC, TOKEN_EFFECT
from trainer.measures.of_validation import AUC, CHANCE, HELD_OUT_CHANGE, UNCAPTIONED
from trainer.measures.of_weights import DELTA_SHARE, MOVEMENT
from trainer.noise_floor.record import Floor

RAW, FORMING, DONE, OVER = EpochState.RAW, EpochState.FORMING, EpochState.DONE, EpochState.OVER
NOISE = floors({HELD_OUT_CHANGE: 0.003, TOKEN_EFFECT: 0.02, BLEED: 0.01, STATIC: 0.02, DELTA_SHARE.key: 0.01})
FALLS_THEN_RISES = (-0.02, -0.07, -0.11, -0.12, -0.12, -0.12, -0.08, -0.04)
GROWS = (0.002, 0.004, 0.0055, 0.0065, 0.007, 0.0072, 0.0073, 0.0074)


def whole_bake() -> list[MeasuredValue]:
    return [
        *measured(HELD_OUT_CHANGE, FALLS_THEN_RISES),
        *measured(DELTA_SHARE.key, GROWS, part="unet"),
        *measured(MOVEMENT.key, (1.0, 0.5, 0.3, 0.18, 0.1, 0.05, 0.04, 0.03), part="unet"),
    ]


def doneness(
    values: list[MeasuredValue], parts: tuple[str, ...] = ("unet",), noise: FloorOf = NOISE, epochs: int = 8
) -> Doneness:
    return place(3, saved_epochs(epochs), values, parts, noise)


def states(lane: DonenessLane) -> list[EpochState]:
    return [placed.state for placed in lane.epochs]


def test_a_part_goes_from_raw_to_over() -> None:
    lane = doneness(whole_bake()).lanes[0]
    assert states(lane) == [RAW, FORMING, FORMING, FORMING, DONE, DONE, OVER, OVER]
    assert lane.title == "U-Net"


def test_evidence_has_numbers_and_how_far_they_are_outside_the_noise() -> None:
    forming = doneness(whole_bake()).lanes[0].epochs[1]
    said = [finding.words for finding in forming.findings if finding.is_there]
    assert any(
        words.startswith("validation still falls (−0.07 at epoch 2 → −0.12 at epoch")
        and words.endswith(" times outside the noise)")
        for words in said
    ), said
    assert "movement 50 %" in forming.facts
    assert "change / weights 0.4 %" in forming.facts


def test_the_evidence_of_done_says_what_no_longer_moves() -> None:
    done = doneness(whole_bake()).lanes[0].epochs[5]
    calm = [finding.words for finding in done.findings if not finding.is_there]
    assert calm == [
        "validation no longer falls beyond the noise",
        "its size grows no faster than chance would make it",
    ]


def test_the_overlap_of_the_done_epochs_is_the_band() -> None:
    found = doneness(whole_bake())
    assert found.band is not None
    assert (found.band.first, found.band.last, found.band.steps, found.band.epochs) == (4, 5, 100, 2)
    assert (
        "aim for epochs 5–6 (steps 500 to 600: 100 steps wide, 2 epochs): done in U-Net; it says nothing of memorization"
        in lines(found)
    )


def test_a_band_with_no_sign_of_memorization_is_not_called_done_in_it() -> None:
    found = doneness(
        [*whole_bake(), *measured(AUC, [0.5] * 8, half=0.1, count=8), *measured(CHANCE, [0.5] * 8, count=8)]
    )
    assert (
        "aim for epochs 5–6 (steps 500 to 600: 100 steps wide, 2 epochs): done in U-Net, no sign of memorization"
        in lines(found)
    )


def test_a_rate_that_is_far_too_low_is_never_done() -> None:
    values = [
        *measured(HELD_OUT_CHANGE, [-0.01 * epoch for epoch in range(1, 9)]),
        *measured(DELTA_SHARE.key, [0.001 * epoch for epoch in range(1, 9)], part="unet"),
    ]
    assert states(doneness(values).lanes[0]) == [RAW] * 3 + [FORMING] * 5


def test_a_rate_that_is_far_too_high_goes_over_without_being_done() -> None:
    values = [
        *measured(HELD_OUT_CHANGE, (-0.1, 0.32, 0.9, 0.8, 0.75, 0.74, 0.75, 0.74)),
        *measured(STATIC, (0.1, 0.9, 1, 1, 1, 1, 1, 1), base=0.0),
    ]
    found = doneness(values)
    assert states(found.lanes[0])[0] in (FORMING, OVER)
    assert set(states(found.lanes[0])[1:]) == {OVER}
    assert found.band is None


def test_validation_alone_places_epochs_and_never_picks_one() -> None:
    found = doneness(measured(HELD_OUT_CHANGE, FALLS_THEN_RISES))
    assert DONE in states(found.lanes[0])
    assert found.band is None
    assert found.no_band == "no band: no part's lane decides one (U-Net is placed by validation alone)"
    assert "validation alone never picks an epoch" in found.lanes[0].missing[0]


def test_what_is_not_measured_names_the_settings_that_would_measure_it() -> None:
    found = doneness([], ("unet", "text_encoder"))
    assert [lane.is_measured for lane in found.lanes] == [False, False, False]
    body, encoder, memorization = found.lanes
    assert (
        body.missing[0] == "not measured whether it has learned anything: measure_validation (held-out pictures) would"
    )
    assert (
        body.missing[-1]
        == "not measured whether it got worse: measure_validation (held-out pictures) or measure_pictures (static pictures; bleed) would"
    )
    assert encoder.missing[0].endswith("measure_pictures (token effect) or measure_parts (output share) would")
    assert "measure_memorization (memorization; memorization, no caption) would" in memorization.missing[0]
    assert found.band is None


def test_exact_values_without_twins_are_not_judged() -> None:
    found = doneness(whole_bake(), noise=floors({}))
    assert not found.lanes[0].is_measured
    assert (
        found.lanes[0].missing[0]
        == "open whether it has learned anything: held-out pictures, noise not known: make a twin"
    )
    assert found.noise == "noise not known: make a twin"


def test_without_twins_a_value_is_judged_by_its_own_interval_and_says_so() -> None:
    lane = doneness(measured(HELD_OUT_CHANGE, FALLS_THEN_RISES, half=0.01), noise=floors({})).lanes[0]
    assert states(lane)[0] is RAW and OVER in states(lane)
    words = [finding.words for placed in lane.epochs for finding in placed.findings]
    assert all("noise not known: make a twin" in each for each in words)
    assert any("times outside its own 95 % interval" in each for each in words)


def test_borrowed_noise_is_named() -> None:
    noise = floors({HELD_OUT_CHANGE: 0.003}, borrowed_from=31)
    lane = doneness(measured(HELD_OUT_CHANGE, FALLS_THEN_RISES), noise=noise).lanes[0]
    assert any("borrowed from 31" in finding.words for finding in lane.epochs[0].findings)


def test_an_epoch_without_a_value_stays_with_its_neighbours() -> None:
    values = [value for value in whole_bake() if value.step not in (300, 800)]
    assert states(doneness(values).lanes[0])[:3] == [RAW, FORMING, FORMING]
    assert states(doneness(values).lanes[0])[-1] in (OVER, EpochState.UNKNOWN)


def test_an_encoder_that_stops_listening_is_over() -> None:
    values = [
        *measured(TOKEN_EFFECT, (0.3, 0.5, 0.5, 0.5, 0.3, 0.2, 0.1, 0.1), base=0.1),
        *measured(BLEED, (0.1, 0.2, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7), base=0.0),
    ]
    lane = doneness(values, ("text_encoder",)).lanes[0]
    assert states(lane)[4:] == [OVER] * 4
    assert OVER not in states(lane)[:2]


def test_bleed_counts_from_where_nothing_is_gained_any_more() -> None:
    rising = measured(BLEED, [0.1 * epoch for epoch in range(1, 9)], base=0.0)
    gaining = [*measured(HELD_OUT_CHANGE, [-0.03 * epoch for epoch in range(1, 9)]), *rising]
    assert OVER not in states(doneness(gaining).lanes[0])
    resting = [*measured(HELD_OUT_CHANGE, (-0.1, -0.2, -0.2, -0.2, -0.2, -0.2, -0.2, -0.2)), *rising]
    assert states(doneness(resting).lanes[0])[3:] == [OVER] * 5


def test_memorization_goes_from_no_sign_to_strong() -> None:
    values = [
        *measured(AUC, (0.5, 0.52, 0.55, 0.66, 0.7, 0.8, 0.9, 0.95), half=0.1, count=8),
        *measured(CHANCE, (0.5, 0.4, 0.3, 0.01, 0.02, 0.001, 0.001, 0.001), count=8),
    ]
    lane = doneness(values).lanes[-1]
    assert states(lane) == [EpochState.NO_SIGN] * 3 + [EpochState.MILD] * 2 + [EpochState.STRONG] * 3
    assert "strong (AUC 0.95, p 0.001)" in lane.epochs[-1].findings[0].words


def test_one_epoch_that_looks_memorized_is_not_a_sign() -> None:
    values = [*measured(AUC, (0.5, 0.9, 0.5), half=0.1, count=8), *measured(CHANCE, (0.5, 0.001, 0.5), count=8)]
    assert set(states(doneness(values, epochs=3).lanes[-1])) == {EpochState.NO_SIGN}


def test_two_ways_of_asking_need_a_smaller_p() -> None:
    once = [*measured(AUC, (0.8,), half=0.1, count=8), *measured(CHANCE, (0.015,), count=8)]
    twice = [
        *once,
        *measured(AUC + UNCAPTIONED, (0.5,), half=0.1, count=8),
        *measured(CHANCE + UNCAPTIONED, (0.5,), count=8),
    ]
    assert "(AUC 0.80, p 0.030 for 2 tests)" in doneness(twice, epochs=1).lanes[-1].epochs[0].findings[0].words
    assert states(doneness(once, epochs=1).lanes[-1]) == [EpochState.STRONG]
    assert states(doneness(twice, epochs=1).lanes[-1]) == [EpochState.NO_SIGN]


def test_four_pictures_against_four_can_be_a_sign_where_both_ways_of_asking_agree() -> None:
    """Their smallest p is 1 / 70, and twice that is above 2 %."""

    def lane_of(without: float) -> DonenessLane:
        values = [
            value
            for ending, chance in (("", 1 / 70), (UNCAPTIONED, without))
            for value in (
                *measured(AUC + ending, (1.0,), half=0.1, count=4),
                *measured(CHANCE + ending, (chance,), count=4),
            )
        ]
        return doneness(values, epochs=1).lanes[-1]

    assert states(lane_of(1 / 70)) == [EpochState.STRONG]
    assert states(lane_of(3 / 70)) == [EpochState.NO_SIGN]


def test_too_few_pictures_say_nothing_of_memorization() -> None:
    values = [*measured(AUC, (1.0,), half=0.1, count=3), *measured(CHANCE, (0.001,), count=3)]
    lane = doneness(values, epochs=1).lanes[-1]
    assert not lane.is_measured
    assert lane.missing == ("not known: 3 pictures of a kind, at least 4 needed",)


def test_memorization_narrows_the_band() -> None:
    signs = [
        *measured(AUC, (0.5, 0.5, 0.5, 0.5, 0.5, 0.9, 0.9, 0.9), half=0.1, count=8),
        *measured(CHANCE, (0.5, 0.5, 0.5, 0.5, 0.5, 0.001, 0.001, 0.001), count=8),
    ]
    found = doneness([*whole_bake(), *signs])
    assert found.band is not None and (found.band.first, found.band.last) == (4, 4)
    assert found.band.lanes == ("U-Net", "memorization")


def test_a_held_out_folder_may_be_told_apart_for_what_it_shows_and_decides_no_band() -> None:
    signs = [*measured(AUC, [0.9] * 8, half=0.1, count=8), *measured(CHANCE, [0.001] * 8, count=8)]
    values = [*whole_bake(), *signs]
    found = place(1, saved_epochs(8), values, ("unet",), NOISE, of_another_folder=True)
    lane = found.lanes[-1]
    assert set(states(lane)) == {EpochState.STRONG}
    assert "what is learned of the other folders counts as memorized too" in lane.missing[0]
    assert found.band is not None and found.band.lanes == ("U-Net",)


def test_lanes_that_never_meet_have_no_band_and_say_where_each_is_done() -> None:
    signs = [*measured(AUC, [0.9] * 8, half=0.1, count=8), *measured(CHANCE, [0.001] * 8, count=8)]
    found = doneness([*whole_bake(), *signs])
    assert found.band is None
    assert (
        found.no_band
        == "no band: no epoch is done in every lane (U-Net is done in epochs 5–6; memorization goes strong)"
    )


def test_twins_without_any_difference_make_any_difference_count() -> None:
    lane = doneness(measured(HELD_OUT_CHANGE, FALLS_THEN_RISES), noise=floors({HELD_OUT_CHANGE: 0.0})).lanes[0]
    assert states(lane)[-1] is OVER
    assert any("twins are the same to the last digit" in finding.words for finding in lane.epochs[-1].findings)


def test_a_bake_that_saved_nothing_is_no_error() -> None:
    found = place(1, [], [], ("unet",), NOISE)
    assert lines(found) == ("no LoRA is saved yet",)


def test_values_that_are_no_numbers_are_left_out() -> None:
    broken = [
        *measured(HELD_OUT_CHANGE, (-0.1, float("nan"), -0.1)),
        *measured(DELTA_SHARE.key, (0.0, -1.0, 0.1), part="unet"),
    ]
    assert len(doneness(broken, epochs=3).lanes[0].epochs) == 3


def test_nothing_is_called_done_where_a_change_could_not_have_been_seen() -> None:
    values = [
        *measured(TOKEN_EFFECT, (0.5, 0.55, 0.5, 0.52, 0.51, 0.5, 0.5, 0.5), base=0.1),
        *measured(BLEED, [0.1] * 8, base=0.0),
    ]
    quiet, loud = (
        place(3, saved_epochs(8), values, ("text_encoder",), floors({TOKEN_EFFECT: spread, BLEED: 0.1})).lanes[0]
        for spread in (0.01, 0.08)
    )
    assert EpochState.DONE in states(quiet)
    assert not loud.is_measured
    assert loud.missing == (
        "open whether it still moves: token effect, too noisy to tell; more pictures, seeds or twins make it clearer",
    )


def test_two_encoders_have_a_lane_each() -> None:
    values = [
        *measured(TOKEN_EFFECT, (0.7, 0.9, 0.9, 0.9), base=0.1),
        *measured(BLEED, (0.1, 0.1, 0.1, 0.1), base=0.0),
        *measured(DELTA_SHARE.key, (0.001, 0.002, 0.003, 0.004), part="text_encoder_2"),
    ]
    found = doneness(values, ("unet", "text_encoder", "text_encoder_2"), epochs=4)
    titles = [lane.title for lane in found.lanes]
    assert len(set(titles)) == 4
    assert states(found.lanes[1])[-1] is DONE
    # Its own size still grows with the steps.
    assert states(found.lanes[2])[-1] is FORMING


def test_twins_that_burn_each_in_their_own_way_do_not_hide_that_they_burn() -> None:
    def noise(value: MeasuredValue) -> Floor | None:
        # Of the demo with ten times the U-Net's rate, after 40 and 80 steps.
        return Floor(spread=0.008 if value.step == 100 else 0.19, bakes=3, degrees=2)

    lane = doneness(measured(HELD_OUT_CHANGE, (-0.073, 0.138, 0.686)), noise=noise, epochs=3).lanes[0]
    assert states(lane) == [FORMING, OVER, OVER]
    words = next(finding.words for finding in lane.epochs[1].findings if finding.rule == "validation-rises")
    assert words.endswith("times outside the noise)")


def test_worse_than_the_base_from_the_first_epoch_on_is_over_by_its_own_interval_whatever_twins_do() -> None:
    burnt = measured(HELD_OUT_CHANGE, (0.5, 0.6, 0.7), half=0.05)
    lane = doneness(burnt, noise=floors({HELD_OUT_CHANGE: 0.3}, degrees=2), epochs=3).lanes[0]
    assert states(lane) == [OVER] * 3
    words = next(finding.words for finding in lane.epochs[0].findings if finding.rule == "validation-rises")
    assert words.endswith("times outside its own 95 % interval)")


def test_a_word_that_does_more_in_the_base_than_with_the_lora_has_not_faded() -> None:
    values = [
        *measured(TOKEN_EFFECT, (0.11, 0.13, 0.2, 0.3), base=0.45),
        *measured(BLEED, (0.1, 0.1, 0.1, 0.1), base=0.0),
        *measured(DELTA_SHARE.key, (0.001, 0.002, 0.003, 0.004), part="text_encoder"),
    ]
    lane = doneness(values, ("text_encoder",), epochs=4).lanes[0]
    assert OVER not in states(lane)
