"""Aiming for the band: rates that would make the parts' lanes meet, with the model and its range, as variants and as a ladder."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from advised_bakes import START, add_measured, workspace_at

from trainer.advice import aim as aiming
from trainer.advice.aim import MODEL, aim_for_band, aim_lines, queue_aim
from trainer.advice.zones import RatePower
from trainer.doneness.band import band_of
from trainer.doneness.record import Doneness, DonenessLane, EpochState, LaneKind, Placed, SavedEpoch
from trainer.errors import WorkspaceError
from trainer.journal.journal import Journal
from trainer.journal.records import BakeState
from trainer.ladders.build import ladder_of_knob, settings_of_rungs
from trainer.ladders.record import BakeOfRung, LadderState
from trainer.measures.of_pictures import TOKEN_EFFECT
from trainer.settings.model import Settings
from trainer.workspace import Workspace

LETTERS = {"r": EpochState.RAW, "f": EpochState.FORMING, "D": EpochState.DONE, "o": EpochState.OVER}


def doneness(number: int, lanes: Mapping[str, str], missing: str = "") -> Doneness:
    """Return a bake whose lanes have these states, 100 steps apart."""
    count = max(map(len, lanes.values()))
    epochs = tuple(SavedEpoch(100 * (place + 1), place + 1) for place in range(count))
    made = []
    for part, letters in lanes.items():
        kind = LaneKind.ENCODER if part.startswith("text_encoder") else LaneKind.BODY
        title = "text encoder" if kind is LaneKind.ENCODER else "U-Net"
        placed = tuple(Placed(LETTERS[letter]) for letter in letters)
        made.append(DonenessLane(kind, part, title, placed, () if placed else (missing,), bands=bool(placed)))
    band, note = band_of(made, epochs)
    return Doneness(number, epochs, tuple(made), band, note)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that gives the bakes of a workspace these lanes, and the workspace."""
    workspace = workspace_at(tmp_path / "ws")
    known: dict[int, Doneness] = {}
    with Journal(workspace.journal_path) as journal:
        add_measured(journal, TOKEN_EFFECT, 0.5)
    monkeypatch.setattr(aiming, "doneness_of", lambda journal, workspace, number: known[number])

    def with_lanes(number: int = 1, **lanes: str) -> Workspace:
        known[number] = doneness(number, lanes, missing="not measured whether it still moves: measure_pictures would")
        return workspace

    return with_lanes


def aimed(workspace: Workspace):
    with Journal(workspace.journal_path) as journal:
        return aim_for_band(journal, workspace, 1)


def test_three_ways_make_the_parts_meet_each_with_its_range(here) -> None:
    aim = aimed(here(unet="rfDDoooo", text_encoder="rrrrffDD"))
    assert [point.title for point in aim.points] == [
        "the text encoder to the epoch of the U-Net",
        "the U-Net to the epoch of the text encoder",
        "all parts to the epoch between them",
    ]
    first = aim.points[0]
    (move,) = first.moves
    # Done at 346 and at 748: 2.16 times as late; by 1 / rate^p with p from 0.5 to 2.
    assert (move.low, move.factor, move.high) == pytest.approx((1.47, 2.16, 4.67), abs=0.01)
    name, value = first.variant.overrides[0].split("=")
    assert name == "text_encoder_lr" and float(value) == pytest.approx(2.2 * START["text_encoder_lr"])
    assert {each.partition("=")[0] for each in aim.points[2].variant.overrides} == {"unet_lr", "text_encoder_lr"}
    lines = list(aim_lines(aim))
    assert lines[0] == "U-Net: done in epochs 3–4" and lines[1] == "text encoder: done in epochs 7–8"
    assert MODEL in lines
    assert any("p from 0.5 to 2 is assumed" in line for line in lines)
    assert any("the source notes saw no other epoch" in line for line in lines)
    assert any(line.startswith("try text_encoder_lr=") and "×1.5 to ×4.7 by the model" in line for line in lines)
    assert any("at least, because the text encoder may be done later" in line for line in lines)


def test_the_ladder_around_it_goes_from_one_end_of_the_range_to_the_other(here) -> None:
    aim = aimed(here(unet="rfDDoooo", text_encoder="rrrrfDDo"))
    assert aim.ladder is not None
    settings = settings_of_rungs(Settings.model_validate(START), aim.ladder)
    factors = [each.text_encoder_lr / START["text_encoder_lr"] for each in settings]
    assert 1.0 in factors and len(factors) >= 3
    move = aim.points[0].moves[0]
    assert min(factors) <= move.low and max(factors) >= move.high * 0.95
    assert {each.unet_lr for each in settings} == {START["unet_lr"]}


def test_a_ladder_over_the_rate_gives_the_exponent(here, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = here(unet="rfDDoooo", text_encoder="rrrrfDDo")
    settings = Settings.model_validate(START)
    spec = ladder_of_knob(settings, "text_encoder_lr", ["0.5", "1", "2"], twins=1)
    # Twice the rate is done at half of the steps: p is 1.
    for number, lane in ((11, "rrrrrrrrrrrDDo"), (12, "rrrrrDDo"), (13, "rrDDo")):
        here(number, unet="rfDDo".ljust(len(lane), "o"), text_encoder=lane)
    bakes = tuple(BakeOfRung(rung=place, twin=0, bake=11 + place, state=BakeState.DONE) for place in range(3))
    state = LadderState(number=5, spec=spec, bakes=bakes)
    monkeypatch.setattr(aiming, "alike", lambda journal, own: [(state, settings)])
    aim = aimed(workspace)
    power = aim.powers["text_encoder"]
    assert power.measured and power.low < 1 < power.high and "from 3 bakes of ladder 5" in power.words
    assert not aim.powers["unet"].measured


def test_parts_that_meet_already_have_nothing_to_aim_at(here) -> None:
    workspace = here(unet="rfDDDo", text_encoder="rrfDDD")
    aim = aimed(workspace)
    assert aim.points == () and aim.ladder is None
    assert "the parts meet already: aim for epochs 4–5" in aim.notes[0]
    with Journal(workspace.journal_path) as journal, pytest.raises(WorkspaceError, match="its parts meet already"):
        queue_aim(journal, workspace, aim, engine="")


def test_a_part_that_is_not_placed_is_named_with_what_would_place_it(here) -> None:
    with pytest.raises(
        WorkspaceError, match=r"U-Net done in epochs 3–4; expected two parts that are placed.*measure_pictures would"
    ):
        aimed(here(unet="rfDDoooo", text_encoder=""))


def test_a_rate_that_moves_nothing_beyond_the_noise_is_not_aimed_with(here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        aiming, "power_of", lambda title, found: RatePower(-0.1, 0.3, 0.7, "p is unclear", measured=True)
    )
    with pytest.raises(WorkspaceError, match="no part's rate moves the epochs"):
        aimed(here(unet="rfDDoooo", text_encoder="rrrrfDDo"))
