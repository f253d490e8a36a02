"""docs/shell.md is true: its commands run, its tables are the program's, and standard output holds data alone."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from subprocess import CompletedProcess

import click
import pytest
from every_command import NEEDED, furnish, words
from past_bake import add_past_bake

from lora_tui.cli import main
from lora_tui.commands.completions import completion_script
from lora_tui.commands.man_page import man_page
from lora_tui.doctor.registry import HEALTH_CHECKS
from trainer.journal.journal import Journal
from trainer.journal.records import Bake, NewBake
from trainer.workspace import Workspace

LoraTui = Callable[..., "CompletedProcess[str]"]
ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "shell.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, flags=re.DOTALL) for line in block.splitlines()]


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return furnish(tmp_path_factory.mktemp("shell") / "ws").root


def table(heading: str) -> dict[str, str]:
    """Return the rows of the table behind a text of the page."""
    rows = PAGE[PAGE.index(heading) :].partition("|---|---|\n")[2].partition("\n\n")[0]
    return dict(re.findall(r"^\| `([^`]+)` \| (.+) \|$", rows, flags=re.MULTILINE))


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_of_the_page_runs(line: str, lora_tui_here: LoraTui, furnished: Path, tmp_path: Path) -> None:
    folder = tmp_path / "ws"
    shutil.copytree(furnished, folder)
    ran = lora_tui_here(*shlex.split(line)[1:], folder=folder)
    if line.startswith("lora-tui replay"):
        # The dashboard needs a terminal; tests/terminal shows it.
        assert (ran.returncode, "is not a terminal" in ran.stderr) == (2, True)
        return
    # What the doctor finds is this machine's.
    assert ran.returncode in ((0, 1, 2) if "doctor" in line else (0,)), ran.stderr
    assert ran.stdout


def test_the_checks_of_the_doctor_stand_in_the_page() -> None:
    assert table("`doctor` looks at") == {check.key: check.what for check in HEALTH_CHECKS}


def test_the_keys_of_status_stand_in_the_page(lora_tui_here: LoraTui, furnished: Path) -> None:
    told = json.loads(lora_tui_here("status", str(furnished), "--json").stdout)
    assert set(told) == set(table("`lora-tui status --json`:"))
    rows = table("Each bake:")
    assert set(told["bakes"][0]) == set(rows)
    assert {field.name for field in fields(Bake)} <= set(rows)


def test_status_says_when_what_waits_is_expected_to_run(lora_tui_here: LoraTui, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with Journal(workspace.journal_path) as journal:
        for number in (1, 2):
            journal.bakes.add(
                NewBake(
                    name=f"b{number}",
                    settings_toml="",
                    engine="e",
                    total_steps=8,
                    steps_per_epoch=4,
                    planned_seconds=600.0,
                )
            )
    lines = lora_tui_here("status", str(tmp_path)).stdout.splitlines()
    assert re.search(r"0001 b1  queued  .*\d\d:\d\d – .*\d\d:\d\d  ", lines[2]), lines
    told = {
        bake["number"]: bake for bake in json.loads(lora_tui_here("status", str(tmp_path), "--json").stdout)["bakes"]
    }
    assert told[2]["expected_start"] == pytest.approx(told[1]["expected_end"])
    assert told[2]["expected_end"] - told[2]["expected_start"] == pytest.approx(600)


def test_two_ways_of_printing_the_status_are_refused(lora_tui_here: LoraTui, furnished: Path) -> None:
    ran = lora_tui_here("status", str(furnished), "--once", "--json")
    assert (ran.returncode, ran.stdout) == (2, "")


def test_the_frame_is_as_wide_as_columns_says(
    lora_tui_here: LoraTui, furnished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    lines = lora_tui_here("status", str(furnished), "--once").stdout.splitlines()
    assert max(map(len, lines)) <= 30 and any(line.endswith("…") for line in lines)


def test_a_frame_in_a_pipe_is_whole(
    lora_tui_here: LoraTui, furnished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    folder = shutil.copytree(furnished, tmp_path / "ws")
    with Journal(Workspace(folder).journal_path) as journal:
        journal.log.write(f"a line {'of many words ' * 12}with an end")
    lines = lora_tui_here("status", str(folder), "--once").stdout.splitlines()
    assert any(line.endswith("with an end") for line in lines)


# Data and talk

TALKS = ("warning", "wrote ", "loading", "comparing", "reading ", "nothing was sent", "usage:", "lora-tui: ", "! ")
# Command -> how its standard output is read. What only does something prints what it did, and is not in it.
DATA: dict[str, Callable[[str], object]] = {
    "status --json": json.loads,
    "queue --json": json.loads,
    "bakes list --json": json.loads,
    "show --json": json.loads,
    "diff --json": json.loads,
    "floor --json": json.loads,
    "frontier --json": json.loads,
    "advise --json": json.loads,
    "ladder list --json": json.loads,
    "ladder show --json": json.loads,
    "plan --json": json.loads,
    "check --json": json.loads,
    "compare-trainers --json": json.loads,
    "info --json": json.loads,
    "doctor --json": json.loads,
    "import --json": json.loads,
    "captions tags --json": json.loads,
    "captions pairs --json": json.loads,
    "captions remarks --json": json.loads,
    "captions history --json": json.loads,
    "dataset --json": json.loads,
    "keys --json": json.loads,
    "completions": str.splitlines,
    "man": str.splitlines,
}


def as_typed(name: str, places: dict[str, Path]) -> list[str]:
    command, json_too = name.removesuffix(" --json"), name.endswith(" --json")
    typed = words(command, places)
    if not json_too:
        return typed
    at = len(command.split())
    return [*typed[:at], "--json", *typed[at:]]


@pytest.mark.parametrize("name", DATA)
def test_standard_output_of_a_data_command_holds_no_talk(
    name: str, lora_tui_here: LoraTui, furnished: Path, tmp_path: Path
) -> None:
    # A damaged row is something to say, wherever a journal is read.
    shutil.copytree(furnished, tmp_path / "ws")
    with Journal(tmp_path / "ws" / "journal.sqlite") as journal, journal._database.writing() as connection:
        connection.execute("UPDATE bake SET held = 'maybe' WHERE number = 3")
    ran = lora_tui_here(*as_typed(name, {"ws": tmp_path / "ws", "out": tmp_path}))
    assert "Traceback" not in ran.stderr
    DATA[name](ran.stdout)
    if DATA[name] is not json.loads:
        assert not any(line.lower().startswith(TALKS) for line in ran.stdout.splitlines())


def test_no_command_with_json_is_forgotten() -> None:
    given = {name.removesuffix(" --json") for name in DATA}
    with_json = {
        name
        for name, command in ((name, _command(name)) for name in NEEDED if name)
        if any("--json" in parameter.opts for parameter in command.params)
    }
    # They write or queue something, read files that this workspace lacks, or are tried with their own tests.
    elsewhere = {
        "bakes add", "export", "grid", "ladder start", "lora alpha", "lora average", "lora convert", "lora extract", "lora inspect",
        "lora merge", "lora metadata", "lora mix", "lora resize", "lora verify", "lora weights", "measure", "search", "style show",
        "convert alpha", "ladder presets", "ladder extend", "ladder cut", "ladder grid", "queue change", "captions add", "captions convention",
        "captions front", "captions redo", "captions remove", "captions rename", "captions replace", "captions sort", "captions tag",
        "captions tidy", "captions undo", "captions write",
    }  # fmt: skip
    assert with_json - given - elsewhere == set()


def _command(name: str):
    found = main
    for word in name.split():
        found = found.commands[word]  # type: ignore[attr-defined,assignment]
    return found


# Bug reports


def test_a_bundle_is_listed_before_it_is_written_and_replaces_nothing(
    lora_tui_here: LoraTui, furnished: Path, tmp_path: Path
) -> None:
    out = tmp_path / "report.zip"
    ran = lora_tui_here("doctor", "--bundle", str(out), "--in", str(furnished))
    assert ran.returncode in (0, 1, 2)
    talk = ran.stderr.splitlines()
    listed = [line.split()[0] for line in talk[1:-1]]
    with zipfile.ZipFile(out) as archive:
        assert archive.namelist() == listed
    assert talk[0] == f"{out} will hold:" and "nothing was sent anywhere" in talk[-1]
    again = lora_tui_here("doctor", "--bundle", str(out), "--in", str(furnished))
    assert (again.returncode, "already exists" in again.stderr, again.stdout) == (2, True, "")


# Energy


def test_show_and_report_say_the_energy_and_with_a_price_its_cost(
    lora_tui_here: LoraTui, tmp_path: Path, own_home: Path
) -> None:
    with Journal(tmp_path / "journal.sqlite") as journal:
        add_past_bake(journal)
    words = "0.50 kWh by the GPU alone (by its own counter)"
    shown = lora_tui_here("show", "1", "--in", str(tmp_path)).stdout
    assert f"  energy: {words}\n" in shown
    (own_home / "config" / "lora-tui").mkdir(parents=True)
    (own_home / "config" / "lora-tui" / "config.toml").write_text('[energy]\nprice_per_kwh = 0.5\ncurrency = "EUR"\n')
    priced = f"{words}, 0.25 EUR at 0.5 EUR per kWh"
    assert priced in lora_tui_here("show", "1", "--in", str(tmp_path)).stdout
    assert priced in lora_tui_here("report", "1", "--md", "--stdout", "--in", str(tmp_path)).stdout
    assert json.loads(lora_tui_here("show", "1", "--json", "--in", str(tmp_path)).stdout)["energy"] == 1.8e6


# Completions and the man page


def completed(typed: str, folder: Path, shell: str = "bash") -> list[str]:
    """Return what a shell would offer for the last word of what is typed."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    before = dict(os.environ)
    here = Path.cwd()
    os.environ |= {"COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split(" ")) - 1)}
    os.chdir(folder)
    try:
        return kind(main, {}, "lora-tui", "_LORA_TUI_COMPLETE").complete().splitlines()
    finally:
        os.chdir(here)
        os.environ.clear()
        os.environ.update(before)


def test_a_shell_completes_commands_options_numbers_and_settings_files(furnished: Path) -> None:
    assert "plain,doctor" in completed("lora-tui do", furnished)
    assert "plain,--follow" in completed("lora-tui status --fo", furnished)
    assert completed("lora-tui show ", furnished) == ["plain,3", "plain,2", "plain,1"]
    assert completed("lora-tui show 2", furnished) == ["plain,2"]
    assert completed("lora-tui ladder show ", furnished) == ["plain,1"]
    assert completed("lora-tui page ", furnished) == ["plain,1"]
    assert "plain,hifumi.toml" in completed("lora-tui bake hi", furnished)
    assert "plain,subjects/hifumi.toml" in completed("lora-tui bake subjects/", furnished)
    assert completed("lora-tui diff 1 ", furnished)
    assert any("hifumi" in line for line in completed("lora-tui show ", furnished, "zsh"))


def test_where_there_is_nothing_to_complete_nothing_is_said(tmp_path: Path) -> None:
    assert completed("lora-tui show ", tmp_path) == []
    (tmp_path / "journal.sqlite").write_text("no database")
    assert completed("lora-tui show ", tmp_path) == []
    assert (tmp_path / "journal.sqlite").read_text() == "no database"
    assert completed("lora-tui bake x", tmp_path) == ["file,x"]
    assert completed("lora-tui bake /no/such/", tmp_path) == ["file,/no/such/"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_names_the_program_and_its_shell_takes_it(shell: str, tmp_path: Path) -> None:
    script = completion_script(main, shell)
    assert f"_LORA_TUI_COMPLETE={shell}_complete" in script
    if shutil.which(shell):
        (tmp_path / "script").write_text(script)
        ran = subprocess.run([shell, "-n", str(tmp_path / "script")], capture_output=True, text=True, check=False)
        assert (ran.returncode, ran.stderr) == (0, "")


def test_the_man_page_has_every_command_and_option() -> None:
    page = man_page(main).replace("\\-", "-")
    for name in NEEDED:
        if name:
            assert re.search(rf"^\.SS lora-tui {name}\b", page, flags=re.MULTILINE), name
            options = [each for each in _command(name).params if isinstance(each, click.Option)]
            assert [option for each in options for option in each.opts if option not in page] == []
    assert [line for line in page.splitlines() if line.startswith(("'", ".")) and line.split()[0] not in ROFF] == []
    assert page.isascii()


ROFF = {".TH", ".SH", ".SS", ".PP", ".TP", ".B", ".RI", ".nf", ".fi"}


def test_the_man_page_in_docs_is_the_programs() -> None:
    assert (ROOT / "docs" / "lora-tui.1").read_text("utf-8") == man_page(main), "run `make docs`"


@pytest.mark.skipif(not (shutil.which("groff") or shutil.which("man")), reason="neither groff nor man is here")
def test_man_shows_the_page_without_a_complaint(tmp_path: Path) -> None:
    (tmp_path / "lora-tui.1").write_text(man_page(main))
    command = (
        ["groff", "-man", "-Tutf8", "-ww", str(tmp_path / "lora-tui.1")]
        if shutil.which("groff")
        else ["man", "-l", str(tmp_path / "lora-tui.1")]
    )
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "MANWIDTH": "100"})
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "lora-tui doctor" in re.sub("\x1b\\[[0-9;]*m|.\x08", "", ran.stdout)


def test_no_command_of_the_shell_loads_what_is_heavy(furnished: Path) -> None:
    heavy = "{'torch', 'diffusers', 'transformers', 'textual', 'numpy', 'PIL', 'pynvml'}"
    for typed in (
        ["--help"],
        ["status", str(furnished)],
        ["bakes", "--in", str(furnished)],
        ["completions", "zsh"],
        ["man"],
    ):
        code = (
            "import sys\nfrom lora_tui.cli import main\n"
            f"try:\n    main({typed!r}, prog_name='lora-tui')\nexcept SystemExit:\n    pass\n"
            f"print(*sorted({heavy} & set(sys.modules)), file=sys.stderr)"
        )
        ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
        assert ran.stderr.split() == [], typed
