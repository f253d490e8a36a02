"""Doneness read from a journal: twins' noise, plain validation, exposures, the parts that train, the user's verdicts on grids."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from made_grid import made_grid
from made_twins import DATA, PICTURE, add_bake

from lora_tui.wording.doneness import doneness_json, doneness_lines
from trainer.dataset.manifest import Manifest
from trainer.doneness.read import doneness_of
from trainer.doneness.record import Agreement, Doneness, EpochState
from trainer.doneness.words import lines
from trainer.errors import WorkspaceError
from trainer.gallery.sidecar import with_paths, write_sidecar
from trainer.journal.grid_records import CellNote
from trainer.journal.journal import Journal
from trainer.journal.measure_records import BakeNote, MeasuredValue
from trainer.journal.records import Checkpoint
from trainer.measures.of_validation import AUC, CHANCE, HELD_OUT_CHANGE
from trainer.measures.of_weights import DELTA_SHARE
from trainer.workspace import Workspace

EPOCH = 10
FALLS = (-0.02, -0.07, -0.11, -0.12, -0.12, -0.12)
GROWS = (0.002, 0.004, 0.005, 0.0055, 0.0056, 0.0056)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


@pytest.fixture
def journal(workspace: Workspace) -> Iterator[Journal]:
    with Journal(workspace.journal_path) as journal:
        yield journal


def bake(
    journal: Journal,
    shift: float = 0.0,
    *,
    by_bands: bool = True,
    data: Manifest = DATA,
    parts: Sequence[str] = ("unet",),
    **settings: object,
) -> int:
    """Write a bake of six epochs that comes to rest at its fourth, its values shifted by a share."""
    number = add_bake(journal, data=data, **settings)
    for place, (change, size) in enumerate(zip(FALLS, GROWS, strict=True)):
        step = EPOCH * (place + 1)
        val = change * (1 + shift)
        saved = Checkpoint(place + 1, step, f"x-{place + 1:06d}.safetensors", 9, 0.1, 0.1 + val, val, 0.002, 1e9)
        journal.results.add_checkpoint(number, saved)
        rows = [MeasuredValue(step=step, name=DELTA_SHARE.key, part=part, value=size * (1 + shift)) for part in parts]
        if by_bands:
            rows.append(
                MeasuredValue(step=step, name=HELD_OUT_CHANGE, value=val, low=val - 0.01, high=val + 0.01, count=8)
            )
        journal.measures.add(number, rows)
    return number


def states(doneness: Doneness, lane: int = 0) -> list[EpochState]:
    return [placed.state for placed in doneness.lanes[lane].epochs]


def test_twins_give_the_noise_and_so_the_band(journal: Journal, workspace: Workspace) -> None:
    first = bake(journal, seed=1)
    assert doneness_of(journal, workspace, first).band is None
    for seed, shift in ((2, 0.02), (3, -0.02), (4, 0.01)):
        bake(journal, shift, seed=seed)
    found = doneness_of(journal, workspace, first)
    assert states(found)[0] is EpochState.RAW
    assert states(found)[-1] is EpochState.DONE
    assert found.noise == "noise from 4 bakes × 8 pictures"
    assert found.band is not None and found.band.last == 5


def test_plain_validation_stands_in_for_that_by_bands(journal: Journal, workspace: Workspace) -> None:
    validation = tuple(replace(PICTURE, path=f"v/{number}.png") for number in range(12))
    number = bake(journal, by_bands=False, data=replace(DATA, validation=validation))
    found = doneness_of(journal, workspace, number)
    assert states(found) == [EpochState.RAW, EpochState.FORMING, *[EpochState.DONE] * 4]
    assert "outside its own 95 % interval; noise not known: make a twin" in found.lanes[0].epochs[1].findings[0].words


def test_how_often_pictures_were_shown_stands_on_the_axis(journal: Journal, workspace: Workspace) -> None:
    pictures = tuple(replace(PICTURE, path=f"{repeats}_a/a.png", repeats=repeats) for repeats in (2, 5))
    reg = replace(PICTURE, path="9_r/a.png", repeats=9, is_reg=True)
    found = doneness_of(journal, workspace, bake(journal, data=Manifest(pictures=(*pictures, reg))))
    assert [epoch.exposures for epoch in found.epochs][:3] == [(2, 5), (4, 10), (6, 15)]
    assert lines(found)[2].split() == ["each", "picture", "shown", "2–5", "4–10", "6–15", "8–20", "10–25", "12–30"]


def test_a_damaged_list_of_data_costs_the_exposures_alone(journal: Journal, workspace: Workspace) -> None:
    number = bake(journal)
    journal.results.set_manifest(number, b"nothing")
    assert doneness_of(journal, workspace, number).epochs[0].exposures is None


def test_parts_without_a_rate_have_no_lane(journal: Journal, workspace: Workspace) -> None:
    both = ("unet", "text_encoder")
    number = bake(journal, parts=both, unet_lr=1e-4, text_encoder_lr=1e-5)
    assert [lane.title for lane in doneness_of(journal, workspace, number).lanes] == [
        "U-Net",
        "text encoder",
        "memorization",
    ]
    number = bake(journal, parts=both, unet_lr=1e-4, text_encoder_lr=0)
    assert [lane.title for lane in doneness_of(journal, workspace, number).lanes] == ["U-Net", "memorization"]


@pytest.mark.parametrize(
    ("named", "decides"), [({"validation_outfit": "1_a"}, False), ({"validation_split": 0.1}, True)]
)
def test_a_folder_held_out_whole_lets_memorization_decide_no_band(
    journal: Journal, workspace: Workspace, named: dict[str, object], decides: bool
) -> None:
    number = bake(journal, **named)
    signs = {AUC: 0.9, CHANCE: 0.001}
    journal.measures.add(
        number, [MeasuredValue(step=EPOCH, name=name, value=value, count=8) for name, value in signs.items()]
    )
    lane = doneness_of(journal, workspace, number).lanes[-1]
    assert (lane.bands, bool(lane.missing)) == (decides, not decides)


def test_settings_that_cannot_be_read_cost_nothing(journal: Journal, workspace: Workspace) -> None:
    number = bake(journal, parts=("text_encoder",))
    with journal._database.writing() as connection:
        connection.execute("UPDATE bake SET settings_toml = '=' WHERE number = ?", (number,))
    assert doneness_of(journal, workspace, number).lanes[0].title == "text encoder"


def test_what_was_measured_of_a_lora_whose_row_is_gone_is_on_the_axis(journal: Journal, workspace: Workspace) -> None:
    number = add_bake(journal)
    journal.measures.add(
        number, [MeasuredValue(step=step, name=DELTA_SHARE.key, part="unet", value=0.1) for step in (10, 15, 20)]
    )
    assert [epoch.title for epoch in doneness_of(journal, workspace, number).epochs] == [
        "epoch 1",
        "step 15",
        "epoch 2",
    ]


def test_a_bake_that_does_not_exist_is_an_error(journal: Journal, workspace: Workspace) -> None:
    with pytest.raises(WorkspaceError, match="99"):
        doneness_of(journal, workspace, 99)


def judged(journal: Journal, workspace: Workspace, number: int, notes: Mapping[str, CellNote]) -> None:
    """Write a grid of the bake's first three epochs by U-Net weight, and notes on its cells."""
    folder = workspace.root / "grids" / "0001-g"
    made = made_grid(folder, (3, 5, 1, 1))
    loras = workspace.root / journal.bakes.read(number).folder
    write_sidecar(with_paths(made, lambda path: str(loras / Path(path).name.replace("hifumi", "x"))), folder)
    grid = journal.grids.add(name="g", spec="{}")
    for note in notes.values():
        journal.grids.set_cell_note(replace(note, grid=grid.number))


def test_verdicts_on_pictures_at_full_strength_stand_on_the_axis(journal: Journal, workspace: Workspace) -> None:
    number = bake(journal, seed=1)
    for seed, shift in ((2, 0.02), (3, -0.02), (4, 0.01)):
        bake(journal, shift, seed=seed)
    rated = {
        # Y is the U-Net's weight: 1 at the fifth row, 0.5 at the third.
        cell: CellNote(0, cell, whole=said, unet=of_unet)
        for cell, said, of_unet in (
            ("x1-y5-z1-s1", "under", ""),
            ("x2-y5-z1-s1", "", "right"),
            ("x3-y3-z1-s1", "over", ""),
        )
    }
    judged(journal, workspace, number, rated)
    journal.notes.keep(BakeNote(bake=number, best_step=6 * EPOCH))
    found = doneness_of(journal, workspace, number)
    assert [(mark.place, mark.said, mark.about, mark.agreement) for mark in found.marks] == [
        (0, "under", "whole", Agreement.AGREES),
        (1, "right", "body", Agreement.CONTRADICTS),
        (5, "best", "whole", Agreement.AGREES),
    ]
    assert found.marks[1].words == "you called the U-Net of epoch 2 right: contradicts (U-Net is forming)"


def test_a_damaged_grid_costs_its_verdicts_alone(journal: Journal, workspace: Workspace) -> None:
    number = bake(journal)
    judged(journal, workspace, number, {"x1-y5-z1-s1": CellNote(0, "x1-y5-z1-s1", whole="right")})
    (workspace.root / "grids" / "0001-g" / "grid.json").write_text(json.dumps({"cells": 3}))
    assert doneness_of(journal, workspace, number).marks == ()


def test_show_prints_it_and_json_has_it(journal: Journal, workspace: Workspace) -> None:
    number = bake(journal, seed=1)
    for seed, shift in ((2, 0.02), (3, -0.02), (4, 0.01)):
        bake(journal, shift, seed=seed)
    found = doneness_of(journal, workspace, number)
    said = list(doneness_lines(found))
    assert said[0] == "doneness:"
    assert next(line for line in said if line.startswith("  U-Net ")).split() == ["U-Net", *"rfDDDD"]
    plain = json.loads(json.dumps(doneness_json(found)))
    assert plain["lanes"][0]["epochs"][0]["state"] == "raw"
    assert plain["aim_for"]["last"] == 5
    assert list(doneness_lines(doneness_of(journal, workspace, add_bake(journal)))) == []
