"""Every action by its key: pressed on a real screen, and what it does seen there."""

import ast
import shutil
from collections import Counter
from pathlib import Path

import pytest
from key_trials import read_trials, try_keys
from opened_screens import OPENERS
from PIL import Image
from scenes_of_pictures import data, make_data
from shown_actions import SHOWN_BY
from still_scenes import GROUPS

from lora_tui.keys.keymap import ACTIONS
from trainer.journal.records import BakeState

HERE = Path(__file__).parent
TRIALS = {group: read_trials(HERE / f"key_trials/{group}.txt") for group in GROUPS}


@pytest.mark.parametrize("group", GROUPS)
async def test_each_key_does_what_its_action_says(stages, group: str) -> None:
    scenes = {scene.name: scene for scene in GROUPS[group]}
    wrong = []
    async with stages(group) as stage:
        for trial in TRIALS[group]:
            wrong += await try_keys(stage, scenes[trial.scene], trial)
            await stage.clear()
    assert not wrong, "\n".join(wrong)


def test_each_action_is_tried_by_its_key() -> None:
    tried = {step.action for trials in TRIALS.values() for trial in trials for step in trial.steps} - {""}
    shown = [action for actions in SHOWN_BY.values() for action in actions]
    assert Counter(shown).most_common(1)[0][1] == 1
    assert [name for name in shown if name in tried or name in OPENERS] == []
    # Those that open something are tried with text behind them.
    assert tried | set(shown) | set(OPENERS) == {action.id for action in ACTIONS}


def test_the_tests_that_show_an_action_are_there() -> None:
    for name in SHOWN_BY:
        file, _, test = name.partition("::")
        defined = [
            node.name
            for node in ast.parse((HERE / file).read_text(encoding="utf-8")).body
            if isinstance(node, ast.AsyncFunctionDef)
        ]
        assert test.partition("[")[0] in defined, name


async def test_r_queues_the_bake_again_that_ended_early(runner, until) -> None:
    number = runner.add_bake()
    runner.set_state(BakeState.FAILED, number, "out of memory")
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.snapshot.bake is not None)
        await pilot.press("r")
        await until(pilot, lambda: runner.bakes()[0].state is BakeState.QUEUED)


async def test_a_new_picture_is_found_by_looking_again(stages) -> None:
    async with stages("pictures") as stage:
        await data(stage)
        assert "8 pictures" in stage.text()
        shutil.copy(stage.root / "data set/data/2_school/a.png", stage.root / "data set/data/2_school/new.png")
        await stage.press("g")
        await stage.until(lambda: "9 pictures" in stage.text())


async def test_more_buckets_than_there_is_room_for_are_scrolled(stages) -> None:
    async with stages("pictures") as stage:
        make_data(stage.root / "data set")
        for number, size in enumerate(((32, 128), (128, 32), (96, 96), (64, 96), (64, 128), (128, 64), (32, 64))):
            Image.new("RGB", size).save(stage.root / f"data set/data/3_dress/more{number}.png")
        await data(stage, "4")
        await stage.resize((80, 7))
        await stage.until(lambda: True)
        above = stage.text()
        await stage.press("j")
        assert stage.text() != above
        await stage.press("k")
        assert stage.text() == above
