"""`lora-tui captions pairs`, `remarks`, `convention` and `tag`, and `grid --propose`: what they print, write and refuse."""

import json
import re
import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from grid_viewer import Gallery
from PIL import Image
from tiny_tagger import write_tagger

from trainer.demo.workspace import make_demo
from trainer.journal.journal import Journal
from trainer.workspace import Workspace

DOCS = Path(__file__).parents[2] / "docs"
LoraTui = Callable[..., "CompletedProcess[str]"]


@pytest.fixture
def data(tmp_path: Path) -> Workspace:
    """Return a workspace with three folders of pictures, most of them with captions."""
    root = tmp_path / "ws"
    colours = {"5_school": "blue", "3_beach": "red", "2_new": "lime"}
    for folder, colour in colours.items():
        (root / "data" / folder).mkdir(parents=True)
        for number in range(12):
            Image.new("RGB", (40, 30), colour).save(root / "data" / folder / f"{number:02d}.png")
    for number in range(12):
        words = "hifumi, school uniform" if number > 10 else "hifumi, school uniform, backpack, 1girl"
        (root / "data" / "5_school" / f"{number:02d}.txt").write_text(f"{words}\n")
        odd = ("Beach", "beach, hat")[number % 2] if number < 2 else "beach"
        (root / "data" / "3_beach" / f"{number:02d}.txt").write_text(f"{odd}, red_dress, hifumi\n")
    (root / "subjects").mkdir()
    (root / "subjects" / "hifumi.toml").write_text(
        'trigger = "hifumi"\ntrain_data_dir = "data"\npretrained_model_name_or_path = "demo"\n'
        'checklist = ["red dress", "wings"]\n[outfits]\n"5_school" = "school uniform"\n"3_beach" = "white bikini"\n'
    )
    (root / "hifumi.toml").write_text('subject = "hifumi"\nshuffle_caption = true\n')
    Journal(root / "journal.sqlite").close()
    return Workspace(root)


def test_the_commands_of_the_pages_run_on_the_demo(lora_tui_here: LoraTui, tmp_path: Path) -> None:
    root = make_demo(tmp_path / "demo").root
    found = re.findall(r"```sh\n(.*?)```", (DOCS / "captions-tagger.md").read_text("utf-8"), flags=re.DOTALL)
    lines = [line for block in found for line in block.splitlines()]
    conventions = re.findall(r"^    (lora-tui .*)$", (DOCS / "conventions.md").read_text("utf-8"), flags=re.MULTILINE)
    assert len(lines) == 4 and len(conventions) == 3
    for line in (*lines, *conventions):
        ran = lora_tui_here(*shlex.split(line)[1:], folder=root)
        assert ran.returncode == 0, f"{line}: {ran.stderr}"


def test_pairs_are_named_with_what_parts_them(lora_tui_here: LoraTui, data: Workspace) -> None:
    run = partial(lora_tui_here, folder=data.root)
    told = run("captions", "pairs")
    assert told.returncode == 0, told.stderr
    assert "`backpack` in 11 of 12 `school uniform` pictures: they will be learned as one thing" in told.stdout
    assert "parted by 1 picture of `school uniform` without `backpack` (5_school/11.png)" in told.stdout
    assert "missing: pictures of `backpack` without `school uniform`" in told.stdout
    (pair, *_) = json.loads(run("captions", "pairs", "--json", "--in", data.root).stdout)
    assert (pair["together"], pair["with_tag"], pair["apart"]) == (11, 12, ["5_school/11.png"])
    # A folder of pictures needs no settings.
    alone = run("captions", "pairs", "--in", data.root / "data")
    assert "backpack" in alone.stdout


def test_remarks_are_numbered_and_fixed_by_their_number(lora_tui_here: LoraTui, data: Workspace) -> None:
    run = partial(lora_tui_here, folder=data.root)
    told = run("captions", "remarks").stdout
    assert "no caption has `white bikini`, which the outfit `3_beach` names" in told
    assert "no caption has a word for `wings` of the checklist" in told
    assert "`Beach` (1) differs from `beach` (11) in small and capital letters [rename `Beach` to `beach`]" in told
    (remark,) = [each for each in json.loads(run("captions", "remarks", "--json").stdout) if each["about"] == "Beach"]
    number = str(remark["number"])
    looked = run("captions", "remarks", "--fix", number, "--dry-run")
    assert "- Beach, red_dress, hifumi" in looked.stdout and "+ beach, red_dress, hifumi" in looked.stdout
    file = data.root / "data" / "3_beach" / "00.txt"
    assert file.read_text().startswith("Beach")
    assert run("captions", "remarks", "--fix", number).returncode == 0
    assert file.read_text() == "beach, red_dress, hifumi\n"
    assert run("captions", "undo", "1").returncode == 0
    assert file.read_text() == "Beach, red_dress, hifumi\n"
    refused = run("captions", "remarks", "--fix", "999")
    assert refused.returncode == 2 and "no remark 999" in refused.stderr


def test_a_convention_is_listed_previewed_written_and_undone(lora_tui_here: LoraTui, data: Workspace) -> None:
    run = partial(lora_tui_here, folder=data.root)
    listed = run("captions", "convention").stdout
    # Of the family of the settings' base alone.
    assert "booru" in listed and "source: " in listed and "pony" not in listed
    looked = run("captions", "convention", "booru", "--dry-run")
    assert "+ hifumi, beach, red dress" in looked.stdout
    assert "keep_tokens = 1 keeps 1 tag in front" in looked.stderr
    assert run("captions", "convention", "booru", "--yes").returncode == 0
    file = data.root / "data" / "3_beach" / "05.txt"
    assert file.read_text() == "hifumi, beach, red dress\n"
    assert "captions by the convention booru" in run("captions", "history").stdout
    assert run("captions", "undo", "1").returncode == 0
    assert file.read_text() == "beach, red_dress, hifumi\n"
    refused = run("captions", "convention", "of nobody")
    assert refused.returncode == 2 and "expected one of booru, sentences" in refused.stderr


def test_a_tagger_previews_writes_what_is_missing_and_is_undone(lora_tui_here: LoraTui, data: Workspace) -> None:
    run = partial(lora_tui_here, folder=data.root)
    pytest.importorskip("onnxruntime")
    model = write_tagger(data.root / "wd-tiny")
    looked = run("captions", "tag", model, "--dry-run")
    assert looked.returncode == 0, looked.stderr
    assert "wd-tiny: 6 tags (4 general, 1 character, 1 rating)" in looked.stdout
    assert "BGR, 0 to 255: the model itself divides by 255" in looked.stdout
    # Missing in blue and green pictures; the dress is where the captions have it, however they spell it.
    rows = {line.split("  ")[0]: line.split()[-3:] for line in looked.stdout.splitlines()}
    assert rows["blue sky"] == ["12", "0", "0"]
    assert "red dress" not in rows
    new = data.root / "data" / "2_new" / "03.txt"
    assert not new.exists()
    written = run("captions", "tag", model, "--yes")
    assert written.returncode == 0, written.stderr
    assert new.read_text() == "hifumi, green hair\n"
    old = data.root / "data" / "5_school" / "00.txt"
    assert "blue" not in old.read_text()
    added = run("captions", "tag", model, "--mode", "add", "--unwanted", "green_hair", "--yes")
    assert added.returncode == 0, added.stderr
    assert old.read_text() == "hifumi, school uniform, backpack, 1girl, blue sky\n"
    assert "tags added by the tagger wd-tiny" in run("captions", "history").stdout
    for step in ("2", "1"):
        assert run("captions", "undo", step).returncode == 0
    assert not new.exists() and "blue" not in old.read_text()


def test_in_a_folder_without_a_subject_no_trigger_is_made_up(lora_tui_here: LoraTui, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    model, folder = write_tagger(tmp_path / "wd-tiny"), tmp_path / "unsorted"
    folder.mkdir()
    for number in range(3):
        Image.new("RGB", (30, 30), "lime").save(folder / f"{number}.png")
    told = lora_tui_here("captions", "tag", model, "--in", folder, "--yes")
    assert told.returncode == 0, told.stderr
    assert (folder / "0.txt").read_text() == "green hair\n"
    assert "unsorted" not in lora_tui_here("captions", "remarks", "--in", folder).stdout


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--threshold", "artist=0.5"), "expected one of general, character, rating"),
        (("--threshold", "2"), "a number between 0 and 1"),
        (("--category", "artist"), "--category: artist"),
        (("--batch", "0"), "from 1 to 64"),
    ],
)
def test_what_a_tagger_cannot_do_is_refused_before_it_starts(
    lora_tui_here: LoraTui, data: Workspace, words: tuple[str, ...], reason: str
) -> None:
    run = partial(lora_tui_here, folder=data.root)
    model = write_tagger(data.root / "wd-tiny")
    refused = run("captions", "tag", model, *words, "--yes")
    assert refused.returncode == 2
    assert reason in refused.stderr
    assert not list((data.root / "data" / "2_new").glob("*.txt"))


def test_a_tagger_proposes_ticks_that_do_not_count(lora_tui_here: LoraTui, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    gallery = Gallery(tmp_path / "ws")
    subject = gallery.workspace.subjects / "hifumi.toml"
    model = write_tagger(tmp_path / "wd-tiny")
    where = ("--in", gallery.workspace.root)
    refused = lora_tui_here("grid", "--propose", "1", model, *where)
    assert refused.returncode == 2 and "no item that names a tag of the tagger's" in refused.stderr
    subject.write_text('checklist = ["the blue sky behind her", "twintails"]\n')
    told = lora_tui_here("grid", "--propose", "1", model, *where)
    assert told.returncode == 0, told.stderr
    assert "wd-tiny proposes ticks for 12 pictures of grid 1: the blue sky behind her" in told.stdout
    with gallery.journal() as journal:
        proposed = journal.grids.proposed_ticks(1)
    assert len(proposed) == 12 and all(set(each.ticks) == {"the blue sky behind her"} for each in proposed)
    assert gallery.notes() == {}
