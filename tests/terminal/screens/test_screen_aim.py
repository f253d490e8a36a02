"""Aiming for the band, a ladder that is offered, and the frontier, on their screens."""

from typing import Any

import pytest
from advised_bakes import START, an_aim
from screen_alone import ScreenAlone, until_true
from textual.widgets import Static

from lora_tui.actions.advice import AdviceRequest, LadderOffer
from lora_tui.ports import Rights
from lora_tui.screens.aim import AimDialog
from lora_tui.screens.frontier import FrontierDialog
from lora_tui.screens.ladder_offer import LadderOfferDialog
from trainer.advice.frontier import BakeGroup, Frontier, FrontierCurve, FrontierPoint
from trainer.errors import WorkspaceError
from trainer.ladders.build import ladder_of_knob
from trainer.settings.model import Settings
from trainer.workspace import Workspace

WIDE, NARROW = (120, 36), (80, 24)
SPEC = ladder_of_knob(Settings.model_validate(START), "unet_lr", ["0.1", "1", "10"])


class Scripted(AdviceRequest):
    """Answers without a journal, and keeps what it was asked."""

    def __init__(self, folder: Any, fails: str = "") -> None:
        super().__init__(Workspace(folder), 12, "e")
        object.__setattr__(self, "queued", [])
        object.__setattr__(self, "fails", fails)

    def aim(self) -> Any:
        if self.__dict__["fails"]:
            raise WorkspaceError("bake 12", found=self.__dict__["fails"], details=["text encoder: not measured"])
        return an_aim(12)

    def queue_variants(self, aim: Any) -> int:
        self.__dict__["queued"].append("variants")
        return len(aim.points)

    def offer(self, spec: Any) -> LadderOffer:
        if self.__dict__["fails"]:
            raise WorkspaceError("rung ×10", found=self.__dict__["fails"])
        return LadderOffer(bakes=5, reused=1, seconds=600.0, disk_bytes=5_000_000, notes=("bf16 needs a GPU",))

    def queue(self, spec: Any, *, held: bool) -> int:
        self.__dict__["queued"].append(held)
        return 4


def words(app: ScreenAlone, name: str) -> str:
    return str(app.screen.query_one(name, Static).content)


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_the_aim_shows_its_model_and_queues_variants_held(tmp_path, size) -> None:
    request = Scripted(tmp_path)
    woken: list[int] = []
    app = ScreenAlone(AimDialog("Aim for the band with bake 0012 x", request, wake=lambda: woken.append(1)))
    async with app.run_test(size=size) as pilot:
        await until_true(pilot, lambda: "done in epochs 7–8" in words(app, "#aim"))
        assert "model: a simple one" in words(app, "#aim") and "ladder around it" in words(app, "#aim")
        await pilot.press("v")
        await until_true(pilot, lambda: "1 variant queued, held" in app.notes())
        assert request.__dict__["queued"] == ["variants"] and woken == [1]
        await pilot.press("l")
        await until_true(pilot, lambda: isinstance(app.screen, LadderOfferDialog))
        await pilot.press("escape", "escape")
        assert app.answers == [None]


async def test_where_nothing_can_be_aimed_at_it_says_why(tmp_path) -> None:
    app = ScreenAlone(AimDialog("Aim", Scripted(tmp_path, "no part is placed")))
    async with app.run_test(size=NARROW) as pilot:
        await until_true(pilot, lambda: "no part is placed" in app.text())
        assert "text encoder: not measured" in app.text()
        await pilot.press("v", "l", "escape")
    assert app.answers == [None]


async def test_an_onlooker_queues_nothing(tmp_path) -> None:
    request = Scripted(tmp_path)
    app = ScreenAlone(AimDialog("Aim", request, Rights(bake=False, order=False)))
    async with app.run_test(size=NARROW) as pilot:
        await until_true(pilot, lambda: "model" in words(app, "#aim"))
        await pilot.press("v", "l")
        await until_true(pilot, lambda: app.notes().count("read-only") == 2)
    assert request.__dict__["queued"] == []


@pytest.mark.parametrize(("key", "held"), [("h", True), ("b", False)])
async def test_an_offered_ladder_says_what_it_takes_and_is_queued(tmp_path, key, held) -> None:
    request = Scripted(tmp_path)
    app = ScreenAlone(LadderOfferDialog(request, SPEC))
    async with app.run_test(size=NARROW) as pilot:
        said = "5 bakes, about 10 min, 5.0 MB of disk space; 1 more is in the journal already"
        await until_true(pilot, lambda: said in words(app, "#outlook"))
        assert "×0.1, ×1, ×10; 2 bakes of each" in app.text() and "bf16 needs a GPU" in app.text()
        await pilot.press(key)
        await until_true(pilot, lambda: app.answers == [4])
    assert request.__dict__["queued"] == [held]


async def test_a_ladder_that_cannot_be_baked_says_why_and_is_not_queued(tmp_path) -> None:
    request = Scripted(tmp_path, "too large")
    app = ScreenAlone(LadderOfferDialog(request, SPEC))
    async with app.run_test(size=NARROW) as pilot:
        await until_true(pilot, lambda: "too large" in app.text())
        await pilot.press("h", "b", "escape")
    assert app.answers == [None] and request.__dict__["queued"] == []


def a_frontier() -> Frontier:
    groups = (
        BakeGroup((1, 2), "x", 100, "epoch 5", 5.0, verdicts={"right": 3}),
        BakeGroup((3,), "[red]y\x1b[2J", 100, "epoch 5", 20.0),
    )
    points = (FrontierPoint(0, 0.1, "0.1"), FrontierPoint(1, 0.2, "0.2", "inside the noise against bakes 1, 2"))
    return Frontier(
        "hifumi", groups, (FrontierCurve("bleed", "bleed (lower is better)", -1, points, "it stopped"),), ("a note",)
    )


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_the_frontier_shows_bakes_curves_and_where_more_time_stopped_paying(size) -> None:
    app = ScreenAlone(FrontierDialog(a_frontier))
    async with app.run_test(size=size) as pilot:
        await until_true(pilot, lambda: "bleed (lower is better): it stopped" in words(app, "#frontier"))
        text = words(app, "#frontier")
        assert text.startswith("frontier of hifumi: 3 bakes of 2 settings")
        assert "5 min" in text and "3 right" in text and "not judged" in text and "a note" in text
        assert "\x1b" not in text and "[red]y" in text
        await pilot.press("j", "f")
        assert app.answers == [None]


async def test_a_frontier_that_cannot_be_read_is_one_line() -> None:
    def fails() -> Frontier:
        raise WorkspaceError("frontier", found="no bakes")

    app = ScreenAlone(FrontierDialog(fails))
    async with app.run_test(size=NARROW) as pilot:
        await until_true(pilot, lambda: "no bakes" in app.text())
