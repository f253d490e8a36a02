"""Anima's tokenizers: one for the words that Qwen3 reads, one for the tokens that the conditioner asks about."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from transformers import Qwen2Tokenizer

from trainer.errors import ModelError
from trainer.families.anima.files.tokenizer_files import WANTED, TokenizerKind, tokenizer_files
from trainer.text import printable

_T5_END = 1


@dataclass(frozen=True)
class TokenizerPair:
    """Both tokenizers.

    Attributes:
        qwen: Qwen3's byte-level pieces.
        t5: T5's unigrams, whose texts end with </s>.
    """

    qwen: Any
    t5: Any

    def words(self, pieces: Sequence[str]) -> list[int]:
        """Return Qwen3's tokens of a text in pieces, each read alone; nothing stands before or behind them."""
        return [token for piece in pieces for token in self.qwen.encode(piece).ids]

    def queries(self, pieces: Sequence[str]) -> tuple[list[int], list[int]]:
        """Return T5's tokens of the same, with its end behind the last one, and of each the number of its piece, -1 for the end."""
        found: list[int] = []
        of_piece: list[int] = []
        for number, piece in enumerate(pieces):
            tokens = self.t5.encode(piece, add_special_tokens=False).ids
            found += tokens
            of_piece += [number] * len(tokens)
        return [*found, _T5_END], [*of_piece, -1]


def read_tokenizers(qwen: Path, t5: Path) -> TokenizerPair:
    """Return the tokenizers at these places, as files.tokenizer_files takes them.

    Raises:
        ModelError: one is missing or cannot be read.
    """
    return TokenizerPair(_read(qwen, "qwen3_tokenizer"), _read(t5, "t5_tokenizer_path"))


def _read(place: Path, kind: TokenizerKind) -> Any:
    files = tokenizer_files(place, kind)
    try:
        if files.whole is not None:
            found = Tokenizer.from_file(str(files.whole))
        else:
            # How a text falls into the parts that become pieces is the class's own, not in the files.
            found = Qwen2Tokenizer(str(files.vocabulary), str(files.merges)).backend_tokenizer
    # The libraries raise what they like.
    except Exception as error:
        reason = printable(" ".join(str(error).split()), 300)
        raise ModelError(printable(str(place)), found=f"cannot be read: {reason}", expected=WANTED[kind]) from error
    # What a program left in the file when it saved it; captions are cut by nobody.
    found.no_truncation()
    found.no_padding()
    return found
