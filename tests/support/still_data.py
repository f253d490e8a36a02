"""What screens show of settings, plans, memory and a bake that runs: fixed values, made by no thread."""

from pathlib import Path

from stage import GIB, NOW

from lora_tui.actions.imports import ReadImport
from lora_tui.snapshot import Snapshot
from lora_tui.workers.planner import PlannedRates, PlanView
from trainer.checks.record import CheckResult
from trainer.checks.registry import CHECK_BY_KEY
from trainer.demo.workspace import demo_settings
from trainer.finding import Finding
from trainer.interop.report import ImportReport, KeyReport
from trainer.journal.records import Bake, BakeState, Checkpoint, Curve, LogLine, Stage
from trainer.memory.fit_result import FitResult, LeverEffect, Proposal, Rejected
from trainer.memory.peak import MemoryPrediction, Peak
from trainer.parity.table import ParityCell, ParityRow, ParityTable
from trainer.plan.report import ReportSection

HOME = Path("/home/me/lora")
NOON = NOW - 200
SECTIONS = (
    ReportSection("base", ("demo · SD1.x · predicts noise (from scheduler/scheduler_config.json)",)),
    ReportSection("pictures", ("16 of 16 captioned", "160 per epoch · 6 epochs · 240 steps")),
    ReportSection(
        "folders: pictures × repeats × epochs",
        ("10_hifumi_chan                    16 × 10 →      960 exposures  100%",),
    ),
    ReportSection(
        "rates",
        (
            "U-Net: rate 2e-3 · constant_with_warmup after 12 steps of warm-up",
            "  to the end · pair 2e-3 | 2e-3",
            "text encoder: rate 1e-3 · constant_with_warmup after 12 steps of warm-up",
            "  stops after step 120 of 240 · pair 1e-3 | 1e-3",
        ),
    ),
    ReportSection(
        "warnings", ("! [b]1girl[/b] has no effect: an example of a line that is too long for one row of the dialog",)
    ),
)


def prediction(gib: float = 5.06) -> MemoryPrediction:
    parts = {"weights": int(1.6 * GIB), "lora": int(0.15 * GIB), "optimizer": int(0.3 * GIB)}
    activations = int(gib * GIB) - sum(parts.values())
    peaks = (
        Peak("cache", "encoder.down_blocks.0", {"vae": int(0.16 * GIB), "activations": int(0.5 * GIB)}),
        Peak("step", "backward of up_blocks.3.attentions.2", parts | {"activations": activations}),
    )
    return MemoryPrediction("card", "bf16", (512, 768), 3, peaks, int(gib * GIB), 1, 1.0, (), False, 1.0)


def fit_result() -> FitResult:
    lean, slow = {"micro_batch_size": 2}, {"gradient_checkpointing": True}
    return FitResult(
        current=Proposal({}, "no checkpointing", prediction(8.2), 1.0, False),
        best=Proposal(lean, "no checkpointing, micro-batches of 2", prediction(5.9), 1.07, False),
        limit=int(6.56 * GIB),
        levers=(
            LeverEffect(
                "checkpointing, all",
                "all blocks are recomputed in the backward pass",
                4 * GIB,
                0.31,
                False,
                estimated=True,
            ),
            LeverEffect("int8 base", "the frozen base in 8 bits", GIB // 2, 0.06, True, estimated=True),
        ),
        rejected=(Rejected(slow, "checkpointing of all blocks", 4 * GIB, 1.31, "fits, but is 22% slower", True),),
        nearest=None,
        hints=(),
        notes=(),
        predictions=3,
    )


def plan_view() -> PlanView:
    resolved = demo_settings().model_copy(
        update={
            "train_data_dir": str(HOME / "data"),
            "validation_data_dir": str(HOME / "validation"),
            "pretrained_model_name_or_path": "demo",
            "output_name": "hifumi",
        }
    )
    rise = [min(1.0, step / 12) for step in range(240)]
    encoder = tuple(1e-3 * share if step < 120 else 0.0 for step, share in enumerate(rise))
    unet = tuple(2e-3 * share for share in rise)
    rates = PlannedRates(tuple(range(240)), {"unet": unet, "text_encoder": encoder}, (120,))
    return PlanView(
        line="16 pictures ×10 → 160 / epoch · 16 of 16 captioned · 1 bucket · 40 steps × 6 = 240 · "
        "text encoder stops after 120 · ≈ 40 s · 2.7 MB on disk",
        results=(
            CheckResult(
                CHECK_BY_KEY["unused-setting"],
                Finding("unused-setting", "learning_rate", "learning_rate has no effect: both parts have their own"),
            ),
        ),
        resolved=resolved,
        rates=rates,
        report=lambda: SECTIONS,
    )


def curve(values: list[float]) -> Curve:
    return Curve(list(range(1, len(values) + 1)), values, values, values, 0)


def baking(reading: object) -> Snapshot:
    steps = 110
    losses = [0.05 + 0.13 * 0.97**step + 0.008 * ((step * 7) % 5 - 2) for step in range(1, steps + 1)]
    rise = [min(1.0, step / 12) for step in range(1, steps + 1)]
    bake = Bake(
        number=42,
        name="hifumi",
        folder="bakes/0042-hifumi",
        why="TE a bit over at e5",
        settings_toml="",
        engine="scripted",
        parent=41,
        state=BakeState.BAKING,
        stage=Stage.STEP,
        stage_done=steps,
        stage_total=240,
        error="",
        pid=1,
        pid_started=0.0,
        created=NOON,
        started=NOON,
        ended=None,
        total_steps=240,
        steps_per_epoch=40,
        peak_vram=5 * 1024**3,
        predicted_peak=int(5.06 * 1024**3),
        place=42.0,
        not_before=None,
        held=False,
        on_failure="continue",
        starts_from="",
        attempt=1,
        device="cpu",
        planned_seconds=None,
    )
    saved = tuple(
        Checkpoint(
            epoch,
            epoch * 40,
            f"hifumi-{epoch:06d}.safetensors",
            1_262_144,
            0.09 - epoch / 100,
            val,
            val - 0.18,
            0.004,
            NOON,
        )
        for epoch, val in ((2, 0.0941), (1, 0.1228))
    )
    return Snapshot(
        bake=bake,
        story="unet_lr 1e-3→2e-3, max_train_epochs 4→6",
        asked=demo_settings(),
        compared=demo_settings(),
        checkpoints=saved,
        validations=((0, 0.181), (40, 0.1228), (80, 0.0941)),
        log=(
            LogLine(1, 42, NOON, "info", "sd1 demo on cpu, precision fp32"),
            LogLine(2, 42, NOON + 60, "info", "hifumi-000001.safetensors saved"),
            LogLine(
                3,
                42,
                NOON + 90,
                "warning",
                "[b]1girl[/b] has no caption; the folder's name is used instead: hifumi_chan",
            ),
            LogLine(4, 42, NOON + 120, "info", "hifumi-000002.safetensors saved"),
        ),
        curves={
            "loss": curve(losses),
            "lr_unet": curve([2e-3 * share for share in rise]),
            "lr_text_encoder": curve([1e-3 * share for share in rise]),
        },
        last={"loss": (steps, losses[-1]), "lr_unet": (steps, 2e-3), "lr_text_encoder": (steps, 1e-3)},
        step_seconds=0.125,
        libraries="ready",
        machine=reading,  # type: ignore[arg-type]  # a MachineReading
        peak_ours=5 * 1024**3,
    )


def trainers() -> ParityTable:
    """Three trainers beside these settings."""
    titles = ("these settings", "sd-scripts, 2023-02-09", "anon-1337 script v1.13", "kohya_ss GUI v20.7.1")
    rows = (
        ("counted", "pictures counted", ("12", "12", "10", "9"), "it does not count .gif"),
        ("run", "steps really run", ("155", "190", "155", "113"), "a batch holds each picture of a bucket once"),
        ("skip", "clip skip", ("2", "2", "1", "unknown"), "1 by default"),
        ("tokens", "tokens of a caption", ("75", "75", "75", "75"), ""),
    )
    return ParityTable(
        ("settings", "sd", "anon", "gui"),
        titles,
        tuple(
            ParityRow(
                key, label, tuple(ParityCell(text, text != texts[0], why if text != texts[0] else "") for text in texts)
            )
            for key, label, texts, why in rows
        ),
    )


def an_import() -> ReadImport:
    """The settings of a script, read."""
    keys = (
        KeyReport("$network_dim", "32", "taken", "network_dim = 32", line=3),
        KeyReport("$train_data_dir", r'"D:\\lora\\set"', "taken", 'train_data_dir = "/data/set"', line=4),
        KeyReport("$lr_warmup_ratio", "0.05", "translated", "lr_warmup_steps = 5%", "a share of all steps", 5),
        KeyReport("$use_xformers", "1", "without effect", "", "PyTorch's own attention is as fast", 6),
        KeyReport("$my_own_key", "7", "unknown", line=7),
    )
    notes = ("the trainer itself passes cache_latents=true",)
    title, profile = "legacy ps script", "legacy ps script 2023-02"
    report = ImportReport("old.ps1", title, keys, profile, notes, {r"D:\lora\set": "/data/set"})
    return ReadImport((), report, "hifumi-old", (), "hifumi")
