"""Makes docs/pictures/*.svg: the program's own screens over a demo workspace, two bakes, a twin and a grid that it makes for them.

Takes about four minutes on one core: python docs/screen_pictures.py
"""

import asyncio
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.update({"COLORTERM": "truecolor", "TERM": "xterm-256color", "LANG": "C.UTF-8"})
os.environ.pop("SSH_CONNECTION", None)

from textual.pilot import Pilot

from lora_tui.app import LoraApp
from trainer.demo.workspace import make_demo
from trainer.engine.engine import Engine
from trainer.machine.cards import NvmlCards
from trainer.machine.fake_card import fake_nvml
from trainer.machine.sampler import MachineSampler
from trainer.workspace import Workspace

PICTURES = Path(__file__).parent / "pictures"
SIZE = (132, 40)
_SECONDS = 240.0
# A reader's browser gets no fonts from elsewhere.
_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def bake(workspace: Workspace, *words: str) -> None:
    """Run a command in the workspace."""
    subprocess.run(
        [sys.executable, "-m", "lora_tui", *words], cwd=workspace.root, check=True, stdout=subprocess.DEVNULL
    )


async def until(pilot: Pilot[Any], holds: Callable[[], object]) -> None:
    """Let the app run until something holds."""
    for _ in range(int(_SECONDS / 0.1)):
        if holds():
            return
        await pilot.pause(0.1)
    raise SystemExit(f"never came true:\n{pilot.app.screen}")


def take(app: LoraApp, name: str) -> None:
    """Write what stands on the screen."""
    PICTURES.mkdir(exist_ok=True)
    svg = _FONTS.sub("", app.export_screenshot(title="lora-tui"))
    (PICTURES / f"{name}.svg").write_text(svg, encoding="utf-8")


async def shoot(workspace: Workspace) -> None:
    """Bake on the screen, and take a picture of each of its places."""
    cards = NvmlCards(fake_nvml())
    engine = Engine(workspace, cards, None)
    app = LoraApp(workspace, engine, MachineSampler(NvmlCards(fake_nvml()), workspace.root))
    async with app.run_test(size=SIZE) as pilot:
        screen = app.bake_screen
        await until(pilot, lambda: engine.libraries == "ready" and screen.editor.view is not None)
        await pilot.press("b")
        await pilot.pause(0.5)
        await pilot.press(*"lower rate", "enter")
        await until(pilot, lambda: screen.snapshot.running is not None and len(screen.snapshot.checkpoints) >= 3)
        take(app, "bake")
        await until(pilot, lambda: screen.snapshot.running is None)
        for key, name in (
            ("d", "dataset"),
            ("j", "journal"),
            ("w", "doneness"),
            ("V", "samples"),
            ("m", "measures"),
            ("g", "grid"),
        ):
            await pilot.press(key)
            await pilot.pause(4.0)
            take(app, name)
            while app.screen is not screen:
                await pilot.press("escape")
                await pilot.pause(0.5)
    engine.close(wait=10)


def main() -> None:
    """Make the workspace, then the pictures."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = make_demo(Path(folder) / "demo")
        measured = [
            word
            for name in ("measure_pictures", "measure_validation", "measure_parts")
            for word in ("--set", f"{name}=true")
        ]
        sampled = ["--set", "sample_every_n_epochs=1"]
        bake(workspace, "bake", "hifumi.toml", *measured, *sampled)
        bake(workspace, "twin", "1", "--count", "1")
        bake(workspace, "bake", "hifumi.toml", "--set", "unet_lr=5e-4", *measured, *sampled)
        asyncio.run(shoot(workspace))


if __name__ == "__main__":
    main()
