"""What a ladder answers from a journal: measures together, what is missing, other lengths, doneness and verdicts by rung."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_grid import made_grid
from made_ladders import add_ladder, baked, spec_of_factors
from made_twins import DATA, EPOCH, OTHER_DATA, add_bake

from trainer.gallery.sidecar import with_paths, write_sidecar
from trainer.journal.grid_records import CellNote
from trainer.journal.journal import Journal
from trainer.journal.measure_records import MeasuredValue
from trainer.journal.records import BakeState, Checkpoint
from trainer.ladders.measures import curve_title
from trainer.ladders.read import _named, answer_of
from trainer.ladders.record import AnswerKind, LadderAnswer, LadderCurve, Rung
from trainer.measures.of_curves import TRAINING_LOSS, VALIDATION_LOSS
from trainer.measures.of_pictures import DRIFT, PICTURE_SET
from trainer.workspace import Workspace

SIZES = (0.018, 0.05, 0.1, 0.35, 2.4)
FLAT = (0.48, 0.47, 0.48, 0.49, 0.48)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


@pytest.fixture
def journal(workspace: Workspace) -> Iterator[Journal]:
    with Journal(workspace.journal_path) as journal:
        yield journal


def by_ratio(means: Sequence[float], twins: int = 3, spread: float = 0.03, seed: int = 0) -> list[list[float]]:
    chance = np.random.default_rng(seed)
    return [[float(mean * np.exp(spread * chance.standard_normal())) for _ in range(twins)] for mean in means]


def curve_named(answer: LadderAnswer, name: str, at: str | None = None) -> LadderCurve:
    return next(curve for curve in answer.curves if curve.name == name and at in (None, curve.at))


def test_what_follows_the_knob_comes_first_with_its_noise(journal: Journal, workspace: Workspace) -> None:
    values = {"delta_share": by_ratio(SIZES), "rank_used": by_ratio(FLAT, seed=1)}
    answer = answer_of(journal, workspace, add_ladder(journal, values, spec_of_factors(twins=3)))
    assert [curve.kind for curve in answer.curves] == [AnswerKind.TREND, AnswerKind.INSIDE]
    assert answer.lines[0] == "of 2 measures over 5 rungs together, 1 follows unet_lr beyond the noise (1 trend)"
    assert answer.lines[1].startswith("change / weights of the U-Net: rises 1")
    assert answer.lines[1].endswith("; 15 bakes, 3 per rung, × 4 pictures")
    assert "times outside the noise" in answer.lines[1]
    assert answer.lines[2] == "inside the noise: rank used of the U-Net"
    assert answer.noise.startswith("noise from twins at the rungs: 15 bakes over 5 rungs, 3 per rung")
    assert curve_named(answer, "delta_share").step == 2 * EPOCH


def test_the_training_loss_says_nothing_between_rates(journal: Journal, workspace: Workspace) -> None:
    spec = spec_of_factors((0.1, 1, 10))
    bakes = {}
    for rung, each in enumerate(spec.rungs):
        for twin in range(2):
            loss = 0.1 * 3**rung + 0.001 * twin
            changed = dict(text.split("=") for text in each.overrides)
            bakes[rung, twin] = add_bake(journal, seed=twin, losses={2 * EPOCH: loss}, **changed)
    answer = answer_of(journal, workspace, baked(spec, bakes))
    assert TRAINING_LOSS not in {curve.name for curve in answer.curves}
    assert curve_named(answer, VALIDATION_LOSS).kind is AnswerKind.TREND


def test_without_twins_it_says_which_twin_would_tell(journal: Journal, workspace: Workspace) -> None:
    state = add_ladder(journal, {"rank_used": [[0.2], [0.5], [0.9]]}, spec_of_factors((0.1, 1, 10), twins=1))
    answer = answer_of(journal, workspace, state)
    assert [curve.kind for curve in answer.curves] == [AnswerKind.OPEN]
    assert answer.lines == (
        "1 measure over 3 rungs: nothing can be claimed yet",
        "noise not known: make a twin (rank used of the U-Net)",
    )
    assert answer.missing[0] == "make a twin of bake 1 (×0.1): `lora-tui twin 1`"
    assert sum("make a twin of bake" in line for line in answer.missing) == 3


def test_while_twins_are_queued_nobody_is_asked_to_make_one(journal: Journal, workspace: Workspace) -> None:
    state = add_ladder(journal, {"rank_used": [[0.2], [0.5], [0.9]]}, spec_of_factors((0.1, 1, 10), twins=2))
    answer = answer_of(journal, workspace, state)
    assert [curve.kind for curve in answer.curves] == [AnswerKind.OPEN]
    told = "\n".join((*answer.lines, answer.noise, *answer.missing, *(curve.words for curve in answer.curves)))
    assert "make a twin" not in told
    assert "noise not known until a twin that waits is baked (rank used of the U-Net)" in answer.lines
    assert "3 bakes still to come: ×0.1 twin 1, ×1 twin 1, ×10 twin 1" in answer.missing
    # Those of a rung that was cut do not come.
    cut = tuple(replace(each, cut=each.twin == 1) for each in state.bakes)
    assert "make a twin" in answer_of(journal, workspace, replace(state, bakes=cut)).noise


def test_measures_of_one_rung_alone_are_named_in_one_line(journal: Journal, workspace: Workspace) -> None:
    values = {"rank_used": [[], [0.5], []], "delta_share": [[], [0.05], []], "delta_norm": [[], [5.0], []]}
    lines = answer_of(journal, workspace, add_ladder(journal, values, spec_of_factors((0.1, 1, 10), twins=1))).lines
    alone = [line for line in lines if line.startswith("not known")]
    assert len(alone) == 1
    assert alone[0].startswith("not known, as one rung alone has a value: ")
    assert "rank used" in alone[0] and "change / weights" in alone[0]


def test_titles_with_commas_are_told_apart(journal: Journal, workspace: Workspace) -> None:
    state = add_ladder(journal, {"rank_used": [[0.2], [0.5], [0.9]]}, spec_of_factors((0.1, 1, 10), twins=1))
    curve = answer_of(journal, workspace, state).curves[0]
    assert _named([curve, replace(curve, name="delta_share")]).count(", ") == 1
    scoped = [replace(curve, scope="down, attention"), replace(curve, name="delta_share", scope="up, mlp")]
    assert _named(scoped).split("; ") == [curve_title(each) for each in scoped]


def test_twins_outside_the_ladder_give_its_noise(journal: Journal, workspace: Workspace) -> None:
    state = add_ladder(journal, {"rank_used": [[0.2], [0.5], [0.8]]}, spec_of_factors((0.1, 1, 10), twins=1))
    for seed, value in ((5, 0.51), (6, 0.49), (7, 0.505)):
        add_bake(journal, {"rank_used": value}, seed=seed)
    curve = answer_of(journal, workspace, state).curves[0]
    assert curve.kind is AnswerKind.TREND
    assert [point.values for point in curve.points] == [(0.2,), (0.5,), (0.8,)]


def test_a_bake_that_was_cut_is_neither_a_value_nor_noise(journal: Journal, workspace: Workspace) -> None:
    values = {"rank_used": [[0.4, 0.41, 0.9], [0.5, 0.51, 0.49], [0.6, 0.61, 0.59]]}
    state = add_ladder(journal, values, spec_of_factors((0.1, 1, 10), twins=3))
    cut = tuple(replace(each, cut=(each.rung, each.twin) == (0, 2)) for each in state.bakes)
    whole = answer_of(journal, workspace, state).curves[0]
    assert whole.kind is AnswerKind.OPEN
    curve = answer_of(journal, workspace, replace(state, bakes=cut)).curves[0]
    assert curve.kind is AnswerKind.TREND
    assert curve.points[0].values == (0.4, 0.41)


def test_rungs_that_are_missing_failed_or_waiting_are_left_out_and_named(
    journal: Journal, workspace: Workspace
) -> None:
    spec = spec_of_factors()
    state = add_ladder(journal, {"rank_used": [[0.4, 0.41], [0.5, 0.51], [0.6, 0.61], [], []]}, spec)
    failed = add_bake(journal, seed=0, unet_lr=6e-4)
    journal.bakes.set_state(failed, BakeState.FAILED, "out of memory")
    bakes = tuple(
        replace(each, bake=failed, state=BakeState.FAILED) if (each.rung, each.twin) == (3, 0) else each
        for each in state.bakes
    )
    answer = answer_of(journal, workspace, replace(state, bakes=bakes))
    assert answer.curves[0].kind is AnswerKind.TREND
    assert [point.rung for point in answer.curves[0].points] == [0, 1, 2]
    assert f"×3 (bake {failed}) ended early: `lora-tui ladder continue 1` bakes what is left" in answer.missing
    assert "3 bakes still to come: ×3 twin 1, ×10, ×10 twin 1" in answer.missing
    nothing = answer_of(journal, workspace, baked(spec, {}))
    assert (nothing.curves, nothing.lines) == ((), ("nothing is baked yet",))


def test_settings_that_would_measure_more_are_named(journal: Journal, workspace: Workspace) -> None:
    state = add_ladder(journal, {"delta_share": by_ratio((0.1, 0.2, 0.3))}, spec_of_factors((0.1, 1, 10), twins=3))
    missing = answer_of(journal, workspace, state).missing
    assert any(
        line.startswith("missing in every bake: output share, ") and "; measure_parts measures" in line
        for line in missing
    )
    assert not any(line.startswith("measure_weights") for line in missing)


@pytest.mark.parametrize(("factors", "words"), [((1,), "1 rung shows no trend"), ((1, 5), "2 rungs show no trend")])
def test_rungs_that_show_no_trend_are_counted_in_words_that_fit(
    journal: Journal, workspace: Workspace, factors: tuple[float, ...], words: str
) -> None:
    state = add_ladder(journal, {"delta_share": by_ratio((0.2,) * len(factors))}, spec_of_factors(factors))
    assert any(line.startswith(words) for line in answer_of(journal, workspace, state).missing)


def test_what_rests_on_two_bakes_of_one_rung_asks_for_a_third(journal: Journal, workspace: Workspace) -> None:
    values = {"rank_used": [[0.50, 0.51], [0.50, 0.51], [0.51, 0.50], [0.51, 0.50], [0.58, 0.60]]}
    state = add_ladder(journal, values, spec_of_factors())
    answer = answer_of(journal, workspace, state)
    assert (answer.curves[0].kind, answer.curves[0].rests_on) == (AnswerKind.OPEN, 4)
    assert "1 measure rests on ×10 alone: `lora-tui twin 9` makes another of it" in answer.missing


def test_exact_repeats_are_one_bake(journal: Journal, workspace: Workspace) -> None:
    spec = spec_of_factors((0.1, 1, 10))
    bakes = {}
    for rung, each in enumerate(spec.rungs):
        changed = dict(text.split("=") for text in each.overrides)
        for twin in range(2):
            bakes[rung, twin] = add_bake(journal, {"rank_used": 0.2 + 0.3 * rung}, seed=4, **changed)
    curve = answer_of(journal, workspace, baked(spec, bakes)).curves[0]
    assert curve.kind is AnswerKind.OPEN
    assert [len(point.values) for point in curve.points] == [1, 1, 1]


def longer(journal: Journal, number: int, epochs: int, values: Sequence[float]) -> None:
    """Make a bake of `epochs` epochs of one with two, with these values of the rank used after them."""
    journal.bakes.set_plan(number, epochs * EPOCH, EPOCH)
    rows = [
        MeasuredValue(step=EPOCH * (at + 1), name="rank_used", part="unet", value=value, count=4)
        for at, value in enumerate(values)
    ]
    journal.measures.add(number, rows)


def test_rungs_of_other_lengths_are_read_at_their_ends_and_at_the_last_common_epoch(
    journal: Journal, workspace: Workspace
) -> None:
    rungs = tuple(
        Rung(label=str(epochs), overrides=(f"max_train_epochs={epochs}",), position=epochs) for epochs in (2, 4, 6)
    )
    spec = replace(spec_of_factors((1, 2, 3)), rungs=rungs, knobs=("max_train_epochs",))
    bakes = {}
    for rung, epochs in enumerate((2, 4, 6)):
        for twin in range(2):
            number = add_bake(journal, seed=twin, max_train_epochs=epochs)
            longer(journal, number, epochs, [0.1 * (at + 1) + 0.001 * twin for at in range(epochs)])
            bakes[rung, twin] = number
    answer = answer_of(journal, workspace, baked(spec, bakes))
    last = curve_named(answer, "rank_used", "each bake's last LoRA")
    common = curve_named(answer, "rank_used", "epoch 2")
    assert (last.kind, last.step) == (AnswerKind.TREND, None)
    assert "rank used of the U-Net (each bake's last LoRA): rises" in last.words
    assert (common.kind, common.step) == (AnswerKind.INSIDE, 2 * EPOCH)


def test_bakes_measured_on_other_pictures_are_not_compared(journal: Journal, workspace: Workspace) -> None:
    spec = spec_of_factors((0.1, 1, 10))
    values = {DRIFT: [[0.5, 0.51], [0.6, 0.61], [0.7, 0.71]], PICTURE_SET: [[1, 1], [1, 1], [1, 2]]}
    state = add_ladder(journal, values, spec)
    for each in state.bakes:
        assert each.bake is not None
        rows = [replace(row, part="") for row in journal.measures.of_bake(each.bake)]
        journal.measures.add(each.bake, rows)
    found = next(curve for curve in answer_of(journal, workspace, state).curves if not curve.part)
    assert [len(point.values) for point in found.points] == [2, 2, 1]


def test_rungs_on_other_data_are_no_twins_and_still_compared(journal: Journal, workspace: Workspace) -> None:
    spec = replace(spec_of_factors((0.1, 1, 10)), knobs=("train_data_dir",))
    bakes = {}
    for rung in range(3):
        for twin in range(2):
            value = 0.3 + 0.2 * rung + 0.001 * twin
            data = OTHER_DATA if rung == 2 else DATA
            bakes[rung, twin] = add_bake(journal, {"rank_used": value}, seed=twin, data=data, unet_lr=1e-4 * (rung + 1))
    assert answer_of(journal, workspace, baked(spec, bakes)).curves[0].kind is AnswerKind.TREND


def six_epochs(journal: Journal, number: int, rest: int, shift: float) -> None:
    """Let a bake come to rest at its epoch `rest` of six."""
    journal.bakes.set_plan(number, 6 * EPOCH, EPOCH)
    for epoch in range(1, 7):
        reached = min(epoch, rest) / rest
        val = -0.12 * reached * (1 + shift)
        saved = Checkpoint(epoch, EPOCH * epoch, f"x-{epoch:06d}.safetensors", 9, 0.1, 0.2 + val, val, 0.002, 1e9)
        journal.results.add_checkpoint(number, saved)
        share = 0.004 * reached * (1 + shift) + 1e-6 * epoch
        journal.measures.add(
            number,
            [
                MeasuredValue(step=EPOCH * epoch, name="delta_share", part="unet", value=share),
                MeasuredValue(
                    step=EPOCH * epoch, name="validation_change", value=val, low=val - 0.01, high=val + 0.01, count=8
                ),
            ],
        )


def test_where_each_rung_is_done_is_told_with_its_width_in_steps_and_epochs(
    journal: Journal, workspace: Workspace
) -> None:
    spec = spec_of_factors((0.1, 1, 10), twins=3)
    bakes = {}
    for rung, (each, rest) in enumerate(zip(spec.rungs, (6, 4, 2), strict=True)):
        changed = dict(text.split("=") for text in each.overrides)
        for twin, shift in enumerate((0.0, 0.01, -0.01)):
            bakes[rung, twin] = add_bake(journal, seed=twin, **changed)
            six_epochs(journal, bakes[rung, twin], rest, shift)
    answer = answer_of(journal, workspace, baked(spec, bakes))
    steps, epochs = curve_named(answer, "band_steps"), curve_named(answer, "band_epochs")
    assert [point.mean for point in steps.points] == [EPOCH * point.mean for point in epochs.points]
    assert steps.points[0].mean < steps.points[1].mean < steps.points[2].mean
    done = next(line for line in answer.lines if line.startswith("doneness at ×10: "))
    assert f"bake {bakes[2, 0]}: U-Net done in epochs" in done
    assert "steps and" in done and "epochs wide" in done
    assert any(line.startswith("the band reaches the last epoch at") for line in answer.lines)


def test_lanes_that_validation_alone_places_are_told_and_make_no_band(journal: Journal, workspace: Workspace) -> None:
    spec = spec_of_factors((0.1, 1, 10), twins=3)
    bakes = {}
    for rung, each in enumerate(spec.rungs):
        changed = dict(text.split("=") for text in each.overrides)
        for twin in range(3):
            bakes[rung, twin] = add_bake(journal, seed=twin, **changed)
            journal.bakes.set_plan(bakes[rung, twin], 6 * EPOCH, EPOCH)
            for epoch in range(1, 7):
                val = -0.03 * min(epoch, 4 - rung) - 0.0001 * twin
                saved = Checkpoint(epoch, EPOCH * epoch, f"x-{epoch}.safetensors", 9, 0.1, 0.2 + val, val, 0.002, 1e9)
                journal.results.add_checkpoint(bakes[rung, twin], saved)
    answer = answer_of(journal, workspace, baked(spec, bakes))
    done = next(line for line in answer.lines if line.startswith("doneness at ×1: "))
    assert "no band by validation alone (bake 4: U-Net done in epochs" in done
    assert not any(curve.name.startswith("band") for curve in answer.curves)


def test_verdicts_are_counted_by_rung(journal: Journal, workspace: Workspace) -> None:
    state = add_ladder(journal, {"rank_used": by_ratio((0.1, 0.2, 0.3))}, spec_of_factors((0.1, 1, 10), twins=3))
    for rung, said in ((0, "under"), (2, "over")):
        number = next(each.bake for each in state.bakes if each.rung == rung)
        assert number is not None
        judged(journal, workspace, number, said)
    answer = answer_of(journal, workspace, state)
    assert answer.tallies == {0: {"favourite": 1, "under": 2}, 2: {"favourite": 1, "over": 2}}
    assert answer.lines[-1] == (
        "you judged pictures, counted apart from bakes: ×0.1 1 favourite, 2 under; ×10 1 favourite, 2 over"
    )


def judged(journal: Journal, workspace: Workspace, number: int, said: str) -> None:
    """Write a grid of a bake's epochs by weight, with verdicts on two of its pictures at full weight, and one at none."""
    bake = journal.bakes.read(number)
    grid = journal.grids.add(name="grid", spec="{}")
    folder = workspace.root / grid.folder
    made = made_grid(folder, shape=(2, 5, 1, 1))
    loras = workspace.root / bake.folder
    write_sidecar(with_paths(made, lambda path: str(loras / Path(path).name.replace("hifumi", "x"))), folder)
    for epoch in (1, 2):
        saved = Checkpoint(epoch, EPOCH * epoch, f"x-{epoch:06d}.safetensors", 9, None, None, None, None, 1e9)
        journal.results.add_checkpoint(number, saved)
    for cell, favourite in (("x1-y5-z1-s1", True), ("x2-y5-z1-s1", False), ("x1-y1-z1-s1", True)):
        journal.grids.set_cell_note(CellNote(grid.number, cell, favourite=favourite, whole=said))


def test_imported_bakes_answer_like_others(journal: Journal, workspace: Workspace) -> None:
    spec = spec_of_factors((0.1, 1, 10))
    state = add_ladder(journal, {"rank_used": [[0.3, 0.31], [0.5, 0.51], [0.7, 0.71]]}, spec)
    for each in state.bakes:
        assert each.bake is not None
        journal.results.set_manifest(each.bake, b"not read any more")
    assert answer_of(journal, workspace, state).curves[0].kind is AnswerKind.TREND
