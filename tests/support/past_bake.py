"""A bake that ended, with times, curves, log and readings of the machine that a test knows."""

from trainer.journal.bake_record import BakeRecord
from trainer.journal.journal import Journal
from trainer.journal.records import Bake, BakeState, Checkpoint, LogLine, Mark, MarkKind, Stage, ValidationRow
from trainer.machine.readings import CardReading, HostReading, MachineReading
from trainer.settings.model import Settings
from trainer.settings.toml_file import settings_toml

START = 1_700_000_000.0
"""When it started, epoch seconds."""
SETUP = 20.0
EPOCHS = (120.0, 220.0, 5320.0)
"""Seconds after its start at which its LoRAs were saved, 40 steps each; it was parked between the second and the third."""
END = START + 5330.0


def add_past_bake(journal: Journal, number: int = 1, name: str = "hifumi") -> Bake:
    """Write a bake of 120 steps into a journal: parked after 80 steps for more than an hour, then resumed; return it."""
    bake = Bake(
        number=number, name=name, folder=f"bakes/{number:04d}-{name}", settings_toml=settings_toml(Settings()), engine="gone",
        state=BakeState.DONE, stage=Stage.SAVE, created=START - 5, started=START, ended=END, total_steps=120, steps_per_epoch=40,
        place=float(number), device="cpu", setup_seconds=SETUP, peak_vram=5 * 2**30, why="more ears",
        energy_joules=1.8e6, energy_by="counter",
    )  # fmt: skip
    saved = tuple(
        Checkpoint(
            epoch,
            40 * epoch,
            f"{name}-{epoch:06d}.safetensors",
            1000,
            0.1 / epoch,
            0.2 / epoch,
            None,
            None,
            START + after,
        )
        for epoch, after in enumerate(EPOCHS, start=1)
    )
    lines = (
        (1.0, "info", "loading"), (SETUP, "info", "first step"), (221.0, "warning", "parked"),
        (5210.0, "info", "resumed"), (5325.0, "info", "epoch 3 saved"),
    )  # fmt: skip
    record = BakeRecord(
        bake=bake,
        checkpoints=saved,
        validations=tuple(ValidationRow(each.step, each.val, None, None) for each in saved),
        marks=(Mark(80, START + 5220.0, MarkKind.RESUME, "resumed at step 80"),),
        log=tuple(LogLine(id, number, START + after, level, text) for id, (after, level, text) in enumerate(lines, 1)),
    )
    journal.records.add(record)
    journal.curves.add(number, "loss", [(step, 1.0 / step) for step in range(1, 121)])
    journal.curves.add(number, "seconds_per_step", [(step, 2.5) for step in range(1, 121)])
    for after in range(0, 200, 5):
        card = CardReading(0, "RTX 3070 Ti", 5 * 2**30, 8 * 2**30, power=200.0 + after)
        journal.telemetry.add(MachineReading(START + after, (card,), "", HostReading(10.0)), number)
    return bake
