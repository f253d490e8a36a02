"""Changes to a prompt: search and replace, another order, the token removed, another outfit."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from trainer.prompts.attention import unescaped


class NotInPrompt(Exception):
    """The prompt lacks the text `word` that an axis acts on."""

    def __init__(self, word: str) -> None:
        self.word = word
        super().__init__(word)


def replaced(prompt: str, negative: str, search: str, other: str) -> tuple[str, str]:
    """Return both prompts with every `search` in them replaced by `other`, inside words too.

    Raises:
        NotInPrompt: it is in neither.
    """
    if not search or (search not in prompt and search not in negative):
        raise NotInPrompt(search)
    return prompt.replace(search, other), negative.replace(search, other)


def reordered(prompt: str, words: Sequence[str]) -> str:
    """Return the prompt with these words in this order, in the places of their first occurrences.

    Raises:
        NotInPrompt: one is missing, is in `words` twice, or is part of another.
    """
    places = sorted((prompt.find(word), word) for word in words)
    end = 0
    parts: list[str] = []
    for (start, old), new in zip(places, words, strict=True):
        if start < end or not old:
            raise NotInPrompt(old)
        parts += [prompt[end:start], new]
        end = start + len(old)
    return "".join(parts) + prompt[end:]


def without_token(prompt: str, token: str) -> str:
    """Return the prompt without the token, its weight's brackets and the comma beside it.

    Raises:
        NotInPrompt: the prompt lacks it.
    """

    def gap(match: re.Match[str]) -> str:
        inside_a_tag = not match["before"] and _sign_before(prompt, match.start()) not in ("", ",", "(", "[", "\n")
        return match["after"] if inside_a_tag else match["before"] and match["after"] and ", "

    changed, count = _token_pattern(token).subn(gap, prompt)
    if not count:
        raise NotInPrompt(token)
    return changed


def _sign_before(text: str, place: int) -> str:
    """Return the last sign before a place that is no blank, "" at the start."""
    while place > 0 and text[place - 1] == " ":
        place -= 1
    return text[place - 1 : place] if place else ""


def has_token(prompt: str, token: str) -> bool:
    """Return whether the prompt has the token as a separate word."""
    return _token_pattern(token).search(prompt) is not None


def with_outfit(prompt: str, words: str, outfits: Mapping[str, str], token: str) -> str:
    """Return the prompt in another outfit.

    The words of the outfit in it are replaced by `words`, whether they stand together or as separate tags; of several outfits
    in the prompt the longest is replaced. Without one, `words` come right after the token, and without a token at the end.

    Args:
        prompt: as it is.
        words: of the new outfit.
        outfits: name -> words, of every outfit.
        token: the subject's; "" for none.
    """
    for worn in sorted((text.strip() for text in outfits.values()), key=len, reverse=True):
        changed = _with_outfit_replaced(prompt, worn, words) if worn else None
        if changed is not None:
            return changed
    if token and (match := _token_pattern(token).search(prompt)):
        end = match.end("word")
        return f"{prompt[:end]}, {words}{prompt[end:]}"
    return f"{prompt.rstrip().rstrip(',')}, {words}" if prompt.strip() else words


def _with_outfit_replaced(prompt: str, worn: str, words: str) -> str | None:
    """Return the prompt with `words` in place of the outfit `worn`, None where it is not in the prompt."""
    whole = re.compile(rf"(?<!\w){_in_either_form(worn)}(?!\w)")
    if whole.search(prompt):
        return whole.sub(lambda match: words, prompt, count=1)
    tags = prompt.split(",")
    wanted = {unescaped(tag.strip()) for tag in worn.split(",") if tag.strip()}
    if not wanted <= {unescaped(tag.strip()) for tag in tags}:
        return None
    return ",".join(_replaced_tags(tags, wanted, words))


def _replaced_tags(tags: Iterable[str], worn: set[str], words: str) -> list[str]:
    """Return the tags without those of `worn` (without backslashes), with `words` in place of the first of them."""
    out: list[str] = []
    placed = False
    for tag in tags:
        if unescaped(tag.strip()) not in worn:
            out.append(tag)
        elif not placed:
            blank = tag[: len(tag) - len(tag.lstrip())]
            out.append(blank + words)
            placed = True
    return out


def _in_either_form(text: str) -> str:
    """Return a pattern for a text with its brackets escaped, as a prompt should have them, or plain, as captions do."""
    return "".join(rf"\\*{re.escape(sign)}" if sign in "()[]" else re.escape(sign) for sign in unescaped(text))


@lru_cache(maxsize=64)
def _token_pattern(token: str) -> re.Pattern[str]:
    """Return a pattern for the token as a word, in up to three pairs of brackets, with the commas on either side."""
    plain = _in_either_form(token)
    weight = r"(?:\s*:\s*[+-]?[\d.]+\s*)?"
    bracketed = "|".join(rf"\({{{deep}}}\s*{plain}{weight}\){{{deep}}}" for deep in (3, 2, 1))
    return re.compile(rf"(?P<before>(?:,\s*)?)(?P<word>{bracketed}|(?<!\w){plain}(?!\w))(?P<after>(?:\s*,\s*)?)")
