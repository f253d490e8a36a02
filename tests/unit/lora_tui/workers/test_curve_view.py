"""Curves of bakes read from a journal: which there are, exact at any step, few rows whatever their length, rewound as the bake was."""

import math
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from charted_bakes import PER_EPOCH, STEPS, charted_bake, loss_at, million_steps
from textual.message import Message

from lora_tui.workers.curve_reader import ChoiceFound, CurveReader, CurvesNotRead, CurvesViewRead
from lora_tui.workers.curve_view import ChartedBakes, CurveChoice, CurveQuestion, CurvesView
from lora_tui.workers.kept_choice import kept_choice
from trainer.journal.journal import Journal
from trainer.journal.records import BakeState
from trainer.journal.sample_files import SAMPLES_FOLDER, sample_name
from trainer.measures.curve_groups import BANDS, CURVE_GROUPS, LOSS, RATES, VALIDATION, WEIGHTS
from trainer.workspace import Workspace, write_note

EVERYTHING = CurveChoice(frozenset(group.key for group in CURVE_GROUPS))
MILLION = 1_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


@pytest.fixture
def look(path: Path) -> Iterator[Callable[..., CurvesView]]:
    """Return a function that reads curves of everything, as asked."""
    with Journal(path) as journal:
        bakes = ChartedBakes(journal)

        def read(*numbers: int, **asked: Any) -> CurvesView:
            return bakes.look(CurveQuestion(numbers or (1,), choice=asked.pop("choice", EVERYTHING), **asked))

        yield read


def of(view: CurvesView, key: str, bake: int = 1):
    return next(curve for curve in view.curves if (curve.bake, curve.record.key) == (bake, key))


def test_every_curve_that_was_recorded_is_there_under_its_name(path: Path, look) -> None:
    charted_bake(path)
    keys = {record.key for record in look().records}
    assert {"loss", "loss.smooth", "validation", "lr_unet", "lr_text_encoder", "grad_norm", "seconds_forward"} <= keys
    assert {"measure.delta_norm", "measure.delta_norm unet", "measure.validation_change layout"} <= keys
    assert "measure.validation_loss_change" in keys
    assert "vram" not in keys and "seconds_data" not in keys


def test_only_what_was_chosen_is_read(path: Path, look) -> None:
    charted_bake(path)
    view = look(choice=CurveChoice(frozenset({RATES.key})))
    assert {curve.record.key for curve in view.curves} == {"lr_unet", "lr_text_encoder"}
    assert set(view.readings) == {(1, "lr_unet"), (1, "lr_text_encoder")}


@pytest.mark.parametrize("step", [1, 17, 40, 239, 240])
def test_every_curve_is_read_exactly_at_any_step(path: Path, look, step: int) -> None:
    charted_bake(path)
    readings = look(cursor=step).readings
    assert readings[1, "loss"].step == step
    assert readings[1, "loss"].value == loss_at(step)
    assert readings[1, "grad_norm"].value == 2.0 / step
    assert readings[1, "lr_unet"].value == 2e-4 * min(1.0, step / 20)
    last = step // PER_EPOCH * PER_EPOCH
    assert readings[1, "validation"].step == last
    assert readings[1, "validation"].value == pytest.approx(0.2 - 0.01 * last / PER_EPOCH)
    if last:
        assert readings[1, "measure.delta_norm unet"].value == 2.0 * last / PER_EPOCH
    else:
        assert (1, "measure.delta_norm unet") not in readings


def test_before_the_first_value_there_is_none(path: Path, look) -> None:
    charted_bake(path)
    readings = look(cursor=0).readings
    assert (1, "loss") not in readings
    assert readings[1, "validation"].value == 0.2


def test_the_smoothed_loss_is_the_same_however_far_it_is_zoomed_in(path: Path, look) -> None:
    charted_bake(path)
    whole = look(cursor=123).readings[1, "loss.smooth"]
    close = look(cursor=123, window=(120, 130)).readings[1, "loss.smooth"]
    assert whole == close
    assert whole.value == pytest.approx(sum(map(loss_at, range(111, 136))) / 25, rel=1e-9)


def test_without_a_cursor_the_last_step_is_read(path: Path, look) -> None:
    charted_bake(path)
    view = look()
    assert (view.cursor, view.recorded, view.first, view.last) == (STEPS, STEPS, 0, STEPS)


def test_a_bake_that_runs_is_seen_up_to_its_planned_end(path: Path, look) -> None:
    charted_bake(path, state=BakeState.BAKING, total=1000)
    view = look()
    assert (view.recorded, view.last) == (STEPS, 1000)
    assert view.bakes[0].live


def test_what_happened_is_marked_with_saves_samples_changes_and_the_end(path: Path, look) -> None:
    number = charted_bake(path, state=BakeState.STOPPED)
    with Journal(path) as journal:
        samples = path.parent / journal.bakes.read(number).folder / SAMPLES_FOLDER
    samples.mkdir(parents=True)
    for name in ("a", "b"):
        (samples / sample_name(80, name)).write_bytes(b"a picture")
    marks = [(mark.step, mark.kind.letter, mark.text) for mark in look().marks]
    assert (100, "C", "changed: unet_lr=1e-4") in marks
    assert (120, "R", "resumed from step 120") in marks
    assert (40, "S", "saved hifumi-000001") in marks
    assert (80, "P", "2 sample pictures") in marks
    assert marks[-1][:2] in ((240, "S"), (240, "E")) and (240, "E", "stopped") in marks
    assert marks == sorted(marks, key=lambda mark: mark[0])


def test_a_rewind_takes_its_steps_back_out_of_every_curve(path: Path, look) -> None:
    charted_bake(path)
    assert look(cursor=200).readings[1, "loss"].step == 200
    with Journal(path) as other:
        other.rewind(1, 90)
    view = look(cursor=200)
    assert view.recorded == 90
    assert view.readings[1, "loss"].step == 90
    assert view.readings[1, "validation"].step == 80
    assert max(of(view, "loss").steps) == 90
    # What happened has happened.
    assert any(mark.step == 120 for mark in view.marks)


def test_gaps_and_what_is_no_number_are_kept_as_they_are(path: Path, look) -> None:
    points = [(1, 0.5), (2, math.nan), (3, math.inf), (40, 0.25)]
    charted_bake(path, metrics={"loss": points})
    view = look(cursor=2)
    assert math.isnan(view.readings[1, "loss"].value)
    assert list(of(view, "loss").steps) == [1, 2, 3, 40]
    assert look(cursor=3).readings[1, "loss"].value == math.inf
    between = look(cursor=20).readings[1, "loss"]
    assert (between.step, between.value) == (3, math.inf)


def test_a_curve_of_one_point_is_a_mark(path: Path, look) -> None:
    charted_bake(path, metrics={"loss": [(1, 0.5)]}, steps=1)
    view = look()
    assert not of(view, "loss").joined and not of(view, "loss.smooth").joined
    assert (view.first, view.last, view.readings[1, "loss.smooth"].value) == (0, 1, 0.5)


def test_bakes_of_different_lengths_are_seen_together_and_a_lost_one_is_left_out(path: Path, look) -> None:
    charted_bake(path)
    charted_bake(path, steps=400, name="longer")
    view = look(2, 1, 77, top=1)
    assert [bake.number for bake in view.bakes] == [2, 1]
    assert view.recorded == 400 and view.top is not None and view.top.number == 1
    # Behind its end a bake has the last value that it had.
    assert view.readings[1, "loss"].step == 240 and view.readings[2, "loss"].step == 400
    assert look(77).bakes == ()


def test_a_bake_that_has_not_started_has_nothing(path: Path, look) -> None:
    charted_bake(path, state=BakeState.QUEUED, metrics={})
    view = look()
    assert view.records == () and view.curves == () and view.readings == {}
    assert view.first < view.last


def test_a_number_of_another_version_is_a_curve(path: Path, look) -> None:
    charted_bake(path, metrics={"loss": [(1, 0.5)], "tokens": [(1, 9.0), (2, 8.0)]})
    assert look(cursor=2).readings[1, "metric.tokens"].value == 8.0


@pytest.fixture(scope="module")
def million(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("million") / "journal.sqlite"
    million_steps(path, ("loss", "grad_norm"), steps=MILLION)
    return path


@pytest.mark.parametrize("window", [None, (600_000, 700_000), (654_000, 655_000)])
def test_a_million_steps_are_opened_by_few_rows_and_no_spike_is_lost(million: Path, window) -> None:
    with Journal(million) as journal:
        rows = 0

        def count() -> None:
            nonlocal rows
            rows += 1

        connection = journal._database._connection
        asked = CurveQuestion((1,), choice=EVERYTHING, window=window, columns=240)
        # Some ten instructions of SQLite's machine are one row; a scan of one curve would take ten million.
        connection.set_progress_handler(count, 10)
        view = ChartedBakes(journal).look(asked)
        connection.set_progress_handler(None, 0)
    assert 0 < rows < 20_000
    loss = of(view, "loss")
    assert len(loss.steps) <= 2 * 240 + 12
    at = max(range(len(loss.steps)), key=lambda place: loss.high[place])
    assert loss.high[at] == 99.0 and loss.steps[at] <= 654_321 < loss.steps[at] + loss.width


def test_zoomed_in_to_single_steps_of_a_million_the_values_are_exact(million: Path) -> None:
    with Journal(million) as journal:
        asked = CurveQuestion((1,), choice=EVERYTHING, window=(123_450, 123_470), cursor=123_456)
        view = ChartedBakes(journal).look(asked)
    loss = of(view, "loss")
    assert loss.width == 1
    inside = {step: value for step, value in zip(loss.steps, loss.low, strict=True) if 123_450 <= step <= 123_470}
    assert inside == {step: step / MILLION for step in range(123_450, 123_471)}
    assert view.readings[1, "grad_norm"].value == 0.123456


def test_a_cursor_that_moves_reads_no_curve_again(path: Path, look, monkeypatch: pytest.MonkeyPatch) -> None:
    charted_bake(path)
    first = look(cursor=10)
    assert look(cursor=11).curves is first.curves
    assert look(cursor=11, window=(5, 50)).curves is not first.curves


# What is chosen


def test_a_group_is_shown_and_hidden_whole(path: Path, look) -> None:
    charted_bake(path)
    records = look().records
    choice = CurveChoice()
    assert {curve.group for curve in records if choice.has(curve)} >= {LOSS, VALIDATION, RATES}
    shown = choice.turned_group(WEIGHTS, records)
    assert all(shown.has(curve) for curve in records if curve.group is WEIGHTS)
    assert not any(shown.turned_group(WEIGHTS, records).has(curve) for curve in records if curve.group is WEIGHTS)


def test_one_curve_is_shown_or_hidden_beside_its_group(path: Path, look) -> None:
    charted_bake(path)
    records = look().records
    unet = next(curve for curve in records if curve.key == "measure.delta_norm unet")
    layout = next(curve for curve in records if curve.key == "measure.validation_change layout")
    choice = CurveChoice().turned(unet)
    assert [curve.key for curve in records if choice.has(curve) and curve.group is WEIGHTS] == [unet.key]
    # Where any of a group is shown, its key hides it.
    assert not choice.turned_group(WEIGHTS, records).has(unet)
    bands = CurveChoice().turned_group(BANDS, records).turned(layout)
    assert not bands.has(layout) and any(bands.has(curve) for curve in records if curve.group is BANDS)
    assert bands.turned(layout).has(layout)


# The thread


class Posted:
    """What the thread has posted."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.came = threading.Condition()

    def __call__(self, message: Message) -> None:
        with self.came:
            self.messages.append(message)
            self.came.notify()

    def await_views(self, count: int) -> list[CurvesView]:
        def views() -> list[CurvesView]:
            return [message.view for message in self.messages if isinstance(message, CurvesViewRead)]

        with self.came:
            assert self.came.wait_for(lambda: len(views()) >= count, 15)
        return views()


@pytest.fixture
def posted() -> Posted:
    return Posted()


@pytest.fixture
def reader(path: Path, posted: Posted) -> Iterator[CurveReader]:
    reader = CurveReader(Workspace(path.parent), posted, interval=0.02)
    yield reader
    reader.stop()
    reader.join(15)


def test_what_is_asked_is_answered_and_whoever_waits_is_let_go(path: Path, reader: CurveReader, posted: Posted) -> None:
    charted_bake(path)
    reader.start()
    assert reader.ask(CurveQuestion((1,), cursor=7)).wait(15)
    assert posted.await_views(1)[0].readings[1, "loss"].value == loss_at(7)


def test_a_journal_that_changes_is_read_again_and_one_that_does_not_is_left(
    path: Path, reader: CurveReader, posted: Posted
) -> None:
    charted_bake(path, state=BakeState.BAKING, total=1000)
    reader.start()
    reader.ask(CurveQuestion((1,))).wait(15)
    posted.await_views(1)
    with Journal(path) as journal:
        journal.curves.add(1, "loss", [(STEPS + 1, 0.5)])
    assert posted.await_views(2)[-1].recorded == STEPS + 1
    seen = len(posted.messages)
    assert not threading.Event().wait(0.2)
    assert len(posted.messages) == seen


def test_a_journal_that_cannot_be_read_is_said_once_and_read_again_later(
    path: Path, reader: CurveReader, posted: Posted
) -> None:
    path.write_text("no database " * 100)
    reader.start()
    assert reader.ask(CurveQuestion((1,))).wait(15)
    with posted.came:
        assert posted.came.wait_for(lambda: len(posted.messages) > 1, 15)
    assert [type(message) for message in posted.messages if not isinstance(message, ChoiceFound)] == [CurvesNotRead]
    path.unlink()
    charted_bake(path)
    assert posted.await_views(1)[0].recorded == STEPS


@pytest.mark.parametrize("several", [False, True])
def test_what_was_chosen_is_known_the_next_time(path: Path, posted: Posted, several: bool) -> None:
    charted_bake(path)
    assert kept_choice(several=several) is None
    choice = CurveChoice(frozenset({"time"}), frozenset({"measure.delta_norm unet"}), frozenset({"seconds_data"}))
    reader = CurveReader(Workspace(path.parent), posted, several=several)
    reader.start()
    reader.keep(choice)
    reader.stop()
    reader.join(15)
    assert kept_choice(several=several) == choice
    assert kept_choice(several=not several) is None


@pytest.mark.parametrize(
    "text", ["", "[", "[1]", "{}", '{"groups": 3}', '{"groups": [1], "shown": [], "hidden": []}', "[" * 3000, "null"]
)
def test_a_damaged_note_of_what_was_chosen_is_none(text: str) -> None:
    write_note("curves", text)
    assert kept_choice(several=False) is None
