"""First spec of a grid: epochs, prompts and seeds of a bake or of a subject."""

import os
from collections.abc import Sequence
from pathlib import Path

from trainer.errors import GridError
from trainer.grid.defaults import defaults_for
from trainer.grid.epoch_labels import CHAMPION
from trainer.grid.model_files import ModelFiles
from trainer.grid.spec import AxisSpec, EpochFile, GridSpec, LoraSpec
from trainer.grid.styles import DEFAULT, apply_style, load_styles
from trainer.journal.bake_settings import settings_of
from trainer.journal.journal import Journal
from trainer.journal.records import Bake, Checkpoint
from trainer.models.identify import named_components
from trainer.plan.saves import epoch_file, step_file
from trainer.prompts.attention import escaped_once
from trainer.settings.one_setting import AutoYesNo
from trainer.settings.subject import Subject, load_subject, subject_named
from trainer.text import printable
from trainer.workspace import Workspace

# One seed shows little of a LoRA, and only pictures of the same seeds can be compared between bakes.
_SEEDS = "1, 2, 3, 4"
_PREDICTION: dict[AutoYesNo, str] = {"auto": "auto", "yes": "v", "no": "epsilon"}


def epochs_of(journal: Journal, workspace: Workspace, bakes: Sequence[int]) -> tuple[EpochFile, ...]:
    """Return the saved LoRAs of these bakes that are still on the disk, oldest first, bake by bake.

    An epoch's is called `3`, one saved after 600 steps `s600`; where there are several bakes, `42:3` and `42:s600`.

    Args:
        journal: says what was saved.
        workspace: where the files are.
        bakes: numbers of bakes.

    Raises:
        WorkspaceError: no bake has that number.
    """
    return tuple(
        epoch
        for number in dict.fromkeys(bakes)
        for epoch in _saved(journal, workspace, number, prefix=f"{number}:" if len(set(bakes)) > 1 else "")
    )


def with_epochs(spec: GridSpec, journal: Journal, workspace: Workspace) -> GridSpec:
    """Return the spec with the LoRAs of its bakes and the subject's champion among its epochs, and nothing left to look up.

    An epoch axis that names the champion asks for it too.

    Raises:
        GridError: none of the bakes has saved a LoRA, or the subject has no champion.
        SettingsError: the subject's file is wrong.
        WorkspaceError: no bake has that number.
    """
    wants_champion = spec.champion or _names_champion(spec)
    if not (spec.of_bakes or wants_champion):
        return spec
    epochs = {epoch.label: epoch for epoch in spec.epochs}
    several = len(set(spec.of_bakes)) > 1 or bool(epochs)
    for number in dict.fromkeys(spec.of_bakes):
        for epoch in _saved(journal, workspace, number, prefix=f"{number}:" if several else ""):
            epochs.setdefault(epoch.label, epoch)
    if spec.of_bakes and not epochs:
        numbers = ", ".join(str(number) for number in dict.fromkeys(spec.of_bakes))
        raise GridError("of_bakes", found=f"no saved LoRA of {numbers}", expected="a bake that has saved at least one")
    if wants_champion and CHAMPION not in epochs:
        epochs[CHAMPION] = EpochFile(label=CHAMPION, file=str(_champion(spec.subject, workspace)))
    return spec.model_copy(update={"epochs": tuple(epochs.values()), "of_bakes": (), "champion": False})


def spec_for_bake(journal: Journal, workspace: Workspace, number: int) -> GridSpec:
    """Return the grid that a bake suggests: its base and its subject's first prompt and seeds, over its epochs so far.

    The workspace's style `default` is applied, here and in spec_for_subject.

    Raises:
        WorkspaceError: no bake has that number.
        SettingsError: its settings or its subject's file cannot be read.
        GridError: it is a grid's job, not a bake.
        ModelError: its base can no longer be used.
    """
    bake = journal.bakes.read(number)
    if bake.grid is not None:
        raise GridError(f"bake {number}", found=f"makes grid {bake.grid}", expected="a bake")
    settings = settings_of(journal, bake)
    subject = subject_named(workspace.subjects, settings.subject)
    epochs = epochs_of(journal, workspace, (number,))
    spec = _spec_of(subject, workspace, settings.pretrained_model_name_or_path).model_copy(
        update={
            "name": _name(settings.output_name),
            "subject": settings.subject,
            "vae": settings.vae,
            "components": named_components(settings),
            "prediction": _PREDICTION[settings.v_parameterization],
            "zero_terminal_snr": settings.zero_terminal_snr,
            "clip_skip": settings.clip_skip,
        }
    )
    return _with_epoch_axis(spec, epochs)


def spec_for_subject(workspace: Workspace, subject_file: Path) -> GridSpec:
    """Return the grid that a subject suggests: its base, first prompt and seeds, with its champion where it has one.

    Raises:
        SettingsError: the file cannot be read.
        GridError: it names no base.
        ModelError: its base cannot be used.
    """
    subject = load_subject(subject_file)
    spec = _spec_of(subject, workspace, subject.pretrained_model_name_or_path)
    spec = spec.model_copy(update={"name": _name(subject.name), "subject": subject_file.stem})
    if not subject.champion.strip():
        return spec
    champion = EpochFile(label=CHAMPION, file=str(ModelFiles(workspace.root).path(subject.champion)))
    return _with_epoch_axis(spec, (champion,))


def _name(text: str) -> str:
    """Return what a grid's folder may be called."""
    return text.replace("/", "_").replace("\0", "_")[:80] or "grid"


def _with_epoch_axis(spec: GridSpec, epochs: tuple[EpochFile, ...]) -> GridSpec:
    """Return the spec with an axis of these epochs; without any it shows the base without a LoRA."""
    if not epochs:
        return spec
    across = AxisSpec(kind="epoch", values="all")
    return spec.model_copy(update={"epochs": epochs, "loras": (LoraSpec(),), "x": across})


def _spec_of(subject: Subject, workspace: Workspace, base_name: str) -> GridSpec:
    model_files = ModelFiles(workspace.root)
    name = model_files.base_name(base_name)
    defaults = defaults_for(model_files.base(name))
    spec = GridSpec(
        base=name,
        prompt=next(iter(subject.prompts.values()), escaped_once(subject.trigger)),
        negative_prompt=subject.negative_prompt,
        seeds=", ".join(str(seed) for seed in subject.seeds) or _SEEDS,
        steps=defaults.steps,
        cfg_scale=defaults.cfg_scale,
        sampler=defaults.sampler,
        width=defaults.width,
        height=defaults.height,
        clip_skip=defaults.clip_skip,
        token=subject.trigger,
        outfits=subject.outfits,
    )
    style = next((style for style in load_styles(workspace) if style.name == DEFAULT), None)
    if style is None:
        return spec
    # A subject's own seeds go before a style's: they make its bakes comparable.
    return apply_style(spec, style.model_copy(update={"seeds": None}) if subject.seeds else style)


def _saved(journal: Journal, workspace: Workspace, number: int, prefix: str) -> list[EpochFile]:
    bake = journal.bakes.read(number)
    found: dict[str, EpochFile] = {}
    for saved in reversed(journal.results.checkpoints(number)):
        # An imported bake's may be an absolute path.
        file = os.path.normpath(os.path.join(bake.folder, saved.file))
        if (workspace.root / file).is_file():
            label = prefix + label_of(bake, saved)
            found[label] = EpochFile(label=label, file=file)
    return list(found.values())


def label_of(bake: Bake, saved: Checkpoint) -> str:
    """Return the label that grids know a saved LoRA by: `3` for what was saved at the end of an epoch, `s600` for what was saved between two."""
    if saved.file == step_file(bake.name, saved.step):
        return f"s{saved.step}"
    ends_epoch = saved.step == saved.epoch * bake.steps_per_epoch
    return str(saved.epoch) if ends_epoch or saved.file == epoch_file(bake.name, saved.epoch) else f"s{saved.step}"


def _names_champion(spec: GridSpec) -> bool:
    kinds = ("epoch", "text_encoder_epoch")
    axes = (spec.x, spec.y, spec.z)
    return any(axis is not None and axis.kind in kinds and CHAMPION in axis.values for axis in axes)


def _champion(subject: str, workspace: Workspace) -> Path:
    file = subject_named(workspace.subjects, subject).champion
    if not file.strip():
        who = printable(subject, 60) if subject else "a grid without a subject"
        raise GridError(
            "champion", found=f"{who} has no champion", way_out="set `champion` to a file in the subject's file"
        )
    return ModelFiles(workspace.root).path(file)
