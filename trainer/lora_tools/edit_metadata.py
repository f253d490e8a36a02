"""Metadata of a LoRA file changed: keys set and removed, paths taken out, hashes computed again; the tensors keep their bytes."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from trainer.atomic_file import atomic_path
from trainer.errors import SettingsError
from trainer.formats.safetensors_bytes import TensorBytes
from trainer.formats.safetensors_header import Header, read_header
from trainer.formats.safetensors_stream import (
    LEGACY_END,
    TensorStream,
    canonical_order,
    entries_of,
    legacy_hash,
    start_as_hashed,
)
from trainer.lora_tools.copy_modules import copied_bytes
from trainer.lora_tools.made_lora import BenchStopped, Output, Progress, no_progress, unwritten
from trainer.models.adapter_config import config_beside, lora_file
from trainer.text import plural, printable, whole_letters

HASHES = ("sshs_model_hash", "sshs_legacy_hash")
"""The keys of the hashes that tools find a LoRA by."""

_MAX_TEXT = 10 * 2**20
# What stands in a name of a path within other text: a blank ends it there.
_NAME = r"[\w.@+%()\[\]&#=!{}$-]+"
_WINDOWS = r"(?:[^\\/\n\"'<>|:*?]+[\\/]+)*[^\s\\/\"'<>|:*?,;]*"
# What a path starts with that is not in the folder where one happens to be: a URL of files, a home folder, a drive, the network.
_START = r"(?:(?:file|smb|s?ftp|nfs|afp|ssh)://|~[\w.-]*/|/[\w.@+-]|//[\w.-]|\.{1,2}[\\/]+\w|\$\{?\w+\}?/|%\w+%\\|[A-Za-z]:[\\/]|\\\\[\w.-])"
# A path of two names or more in quotes, blanks and all; a URL of files; a path of Unix of two names or more, or from the home folder,
# a variable or the folder above; one of Windows, whose folders may have blanks in their names; one of a network. What follows a blank
# may be words elsewhere.
_IN_TEXT = re.compile(
    rf"(?<=\"){_START}[^\\/\"\n]*[\\/][^\"\n]*(?=\")|(?<='){_START}[^\\/'\n]*[\\/][^'\n]*(?=')"
    r"|(?:file|smb|s?ftp|nfs|afp|ssh)://[^\s\"'<>|]+"
    rf"|(?<![\w./\\~:])//[\w.-]+(?:/{_NAME})+/?"
    rf"|(?<![\w./\\~])(?:~[\w.-]*|\.{{1,2}}|\$\{{?\w+\}}?|/[\w.@+-]+)(?:/{_NAME})+/?"
    rf"|(?<![\w./\\~])(?:\.{{1,2}}\\+|%\w+%\\+){_WINDOWS}"
    rf"|(?<!\w)[A-Za-z]:[\\/]+{_WINDOWS}"
    rf"|(?<![\w\\])\\\\[\w.?-]+\\+(?:[A-Za-z]:\\+)?{_WINDOWS}"
)
# A text that is one as a whole, blanks in its names and all.
_WHOLE = re.compile(
    r"(?:file|smb|s?ftp|nfs|afp|ssh)://.+|(?:~[\w.-]*|\.{1,2}|\$\{?\w+\}?|//?[\w.@+-][\w.@+ -]*)(?:/[^/\n]+)+/?|/[\w.@+-]+\.\w{1,12}"
    r"|(?:[A-Za-z]:|\.{1,2}|%\w+%)[\\/][^\n]*|\\\\[\w.?-]+\\[^\n]+"
)
_PARTING = re.compile(r"[\\/]+")


@dataclass(frozen=True)
class EditedLora:
    """A file that was written with other metadata.

    Attributes:
        path: of the file.
        size: bytes.
        changed: keys that were set, changed or removed.
        notes: what else the user should know.
    """

    path: Path
    size: int
    changed: tuple[str, ...]
    notes: tuple[str, ...] = ()


def read_metadata(path: Path) -> dict[str, str]:
    """Return the metadata of a safetensors file.

    Args:
        path: the file, or the folder of PEFT or diffusers that holds it.

    Raises:
        ModelError: it is none.
    """
    return dict(read_header(lora_file(path)).metadata)


def edited(metadata: Mapping[str, str], put: Mapping[str, str], removed: tuple[str, ...] = ()) -> dict[str, str]:
    """Return metadata with some keys set and some removed.

    Raises:
        SettingsError: a key to remove is not there, a key is blank or that of a hash, or a text is too long or no UTF-8.
    """
    for key, text in put.items():
        if not key.strip() or key in HASHES:
            raise SettingsError(
                "metadata",
                found=f"a value for `{printable(key, 60)}`",
                expected="a key" if not key.strip() else "any other key: hashes are computed",
            )
        if whole_letters(key + text) != key + text:
            raise SettingsError(
                f"metadata {printable(key, 60)}", found=f"`{printable(text, 60)}`", expected="text in UTF-8"
            )
        if len(text) > _MAX_TEXT:
            raise SettingsError(
                f"metadata {printable(key, 60)}", found=f"{len(text):,} characters", expected=f"at most {_MAX_TEXT:,}"
            )
    if missing := [key for key in removed if key not in metadata]:
        known = ", ".join(printable(key, 40) for key in metadata)
        raise SettingsError(
            "metadata",
            found=f"no key `{printable(missing[0], 60)}`",
            expected=f"one of {known}" if known else "a file with metadata",
        )
    return {key: text for key, text in {**metadata, **put}.items() if key not in removed}


def without_paths(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return metadata in which every path is no more than its last name, whatever program wrote the key.

    A text that is JSON is searched value by value, keys included; what is not changed keeps its very characters.
    """
    return {key: _without_paths(text) for key, text in metadata.items()}


def write_metadata(
    path: Path,
    metadata: Mapping[str, str],
    output: Output,
    *,
    progress: Progress = no_progress,
    stop: Callable[[], bool] = lambda: False,
) -> EditedLora:
    """Write a LoRA file with other metadata, its hashes computed from its tensors.

    Args:
        path: the file, or the folder of PEFT or diffusers that holds it.
        metadata: all of them; what they say of hashes is put right.
        output: where to; its type and alphas have no effect. The file itself may be replaced.
        progress, stop: as write_lora has them.

    Raises:
        ModelError: it is no safetensors file.
        WorkspaceError, DiskFull: the new one cannot be written.
        BenchStopped: `stop` became true.
    """
    source = lora_file(path)
    header = read_header(source)
    output.check()
    # In safetensors' own order, in which sd-scripts takes the hashes; so they are those of the file as it lies, too.
    entries = entries_of(header)
    texts = {key: text for key, text in metadata.items() if key not in HASHES}
    # Room for the hashes, which are always of one length.
    planned = {**texts, "sshs_model_hash": "0" * 64, "sshs_legacy_hash": "0" * 8}
    try:
        with ExitStack() as closing:
            content = closing.enter_context(TensorBytes(source, header))
            beside = closing.enter_context(atomic_path(output.path))
            stream = closing.enter_context(TensorStream(beside, entries, planned))
            for number, (key, dtype, shape) in enumerate(entries):
                if stop():
                    raise BenchStopped
                progress(number, len(entries))
                stream.add(key, dtype, shape, copied_bytes(content, header, key))
            made = {**texts, **stream.hashes(texts)}
            stream.finish(made)
        size = output.path.stat().st_size
    except OSError as error:
        raise unwritten(output.path, error) from error
    progress(len(entries), len(entries))
    before = header.metadata
    changed = sorted(key for key in {*before, *made} if before.get(key) != made.get(key))
    beside_it = config_beside(source)
    notes = [] if beside_it is None else [f"alphas are in {beside_it.name} beside the file, and not in the new one"]
    return EditedLora(output.path, size, tuple(changed), tuple(notes))


def tensor_hashes(path: Path, header: Header) -> tuple[str, str]:
    """Return the sha256 of a file's tensors: as they lie in it, as webuis hash it; and in safetensors' own order, as sd-scripts does.

    Raises:
        ModelError: it cannot be read.
    """
    lies = sorted(header.spans, key=lambda key: header.spans[key])
    own = sorted(header.spans, key=lambda key: canonical_order(key, header.dtypes[key]))
    with TensorBytes(path, header) as content:
        first = _digest(content, header, lies)
        # Files of that library need one pass.
        return first, first if lies == own else _digest(content, header, own)


def short_hash(path: Path, header: Header) -> str:
    """Return the old short hash of a file's tensors and its `ss_*` texts, as sd-scripts takes it.

    Raises:
        ModelError: it cannot be read.
    """
    start = bytearray(start_as_hashed(header, header.metadata))
    with TensorBytes(path, header) as content:
        for key, _, _ in entries_of(header):
            for piece in copied_bytes(content, header, key):
                start += piece
            if len(start) >= LEGACY_END:
                break
    return legacy_hash(bytes(start))


def _digest(content: TensorBytes, header: Header, keys: list[str]) -> str:
    digest = hashlib.sha256()
    for key in keys:
        for piece in copied_bytes(content, header, key):
            digest.update(piece)
    return digest.hexdigest()


def _without_paths(text: str) -> str:
    try:
        value = json.loads(text) if text[:1] in '[{"' else None
    except (ValueError, RecursionError):
        value = None
    if value is None:
        return _shortened(text)
    try:
        changed = _in_json(value)
    except RecursionError:
        return _shortened(text)
    return text if changed == value else json.dumps(changed, ensure_ascii=False)


def _in_json(value: object) -> object:
    match value:
        case str():
            # A program's settings may be JSON in a text of JSON.
            return _without_paths(value)
        case list():
            return [_in_json(each) for each in value]
        case dict():
            return {_shortened(str(key)): _in_json(each) for key, each in value.items()}
        case _:
            return value


def _shortened(text: str) -> str:
    if _WHOLE.fullmatch(text.strip()):
        return _last_name(text.strip())
    return _IN_TEXT.sub(lambda match: _last_name(match[0]), text)


def _last_name(path: str) -> str:
    names = [name for name in _PARTING.split(path) if name]
    # A drive alone says nothing, and a home folder is called as its owner is.
    is_home = len(names) > 1 and names[-2].lower() in ("home", "users")
    return names[-1] if names and not is_home and not re.fullmatch(r".*:|~.*|\.+|\$.*|%.*%", names[-1]) else "…"


def path_words(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """Return which keys lost paths, in words."""
    keys = [key for key, text in before.items() if after.get(key) != text and key not in HASHES]
    if not keys:
        return "no path was in it"
    return f"paths shortened in {plural(len(keys), 'key')}: {', '.join(printable(key, 60) for key in keys)}"
