"""`lora-tui dataset`: numbers that are the plan's, lists, near-duplicates; and the commands of its page."""

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest
from PIL import Image

from trainer.workspace import Workspace

PAGE = (Path(__file__).parents[2] / "docs" / "dataset.md").read_text(encoding="utf-8")


@pytest.fixture
def settings(demo: Workspace) -> Path:
    return demo.root / "hifumi.toml"


@pytest.fixture
def folder(demo: Workspace) -> Path:
    """Return the folder with the demo's pictures."""
    return next(path for path in sorted((demo.root / "data").iterdir()) if path.is_dir())


def test_its_numbers_are_those_of_the_plan(lora_tui_here, settings: Path, folder: Path) -> None:
    (folder / "03.txt").unlink()
    values = ("--set", f"exclude_pictures={folder.name}/01.png", "--set", "train_batch_size=7")
    shown = json.loads(lora_tui_here("dataset", settings, *values, "--json").stdout)
    plan = json.loads(lora_tui_here("plan", settings, "--no-memory", *values, "--json").stdout)
    assert [(bar["size"], bar["shown"], bar["batches"]) for bar in shown["buckets"]] == [
        (bucket["size"], bucket["pictures"], bucket["batches"]) for bucket in plan["buckets"]
    ]
    assert shown["shown"] == plan["repeats_total"]
    trained = [each for each in shown["folders"] if each["use"] == "training"]
    assert sum(each["pictures"] for each in trained) == plan["pictures"]
    assert sum(each["excluded"] for each in trained) == plan["excluded_pictures"] == 1
    assert sum(each["without_caption"] for each in trained) == 1
    text = lora_tui_here("dataset", settings, *values)
    assert (text.returncode, text.stderr) == (0, "")
    ragged = [f"{bar['size'][0]}×{bar['size'][1]} ({bar['last']} of 7)" for bar in shown["buckets"] if bar["last"]]
    assert ragged and all(words in text.stdout for words in ragged)
    assert "1 picture: without a caption file (--list no:caption)" in text.stdout
    assert "1 picture: left out by exclude_pictures (--list is:excluded)" in text.stdout
    assert "since the last look" not in text.stdout
    (folder / "04.txt").write_text("a moat")
    assert "since the last look: 1 changed" in lora_tui_here("dataset", settings, *values).stdout


def test_pictures_are_listed_by_query_and_order(lora_tui_here, settings: Path, folder: Path) -> None:
    (folder / "01.txt").write_text("one lone lighthouse, hat")
    ran = lora_tui_here("dataset", settings, "--list", "LIGHTHOUSE")
    (line,) = ran.stdout.splitlines()
    assert line.startswith(f"{folder.name}/01.png") and line.endswith("one lone lighthouse, hat")
    found = json.loads(lora_tui_here("dataset", settings, "--list", "", "--sort", "tokens", "--json").stdout)
    tokens = [picture["tokens"] for picture in found]
    assert len(found) > 10 and tokens == sorted(tokens)
    assert len(found[0]["pixels"]["picture_hash"]) == 16
    assert lora_tui_here("dataset", settings, "--list", "tag:none_such").stdout == "no picture fits\n"
    wrong = lora_tui_here("dataset", settings, "--list", "colour:red")
    assert wrong.returncode == 2 and "colour" in wrong.stderr


def test_near_duplicates_are_listed_across_folders(lora_tui_here, settings: Path, folder: Path) -> None:
    copy = folder.parent / "4_again"
    copy.mkdir()
    with Image.open(folder / "02.png") as picture:
        picture.convert("RGB").resize((picture.width * 2, picture.height * 2)).save(copy / "x.jpg", quality=60)
    groups = json.loads(lora_tui_here("dataset", settings, "--duplicates", "--json").stdout)
    assert {f"{folder.name}/02.png", "4_again/x.jpg"} in [set(group["pictures"]) for group in groups]
    text = lora_tui_here("dataset", settings, "--duplicates").stdout
    assert "4_again/x.jpg" in text and "across 2 folders" in text


def test_without_a_file_it_takes_the_only_one(lora_tui_here, settings: Path) -> None:
    assert lora_tui_here("dataset", "--no-pixels", folder=settings.parent).stdout.startswith("hifumi.toml: ")
    shutil.copy(settings, settings.with_name("other.toml"))
    refused = lora_tui_here("dataset", folder=settings.parent)
    assert refused.returncode == 2 and "other.toml" in refused.stderr


def test_options_that_exclude_each_other_are_refused(lora_tui_here, settings: Path) -> None:
    for words in (("--list", "x", "--duplicates"), ("--sort", "tokens"), ("--descending",)):
        assert lora_tui_here("dataset", settings, *words).returncode == 2


def test_what_is_broken_is_named_and_the_rest_shown(lora_tui_here, settings: Path, folder: Path) -> None:
    (folder / "20.png").write_bytes(b"")
    ran = lora_tui_here("dataset", settings)
    assert ran.returncode == 0 and "1 picture: the picture, its caption or its mask cannot be used" in ran.stdout
    listed = lora_tui_here("dataset", settings, "--list", "fault:unusable").stdout
    assert listed.startswith(f"{folder.name}/20.png  unreadable")
    missing = lora_tui_here("dataset", settings, "--set", "exclude_pictures=nowhere/a.png")
    assert missing.returncode == 2 and "exclude_pictures: no picture nowhere/a.png" in missing.stderr


def test_the_commands_of_the_page_run(lora_tui_here, settings: Path) -> None:
    commands = re.findall(r"^    (lora-tui .*)$", PAGE, flags=re.MULTILINE)
    assert len(commands) == 7
    for line in commands:
        ran = lora_tui_here(*shlex.split(line)[1:], folder=settings.parent)
        assert (ran.returncode, ran.stderr) == (0, ""), line


def test_the_page_names_every_fault_and_every_order() -> None:
    from lora_tui.commands.dataset import SORT_KEYS
    from lora_tui.wording.picture_filter import filter_keys
    from trainer.data_index.record import ROW_FAULTS, SORTS

    assert set(SORT_KEYS) == set(SORTS)
    for name in (*ROW_FAULTS, *SORTS):
        assert f"`{name}`" in PAGE
    for key in filter_keys():
        assert f"`{key.key}:" in PAGE
