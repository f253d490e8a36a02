"""The advice screen: ticks, what was seen, what to try in its order, and the ladder that would test it."""

import threading
from collections.abc import Collection
from typing import Any

import pytest
from screen_alone import ScreenAlone, until_true
from textual.widgets import Static

from lora_tui.actions.advice import AdviceRequest, LadderOffer
from lora_tui.ports import OWNER, Rights
from lora_tui.screens.advice import AdviceScreen
from lora_tui.screens.help import HelpScreen
from lora_tui.screens.ladder_offer import LadderOfferDialog
from trainer.advice.advise import advised_moves
from trainer.advice.record import Advice, SymptomHere
from trainer.advice.symptoms import SYMPTOMS
from trainer.errors import SettingsError
from trainer.ladders.own_settings import OwnSettings
from trainer.ladders.record import LadderSpec
from trainer.settings.model import Settings
from trainer.workspace import Workspace

WIDE, NARROW = (120, 36), (80, 24)
OWN = OwnSettings("advice", Settings(pretrained_model_name_or_path="demo", unet_lr=1e-4), "sd1")
SEEN = "static is above its lowest (0 % at epoch 1 → 40 % at epoch 6, 3.1 times outside the noise)"


class Asked(AdviceRequest):
    """Answers from the tables alone, and keeps what it was asked."""

    def __init__(self, tmp_path: Any, *, seen: bool = False, fails: str = "") -> None:
        super().__init__(Workspace(tmp_path), 12, "e")
        object.__setattr__(self, "asked", {"kept": [], "queued": [], "threads": set(), "seen": seen, "fails": fails})

    @property
    def log(self) -> dict[str, Any]:
        return self.__dict__["asked"]

    def read(self, chosen: Collection[str] | None = None) -> tuple[tuple[str, ...], Advice]:
        self.log["threads"].add(threading.current_thread() is threading.main_thread())
        if self.log["fails"]:
            raise SettingsError("journal.sqlite", found=self.log["fails"])
        keys = tuple(chosen or ())
        here = tuple(
            SymptomHere(
                symptom=symptom,
                chosen=symptom.key in keys,
                seen=(SEEN,) if self.log["seen"] and symptom.key == "static" else (),
            )
            for symptom in SYMPTOMS.values()
        )
        moves = advised_moves(here, OWN, 12)
        return keys, Advice(
            bake=12, epoch="epoch 6", symptoms=here, moves=moves, unknown=("text encoder: not measured",)
        )

    def keep(self, chosen: Collection[str]) -> None:
        self.log["kept"].append(tuple(chosen))

    def offer(self, spec: LadderSpec) -> LadderOffer:
        if self.log["fails"]:
            raise SettingsError("rung ×10", found="it does not fit")
        return LadderOffer(bakes=5, reused=1, seconds=600.0, disk_bytes=5_000_000, notes=("bf16 needs a GPU",))

    def queue(self, spec: LadderSpec, *, held: bool) -> int:
        self.log["queued"].append((spec.title, held))
        return 4


def alone(tmp_path: Any, rights: Rights = OWNER, **how: Any) -> tuple[ScreenAlone, Asked, list[int]]:
    asked, woken = Asked(tmp_path, **how), list[int]()
    return ScreenAlone(AdviceScreen("Advice on bake 0012 x", asked, rights, lambda: woken.append(1))), asked, woken


def about(app: ScreenAlone) -> str:
    return str(app.shown.query_one("#evidence", Static).content)


async def read(app: ScreenAlone, pilot: Any) -> None:
    await until_true(pilot, lambda: app.shown.advice is not None)


def options(app: ScreenAlone, name: str) -> list[str]:
    listed = getattr(app.shown, name)
    return [str(listed.get_option_at_index(place).prompt) for place in range(listed.option_count)]


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_symptoms_are_ticked_and_moves_follow_in_their_order(tmp_path, size) -> None:
    app, asked, _ = alone(tmp_path)
    async with app.run_test(size=size) as pilot:
        await read(app, pilot)
        assert len(options(app, "symptoms")) == len(SYMPTOMS)
        assert options(app, "moves") == ["nothing to try: tick what you see"]
        assert "tokens not showing unless boosted" in app.text()
        assert "esc close" in app.text()
        assert "the notes: “the tokens I trained" in about(app)
        await pilot.press("space")
        await until_true(pilot, lambda: len(options(app, "moves")) > 1)
        assert options(app, "symptoms")[0].startswith("✓")
        assert [line for line in options(app, "moves") if line[0].isdigit()] == ["1. Data", "3. Steps", "4. Rates"]
        assert asked.log["kept"] == [("token-needs-boost",)]
        await pilot.press("space")
        await until_true(pilot, lambda: options(app, "moves") == ["nothing to try: tick what you see"])
        assert asked.log["kept"][-1] == ()
    assert asked.log["threads"] == {False}


async def test_what_was_measured_is_marked_without_a_tick(tmp_path) -> None:
    app, _, _ = alone(tmp_path, seen=True)
    async with app.run_test(size=WIDE) as pilot:
        await read(app, pilot)
        place = list(SYMPTOMS).index("static")
        assert options(app, "symptoms")[place].startswith("  • static")
        app.shown.symptoms.highlighted = place
        await pilot.pause()
        assert f"seen: {SEEN}" in about(app)
        assert any("learning rate of the U-Net: lower" in line for line in options(app, "moves"))
        assert "text encoder: not measured" in about(app)


@pytest.mark.parametrize("key", ["l", "enter"])
async def test_the_ladder_of_a_move_is_queued_held_after_a_question(tmp_path, key) -> None:
    app, asked, woken = alone(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await read(app, pilot)
        await pilot.press("space")
        await until_true(pilot, lambda: len(options(app, "moves")) > 1)
        await pilot.press("tab", "end")
        assert "learning rate of the text encoder: raise" in about(app)
        assert "try ×3 (text_encoder_lr=6e-5): a step large enough to see" in about(app)
        assert "+ tokens that work only with a boosted weight" in about(app) and "− " in about(app)
        assert "`lora-tui advise 12 --ladder encoder-rate`" in about(app)
        await pilot.press(key)
        await until_true(pilot, lambda: isinstance(app.screen, LadderOfferDialog) and "5 bakes, about" in app.text())
        assert asked.log["queued"] == []
        await pilot.press("h")
        await until_true(pilot, lambda: asked.log["queued"])
        assert asked.log["queued"][0][1] is True
        await until_true(pilot, lambda: "ladder 4 is queued" in app.notes())
        assert woken == [1]
        await pilot.press("escape")
        assert app.answers == [None]


async def test_what_is_tested_by_hand_says_how(tmp_path) -> None:
    app, asked, _ = alone(tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await read(app, pilot)
        await pilot.press("space")
        await until_true(pilot, lambda: len(options(app, "moves")) > 1)
        await pilot.press("tab", "l")
        await until_true(pilot, lambda: "copy the folder" in app.notes())
        assert app.screen is app.shown and asked.log["queued"] == []


async def test_l_on_a_symptom_goes_to_what_to_try_and_the_help_names_the_keys(tmp_path) -> None:
    app, _, _ = alone(tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await read(app, pilot)
        await pilot.press("j", "j", "k", "space")
        await until_true(pilot, lambda: len(options(app, "moves")) > 1)
        assert app.shown.symptoms.key == "half-learned-token"
        await pilot.press("l")
        assert app.shown.moves.has_focus
        await pilot.press("end")
        before = app.text()
        await pilot.press("J", "J")
        assert app.text() != before
        await pilot.press("question_mark")
        await until_true(pilot, lambda: isinstance(app.screen, HelpScreen))
        await pilot.press("escape", "tab", "tab", "A")
        assert app.answers == [None]


async def test_a_screen_that_may_not_write_says_so(tmp_path) -> None:
    app, asked, _ = alone(tmp_path, Rights(bake=False, order=False), seen=True)
    async with app.run_test(size=WIDE) as pilot:
        await read(app, pilot)
        await pilot.press("space")
        await until_true(pilot, lambda: "read-only" in app.notes())
        await pilot.press("tab", "end", "l")
        await until_true(pilot, lambda: app.notes().count("read-only") == 2)
    assert asked.log["kept"] == [] and asked.log["queued"] == []


async def test_what_cannot_be_read_is_one_line(tmp_path) -> None:
    app, _, _ = alone(tmp_path, fails="is damaged")
    async with app.run_test(size=NARROW) as pilot:
        await until_true(pilot, lambda: "is damaged" in app.text())
        await pilot.press("space", "tab", "l", "enter", "J", "escape")
    assert app.answers == [None]
