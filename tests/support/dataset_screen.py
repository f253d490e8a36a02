"""The Dataset screen alone over a small data set in real files, and what its keys do to settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from check_inputs import caption, draw
from PIL import Image
from screen_alone import ScreenAlone, until_true

from lora_tui.ports import OWNER, NoEngine, Rights
from lora_tui.screens.dataset import DatasetScreen
from lora_tui.screens.dataset_orders import DatasetDoors
from lora_tui.workers.dataset_source import DatasetSource
from trainer.settings.model import Settings
from trainer.settings.toml_file import save_settings, with_values
from trainer.workspace import Workspace, make_workspace

WIDE, NARROW, SMALL, TINY = (160, 50), (80, 24), (60, 20), (40, 10)

CAPTIONS = {
    "2_school/a.png": "hifumi, school uniform, backpack, smile",
    "2_school/b.png": "hifumi, school uniform, backpack",
    "2_school/c.png": "hifumi, school uniform, backpack, long_hair",
    "3_dress/d.png": "hifumi, red dress, smile",
    "3_dress/e.png": "hifumi, red dress",
}
"""Name of a picture -> its caption."""


def made_data(root: Path) -> Workspace:
    """Make a workspace with five captioned pictures in two folders, and settings that read them."""
    workspace = make_workspace(root)
    for seed, (name, text) in enumerate(CAPTIONS.items()):
        picture = draw(root / "data" / name, seed, size=(96, 64) if name.endswith("c.png") else (64, 64))
        caption(picture, text)
    # Twice as wide as the widest bucket.
    Image.open(root / "data/3_dress/d.png").resize((256, 64)).save(root / "data/3_dress/d.png")
    save_settings(settings_of(root), root / "hifumi.toml")
    return workspace


def settings_of(root: Path, **values: object) -> Settings:
    """Return settings that read the data with buckets of 32 to 128 pixels."""
    given = {
        "train_data_dir": str(root / "data"),
        "pretrained_model_name_or_path": "demo",
        "resolution": "64",
        "min_bucket_reso": 32,
        "max_bucket_reso": 128,
        "bucket_reso_steps": 32,
        "train_batch_size": 4,
    }
    return Settings.model_validate(given | values)


@dataclass
class OpenSettings:
    """Settings that are open, as the Bake screen has them."""

    path: Path
    now: Settings
    saved: Settings = field(init=False)

    def __post_init__(self) -> None:
        self.saved = self.now

    def change(self, changes: Mapping[str, object]) -> None:
        self.now = with_values(self.now, changes)

    def save(self, then: Any) -> None:
        save_settings(self.now, self.path)
        self.saved = self.now
        then()

    @property
    def doors(self) -> DatasetDoors:
        return DatasetDoors(
            lambda: DatasetSource(self.path, self.now, 10), self.change, self.save, lambda: self.now != self.saved
        )


class DatasetAlone(ScreenAlone):
    """Shows the Dataset screen of a workspace."""

    def __init__(self, workspace: Workspace, rights: Rights = OWNER, **values: object) -> None:
        self.open = OpenSettings(workspace.root / "hifumi.toml", settings_of(workspace.root, **values))
        self.workspace = workspace
        self.data = DatasetScreen(workspace, NoEngine(), self.open.doors, rights)
        super().__init__(self.data)

    def names(self) -> list[str]:
        """Return the pictures listed, as far as they are known."""
        rows = (self.data.picture_list.known(each) for each in self.data.picture_list.ids)
        return [row.name for row in rows if row is not None]

    def tags(self) -> dict[str, int]:
        """Return the tags listed with the number of their pictures."""
        return {each.tag: each.pictures for each in self.data.panes.tags.listed}

    def caption_of(self, name: str) -> str:
        """Return what stands in the caption file of a picture."""
        return (self.workspace.root / "data" / name).with_suffix(".txt").read_text().rstrip("\n")


async def listed(app: DatasetAlone, pilot: Any, number: int = len(CAPTIONS)) -> None:
    """Let the app run until the folders have been looked at and everything in view is known."""
    await until_true(pilot, lambda: len(app.data.picture_list.ids) == number and len(app.names()) == number)
    await until_true(
        pilot, lambda: not app.data.is_looking and app.data.panes.tags.names and app.data.picture is not None
    )
    await settled(app, pilot)


async def settled(app: DatasetAlone, pilot: Any) -> None:
    """Let the app run until no worker is at work and the reader has nothing to do."""
    await until_true(
        pilot,
        lambda: all(worker.is_finished for worker in app.workers) and app.data.reader.idle and not app.data.is_looking,
    )
    await pilot.pause()


def with_name(app: DatasetAlone, name: str) -> int:
    """Return the id of a picture."""
    found = (row for each in app.data.picture_list.ids if (row := app.data.picture_list.known(each)) is not None)
    return next(row.id for row in found if row.name == name)


def as_onlooker() -> Rights:
    """Return the rights of a screen that may only look."""
    return replace(OWNER, bake=False, order=False)
