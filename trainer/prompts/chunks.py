"""Chunks of 75 tokens of a weighted prompt, cut at commas as in the webui."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from trainer.prompts.attention import Break, PromptPiece

CHUNK = 75
"""Tokens of text in a chunk; BOS and EOS come around them."""

BACKTRACK = 20
"""Tokens after its last comma within which a full chunk is still cut there (the webui's comma_padding_backtrack)."""


@dataclass(frozen=True)
class Chunk:
    """Tokens that are encoded together.

    Attributes:
        tokens: at most 75, without BOS, EOS and padding.
        weights: one for each token.
    """

    tokens: tuple[int, ...] = ()
    weights: tuple[float, ...] = ()


def chunk(pieces: Iterable[PromptPiece | Break], tokenize: Callable[[str], list[int]], comma: int) -> tuple[Chunk, ...]:
    """Return the prompt's tokens in chunks, at least one.

    A chunk is cut when a 76th token comes: after its last comma if that is among its last 20 tokens, else at 75. A Break ends
    the chunk, even an empty one. Each piece is tokenized separately.

    Args:
        pieces: from attention.parse.
        tokenize: text -> token numbers, without BOS and EOS.
        comma: the number of the token `,`.
    """
    done: list[Chunk] = []
    row: list[tuple[int, float]] = []
    last_comma: int | None = None

    def close(length: int) -> None:
        """End the chunk after `length` tokens; the others go to the next one."""
        nonlocal row, last_comma
        done.append(Chunk(tuple(token for token, _ in row[:length]), tuple(weight for _, weight in row[:length])))
        row, last_comma = row[length:], None

    for piece in pieces:
        if isinstance(piece, Break):
            close(len(row))
            continue
        for token in tokenize(piece.text):
            if len(row) == CHUNK:
                # A comma that comes as the 76th starts the next chunk.
                at_comma = token != comma and last_comma is not None and CHUNK - last_comma <= BACKTRACK
                close(last_comma + 1 if at_comma and last_comma is not None else CHUNK)
            if token == comma:
                last_comma = len(row)
            row.append((token, piece.weight))
    if row or not done:
        close(len(row))
    return tuple(done)
