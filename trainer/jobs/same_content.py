"""Contents that a bake stands on: taken before it starts, and compared with those that its states were made on. Free of torch."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from trainer.dataset.manifest import FILE, MAX_FILE_BYTES, ListedModel, Manifest, manifest_of, read_manifest
from trainer.dataset.manifest_changes import SHOWN_DIGITS, ModelChange, model_changes, picture_changes
from trainer.errors import LoraTuiError, ModelError, WorkspaceError
from trainer.jobs.preflight import PlannedBake
from trainer.journal.journal import Journal
from trainer.journal.records import Bake
from trainer.journal.state_files import read_state_header, read_state_manifest, states_of
from trainer.models.identify import existing_path, model_place
from trainer.models.model_content import ModelContent, content_of_model
from trainer.regular_file import read_regular
from trainer.settings.describe import field, settings_naming
from trainer.settings.model import Settings
from trainer.settings.subject import DEMO_BASE
from trainer.text import plural, printable

_MAX_PATH = 160
MAX_NAMED_IN_LOG = 200
"""Changed pictures: who replaced a folder of thousands needs no line for each."""


@dataclass(frozen=True)
class Provenance:
    """What a bake's state was made on.

    Attributes:
        manifest: of it; None where nothing of it is kept.
        bake: number of the bake that made it.
    """

    manifest: Manifest | None
    bake: int

    @property
    def knows_models(self) -> bool:
        """Whether the models can be compared; older versions kept no hash of them."""
        return self.manifest is not None and self.manifest.knows_models

    def notes(self, now: Manifest, most: int) -> list[str]:
        """Return what was not compared, and each picture that changed, a line each.

        Args:
            now: what the bake would continue on.
            most: how many changes are named at most.
        """
        if self.manifest is None:
            return [
                f"no list of what bake {self.bake} was made on can be read: whether base, VAE, start LoRA and data are still the "
                "same was not checked"
            ]
        notes = []
        if not self.knows_models:
            notes.append(
                f"the state of bake {self.bake} is of an older lora-tui, which kept no hashes: whether base, VAE and start LoRA "
                "are still the same was not checked"
            )
        changes = picture_changes(self.manifest, now)
        if changes:
            notes.append(f"the data changed in {plural(len(changes), 'place')} since bake {self.bake} saved its state:")
            notes += [f"changed: {change}" for change in changes[:most]]
        if len(changes) > most:
            notes.append(f"changed: {len(changes) - most:,} more")
        return notes


def models_now(settings: Settings, stop: Callable[[], bool] = lambda: False) -> dict[str, ModelContent] | None:
    """Return the content of each model that the settings name, by setting; None when asked to stop.

    Args:
        settings: with every path filled in.
        stop: asked a few times a second whether to give up.

    Raises:
        ModelError: one is missing or cannot be read.
    """
    found: dict[str, ModelContent] = {}
    for name in settings_naming("weights"):
        if place := str(getattr(settings, name)):
            if place != DEMO_BASE:
                existing_path(place, name, f"the {field(name).label} of the bake")
            content = content_of_model(model_place(place), stop)
            if content is None:
                return None
            found[name] = content
    return found


def listed_models(models: Mapping[str, ModelContent]) -> dict[str, ListedModel]:
    """Return contents as a manifest lists them."""
    return {name: ListedModel(content.sha256, content.size, content.parts) for name, content in models.items()}


def check_same_models(before: Provenance, settings: Settings, models: Mapping[str, ModelContent]) -> None:
    """See that a bake continues on the very models it was begun on.

    Args:
        before: what it continues from.
        settings: of the bake that continues.
        models: what its settings name now.

    Raises:
        ModelError: one has another content; names both hashes.
    """
    if before.manifest is None or not before.knows_models:
        return
    changes = model_changes(before.manifest.models, listed_models(models))
    if changes:
        raise _other_model(changes, settings, before.bake)


def check_still(models: Mapping[str, ModelContent], settings: Settings) -> None:
    """See that models still have the content that was taken of them.

    Raises:
        ModelError: one has not, or is gone.
    """
    now = (models_now(settings) or {}) if models else {}
    for name, content in models.items():
        if name not in now or now[name].sha256 != content.sha256:
            raise ModelError(
                f"{field(name).label} {printable(str(getattr(settings, name)), _MAX_PATH)}",
                found="it was replaced or written to while it was being loaded",
                expected="a file that stays as it is",
                way_out="start again once it is complete",
            )


def check_resumable(journal: Journal, bake: Bake, settings: Settings) -> None:
    """See that a bake that ended early can be resumed on what its settings name now. Writes nothing.

    Raises:
        ModelError: a model is missing, cannot be read, or has another content than the bake's newest state was made on.
    """
    before = resume_provenance(journal, bake)
    if before is not None and before.knows_models:
        check_same_models(before, settings, models_now(settings) or {})


def manifest_to_start(
    bake: Bake, planned: PlannedBake, models: Mapping[str, ModelContent], journal: Journal
) -> tuple[Manifest, list[str]]:
    """Return the manifest of a bake that is about to start, and what the user should know of what has changed, a line each.

    Raises:
        ModelError: it continues from a state that was made on another model; names both hashes. Nothing was written.
    """
    before = resume_provenance(journal, bake) if bake.attempt > 1 or bake.starts_from else None
    if before is not None:
        check_same_models(before, planned.settings, models)
    now = manifest_of(planned.data, planned.validation, listed_models(models))
    return now, before.notes(now, MAX_NAMED_IN_LOG) if before is not None else []


def resume_provenance(journal: Journal, bake: Bake) -> Provenance | None:
    """Return what the state was made on from which a bake starts; None where it starts over, having neither a state nor a LoRA.

    A state that cannot be read is passed over for the one before it, as the bake does.
    """
    root = journal.path.parent
    for state in reversed(states_of(root / bake.folder)):
        with suppress(LoraTuiError):
            return provenance_of(journal, state)
    if bake.starts_from:
        return provenance_of(journal, root / bake.starts_from)
    if journal.results.checkpoints(bake.number):
        return Provenance(_manifest_of(journal, bake.number), bake.number)
    return None


def bake_provenance(journal: Journal, number: int) -> Provenance:
    """Return what a bake was made on, from its folder, else from the journal."""
    return Provenance(_manifest_of(journal, number), number)


def provenance_of(journal: Journal, state: Path) -> Provenance:
    """Return what a state was made on.

    Args:
        journal: of the workspace. It knows the data of a state of an older version, which does not keep them itself.
        state: its file.

    Raises:
        ModelError: it cannot be read.
    """
    bake = read_state_header(state).bake
    kept = read_state_manifest(state)
    manifest = _manifest(kept) if kept else None
    return Provenance(manifest or _manifest_of(journal, bake), bake)


def _manifest_of(journal: Journal, number: int) -> Manifest | None:
    """Return the manifest of a bake's last attempt, from its folder, else from the journal; None without a readable one."""
    with suppress(OSError, WorkspaceError):
        path = journal.path.parent / journal.bakes.read(number).folder / FILE
        if manifest := _manifest(read_regular(path, MAX_FILE_BYTES)):
            return manifest
    with suppress(WorkspaceError):
        return _manifest(journal.results.manifest(number) or b"")
    return None


def _manifest(content: bytes) -> Manifest | None:
    try:
        return read_manifest(content, FILE)
    except WorkspaceError:
        return None


def _other_model(changes: list[ModelChange], settings: Settings, bake: int) -> ModelError:
    first = changes[0]
    place = printable(str(getattr(settings, first.setting)), _MAX_PATH) or "blank"
    more = f" and {plural(len(first.parts) - 1, 'other file')}" if len(first.parts) > 1 else ""
    inside = f" in {printable(first.parts[0], 80)}{more}" if first.parts else ""
    return ModelError(
        f"{field(first.setting).label} {place}",
        found=f"sha256 {_short(first.now)}{inside}, and bake {bake} was made with {_short(first.before)}",
        expected="the same file",
        way_out="put that one back in its place, or start a new bake on this one",
        details=[
            f"{change.setting}: sha256 {change.before or 'none'} then, {change.now or 'none'} now" for change in changes
        ],
    )


def _short(digest: str) -> str:
    return f"{digest[:SHOWN_DIGITS]}…" if digest else "none"
