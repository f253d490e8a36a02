"""The dashboard over a workspace with a damaged file: what stands on its screens."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

from lora_tui.app import LoraApp
from lora_tui.ports import NoEngine, Rights
from trainer.machine.cards import NvmlCards
from trainer.machine.sampler import MachineSampler
from trainer.workspace import Workspace

_SIZE = (150, 44)
# Log, saved LoRAs, queue, grids, and back to the first.
_KEYS = ("4", "3", "Q", "escape", "g", "escape", "escape", "1")
_SETTLE_SECONDS = 0.15


def show_screens(root: Path, file: Path) -> None:
    """Open a watcher's screens one after the other, and see that nothing stands on them that a terminal would obey."""
    from fuzz_child import unfit

    with contextlib.redirect_stdout(None), contextlib.redirect_stderr(None):
        seen = asyncio.run(_seen(Workspace(root)))
    assert any(text.strip() for text in seen)
    faults = [fault for text in seen for fault in unfit(text, long=True)]
    assert not faults, faults


async def _seen(workspace: Workspace) -> list[str]:
    sampler = MachineSampler(NvmlCards(), workspace.root)
    app = LoraApp(workspace, NoEngine(), sampler, rights=Rights(bake=False, order=False))
    app.bake_screen.feed.interval = 0.05
    seen = []
    async with app.run_test(size=_SIZE) as pilot:
        for key in ("", *_KEYS):
            if key:
                await pilot.press(key)
            await asyncio.sleep(_SETTLE_SECONDS)
            await pilot.pause()
            seen.append(_text_of(app))
    sampler.stop()
    if app.return_code:
        raise AssertionError(f"the screen ended with {app.return_code}")
    return seen


def _text_of(app: Any) -> str:
    return "\n".join(strip.text.rstrip() for strip in app.screen._compositor.render_strips())
