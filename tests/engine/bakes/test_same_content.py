"""A bake continues on the very files it was begun on, or not at all; changed data are named picture by picture."""

import dataclasses
import gzip
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from replaced_file import ReplacedFile
from run_bakes import BakeRunner
from small_base import small_base

from lora_tui.actions.orphaned import Orphaned, take_over
from trainer.bake.saving.state import read_state, write_state
from trainer.dataset.manifest import read_manifest
from trainer.errors import ModelError
from trainer.families.registry import component_settings
from trainer.jobs.fork import extend, fork, preview_fork, resume
from trainer.jobs.same_content import models_now
from trainer.journal.bakes import ENDED
from trainer.journal.journal import Journal
from trainer.journal.records import Bake, BakeState
from trainer.journal.state_files import MANIFEST_TENSOR, read_state_manifest, states_of
from trainer.network.lora_content import load_lora
from trainer.settings.describe import settings_naming
from trainer.settings.model import Settings
from trainer.workspace import Workspace

STEPS, KEPT = 4, 2
"""The steps of a bake, and those in the state that it is resumed from."""

# Those of bases that come in several files are tried on such a one, in test_anima.
OF_ONE_FILE = [name for name in settings_naming("weights") if name == "vae" or name not in component_settings()]
WEIGHTS = {
    "pretrained_model_name_or_path": "unet/diffusion_pytorch_model.safetensors",
    "vae": "diffusion_pytorch_model.safetensors",
    "network_weights": "",
}
"""Setting -> a file in the folder that it names, "" where it names a file."""


class Ended:
    """A bake of all weights and some data, killed in its middle, and the settings it was made with."""

    def __init__(self, root: Path, make_settings: Callable[..., Settings]) -> None:
        self.root = root / "workspace"
        self.root.mkdir()
        self.journal = Journal(self.root / "journal.sqlite")
        self.runner = BakeRunner(self.root, self.journal)
        plain = make_settings()
        data = Path(shutil.copytree(plain.train_data_dir, root / "data"))
        held_out = Path(shutil.copytree(plain.validation_data_dir, root / "held_out"))
        base = Path(shutil.copytree(small_base(), root / "base"))
        vae = Path(shutil.copytree(base / "vae", root / "vae"))
        short = {
            "pretrained_model_name_or_path": str(base),
            "train_data_dir": str(data),
            "validation_data_dir": "",
            "v_parameterization": "no",
            "save_every_n_epochs": None,
        }
        first = self.runner.bake(make_settings(**short, max_train_steps=1))
        self.settings = make_settings(
            **short
            | {
                "validation_data_dir": str(held_out),
                "vae": str(vae),
                "network_weights": str(shutil.copy(first / "x.safetensors", root / "start.safetensors")),
                "max_train_steps": STEPS,
                "save_state_every_n_steps": KEPT,
                "keep_states": "9",
            }
        )
        self.folder = self.runner.bake(self.settings)
        self.number = self.journal.bakes.latest(1)[0].number
        self.tensors = bits(self.folder)
        for state in states_of(self.folder)[1:]:
            state.unlink()
        self.journal.bakes.set_state(self.number, BakeState.LOST, "its process died")

    def copied(self, root: Path) -> "Ended":
        """Return a copy of it, as in a workspace of its own; what it was made with lies where it was."""
        other = object.__new__(Ended)
        other.__dict__.update(self.__dict__)
        self.journal.close()
        shutil.copytree(self.root / "bakes", root / "bakes")
        shutil.copy(self.root / "journal.sqlite", root)
        self.journal, other.journal = Journal(self.root / "journal.sqlite"), Journal(root / "journal.sqlite")
        other.root, other.folder = root, root / self.folder.relative_to(self.root)
        other.runner = BakeRunner(root, other.journal)
        return other

    @property
    def bake(self) -> Bake:
        return self.journal.bakes.read(self.number)

    def weights(self, setting: str) -> Path:
        """Return the file that decides most of what a setting names."""
        return Path(getattr(self.settings, setting)) / WEIGHTS[setting]

    def run(self) -> BakeState:
        """Take the bake from the queue and run it."""
        bake = self.journal.queue.claim("test", os.getpid(), 0.0)
        assert bake is not None
        return self.runner.run(bake, self.settings)

    def log(self) -> list[str]:
        return [line.text for line in self.journal.log.read(bake=self.number)]


@pytest.fixture(scope="module")
def original() -> Iterator[list[Ended]]:
    """The ended bake, made once by whoever needs it first."""
    made: list[Ended] = []
    yield made
    for ended in made:
        ended.journal.close()


@pytest.fixture
def ended(
    original: list[Ended],
    make_settings: Callable[..., Settings],
    tmp_path_factory: pytest.TempPathFactory,
    tmp_path: Path,
) -> Iterator[Ended]:
    if not original:
        original.append(Ended(tmp_path_factory.mktemp("ended"), make_settings))
    copy = original[0].copied(tmp_path)
    yield copy
    copy.journal.close()


def bits(folder: Path) -> dict[str, bytes]:
    return {name: tensor.numpy().tobytes() for name, tensor in load_lora(folder / "x.safetensors").tensors.items()}


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def digest(ended: Ended, setting: str) -> str:
    models = models_now(ended.settings)
    assert models is not None
    return models[setting].sha256


def test_every_setting_that_names_weights_is_tried_here() -> None:
    assert set(WEIGHTS) == set(OF_ONE_FILE)


@pytest.mark.parametrize("setting", OF_ONE_FILE)
def test_on_another_file_under_the_same_path_nothing_continues_and_the_bake_stays_as_it_was(
    ended: Ended, setting: str
) -> None:
    journal, workspace, number = ended.journal, Workspace(ended.root), ended.number
    row, files, before = ended.bake, files_in(ended.root / "bakes"), digest(ended, setting)
    attempts: dict[str, Callable[[], object]] = {
        "resume": lambda: resume(journal, number, "test"),
        "fork": lambda: fork(journal, workspace, number, overrides=["unet_lr=1e-5"]),
        "extend": lambda: extend(journal, workspace, number, epochs=9),
        "preview": lambda: preview_fork(journal, workspace, number),
    }
    with ReplacedFile(ended.weights(setting)):
        now = digest(ended, setting)
        assert now != before
        for name, attempt in attempts.items():
            with pytest.raises(ModelError) as caught:
                attempt()
            line = caught.value.line()
            assert before[:12] in line and now[:12] in line, name
            assert str(getattr(ended.settings, setting)) in line and len(line) < 500
            assert caught.value.details == (f"{setting}: sha256 {before} then, {now} now",)
    assert (ended.bake, files_in(ended.root / "bakes")) == (row, files)
    assert row.state is BakeState.LOST and row.state in ENDED


@pytest.mark.parametrize("setting", OF_ONE_FILE)
def test_a_file_replaced_while_the_bake_waits_is_refused_before_anything_is_written(ended: Ended, setting: str) -> None:
    resume(ended.journal, ended.number, "test")
    files = files_in(ended.root / "bakes")
    with (
        ReplacedFile(ended.weights(setting)),
        pytest.raises(ModelError, match=r"sha256 \w{12}….* was made with \w{12}…"),
    ):
        ended.run()
    assert files_in(ended.root / "bakes") == files


def test_of_bakes_that_are_taken_over_one_on_another_file_stays_lost_and_the_others_are_queued(ended: Ended) -> None:
    other = ended.number - 1
    ended.journal.bakes.set_state(other, BakeState.LOST)
    lost = tuple(ended.journal.bakes.read(number) for number in (other, ended.number))
    with ReplacedFile(ended.weights("vae")), pytest.raises(ModelError, match="was made with"):
        take_over(Workspace(ended.root), Orphaned(lost, ()), "test")
    assert ended.bake == lost[1]
    assert ended.journal.bakes.read(other).state is BakeState.QUEUED


def test_on_the_same_files_it_continues_to_the_same_bits(ended: Ended) -> None:
    for setting in WEIGHTS:
        with ReplacedFile(ended.weights(setting)):
            pass
    resume(ended.journal, ended.number, "test")
    assert ended.run() is BakeState.DONE
    assert bits(ended.folder) == ended.tensors
    assert not [line for line in ended.log() if "changed" in line or "not checked" in line]


def test_manifest_journal_and_state_say_the_same(ended: Ended) -> None:
    content = (ended.folder / "data.json.gz").read_bytes()
    assert ended.journal.results.manifest(ended.number) == content
    (state,) = states_of(ended.folder)
    assert read_state_manifest(state) == content
    manifest = read_manifest(content, "it")
    assert {name: model.sha256 for name, model in manifest.models.items()} == {
        name: digest(ended, name) for name in WEIGHTS
    }
    assert [len(manifest.pictures), len(manifest.validation)] == [5, 3]


def test_changed_data_are_named_picture_by_picture_and_the_bake_continues(ended: Ended, tmp_path: Path) -> None:
    data = Path(shutil.copytree(ended.settings.train_data_dir, tmp_path / "other"))
    held_out = Path(shutil.copytree(ended.settings.validation_data_dir, tmp_path / "held"))
    (data / "2_red" / "a.txt").write_text("a dog")
    Image.new("RGB", (64, 64), "green").save(data / "2_red" / "b.png")
    (data / "2_red" / "c.png").rename(data / "2_red" / "c2.png")
    (data / "2_red" / "c.txt").rename(data / "2_red" / "c2.txt")
    shutil.copy(data / "1_blue" / "d.png", data / "1_blue" / "new.png")
    (held_out / "f.png").unlink()
    ended.settings = ended.settings.model_copy(
        update={"train_data_dir": str(data), "validation_data_dir": str(held_out)}
    )
    resume(ended.journal, ended.number, "test")
    assert ended.run() is BakeState.DONE
    named = [line.removeprefix("changed: ") for line in ended.log() if line.startswith("changed: ")]
    assert [line.partition(" (sha256")[0] for line in named] == [
        "2_red/c.png: now 2_red/c2.png",
        "1_blue/new.png: added",
        "2_red/a.png: another caption",
        "2_red/b.png: another picture",
        "validation: f.png: removed",
    ]
    assert "the data changed in 5 places since bake 2 saved its state:" in ended.log()


def test_a_fork_names_changed_data_before_it_is_queued(ended: Ended) -> None:
    caption = Path(ended.settings.train_data_dir) / "1_blue" / "d.txt"
    with ReplacedFile(caption):
        notes = preview_fork(ended.journal, Workspace(ended.root), ended.number).notes
    assert "changed: 1_blue/d.png: another caption" in notes
    assert not preview_fork(ended.journal, Workspace(ended.root), ended.number).notes


def test_a_state_of_an_older_version_is_resumed_and_the_log_says_what_was_not_checked(ended: Ended) -> None:
    (path,) = states_of(ended.folder)
    state = read_state(path)
    tensors = {name: tensor for name, tensor in state.tensors.items() if name != MANIFEST_TENSOR}
    write_state(dataclasses.replace(state, tensors=tensors, facts=dataclasses.replace(state.facts, format=2)), path)
    values = json.loads(gzip.decompress((ended.folder / "data.json.gz").read_bytes()))
    old = {"format": 1, "config": values["config"], "pictures": values["pictures"]}
    (ended.folder / "data.json.gz").write_bytes(gzip.compress(json.dumps(old).encode()))
    caption = Path(ended.settings.train_data_dir) / "1_blue" / "e.txt"
    with ReplacedFile(ended.weights("vae")), ReplacedFile(caption):
        resume(ended.journal, ended.number, "test")
        assert ended.run() is BakeState.DONE
    log = ended.log()
    assert any("kept no hashes" in line and "was not checked" in line for line in log)
    assert "changed: 1_blue/e.png: another caption" in log


def test_another_version_of_a_library_that_computes_is_named(ended: Ended, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diffusers.__version__", "0.0.0")
    resume(ended.journal, ended.number, "test")
    assert ended.run() is BakeState.DONE
    (line,) = (line for line in ended.log() if line.startswith("changed since the state was saved: libraries"))
    assert "→ diffusers 0.0.0, transformers " in line


def test_without_a_state_and_a_lora_it_starts_over_on_what_is_there(ended: Ended) -> None:
    (path,) = states_of(ended.folder)
    path.unlink()
    manifest = ended.folder / "data.json.gz"
    with ReplacedFile(ended.weights("vae")):
        # The journal has the list too.
        for content in (manifest.read_bytes(), b"damaged"):
            manifest.write_bytes(content)
            with pytest.raises(ModelError, match="was made with"):
                resume(ended.journal, ended.number, "test")
        with ended.journal.results._database.writing() as connection:
            connection.execute("DELETE FROM checkpoint WHERE bake = ?", (ended.number,))
        resume(ended.journal, ended.number, "test")
        assert ended.run() is BakeState.DONE
    assert read_manifest(manifest.read_bytes(), "it").models["vae"].sha256 != digest(ended, "vae")


@pytest.mark.parametrize("setting", OF_ONE_FILE)
def test_a_file_replaced_while_the_models_are_being_loaded_ends_the_bake(
    ended: Ended, setting: str, monkeypatch: pytest.MonkeyPatch, nothing_kept: Any
) -> None:
    import trainer.models.base_cache

    load, replaced = trainer.models.base_cache.load_base, ReplacedFile(ended.weights(setting))

    def slowly(*base: Any, **others: Any) -> Any:
        replaced.replace()
        return load(*base, **others)

    monkeypatch.setattr(trainer.models.base_cache, "load_base", slowly)
    resume(ended.journal, ended.number, "test")
    try:
        with pytest.raises(ModelError, match="replaced or written to while"):
            ended.run()
    finally:
        replaced.put_back()
