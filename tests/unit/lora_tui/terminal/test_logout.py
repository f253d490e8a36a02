from pathlib import Path

import pytest

from lora_tui.terminal.logout import kills_user_processes, logout_warning

SESSION = {"XDG_SESSION_ID": "3"}


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    folder = tmp_path / "etc"
    (folder / "logind.conf.d").mkdir(parents=True)
    return folder


@pytest.fixture
def lib(tmp_path: Path) -> Path:
    folder = tmp_path / "lib"
    (folder / "logind.conf.d").mkdir(parents=True)
    return folder


def say(path: Path, value: str, section: str = "[Login]") -> None:
    path.write_text(f"{section}\nKillUserProcesses={value}\n")


def test_systemds_own_file_with_everything_commented_out_kills_nobody(etc: Path) -> None:
    (etc / "logind.conf").write_text("[Login]\n#KillUserProcesses=yes\n")
    assert not kills_user_processes([etc])


@pytest.mark.parametrize("value", ["yes", "true", "1", " Yes "])
def test_every_way_to_say_yes_is_understood(etc: Path, value: str) -> None:
    say(etc / "logind.conf", value)
    assert kills_user_processes([etc])


def test_another_section_says_nothing(etc: Path) -> None:
    say(etc / "logind.conf", "yes", "[Other]")
    assert not kills_user_processes([etc])


def test_a_drop_in_wins_over_the_file_and_a_later_name_over_an_earlier(etc: Path) -> None:
    say(etc / "logind.conf", "no")
    say(etc / "logind.conf.d" / "10.conf", "yes")
    assert kills_user_processes([etc])
    say(etc / "logind.conf.d" / "20.conf", "no")
    assert not kills_user_processes([etc])


def test_the_administrators_drop_in_replaces_the_distributions_of_its_name(etc: Path, lib: Path) -> None:
    say(lib / "logind.conf.d" / "50.conf", "yes")
    assert kills_user_processes([etc, lib])
    (etc / "logind.conf.d" / "50.conf").write_text("")
    assert not kills_user_processes([etc, lib])


def test_a_session_that_would_be_killed_is_warned_with_the_remedy(etc: Path, tmp_path: Path) -> None:
    say(etc / "logind.conf", "yes")
    assert "loginctl enable-linger" in logout_warning(SESSION, [etc], tmp_path / "linger", "me")


def test_who_may_linger_is_not_warned(etc: Path, tmp_path: Path) -> None:
    say(etc / "logind.conf", "yes")
    (tmp_path / "linger").mkdir()
    (tmp_path / "linger" / "me").touch()
    assert logout_warning(SESSION, [etc], tmp_path / "linger", "me") == ""


def test_outside_a_session_nobody_is_warned(etc: Path, tmp_path: Path) -> None:
    say(etc / "logind.conf", "yes")
    assert logout_warning({}, [etc], tmp_path / "linger", "me") == ""
