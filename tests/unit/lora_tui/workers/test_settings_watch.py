"""The watch over the open settings file: what another program writes is read, once it is complete."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lora_tui.workers.settings_watch import FileRead, SettingsWatch
from trainer.settings.model import Settings
from trainer.settings.toml_file import save_settings


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    save_settings(Settings(network_dim=8), path)
    return path


@pytest.fixture
def reads() -> list[FileRead]:
    return []


@pytest.fixture
def watch(path: Path, reads: list[FileRead]) -> Iterator[SettingsWatch]:
    watch = SettingsWatch(reads.append, seconds=0.02)
    watch.watch(path)
    watch.start()
    time.sleep(0.1)
    yield watch
    watch.stop()
    watch.join(5)


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_file_that_stays_as_it_is_is_never_read(watch: SettingsWatch, reads: list[FileRead]) -> None:
    time.sleep(0.2)
    assert reads == []


def test_what_another_program_writes_is_read_once(watch: SettingsWatch, reads: list[FileRead], path: Path) -> None:
    save_settings(Settings(network_dim=64), path)
    until(lambda: reads)
    time.sleep(0.2)
    assert [(read.path, read.settings and read.settings.network_dim, read.asked) for read in reads] == [(path, 64, "")]


def test_a_broken_file_is_an_error_with_its_line_and_mended_it_is_read(
    watch: SettingsWatch, reads: list[FileRead], path: Path
) -> None:
    good = path.read_text()
    path.write_text(good + "\nnetwork_dim = = 3\n")
    until(lambda: reads)
    error = reads[0].error
    assert reads[0].settings is None and error is not None
    assert f"line {good.count(chr(10)) + 2}" in error.line()
    path.write_text(good)
    until(lambda: len(reads) == 2)
    assert reads[1].settings == Settings(network_dim=8)


def test_a_file_that_is_gone_for_a_moment_is_no_error(watch: SettingsWatch, reads: list[FileRead], path: Path) -> None:
    content = path.read_bytes()
    path.unlink()
    time.sleep(0.1)
    assert reads == []
    path.write_bytes(content)
    until(lambda: reads)
    assert reads[0].error is None


def test_who_asks_gets_the_file_whether_it_changed_or_not(watch: SettingsWatch, reads: list[FileRead]) -> None:
    watch.look("edited in vi")
    until(lambda: reads)
    assert (reads[0].asked, reads[0].settings) == ("edited in vi", Settings(network_dim=8))


def test_another_file_is_watched_from_its_own_state_on(watch: SettingsWatch, reads: list[FileRead], path: Path) -> None:
    other = path.with_name("other.toml")
    save_settings(Settings(network_dim=4), other)
    watch.watch(other)
    time.sleep(0.1)
    assert reads == []
    save_settings(Settings(network_dim=5), other)
    until(lambda: reads)
    assert reads[0].path == other
