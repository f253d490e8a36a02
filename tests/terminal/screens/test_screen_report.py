"""The key that writes the report of the bake shown."""

from lora_tui.screens.journal import JournalScreen
from trainer.journal.measure_records import MeasuredValue
from trainer.journal.records import BakeState


async def test_r_writes_the_report_of_the_bake_shown_and_copies_the_command_that_fetches_it(
    runner, until, seen
) -> None:
    number = runner.baking()
    runner.set_state(BakeState.DONE)
    shares = {"unet": 0.22, "text_encoder": 0.71}
    with runner.journal() as journal:
        folder = runner.workspace.root / journal.bakes.read(number).folder
        values = [MeasuredValue(step=80, name="output_share", part=part, value=share) for part, share in shares.items()]
        values.append(MeasuredValue(step=80, name="output_lead", value=0.49, low=0.4, high=0.6, count=16))
        journal.measures.add(number, values)
    folder.mkdir(parents=True, exist_ok=True)
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: "22:71" in seen(runner.app))
        assert "the text encoder carries (TE 71 %, U-Net 22 %)" in seen(runner.app)
        await pilot.press("R")
        page = folder / f"report-{folder.name}.html"
        await until(pilot, lambda: str(page) in runner.app.clipboard)
        assert "the text encoder carries (TE 71 %, U-Net 22 %)" in page.read_text()
        assert any(note.title == "report written" for note in runner.app._notifications)
        page.unlink()
        await pilot.press("j")
        await until(pilot, lambda: isinstance(runner.app.screen, JournalScreen) and runner.app.screen.listing)
        await pilot.press("R")
        await until(pilot, page.is_file)
