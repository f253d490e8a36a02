"""The user's own commands hear of a bake's end and of its trouble."""

import json
from pathlib import Path

from trainer.engine.user_command import finish_user_commands
from trainer.journal.records import BakeState


def reported(path: Path) -> list[dict[str, object]]:
    """Return what the command got, once it has ended."""
    finish_user_commands(20)
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_the_end_of_a_bake_is_reported_with_its_files(runner, short, tmp_path: Path) -> None:
    heard, trouble = tmp_path / "heard", tmp_path / "trouble"
    hooks = (f"on_done=sh -c 'cat >> {heard}'", f"on_trouble=sh -c 'cat >> {trouble}'")
    bake = runner.bake(*short, *hooks)
    events = reported(heard)
    assert [event["event"] for event in events] == ["done"]
    assert (events[0]["bake"]["number"], events[0]["files"]) == (bake.number, ["hifumi.safetensors"])
    assert reported(trouble) == []


def test_trouble_is_reported_with_its_reason_and_a_bad_command_hurts_nothing(
    runner, short, tmp_path, monkeypatch
) -> None:
    heard = tmp_path / "heard"

    def full(*_: object, **__: object) -> None:
        raise RuntimeError("injected")

    monkeypatch.setattr("trainer.bake.loop.train_step", full)
    failed = runner.bake(*short, f"on_trouble=sh -c 'cat >> {heard}'")
    monkeypatch.undo()
    assert failed.state is BakeState.FAILED
    events = reported(heard)
    assert [event["event"] for event in events] == ["trouble"]
    assert "injected" in str(events[0]["text"])
    done = runner.bake(*short, "on_done=/nowhere/such-a-program")
    finish_user_commands(20)
    assert done.state is BakeState.DONE
    assert any("/nowhere/such-a-program" in line for line in runner.log(done))
