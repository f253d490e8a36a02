"""Readers of text take time in proportion to a line's length: a line twice as long takes about twice the time, never four times."""

import contextlib
import importlib
import pkgutil
import re
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import lora_tui
import trainer
from trainer.dataset.captions import deterministic_caption, shuffled_tags
from trainer.dataset.records import CaptionRules
from trainer.dataset.wildcards import draw_wildcards, has_choice
from trainer.errors import LoraTuiError
from trainer.exchange.cell_text import split_written_tags
from trainer.formats.infotext import parse_infotext
from trainer.formats.picture_recipe import recipe_of_text
from trainer.grid.axes import kind_named
from trainer.grid.epoch_labels import split_items
from trainer.grid.prompt_changes import NotInPrompt, has_token, with_outfit, without_token
from trainer.grid.prompt_labels import prompt_labels
from trainer.grid.value_grammar import decimals, permutations_of, texts, whole_numbers
from trainer.interop.documents import read_document
from trainer.prompts.attention import check, parse, unescaped
from trainer.prompts.clip_tokens import clip_tokens
from trainer.prompts.comments import without_comments
from trainer.prompts.lora_tags import split_tags
from trainer.settings import amounts
from trainer.settings.optimizers import check_argument, check_optimizer
from trainer.settings.toml_text import parse_toml
from trainer.text import printable, shortened
from trainer.text_encoding import decode_text

RULES = CaptionRules(wildcards=True)


def document(text: str) -> object:
    return read_document(text.encode("utf-8", "replace"), "a file")


READERS: dict[str, Callable[[str], object]] = {
    "attention": parse,
    "attention, checked": lambda text: check(text, "prompt"),
    "escapes": unescaped,
    "tokens": clip_tokens,
    "comments": without_comments,
    "LoRA tags": split_tags,
    "written LoRA tags": split_written_tags,
    "infotext": parse_infotext,
    "picture's text": recipe_of_text,
    "caption": lambda text: deterministic_caption(text, RULES),
    "tags": lambda text: shuffled_tags(text, RULES),
    "wildcards": lambda text: draw_wildcards(text, None),
    "choices": has_choice,
    "axis": kind_named,
    "items": lambda text: split_items(text, "axis"),
    "whole numbers": lambda text: whole_numbers(text, "axis"),
    "decimals": lambda text: decimals(text, "axis"),
    "texts": lambda text: texts(text, "axis"),
    "orders": lambda text: permutations_of(text, "axis"),
    "without a token": lambda text: without_token(text, "a"),
    "with a token": lambda text: has_token(text, "tok"),
    "outfit": lambda text: with_outfit(text, "coat", {"a": "dress, shoes"}, "tok"),
    "labels": lambda text: prompt_labels([text, f"{text}, b"]),
    "repeats": amounts.check_repeats,
    "amount": amounts.check_amount,
    "rules": amounts.check_rules,
    "resolution": amounts.check_resolution,
    "arguments": amounts.split_arguments,
    "optimizer": check_optimizer,
    "optimizer's argument": check_argument,
    "script's variable": lambda text: document(f"$is_random_seed = 0\n$ckpt = {text}\n"),
    "script's text": lambda text: document(f'$is_random_seed = 0\n$ckpt = "{text}"\n'),
    "script's command": lambda text: document(f"accelerate launch train_network.py --seed 1 {text}\n"),
    "bash command": lambda text: document(f"#!/bin/bash\nA={text}\ntrain_network.py --seed=1 $A\n"),
    "other trainer's JSON": lambda text: document(f'{{"training_method": "LORA", "model_type": {text}}}'),
    "other trainer's YAML": lambda text: document(f"train:\n  lr: 1\nmodel: {text}\n"),
    "TOML": lambda text: parse_toml(text, "a.toml"),
    "TOML value": lambda text: parse_toml(f"a = {text}", "a.toml"),
    "TOML text": lambda text: parse_toml(f'a = "{text}', "a.toml"),
    "printable": printable,
    "shortened": lambda text: shortened(text, 60),
    "UTF-16": lambda text: decode_text(text.encode("utf-16-le", "replace")),
    "legacy encoding": lambda text: decode_text(text.encode("cp1252", "replace") + b"\xff"),
}
# What a line is made of again and again: brackets that stay open, blanks before what does not come, signs that are doubled.
REPEATED = (
    "a",
    "a ",
    " ",
    "\t",
    "0",
    "0.",
    "a.",
    ",",
    ", ",
    "(1",
    "[a:",
    "\\(",
    "{a|",
    "}}",
    '"',
    '""',
    "<lora:",
    ":1",
    "=",
    "1,",
    "a: 1, ",
    "--a ",
)
LENGTH = 2_000


def seconds(reader: Callable[[str], object], text: str, times: int = 3) -> float:
    """Return the processor time of one reading, the shortest of three; what is refused took its time too."""
    found = []
    for _ in range(times):
        started = time.thread_time()
        with contextlib.suppress(LoraTuiError, NotInPrompt, ValueError):
            reader(text)
        found.append(time.thread_time() - started)
    return min(found)


def grows_too_fast(reader: Callable[[str], Any], piece: str, start: str) -> bool:
    once, twice = (f"{start}{piece * (length // len(piece))}!" for length in (2 * LENGTH, 4 * LENGTH))
    # What is over in no time is no trouble yet, and cannot be measured.
    if seconds(reader, twice, 1) < 0.004 or seconds(reader, twice) < 0.004:
        return False
    # Asked again: another program may have come between.
    return all(seconds(reader, twice) / seconds(reader, once) > 3 for _ in range(3))


@pytest.mark.parametrize("name", READERS)
def test_a_line_twice_as_long_takes_twice_the_time(name: str) -> None:
    slow = [piece for piece in REPEATED for start in ("", "a ") if grows_too_fast(READERS[name], piece, start)]
    assert slow == []


@pytest.mark.parametrize("text", ["a." * 5_000 + "b = 1", "[" + "a." * 5_000 + "b]", "x = {" + "a." * 5_000 + "b = 1}"])
def test_a_key_of_very_many_parts_is_refused_before_it_is_parsed(text: str) -> None:
    with pytest.raises(LoraTuiError, match=r"a\.toml line 2: a key of more than 1,000 parts"):
        parse_toml(f"y = 1\n{text}\n", "a.toml")


def test_a_prompt_has_the_weights_it_had() -> None:
    assert [
        (piece.text, round(piece.weight, 4)) for piece in parse(r"a (b [c] \(d\)) e:1 ((f") if hasattr(piece, "text")
    ] == [
        ("a ", 1.0),
        ("b ", 1.1),
        ("c", 1.0),
        (" (d)", 1.1),
        (" e:1 ", 1.0),
        ("f", 1.21),
    ]


def expressions() -> Iterator[tuple[str, re.Pattern[str], set[str]]]:
    """Yield every expression that a module of ours keeps under a name, with the methods that it is used by there."""
    for package in (trainer, lora_tui):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            path = Path(__file__).parents[2] / (found.name.replace(".", "/") + ".py")
            if (
                not path.is_file()
                or "re.compile" not in (source := path.read_text("utf-8"))
                or "import torch" in source
            ):
                continue
            for name, value in vars(importlib.import_module(found.name)).items():
                used = set(re.findall(rf"\b{re.escape(name)}\.(\w+)\(", source)) & {*_METHODS}
                if isinstance(value, re.Pattern) and isinstance(value.pattern, str) and used:
                    yield f"{found.name}.{name}", value, used


_METHODS: dict[str, Callable[[re.Pattern[str], str], object]] = {
    "search": lambda pattern, text: pattern.search(text),
    "match": lambda pattern, text: pattern.match(text),
    "fullmatch": lambda pattern, text: pattern.fullmatch(text),
    "finditer": lambda pattern, text: deque(pattern.finditer(text), maxlen=0),
    "findall": lambda pattern, text: pattern.findall(text),
    "sub": lambda pattern, text: pattern.sub("", text),
    "subn": lambda pattern, text: pattern.sub("", text),
    "split": lambda pattern, text: pattern.split(text),
}


@pytest.mark.long
def test_no_expression_takes_the_square_of_a_line_s_length() -> None:
    found = list(expressions())
    assert len(found) > 60
    slow = [
        (name, method, piece)
        for name, pattern, methods in found
        for method in sorted(methods)
        for piece in (*REPEATED, "_", "{", "[", "\n", "'")
        if grows_too_fast(partial(_METHODS[method], pattern), piece, "")
    ]
    assert slow == []
