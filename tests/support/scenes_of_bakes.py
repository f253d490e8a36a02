"""Scenes of bakes: journal, curves, measures, doneness, samples, advice, queue, ladders, and their dialogs."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from advised_bakes import START, an_aim
from charted_bakes import charted_bake
from ended_bakes import made_bake
from ladder_in_journal import made_ladder
from lora_on_disk import write_lora
from made_bakes import floors, measured, saved_epochs
from past_bake import add_past_bake
from PIL import Image
from scenes_of_settings import pushed
from stage import NOW, Scene, ScreenStage, StillEngine
from textual.screen import Screen

from lora_tui.actions.advice import AdviceRequest, LadderOffer
from lora_tui.actions.bench import LoraBench
from lora_tui.actions.bench_operations import OPERATIONS
from lora_tui.actions.fork import ForkRequest, Outlook
from lora_tui.actions.ladders import ExtendRequest, LadderRequest
from lora_tui.actions.publish import Publishing
from lora_tui.actions.twin import TwinRequest
from lora_tui.forms.draft import open_draft
from lora_tui.plots.measure_map import MeasuredEpochs
from lora_tui.ports import OWNER
from lora_tui.screens.advice import AdviceScreen
from lora_tui.screens.aim import AimDialog
from lora_tui.screens.bake_diff import BakeDiffDialog
from lora_tui.screens.bake_epochs import EpochActionsDialog
from lora_tui.screens.bake_notes import BestEpochDialog, NotesDialog, TagsDialog
from lora_tui.screens.bench import BenchDialog
from lora_tui.screens.choose_curves import ChooseCurvesDialog
from lora_tui.screens.choose_knob import ChosenKnob, KnobDialog
from lora_tui.screens.curves import CurvesScreen
from lora_tui.screens.digest import DigestDialog
from lora_tui.screens.doneness import DonenessScreen, RulesDialog
from lora_tui.screens.fork import ForkDialog
from lora_tui.screens.frontier import FrontierDialog
from lora_tui.screens.journal import JournalScreen
from lora_tui.screens.ladder import LadderScreen
from lora_tui.screens.ladder_offer import LadderOfferDialog
from lora_tui.screens.ladders import LaddersScreen
from lora_tui.screens.measures import MeasuresScreen
from lora_tui.screens.new_ladder import ExtendDialog, NewLadderDialog
from lora_tui.screens.pick import PickChoice
from lora_tui.screens.queue import QueueDialog
from lora_tui.screens.samples import LargeSampleScreen, SamplesScreen
from lora_tui.screens.twin import TwinDialog
from lora_tui.screens.use_epoch import PublishDialog
from trainer.advice.advise import advised_moves
from trainer.advice.frontier import BakeGroup, Frontier, FrontierCurve, FrontierPoint
from trainer.advice.record import Advice, SymptomHere
from trainer.advice.symptoms import SYMPTOMS
from trainer.doneness.place import place
from trainer.doneness.record import Doneness
from trainer.doneness.verdicts import Verdict
from trainer.history.bake_samples import samples_in
from trainer.journal.digest import Digest
from trainer.journal.journal import Journal
from trainer.journal.measure_records import BakeNote, MeasuredValue
from trainer.journal.records import BakeState, LogLine
from trainer.journal.sample_files import sample_name
from trainer.ladders.build import ladder_of_knob
from trainer.ladders.own_settings import OwnSettings
from trainer.measures.of_validation import AUC, CHANCE, HELD_OUT_CHANGE
from trainer.measures.of_weights import DELTA_NORM, DELTA_SHARE
from trainer.settings.model import Settings

ENGINE = StillEngine()


def falling(steps: int, start: float) -> list[float]:
    """Return losses that fall, with some unrest."""
    return [0.06 + start * 0.98**step + 0.006 * ((step * 7) % 5 - 2) for step in range(steps)]


def make_bakes(stage: ScreenStage) -> None:
    """Leave five bakes in the journal: each made from the one before, one failed, one waits; notes and tags; a ladder."""
    workspace = stage.workspace
    with Journal(workspace.journal_path) as opened:
        if opened.bakes.latest():
            return
    made_bake(workspace, {}, losses=falling(120, 0.12), epochs=3, why="the first of all")
    made_bake(workspace, {"unet_lr": 6e-3}, parent=1, losses=falling(120, 0.2), epochs=3, why="three times the rate")
    made_bake(
        workspace, {"unet_lr": 6e-3, "seed": 7}, parent=2, losses=falling(60, 0.16), epochs=1, state=BakeState.FAILED
    )
    made_bake(workspace, {"network_dim": 16}, parent=2, losses=falling(160, 0.1), epochs=4)
    with Journal(workspace.journal_path) as journal:
        journal.notes.keep(
            BakeNote(bake=2, text="Halo from **epoch 2** on.", tags={"te": True, "halo": True}, best_step=80)
        )
        for number in (1, 2, 4):
            folder = workspace.root / journal.bakes.read(number).folder
            for saved in journal.results.checkpoints(number):
                write_lora(folder / saved.file)
        journal.log.write("the GPU is hot", bake=2, level="warning")


async def journal(stage: ScreenStage, *keys: str) -> None:
    """Show the journal, then press keys."""
    make_bakes(stage)
    draft = open_draft(stage.workspace.root / "hifumi.toml")
    screen = JournalScreen(stage.workspace, ENGINE, lambda: draft, clock=lambda: NOW)
    await stage.push(screen)
    await stage.until(lambda: is_listed(screen))
    for key in keys:
        await stage.press(key)
        await stage.until(lambda: True)


def is_listed(screen: JournalScreen) -> bool:
    """Whether the journal has read everything."""
    return (
        screen.listing is not None
        and screen.entry is not None
        and not any(each.fault for each in screen.listing.entries)
    )


async def inspected(stage: ScreenStage) -> None:
    """Inspect a LoRA, and show what was found."""
    make_bakes(stage)
    dialog = BenchDialog(LoraBench(stage.workspace, 2), OPERATIONS["inspect"])
    await stage.push(dialog)
    await stage.until(lambda: "132 modules" in stage.text())
    await stage.press("enter", "enter")
    await stage.until(lambda: dialog._stop is None)


def in_journal(*keys: str) -> Callable[[ScreenStage], Awaitable[None]]:
    return lambda stage: journal(stage, *keys)


async def curves(stage: ScreenStage, *keys: str, bakes: tuple[int, ...] = (1,)) -> None:
    """Show the curves of bakes."""
    path = stage.root / "curves" / "journal.sqlite"
    if not path.exists():
        path.parent.mkdir()
        charted_bake(path)
        charted_bake(path, steps=160, name="hifumi-2", state=BakeState.STOPPED)
    workspace = replace(stage.workspace, root=path.parent)
    screen = CurvesScreen(workspace, bakes)
    screen.reader.interval = 0.02
    await stage.push(screen)
    await stage.until(lambda: are_read(screen))
    for key in keys:
        await stage.press(key)
        await stage.until(lambda: not isinstance(stage.app.screen, CurvesScreen) or are_read(screen))


def are_read(screen: CurvesScreen) -> bool:
    """Whether the curves are read as the screen wants them."""
    return screen.view is not None and screen.view.question == screen._question()


def doneness() -> Doneness:
    """Return a bake that is done at its fifth and sixth epochs."""
    falls = [-0.02, -0.07, -0.11, -0.12, -0.12, -0.12, -0.08, -0.04]
    grows = [0.002, 0.004, 0.0055, 0.0065, 0.007, 0.0072, 0.0073, 0.0074]
    values = [
        *measured(HELD_OUT_CHANGE, falls),
        *measured(DELTA_SHARE.key, grows, part="unet"),
        *measured(AUC, [0.5] * 8, half=0.1),
        *measured(CHANCE, [0.5] * 8),
    ]
    axis = [replace(epoch, exposures=(10 * epoch.epoch, 30 * epoch.epoch)) for epoch in saved_epochs(8)]
    verdicts = [Verdict(500, "whole", "right"), Verdict(800, "whole", "right")]
    noise = floors({HELD_OUT_CHANGE: 0.003, DELTA_SHARE.key: 0.01})
    return place(12, axis, values, ("unet", "text_encoder"), noise, verdicts=verdicts, running=False)


def measures() -> MeasuredEpochs:
    """Return six epochs with a map of blocks."""
    ways, kinds = (
        ("down", "middle", "up"),
        ("self-attention", "cross k/v", "cross q/out", "feed-forward", "convolutions"),
    )
    values = []
    for epoch in range(1, 7):
        of = [
            ("", ""),
            ("unet", ""),
            ("text_encoder", ""),
            *(("unet", f"{way} {kind}") for way in ways for kind in kinds),
        ]
        of += [("text_encoder", f"layer {number}") for number in range(12)]
        values += [
            MeasuredValue(step=40 * epoch, name=record.key, part=part, scope=scope, value=0.01 * epoch * (at + 1))
            for record in (DELTA_SHARE, DELTA_NORM)
            for at, (part, scope) in enumerate(of)
        ]
    return MeasuredEpochs(tuple(values), {40 * epoch: epoch for epoch in range(1, 7)}, 240)


class StillRequest(AdviceRequest):
    """Answers from the tables alone."""

    def read(self, chosen: Collection[str] | None = None) -> tuple[tuple[str, ...], Advice]:
        keys = ("static",) if chosen is None else tuple(chosen)
        seen = "static is above its lowest (0 % at epoch 1 → 40 % at epoch 6, 3.1 times outside the noise)"
        here = tuple(
            SymptomHere(symptom=symptom, chosen=symptom.key in keys, seen=(seen,) if symptom.key == "static" else ())
            for symptom in SYMPTOMS.values()
        )
        own = OwnSettings("advice", Settings(pretrained_model_name_or_path="demo", unet_lr=1e-4), "sd1")
        return keys, Advice(
            bake=12,
            epoch="epoch 6",
            symptoms=here,
            moves=advised_moves(here, own, 12),
            unknown=("text encoder: not measured",),
        )

    def keep(self, chosen: Collection[str]) -> None:
        pass

    def aim(self) -> Any:
        return an_aim(12)

    def offer(self, spec: Any) -> LadderOffer:
        return LadderOffer(bakes=5, reused=1, seconds=600.0, disk_bytes=5_000_000, notes=("bf16 needs a GPU",))


class StillFork(ForkRequest):
    """A fork of a bake that kept the states of two epochs."""

    def preview(self, epoch: int | None) -> Outlook:
        return Outlook(
            (1, 2), "starts after step 80 of 240: 160 steps", ("unet_lr  6e-3 → 2e-3",), ("the schedule begins anew",)
        )


def with_request(make: Callable[[AdviceRequest], Screen[Any]], *keys: str) -> Callable[[ScreenStage], Awaitable[None]]:
    async def open_scene(stage: ScreenStage) -> None:
        screen = make(StillRequest(stage.workspace, 12, "e"))
        await stage.push(screen)
        await stage.until(lambda: getattr(screen, "advice", True) is not None)
        if keys:
            await stage.press(*keys)

    return open_scene


def frontier() -> Frontier:
    """Return a frontier of three bakes."""
    groups = (
        BakeGroup((1, 2), "unet_lr 1e-4", 100, "epoch 5", 5.0, verdicts={"right": 3}),
        BakeGroup((3,), "unet_lr 3e-4", 100, "epoch 5", 20.0),
    )
    points = (FrontierPoint(0, 0.1, "0.1"), FrontierPoint(1, 0.2, "0.2", "inside the noise against bakes 1, 2"))
    curve = FrontierCurve("bleed", "bleed (lower is better)", -1, points, "it stopped paying at 5 minutes")
    return Frontier("hifumi", groups, (curve,), ("bake 4 was not measured",))


async def samples(stage: ScreenStage, *keys: str) -> None:
    """Show three prompts at two steps, each in its own colour."""
    bake = stage.root / "sampled"
    folder = bake / "samples"
    if not folder.exists():
        folder.mkdir(parents=True)
        colours = {
            (40, "01-school"): (120, 60, 40),
            (80, "01-school"): (60, 110, 60),
            (40, "02-beach [day]"): (50, 70, 130),
        }
        colours |= {(40, "03-night"): (30, 30, 60), (80, "03-night"): (90, 40, 90)}
        for (step, name), colour in colours.items():
            Image.new("RGB", (32, 32), colour).save(folder / sample_name(step, name))
    screen = SamplesScreen("Samples of bake 0012 hifumi", lambda: samples_in(bake), 40)
    await stage.push(screen)
    await stage.until(lambda: screen.samples is not None)
    if keys:
        await stage.press(*keys)


async def queue(stage: ScreenStage) -> None:
    """Show a queue of three bakes, one of them held."""
    make_queue(stage)
    await stage.push(QueueDialog(stage.workspace, ENGINE.key, lambda: NOW, OWNER))


def make_queue(stage: ScreenStage) -> None:
    """Put three bakes behind those that ended."""
    make_bakes(stage)
    with Journal(stage.workspace.journal_path) as opened:
        if opened.queue.waiting():
            return
        from trainer.journal.records import NewBake

        text = opened.bakes.read(1).settings_toml
        for why, engine in (
            ("the night's first", ENGINE.key),
            ("with a smaller rate", ENGINE.key),
            ("left behind", "gone"),
        ):
            opened.bakes.add(
                NewBake(name="hifumi", why=why, settings_toml=text, engine=engine, total_steps=240, steps_per_epoch=40)
            )
        opened.queue.set_held(opened.queue.waiting()[1].number, True)


async def ladders(stage: ScreenStage) -> None:
    """Show two ladders."""
    workspace = make_ladders(stage)
    draft = open_draft(workspace.root / "hifumi.toml")
    screen = LaddersScreen(workspace, ENGINE, lambda: draft, clock=lambda: NOW)
    screen.reader.interval = 0.02
    await stage.push(screen)
    await stage.until(lambda: screen.lines)


def make_ladders(stage: ScreenStage) -> Any:
    """Leave two ladders in a workspace of their own."""
    root = stage.root / "ladders"
    workspace = replace(stage.workspace, root=root)
    if not root.exists():
        root.mkdir()
        for name in ("hifumi.toml", "subjects", "data"):
            (root / name).symlink_to(stage.workspace.root / name)
        states: Mapping[tuple[int, int], BakeState] = {(0, 0): BakeState.FAILED, (2, 1): BakeState.QUEUED}
        made_ladder(
            workspace, states=states, question="does more make more?", title="how much U-Net", engine=ENGINE.key
        )
        made_ladder(workspace, knob="network_alpha", rungs=("1", "0.5"), twins=1)
    return workspace


async def ladder(stage: ScreenStage, *keys: str) -> None:
    """Show the first of the ladders."""
    screen = LadderScreen(make_ladders(stage), ENGINE, 1, clock=lambda: NOW)
    screen.reader.interval = 0.02
    await stage.push(screen)
    await stage.until(lambda: screen.state is not None and screen.known and screen.answer is not None)
    for key in keys:
        await stage.press(key)


def of_workspace(make: Callable[[ScreenStage], Screen[Any]]) -> Callable[[ScreenStage], Awaitable[None]]:
    """Return what puts a screen over the bakes on top."""

    async def open_scene(stage: ScreenStage) -> None:
        make_bakes(stage)
        await stage.push(make(stage))
        await stage.until(lambda: True)

    return open_scene


def digest() -> DigestDialog:
    """Show a night in which one bake was done and one failed."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder, Journal(Path(folder) / "journal.sqlite") as opened:
        done = add_past_bake(opened)
    failed = replace(done, number=2, state=BakeState.FAILED, error="out of memory: 6.1 GiB asked, 5.2 free")
    since = done.created - 3600
    log = (LogLine(1, 1, since + 60, "warning", "a picture was left out: broken.png"),)
    told = Digest(
        since,
        (done,),
        (),
        (failed,),
        (),
        (),
        (),
        (replace(done, number=3, state=BakeState.QUEUED),),
        {1: 2},
        log,
        ("bake 1 skipped 2 steps: the gradient was NaN or infinite",),
    )
    return DigestDialog(told, done.created + 9 * 3600)


def epoch_actions() -> EpochActionsDialog:
    choices = (
        PickChoice("grid", "grid", "compare this epoch with others in a grid of pictures"),
        PickChoice("use", "use", "send the file to where you use it"),
        PickChoice("fork", "fork", "go on from here with other settings"),
        PickChoice("delete", "delete", "1.3 MB; asks first"),
    )
    return EpochActionsDialog(
        "Epoch 2, step 80 of bake 0042: hifumi-000002",
        choices,
        lambda: ("loss 0.07 · validation 0.0941, −0.086 against the base", "each picture shown 20 times"),
    )


def best_epoch() -> BestEpochDialog:
    choices = [PickChoice(str(40 * epoch), f"epoch {epoch}", f"step {40 * epoch}") for epoch in (1, 2, 3)]
    return BestEpochDialog(
        "Best epoch of bake 0002", [*choices, PickChoice("none", "none", "as favourites and verdicts say")], "80"
    )


KNOB = ChosenKnob("unet_lr", "", "unet_lr · rate of the U-Net", "how fast the U-Net learns", "0.33, 1, 3")


def new_ladder(stage: ScreenStage) -> NewLadderDialog:
    draft = open_draft(stage.workspace.root / "hifumi.toml")
    request = LadderRequest(stage.workspace, ENGINE.key, draft, knob="unet_lr", rungs="0.33, 1, 3")
    return NewLadderDialog(request, KNOB, 4)


SPEC = ladder_of_knob(Settings.model_validate(START), "unet_lr", ["0.1", "1", "10"])

SCENES: tuple[Scene, ...] = (
    Scene("journal", "four bakes, one of them failed", JournalScreen, in_journal(), is_listed),
    Scene("journal-overlay", "two bakes marked, their curves over each other", JournalScreen, in_journal("space", "down", "space", "o"), is_listed),
    Scene("bake-diff", "a bake and the one it was made from", BakeDiffDialog, in_journal("D")),
    Scene("notes", "notes on a bake", NotesDialog, pushed(lambda: NotesDialog("Notes on 0002 hifumi", "Halo from **epoch 2** on.\n\n- sleeves too long", lambda text: None))),
    Scene("tags", "tags of a bake", TagsDialog, pushed(lambda: TagsDialog("Tags of 0002 hifumi", ["te", "halo"], ["te", "halo", "night", "old"]))),
    Scene("best-epoch", "the best epoch of a bake", BestEpochDialog, pushed(best_epoch)),
    Scene("epoch-actions", "what can be done with an epoch", EpochActionsDialog, pushed(epoch_actions)),
    Scene("curves", "the curves of a bake that is done", CurvesScreen, curves, are_read),
    Scene("curves-alone", "one chart, zoomed in, with a logarithmic axis", CurvesScreen, lambda stage: curves(stage, "enter", "plus", "y"), are_read),
    Scene("curves-overlay", "two bakes over each other, one pinned", CurvesScreen, lambda stage: curves(stage, "p", bakes=(1, 2)), are_read),
    Scene("curve-choice", "the list of all curves", ChooseCurvesDialog, lambda stage: curves(stage, "c")),
    Scene("measures", "curves and a map of blocks over six epochs", MeasuresScreen,
          pushed(lambda: MeasuresScreen("Measures of bake 0012 hifumi", 12, measures, lambda *of: "the noise is unknown: no twins")),
          lambda screen: str(screen.query_one("#about").content)),
    Scene("doneness", "eight epochs between raw and burnt", DonenessScreen, pushed(lambda: DonenessScreen("Doneness of bake 0012 hifumi", doneness)),
          lambda screen: screen._doneness is not None and str(screen.query_one("#evidence").content)),
    Scene("doneness-rules", "the rules that place an epoch", RulesDialog, pushed(RulesDialog)),
    Scene("samples", "three prompts at two steps", SamplesScreen, samples),
    Scene("sample", "one sample on the full screen", LargeSampleScreen, lambda stage: samples(stage, "enter")),
    Scene("advice", "one symptom ticked", AdviceScreen, with_request(lambda request: AdviceScreen("Advice on bake 0012 hifumi", request)),
          lambda screen: screen.advice is not None),
    Scene("advice-moves", "what to try", AdviceScreen, with_request(lambda request: AdviceScreen("Advice on bake 0012 hifumi", request), "tab"),
          lambda screen: screen.advice is not None),
    Scene("aim", "rates that would make the parts meet", AimDialog, with_request(lambda request: AimDialog("Aim for the band with bake 0012 hifumi", request)),
          lambda screen: screen._aim is not None),
    Scene("ladder-offer", "a ladder that is offered", LadderOfferDialog, with_request(lambda request: LadderOfferDialog(request, SPEC)),
          lambda screen: screen._offer is not None),
    Scene("frontier", "minutes against a measure", FrontierDialog, pushed(lambda: FrontierDialog(frontier)),
          lambda screen: "hifumi" in str(screen.query_one("#frontier").content)),
    Scene("digest", "what happened in a night", DigestDialog, pushed(digest)),
    Scene("twin", "twins of a bake", TwinDialog, of_workspace(lambda stage: TwinDialog(TwinRequest(stage.workspace, 2, ENGINE.key), "Twin of bake 0002 hifumi"))),
    Scene("fork", "a fork with another rate", ForkDialog,
          of_workspace(lambda stage: ForkDialog(StillFork(stage.workspace, 2, None, ENGINE.key), "Fork of bake 0002 hifumi")),
          lambda screen: "step 80" in str(screen.query_one("#outlook").content)),
    Scene("use", "an epoch sent to where it is used", PublishDialog,
          of_workspace(lambda stage: PublishDialog(Publishing.of_epoch(stage.workspace, 2, "2"), "Use epoch 2 of bake 0002 hifumi"))),
    Scene("bench", "a LoRA inspected", BenchDialog, inspected),
    Scene("bench-merge", "LoRAs merged", BenchDialog, of_workspace(lambda stage: BenchDialog(LoraBench(stage.workspace, 2), OPERATIONS["merge"]))),
    Scene("ladders", "two ladders", LaddersScreen, ladders, lambda screen: screen.lines),
    Scene("ladder", "a ladder of three rungs", LadderScreen, ladder, lambda screen: screen.answer is not None),
    Scene("ladder-curves", "curves of all rungs", LadderScreen, lambda stage: ladder(stage, "o"), lambda screen: screen.answer is not None),
    Scene("knob", "what a ladder varies", KnobDialog, pushed(KnobDialog)),
    Scene("new-ladder", "a new ladder over a rate", NewLadderDialog, of_workspace(new_ladder), lambda screen: screen._ready is not None),
    Scene("extend", "more rungs of a ladder", ExtendDialog,
          of_workspace(lambda stage: ExtendDialog(ExtendRequest(make_ladders(stage), ENGINE.key, 1), "More of ladder 1: how much U-Net", 2))),
    # Last: others look at the journal without them.
    Scene("queue", "three that wait, one of them held, one left behind", QueueDialog, queue, lambda screen: screen._queue is not None),
)  # fmt: skip
"""Over an empty screen, in a workspace of the demo."""
