"""Tokenizers of bases: a diffusers folder's own, CLIP's for a single file; free of torch."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from trainer.errors import ModelError
from trainer.file_mark import FileMark, mark_of
from trainer.prompts.clip_tokens import END, START, BytePairTokenizer, clip_tokenizer, clip_vocabulary
from trainer.regular_file import open_regular
from trainer.text import printable

# CLIP's tokenizer.json has 3.6 MB; embeddings added to it are words.
_MAX_BYTES = 64 * 2**20
_NAMES = ("tokenizer.json", "vocab.json", "merges.txt", "added_tokens.json")


def tokenizer_in_folder(folder: Path) -> BytePairTokenizer:
    """Return the tokenizer in `folder`: tokenizer.json, or vocab.json and merges.txt.

    One with CLIP's vocabulary is CLIP's own, whatever else it says, so that folder and single file of one model read a
    caption alike; see clip_tokenizer of `!`. Unchanged files are read once.

    Raises:
        ModelError: they cannot be read, or hold no tokenizer of CLIP's kind.
    """
    return FolderTokens.of(folder).tokenizer()


@dataclass(frozen=True)
class FolderTokens:
    """What reads captions as the base in a folder does: text -> numbers of its tokens.

    Equal ones read alike, so that what they found of a caption can be kept; the files are looked at once and not for each caption.
    """

    folder: Path
    marks: tuple[FileMark, ...]

    @classmethod
    def of(cls, folder: Path) -> "FolderTokens":
        """Return that of the tokenizer in `folder`, as its files are now.

        Raises:
            ModelError: they cannot be looked at.
        """
        try:
            return cls(folder, tuple(mark_of(folder / name) for name in _NAMES if (folder / name).is_file()))
        except OSError as error:
            raise _unreadable(folder, error) from error

    def __call__(self, text: str) -> list[int]:
        """Return the numbers of the tokens of `text`; as `tokenizer` for errors."""
        return self.tokenizer().tokens(text)

    def tokenizer(self) -> BytePairTokenizer:
        """Return the tokenizer, as tokenizer_in_folder."""
        try:
            return _read(self.folder, self.marks)
        except (OSError, ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
            raise _unreadable(self.folder, error) from error


def _unreadable(folder: Path, error: Exception) -> ModelError:
    reason = printable(" ".join(str(error).split()), 300) or type(error).__name__
    return ModelError(printable(str(folder)), found=f"cannot be read: {reason}", expected="CLIP's tokenizer")


@lru_cache(maxsize=8)
def _read(folder: Path, _marks: tuple[FileMark, ...]) -> BytePairTokenizer:
    whole = folder / "tokenizer.json"
    if whole.is_file():
        table = _json(whole)
        vocabulary, merges = table["model"]["vocab"], table["model"]["merges"]
        added = {each["content"]: each["id"] for each in table.get("added_tokens", ())}
    else:
        vocabulary, merges = _json(folder / "vocab.json"), _text(folder / "merges.txt").splitlines()
        added = _json(folder / "added_tokens.json") if (folder / "added_tokens.json").is_file() else {}
    numbers = {str(token): int(number) for token, number in vocabulary.items()}
    own = {str(token): int(number) for token, number in added.items()}
    # The two around a text may stand among the added ones alone. An added one that is a letter of the vocabulary stays a letter.
    numbers |= {token: own[token] for token in (START, END) if token in own and token not in numbers}
    if numbers == clip_vocabulary()[0] and own.keys() <= numbers.keys():
        return clip_tokenizer()
    return BytePairTokenizer(numbers, list(_pairs(merges)), {key: own[key] for key in own if key not in numbers})


def _pairs(merges: Iterable[Any]) -> Iterable[tuple[str, str]]:
    """Yield the merges, which are `a b` or `["a", "b"]`, without the heading of merges.txt."""
    for merge in merges:
        parts = merge.split(" ") if isinstance(merge, str) else merge
        if len(parts) == 2 and parts[0] != "#version:":
            yield str(parts[0]), str(parts[1])


def _json(path: Path) -> Any:
    return json.loads(_text(path))


def _text(path: Path) -> str:
    with open_regular(path) as file:
        content = file.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise ValueError(f"{path.name} is larger than {_MAX_BYTES:,} bytes")
    return content.decode("utf-8")
