"""Notes of a grid over several bases: what each is, and where a LoRA was trained for another prediction."""

from collections.abc import Sequence
from pathlib import Path

from trainer.families.registry import family_record
from trainer.grid.cell_draft import CellDraft
from trainer.grid.checks import BaseFacts, Checks
from trainer.text import printable

_WORDS = {"epsilon": "the noise (epsilon)", "v": "the velocity (v)", "flow": "the velocity of a flow"}


def note_bases(drafts: Sequence[CellDraft], checks: Checks) -> None:
    """Note each base's family and what it predicts, where a grid has several; and in any grid each LoRA that was trained for another prediction.

    A LoRA of another family is refused by the checks themselves.

    Args:
        drafts: the grid's cells.
        checks: takes the notes.
    """
    bases = [checks.base_facts(name) for name in dict.fromkeys(draft.base for draft in drafts)]
    if len(bases) > 1:
        for facts in bases:
            checks.note(
                f"{_name(facts)}: {family_record(facts.base.family).title}, predicts {_WORDS[facts.prediction]}"
            )
    paths = dict.fromkeys(lora.path for draft in drafts for lora in draft.loras if lora.path)
    for path in paths:
        for facts in bases:
            _note_prediction(path, facts, checks)


def _note_prediction(path: Path, facts: BaseFacts, checks: Checks) -> None:
    if family_record(facts.base.family).prediction is not None:
        # All of its bases predict the same, whatever a file calls it.
        return
    trained = checks.trained_prediction(path)
    if trained is not None and trained != facts.prediction:
        checks.note(
            f"{printable(path.name, 80)} was trained on a base that predicts {_WORDS[trained]}, and {_name(facts)} predicts "
            f"{_WORDS[facts.prediction]}: what its pictures show there may be that alone"
        )


def _name(facts: BaseFacts) -> str:
    return printable(facts.base.name, 60)
