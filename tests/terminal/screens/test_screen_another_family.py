"""The screen shows the parts of a family that only its record describes."""

from pathlib import Path

import pytest
import tiny_flow

from lora_tui.screens.help import active_keys
from trainer.families.registry import FAMILIES
from trainer.journal.metrics import MetricWriter
from trainer.journal.records import BakeState, Stage


@pytest.fixture(autouse=True)
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Path of a base of the family, which is known for the test's duration."""
    monkeypatch.setitem(FAMILIES, tiny_flow.FAMILY.key, tiny_flow.FAMILY)
    return str(tiny_flow.write_base(tmp_path / "flow.safetensors"))


async def test_rates_are_named_by_the_familys_parts(runner, until, seen) -> None:
    number = runner.add_bake()
    runner.set_state(BakeState.STARTING)
    with runner.journal() as journal:
        journal.bakes.set_state(number, BakeState.BAKING)
        journal.bakes.set_stage(number, Stage.STEP, 20, 240)
    writer = MetricWriter(runner.workspace.journal_path, number)
    for step in range(1, 21):
        writer.put(step, {"loss": 0.1, "lr_transformer": 2e-3})
    writer.close()
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: "lr 2.0e-3" in seen(runner.app))
        await until(pilot, lambda: "rates  transformer" in seen(runner.app))
        helps = {key.text for key in active_keys(runner.app.bake_screen)}
        assert "stop training the text encoder or transformer (what it learned is kept)" in helps
        await pilot.press("T")
        await until(pilot, lambda: "only the transformer trains" in str([*runner.app._notifications]))


async def test_the_plan_shows_the_familys_parts(runner, until, seen, base: str) -> None:
    async with runner.run((120, 48)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
        runner.app.bake_screen.editor.typed("pretrained_model_name_or_path", base)
        await until(
            pilot, lambda: "rates  transformer" in seen(runner.app) or "planned  transformer" in seen(runner.app)
        )
        await pilot.press("slash", *"unet_lr")
        await until(pilot, lambda: "transformer rate" in seen(runner.app))
