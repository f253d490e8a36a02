"""The subject: what stays the same from bake to bake, its file, and how settings fill their blanks from it."""

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trainer.errors import SettingsError
from trainer.refusals import user_path
from trainer.settings.describe import fields
from trainer.settings.model import Settings
from trainer.settings.refusal import refused_setting, unknown_key, value_text, wrong_keys
from trainer.settings.toml_file import save_text
from trainer.settings.toml_text import parse_toml, place_of, read_text
from trainer.text import printable
from trainer.workspace_paths import paths_around

DEMO_BASE = "demo"
"""The base that comes along; it is no path."""

FOLDER = "subjects"
"""The folder of subject files in a workspace."""


class Subject(BaseModel):
    """Who or what is learned, with everything that bakes, grids and reports take from it.

    Relative paths count from the folder that holds `subjects/`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field("", description="Name of the LoRA files. Blank: the subject file's name.")
    trigger: str = Field("", description="The word that stands for it in a prompt.")
    train_data_dir: str = Field("", description="Folder with the pictures.")
    validation_data_dir: str = Field("", description="Folder with pictures kept out of training.")
    pretrained_model_name_or_path: str = Field(
        "", description="The base model: a .safetensors file, a diffusers folder, or `demo`."
    )
    outfits: dict[str, str] = Field(default_factory=dict, description="Picture folder to the words for its outfit.")
    prompts: dict[str, str] = Field(default_factory=dict, description="Name to test prompt.")
    seeds: list[int] = Field(default_factory=list, description="Seeds of the test pictures.")
    negative_prompt: str = Field("", description="Negative prompt of the test pictures.")
    checklist: list[str] = Field(default_factory=list, description="Things to look for in a test picture.")
    champion: str = Field("", description="The best LoRA file so far.")


def load_subject(path: Path) -> Subject:
    """Return the subject of a TOML file; a blank name becomes the file's.

    Raises:
        SettingsError: the file cannot be read, is broken, or holds an unknown key or a wrong value.
    """
    where = printable(str(path))
    text = read_text(path, "a subject file")
    try:
        subject = Subject.model_validate(parse_toml(text, where))
    except ValidationError as error:
        found = error.errors(include_url=False)
        keys = [str(each["loc"][0]) for each in found if each["type"] == "extra_forbidden"]
        if keys:
            unknown = {key: unknown_key(place_of(text, key, where), key, Subject.model_fields) for key in keys}
            raise wrong_keys(where, unknown) from None
        first = found[0]
        key = str(first["loc"][0])
        place = place_of(text, key, where)
        raise SettingsError(place, found=value_text(first["input"]), expected=_expected(key)) from None
    return subject if subject.name else subject.model_copy(update={"name": path.stem})


def subject_named(folder: Path, name: str) -> Subject:
    """Return the subject of that name in a folder of subject files, an empty one if its file is gone or none is named.

    Raises:
        SettingsError: as load_subject.
    """
    path = folder / f"{name}.toml"
    return load_subject(path) if name and path.is_file() else Subject()


def save_subject(subject: Subject, path: Path) -> None:
    """Write `subject` to `path`, atomically; an existing file keeps its comments and what did not change.

    Raises:
        SettingsError: the file cannot be written, or the file there now is not a subject file.
    """
    import tomlkit  # noqa: PLC0415  # only what writes TOML waits for it

    before: dict[str, object] = {}
    document = tomlkit.document()
    if path.exists():
        before = load_subject(path).model_dump()
        document = tomlkit.parse(read_text(path))
    for key, value in subject.model_dump().items():
        if key not in before or before[key] != value:
            document[key] = value
    save_text(tomlkit.dumps(document), path)


def subject_path(settings_path: Path, name: str) -> Path | None:
    """Return `subjects/NAME.toml` beside the settings file or in the nearest folder above it, else None."""
    folder = Path(os.path.abspath(settings_path)).parent
    for above in (folder, *folder.parents):
        path = above / FOLDER / f"{name}.toml"
        if path.is_file():
            return path
    return None


def resolve(settings: Settings, settings_path: Path) -> Settings:
    """Return `settings` with blanks filled from the subject and every path absolute.

    A relative path counts from the folder of the file it stands in: the settings file's, or the one that holds `subjects/`. An
    absolute one into a folder that the workspace was moved from means the same place in the workspace.
    The base `demo` stays `demo`; a blank output_name becomes the subject's name, else `lora`. Where dataset_config names the
    pictures there are, train_data_dir may be blank.

    Raises:
        SettingsError: the subject is missing or wrong, or a needed path is blank everywhere.
    """
    where = printable(str(settings_path))
    own = Path(os.path.abspath(settings_path)).parent
    subject, home = _subject_of(settings, settings_path)
    around = paths_around(own)

    def path(key: str) -> str:
        mine, its = str(getattr(settings, key)).strip(), str(getattr(subject, key, "")).strip()
        if not mine and not its:
            return ""
        if key == "pretrained_model_name_or_path" and (mine or its) == DEMO_BASE:
            return DEMO_BASE
        start, text = (own, user_path(mine, f"{where}: {key}")) if mine else (home, user_path(its, f"subject: {key}"))
        return around.found(str(text)) if text.is_absolute() else os.path.normpath(start / text)

    filled = {info.name: path(info.name) for info in fields() if info.kind == "path"}
    for key, what in (("train_data_dir", "the pictures' folder"), ("pretrained_model_name_or_path", "the base model")):
        if not filled[key] and not (key == "train_data_dir" and filled["dataset_config"]):
            place = "here" if not settings.subject else "here or in the subject"
            raise SettingsError(f"{where}: {key}", found="blank", expected=what, way_out=f"set it {place}")
    filled["output_name"] = settings.output_name or subject.name or "lora"
    try:
        return Settings.model_validate(settings.model_dump() | filled)
    except ValidationError as error:
        raise refused_setting(error, lambda name: f"{where}: {name}") from None


def _subject_of(settings: Settings, settings_path: Path) -> tuple[Subject, Path]:
    """Return the subject (an empty one where none is named) and the folder its relative paths count from."""
    if not settings.subject:
        return Subject(), Path(os.path.abspath(settings_path)).parent
    path = subject_path(settings_path, settings.subject)
    if path is None:
        raise SettingsError(
            f"{printable(str(settings_path))}: subject",
            found=f"no {FOLDER}/{printable(settings.subject, 60)}.toml beside this file or in a folder above it",
            way_out="create it with `lora-tui new`, or leave `subject` blank and set the paths here",
        )
    return load_subject(path), path.parent.parent


def _expected(key: str) -> str:
    annotation = Subject.model_fields[key].annotation
    words: dict[object, str] = {
        str: "text",
        dict[str, str]: "a table of texts",
        list[int]: "a list of whole numbers",
        list[str]: "a list of texts",
    }
    return words[annotation]
