"""The caption of a picture for one step, drawn by the caption rules."""

import random

from trainer.dataset.records import CaptionRules, Picture
from trainer.dataset.wildcards import draw_wildcards, has_choice
from trainer.settings.amounts import steps_of


def caption_for(picture: Picture, *, seed: int, epoch: int, occurrence: int, step: int, total_steps: int) -> str:
    """Return the caption of a picture for one time it is shown, everything done in sd-scripts' order.

    Prefix and suffix; no words at all; wildcards and one of several lines; then, where tags are shuffled, dropped or warmed
    up: parted by commas, the kept ones apart, cut to the warm-up's length, shuffled, dropped, joined by `, ` whatever stood
    between them; at last the secondary separator becomes a comma.

    Args:
        picture: its caption and rules.
        seed: the bake's, for its order.
        epoch: its number, from 0.
        occurrence: how often it was shown before in the epoch; each time has its own draws.
        step: the step it is for, from 1.
        total_steps: steps of the bake; a warm-up may be a share of them.
    """
    rules = picture.caption_rules
    occasion = f"{seed} {epoch} {occurrence}"
    if _is_dropped(rules, epoch, occasion):
        return ""
    text = _with_prefix_and_suffix(picture.caption, rules)
    if rules.wildcards:
        draws = random.Random(f"caption wildcard {occasion}")
        text = draw_wildcards(draws.choice(text.split("\n")), draws)
    else:
        text = text.partition("\n")[0]
    if _splits_tags(rules):
        text = _rearranged(text, rules, occasion, step - 1, steps_of(rules.warmup_step, total_steps))
    return _with_commas(text, rules)


def fixed_caption(picture: Picture) -> str | None:
    """Return the caption that a picture has every time it is shown, None where it varies."""
    rules = picture.caption_rules
    if rules.dropout_rate >= 1 or rules.dropout_every_n_epochs == 1:
        return ""
    text = _with_prefix_and_suffix(picture.caption, rules)
    if rules.wildcards:
        if len(set(text.split("\n"))) > 1 or has_choice(text):
            return None
        text = draw_wildcards(text, None)
    text = text.partition("\n")[0]
    if _splits_tags(rules):
        _, loose, _ = _split_tags(text, rules)
        if _varies(rules, loose):
            return None
        text = _rearranged(text, rules, "", 0, 0)
    text = _with_commas(text, rules)
    may_be_dropped = rules.dropout_rate > 0 or rules.dropout_every_n_epochs > 0
    return None if may_be_dropped and text else text


def deterministic_caption(text: str, rules: CaptionRules) -> str:
    """Return a caption without random choices: its first line, the first of each wildcard, every tag in its place.

    Args:
        text: the caption.
        rules: the rules for captions in training.
    """
    text = text.partition("\n")[0]
    text = _with_prefix_and_suffix(draw_wildcards(text, None) if rules.wildcards else text, rules)
    if _splits_tags(rules) and rules.keep_separator and rules.keep_separator in text:
        kept, loose, behind = _split_tags(text, rules)
        text = ", ".join(kept + loose + behind)
    return _with_commas(text, rules)


def complete_caption(line: str, rules: CaptionRules) -> str:
    """Return the most that a caption may say at once: every tag in its place, the first of each wildcard, nothing left out.

    Args:
        line: the caption's only line, or one of several.
        rules: of the caption.
    """
    text = _with_prefix_and_suffix(draw_wildcards(line, None) if rules.wildcards else line, rules)
    if _splits_tags(rules):
        kept, loose, behind = _split_tags(text, rules)
        text = ", ".join(kept + loose + behind)
    return _with_commas(text, rules)


def shuffled_tags(line: str, rules: CaptionRules) -> tuple[list[str], list[str], list[str]] | None:
    """Return the tags in front, those that change places and those behind, None where all stay in place; as complete_caption."""
    if not rules.shuffle:
        return None
    text = _with_prefix_and_suffix(draw_wildcards(line, None) if rules.wildcards else line, rules)
    kept, loose, behind = ([_with_commas(tag, rules) for tag in tags] for tags in _split_tags(text, rules))
    return (kept, loose, behind) if len(set(loose)) > 1 else None


def _with_prefix_and_suffix(text: str, rules: CaptionRules) -> str:
    """Put prefix and suffix around `text`; of several lines only the first gets the one and the last the other, as in sd-scripts."""
    if rules.prefix:
        text = f"{rules.prefix} {text}"
    return f"{text} {rules.suffix}" if rules.suffix else text


def _is_dropped(rules: CaptionRules, epoch: int, occasion: str) -> bool:
    # sd-scripts counts epochs from 1 here.
    if rules.dropout_every_n_epochs and (epoch + 1) % rules.dropout_every_n_epochs == 0:
        return True
    return rules.dropout_rate > 0 and random.Random(f"caption dropout {occasion}").random() < rules.dropout_rate


def _splits_tags(rules: CaptionRules) -> bool:
    """Return whether a caption is split into tags; otherwise it stays as it was written, separators included."""
    return rules.shuffle or rules.tag_dropout_rate > 0 or rules.warmup_step != "0"


def _varies(rules: CaptionRules, loose: list[str]) -> bool:
    """Return whether the tags that are not kept may vary."""
    shuffled = rules.shuffle and len(set(loose)) > 1
    cut = rules.warmup_step != "0" and len(loose) > rules.warmup_min
    return shuffled or cut or (0 < rules.tag_dropout_rate < 1 and bool(loose))


def _rearranged(text: str, rules: CaptionRules, occasion: str, done: int, warmup: int) -> str:
    """Return `text` with its tags cut, shuffled and dropped after `done` of `warmup` steps.

    Each chance has draws of its own, so that switching one on leaves the others as they were.
    """
    kept, loose, behind = _split_tags(text, rules)
    if done < warmup:
        loose = loose[: done * (len(loose) - rules.warmup_min) // warmup + rules.warmup_min]
    if rules.shuffle:
        random.Random(f"caption {occasion}").shuffle(loose)
    if rules.tag_dropout_rate > 0:
        draws = random.Random(f"caption tags {occasion}")
        loose = [tag for tag in loose if draws.random() >= rules.tag_dropout_rate]
    return ", ".join(kept + loose + behind)


def _split_tags(text: str, rules: CaptionRules) -> tuple[list[str], list[str], list[str]]:
    """Return the tags that stay in front, those that may change, those that stay behind."""
    if rules.keep_separator and rules.keep_separator in text:
        front, _, rest = text.partition(rules.keep_separator)
        middle, _, behind = rest.partition(rules.keep_separator)
        return _tags(front), _tags(middle), _tags(behind)
    tags = _tags(text)
    return tags[: rules.keep_tokens], tags[rules.keep_tokens :], []


def _tags(text: str) -> list[str]:
    # sd-scripts keeps blank tags (`a,,b`) as places where no separator parts the kept ones; they teach nothing.
    return [tag for tag in (part.strip() for part in text.split(",")) if tag]


def _with_commas(text: str, rules: CaptionRules) -> str:
    return text.replace(rules.secondary_separator, ",") if rules.secondary_separator else text
