"""Accepted findings: kept with a reason, until the data or the finding change."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from check_inputs import caption, checked, data_set, draw

from trainer.checks.accepted import (
    Acceptance,
    DataFingerprint,
    accept,
    read_accepted,
    with_acceptances,
    write_accepted,
)
from trainer.checks.record import CheckResult
from trainer.checks.registry import run_checks
from trainer.errors import LoraTuiError, SettingsError


def look(root: Path, **values: object) -> tuple[tuple[CheckResult, ...], DataFingerprint]:
    bake = checked(root, **values)
    return run_checks(bake), DataFingerprint([bake.data])


def accepted_now(root: Path, kept: tuple[Acceptance, ...], **values: object) -> dict[str, str | None]:
    results, data = look(root, **values)
    return {result.check.key: result.accepted for result in with_acceptances(results, kept, data)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of pictures of which one has no caption and one has an odd tag."""
    folder = data_set(tmp_path)
    (folder / "0.txt").unlink()
    caption(folder / "1.png", "my_knight, castle, drawbridge")
    return folder


def test_what_is_accepted_is_open_no_more_and_the_rest_is(folder: Path, tmp_path: Path) -> None:
    results, data = look(tmp_path)
    kept = accept(results, (), "caption-missing", " the folder says it ", data)
    assert accepted_now(tmp_path, kept) == {"caption-missing": "the folder says it", "tag-once": None}


CHANGES: dict[str, Callable[[Path], object]] = {
    "a caption": lambda folder: caption(folder / "2.png", "my_knight, castle, castle"),
    "a picture's content": lambda folder: draw(folder / "3.png", 33),
    "one more picture": lambda folder: draw(folder / "9.png", 9),
    "one picture less": lambda folder: (folder / "4.png").unlink(),
    "the repeats": lambda folder: folder.rename(folder.with_name("3_my_knight")),
}


@pytest.mark.parametrize("change", CHANGES)
def test_it_lapses_as_the_data_change(change: str, folder: Path, tmp_path: Path) -> None:
    results, data = look(tmp_path)
    kept = accept(results, (), "tag-once", "a detail", data)
    CHANGES[change](folder)
    assert accepted_now(tmp_path, kept)["tag-once"] is None


def test_it_holds_for_other_settings_and_a_moved_folder(folder: Path, tmp_path: Path) -> None:
    results, data = look(tmp_path)
    kept = accept(results, (), "tag-once", "a detail", data)
    assert accepted_now(tmp_path, kept, max_train_epochs=2)["tag-once"] == "a detail"
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "train").rename(tmp_path / "elsewhere" / "train")
    assert accepted_now(tmp_path / "elsewhere", kept)["tag-once"] == "a detail"


def test_another_finding_of_the_same_check_stays_open(folder: Path, tmp_path: Path) -> None:
    results, data = look(tmp_path, conv_alpha=2)
    kept = accept(results, (), "unused-setting", "for the next bake", data)
    results, data = look(tmp_path, conv_alpha=2, loss_type="l2", huber_c=0.2)
    told = {each.finding.place: each.accepted for each in with_acceptances(results, kept, data)}
    assert (told["conv_alpha"], told["huber_c"]) == ("for the next bake", None)


def test_nothing_unknown_nothing_without_a_reason_and_no_error_is_accepted(folder: Path, tmp_path: Path) -> None:
    (folder / "x.png").write_bytes(b"")
    results, data = look(tmp_path)
    for check, why, words in (
        ("no-such-check", "x", "one of those that found something (caption-missing, tag-once)"),
        ("near-duplicate", "x", "nothing found"),
        ("tag-once", "  ", "no reason"),
        ("picture-empty", "x", "an error; expected a warning or a note"),
    ):
        with pytest.raises(SettingsError) as caught:
            accept(results, (), check, why, data)
        assert words in caught.value.line()


def test_what_is_written_is_read_again(folder: Path, tmp_path: Path) -> None:
    results, data = look(tmp_path)
    path = tmp_path / "knight.accepted.json"
    assert read_accepted(path) == ()
    kept = accept(results, (), "tag-once", "drawn 'so' \x1b[2J ☺", data)
    write_accepted(path, accept(results, kept, "caption-missing", "b", data))
    assert [each.check for each in read_accepted(path)] == ["tag-once", "caption-missing"]
    assert accepted_now(tmp_path, read_accepted(path))["tag-once"] == "drawn 'so' \x1b[2J ☺"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b'{"format": 2}',
        b'{"format": 1, "accepted": [5]}',
        b'{"format": 1, "accepted": {"check": 1}}',
        json.dumps(
            {"format": 1, "accepted": [{"check": "a", "why": 5, "when": 0, "data": "", "findings": []}]}
        ).encode(),
        json.dumps(
            {"format": 1, "accepted": [{"check": "a", "why": "", "when": 0, "data": "", "findings": [1]}]}
        ).encode(),
        b"[" * 200_000,
    ],
)
def test_a_damaged_file_is_named_with_the_way_out(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "knight.accepted.json"
    path.write_bytes(content)
    with pytest.raises(LoraTuiError) as caught:
        read_accepted(path)
    assert str(path) in caught.value.line() and "remove it" in caught.value.line() and len(caught.value.line()) < 500
