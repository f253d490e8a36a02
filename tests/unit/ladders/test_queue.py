"""Ladders previewed, queued, extended, cut and continued, with bakes that end when the test says so."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from laddered import Laddered

from trainer.errors import DatasetError, DiskFull, LoraTuiError, SettingsError, WorkspaceError
from trainer.jobs.bakes import check
from trainer.jobs.twin import preview_twins, queue_twins
from trainer.journal.bake_settings import settings_of
from trainer.journal.records import BakeState, Mark, MarkKind
from trainer.ladders.build import ladder_of_knob
from trainer.ladders.queue import (
    continue_ladder,
    cut_ladder,
    extend_ladder,
    hold_ladder,
    newest_settings,
    preview_extension,
    preview_ladder,
    settings_of_bake,
)
from trainer.ladders.record import LadderSpec, Rung
from trainer.ladders.state import ladder_states
from trainer.noise_floor.floors import NoiseFloors
from trainer.settings.model import Settings
from trainer.settings.random_numbers import RandomSource


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Laddered]:
    made = Laddered(tmp_path / "demo")
    yield made
    made.journal.close()


def seeds(settings: Settings) -> tuple[int, ...]:
    return tuple(settings.seed_of(source) for source in RandomSource)


def test_the_first_bakes_of_all_rungs_come_from_the_centre_outwards_then_the_twins(here: Laddered) -> None:
    ready = here.preview(rungs="0.1,0.33,1,3,10")
    assert [(ready.spec.rungs[each.rung].label, each.twin) for each in ready.bakes] == [
        (label, twin) for twin in (0, 1) for label in ("×1", "×0.33", "×3", "×0.1", "×10")
    ]
    assert (ready.count, ready.reused) == (10, 0)
    assert here.journal.bakes.latest() == [] and here.journal.ladders.all() == []
    here.queue(ready)
    waiting = here.journal.queue.waiting()
    assert [bake.why for bake in waiting][:2] == ["ladder 1: unet_lr ×1", "ladder 1: unet_lr ×0.33"]
    assert waiting[5].why == "ladder 1: unet_lr ×1, twin 1"
    # Each is compared with what it was changed from: a rung with the centre, a twin with its rung.
    assert [bake.parent for bake in waiting] == [None, 1, 1, 1, 1, 1, 2, 3, 4, 5]


def test_twins_of_a_rung_share_nothing_and_the_same_twin_of_each_rung_everything(here: Laddered) -> None:
    here.queue(here.preview(twins=3))
    made = {
        label: [settings_of(here.journal, here.journal.bakes.read(n or 0)) for n in numbers]
        for label, numbers in here.bakes_of().items()
    }
    by_twin = [{seeds(rung[twin]) for rung in made.values()} for twin in range(3)]
    assert [len(each) for each in by_twin] == [1, 1, 1]
    drawn = [seed for each in by_twin for one in each for seed in one]
    assert len(set(drawn[3:])) == 6 and set(drawn[:3]) == {7}
    # The first bake of a rung is the one that one would bake by hand.
    by_hand = {"×0.1": ("unet_lr=2e-4",), "×1": (), "×10": ("unet_lr=0.02",)}
    assert {label: rung[0] for label, rung in made.items()} == {
        label: check(here.settings(*overrides), here.path).settings for label, overrides in by_hand.items()
    }
    names = {"seed", "init_seed", "order_seed", "noise_seed"}
    assert made["×1"][0].model_dump(exclude=names) == made["×1"][2].model_dump(exclude=names)
    number = here.bakes_of()["×10"][0] or 0
    here.end(*(n for numbers in here.bakes_of().values() for n in numbers if n))
    assert NoiseFloors(here.journal).family(number) == here.bakes_of()["×10"]


def test_a_bake_that_is_a_rung_already_is_taken_whatever_its_seeds(here: Laddered) -> None:
    centre, other = here.bake().number, here.bake("unet_lr=0.02", "seed=99").number
    here.end(centre, other)
    state = here.queue(here.preview())
    assert here.bakes_of() == {"×0.1": [3, 5], "×1": [1, 4], "×10": [2, 6]}
    assert {(each.bake, each.reused) for each in state.bakes if each.reused} == {(1, True), (2, True)}
    # Another ladder around the same settings finds all of it, once it is baked.
    here.end(3, 4, 5, 6)
    again = here.preview(rungs="1,10")
    assert (again.count, again.reused, again.seconds) == (0, 4, 0.0)
    assert here.preview("network_dim", "1,2").reused == 2


def test_what_is_no_rung_is_not_taken(here: Laddered) -> None:
    numbers = {
        "failed": here.bake().number,
        "changed while it ran": here.bake().number,
        "another length": here.bake("max_train_epochs=3").number,
        "without its LoRA": here.bake().number,
    }
    here.end(*list(numbers.values())[1:])
    here.end(numbers["failed"], state=BakeState.FAILED)
    mark = Mark(4, 1e9, MarkKind.SET, "unet_lr=3e-4")
    here.journal.results.add_mark(numbers["changed while it ran"], mark)
    gone = here.journal.bakes.read(numbers["without its LoRA"])
    (here.workspace.root / gone.folder / "hifumi.safetensors").unlink()
    assert here.preview().reused == 0
    # On other pictures it is no rung either, by content: the same names and sizes.
    here.end(right := here.bake().number)
    assert here.preview().reused == 1 and right
    next((here.workspace.root / "data").rglob("*.txt")).write_text("1girl, other words")
    assert here.preview().reused == 0


def test_exact_repeats_and_bakes_that_share_a_seed_are_no_twins(here: Laddered) -> None:
    first = here.bake().number
    repeat = here.bake().number
    noise = here.bake("noise_seed=5").number
    here.end(first, repeat, noise)
    assert [each.reused for each in here.preview().bakes if each.reused] == [first]
    (free,) = queue_twins(here.journal, here.workspace, preview_twins(here.journal, here.workspace, first), engine="x")
    here.end(free.number)
    here.queue(here.preview())
    assert here.bakes_of()["×1"] == [first, free.number]


def test_a_bake_that_waits_or_runs_with_the_same_settings_is_taken_too(here: Laddered) -> None:
    waits, runs = here.bake().number, here.bake("unet_lr=2e-4").number
    here.journal.queue.set_held(waits, True)
    here.began(runs)
    ready = here.preview()
    assert sorted(each.reused for each in ready.bakes if each.reused) == [waits, runs]
    assert any(f"bake {waits} waits already and is held" in note for note in ready.notes)
    state = here.queue(ready)
    held = next(each for each in state.bakes if each.bake == waits)
    assert held.held and held.reused and held.state is BakeState.QUEUED


def test_held_bakes_wait_for_somebody(here: Laddered) -> None:
    here.queue(here.preview(), held=True)
    assert {bake.held for bake in here.journal.queue.waiting()} == {True}
    assert all(each.held for each in here.state().bakes)
    cut_ladder(here.journal, here.workspace, 1, ["10"])
    here.end(1)
    assert hold_ladder(here.journal, 1, False) == (2, 4, 5)
    assert not any(each.held for each in here.state().bakes)
    assert (hold_ladder(here.journal, 1, False), hold_ladder(here.journal, 1, True)) == ((), (2, 4, 5))


def test_a_wrong_rung_is_refused_by_its_name_before_anything_is_written(here: Laddered) -> None:
    settings = here.settings()
    spec = ladder_of_knob(settings, "mixed_precision", ["no", "bf16", "fp16"])
    with pytest.raises(LoraTuiError, match=r"rung fp16: .*fp16 without a GPU"):
        preview_ladder(here.journal, here.workspace, settings, spec)
    missing = LadderSpec(
        title="x",
        knobs=("train_data_dir",),
        rungs=(Rung(label="here", is_centre=True), Rung(label="gone", overrides=("train_data_dir=nowhere",))),
    )
    with pytest.raises(DatasetError, match=r"rung gone: "):
        preview_ladder(here.journal, here.workspace, settings, missing)
    nameless = LadderSpec(title="x", knobs=("unet_lr",), rungs=(Rung(label="n" * 300, overrides=("unet_lr=1e-5",)),))
    with pytest.raises(SettingsError, match=r"the ladder: rungs 1: label: "):
        preview_ladder(here.journal, here.workspace, settings, nameless)
    assert here.journal.bakes.latest() == [] and not here.workspace.ladders.exists()


def test_notes_say_what_the_question_cannot_be_answered_by(here: Laddered) -> None:
    def notes(knob: str, rungs: str, twins: int = 2) -> str:
        return "\n".join(here.preview(knob, rungs, twins=twins).notes)

    rate = notes("learning_rate", "50,5,1,0.2,0.02,0")
    assert "learning_rate has no effect: both parts have their own" in rate
    assert "rungs ×0, ×0.02, ×0.2, ×1, ×5, ×50 have the same effect: they differ by noise alone" in rate
    assert "decides nothing of the LoRA" in notes("save_every_n_epochs", "1,2")
    assert "rung ×0.3: network_dim is " in notes("network_dim", "1,0.3")
    assert "no rung is the settings as they are" in notes("unet_lr", "0.1,10")
    assert "nothing is known of the noise" in notes("unet_lr", "1,10", twins=1)
    assert "rungs differ in their steps" in notes("max_train_epochs", "1,2")
    plain = here.preview().notes
    assert plain == ("rungs ×1, ×0.1, ×10: no speed was measured with such settings, so their time is not known",)


def test_the_disk_has_to_hold_all_of_it(here: Laddered, monkeypatch: pytest.MonkeyPatch) -> None:
    one = here.preview(rungs="1,2", twins=1)
    assert here.preview(rungs="1,2,3,4", twins=1).disk_bytes == 2 * one.disk_bytes > 0
    monkeypatch.setattr("trainer.plan.disk.free_bytes", lambda _: one.disk_bytes // 2)
    tight = here.preview(rungs="1,2", twins=1)
    assert any("free on this disk" in note for note in tight.notes)
    with pytest.raises(DiskFull):
        here.queue(tight)
    assert here.journal.ladders.all() == []


def test_a_ladder_of_a_bake_starts_from_its_settings_and_has_it_as_its_centre(here: Laddered) -> None:
    bake = here.bake("unet_lr=3e-4", "network_dim=4").number
    here.end(bake)
    settings = settings_of_bake(here.journal, bake)
    spec = ladder_of_knob(settings, "unet_lr", ["0.1", "1"])
    state = here.queue(preview_ladder(here.journal, here.workspace, settings, spec, of_bake=bake))
    assert state.of_bake == bake and here.bakes_of()["×1"][0] == bake
    lower = here.journal.bakes.read(here.bakes_of()["×0.1"][0] or 0)
    assert (lower.parent, settings_of(here.journal, lower).unet_lr) == (bake, 3e-5)
    here.journal.results.add_mark(bake, Mark(4, 1e9, MarkKind.SET, "unet_lr=3e-4"))
    notes = preview_ladder(here.journal, here.workspace, settings, spec, of_bake=bake).notes
    assert f"bake {bake} was changed while it ran" in notes[0]


def test_where_nothing_is_named_a_ladder_starts_from_the_last_bake_but_not_from_a_rung(here: Laddered) -> None:
    assert newest_settings(here.journal) is None
    bake = here.bake("unet_lr=3e-4").number
    here.end(bake)
    settings, number = newest_settings(here.journal) or (None, None)
    assert settings is not None and (settings.unet_lr, number) == (3e-4, bake)
    here.queue(here.preview())
    here.end(2, 3)
    settings, number = newest_settings(here.journal) or (None, None)
    assert settings is not None and (settings.unet_lr, number) == (2e-3, None)


def test_more_rungs_and_more_twins_are_added_and_nothing_is_baked_twice(here: Laddered) -> None:
    here.queue(here.preview(rungs="0.1,1"))
    here.end(1, 2, 3)
    here.journal.bakes.set_state(4, BakeState.FAILED, "x")
    before = here.bakes_of()
    ready = preview_extension(here.journal, here.workspace, 1, rungs=["10"], twins=3)
    assert (ready.count, ready.number) == (5, 1)
    assert ready.spec.title == "unet_lr ×0.1 … ×10"
    extend_ladder(here.journal, here.workspace, ready, engine="x")
    after = here.bakes_of()
    assert {label: numbers[:2] for label, numbers in after.items() if label in before} == before
    third = {seeds(settings_of(here.journal, here.journal.bakes.read(numbers[2] or 0))) for numbers in after.values()}
    assert len(third) == 1 and [len(numbers) for numbers in after.values()] == [3, 3, 3]
    for arguments in ({}, {"rungs": ["1"]}, {"twins": 3}):
        with pytest.raises((WorkspaceError, SettingsError), match=r"nothing would be added|the same bake"):
            preview_extension(here.journal, here.workspace, 1, **arguments)
    with pytest.raises(SettingsError, match="at least the 3"):
        preview_extension(here.journal, here.workspace, 1, rungs=["2"], twins=1)


def test_nothing_is_added_on_other_pictures(here: Laddered) -> None:
    here.queue(here.preview())
    here.end(1)
    caption = next((here.workspace.root / "data").rglob("*.txt"))
    caption.write_text("1girl, quite another hat")
    with pytest.raises(DatasetError, match=r"another caption.*start a new ladder"):
        preview_extension(here.journal, here.workspace, 1, rungs=["3"])


def test_a_cut_rung_withdraws_what_waits_for_it_alone(here: Laddered) -> None:
    mine = here.bake("unet_lr=0.02").number
    here.queue(here.preview(rungs="0.1,1,10,30"))
    numbers = {label: [n or 0 for n in bakes] for label, bakes in here.bakes_of().items()}
    here.end(numbers["×0.1"][0])
    here.began(numbers["×30"][0])
    cut = cut_ladder(here.journal, here.workspace, 1, ["0.1", "x10", "×30"])
    assert cut.withdrawn == (numbers["×0.1"][1], numbers["×10"][1], numbers["×30"][1])
    assert cut.running == (numbers["×30"][0],) and set(cut.kept) == {numbers["×0.1"][0], mine}
    assert here.journal.bakes.read(mine).state is BakeState.QUEUED
    assert here.bakes_of() == {"×0.1": [], "×1": numbers["×1"], "×10": [], "×30": []}
    assert [rung.label for rung in here.state().spec.rungs] == ["×0.1", "×1", "×10", "×30"]
    with pytest.raises(WorkspaceError, match=r"no rung 7; expected one of ×0.1, ×1, ×10, ×30"):
        cut_ladder(here.journal, here.workspace, 1, ["7"])
    # What was cut stays out when the others are continued, and comes back by name with the bake it has.
    assert continue_ladder(here.journal, here.workspace, 1, engine="x").queued == ()
    ready = preview_extension(here.journal, here.workspace, 1, rungs=["0.1"])
    assert (ready.count, ready.reused) == (1, 1)
    extend_ladder(here.journal, here.workspace, ready, engine="x")
    assert here.bakes_of()["×0.1"][0] == numbers["×0.1"][0]


def test_a_rung_that_was_cut_comes_back_with_bakes_that_are_still_the_ladders_own(here: Laddered) -> None:
    here.queue(here.preview(rungs="1,10"))
    numbers = [number or 0 for number in here.bakes_of()["×10"]]
    here.end(*here.bakes_of()["×1"], *numbers)
    before = newest_settings(here.journal)
    cut_ladder(here.journal, here.workspace, 1, ["10"])
    ready = preview_extension(here.journal, here.workspace, 1, rungs=["10"])
    assert (ready.count, ready.reused) == (0, 2)
    extend_ladder(here.journal, here.workspace, ready, engine="x")
    assert here.bakes_of()["×10"] == numbers
    assert not any(each.reused for each in here.state().bakes)
    # What the next ladder starts from is still the centre, although a rung was baked last.
    assert before is not None and newest_settings(here.journal) == before and before[0].unet_lr == 2e-3


def test_a_bake_that_another_ladder_waits_for_is_not_withdrawn(here: Laddered) -> None:
    here.queue(here.preview(rungs="1,10"))
    here.queue(here.preview(rungs="1,3"))
    shared = here.bakes_of(2)["×1"]
    assert shared == here.bakes_of(1)["×1"]
    assert cut_ladder(here.journal, here.workspace, 1, ["1"]).kept == tuple(shared)
    assert {here.journal.bakes.read(number or 0).state for number in shared} == {BakeState.QUEUED}


def test_what_ended_early_is_continued_and_what_is_missing_is_baked(here: Laddered) -> None:
    here.queue(here.preview(rungs="0.1,1,10", twins=2))
    one, two, three, four, five, six = range(1, 7)
    here.end(one)
    here.end(two, state=BakeState.FAILED)
    here.end(three, state=BakeState.LOST)
    here.journal.queue.remove(four)
    here.journal.ladders.open_places(five)
    failed = here.state()
    assert next(each for each in failed.bakes if each.bake == two).error == "the GPU fell off"
    done = continue_ladder(here.journal, here.workspace, 1, engine="y")
    assert done.resumed == (two, three, four) and done.notes == ()
    # Bake 5 waits still with the same settings, and takes its place again.
    assert (done.queued, done.reused) == ((), (five,))
    assert [bake.number for bake in here.journal.queue.waiting()] == [two, three, four, five, six]
    assert here.journal.bakes.read(two).attempt == 2
    nothing = continue_ladder(here.journal, here.workspace, 1, engine="y")
    assert nothing == type(nothing)()


def test_one_bake_that_cannot_be_continued_keeps_no_other_from_it(here: Laddered) -> None:
    here.queue(here.preview(rungs="1,10", twins=1))
    here.end(1, 2, state=BakeState.FAILED)
    here.journal.bakes.set_settings(1, "nonsense = 1")
    done = continue_ladder(here.journal, here.workspace, 1, engine="y", held=True)
    assert done.resumed == (2,) and here.journal.bakes.read(2).held
    assert len(done.notes) == 1 and done.notes[0].startswith("bake 1 cannot be continued: bake 1")


def test_a_rung_whose_pictures_are_gone_keeps_no_other_from_being_baked(here: Laddered) -> None:
    gone = here.workspace.root / "other"
    gone.symlink_to("data")
    spec = LadderSpec(
        title="x",
        knobs=("train_data_dir", "unet_lr"),
        rungs=(
            Rung(label="other", overrides=(f"train_data_dir={gone}",)),
            Rung(label="as it is", is_centre=True),
            Rung(label="slow", overrides=("unet_lr=1e-5",)),
        ),
    )
    here.queue(preview_ladder(here.journal, here.workspace, here.settings(), spec))
    gone.unlink()
    first_twin, second_twin, twin_of_gone = 4, 6, 5
    for number in (first_twin, second_twin, twin_of_gone):
        here.journal.queue.remove(number)
        here.journal.ladders.open_places(number)
    done = continue_ladder(here.journal, here.workspace, 1, engine="x")
    assert len(done.queued) == 2 and len(done.notes) == 1
    assert done.notes[0].startswith("rung other: ")
    assert [len([n for n in numbers if n]) for numbers in here.bakes_of().values()] == [1, 2, 2]
    with pytest.raises(LoraTuiError, match="rung other: "):
        continue_ladder(here.journal, here.workspace, 1, engine="x")
    assert preview_extension(here.journal, here.workspace, 1, rungs=["data:0.5"]).count == 2


def test_the_state_says_what_is_left_and_what_was_never_written_down_is_open(here: Laddered) -> None:
    state = here.queue(here.preview(rungs="1,10"))
    assert state.seconds_left is None and len(state.bakes) == 4
    with here.journal._database.writing() as connection:
        connection.execute("UPDATE bake SET planned_seconds = 30")
    here.end(1)
    here.end(2, state=BakeState.FAILED)
    assert here.state().seconds_left == 60
    here.journal.ladders.open_places(4)
    with here.journal._database.writing() as connection:
        connection.execute("DELETE FROM ladder_bake WHERE twin = 1")
    places = {(each.rung, each.twin): each.bake for each in here.state().bakes}
    assert places == {(0, 0): 1, (0, 1): None, (1, 0): 2, (1, 1): None}
    assert here.state().seconds_left is not None


def took(here: Laddered, number: int, seconds: float) -> None:
    """Let a bake that is done have taken so long."""
    with here.journal._database.writing() as connection:
        connection.execute("UPDATE bake SET started = 1000, ended = 1000 + ? WHERE number = ?", (seconds, number))


@pytest.mark.parametrize(("knob", "rungs", "known"), [("unet_lr", "1,10", True), ("train_batch_size", "1,0.5", False)])
def test_what_is_left_follows_from_bakes_that_are_done_where_the_knob_leaves_the_speed_alone(
    here: Laddered, knob: str, rungs: str, known: bool
) -> None:
    here.queue(here.preview(knob, rungs))
    assert here.state().seconds_left is None
    here.end(1)
    took(here, 1, 45.0)
    # Of another rung nothing is known where the knob decides the speed.
    assert here.state().seconds_left == (pytest.approx(3 * 45.0) if known else None)
    here.end(2)
    took(here, 2, 20.0)
    assert here.state().seconds_left == pytest.approx(45.0 + 20.0)


def test_a_ladder_whose_spec_cannot_be_read_spoils_no_other(here: Laddered) -> None:
    here.queue(here.preview())
    here.queue(here.preview("lr_scheduler", "cosine,constant"))
    here.journal.ladders.change(1, title="old", spec_toml="of another = version")
    newest, oldest = ladder_states(here.journal)
    assert (newest.number, len(newest.spec.rungs)) == (2, 2)
    assert (oldest.spec.title, oldest.spec.rungs, oldest.bakes) == ("old", (), ())
    with pytest.raises(SettingsError, match="ladder 1"):
        here.state(1)
    with pytest.raises(WorkspaceError, match="no ladder 3"):
        here.state(3)
