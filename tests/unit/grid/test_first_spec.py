"""What a bake or a subject suggests for a grid."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lora_on_disk import write_lora

from trainer.demo.workspace import demo_settings, demo_subject
from trainer.errors import GridError, ModelError, SettingsError, WorkspaceError
from trainer.grid.expand import expand
from trainer.grid.first_spec import epochs_of, spec_for_bake, spec_for_subject, with_epochs
from trainer.grid.model_files import ModelFiles
from trainer.grid.spec import AxisSpec, EpochFile, GridSpec, LoraSpec, parse_spec, spec_json
from trainer.grid.styles import Style, save_styles
from trainer.journal.journal import Journal
from trainer.journal.records import Checkpoint, NewBake
from trainer.settings.subject import Subject, save_subject
from trainer.settings.toml_file import settings_toml
from trainer.workspace import Workspace, make_workspace

Baked = Callable[..., int]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = make_workspace(tmp_path / "workspace")
    save_subject(demo_subject(), workspace.subjects / "hifumi.toml")
    return workspace


@pytest.fixture
def journal(workspace: Workspace) -> Iterator[Journal]:
    with Journal(workspace.journal_path) as journal:
        yield journal


@pytest.fixture
def baked(workspace: Workspace, journal: Journal) -> Baked:
    """Notes a bake of 240 steps, 40 an epoch, with files saved after these steps, and returns its number."""

    def baked(*saved: tuple[int, str], **changes: object) -> int:
        fields = {"output_name": "hifumi", "pretrained_model_name_or_path": "demo", **changes}
        settings = demo_settings().model_copy(update=fields)
        bake = journal.bakes.add(
            NewBake(
                name="hifumi",
                why="",
                settings_toml=settings_toml(settings),
                engine="",
                total_steps=240,
                steps_per_epoch=40,
            )
        )
        for step, file in saved:
            write_lora(workspace.root / bake.folder / file)
            journal.results.add_checkpoint(
                bake.number,
                Checkpoint(
                    step // 40, step, file, 1, loss=None, val=None, val_change=None, val_error=None, seconds=step
                ),
            )
        return bake.number

    return baked


_EPOCHS = ((40, "hifumi-000001.safetensors"), (80, "hifumi-000002.safetensors"))


def _labels(epochs: tuple[EpochFile, ...]) -> list[str]:
    return [epoch.label for epoch in epochs]


def test_epochs_and_saves_by_step_have_labels_of_their_own_oldest_first(
    workspace: Workspace, journal: Journal, baked: Baked
) -> None:
    number = baked(
        *_EPOCHS,
        (80, "hifumi-step00000080.safetensors"),
        (100, "hifumi-step00000100.safetensors"),
        (240, "hifumi.safetensors"),
    )
    epochs = epochs_of(journal, workspace, (number,))
    assert sorted(_labels(epochs)[1:3]) == ["2", "s80"]
    assert [_labels(epochs)[at] for at in (0, 3, 4)] == ["1", "s100", "6"]
    assert epochs[0].file == "bakes/0001-hifumi/hifumi-000001.safetensors"


def test_a_last_file_in_the_middle_of_an_epoch_is_one_of_its_step(
    workspace: Workspace, journal: Journal, baked: Baked
) -> None:
    assert _labels(epochs_of(journal, workspace, (baked((230, "hifumi.safetensors")),))) == ["s230"]


def test_several_bakes_say_which_bake_an_epoch_is_of(workspace: Workspace, journal: Journal, baked: Baked) -> None:
    one, two = baked(*_EPOCHS), baked(*_EPOCHS)
    assert _labels(epochs_of(journal, workspace, (two, one))) == ["2:1", "2:2", "1:1", "1:2"]


def test_a_missing_file_is_not_an_epoch(workspace: Workspace, journal: Journal, baked: Baked) -> None:
    number = baked(*_EPOCHS)
    (workspace.root / "bakes/0001-hifumi/hifumi-000001.safetensors").unlink()
    assert _labels(epochs_of(journal, workspace, (number,))) == ["2"]


def test_an_unknown_bake_is_refused(workspace: Workspace, journal: Journal) -> None:
    with pytest.raises(WorkspaceError):
        epochs_of(journal, workspace, (7,))


def test_the_bakes_of_a_spec_join_its_epochs_with_the_champion(
    workspace: Workspace, journal: Journal, baked: Baked
) -> None:
    save_subject(demo_subject().model_copy(update={"champion": "best.safetensors"}), workspace.subjects / "hifumi.toml")
    baked(*_EPOCHS)
    spec = with_epochs(GridSpec(subject="hifumi", of_bakes=(1,), champion=True), journal, workspace)
    assert _labels(spec.epochs) == ["1", "2", "champion"]
    assert spec.epochs[-1].file == str(workspace.root / "best.safetensors")
    assert (spec.of_bakes, spec.champion) == ((), False)
    assert with_epochs(spec, journal, workspace) == spec


def test_epochs_that_are_there_stay_and_those_of_a_bake_get_its_number(
    workspace: Workspace, journal: Journal, baked: Baked
) -> None:
    baked(*_EPOCHS)
    own = (EpochFile(label="1", file="x.safetensors"),)
    spec = with_epochs(GridSpec(epochs=own, of_bakes=(1,)), journal, workspace)
    assert _labels(spec.epochs) == ["1", "1:1", "1:2"]


def test_an_axis_that_names_the_champion_asks_for_it(workspace: Workspace, journal: Journal, baked: Baked) -> None:
    save_subject(
        demo_subject().model_copy(update={"champion": "/best.safetensors"}), workspace.subjects / "hifumi.toml"
    )
    baked(*_EPOCHS)
    spec = GridSpec(subject="hifumi", of_bakes=(1,), x=AxisSpec(kind="epoch", values="2,champion"))
    assert _labels(with_epochs(spec, journal, workspace).epochs) == ["1", "2", "champion"]


def test_bakes_that_saved_nothing_and_subjects_without_a_champion_are_refused(
    workspace: Workspace, journal: Journal, baked: Baked
) -> None:
    number = baked()
    with pytest.raises(GridError, match="of_bakes: no saved LoRA of 1"):
        with_epochs(GridSpec(of_bakes=(number,)), journal, workspace)
    for subject in ("hifumi", ""):
        with pytest.raises(GridError, match=r"champion: .* has no champion"):
            with_epochs(GridSpec(subject=subject, champion=True), journal, workspace)


def test_a_bake_suggests_its_epochs_with_its_subjects_words_on_its_base(
    workspace: Workspace, journal: Journal, baked: Baked
) -> None:
    spec = spec_for_bake(journal, workspace, baked(*_EPOCHS, clip_skip=2, v_parameterization="no"))
    subject = demo_subject()
    assert (spec.base, spec.name, spec.subject, spec.clip_skip) == ("demo", "hifumi", "hifumi", 2)
    assert (spec.prompt, spec.seeds, spec.token) == (subject.prompts["school"], "11, 12, 13, 14", subject.trigger)
    assert spec.outfits == subject.outfits
    assert (spec.width, spec.height, spec.prediction) == (64, 64, "epsilon")
    made = expand(spec, ModelFiles(workspace.root))
    assert made.shape == (2, 1, 1, 4)
    assert made.x.labels == ("1", "2")
    assert parse_spec(spec_json(spec), "spec") == spec


def test_a_bake_that_saved_nothing_yet_suggests_its_base_alone(
    workspace: Workspace, journal: Journal, baked: Baked
) -> None:
    spec = spec_for_bake(journal, workspace, baked())
    assert (spec.loras, spec.epochs, spec.x) == ((), (), None)


def test_a_bake_whose_subject_is_gone_still_suggests_a_grid(
    workspace: Workspace, journal: Journal, baked: Baked
) -> None:
    spec = spec_for_bake(journal, workspace, baked(*_EPOCHS, subject="gone"))
    assert (spec.prompt, spec.seeds) == ("", "1, 2, 3, 4")
    assert expand(spec, ModelFiles(workspace.root)).shape == (2, 1, 1, 4)


def test_a_bake_whose_base_is_gone_says_so(workspace: Workspace, journal: Journal, baked: Baked) -> None:
    number = baked(pretrained_model_name_or_path="/nowhere/base.safetensors")
    with pytest.raises(ModelError, match="no such file"):
        spec_for_bake(journal, workspace, number)


def test_a_grids_job_has_no_grid_of_its_own(workspace: Workspace, journal: Journal) -> None:
    grid = journal.grids.add(name="g", spec="{}")
    job = journal.bakes.add(
        NewBake(name="g", why="", settings_toml="", engine="", total_steps=1, steps_per_epoch=0, grid=grid.number)
    )
    with pytest.raises(GridError, match="makes grid 1; expected a bake"):
        spec_for_bake(journal, workspace, job.number)


def test_a_subject_suggests_its_champion(workspace: Workspace) -> None:
    file = workspace.subjects / "hifumi.toml"
    plain = spec_for_subject(workspace, file)
    assert (plain.base, plain.subject, plain.loras, plain.x) == ("demo", "hifumi", (), None)
    write_lora(workspace.root / "best.safetensors")
    save_subject(demo_subject().model_copy(update={"champion": "best.safetensors"}), file)
    spec = spec_for_subject(workspace, file)
    assert spec.loras == (LoraSpec(),)
    assert expand(spec, ModelFiles(workspace.root)).x.labels == ("champion",)


def test_a_subject_without_a_base_is_refused(workspace: Workspace) -> None:
    file = workspace.subjects / "x.toml"
    save_subject(Subject(name="x"), file)
    with pytest.raises(GridError, match="base: blank"):
        spec_for_subject(workspace, file)
    file.write_text("name = 3")
    with pytest.raises(SettingsError):
        spec_for_subject(workspace, file)


def test_a_new_grid_starts_with_the_default_style_and_the_subjects_own_seeds(
    journal: Journal, workspace: Workspace, baked: Baked
) -> None:
    number = baked(*_EPOCHS)
    plain = spec_for_bake(journal, workspace, number)
    save_styles(workspace, (Style(name="other", steps=9),))
    assert spec_for_bake(journal, workspace, number) == plain
    save_styles(workspace, (Style(name="default", negative_prompt="lowres", steps=7, seeds="5", sampler="Euler"),))
    styled = spec_for_bake(journal, workspace, number)
    assert (styled.steps, styled.sampler, styled.negative_prompt) == (7, "Euler", "lowres")
    assert styled.seeds == plain.seeds


def test_a_trigger_with_brackets_is_escaped_where_it_becomes_the_prompt(workspace: Workspace) -> None:
    file = workspace.subjects / "knight.toml"
    for trigger in ("knight (rose)", r"knight \(rose\)"):
        save_subject(demo_subject().model_copy(update={"trigger": trigger, "prompts": {}}), file)
        spec = spec_for_subject(workspace, file)
        assert (spec.prompt, spec.token) == (r"knight \(rose\)", trigger)
        made = expand(
            spec.model_copy(update={"x": AxisSpec(kind="token", values="on, off")}), ModelFiles(workspace.root)
        )
        assert {cell.recipe.prompt for cell in made.cells} == {r"knight \(rose\)", ""}
