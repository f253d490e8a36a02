"""Settings searched by optuna, towards an objective and within a budget that the user chooses: `search`."""

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lora_tui.commands.exits import exits, print_json, print_note, warn_of_damage, workspace_here
from lora_tui.commands.options import BAKE_NUMBER, OVERRIDES, SEARCH_NUMBER, SETTINGS_FILE, WORKSPACE
from trainer.errors import ExitCode, LoraTuiError, SettingsError

if TYPE_CHECKING:
    from trainer.journal.journal import Journal
    from trainer.search.record import SearchSpec
    from trainer.settings.model import Settings
    from trainer.workspace import Workspace

# Epochs are measured minutes apart.
_LOOK_SECONDS = 2.0


@click.command()
@click.argument("settings_file", type=SETTINGS_FILE, required=False, metavar="[SETTINGS.toml]")
@click.option(
    "--of", "of_bake", type=BAKE_NUMBER, metavar="N", help="Start from the settings of bake N in place of a file."
)
@OVERRIDES
@click.option(
    "--objective", default="", metavar="MEASURE[:PART]", help="What is looked for, such as validation_change."
)
@click.option("--minimize/--maximize", "minimize", default=None, help="Which way of the measure is looked for.")
@click.option(
    "--knob",
    "knobs",
    multiple=True,
    metavar="NAME=LOW..HIGH",
    help="A setting and its range, or `NAME=A,B,C`; repeatable.",
)
@click.option("--budget", default="", metavar="BUDGET", help="`12 bakes`, `2h` or `90 min`.")
@click.option(
    "--prune", is_flag=True, help="Stop a bake that is behind the others at the same step; its state is kept."
)
@click.option("--seed", type=int, default=0, help="Of the choice of values (default: 0).")
@click.option(
    "--continue", "number", type=SEARCH_NUMBER, metavar="SEARCH", help="Continue a search, also one that was killed."
)
@click.option("--list", "list_them", is_flag=True, help="List the searches.")
@click.option("--show", "shown", type=SEARCH_NUMBER, metavar="SEARCH", help="Show what a search has tried.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with --list or --show.")
@WORKSPACE
@exits
def search(
    settings_file: Path | None,
    of_bake: int | None,
    overrides: tuple[str, ...],
    objective: str,
    minimize: bool | None,
    knobs: tuple[str, ...],
    budget: str,
    prune: bool,
    seed: int,
    number: int | None,
    list_them: bool,
    shown: int | None,
    as_json: bool,
    folder: Path | None,
) -> ExitCode:
    """Search settings with optuna (extra `search`). Rough: one bake a point.

    Each trial is a bake in the journal. You choose the objective and the budget. A ladder around what it finds
    tells whether that is more than noise. It runs in this terminal; --continue resumes it where it ended.
    """
    if settings_file is not None and (list_them or shown is not None or number is not None):
        raise SettingsError(
            str(settings_file),
            found="a settings file beside --list, --show or --continue",
            expected="it alone, to start a search",
            way_out="leave one of the two out",
        )
    workspace = _workspace(folder, settings_file)
    if list_them or shown is not None:
        return _show(workspace, shown, as_json=as_json)
    if number is None:
        spec_of = (objective, minimize, knobs, budget, prune, seed)
        number = _start(workspace, settings_file, of_bake, overrides, spec_of)
    return _run(workspace, number)


def _workspace(folder: Path | None, settings_file: Path | None) -> "Workspace":
    from trainer.refusals import real_path

    return workspace_here(folder or (real_path(settings_file).parent if settings_file is not None else None))


def _start(
    workspace: "Workspace",
    settings_file: Path | None,
    of_bake: int | None,
    overrides: tuple[str, ...],
    spec_of: tuple[str, bool | None, tuple[str, ...], str, bool, int],
) -> int:
    """Note a new search; everything typed is checked before."""
    from lora_tui.wording.search import spec_line
    from trainer.journal.journal import Journal
    from trainer.ladders.queue import settings_of_bake
    from trainer.search.steps import start_search
    from trainer.search.study import check_installed
    from trainer.settings.subject import resolve
    from trainer.settings.toml_file import apply_overrides, load_settings
    from trainer.workspace import check_writable

    if (settings_file is None) == (of_bake is None):
        raise SettingsError(
            "search",
            found="both a file and --of" if of_bake else "no settings to start from",
            expected="SETTINGS.toml or --of N",
        )
    check_writable(workspace)
    check_installed()
    with Journal(workspace.journal_path) as journal:
        if of_bake is not None:
            settings = settings_of_bake(journal, of_bake)
        else:
            assert settings_file is not None
            settings = resolve(load_settings(settings_file), settings_file)
        settings = apply_overrides(settings, overrides)
        spec = _spec(settings, *spec_of)
        number = start_search(journal, workspace, settings, spec, of_bake=of_bake)
    click.echo(f"search {number}: {spec_line(spec)}")
    return number


def _spec(
    settings: "Settings",
    objective: str,
    minimize: bool | None,
    knobs: tuple[str, ...],
    budget: str,
    prune: bool,
    seed: int,
) -> "SearchSpec":
    from trainer.search.record import SearchSpec
    from trainer.search.typed import typed_budget, typed_knob, typed_objective

    measure, part = typed_objective(objective)
    if minimize is None:
        raise SettingsError(
            "search",
            found="no way of the objective",
            expected="--minimize or --maximize",
            way_out="docs/measures.md says what a measure means",
        )
    if not knobs:
        raise SettingsError("--knob", found="none", expected="at least one, such as unet_lr=1e-5..1e-3")
    ranges = tuple(typed_knob(settings, knob) for knob in knobs)
    names = [knob.name for knob in ranges]
    if len(set(names)) < len(names):
        raise SettingsError("--knob", found="a setting named twice", expected="each setting once")
    if not 0 <= seed < 2**32:
        raise SettingsError("--seed", found=str(seed), expected="a whole number from 0 to 4294967295")
    bakes, seconds = typed_budget(budget)
    return SearchSpec(
        measure=measure,
        part=part,
        maximize=not minimize,
        knobs=ranges,
        bakes=bakes,
        seconds=seconds,
        prune=prune,
        seed=seed,
    )


def _run(workspace: "Workspace", number: int) -> ExitCode:
    """Bake until the budget is used up, in this terminal."""
    from lora_tui.commands.run_here import engine_here
    from lora_tui.headless.follow import follow
    from lora_tui.wording.search import search_lines
    from trainer.journal.journal import Journal
    from trainer.search.state import search_state
    from trainer.search.steps import queue_next
    from trainer.search.study import check_installed
    from trainer.workspace import check_writable, remember_workspace

    check_writable(workspace)
    check_installed()
    with Journal(workspace.journal_path) as journal:
        search_state(journal, number)
        started, code = False, ExitCode.DONE
        with engine_here(workspace) as engine:
            journal.bakes.mark_lost()
            remember_workspace(workspace)
            try:
                while (bake := queue_next(journal, workspace, number, engine=engine.key)) is not None:
                    if not started:
                        engine.start()
                        started = True
                    engine.wake()
                    with _Pruner(workspace, number, bake.number):
                        code = follow(engine, bake.number, intro=f"search {number}, {bake.why}\n")
                    stopped = code in (ExitCode.INTERRUPTED, ExitCode.TERMINATED)
                    if stopped or _was_stopped(journal, number, bake.number):
                        break
            finally:
                if started:
                    engine.close(wait=10)
        for line in search_lines(search_state(journal, number), journal):
            click.echo(line)
        warn_of_damage(journal)
    return code if code in (ExitCode.INTERRUPTED, ExitCode.TERMINATED) else ExitCode.DONE


def _was_stopped(journal: "Journal", number: int, bake: int) -> bool:
    """Return whether somebody stopped or parked a bake of a search: then the search rests, too."""
    from trainer.search.state import is_interrupted, search_state

    return any(trial.bake == bake and is_interrupted(trial) for trial in search_state(journal, number).trials)


class _Pruner:
    """Looks at a running bake of a search in a thread of its own, while the block runs, and stops it where it is behind."""

    def __init__(self, workspace: "Workspace", number: int, bake: int) -> None:
        self._workspace, self._number, self._bake = workspace, number, bake
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="pruner", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(timeout=10)

    def _look(self) -> None:
        from trainer.journal.journal import Journal
        from trainer.search.steps import prune

        with Journal(self._workspace.journal_path) as journal:
            while not self._over.wait(_LOOK_SECONDS):
                try:
                    if prune(journal, self._number, self._bake):
                        print_note(
                            f"bake {self._bake} is behind the others and is stopped; its state is kept", err=True
                        )
                        return
                except LoraTuiError:
                    # A journal that is busy; it is looked at again.
                    time.sleep(_LOOK_SECONDS)


def _show(workspace: "Workspace", number: int | None, *, as_json: bool) -> ExitCode:
    from lora_tui.wording.search import list_lines, search_json, search_lines
    from trainer.journal.journal import Journal
    from trainer.search.state import search_state, search_states

    with Journal(workspace.journal_path) as journal:
        states = search_states(journal) if number is None else [search_state(journal, number)]
        lines = list_lines(states) if number is None else list(search_lines(states[0], journal))
        warn_of_damage(journal)
    if as_json:
        print_json([search_json(state) for state in states] if number is None else search_json(states[0]))
        return ExitCode.DONE
    for line in lines:
        click.echo(line)
    return ExitCode.DONE
