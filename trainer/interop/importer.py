"""Documents of other trainers made into settings, a subject, and a report on every key."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from trainer.errors import SettingsError
from trainer.interop.data_set import data_set_from, is_of_data_set, is_path_of_data_set
from trainer.interop.documents import EXPECTED
from trainer.interop.foreign_paths import is_elsewhere, mapped
from trainer.interop.key_fates import KeyPlan, options_of, plans_of, reports_of, values_of
from trainer.interop.named_models import FindModel, models_found
from trainer.interop.option_meaning import is_blank
from trainer.interop.options import FromOptions, OptionFate, settings_from
from trainer.interop.picture_subject import from_picture, is_of_subject
from trainer.interop.record import SourceDocument, TrainerFormat
from trainer.interop.registry import FORMATS
from trainer.interop.report import ImportReport
from trainer.interop.settings_text import settings_text
from trainer.settings import describe
from trainer.settings.model import Settings
from trainer.settings.one_setting import check_name
from trainer.settings.subject import Subject
from trainer.settings.toml_file import parse_settings
from trainer.text import plural, printable

PATHS_OF_SUBJECT = ("train_data_dir", "validation_data_dir", "pretrained_model_name_or_path")
"""Settings that a subject has in their place."""

_MOVED = "where it is on this computer"
_REWRITTEN = "the data set file that is written beside the settings"
_A_NAME = "it is a name, and no model that is known here has it"
_NAMES_A_FILE = ("config_file", "dataset")
_FOLDERS = ("train_data_dir", "reg_data_dir")
_MAX_KEY, _MAX_NAMED = 40, 6
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
    data_set_name: str = "data-set.toml",
    exists: Callable[[str], bool] = os.path.exists,
    has_subject: Callable[[str], bool] = lambda name: False,
    pictures_of: Callable[[str], str] = lambda name: "",
    find: FindModel | None = None,
) -> Imported:
    """Return the settings that some documents make together; what is said twice is as a command says it, else as the first does.

    Args:
        documents: of one bake: a config, the data set file that it names, the command that runs it.
        path_map: folders of another computer to the same ones here.
        subject: the name of the subject to make where data are named; None for one that fits, "" for none.
        data_set_name: of the data set file that is written beside the settings, where one is.
        exists: whether something is at a path here.
        has_subject: whether a subject of that name is there already: it is named and not made, and the paths stay in the settings.
        pictures_of: the training pictures of a subject that is there already, "" for none.
        find: the model here that a source knows by its name and hash alone (`named_models.py`); None where nothing is known.

    Raises:
        SettingsError: a document is of no trainer that is known.
    """
    formats = {id(document): format_of(document) for document in documents}
    plans: list[KeyPlan] = []
    for document in sorted(documents, key=lambda each: each.syntax != "command"):
        plans += plans_of(document, formats[id(document)], several=len(documents) > 1)
    if len(documents) > 1:
        _note_files_read(plans, documents)
        _settle_between(plans)
    said = options_of(plans)
    options = dict(said)
    for each in formats.values():
        options |= {name: value for name, value in _unsaid(each, said).items() if is_blank(options.get(name))}
    stated = options
    options, unfound = models_found(options, _model_hashes(documents, list(formats.values())), find)
    names = _mere_names(options, unfound, [(document, formats[id(document)]) for document in documents])
    options = {name: value for name, value in options.items() if name not in names}
    options, paths = _mapped_paths(options, documents, path_map or {}, exists)
    paths = {name: "" for name in unfound if name not in paths and name in options.values()} | paths
    data_set = data_set_from(options)
    if data_set.text:
        options = _with_data_set(options, data_set_name)
    profile = next(filter(None, (_profile(document, formats[id(document)]) for document in documents)), "")
    made = settings_from({name: value for name, value in options.items() if not _is_apart(name)}, profile)
    values = dict(made.values)
    wanted = _subject(values, documents, subject)
    if wanted is not None and has_subject(wanted.name):
        values["subject"], wanted = wanted.name, None
    of_picture, wanted = from_picture(options, wanted)
    every = FromOptions(values, _with_moves({**made.fates, **data_set.fates, **of_picture, **names}, stated, options))
    if data_set.text:
        every = FromOptions(values, {**every.fates, **_lost_folders(options, every)})
    report = ImportReport(
        where=", ".join(document.where for document in documents),
        title=" + ".join(dict.fromkeys(each.title for each in formats.values())),
        keys=reports_of(plans, every),
        profile=str(values.get("behave_like") or profile),
        notes=(
            *_refused_note(plans, every),
            *_notes(documents, list(formats.values()), _pictures(values, subject, pictures_of), said),
        ),
        paths=paths,
    )
    if wanted is not None:
        values = {name: value for name, value in values.items() if name not in PATHS_OF_SUBJECT} | {
            "subject": wanted.name
        }
    unknown = [each for each in report.keys if each.fate == "unknown"]
    return Imported(report, values, settings_text(report, values, unknown), wanted, data_set.text)


def _unsaid(its_format: TrainerFormat, said: Mapping[str, object]) -> dict[str, object]:
    """Return the options that a trainer sets itself where a source does not state them."""
    return {**its_format.fixed, **its_format.left_out(said)}


def _note_files_read(plans: Sequence[KeyPlan], documents: Sequence[SourceDocument]) -> None:
    """Say of a file that another one names that it is read, where it is one of the documents."""
    read = {_last_part(document.where) for document in documents}
    for plan in plans:
        if plan.source.key in _NAMES_A_FILE and _last_part(str(plan.source.value)) in read:
            plan.options, plan.no_effect = {}, "that file is read with this one"


def _last_part(path: str) -> str:
    return re.split(r"[\\/]", path)[-1].removesuffix(".toml")


def _settle_between(plans: Sequence[KeyPlan]) -> None:
    """Let the first document win where several set the same option."""
    taken: dict[str, KeyPlan] = {}
    for plan in plans:
        for name, value in plan.options.items():
            winner = taken.get(name)
            if winner is not None and winner.file != plan.file and name not in plan.lost and not is_blank(value):
                plan.lost[name] = f"{winner.source.key} of {winner.file}"
            elif winner is None and not is_blank(value) and name not in plan.lost:
                taken[name] = plan


def _is_apart(option: str) -> bool:
    """Return whether an option is no setting's, but of the data set file or of the subject."""
    return is_of_data_set(option) or is_of_subject(option)


def _with_data_set(options: Mapping[str, object], name: str) -> dict[str, object]:
    """Return options in which the data set file takes the place of the folders, as in sd-scripts."""
    return {key: value for key, value in options.items() if key not in _FOLDERS} | {"dataset_config": name}


def _lost_folders(options: Mapping[str, object], made: FromOptions) -> dict[str, OptionFate]:
    lost = OptionFate("without effect", why="the data set file takes its place")
    return {name: lost for name in _FOLDERS if name not in options and name not in made.fates}


def _profile(document: SourceDocument, its_format: TrainerFormat) -> str:
    return its_format.profile({key.key: key.value for key in document.keys})


def _model_hashes(documents: Sequence[SourceDocument], formats: Sequence[TrainerFormat]) -> dict[str, str]:
    hashes: dict[str, str] = {}
    for document, each in zip(documents, formats, strict=True):
        hashes = {**each.model_hashes(values_of(document, each)), **hashes}
    return hashes


def _mere_names(
    options: Mapping[str, object], unfound: Sequence[str], pairs: Sequence[tuple[SourceDocument, TrainerFormat]]
) -> dict[str, OptionFate]:
    """Return the fates of models that a picture names and that nobody knows here: no path could be made of a name."""
    named = {
        option
        for document, each in pairs
        if each.names_are_no_files
        for option in each.model_hashes(values_of(document, each))
    }
    lost = OptionFate("without effect", why=_A_NAME)
    return {option: lost for option in named if options.get(option) in unfound}


def _mapped_paths(
    options: Mapping[str, object],
    documents: Sequence[SourceDocument],
    path_map: Mapping[str, str],
    exists: Callable[[str], bool],
) -> tuple[dict[str, object], dict[str, str]]:
    """Return options with the paths of here, and the paths that are not here with what became of them."""
    made, elsewhere = dict(options), dict[str, str]()
    for name, value in options.items():
        is_path = is_path_of_data_set(name) or (describe.is_setting(name) and describe.field(name).kind == "path")
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


def _with_moves(
    fates: Mapping[str, OptionFate], stated: Mapping[str, object], found: Mapping[str, object]
) -> dict[str, OptionFate]:
    """Return fates in which a path with another place here is translated."""
    moved = [name for name, value in stated.items() if name in found and found[name] != value and name in fates]
    return {
        **fates,
        **{
            name: replace(fates[name], fate="translated", why=_REWRITTEN if name == "dataset_config" else _MOVED)
            for name in moved
            if fates[name].values
        },
    }


def _beside(path: str, documents: Sequence[SourceDocument], exists: Callable[[str], bool]) -> str:
    """Return a relative path from the folder of the file that names it, where something is there."""
    for document in documents:
        if document.folder and not os.path.isabs(path) and exists(os.path.join(document.folder, path)):
            return os.path.normpath(os.path.join(document.folder, path))
    return path


def _pictures(values: Mapping[str, object], subject: str | None, pictures_of: Callable[[str], str]) -> str:
    """Return the folder with the training pictures, "" where none is named."""
    return str(values.get("train_data_dir") or "") or (pictures_of(subject) if subject else "")


def _refused_note(plans: Sequence[KeyPlan], made: FromOptions) -> tuple[str, ...]:
    """Return the note that names the keys with a value that no setting may have: among those without effect they are not seen."""
    wrong = [
        printable(plan.source.key, _MAX_KEY)
        for plan in plans
        if any(made.fates[name].refused for name in plan.options if name in made.fates and name not in plan.lost)
    ]
    if not wrong:
        return ()
    named = ", ".join(wrong[:_MAX_NAMED]) + (f" and {len(wrong) - _MAX_NAMED} more" if len(wrong) > _MAX_NAMED else "")
    return (f"{plural(len(wrong), 'value')} cannot be taken: {named}; the reason stands with each",)


def _notes(
    documents: Sequence[SourceDocument], formats: Sequence[TrainerFormat], pictures: str, said: Mapping[str, object]
) -> tuple[str, ...]:
    notes: list[str] = []
    for document, each in zip(documents, formats, strict=True):
        script = document.tree.get("(script)")
        if document.syntax == "command" and isinstance(script, Mapping):
            if (count := script["commands"]) > 1:
                notes.append(f"{document.where} holds {count} commands that train; this is the first")
            if blocks := script["blocks"]:
                names = printable(", ".join(f"${name}" for name in blocks), 200)
                notes.append(f"blocks of the script (if, for) may set {names}; nothing of them is worked out")
        notes += each.notes(values_of(document, each))
        notes += each.data_notes(values_of(document, each), Path(pictures)) if pictures else ()
        fixed = ", ".join(f"{name}={value}" for name, value in _unsaid(each, said).items() if is_blank(said.get(name)))
        if fixed:
            notes.append(f"what the file leaves out, the trainer sets itself: {fixed}")
    # Two files of one trainer may say the same.
    return tuple(dict.fromkeys(notes))


def _subject(values: Mapping[str, object], documents: Sequence[SourceDocument], name: str | None) -> Subject | None:
    """Return the subject of the data that the settings name, None where they name none or none is wanted."""
    data = {key: str(values[key]) for key in PATHS_OF_SUBJECT if values.get(key)}
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
