"""Anima's tokenizers: one for the words that Qwen3 reads, one for the tokens that the conditioner asks about."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from transformers import Qwen2Tokenizer

from trainer.errors import ModelError
from trainer.families.anima.files.shipped_tokenizers import QWEN_SPECIAL, SHIPPED_TOKENS, qwen_pieces, t5_table
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


def read_tokenizers(qwen: Path | None, t5: Path | None) -> TokenizerPair:
    """Return the tokenizers at these places, as files.tokenizer_files takes them; None for the one that comes with the program.

    Raises:
        ModelError: one is missing or cannot be read.
    """
    return TokenizerPair(
        _qwen(*qwen_pieces()) if qwen is None else _read(qwen, "qwen3_tokenizer"),
        Tokenizer.from_str(t5_table()) if t5 is None else _read(t5, "t5_tokenizer_path"),
    )


def _qwen(vocabulary: str | dict[str, int], merges: str | list[tuple[str, str]]) -> Any:
    """Return a tokenizer by its pieces or the file of them, and its merges or theirs."""
    # How a text falls into the parts that become pieces is the class's own, not in the files.
    found = Qwen2Tokenizer(vocabulary, merges).backend_tokenizer
    # Nor do they name special tokens: those of Qwen3 follow its pieces.
    if found.token_to_id(QWEN_SPECIAL[0]) == SHIPPED_TOKENS["qwen3_tokenizer"] - len(QWEN_SPECIAL):
        found.add_special_tokens(list(QWEN_SPECIAL))
    return found


def _read(place: Path, kind: TokenizerKind) -> Any:
    files = tokenizer_files(place, kind)
    try:
        if files.whole is not None:
            found = Tokenizer.from_file(str(files.whole))
        else:
            found = _qwen(str(files.vocabulary), str(files.merges))
    # The libraries raise what they like.
    except Exception as error:
        reason = printable(" ".join(str(error).split()), 300)
        raise ModelError(printable(str(place)), found=f"cannot be read: {reason}", expected=WANTED[kind]) from error
    # What a program left in the file when it saved it; captions are cut by nobody.
    found.no_truncation()
    found.no_padding()
    return found
