"""Where the demo workspace lies, and whether it is there already: asked at each start, so it loads neither drawings nor settings."""

from pathlib import Path

from trainer.demo.figure import HIFUMI
from trainer.workspace import Workspace, data_home

NAME = "hifumi"
PICTURES = 16


def default_folder() -> Path:
    """Return where the demo lives unless another folder is given: `$XDG_DATA_HOME/lora-tui/demo`."""
    return data_home() / "demo"


def picture_folders(root: Path) -> tuple[Path, Path]:
    """Return the folders of the trained and of the held-out pictures."""
    return root / "data" / f"10_{HIFUMI}", root / "validation"


def existing_demo(folder: Path) -> Workspace | None:
    """Return the demo workspace in `folder` if nothing of it is missing, so that nothing would be made; else None."""
    workspace = Workspace(folder)
    pictures = [
        place / f"{number:02d}.{ending}"
        for place in picture_folders(folder)
        for number in range(1, PICTURES + 1)
        for ending in ("png", "txt")
    ]
    needed = (workspace.journal_path, workspace.subjects / f"{NAME}.toml", folder / f"{NAME}.toml", *pictures)
    return workspace if workspace.bakes.is_dir() and all(path.is_file() for path in needed) else None
