"""The files of a tagger on disk: found, read, and seen to belong together; nothing of the model is run."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath, PureWindowsPath

from trainer.errors import ModelError
from trainer.file_mark import mark_of
from trainer.tagger.input_rules import input_rules
from trainer.tagger.onnx_outline import OnnxOutline, OutlinedValue, read_outline
from trainer.tagger.record import Channels, OutputRules, Tagger
from trainer.tagger.selected_tags import read_tags
from trainer.text import plural, printable

MODEL, TAGS = "model.onnx", "selected_tags.csv"
"""What the files are called in the folders that they are published in."""

# What is passed on between the last operation and the output without changing a number.
_PASSING = {"Identity", "Cast", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Concat", "Slice"}
_PROBABILITIES = {"Sigmoid", "HardSigmoid", "Softmax"}
_SCORES = {"Gemm", "MatMul", "Add", "Conv", "LayerNormalization"}
# Raised where scores of the same files mean something else.
_VERSION = 1


def find_tagger(path: Path, tags_file: Path | None = None, *, channels: Channels | None = None) -> Tagger:
    """Return the tagger in a folder, or the one whose ONNX file is named, once everything of it was seen to fit.

    Args:
        path: a folder with `model.onnx` and `selected_tags.csv`, or an ONNX file.
        tags_file: the CSV file; None for `selected_tags.csv` beside the model.
        channels: order of the colours that the user names; None for what the files say.

    Raises:
        ModelError: a file is missing or broken, they do not belong together, or the model reads files outside its folder.
    """
    model = _model_in(path)
    tags_path = tags_file or model.with_name(TAGS)
    if not tags_path.is_file():
        raise ModelError(
            printable(str(model.parent)),
            found=f"no {TAGS} beside {printable(model.name, 60)}",
            expected="the CSV file that names the model's outputs",
            way_out="download it beside the model, or name it with --tags FILE",
        )
    outline = read_outline(model)
    _check_inside(model, outline.external)
    tags = read_tags(tags_path)
    output = _output(model, tags_path, outline, len(tags))
    rules = input_rules(model, outline)
    if channels is not None and channels != rules.channels:
        rules = replace(rules, channels=channels, reasons=(*rules.reasons, f"{channels}: as you say"))
    return Tagger(model, tags_path, tags, rules, output, _key(model, tags_path, rules, outline.external))


def _model_in(path: Path) -> Path:
    where = printable(str(path))
    try:
        if path.is_dir():
            named = path / MODEL
            if named.is_file():
                return named
            others = sorted(each.name for each in path.iterdir() if each.suffix.lower() == ".onnx")
            if len(others) == 1:
                return path / others[0]
            found = f"no {MODEL}" if not others else f"{len(others)} ONNX files, none of them called {MODEL}"
            raise ModelError(
                where, found=found, expected=f"a folder with {MODEL} and {TAGS}", way_out="name the file itself"
            )
        if path.is_file():
            return path
    except OSError as error:
        raise ModelError(where, found=f"cannot be read ({error.strerror})") from error
    raise ModelError(where, found="nothing there", expected=f"a folder with {MODEL} and {TAGS}, or an ONNX file")


def _check_inside(model: Path, places: Sequence[str]) -> None:
    """See that every file the weights are read from lies in the model's folder, and is there.

    Raises:
        ModelError: one does not.
    """
    home = Path(os.path.realpath(model.parent))
    for place in places:
        parts = (*PurePosixPath(place).parts, *PureWindowsPath(place).parts)
        plain = (
            place and "\0" not in place and not PurePosixPath(place).is_absolute() and not PureWindowsPath(place).drive
        )
        target = Path(os.path.realpath(home / place)) if plain and ".." not in parts else home
        if target == home or not target.is_relative_to(home):
            raise ModelError(
                printable(str(model)),
                found=f"weights outside its folder: {printable(place, 80) or 'a blank name'}",
                expected="weights in the file itself, or in a file beside it",
                way_out="do not use this file",
            )
        if not target.is_file():
            raise ModelError(
                printable(str(model)),
                found=f"its weights are in {printable(place, 80)}, which is missing",
                expected="that file beside it",
                way_out="download it too",
            )


def _output(model: Path, tags_path: Path, outline: OnnxOutline, tags: int) -> OutputRules:
    """Return which output has one number for each tag, and what these numbers are.

    Raises:
        ModelError: none has.
    """
    fitting = [each for each in outline.outputs if _size(each) == tags]
    open_ones = [each for each in outline.outputs if _size(each) is None]
    if not fitting and not open_ones:
        sizes = ", ".join(f"{_size(each):,}" for each in outline.outputs) or "none"
        raise ModelError(
            printable(str(tags_path)),
            found=f"{plural(tags, 'row')}, and {printable(model.name, 60)} has {sizes} outputs",
            expected="one row for each output",
            way_out=f"name the {TAGS} of this model",
        )
    kinds = {each.name: _last_operation(outline, each.name) for each in fitting or open_ones}
    # Of an output before and one behind the sigmoid, the one behind.
    name = next((name for name, kind in kinds.items() if kind in _PROBABILITIES), next(iter(kinds)))
    kind = kinds[name]
    if kind in _PROBABILITIES:
        return OutputRules(name, True, (f"probabilities: the model ends in {kind}",))
    if kind in _SCORES:
        return OutputRules(name, False, (f"logits: the model ends in {kind}",))
    return OutputRules(name, None, ("probabilities or logits: their values tell",))


def _size(value: OutlinedValue) -> int | None:
    """Return how many numbers an output has for each picture; None where that is open."""
    sizes = value.shape[1:]
    if not sizes or any(size is None for size in sizes):
        return None
    product = 1
    for size in sizes:
        product *= size or 1
    return product


def _last_operation(outline: OnnxOutline, output: str) -> str:
    """Return the last operation that changes the numbers of an output, "" where that is not plain."""
    made_by = {name: node for node in outline.nodes for name in node.outputs}
    name = output
    for _ in range(16):
        node = made_by.get(name)
        if node is None:
            return ""
        if node.operation not in _PASSING or (node.operation == "Concat" and len(node.inputs) > 1):
            return node.operation
        name = node.inputs[0] if node.inputs else ""
    return ""


def _key(model: Path, tags_path: Path, rules: object, external: Sequence[str]) -> str:
    files = [model, tags_path, *(model.parent / place for place in external)]
    try:
        marks = [repr(mark_of(path)) for path in files]
    except OSError as error:
        raise ModelError(printable(str(model)), found=f"cannot be read ({error.strerror})") from error
    return hashlib.sha256("\n".join((str(_VERSION), repr(rules), *marks)).encode("utf-8", "surrogatepass")).hexdigest()
