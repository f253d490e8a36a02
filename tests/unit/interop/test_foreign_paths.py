"""Paths of other computers: mapped prefix to prefix, asked for once, remembered by the workspace."""

from pathlib import Path

import pytest

from trainer.errors import PathError, SettingsError
from trainer.interop.foreign_paths import (
    PATH_MAP,
    is_elsewhere,
    mapped,
    parse_map,
    prefixes_to_ask_for,
    remember_map,
    remembered_map,
)
from trainer.workspace import make_workspace

MAP = {r"D:\lora": "/data/lora", "/content/drive/MyDrive": "/drive", r"\\nas\share": "/mnt/nas", "D:/lora/old": "/old"}


@pytest.mark.parametrize(
    ("path", "here"),
    [
        (r"D:\lora\set\10_a", "/data/lora/set/10_a"),
        ("d:/LORA/Set", "/data/lora/Set"),
        ("D:\\lora\\", "/data/lora"),
        (r"D:\lora\old\x", "/old/x"),
        ("/content/drive/MyDrive/set", "/drive/set"),
        (r"\\NAS\Share\models\nai.safetensors", "/mnt/nas/models/nai.safetensors"),
        (r"D:\lora2\set", None),
        ("/content/drive/MyDriver", None),
        (r"E:\lora", None),
        ("lora/set", None),
    ],
)
def test_a_prefix_ends_at_a_folder_and_the_longest_one_counts(path: str, here: str | None) -> None:
    assert mapped(path, MAP) == here


@pytest.mark.parametrize(
    ("path", "elsewhere"),
    [(r"D:\x", True), (r"\\nas\x", True), ("/content/x", True), ("/tmp", False), ("sets/a", False), ("demo", False), ("/" + "x" * 400, True), ("/a\0b", True)],
)  # fmt: skip
def test_what_is_absolute_and_not_here_is_of_another_computer(path: str, elsewhere: bool) -> None:
    assert is_elsewhere(path) is elsewhere


def test_as_few_folders_as_cover_the_paths_are_asked_for() -> None:
    paths = {
        r"D:\lora\sets\10_a": "",
        r"D:\lora\reg": "",
        r"D:\models\nai.safetensors": "",
        "/content/drive/set": "",
        r"\\nas\share\x\y": "",
        "/known": "/here",
    }
    assert prefixes_to_ask_for(paths) == ["/content/drive", r"D:\lora", r"D:\models", r"\\nas\share\x"]
    assert prefixes_to_ask_for({r"D:\lora\sets\10_a": "", "d:/LoRA/reg": ""}) == [r"D:\lora"]
    assert prefixes_to_ask_for({r"E:\base.safetensors": ""}) == ["E:\\"]
    assert prefixes_to_ask_for({r"\\nas\lora\a\b": "", r"\\nas\lora\c\d": ""}) == ["\\\\nas\\lora\\"]
    answers = dict.fromkeys(prefixes_to_ask_for(paths), "/here")
    assert all(mapped(path, answers) for path, here in paths.items() if not here)


def test_a_workspace_remembers_what_it_was_told_and_survives_a_damaged_file(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    assert remembered_map(workspace) == remembered_map(None) == {}
    remember_map(workspace, {r"D:\lora": "/data"})
    remember_map(workspace, {"/content": "/srv"})
    assert remembered_map(workspace) == {r"D:\lora": "/data", "/content": "/srv"}
    for damage in (b"[", b"[]", b'{"prefixes": [1]}', b'{"prefixes": {"a": 3, "": "x"}}', b"\xff"):
        (tmp_path / PATH_MAP).write_bytes(damage)
        assert remembered_map(workspace) == {}


@pytest.mark.parametrize("pair", [r"D:\lora", "=x", "x=", " = "])
def test_a_map_without_two_sides_is_one_line(pair: str) -> None:
    with pytest.raises(SettingsError, match=r"--map .*expected a folder there and the same folder here"):
        parse_map([pair])


def test_a_whole_drive_and_a_share_with_either_slash_are_mapped() -> None:
    known = parse_map(["E:=/mnt/e", r"\\box\loras=/mnt/box"])
    assert mapped(r"e:\sets\cat", known) == "/mnt/e/sets/cat"
    assert mapped("E:/", known) == "/mnt/e"
    assert mapped("//BOX/loras/a b", known) == "/mnt/box/a b"
    assert mapped(r"F:\sets", known) is None


def test_the_folder_of_a_user_whom_nobody_knows_is_refused_and_not_remembered(tmp_path: Path) -> None:
    with pytest.raises(PathError, match="--map: ~nobody9/x: no user `nobody9` here"):
        parse_map([r"D:\a=~nobody9/x"])
    workspace = make_workspace(tmp_path)
    remember_map(workspace, {r"D:\a": "~nobody9/x", r"E:\b": "~/b"})
    assert remembered_map(workspace) == {r"E:\b": "~/b"}
