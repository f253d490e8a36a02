"""Arguments of `make bench` that name nothing that could be measured."""

from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

ABLE = ("steps", "real", "race")
SCRIPTS = ("train_network.py", "sdxl_train_network.py")


@pytest.fixture
def compared() -> ModuleType:
    return import_module("compared")


def checkout(folder: Path, *names: str) -> str:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return str(folder)


@pytest.mark.parametrize(
    ("base", "cases", "parts", "said"),
    [
        ("", "bf16", ("real",), "CASES=bf16: chooses among what is compared; name that with BASE= or SD_SCRIPTS="),
        (
            "",
            "",
            ("race",),
            "ONLY=race: with whom? name a checkout of sd-scripts with SD_SCRIPTS=, or a commit with BASE=",
        ),
        ("HEAD", "", ("real", "ui"), "BASE=HEAD: ui cannot be compared; ONLY can be steps, real, race"),
        ("nosuch", "", ("real",), "BASE=nosuch: no such commit in "),
    ],
)
def test_a_wrong_argument_is_one_line(compared: ModuleType, base: str, cases: str, parts: list[str], said: str) -> None:
    with pytest.raises(compared.BadArgument) as refused:
        compared.compared_with(base, "", cases, parts, ABLE)
    assert str(refused.value).startswith(said)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("names", "parts", "said"),
    [
        ((), ("race",), "no checkout of sd-scripts: it has no train_network.py and no sdxl_train_network.py"),
        (("train_network.py",), ("race",), "no checkout of sd-scripts: it has no sdxl_train_network.py"),
        (
            SCRIPTS,
            ("race",),
            "no Python in it with what sd-scripts needs: neither venv/bin/python nor .venv/bin/python",
        ),
        ((*SCRIPTS, "venv/bin/python"), ("steps", "race"), "steps cannot be compared with it; ONLY can be race"),
    ],
)
def test_a_folder_that_cannot_race_is_one_line(
    compared: ModuleType, tmp_path: Path, names: tuple[str, ...], parts: list[str], said: str
) -> None:
    place = checkout(tmp_path, *names)
    with pytest.raises(compared.BadArgument) as refused:
        compared.compared_with("", place, "", parts, ABLE)
    assert str(refused.value) == f"SD_SCRIPTS={place}: {said}"


def test_no_folder_is_one_line(compared: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(compared.BadArgument) as refused:
        compared.compared_with("", f"{tmp_path}/nosuch", "", ["race"], ABLE)
    assert str(refused.value) == f"SD_SCRIPTS={tmp_path}/nosuch: no such folder"


def test_the_interpreter_in_the_folder_runs_sd_scripts(compared: ModuleType, tmp_path: Path) -> None:
    found = compared.compared_with("", checkout(tmp_path, *SCRIPTS, ".venv/bin/python"), "fp32", ["race"], ABLE)
    assert found.scripts.python == tmp_path.resolve() / ".venv/bin/python"
    assert (found.commit, found.scripts.version, found.cases) == (None, "", "fp32")


def test_a_commit_is_known_by_its_whole_hash(compared: ModuleType) -> None:
    found = compared.compared_with("HEAD", "", "bf16", ("steps",), ABLE)
    assert len(found.commit) == 40
    assert found.cases == "bf16"
    assert compared.compared_with("", "", "", ("ui",), ABLE) == compared.Compared()
