"""Documents of other trainers made into settings, a subject, and a report on every key."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from trainer.errors import SettingsError
from trainer.interop.documents import EXPECTED
from trainer.interop.foreign_paths import is_elsewhere, mapped
from trainer.interop.key_fates import JOINED, KeyPlan, plans_of, reports_of, values_of
from trainer.interop.named_models import FindModel, models_found
from trainer.interop.option_rules import is_blank
from trainer.interop.options import FromOptions, settings_from
from trainer.interop.record import SourceDocument, TrainerFormat
from trainer.interop.registry import FORMATS
from trainer.interop.report import ImportReport
from trainer.interop.settings_text import settings_text
from trainer.settings import describe
from trainer.settings.model import Settings
from trainer.settings.one_setting import check_name
from trainer.settings.subject import Subject
from trainer.settings.toml_file import parse_settings
from trainer.text import printable

_OF_SUBJECT = ("train_data_dir", "validation_data_dir", "pretrained_model_name_or_path")
_FOLDER = re.compile(r"\d+(?:\.\d+)?_(.+)")


@dataclass(frozen=True)
class Imported:
    """What an import makes.

    Attributes:
        report: what became of every key.
        values: the settings that the source states.
        text: the settings file: those values, the trainer that the rest is as, and the unknown keys in a comment.
        subject: where the source names data, and a subject is wanted; its name is what the settings call it.
        data_set_text: a data set file to be written beside the settings; "" where none is needed.
    """

    report: ImportReport
    values: Mapping[str, object]
    text: str
    subject: Subject | None = None
    data_set_text: str = ""

    @cached_property
    def settings(self) -> Settings:
        """The settings in the text."""
        return parse_settings(self.text, self.report.where)


def format_of(document: SourceDocument) -> TrainerFormat:
    """Return the format of a document, by its content.

    Raises:
        SettingsError: no format knows it.
    """
    found = next((each for each in FORMATS if each.recognises(document)), None)
    if found is None:
        keys = ", ".join(printable(key.key, 40) for key in document.keys[:3])
        raise SettingsError(
            document.where, found=f"keys of no trainer that is known: {keys}" if keys else "no keys", expected=EXPECTED
        )
    return found


def import_documents(
    documents: Sequence[SourceDocument],
    *,
    path_map: Mapping[str, str] | None = None,
    subject: str | None = "",
    exists: Callable[[str], bool] = os.path.exists,
    find: FindModel | None = None,
) -> Imported:
    """Return the settings that some documents make together; what is said twice is as a command says it, else as the first does.

    Args:
        documents: of one bake: a config, the data set file that it names, the command that runs it.
        path_map: folders of another computer to the same ones here.
        subject: the name of the subject to make where data are named; None for one that fits, "" for none.
        exists: whether something is at a path here.
        find: the model here that a source knows by its name and hash alone (`named_models.py`); None where nothing is known.

    Raises:
        SettingsError: a document is of no trainer that is known.
    """
    formats = [format_of(document) for document in documents]
    plans: list[KeyPlan] = []
    for document, each in sorted(zip(documents, formats, strict=True), key=lambda pair: pair[0].syntax != "command"):
        plans += plans_of(document, each, several=len(documents) > 1)
    options = _options(plans)
    for each in formats:
        options = {**options, **{name: value for name, value in each.fixed.items() if name not in options}}
    options, unfound = models_found(options, _model_hashes(documents, formats), find)
    options, paths = _mapped_paths(options, documents, path_map or {}, exists)
    paths = {name: "" for name in unfound if name not in paths and name in options.values()} | paths
    made = settings_from(options)
    profile = next(filter(None, (_profile(*pair) for pair in zip(documents, formats, strict=True))), "")
    values = dict(made.values)
    report = ImportReport(
        where=", ".join(document.where for document in documents),
        title=", ".join(dict.fromkeys(each.title for each in formats)),
        keys=reports_of(plans, made),
        profile=profile,
        notes=_notes(documents, formats, made),
        paths=paths,
    )
    wanted = _subject(values, documents, subject)
    if wanted is not None:
        values = {name: value for name, value in values.items() if name not in _OF_SUBJECT} | {"subject": wanted.name}
    return Imported(report, values, settings_text(report, values, _unknown(plans)), wanted)


def _profile(document: SourceDocument, its_format: TrainerFormat) -> str:
    return its_format.profile({key.key: key.value for key in document.keys})


def _options(plans: Sequence[KeyPlan]) -> dict[str, object]:
    """Return the options that the keys set, each as the winner says, in the order of the file."""
    options: dict[str, object] = {}
    owners: dict[str, str] = {}
    for plan in plans:
        for name, value in plan.options.items():
            if name in plan.lost:
                continue
            before = options.get(name) if name in JOINED and owners.get(name) == plan.file else None
            if isinstance(before, list) and isinstance(value, list):
                options[name] = list(dict.fromkeys([*before, *value]))
            else:
                options[name] = value
            owners[name] = plan.file
    return options


def _model_hashes(documents: Sequence[SourceDocument], formats: Sequence[TrainerFormat]) -> dict[str, str]:
    hashes: dict[str, str] = {}
    for document, each in zip(documents, formats, strict=True):
        hashes = {**each.model_hashes(values_of(document, each)), **hashes}
    return hashes


def _mapped_paths(
    options: Mapping[str, object],
    documents: Sequence[SourceDocument],
    path_map: Mapping[str, str],
    exists: Callable[[str], bool],
) -> tuple[dict[str, object], dict[str, str]]:
    """Return options with the paths of here, and the paths that are not here with what became of them."""
    made, elsewhere = dict(options), dict[str, str]()
    for name, value in options.items():
        is_path = describe.is_setting(name) and describe.field(name).kind == "path"
        if not is_path or not isinstance(value, str) or is_blank(value):
            continue
        found = mapped(value, path_map)
        if found is not None:
            made[name] = elsewhere[value] = found
        elif is_elsewhere(value, exists):
            elsewhere[value] = ""
        else:
            made[name] = _beside(value, documents, exists)
    return made, elsewhere


def _beside(path: str, documents: Sequence[SourceDocument], exists: Callable[[str], bool]) -> str:
    """Return a relative path from the folder of the file that names it, where something is there."""
    for document in documents:
        if document.folder and not os.path.isabs(path) and exists(os.path.join(document.folder, path)):
            return os.path.normpath(os.path.join(document.folder, path))
    return path


def _notes(documents: Sequence[SourceDocument], formats: Sequence[TrainerFormat], made: FromOptions) -> tuple[str, ...]:
    notes: list[str] = []
    for document, each in zip(documents, formats, strict=True):
        script = document.tree.get("(script)")
        if document.syntax == "command" and isinstance(script, Mapping) and (count := script["commands"]) > 1:
            notes.append(f"{document.where} holds {count} commands that train; this is the first")
        notes += each.notes(values_of(document, each))
        if each.fixed:
            fixed = ", ".join(f"{name}={value}" for name, value in each.fixed.items())
            notes.append(f"the trainer itself passes {fixed}")
    return tuple(notes)


def _unknown(plans: Sequence[KeyPlan]) -> list[KeyPlan]:
    return [plan for plan in plans if plan.unknown]


def _subject(values: Mapping[str, object], documents: Sequence[SourceDocument], name: str | None) -> Subject | None:
    """Return the subject of the data that the settings name, None where they name none or none is wanted."""
    data = {key: str(values[key]) for key in _OF_SUBJECT if values.get(key)}
    if name == "" or not (data.get("train_data_dir") or name):
        return None
    return Subject(name=name or _name_of(values, documents), **data)


def _name_of(values: Mapping[str, object], documents: Sequence[SourceDocument]) -> str:
    """Return a name for a subject: the LoRA's, else the folder's, else the file's."""
    folder = Path(str(values.get("train_data_dir", "")).replace("\\", "/")).name
    file = Path(documents[0].where).stem if documents[0].folder else ""
    match = _FOLDER.fullmatch(folder)
    for name in (str(values.get("output_name") or ""), match[1] if match else folder, file):
        try:
            if name.strip():
                return check_name(name.strip())
        except ValueError:
            continue
    return "imported"
