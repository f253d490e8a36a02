"""Files and pastes of other trainers, parsed by their syntax alone and recognised by their content.

Nothing in them is run, and nothing that they name is opened.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from trainer.errors import SettingsError
from trainer.formats.comfy_graph import read_comfy_graph
from trainer.formats.infotext import Infotext, parse_infotext
from trainer.formats.picture_recipe import recipe_of
from trainer.formats.picture_text import read_texts
from trainer.interop.lora_facts import lora_document, with_tensors
from trainer.interop.record import SourceDocument, SourceKey
from trainer.interop.syntax.json_text import looks_like_json, parse_json
from trainer.interop.syntax.pasted_commands import plain_commands
from trainer.interop.syntax.shell import (
    Script,
    looks_like_script,
    parse_script,
    refuse_no_options,
    set_in_blocks,
)
from trainer.interop.syntax.shell_command import Command, has_command
from trainer.interop.syntax.toml_values import KEY, parse_foreign_toml
from trainer.interop.syntax.tree import MAX_KEYS, known_lines, leaves, too_many_keys
from trainer.interop.syntax.yaml_text import parse_yaml, yaml_keys
from trainer.models.adapter_config import lora_file
from trainer.models.identify import refuse_pickle
from trainer.regular_file import open_regular, read_regular
from trainer.text import printable
from trainer.text_encoding import UndecodableText, decode_text

MAX_BYTES = 2**20
"""Of a JSON text. The longest that a trainer writes, with all its prompts, have a tenth of that; ComfyUI's workflows half."""

MAX_PLAIN = 2**19
"""Characters of a text that is no JSON."""

EXPECTED = "a trainer's settings: TOML, JSON, YAML, a script or its command line, a picture's infotext, or a LoRA file"
"""What can be read, in words."""

# Prompts of some thousand words, and the fields of some extensions.
_MAX_INFOTEXT = 2**17
# Options that one variable is said to be given to.
_MAX_USERS = 50
_PYTHON = re.compile(
    r"^(?:(?:from[ \t]+[\w.]+[ \t]+)?import[ \t]+\w|"
    r"(?:def|class|if|for|with|while)[ \t][^\n]{0,200}:[ \t]*$|(?:try|else)[ \t]*:[ \t]*$)",
    re.MULTILINE | re.ASCII,
)
# A notebook's command, and the settings of Easy Training Scripts in its program.
_READ_IN_PYTHON = re.compile(r"^[ \t]*(?:![^\n]{0,400}train|self\.\w+[ \t]*[:=])", re.MULTILINE | re.ASCII)
_FENCE = re.compile(r"^[ \t]*```\w*[ \t]*$", re.MULTILINE)
_TOML_KEY = re.compile(r"\s*(?:\[{1,2}[\w.\" -]+\]{1,2}\s*(?:#.*)?$|[\w.\"'-]{1,200}\s*=(?!=))", re.ASCII)
_PEFT = "adapter_config.json"


def open_document(path: Path) -> SourceDocument:
    """Return the document in a file, in a LoRA file's header, or in a folder of PEFT's.

    Raises:
        SettingsError: it cannot be read, is too large, or is nothing that is known.
        ModelError: it is a damaged .safetensors file.
        GridError: it is a picture without a recipe.
    """
    where = printable(str(path))
    try:
        folder = os.path.abspath(path if path.is_dir() else path.parent)
        if path.is_dir():
            return replace(_peft_folder(path, where), folder=folder)
        if _is_safetensors(path):
            return replace(lora_document(path, where), folder=folder)
        if _is_picture(path):
            return replace(_of_picture(path, where), folder=folder)
        refuse_pickle(path, EXPECTED)
        raw = read_regular(path, MAX_BYTES)
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        raise SettingsError(
            where,
            found="no such file" if missing else f"cannot be read ({error.strerror})",
            expected=EXPECTED,
            way_out="check the path" if missing else "",
        ) from None
    return replace(read_document(raw, where), folder=folder)


def read_document(raw: bytes, where: str) -> SourceDocument:
    """Return the document in the bytes of a text.

    Args:
        raw: in UTF-8, or in any Unicode encoding with a byte order mark.
        where: how an error names it.

    Raises:
        SettingsError: it is too large, no text, broken, or nothing that is known; names the line where there is one.
    """
    if len(raw) > MAX_BYTES:
        raise SettingsError(where, found=f"{len(raw):,} bytes", expected=f"at most {MAX_BYTES:,}, {EXPECTED}")
    try:
        text = decode_text(raw)
    except UndecodableText as error:
        raise SettingsError(where, found=error.found, expected=EXPECTED, way_out=error.way_out) from None
    text = _FENCE.sub("", _unquoted(text.replace("\r\n", "\n").replace("\r", "\n")))
    if not text.strip():
        raise SettingsError(where, found="nothing in it", expected=EXPECTED)
    return _of_text(text, where)


def _unquoted(text: str) -> str:
    """Return a text without the signs of a quotation, where all of its lines have them."""
    lines = text.split("\n")
    quoted = all(line.startswith(">") for line in lines if line.strip())
    return "\n".join(line[1:].removeprefix(" ") for line in lines) if quoted else text


def _of_text(text: str, where: str) -> SourceDocument:
    if looks_like_json(text):
        return _of_json(text, where)
    if len(text) > MAX_PLAIN:
        raise SettingsError(where, found=f"{len(text):,} characters", expected=f"at most {MAX_PLAIN:,}, {EXPECTED}")
    _refuse_python(text, where)
    text = plain_commands(text)
    if has_command(text) or (not _is_config(text) and looks_like_script(text)):
        return _of_script(parse_script(text, where), where)
    if len(text) <= _MAX_INFOTEXT and "Steps" in parse_infotext(text).fields:
        return _of_infotext(text, where)
    if text.lstrip().startswith("["):
        return _of_toml(text, where)
    if any(True for _ in yaml_keys(text)) and not any(_TOML_KEY.match(line) for line in text.split("\n")):
        tree, lines, repeated = parse_yaml(text, where)
        return SourceDocument(where, "yaml", _replaced(repeated) + leaves(tree, lines, where), tree)
    if _is_config(text):
        return _of_toml(text, where)
    raise SettingsError(where, found="nothing that is known", expected=EXPECTED)


def _refuse_python(text: str, where: str) -> None:
    """Refuse a program in Python, also in a cell of a notebook: its settings are worked out when it runs.

    Raises:
        SettingsError: it is one, and holds neither a command of a notebook nor settings.
    """
    if _PYTHON.search(text) and not _READ_IN_PYTHON.search(text) and "\nSteps: " not in text:
        raise SettingsError(
            where,
            found="a program in Python, whose settings are made when it runs",
            expected=EXPECTED,
            way_out="name the config that it writes, or paste the command that it prints",
        )


def _is_config(text: str) -> bool:
    """Return whether the first line that says something is TOML's: scripts begin with other words."""
    for line in text.split("\n"):
        plain = line.strip()
        if plain and not plain.startswith("#"):
            return bool(_TOML_KEY.match(line))
    return False


def _of_toml(text: str, where: str) -> SourceDocument:
    if text.count("\n") > MAX_KEYS and text.count("=") > MAX_KEYS:
        raise too_many_keys(f"{where} line {MAX_KEYS + 1}")
    tree = parse_foreign_toml(text, where)
    return SourceDocument(where, "toml", leaves(tree, known_lines(text, KEY), where), tree)


def _of_json(text: str, where: str) -> SourceDocument:
    tree, lines, repeated = parse_json(text, where)
    if len(repeated) > MAX_KEYS:
        raise too_many_keys(where)
    if "nbformat" in tree:
        raise SettingsError(
            where,
            found="a notebook",
            expected=EXPECTED,
            way_out="paste the cell that starts the training: lora-tui import -",
        )
    if (graph := _comfy_graph(tree)) is not None:
        return _of_comfy(graph, where)
    keys = leaves(tree, lines, where)
    return SourceDocument(where, "json", _replaced(repeated) + keys, tree)


def _replaced(repeated: Sequence[tuple[str, object]]) -> tuple[SourceKey, ...]:
    return tuple(SourceKey(key, value, replaced=True) for key, value in repeated)


def _comfy_graph(tree: Mapping[str, object]) -> Mapping[str, object] | None:
    """Return ComfyUI's nodes in a JSON table, also inside a request to its API; None where it is something else."""
    for table in (tree, tree.get("prompt")):
        if not isinstance(table, Mapping) or not table:
            continue
        nodes = [node for node in table.values() if isinstance(node, Mapping) and "class_type" in node]
        as_saved = isinstance(table.get("nodes"), list) and isinstance(table.get("links"), list)
        if as_saved or len(nodes) == len(table):
            return table
    return None


def _of_comfy(graph: Mapping[str, object], where: str) -> SourceDocument:
    """Return what a ComfyUI workflow says of a picture, in its words.

    Raises:
        SettingsError: it samples nothing, or is as ComfyUI's editor saves it.
    """
    sampling = read_comfy_graph(graph)
    if sampling is None and "nodes" in graph:
        raise SettingsError(
            where,
            found="a ComfyUI workflow as its editor saves it, whose values have no names",
            expected="the workflow in the API's form, or a picture's infotext",
            way_out="in ComfyUI: Workflow, Export (API)",
        )
    if sampling is None:
        raise SettingsError(
            where,
            found="a ComfyUI workflow without a sampling that can be read",
            expected="a sampler with its model and prompts",
        )
    values: dict[str, object] = {f"ComfyUI {name}": value for name, value in sampling.values.items()}
    return SourceDocument(where, "infotext", tuple(SourceKey(key, value) for key, value in values.items()), values)


def _is_picture(path: Path) -> bool:
    with open_regular(path) as file:
        start = file.read(12)
    return start.startswith((b"\x89PNG", b"\xff\xd8\xff")) or (start[:4] == b"RIFF" and start[8:] == b"WEBP")


def _of_picture(path: Path, where: str) -> SourceDocument:
    """Return the recipe in a picture's metadata."""
    return _of_recipe(recipe_of(read_texts(path), where).info, where)


def _of_infotext(text: str, where: str) -> SourceDocument:
    return _of_recipe(parse_infotext(text), where)


def _of_recipe(info: Infotext, where: str) -> SourceDocument:
    values: dict[str, object] = {"Prompt": info.prompt, "Negative prompt": info.negative_prompt, **info.fields}
    keys = tuple(SourceKey(key, value) for key, value in values.items() if value != "")
    return SourceDocument(where, "infotext", keys, values)


def _of_script(script: Script, where: str) -> SourceDocument:
    """Return a script's first command with its variables as `$name`, or the variables alone where it has none."""
    values: dict[str, object] = {}
    keys: list[SourceKey] = []
    if not script.commands:
        if not script.assignments:
            raise refuse_no_options(where)
        for each in script.assignments:
            keys.append(SourceKey(each.name, each.value, each.line))
            values[each.name] = each.value
        return SourceDocument(where, "variables", tuple(keys), values)
    command = _first_command(script)
    for each in script.assignments:
        keys.append(SourceKey(f"${each.name}", each.value, each.line))
        values[f"${each.name}"] = each.value
    for flag in command.launcher:
        keys.append(SourceKey(f"launcher.{flag.name}", flag.value, flag.line))
        values[f"launcher.{flag.name}"] = flag.value
    for flag in command.flags:
        keys.append(SourceKey(flag.name, flag.value, flag.line))
        values[flag.name] = flag.value
    used: dict[str, list[str]] = {}
    for flag in command.flags:
        for name in flag.variables:
            used.setdefault(name.casefold(), []).append(flag.name)
    _pass_on(script, used)
    count = sum(1 for each in script.commands if each.script) if command.script else 1
    notes = {"": command.script, "commands": count, "used": used, "blocks": set_in_blocks(script)}
    return SourceDocument(where, "command", tuple(keys), values | {"(script)": notes})


def _pass_on(script: Script, used: dict[str, list[str]]) -> None:
    """Add to the options that variables are given to those of the variables whose values they are part of."""
    for name, parts in reversed(script.passed_on.items()):
        users = used.get(name, [])[:_MAX_USERS]
        for part in parts if users else ():
            known = used.setdefault(part.casefold(), [])
            known += [user for user in users if user not in known]


def _first_command(script: Script) -> Command:
    """Return the first command of a script; lines of nothing but options are one together where no program stands."""
    first = next((each for each in script.commands if each.script), script.commands[0])
    if first.script:
        return first
    return replace(first, flags=tuple(flag for each in script.commands if not each.script for flag in each.flags))


def _is_safetensors(path: Path) -> bool:
    with open_regular(path) as file:
        start = file.read(9)
        size = os.fstat(file.fileno()).st_size
    # Eight bytes of length, then JSON; a text has no zero byte among its first eight.
    return len(start) == 9 and start[8:] == b"{" and 0 in start[:8] and size > 9


def _peft_folder(path: Path, where: str) -> SourceDocument:
    """Return PEFT's configuration in a folder with what its tensors tell, or a LoRA that lies in it alone."""
    config, weights = path / _PEFT, lora_file(path)
    if not config.is_file():
        if weights.is_dir():
            raise SettingsError(where, found="a folder", expected=f"{EXPECTED}, or a folder with {_PEFT}")
        return lora_document(weights, where)
    document = replace(read_document(read_regular(config, MAX_BYTES), f"{where}/{_PEFT}"), syntax="peft")
    return document if weights.is_dir() else with_tensors(document, weights)
