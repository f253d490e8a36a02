"""`lora-tui new`: a folder of a user's own pictures becomes a subject, settings and a bake."""

import random
from pathlib import Path

import pytest
from PIL import Image

SIZES = ((64, 64), (128, 96), (90, 140), (300, 80), (65, 64))


@pytest.fixture
def own_pictures(tmp_path: Path) -> Path:
    """Pictures of several shapes and kinds, with captions of both endings."""
    folder = tmp_path / "pictures" / "3_my_cat"
    folder.mkdir(parents=True)
    rng = random.Random(5)
    for number, (width, height) in enumerate(SIZES):
        picture = Image.frombytes("RGB", (width, height), rng.randbytes(width * height * 3))
        picture.save(folder / f"{number}.{('png', 'jpg', 'webp')[number % 3]}")
        (folder / f"{number}{('.txt', '.caption')[number % 2]}").write_text("my_cat, sitting, indoors")
    return folder.parent


def test_a_folder_of_mixed_pictures_is_made_a_subject_planned_and_baked(
    lora_tui, lora_tui_here, own_pictures: Path, tmp_path: Path
) -> None:
    made = lora_tui("new", "cat", "--data", own_pictures, "--base", "demo")
    assert made.returncode == 0, made.stderr
    assert 'trigger = "my_cat"' in (tmp_path / "subjects" / "cat.toml").read_text()

    planned = lora_tui_here("plan", "cat.toml", "--no-memory")
    assert planned.returncode == 0, planned.stderr
    assert "5 pictures ×3 → 15 / epoch" in planned.stdout

    baked = lora_tui("bake", "cat.toml", "--set", "max_train_epochs=1")
    assert baked.returncode == 0, baked.stdout + baked.stderr
    assert (tmp_path / "bakes" / "0001-cat" / "cat.safetensors").is_file()


def test_what_is_doubtful_in_the_pictures_is_counted(lora_tui_here, own_pictures: Path, tmp_path: Path) -> None:
    (own_pictures / "3_my_cat" / "0.txt").unlink()
    (own_pictures / "3_my_cat" / "left.heic").write_bytes(b"")
    made = lora_tui_here("new", "cat", "--data", own_pictures, "--base", "demo")
    checked = lora_tui_here("check", "cat.toml", "--no-compare")
    counts = checked.stdout.splitlines()[0].removeprefix("cat.toml: ")
    assert "warning" in counts
    assert f"{counts}: lora-tui check {tmp_path}/cat.toml" in made.stdout.splitlines()


def test_all_pictures_that_cannot_be_read_are_listed(lora_tui_here, own_pictures: Path) -> None:
    for name in ("7.png", "8.jpg"):
        (own_pictures / "3_my_cat" / name).write_bytes(b"")
    refused = lora_tui_here("new", "cat", "--data", own_pictures, "--base", "demo")
    assert refused.returncode == 2
    lines = refused.stderr.splitlines()
    assert "7.png" in lines[0] and "2 in all, also 8.jpg" in lines[0]
    assert [name in line for name, line in zip(("7.png", "8.jpg"), lines[1:], strict=True)] == [True, True]


def test_a_name_that_is_taken_is_refused_and_nothing_changes(lora_tui_here, own_pictures: Path, tmp_path: Path) -> None:
    lora_tui_here("new", "cat", "--data", own_pictures, "--base", "demo")
    before = (tmp_path / "cat.toml").read_text()
    again = lora_tui_here("new", "cat", "--data", own_pictures, "--base", "demo")
    assert (again.returncode, "already exists" in again.stderr) == (2, True)
    assert (tmp_path / "cat.toml").read_text() == before


@pytest.mark.parametrize(
    ("name", "data", "base", "expected"),
    [
        ("a/b", "pictures", "demo", "name"),
        ("cat", "gone", "demo", "gone"),
        ("cat", "pictures", "/nowhere", "/nowhere"),
    ],
)
def test_a_wrong_value_writes_nothing(
    name: str, data: str, base: str, expected: str, lora_tui_here, own_pictures: Path, tmp_path: Path
) -> None:
    before = sorted(tmp_path.rglob("*"))
    ran = lora_tui_here("new", name, "--data", data, "--base", base)
    assert (ran.returncode, ran.stderr.count("\n")) == (2, 1), ran.stderr
    assert expected in ran.stderr
    assert sorted(tmp_path.rglob("*")) == before
