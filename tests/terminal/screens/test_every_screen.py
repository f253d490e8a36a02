"""Every screen in two themes, at three colour depths and five sizes, as it is kept in `__snapshots__`."""

from pathlib import Path

import pytest
from screen_text import LOOKS, SIZES, KeptScreen, as_text, differences, read_text
from stage import Scene, ScreenStage
from still_scenes import GROUPS, SCENES
from textual.command import CommandPalette
from textual.screen import Screen

from lora_tui.screens import bake_ways, dialog, new_ladder, report, workspaces

KEPT = Path(__file__).parent / "__snapshots__"
# Nothing is shown in these but by the classes made from them.
BASES = {
    bake_ways.BakeWays,
    dialog.Dialog,
    dialog.FieldsDialog,
    dialog.ListDialog,
    dialog.NoteDialog,
    dialog.ReadDialog,
    new_ladder.LadderDialog,
    report.ReportScreen,
}


@pytest.fixture
def changed(pytestconfig: pytest.Config) -> bool:
    """Whether screens are to be written as they are now."""
    return bool(pytestconfig.getoption("--update-screens"))


async def of_every_kind(stage: ScreenStage, scene: Scene, at: int) -> list[str]:
    """Return in words what of a scene is other than it is kept.

    Each size is seen in one look; from scene to scene another one begins, so that each look is seen of many screens.
    """
    kept, found = read_text(KEPT / f"{scene.name}.txt").seen, []
    for number, size in enumerate(SIZES):
        look = LOOKS[(at + number) % len(LOOKS)]
        other = differences(kept[size][look], await stage.see(scene, size, look))
        found += [f"{scene.name} {size[0]}x{size[1]} {look}: {line}" for line in other]
    return found


async def every_look(stage: ScreenStage, scene: Scene) -> str:
    """Return a scene at every size in every look, as its file holds it."""
    seen = {size: {} for size in SIZES}
    for size in SIZES:
        for look in LOOKS:
            seen[size][look] = await stage.see(scene, size, look)
    return as_text(KeptScreen(f"{scene.name}: {scene.about}", seen))


@pytest.mark.parametrize("group", GROUPS)
async def test_screens_look_as_they_are_kept(stages, changed: bool, group: str) -> None:
    found = []
    async with stages(group) as stage:
        for at, scene in enumerate(GROUPS[group]):
            await stage.open(scene)
            if changed:
                (KEPT / f"{scene.name}.txt").write_text(await every_look(stage, scene), encoding="utf-8")
            else:
                found += await of_every_kind(stage, scene, at)
            await stage.clear()
    assert not found, "\n".join(found)


@pytest.mark.long
@pytest.mark.parametrize("group", GROUPS)
async def test_screens_look_as_they_are_kept_in_every_look_at_every_size(stages, group: str) -> None:
    async with stages(group) as stage:
        for scene in GROUPS[group]:
            await stage.open(scene)
            assert await every_look(stage, scene) == (KEPT / f"{scene.name}.txt").read_text(encoding="utf-8"), (
                scene.name
            )
            await stage.clear()


def kinds(of: type[Screen]) -> set[type[Screen]]:
    """Return the classes of our own made from a class."""
    found = {each for each in of.__subclasses__() if each.__module__.startswith("lora_tui.")}
    return found.union(*(kinds(each) for each in of.__subclasses__()))


def test_every_screen_is_kept_and_described() -> None:
    shown = {scene.of for scene in SCENES}
    assert kinds(Screen) - BASES - shown == set()
    assert CommandPalette in shown and workspaces.WorkspacesDialog in shown
    names = [scene.name for scene in SCENES]
    assert len(names) == len(set(names))
    assert {path.stem for path in KEPT.glob("*.txt")} == set(names)
    described = (KEPT / "README.md").read_text(encoding="utf-8")
    assert [name for name in names if f"| {name} |" not in described] == []
