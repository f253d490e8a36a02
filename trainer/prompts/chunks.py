"""How does a weighted prompt longer than CLIP reads lie in chunks of 75 tokens? As in the webui: words are not torn from their comma."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from trainer.prompts.attention import Break, PromptPiece

CHUNK = 75
"""Tokens of text in a chunk; BOS and EOS come around them."""

BACKTRACK = 20
"""How far behind its last comma a full chunk is still cut there (the webui's comma_padding_backtrack)."""


@dataclass(frozen=True)
class Chunk:
    """What is encoded at once.

    Attributes:
        tokens: at most 75, without BOS, EOS and padding.
        weights: one for each token.
    """

    tokens: tuple[int, ...] = ()
    weights: tuple[float, ...] = ()


def chunk(pieces: Iterable[PromptPiece | Break], words: Callable[[str], list[int]], comma: int) -> tuple[Chunk, ...]:
    """Return the prompt's tokens in chunks, at least one.

    A chunk is cut when a 76th token comes: behind its last comma if that is among its last 20 tokens, and the comma stays;
    else at 75. A Break ends the chunk as it is, an empty one too. Each piece is tokenized alone.

    Args:
        pieces: from attention.parse.
        words: text -> token numbers, without BOS and EOS.
        comma: the number of the token `,`.
    """
    done: list[Chunk] = []
    row: list[tuple[int, float]] = []
    last_comma: int | None = None

    def close(length: int) -> None:
        """End the chunk after `length` tokens; the next one begins with the others."""
        nonlocal row, last_comma
        done.append(Chunk(tuple(token for token, _ in row[:length]), tuple(weight for _, weight in row[:length])))
        row, last_comma = row[length:], None

    for piece in pieces:
        if isinstance(piece, Break):
            close(len(row))
            continue
        for token in words(piece.text):
            if len(row) == CHUNK:
                # A comma that comes as the 76th opens the next chunk; nothing is torn by it.
                torn = token != comma and last_comma is not None and CHUNK - last_comma <= BACKTRACK
                close(last_comma + 1 if torn and last_comma is not None else CHUNK)
            if token == comma:
                last_comma = len(row)
            row.append((token, piece.weight))
    if row or not done:
        close(len(row))
    return tuple(done)
