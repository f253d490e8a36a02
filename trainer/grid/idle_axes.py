"""Notes on axes that change nothing, so that nobody reads something into their pictures."""

from collections.abc import Sequence

from trainer.errors import GridError
from trainer.families.registry import family_record
from trainer.grid.cell_draft import CellDraft
from trainer.grid.checks import BaseFacts, Checks
from trainer.grid.expanded_axis import ExpandedAxis
from trainer.text import plural, printable


def note_idle_axes(axes: Sequence[ExpandedAxis], drafts: Sequence[CellDraft], checks: Checks) -> None:
    """Note each axis that changes nothing.

    Args:
        axes: of the grid.
        drafts: its cells with the axes' values in them.
        checks: takes the notes.

    Raises:
        GridError: an axis switches a token that no prompt has.
    """
    bases = [checks.base_facts(name) for name in dict.fromkeys(draft.base for draft in drafts)]
    for axis in axes:
        if axis.kind.plain == "clip_skip" and not any(family_record(facts.base.family).clip_skip for facts in bases):
            title = family_record(bases[0].base.family).title
            checks.note(f"{axis.where} changes nothing: {title}'s layers are fixed")
        if axis.kind.plain in ("text_encoder_weight", "text_encoder_epoch"):
            _note_missing_encoder(axis, drafts, bases[0], checks)
        if axis.kind.plain == "token" and not all(draft.had_token for draft in drafts):
            _note_missing_token(axis, drafts, checks)


def _note_missing_encoder(axis: ExpandedAxis, drafts: Sequence[CellDraft], facts: BaseFacts, checks: Checks) -> None:
    index = axis.kind.lora - 1
    paths = {lora.path for draft in drafts for lora in draft.loras[index : index + 1] if lora.path}
    if paths and not any(checks.has_text_encoder(path, facts) for path in paths):
        checks.note(f"{axis.where} changes nothing: {printable(min(paths).name, 80)} has no text encoder layers")


def _note_missing_token(axis: ExpandedAxis, drafts: Sequence[CellDraft], checks: Checks) -> None:
    if not any(draft.had_token for draft in drafts):
        raise GridError(axis.where, found="the token is in no prompt", expected="a prompt with it", way_out="add it")
    prompts = {draft.prompt for draft in drafts if not draft.had_token}
    checks.note(f"{axis.where} changes nothing in {plural(len(prompts), 'prompt')} without the token")
