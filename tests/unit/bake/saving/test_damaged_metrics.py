"""metrics.npz that is cut short or of another form: named as damaged, and a resumed bake takes its curves from the journal."""

import io
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from trainer.bake.saving.contents import StateContents
from trainer.errors import WorkspaceError
from trainer.journal.journal import Journal
from trainer.journal.metrics_file import METRICS_FILE, read_metrics, write_metrics
from trainer.journal.records import NewBake
from trainer.text import MAX_MESSAGE

STEPS = np.arange(1.0, 9.0)
CURVES = {"step": STEPS, "loss": 1 / STEPS, "lr_unet": np.where(STEPS == 3, np.nan, 1e-4)}


def archive(**columns: Any) -> bytes:
    content = io.BytesIO()
    np.savez(content, **columns)
    return content.getvalue()


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


DAMAGED: list[Callable[[bytes], bytes]] = [
    cut,
    lambda content: b"",
    lambda content: content[:-1],
    lambda content: b"x" * 5000,
    lambda content: content.replace(b"step", b"stop"),
    lambda content: archive(step=STEPS, loss=STEPS[:3]),
    lambda content: archive(loss=STEPS),
    lambda content: archive(step=STEPS, loss=np.array(["a"] * 8)),
    lambda content: archive(step=STEPS - 5),
    lambda content: archive(step=STEPS * np.inf),
    lambda content: archive(step=STEPS.reshape(2, 4)),
    lambda content: archive(step=np.array([{}], dtype=object)),
]


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_resumed_bake_takes_its_curves_from_the_journal(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = tmp_path / METRICS_FILE
    write_metrics(path, CURVES)
    assert all(np.array_equal(values, CURVES[name], equal_nan=True) for name, values in read_metrics(path).items())
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(WorkspaceError, match=r"metrics\.npz: is damaged \(") as refused:
        read_metrics(path)
    assert len(refused.value.line()) <= MAX_MESSAGE
    lines: list[str] = []
    with Journal(tmp_path / "journal.sqlite") as journal:
        journal.bakes.add(NewBake(name="a", settings_toml="", engine="e", total_steps=8, steps_per_epoch=4))
        for name in ("loss", "lr_unet"):
            journal.curves.add(1, name, list(zip(map(int, STEPS), CURVES[name].tolist(), strict=True)))
        report = SimpleNamespace(journal=journal, number=1, log=lambda line, level: lines.append(line))
        contents: Any = SimpleNamespace(_folder=tmp_path, _report=report)
        curves = StateContents._curves(contents)
    assert {name: values.tolist() for name, values in curves.items() if name != "lr_unet"} == {
        "step": STEPS.tolist(),
        "loss": CURVES["loss"].tolist(),
    }
    assert np.array_equal(curves["lr_unet"], CURVES["lr_unet"], equal_nan=True)
    assert lines[0].endswith("; its curves are taken from the journal")
