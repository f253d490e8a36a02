"""The checks of the doctor against surroundings that a test makes up; none is forgotten, and each bad one has a way out."""

import errno
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pynvml
import pytest

from lora_tui.doctor import computer_checks, gpu_checks, libraries, terminal_checks
from lora_tui.doctor.libraries import LibraryVersion
from lora_tui.doctor.record import HealthCheck, HealthFinding, HealthLevel, Surroundings, exit_code_of
from lora_tui.doctor.registry import HEALTH_CHECKS, examine
from trainer.errors import ExitCode
from trainer.journal import database
from trainer.journal.journal import Journal
from trainer.journal.records import NewBake
from trainer.machine.fake_card import fake_nvml
from trainer.machine.torch_build import TorchBuild
from trainer.workspace import Workspace, make_workspace

OK, WARNING, ERROR = HealthLevel
GIB = 2**30
GOOD = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}


class NoDriver(SimpleNamespace):
    """An NVML that finds no driver."""

    def __init__(self) -> None:
        names = {name: getattr(pynvml, name) for name in dir(pynvml) if name.startswith(("NVMLError", "NVML_"))}
        super().__init__(**names, nvmlInit=self._refuse)

    @staticmethod
    def _refuse() -> None:
        raise pynvml.NVMLError_LibraryNotFound()


def around(**changes: Any) -> Surroundings:
    values = {"environment": GOOD, "terminal": True, "size": (140, 40), "nvml": NoDriver()}
    return Surroundings(**{**values, **changes})


def check(key: str) -> HealthCheck:
    return next(each for each in HEALTH_CHECKS if each.key == key)


def found(key: str, **changes: Any) -> list[tuple[HealthLevel, str]]:
    return [(each.level, each.text) for each in check(key).findings(around(**changes))]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = make_workspace(tmp_path / "ws")
    with Journal(made.journal_path) as journal:
        journal.bakes.add(NewBake(name="x", settings_toml="", engine="gone", total_steps=4, steps_per_epoch=2))
    return made


# Terminal


def test_a_good_terminal_is_described_on_one_line() -> None:
    assert found("terminal") == [(OK, "TERM=xterm-256color, 16 million colours")]


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"TERM": "screen-256color"}, "256 colours"),
        ({"TERM": "xterm"}, "16 colours"),
        ({"TERM": "xterm", "COLORTERM": "24bit"}, "16 million colours"),
        ({"TERM": "xterm-256color", "NO_COLOR": "1", "COLORTERM": "truecolor"}, "no colours (NO_COLOR)"),
        ({"TERM": "tmux-256color", "TMUX": "/tmp/x", "SSH_CONNECTION": "1"}, "256 colours, over tmux and ssh"),
    ],
)
def test_colours_and_what_stands_between_are_named(environment: dict[str, str], words: str) -> None:
    ((level, text),) = found("terminal", environment=environment)
    assert level is OK and text.endswith(words)


@pytest.mark.parametrize(
    ("changes", "level", "words"),
    [
        ({"environment": {"TERM": "dumb"}}, ERROR, "cannot place text"),
        ({"environment": {}}, ERROR, "TERM=(not set)"),
        ({"terminal": False}, WARNING, "is not a terminal"),
        ({"environment": {"TERM": "xterm", "TMUX": "1"}}, WARNING, "inside tmux TERM is xterm"),
        ({"environment": {"TERM": "xterm", "STY": "1"}}, WARNING, "inside screen TERM is xterm"),
    ],
)
def test_a_terminal_that_is_wrong_is_said(changes: dict[str, Any], level: HealthLevel, words: str) -> None:
    assert any(each is level and words in text for each, text in found("terminal", **changes))


@pytest.mark.parametrize(
    ("size", "level", "words"),
    [
        ((40, 7), WARNING, "no pane under 6 lines of figures"),
        ((40, 10), WARNING, "1 pane under 2 lines of figures"),
        ((60, 20), OK, "1 pane at a time; from 120 × 22"),
        ((80, 24), OK, "2 panes at a time"),
        ((200, 60), OK, "200 columns, 60 lines"),
    ],
)
def test_the_size_says_what_has_room(size: tuple[int, int], level: HealthLevel, words: str) -> None:
    ((seen, text),) = found("size", size=size)
    assert seen is level and words in text


def test_another_encoding_is_a_warning() -> None:
    assert found("encoding", encoding="UTF-8") == [(OK, "UTF-8")]
    ((level, text),) = found("encoding", encoding="ANSI_X3.4-1968")
    assert level is WARNING and "ASCII" in text


def test_a_login_manager_that_kills_is_a_warning_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found("logout")[0][0] is OK
    monkeypatch.setattr(terminal_checks, "logout_warning", lambda environment: "it ends bakes: prevent it with `x`")
    (finding,) = check("logout").findings(around())
    assert (finding.level, finding.text, finding.way_out) == (WARNING, "it ends bakes", "prevent it with `x`")


# GPU, driver, torch


def test_a_driver_and_its_gpu_are_described() -> None:
    levels, texts = zip(*found("gpu", nvml=fake_nvml()), strict=True)
    assert set(levels) == {OK}
    assert "8.0 GiB" in texts[1] and "counts no energy" in texts[1]


def test_no_gpu_is_a_warning_and_a_silent_driver_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_checks, "card_device", lambda: False)
    ((level, text),) = found("gpu")
    assert level is WARNING and "no NVIDIA driver" in text
    monkeypatch.setattr(gpu_checks, "card_device", lambda: True)
    ((level, text),) = found("gpu")
    assert level is ERROR and "NVML does not answer" in text


def test_a_gpu_that_is_full_names_who_fills_it(monkeypatch: pytest.MonkeyPatch) -> None:
    lib = fake_nvml()
    full = SimpleNamespace(used=7 * GIB, free=GIB, total=8 * GIB)
    monkeypatch.setattr(lib, "nvmlDeviceGetMemoryInfo", lambda handle: full)
    monkeypatch.setattr(
        lib, "nvmlDeviceGetComputeRunningProcesses", lambda handle: [SimpleNamespace(pid=1, usedGpuMemory=6 * GIB)]
    )
    first = found("gpu-users", nvml=lib)[0]
    assert first[0] is WARNING and "7.0 of 8.0 GiB are in use by " in first[1] and "(pid 1, 6.0 GiB)" in first[1]


def with_cuda(version: int) -> Any:
    lib = fake_nvml()
    lib.nvmlSystemGetCudaDriverVersion = lambda: version  # type: ignore[attr-defined]
    lib.nvmlSystemGetDriverVersion = lambda: "535.1"  # type: ignore[attr-defined]
    return lib


@pytest.mark.parametrize(
    ("build", "lib", "level", "words"),
    [
        (
            TorchBuild("2.13.0", "13.0"),
            with_cuda(12020),
            ERROR,
            "it needs a driver with CUDA 13, and this one has CUDA 12.2",
        ),
        (TorchBuild("2.13.0", "12.8"), with_cuda(12020), OK, "torch 2.13.0, for CUDA 12.8"),
        (TorchBuild("2.13.0+cpu"), with_cuda(12020), ERROR, "bakes would not use the GPU"),
        (TorchBuild("2.13.0+cpu"), NoDriver(), OK, "for the CPU alone"),
        (None, NoDriver(), ERROR, "torch is not installed"),
    ],
)
def test_the_build_of_torch_is_held_against_the_driver(
    build: TorchBuild | None, lib: Any, level: HealthLevel, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_checks, "torch_build", lambda: build)
    ((seen, text),) = found("torch", nvml=lib)
    assert seen is level and words in text


@pytest.mark.parametrize(
    ("answer", "lib", "level", "words"),
    [
        ({"gpu": True, "name": "RTX"}, with_cuda(13000), OK, "took a small training step on RTX"),
        ({"gpu": True, "error": "no kernel image", "kernels": ["sm_90"]}, with_cuda(13000), ERROR, "kernels for sm_90"),
        ({"gpu": False}, with_cuda(13000), ERROR, "torch sees no GPU, although the driver does"),
        ({"gpu": False, "version": "2.13"}, NoDriver(), OK, "sees no GPU"),
        (None, NoDriver(), ERROR, "did not answer"),
    ],
)
def test_the_trial_of_torch_says_what_came_of_it(
    answer: Any, lib: Any, level: HealthLevel, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_checks, "torch_build", lambda: TorchBuild("2.13.0", "12.8"))
    monkeypatch.setattr(gpu_checks, "_answer", lambda: answer)
    seen, text = found("torch", nvml=lib, try_torch=True)[-1]
    assert seen is level and words in text


# Libraries


def test_the_installed_libraries_are_those_asked_for() -> None:
    assert {level for level, _ in found("libraries")} == {OK}


def test_every_dependency_is_looked_at() -> None:
    names = {each.name for each in libraries.library_versions()}
    assert {"torch", "textual", "click", "prodigyopt"} <= names
    assert "pytest" not in names
    assert libraries.tested_versions()["textual"] == "8.2.8"


@pytest.mark.parametrize(
    ("library", "fault"),
    [
        (LibraryVersion("torch", ">=2.13,<2.14", "2.13.0+cpu"), ""),
        (LibraryVersion("torch", ">=2.13,<2.14", "2.14.0"), "is 2.14.0, and >=2.13,<2.14 is needed"),
        (LibraryVersion("torch", ">=2.13,<2.14", ""), "is not installed"),
        (LibraryVersion("ray", ">=2.50,<3", "", extra="ray"), ""),
        (LibraryVersion("ray", ">=2.50,<3", "2.1", extra="ray"), "is 2.1, and >=2.50,<3 is needed"),
    ],
)
def test_a_library_of_another_version_is_a_fault(library: LibraryVersion, fault: str) -> None:
    assert library.fault == fault


def test_a_fault_of_a_library_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries, "library_versions", lambda: (LibraryVersion("torch", ">=2.13", "1.0"),))
    assert found("libraries")[0] == (ERROR, "torch is 1.0, and >=2.13 is needed")


# Disk, memory, clock


def test_little_space_is_a_warning_and_none_an_error(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    for free, level in ((2 * GIB, WARNING), (GIB // 4, ERROR), (90 * GIB, OK)):
        monkeypatch.setattr(computer_checks, "free_bytes", lambda folder, free=free: free)
        monkeypatch.setattr(computer_checks, "written_per_second", lambda folder: 5e8)
        assert found("disk", workspace=workspace)[0][0] is level


def test_a_slow_disk_says_how_long_a_state_takes(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(computer_checks, "free_bytes", lambda folder: 90 * GIB)
    monkeypatch.setattr(computer_checks, "written_per_second", lambda folder: 5 * 2**20)
    assert found("disk", workspace=workspace)[1] == (
        WARNING,
        "5 MiB/s written to it: saving a state of 500 MiB takes 100 s",
    )


def test_the_speed_of_a_disk_is_measured_and_leaves_nothing(tmp_path: Path) -> None:
    assert computer_checks.written_per_second(tmp_path, 2**20) > 0
    assert list(tmp_path.iterdir()) == []


def test_little_memory_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    for available, level in ((GIB, WARNING), (20 * GIB, OK)):
        memory = SimpleNamespace(available=available, total=32 * GIB)
        monkeypatch.setattr(psutil, "virtual_memory", lambda memory=memory: memory)
        assert found("memory")[0][0] is level


def test_a_clock_that_went_back_is_noticed(workspace: Workspace) -> None:
    with Journal(workspace.journal_path) as journal:
        journal.log.write("now", bake=1)
        now = journal.log.read()[-1].seconds
    assert found("clock", workspace=workspace, now=now + 1)[0][0] is OK
    assert found("clock", workspace=workspace, now=now - 7200)[0][0] is WARNING
    assert found("clock", now=0.0)[0][0] is ERROR


# Journal


def test_a_whole_journal_is_ok(workspace: Workspace) -> None:
    assert found("journal", workspace=workspace) == [(OK, "the journal is whole and nobody locks it; 1 bake in it")]
    assert found("journal") == [(OK, "no workspace here, and none was used before")]


def test_a_journal_that_another_program_locks_is_an_error(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    other = sqlite3.connect(workspace.journal_path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        ((level, text),) = found("journal", workspace=workspace)
    finally:
        other.close()
    assert level is ERROR and "another program has been writing" in text


def damage_a_row(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("UPDATE bake SET state = 'burnt'")
    connection.commit()
    connection.close()


def damage_the_file(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    content = bytearray(path.read_bytes())
    # The tables' own pages, behind the first that names them.
    content[4096 * 2 :] = bytes(len(content) - 4096 * 2)
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("damage", [damage_a_row, damage_the_file])
def test_a_damaged_journal_is_an_error_with_the_way_out(damage: Callable[[Path], None], workspace: Workspace) -> None:
    damage(workspace.journal_path)
    findings = list(check("journal").findings(around(workspace=workspace)))
    assert findings[0].level is ERROR and "damaged" in findings[0].text
    assert "journal rebuild" in findings[0].way_out


def test_bakes_that_nobody_will_run_are_named(workspace: Workspace) -> None:
    texts = [text for _, text in found("bakes", workspace=workspace)]
    assert texts[0] == "bake 1: nothing processes what waits"


def test_a_wrong_configuration_is_an_error(own_home: Path) -> None:
    assert found("config") == [(OK, "configuration: no price of electricity, no configuration file")]
    (own_home / "config" / "lora-tui").mkdir(parents=True)
    file = own_home / "config" / "lora-tui" / "config.toml"
    file.write_text('[energy]\nprice_per_kwh = 0.3\ncurrency = "EUR"\n')
    assert found("config") == [(OK, "configuration: 0.3 EUR per kWh")]
    file.write_text("[energy]\nprice = 3\n")
    assert found("config")[0][0] is ERROR


# All of them


def test_whatever_is_found_bad_has_a_way_out(workspace: Workspace) -> None:
    bad = around(environment={}, terminal=False, encoding="ascii", workspace=workspace, now=0.0)
    findings = examine(bad)
    assert {each.check for each in findings} <= {each.key for each in HEALTH_CHECKS}
    assert [each for each in findings if each.level is not OK and not each.way_out] == []
    assert [each for each in findings if "failed itself" in each.text] == []


def test_a_check_that_fails_itself_ends_no_other() -> None:
    def fail(surroundings: Surroundings) -> Any:
        raise RuntimeError("the driver's library")

    (finding,) = HealthCheck("gpu", "", fail).findings(around())
    assert finding.level is ERROR and "RuntimeError: the driver's library" in finding.text


def test_the_exit_code_is_that_of_the_worst() -> None:
    assert exit_code_of(iter(())) is ExitCode.DONE
    assert exit_code_of(iter([OK, WARNING, OK])) is ExitCode.BAKE_FAILED
    assert exit_code_of(iter([WARNING, ERROR])) is ExitCode.USAGE


def test_a_line_has_level_check_text_and_way_out() -> None:
    line = HealthFinding("disk", WARNING, "2.0 GiB free\x1b[2J", "free some").line()
    assert line == "warning  disk       2.0 GiB free\\x1b[2J; free some"
    assert replace(HealthFinding("gpu", OK, "x")).line() == "ok       gpu        x"


def test_what_the_system_refuses_a_check_is_worded_and_ends_no_other() -> None:
    def look(around: Surroundings):
        yield OK, "5 GiB free", ""
        raise OSError(errno.EDQUOT, "Disk quota exceeded", "/pictures/of/ears")

    first, second = HealthCheck("disk", "x", look).findings(around())
    assert (first.level, second.level) == (OK, ERROR)
    assert "/pictures/of/ears: " in second.text and "failed itself" not in second.text
    assert second.way_out and "report" not in second.way_out
