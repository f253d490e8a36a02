"""`lora-tui ladder` starts a ladder from options or a file, and lists, extends, cuts and continues it."""

import json
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from ladder_in_journal import made_ladder
from laddered import Laddered

from lora_tui.commands import grid as grid_command
from lora_tui.commands import ladder_grid
from trainer.errors import ExitCode, GridError
from trainer.journal.journal import Journal
from trainer.journal.measure_records import MeasuredValue
from trainer.journal.records import BakeState
from trainer.ladders.files import spec_toml
from trainer.workspace import Workspace


def test_a_ladder_is_previewed_queued_shown_extended_cut_and_continued(
    lora_tui_here, demo: Workspace, short: list[str]
) -> None:
    def run(*words: str, code: int = 0) -> str:
        ran = lora_tui_here("ladder", *words, folder=demo.root)
        assert ran.returncode == code, (ran.stdout, ran.stderr)
        return ran.stdout if not code else ran.stderr

    knob = ("--knob", "unet_lr", "--rungs", "0.1,1,10", *short)
    assert "no ladders yet" in run()
    preview = run(*knob, "--dry-run").splitlines()
    assert preview[0].startswith("unet_lr ×0.1 … ×10: 6 bakes, time not known, ")
    assert preview[1].split() == ["×0.1", "unet_lr=2e-4", "2", "bakes"]
    assert preview[2].split() == ["×1", "as", "it", "is", "2", "bakes"]
    assert json.loads(run(*knob, "--dry-run", "--json"))["count"] == 6
    with Journal(demo.journal_path) as journal:
        assert journal.ladders.all() == []
    told = run(*knob, "--twins", "1", "--hold")
    assert told.splitlines()[0] == "ladder 1: unet_lr ×0.1 … ×10"
    assert "0 of 3 bakes done" in told and "◌ 1 held" in told and "nothing is processing this queue" in told
    assert "without twins nothing is known of the noise" in told
    assert run("list") == "0001 unet_lr ×0.1 … ×10  3 rungs, 0 of 3 bakes done\n" == run()
    assert run("release", "1") == "released: bakes 1, 2, 3\n"
    assert run("hold", "1") == "held: bakes 1, 2, 3\n"
    assert run("hold", "1") == "held: no bake\n"
    assert "5 bakes, time not known" in run("extend", "1", "--rungs", "30", "--twins", "2", "--dry-run")
    run("extend", "1", "--rungs", "30", "--twins", "2")
    shown = json.loads(run("show", "1", "--json"))
    assert [rung["label"] for rung in shown["rungs"]] == ["×0.1", "×1", "×10", "×30"]
    assert [len(rung["bakes"]) for rung in shown["rungs"]] == [2, 2, 2, 2]
    cut = run("cut", "1", "--rungs", "10,30")
    assert cut.startswith("withdrawn: bakes ")
    assert "  ×30   unet_lr=0.06  cut" in run("show", "1")
    with Journal(demo.journal_path) as journal:
        journal.bakes.set_state(1, BakeState.FAILED, "the GPU fell off")
    assert "bake 1: the GPU fell off" in run("show", "1")
    assert run("continue", "1").startswith("queued again: bake 1\n")
    assert "nothing of ladder 1 is left to be continued" in run("continue", "1")
    assert "no ladder 7" in run("show", "7", code=2)
    assert "no rung 5" in run("cut", "1", "--rungs", "5", code=2)


def test_a_file_says_the_same_as_the_options(lora_tui_here, demo: Workspace, short: list[str]) -> None:
    (demo.root / "rates.toml").write_text(
        'title = "rates"\nknob = "unet_lr"\nrungs = [1, "=5e-4"]\nsettings = "hifumi.toml"\n[set]\nmax_train_epochs = 2\n'
    )
    ran = lora_tui_here("ladder", "rates.toml", *short, "--dry-run", "--json", folder=demo.root)
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout)
    assert (said["title"], said["count"]) == ("rates", 4)
    assert {each["rung"] for each in said["bakes"]} == {"×1", "5e-4"}
    # What was made may be started again from its own file.
    made = lora_tui_here("ladder", "rates.toml", *short, folder=demo.root)
    assert made.returncode == 0, made.stderr
    (demo.root / "again.toml").write_text(lora_tui_here("ladder", "show", "1", "--toml", folder=demo.root).stdout)
    again = lora_tui_here("ladder", "again.toml", "--settings", "hifumi.toml", "--dry-run", folder=demo.root)
    assert "4 bakes of it are in the journal already, nothing is left to bake" in again.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--rungs", "1,2"), "give SPEC.toml, --preset KEY, or --knob SETTING and --rungs"),
        (("--knob", "unet_lr"), "give each --knob its --rungs"),
        (("--knob", "unet_lr", "--rungs", "1", "--hold", "--bake"), "--hold and --bake exclude each other"),
        (("x.toml", "--knob", "unet_lr", "--rungs", "1"), "SPEC.toml, --knob and --preset exclude each other"),
        (("--knob", "seed", "--rungs", "1,2"), "`lora-tui twin N`"),
        (("--knob", "unet_lr", "--rungs", "1,2", "--of", "9"), "no bake 9"),
        (("--knob", "unet_lr", "--rungs", "1,2", "--of", "9", "--settings", "hifumi.toml"), "exclude each other"),
        (("gone.toml",), "gone.toml: no such file"),
        (("cut", "1"), "name the rungs to take out"),
    ],
)
def test_what_cannot_be_started_is_one_clear_error(
    words: tuple[str, ...], said: str, lora_tui_here, demo: Workspace
) -> None:
    ran = lora_tui_here("ladder", *words, folder=demo.root)
    assert (ran.returncode, said in ran.stderr) == (2, True), ran.stderr


def test_two_settings_files_and_no_bake_leave_the_choice_to_the_user(lora_tui_here, demo: Workspace) -> None:
    (demo.root / "other.toml").write_text((demo.root / "hifumi.toml").read_text())
    ran = lora_tui_here("ladder", "--knob", "unet_lr", "--rungs", "1,2", folder=demo.root)
    assert ran.returncode == 2 and "several files: hifumi.toml, other.toml" in ran.stderr


def test_a_bake_whose_process_is_gone_is_not_said_to_run(lora_tui_here, demo: Workspace) -> None:
    made_ladder(demo, states={(1, 0): BakeState.QUEUED, (1, 1): BakeState.QUEUED})
    with Journal(demo.journal_path) as journal:
        number = next(bake.number for bake in journal.bakes.latest() if bake.state is BakeState.QUEUED)
        journal.queue.take_over([number], "mine")
        journal.queue.claim("mine", 2**22 + 1, 1.0)
        journal.bakes.set_state(number, BakeState.BAKING)
    shown = lora_tui_here("ladder", "show", "1", folder=demo.root).stdout
    assert f"{number} was baking, its process is gone" in shown
    assert "1 left by a process that is gone" in shown
    rungs = json.loads(lora_tui_here("ladder", "show", "1", "--json", folder=demo.root).stdout)["rungs"]
    states = {bake["bake"]: bake["state"] for rung in rungs for bake in rung["bakes"]}
    assert states[number] == "lost"
    # It only looked.
    with Journal(demo.journal_path) as journal:
        assert journal.bakes.read(number).state is BakeState.BAKING


def test_a_grid_of_very_many_pictures_asks_first(lora_tui_here, demo: Workspace, monkeypatch) -> None:
    asked: list[str] = []
    answers = iter([False, True])

    def confirm(question: str) -> bool:
        asked.append(question)
        return next(answers)

    made: list[int] = []
    monkeypatch.setattr(ladder_grid, "make_grid", lambda *_, **given: made.append(given["unasked"]))
    number = made_ladder(demo)
    lora_tui_here("ladder", "grid", str(number), folder=demo.root)
    lora_tui_here("ladder", "grid", str(number), "--yes", folder=demo.root)
    assert made == [ladder_grid.UNASKED, None]
    monkeypatch.setattr(grid_command.click, "confirm", confirm)
    with pytest.raises(GridError, match="nobody to ask"):
        grid_command._agreed(101, 100)
    monkeypatch.setattr(grid_command.sys, "stdin", SimpleNamespace(isatty=lambda: True))
    assert [grid_command._agreed(pictures, 100) for pictures in (100, 101, 101)] == [True, False, True]
    assert grid_command._agreed(10**6, None)
    assert asked == ["Make 101 pictures?"] * 2


def test_a_lost_journal_brings_the_ladders_back(lora_tui_here, tmp_path) -> None:
    here = Laddered(tmp_path / "demo")
    here.queue(here.preview())
    assert "knobs = " in spec_toml(here.state().spec)
    here.journal.close()
    here.workspace.journal_path.unlink()
    ran = lora_tui_here("journal", "rebuild", here.workspace.root, folder=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "0001  ladder unet_lr ×0.1 … ×10: 0 bakes, 6 open places" in ran.stdout
    shown = lora_tui_here("ladder", "show", "1", "--in", here.workspace.root, folder=tmp_path)
    assert "not queued, not queued" in shown.stdout


def test_continuing_here_bakes_what_a_program_that_is_gone_left_waiting(lora_tui_here, tmp_path, monkeypatch) -> None:
    here = Laddered(tmp_path / "demo")
    here.queue(here.preview())
    numbers = [bake.number for bake in here.journal.queue.waiting()]
    here.journal.queue.set_held(numbers[-1], True)

    def queued_for(workspace: Workspace, queue: Callable[[Journal, str], object]) -> ExitCode:
        with Journal(workspace.journal_path) as journal:
            queue(journal, "this engine")
        return ExitCode.DONE

    monkeypatch.setattr("lora_tui.commands.run_here.run_here", queued_for)
    ran = lora_tui_here("ladder", "continue", "1", "--bake", folder=here.workspace.root)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == f"still waiting: bakes {', '.join(map(str, numbers[:-1]))}\n"
    assert {bake.number for bake in here.journal.queue.waiting() if bake.engine == "this engine"} == set(numbers[:-1])


@pytest.mark.long
def test_a_ladder_is_baked_in_this_terminal(lora_tui, demo: Workspace, short: list[str]) -> None:
    given = ("--knob", "unet_lr", "--rungs", "0.1,1", "--twins", "1", *short)
    ran = lora_tui("ladder", *given, "--bake", folder=demo.root)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.index("bake 1 done") < ran.stdout.index("bake 2 done")
    assert "  2 of 2 bakes done\n" in ran.stdout and "make a twin of bake 1" in ran.stdout
    again = lora_tui("ladder", *given, "--dry-run", folder=demo.root)
    assert "2 bakes of it are in the journal already" in again.stdout
    with Journal(demo.journal_path) as journal:
        assert {bake.state for bake in journal.bakes.latest()} == {BakeState.DONE}


def test_a_ladder_that_is_baked_says_what_it_answers_and_makes_its_grid(lora_tui_here, tmp_path) -> None:
    here = Laddered(tmp_path / "demo")
    here.queue(here.preview())
    answer = json.loads(lora_tui_here("ladder", "show", "1", "--json", folder=here.workspace.root).stdout)["answer"]
    assert answer["lines"] == ["nothing is baked yet"]
    refused = lora_tui_here("ladder", "grid", "1", folder=here.workspace.root)
    assert refused.returncode == 2 and "no bake of it has saved a LoRA" in refused.stderr
    for rung, (label, bakes) in enumerate(here.bakes_of().items()):
        for twin, number in enumerate(bakes):
            assert number is not None, label
            here.end(number)
            share = 0.02 * 4**rung * (1 + 0.01 * twin)
            here.journal.measures.add(number, [MeasuredValue(step=30, name="delta_share", part="unet", value=share)])
    shown = lora_tui_here("ladder", "show", "1", folder=here.workspace.root).stdout
    assert "change / weights of the U-Net  2.01 %  8.04 %  32.2 %  trend" in shown
    assert "rises 16-fold from 2.01 % at ×0.1 to 32.2 % at ×10, a trend over 3 rungs, " in shown
    made = lora_tui_here("ladder", "grid", "1", "--no-twins", "--dry-run", folder=here.workspace.root)
    assert made.returncode == 0, made.stderr
    assert "Y Bake  3: ×0.1 · ×1 · ×10" in made.stdout and "queued" not in made.stdout
    queued = lora_tui_here("ladder", "grid", "1", folder=here.workspace.root)
    assert "queued" in queued.stdout
    assert here.journal.grids.latest()[0].name == "ladder-1"
