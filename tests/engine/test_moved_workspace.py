"""A workspace moved, copied or restored in the middle of a bake continues there to the same bits, and reads nothing of its original."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageOps
from run_engine import STATED, EngineRunner, small_demo
from small_base import small_base

from trainer.errors import ExitCode, ModelError
from trainer.jobs.bakes import check
from trainer.jobs.fork import preview_fork, resume
from trainer.journal.journal import Journal
from trainer.journal.records import BakeState, Stage
from trainer.journal.replace_file import replace_journal
from trainer.journal.state_files import states_of
from trainer.recovery.bakes import recover_bakes
from trainer.settings.toml_file import load_settings, save_settings
from trainer.workspace import Workspace
from trainer.workspace_paths import PLACES, WorkspacePaths

OVERRIDES = (*STATED, "max_train_epochs=2", "cache_latents_to_disk=true")


class Stopped:
    """A workspace with a bake stopped in the middle and its base beside it, and the bits of the same bake never interrupted.

    Attributes:
        home: where it was when it baked; nothing is there any more.
        base: where the base was.
        whole: the LoRA that an uninterrupted bake ends with, by tensor.
    """

    def __init__(self, folder: Path, *, as_before: bool) -> None:
        self.home = folder / "first machine" / "work"
        self.base = folder / "first machine" / "models" / "small"
        with pytest.MonkeyPatch.context() as patch:
            if as_before:
                # Versions before this kept every path as it was.
                patch.setattr(WorkspacePaths, "kept", lambda paths, path: path)
            workspace = small_demo(self.home)
            shutil.copytree(small_base(), self.base)
            file = self.home / "hifumi.toml"
            base = {"pretrained_model_name_or_path": str(self.base)}
            save_settings(load_settings(file).model_copy(update=base), file)
            runner = EngineRunner(workspace)
            runner.few_repeats()
            self.whole = runner.tensors(runner.bake(*OVERRIDES))
            number = runner.queue(*OVERRIDES)
            runner.wait(number, lambda bake: bake.stage is Stage.STEP and bake.stage_done >= 5)
            runner.journal.orders.give(number, "stop")
            assert runner.finish(number).state is BakeState.STOPPED
            runner.close()
        if as_before:
            (self.home / PLACES).unlink()
        self._aside = folder / "aside"
        self.home.parent.rename(self._aside)

    def put(self, place: Path, models: str = "models") -> Path:
        """Copy the workspace to a place, and the base to a folder beside it."""
        shutil.copytree(self._aside / "work", place)
        shutil.copytree(self._aside / "models", place.parent / models)
        return place


@pytest.fixture(
    scope="module",
    params=[False, pytest.param(True, marks=pytest.mark.long)],
    ids=["kept now", "kept by an older version"],
)
def stopped(request, tmp_path_factory) -> Iterator[Stopped]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield Stopped(tmp_path_factory.mktemp("moved"), as_before=request.param)


def resumed_bits(place: Path, *look_in: Path) -> dict[str, bytes]:
    runner = EngineRunner(Workspace(place))
    try:
        resume(runner.journal, 2, runner.engine.key, look_in)
        runner.engine.wake()
        done = runner.finish(2)
        assert done.state is BakeState.DONE, done.error
        assert not [line for line in runner.log(done) if "changed since the state" in line]
        return runner.tensors(done)
    finally:
        runner.close()


def test_a_workspace_moved_in_mid_bake_resumes_to_the_same_bits(stopped: Stopped, tmp_path: Path) -> None:
    assert not stopped.home.exists()
    assert resumed_bits(stopped.put(tmp_path / "second machine" / "deeper" / "work")) == stopped.whole


@pytest.mark.long
def test_a_base_that_went_elsewhere_is_found_by_its_hash(stopped: Stopped, tmp_path: Path) -> None:
    place = stopped.put(tmp_path / "work", models="models of this machine")
    assert resumed_bits(place, tmp_path) == stopped.whole


def test_an_attempt_that_fails_leaves_the_bake_as_it_was(stopped: Stopped, tmp_path: Path) -> None:
    place = stopped.put(tmp_path / "without pictures")
    shutil.rmtree(tmp_path / "models")
    folder = place / "bakes" / "0002-hifumi"
    names = ("settings.toml", "data.json.gz", "metrics.npz")
    files = {path: path.read_bytes() for path in (*map(folder.joinpath, names), *states_of(folder))}
    assert len(files) > len(names)
    runner = EngineRunner(Workspace(place))
    try:
        before = runner.journal.bakes.read(2)
        after = runner.resume(2)
        # Its engine and its place in the queue mean nothing once it has ended.
        assert {**vars(after), "engine": "", "place": 0} == {**vars(before), "engine": "", "place": 0}
        runner.engine.close(wait=30)
        assert runner.journal.bakes.read(2) == after
        assert runner.engine.exit_codes[2] is ExitCode.BAKE_FAILED
        failed, put_back = runner.log(after)[-2:]
        assert f"{stopped.base}: no such file or folder" in failed
        with pytest.raises(ModelError, match="expected the one with sha256"):
            resume(runner.journal, 2, runner.engine.key)
        assert runner.journal.bakes.read(2) == after
        assert put_back == "bake 2 could not be resumed: it is stopped, as before"
        assert {path: path.read_bytes() for path in files} == files
    finally:
        runner.close()


def test_an_attempt_on_other_data_whose_state_cannot_be_read_leaves_the_lists_of_the_data(
    stopped: Stopped, tmp_path: Path
) -> None:
    place = stopped.put(tmp_path / "damaged")
    folder = place / "bakes" / "0002-hifumi"
    for state in states_of(folder):
        state.write_bytes(state.read_bytes()[:-100])
    caption = next((place / "data").rglob("*.txt"))
    caption.write_text("another caption")
    before = (folder / "data.json.gz").read_bytes()
    runner = EngineRunner(Workspace(place))
    try:
        listed = runner.journal.results.manifest(2)
        resume(runner.journal, 2, runner.engine.key)
        runner.engine.wake()
        after = runner.finish(2)
        assert (after.state, after.attempt) == (BakeState.STOPPED, 1)
        assert "none of which can be read" in "".join(runner.log(after)[-2:])
        assert (folder / "data.json.gz").read_bytes() == before
        assert runner.journal.results.manifest(2) == listed
    finally:
        runner.close()


def test_a_copy_reads_nothing_of_its_original(stopped: Stopped, tmp_path: Path) -> None:
    original = stopped.put(stopped.home)
    try:
        copy = stopped.put(tmp_path / "copy")
        for picture in original.glob("*/**/*.png"):
            with Image.open(picture) as image:
                ImageOps.invert(image.convert("RGB")).save(picture)
        assert resumed_bits(copy) == stopped.whole
    finally:
        shutil.rmtree(original.parent)


def test_whatever_was_kept_names_the_files_of_the_new_place(stopped: Stopped, tmp_path: Path) -> None:
    place = stopped.put(tmp_path / "elsewhere")
    workspace = Workspace(place)
    with Journal(workspace.journal_path) as journal:
        planned = preview_fork(journal, workspace, 2, overrides=("max_train_epochs=9",)).planned
        assert planned.settings.train_data_dir == str(place / "data")
        assert all(picture.path.is_relative_to(place) for picture in planned.data.pictures)
    for file in place.glob("bakes/*/settings.toml"):
        settings = check(load_settings(file), file).settings
        assert settings.train_data_dir == str(place / "data")
        assert settings.pretrained_model_name_or_path == str(place.parent / "models" / "small")


def test_a_journal_lost_in_the_move_is_rebuilt_with_the_paths_of_the_new_place(
    stopped: Stopped, tmp_path: Path
) -> None:
    workspace = Workspace(stopped.put(tmp_path / "rebuilt"))
    workspace.journal_path.unlink()
    (workspace.bakes / "0001-hifumi" / "bake.json").unlink()
    replace_journal(workspace.journal_path, lambda into: recover_bakes(workspace, into))
    with Journal(workspace.journal_path) as journal:
        journal.note_former_places()
        for number in (1, 2):
            bake = journal.bakes.read(number)
            planned = preview_fork(journal, workspace, number, overrides=("max_train_epochs=9",)).planned
            assert planned.settings.train_data_dir == str(workspace.root / "data"), bake.settings_toml
