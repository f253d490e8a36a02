"""Makes docs/pictures/*.svg: the program's own screens over a demo workspace, with bakes, a twin, a grid and a ladder that it makes for them.

Takes about ten minutes on one core: python docs/screen_pictures.py [NAME...] [--keep FOLDER]
"""

import asyncio
import os
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ.update({"COLORTERM": "truecolor", "TERM": "xterm-256color", "LANG": "C.UTF-8"})
os.environ.pop("SSH_CONNECTION", None)
os.environ.pop("NO_COLOR", None)
os.environ.pop("LORA_TUI_ASCII", None)
os.environ.pop("LORA_TUI_IMAGES", None)

from screen_svg import slim
from textual.app import App
from textual.pilot import Pilot

from lora_tui.app import LoraApp
from lora_tui.wording.screen_guides import GUIDES
from trainer.demo.workspace import make_demo
from trainer.engine.engine import Engine
from trainer.machine.cards import NvmlCards
from trainer.machine.fake_card import fake_nvml
from trainer.machine.sampler import MachineSampler
from trainer.settings.toml_file import apply_overrides, load_settings, save_settings
from trainer.workspace import Workspace

PICTURES = Path(__file__).parent / "pictures"
SIZE = (120, 36)
_SECONDS = 900.0
_NAME = "training/my-loras"
# As long as the folder that the workspace is made in, so that every column stays where it is.
_SHOWN_FOLDER = "/data/someone"

KEYS: dict[str, tuple[str, ...]] = {
    "plan": ("p",),
    "checks": ("c",),
    "dataset": ("d",),
    "curves": ("z",),
    "samples": ("V",),
    "journal": ("j", "space", "end", "space", "up", "space", "o"),
    "doneness": ("w",),
    "measures": ("m",),
    "advice": ("A", *5 * ("down",), "space"),
    "ladders": ("l",),
    "ladder": ("l", "enter"),
    "queue": ("Q",),
    "trainers": ("C",),
    "import": ("i", *"kohya.json", "enter", "escape"),
    "bench": ("O",),
}
"""Page of a screen -> the keys that lead from the Bake screen to what its picture shows; the Bake and Grid screens are taken as they work."""
assert {guide.page for guide in GUIDES} - KEYS.keys() == {"bake", "grid", "replay"}

_KOHYA = """\
{"LoRA_type": "Standard", "pretrained_model_name_or_path": "D:/models/anime.safetensors", "train_data_dir": "D:/lora/hifumi/img",
 "max_resolution": "512,512", "network_dim": 64, "network_alpha": 32, "unet_lr": 0.00015, "text_encoder_lr": 0.00007, "epoch": 7,
 "lr_scheduler": "cosine_with_restarts", "lr_scheduler_num_cycles": "5", "lr_warmup": 10, "train_batch_size": 3, "mixed_precision": "fp16",
 "xformers": true, "flip_aug": true, "caption_extension": ".txt", "shuffle_caption": true, "keep_tokens": "1", "num_cpu_threads_per_process": 2}
"""


def run(workspace: Workspace, *words: str) -> None:
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
    raise SystemExit(f"never came true on {pilot.app.screen}")


async def at_rest(pilot: Pilot[Any]) -> None:
    """Let the app run until its screen has not changed for two seconds, or for half a minute."""
    last, quiet = "", 0
    for _ in range(60):
        await pilot.pause(0.5)
        now = _picture(pilot.app)
        quiet, last = quiet + 1 if now == last else 0, now
        if quiet >= 4:
            return


def _picture(app: App[Any]) -> str:
    return slim(app.export_screenshot(title="lora-tui", simplify=True))


def take(app: LoraApp, name: str, folder: Path) -> None:
    """Write what stands on the screen."""
    PICTURES.mkdir(exist_ok=True)
    svg = _picture(app).replace(str(folder.parents[1]), _SHOWN_FOLDER)
    (PICTURES / f"{name}.svg").write_text(svg, encoding="utf-8")
    print(f"{name}.svg {len(svg.encode()) / 1024:.0f} KiB", flush=True)


async def shoot(workspace: Workspace, names: Sequence[str]) -> None:
    """Bake on the screen, and take a picture of each of its places."""
    engine = Engine(workspace, NvmlCards(fake_nvml()), None)
    app = LoraApp(workspace, engine, MachineSampler(NvmlCards(fake_nvml()), workspace.root))
    async with app.run_test(size=SIZE) as pilot:
        screen = app.bake_screen
        await until(pilot, lambda: engine.libraries == "ready" and screen.editor.view is not None)
        # What happened while nobody looked stands in front.
        await _back(pilot)
        if "bake" in names:
            await pilot.press("b")
            await pilot.pause(0.5)
            await pilot.press(*"the U-Net's rate as it was", "enter")
            await until(pilot, lambda: screen.snapshot.running is not None and len(screen.snapshot.checkpoints) >= 3)
            take(app, "bake", workspace.root)
            await until(pilot, lambda: screen.snapshot.running is None)
        for name, keys in KEYS.items():
            if name in names:
                await _open(pilot, keys)
                take(app, name, workspace.root)
                await _back(pilot)
        if "grid" in names:
            await _open(pilot, ("g", "tab"))
            await pilot.press("1", "right", "2", "right", "2", "down", "2", "down", "3", "left", "space")
            await at_rest(pilot)
            take(app, "grid", workspace.root)
            await _back(pilot)
    engine.close(wait=10)


async def _open(pilot: Pilot[Any], keys: Sequence[str]) -> None:
    for key in keys:
        await pilot.press(key)
        if len(key) > 1 or key in "lgi":
            await pilot.pause(1.5)
    await at_rest(pilot)


async def _back(pilot: Pilot[Any]) -> None:
    app = pilot.app
    assert isinstance(app, LoraApp)
    while app.screen is not app.bake_screen:
        await pilot.press("escape")
        await pilot.pause(0.5)


def furnish(workspace: Workspace) -> None:
    """Bake twice at a lower rate, with everything measured and sampled; make a grid, and queue a ladder, held."""
    on = [f"{name}=true" for name in ("measure_pictures", "measure_validation", "measure_parts")]
    path = workspace.root / "hifumi.toml"
    save_settings(apply_overrides(load_settings(path), [*on, "sample_every_n_epochs=1"]), path)
    run(workspace, "bake", "hifumi.toml", "--set", "unet_lr=1e-3", "--why", "half the rate of the U-Net")
    run(workspace, "twin", "1", "--count", "1")
    run(workspace, "queue", "run")
    run(workspace, "bakes", "note", "1", "halo from epoch 4 on, bow of the wrong colour")
    run(workspace, "grid", "--bake", "1", "--preset", "test", "--set", "seeds=11")
    run(workspace, "ladder", "--knob", "unet_lr", "--rungs", "0.33,1,3", "--twins", "2", "--of", "1", "--hold")
    (workspace.root / "kohya.json").write_text(_KOHYA)


def main(names: Sequence[str], kept: Path | None) -> None:
    """Make the workspace, then the pictures; in the folder `kept` the workspace stays, or was made before."""
    with tempfile.TemporaryDirectory(prefix="", dir="/tmp") as folder, tempfile.TemporaryDirectory() as home:
        root = (kept or Path(folder)) / _NAME
        assert len(str(kept or folder)) == len(_SHOWN_FOLDER), f"{kept} is not as long as {_SHOWN_FOLDER}"
        for name in ("CONFIG", "STATE", "DATA", "CACHE"):
            os.environ[f"XDG_{name}_HOME"] = f"{home}/{name.lower()}"
        made = (root / "ladders").is_dir()
        workspace = make_demo(root)
        if not made:
            furnish(workspace)
        asyncio.run(shoot(workspace, names))


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    everything = [*KEYS, "bake", "grid"]
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(everything))
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(everything):
        parser.error(f"there is no screen called {', '.join(sorted(unknown))}")
    main(arguments.names or everything, arguments.keep)
