"""Settings as TOML: files in sd-scripts' format, overrides from the command line, one value from a form."""

from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pydantic import ValidationError

from trainer.atomic_file import write_atomically
from trainer.errors import SettingsError
from trainer.profiles.registry import PROFILES
from trainer.settings import describe
from trainer.settings.model import Settings
from trainer.settings.one_setting import SECTIONS
from trainer.settings.profile_defaults import SETTING, dependent_defaults
from trainer.settings.refusal import refused_setting, unknown_key, wrong_keys
from trainer.settings.toml_text import parse_toml, place_of, read_text
from trainer.settings.typed import as_value, split_override
from trainer.text import printable

if TYPE_CHECKING:
    import tomlkit


def parse_settings(text: str, where: str) -> Settings:
    """Return the settings of a TOML text; keys stand flat or in tables of any name, as in sd-scripts' `--config_file`.

    Args:
        text: TOML.
        where: start of an error line, usually the file.

    Raises:
        SettingsError: the TOML is broken, a key is unknown or given twice, a value is wrong.
    """

    return _checked(_written(text, where), lambda name: place_of(text, name, where))


def _written(text: str, where: str) -> dict[str, object]:
    """Return what a TOML text sets, each value in its setting's type but not checked further."""

    def place(name: str) -> str:
        return place_of(text, name, where)

    values: dict[str, object] = {}
    written = list(_flat(parse_toml(text, where)))
    unknown = {key: unknown_key(place(key), key) for key, _ in written if not describe.is_setting(key)}
    if unknown:
        raise wrong_keys(where, unknown)
    for key, value in written:
        if key in values:
            raise SettingsError(place(key), found="given twice", expected="each setting once", way_out="remove one")
        values[key] = as_value(describe.field(key), value, place)
    return values


def load_settings(path: Path, overrides: Sequence[str] = ()) -> Settings:
    """Return the settings of a file with `name=value` overrides on top.

    What neither sets has the default of the trainer that `behave_like` names in the end.

    Raises:
        SettingsError: the file cannot be read, or it or an override is wrong.
    """
    text, where = read_text(path), printable(str(path))
    written = _written(text, where)
    # The file by itself first, so that what is wrong in it is not said of an override.
    settings = _checked(written, lambda name: place_of(text, name, where))
    return _checked({**written, **_overridden(overrides)}, _set) if overrides else settings


def apply_overrides(settings: Settings, overrides: Sequence[str]) -> Settings:
    """Return `settings` with each `name=value` applied; they are checked together, so their order does not matter.

    Raises:
        SettingsError: an override is malformed, names no setting or has a wrong value.
    """
    return _checked(_changed(settings, _overridden(overrides)), _set) if overrides else settings


def _overridden(overrides: Sequence[str]) -> dict[str, object]:
    values: dict[str, object] = {}
    typed = [split_override(override) for override in overrides]
    unknown = {
        name: unknown_key(f"--set {printable(name, 60)}", name) for name, _ in typed if not describe.is_setting(name)
    }
    if unknown:
        raise wrong_keys("--set", unknown)
    for name, text in typed:
        values[name] = as_value(describe.field(name), text.strip(), _set)
    return values


def _set(name: str) -> str:
    return f"--set {name}"


def with_value(settings: Settings, name: str, text: str) -> Settings:
    """Return `settings` with the typed `text` as the value of `name`.

    Another `behave_like` changes the values that stand at the default of the one before.

    Raises:
        SettingsError: the value is wrong or does not go with the others; its `where` is `name`.
    """
    if not describe.is_setting(name):
        raise unknown_key(name, name)
    return _checked(
        _changed(settings, {name: as_value(describe.field(name), text.strip(), lambda name: name)}), lambda _: name
    )


def with_values(settings: Settings, changes: Mapping[str, object]) -> Settings:
    """Return `settings` with exactly these values changed, checked together; another `behave_like` changes no others here.

    Args:
        settings: as they stand.
        changes: setting -> its new value.

    Raises:
        SettingsError: a value is wrong or does not go with the others; `where` is its name.
    """
    for name in changes:
        if not describe.is_setting(name):
            raise unknown_key(name, name)
    return _checked(settings.model_dump() | dict(changes), lambda name: name)


def _changed(settings: Settings, changes: Mapping[str, object]) -> dict[str, object]:
    """Return all values with some of them changed.

    With another trainer those at its predecessor's defaults go to its own; a default that follows from others follows them.
    """
    values = settings.model_dump()
    after = changes.get(SETTING, settings.behave_like)
    if not after or after in PROFILES:
        old, new = _defaults(settings.behave_like, values), _defaults(_key(after), values | dict(changes))
        for name, value in old.items():
            if values[name] == value:
                values[name] = new[name]
    return values | dict(changes)


def _defaults(behave_like: str | None, values: Mapping[str, object]) -> dict[str, object]:
    """Return the default of each setting beside these values."""
    return {info.name: info.default for info in describe.fields(behave_like)} | dict(
        dependent_defaults(behave_like, values)
    )


def _key(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def settings_toml(settings: Settings) -> str:
    """Return every setting as TOML, in tables by section; read back it gives equal settings.

    None is left out as a commented line, or written `""` where leaving it out would mean a default.
    """
    lines: list[str] = []
    for section in SECTIONS:
        lines += [f"[{section.lower()}]"]
        lines += [_line(settings, info) for info in describe.fields(settings.behave_like) if info.section == section]
        lines += [""]
    return "\n".join(lines).rstrip() + "\n"


def save_settings(settings: Settings, path: Path) -> None:
    """Write `settings` to `path`, atomically. An existing file keeps its comments, order and what did not change.

    Raises:
        SettingsError: the file cannot be written, or the file there now is not a settings file.
    """
    text = merged_toml(read_text(path), settings, printable(str(path))) if path.exists() else settings_toml(settings)
    save_text(text, path)


def merged_toml(text: str, settings: Settings, where: str) -> str:
    """Return the TOML `text` with only those values changed that differ from `settings`; comments and order stay.

    Raises:
        SettingsError: `text` is not a settings file; the error line starts with `where`.
    """
    import tomlkit  # noqa: PLC0415  # only what writes TOML waits for it

    before = parse_settings(text, where)
    document = tomlkit.parse(text)
    homes, defaults = dict(_homes(document)), _defaults(settings.behave_like, settings.model_dump())
    for info in describe.fields(settings.behave_like):
        value = getattr(settings, info.name)
        # What the file does not set will have the default of the trainer that it names in the end.
        if value == (getattr(before, info.name) if info.name in homes else defaults[info.name]):
            continue
        home = homes.get(info.name)
        if home is None:
            home = _section(document, info.section.lower())
        home[info.name] = tomlkit.value(value_toml(value))
    return tomlkit.dumps(document)


def refuse_existing(path: Path) -> None:
    """Refuse to write where a file is.

    Raises:
        SettingsError: something is there; the way out names a command's `--force`.
    """
    if path.exists():
        raise SettingsError(
            printable(str(path)),
            found="already exists",
            expected="a new file",
            way_out="choose another name, or add --force",
        )


def save_text(text: str, path: Path) -> None:
    """Write a TOML text to `path`, atomically.

    Raises:
        SettingsError: it cannot be written.
    """
    try:
        write_atomically(path, text.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise SettingsError(
            printable(str(path)),
            found=f"cannot hold {printable(error.object[error.start : error.end])}",
            expected="names in UTF-8",
            way_out="rename the folder",
        ) from None
    except OSError as error:
        raise SettingsError(
            printable(str(path)),
            found=f"cannot be written ({error.strerror})",
            way_out="save under another name or fix the folder's permissions",
        ) from error


def _flat(table: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for key, value in table.items():
        if isinstance(value, dict) and not describe.is_setting(key):
            yield from _flat(value)
        else:
            yield key, value


def _checked(values: Mapping[str, object], where: Callable[[str], str]) -> Settings:
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise refused_setting(error, where, values.get(SETTING)) from None


def _line(settings: Settings, info: describe.FieldInfo) -> str:
    value = getattr(settings, info.name)
    # With another trainer's defaults a blank is always written: they may be known better one day.
    if value is None and info.default is None and settings.behave_like is None:
        return f"# {info.name} ="
    return f"{info.name} = {value_toml(value)}"


def value_toml(value: object) -> str:
    """Return a setting's value as TOML writes it; blank as an empty text."""
    if value is None:
        return '""'
    if isinstance(value, float):
        text = describe.number_text(value)
        return text if "e" in text or "." in text else f"{text}.0"
    import tomlkit  # noqa: PLC0415

    return visible_toml(tomlkit.item(value).as_string())


def visible_toml(text: str) -> str:
    """Return TOML with the signs in its texts that nobody sees, such as a change of direction, as `\\uNNNN`."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() or sign in "\n\t" else f"\\U{ord(sign):08x}" for sign in text)


def _homes(table: MutableMapping[str, Any]) -> Iterator[tuple[str, MutableMapping[str, Any]]]:
    """Yield every setting's name with the table that holds it."""
    for key, value in table.items():
        if isinstance(value, dict) and not describe.is_setting(key):
            yield from _homes(value)
        else:
            yield key, table


def _section(document: "tomlkit.TOMLDocument", name: str) -> MutableMapping[str, Any]:
    """Return the table a new key belongs in: the section's, or the top where the file has no tables."""
    tables = [key for key, value in document.items() if isinstance(value, dict)]
    if not tables:
        return document
    if name not in tables:
        import tomlkit  # noqa: PLC0415

        document[name] = tomlkit.table()
    return cast("MutableMapping[str, Any]", document[name])
