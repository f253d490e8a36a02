"""The list of a bake's saved LoRAs, at the widths of its pane."""

from dataclasses import replace

import pytest
from screen_alone import ScreenAlone
from textual.app import ComposeResult
from textual.content import Content
from textual.screen import Screen

from lora_tui.widgets.epoch_list import EpochList
from trainer.history.epoch_standings import EpochStanding
from trainer.journal.records import Checkpoint
from trainer.measures.carried import Carried, Carrier


class Epochs(Screen[None]):
    def __init__(self) -> None:
        super().__init__()
        self.chosen: list[int] = []

    def compose(self) -> ComposeResult:
        yield EpochList()

    def on_epoch_list_chosen(self, event: EpochList.Chosen) -> None:
        self.chosen.append(event.saved.step)


def saved(epoch: int) -> Checkpoint:
    return Checkpoint(epoch, 200 * epoch, f"hifumi-{epoch:06d}.safetensors", 151_000_000, 0.09, 0.1, -0.03, 0.004, 0.0)


def who(carrier: Carrier, unet: float, *encoders: float) -> Carried:
    parts = {"unet": unet} | dict(zip(("text_encoder", "text_encoder_2"), encoders, strict=False))
    lead = sum(encoders) - unet
    return Carried(carrier, parts, lead, lead - 0.1, lead + 0.1, 16)


async def rows(width: int, carried: dict[int, Carried]) -> tuple[list[str], str]:
    app = ScreenAlone(Epochs())
    async with app.run_test(size=(width, 12)) as pilot:
        epochs = app.screen.query_one(EpochList)
        epochs.show((saved(3), saved(2), saved(1)), live=False, carried=carried)
        await pilot.pause()
        return [line for line in app.text().splitlines() if line][:4], Content.from_markup(
            str(epochs.border_title)
        ).plain.strip()


CARRIED = {200: who(Carrier.ENCODERS, 0.22, 0.71), 600: who(Carrier.OPEN, 0.62, 0.3)}


@pytest.mark.parametrize("width", [110, 78, 64])
async def test_a_row_has_the_shares_at_every_width(width: int) -> None:
    (head, newest, middle, oldest), words = await rows(width, CARRIED)
    assert "U-Net:TE" in head
    assert "62:30?" in newest and "22:71" in oldest and ":" not in middle.replace("hifumi", "")
    assert ("TE carries" in oldest, "not clear" in newest) == (width >= 110, width >= 110)
    assert ("hifumi-000003" in newest, "MiB" in newest) == (width > 64, width > 78)
    assert words == "epochs  step 600: the U-Net ahead, but not clear on 16 pictures (U-Net 62 %, TE 30 %)"


@pytest.mark.parametrize("shares", [{}, CARRIED], ids=["", "shares"])
async def test_no_figure_of_a_row_is_cut_at_any_width(shares: dict[int, Carried]) -> None:
    whole = {"ep", "step", "loss", "val", "Δbase", "size", "file", "U-Net:TE"}
    for width in (34, 44, 47, 57, 64, 71, 78, 92, 110):
        (head, newest, *_), _ = await rows(width, shares)
        assert set(head.split()) <= whole, width
        assert ("Δbase" in head) == ("-0.030 ±0.004" in newest.replace("−", "-")), width
        assert ("size" in head) == ("MiB" in newest), width
        assert ("file" in head) == ("hifumi" in newest), width


async def test_several_encoders_are_one_side() -> None:
    (head, newest, *_), words = await rows(110, {600: who(Carrier.ENCODERS, 0.1, 0.3, 0.5)})
    assert "U-Net:TEs" in head and "10:80  TEs carry" in newest
    assert words == "epochs  step 600: the text encoders carry (TE2 50 %, TE1 30 %, U-Net 10 %)"


async def test_what_was_never_measured_takes_no_column() -> None:
    (head, newest, *_), words = await rows(78, {})
    assert "TE" not in head and "MiB" in newest and words == "epochs"


async def test_what_the_noise_says_of_the_lowest_validation_loss_stands_below_the_rows() -> None:
    app = ScreenAlone(Epochs())
    async with app.run_test(size=(78, 12)) as pilot:
        epochs = app.screen.query_one(EpochList)
        epochs.show((saved(2), saved(1)), live=False, lowest="against step 400: inside the noise [x]")
        await pilot.pause()
        lines = [line for line in app.text().splitlines() if line]
        assert "hifumi-000001" in lines[2] and "▾ against step 400: inside the noise [x]" in lines[3]
        assert epochs.virtual_size.height == 4
        epochs.show((saved(2), saved(1)), live=False, lowest=f"against step 400: inside\nagainst the base: {'x' * 99}")
        await pilot.pause()
        assert [line.rstrip()[-3:] for line in app.text().splitlines() if "against" in line] == ["ide", "xx…"]
        assert epochs.virtual_size.height == 5
        epochs.show((saved(2), saved(1)), live=False)
        await pilot.pause()
        assert "against" not in app.text()
        assert epochs.virtual_size.height == 3


async def test_a_lora_from_elsewhere_goes_by_its_name_and_not_by_its_place() -> None:
    app = ScreenAlone(Epochs())
    async with app.run_test(size=(78, 12)) as pilot:
        imported = replace(saved(1), file="/a/very/long/way/to/the/files/of/somebody/else/cat-000001.safetensors")
        app.screen.query_one(EpochList).show((imported,), live=False)
        await pilot.pause()
        assert "cat-000001" in app.text() and "/a/very" not in app.text()


def standing(**said: int) -> EpochStanding:
    return EpochStanding(said)


async def test_what_the_user_said_has_a_column_where_something_was_said() -> None:
    app = ScreenAlone(Epochs())
    async with app.run_test(size=(78, 12)) as pilot:
        epochs = app.screen.query_one(EpochList)
        known = {
            200: standing(under=2),
            400: replace(standing(right=3, over=1), champion=True),
            600: replace(standing(over=1), best=True),
        }
        epochs.show((saved(3), saved(2), saved(1)), live=False, standings=known)
        await pilot.pause()
        head, newest, middle, oldest = [line for line in app.text().splitlines() if line][:4]
        assert "verdict" in head
        assert ("best" in newest, "right 3" in middle, "under 2" in oldest) == (True, True, True)
        assert "★ hifumi" in middle and "★" not in newest + oldest
        epochs.show((saved(3), saved(2)), live=False, standings={600: EpochStanding(), 400: EpochStanding(there=False)})
        await pilot.pause()
        head, newest, middle = [line for line in app.text().splitlines() if line][:3]
        assert "verdict" not in head and "deleted" in middle and "MiB" in newest


async def test_the_cursor_stays_on_its_lora_and_on_the_newest_it_stays_there() -> None:
    app = ScreenAlone(Epochs())
    async with app.run_test(size=(78, 12)) as pilot:
        epochs = app.screen.query_one(EpochList)
        epochs.show((saved(2), saved(1)), live=True, lowest="against step 400: inside the noise")
        epochs.focus()
        await pilot.press("enter")
        epochs.show((saved(3), saved(2), saved(1)), live=True)
        await pilot.press("enter", "j", "enter")
        epochs.show((saved(4), saved(3), saved(2), saved(1)), live=True)
        await pilot.press("enter", "end", "enter", "home", "enter", "up", "enter")
        assert app.screen.chosen == [400, 600, 400, 400, 200, 800, 800]


async def test_the_lines_below_the_oldest_lora_come_into_view_with_it() -> None:
    app = ScreenAlone(Epochs())
    async with app.run_test(size=(78, 5)) as pilot:
        epochs = app.screen.query_one(EpochList)
        epochs.show(tuple(saved(at) for at in range(9, 0, -1)), live=False, lowest="against step 400: inside the noise")
        epochs.focus()
        await pilot.press("end")
        await pilot.pause()
        assert "hifumi-000001" in app.text() and "inside the noise" in app.text()
