from pathlib import Path

import pytest
from PIL import Image

from trainer.demo.place import PICTURES, existing_demo
from trainer.demo.workspace import make_demo
from trainer.errors import WorkspaceError
from trainer.jobs.bakes import check
from trainer.settings.toml_file import load_settings
from trainer.workspace import Workspace


def test_the_demo_is_240_steps_with_a_lora_every_40(tmp_path: Path) -> None:
    workspace = make_demo(tmp_path / "demo")
    path = workspace.root / "hifumi.toml"
    plan = check(load_settings(path), path).plan
    assert (plan.total_steps, [save.step for save in plan.saves]) == (240, [40, 80, 120, 160, 200, 240])


def test_held_out_pictures_are_none_of_the_trained_ones(tmp_path: Path) -> None:
    root = make_demo(tmp_path).root
    trained = {Image.open(path).tobytes() for path in (root / "data" / "10_hifumi_chan").glob("*.png")}
    held_out = {Image.open(path).tobytes() for path in (root / "validation").glob("*.png")}
    assert (len(trained), len(held_out), trained & held_out) == (PICTURES, PICTURES, set())


def test_making_it_again_keeps_what_the_user_changed(tmp_path: Path) -> None:
    settings = make_demo(tmp_path).root / "hifumi.toml"
    settings.write_text("# mine\n" + settings.read_text())
    before = settings.read_text()
    make_demo(tmp_path)
    assert settings.read_text() == before


def test_a_file_in_the_way_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("in the way")
    with pytest.raises(WorkspaceError, match="cannot be written"):
        make_demo(tmp_path)


def test_a_demo_is_there_only_if_nothing_of_it_is_missing(tmp_path: Path) -> None:
    assert existing_demo(tmp_path / "demo") is None
    root = make_demo(tmp_path / "demo").root
    assert existing_demo(root) == Workspace(root)
    for name in (
        "hifumi.toml",
        "subjects/hifumi.toml",
        "data/10_hifumi_chan/07.txt",
        "validation/16.png",
        "journal.sqlite",
    ):
        kept = (root / name).read_bytes()
        (root / name).unlink()
        assert existing_demo(root) is None, name
        (root / name).write_bytes(kept)
