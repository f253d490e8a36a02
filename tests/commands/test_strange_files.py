"""A pipe, a device, a file of 300 MB or a closed folder where data, settings or a model are expected: one line each, and nothing waits."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from no_override import permissions_hold
from run_engine import small_demo

from trainer.families.registry import FAMILIES
from trainer.settings.describe import fields
from trainer.workspace import Workspace

LoraTui = Callable[..., "CompletedProcess[str]"]

_SECONDS = 60.0
_LARGE = 300_000_000


def _pipe(place: Path) -> None:
    os.mkfifo(place)


def _device(place: Path) -> None:
    place.symlink_to("/dev/zero")


def _endless(place: Path) -> None:
    place.symlink_to("/dev/full")


def _large(place: Path) -> None:
    place.touch()
    os.truncate(place, _LARGE)


def _closed(place: Path) -> None:
    place.touch()
    place.chmod(0)


def _circle(place: Path) -> None:
    place.symlink_to(place.name)


KINDS = {each.__name__.strip("_"): each for each in (_pipe, _device, _endless, _large, _closed, _circle)}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo with six pictures."""
    root = small_demo(tmp_path_factory.mktemp("small") / "ws").root
    for path in sorted((root / "data").rglob("*.png"))[6:]:
        path.unlink()
        path.with_suffix(".txt").unlink()
    return root


@pytest.fixture
def workspace(small: Path, tmp_path: Path) -> Iterator[Workspace]:
    shutil.copytree(small, tmp_path / "ws")
    yield Workspace(tmp_path / "ws")


# What lies in the workspace -> the file to replace, below it.
PLACES = {
    "a picture": "data/10_hifumi_chan/01.png",
    "a caption": "data/10_hifumi_chan/01.txt",
    "a held-out picture": "validation/01.png",
    "the settings": "hifumi.toml",
    "the subject": "subjects/hifumi.toml",
}


def _refused(ran: "CompletedProcess[str]", place: Path, began: float) -> str:
    assert (ran.returncode, ran.stderr.count("\n")) == (2, 1), (ran.stdout, ran.stderr)
    assert ran.stderr.startswith("lora-tui: ")
    assert place.name in ran.stderr or "/dev/" in ran.stderr
    assert len(ran.stderr) <= 500
    assert time.monotonic() - began < _SECONDS
    return ran.stderr


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("what", PLACES)
def test_it_is_named_in_one_line(what: str, kind: str, workspace: Workspace, lora_tui_here: LoraTui) -> None:
    place = workspace.root / PLACES[what]
    assert place.is_file()
    place.unlink()
    KINDS[kind](place)
    began = time.monotonic()
    with permissions_hold():
        ran = lora_tui_here("plan", workspace.root / "hifumi.toml", "--no-memory")
    _refused(ran, place, began)


# Of a base that comes in several files; any base may have another VAE.
OF_FILES = {name for family in FAMILIES.values() for name in family.components} - {"vae"}
# What a path's setting needs to have an effect.
USED = {
    "conditioning_data_dir": ("masked_loss=true",),
    "sample_prompts": ("sample_every_n_epochs=1",),
}


def _of_files() -> tuple[str, ...]:
    # Its models take seconds, which no other test should wait for.
    from tiny_anima import tiny_files

    return (f"pretrained_model_name_or_path={tiny_files()}",)


PATHS = [info.name for info in fields() if info.kind == "path"]


@pytest.mark.parametrize("name", PATHS)
def test_so_is_one_that_a_setting_names(
    name: str, workspace: Workspace, lora_tui_here: LoraTui, tmp_path: Path
) -> None:
    needed = _of_files() if name in OF_FILES else USED.get(name, ())
    used = [word for setting in needed for word in ("--set", setting)]
    given = ("plan", workspace.root / "hifumi.toml", "--no-memory", *used, "--set")
    for kind, make in KINDS.items():
        place = tmp_path / f"{kind}.safetensors"
        make(place)
        began = time.monotonic()
        with permissions_hold():
            ran = lora_tui_here(*given, f"{name}={place}")
        _refused(ran, place, began)
    for odd in ("~nobody-of-that-name/x", f"/{'n' * 300}", f"{workspace.root}/hifumi.toml/x"):
        ran = lora_tui_here(*given, f"{name}={odd}")
        assert (ran.returncode, ran.stderr.count("\n")) == (2, 1), (odd, ran.stdout, ran.stderr)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("ending", "words"),
    [
        (".json", ("grid", "FILE")),
        (".png", ("grid", "--like", "FILE")),
        (".webp", ("grid", "--like", "FILE")),
        (".csv", ("style", "read", "FILE")),
        (".json", ("style", "read", "FILE")),
        (".png", ("style", "read", "FILE")),
    ],
)
def test_so_is_one_of_another_program(
    ending: str, words: tuple[str, ...], kind: str, workspace: Workspace, lora_tui_here: LoraTui, tmp_path: Path
) -> None:
    place = tmp_path / f"{kind}{ending}"
    KINDS[kind](place)
    began = time.monotonic()
    given = [str(place) if word == "FILE" else word for word in words]
    with permissions_hold():
        ran = lora_tui_here(*given, "--in", workspace.root)
    _refused(ran, place, began)
