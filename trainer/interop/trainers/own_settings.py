"""Our own settings files, read again: with the paths of another computer, or beside another trainer's file."""

from collections.abc import Mapping

from trainer.interop.option_list import OPTIONS
from trainer.interop.record import KeyRule, SourceDocument, TrainerFormat
from trainer.interop.trainers import sd_scripts
from trainer.settings.describe import fields

_OWN = frozenset(info.name for info in fields()) - OPTIONS.keys()


def recognises(document: SourceDocument) -> bool:
    """Return whether a document has a setting that sd-scripts lacks, and nothing but settings and its options."""
    if document.syntax not in ("toml", "variables"):
        return False
    names = {sd_scripts.own_name(key.key) for key in document.keys}
    return bool(names & _OWN) and names <= _OWN | OPTIONS.keys()


def _profile(values: Mapping[str, object]) -> str:
    # Where it is like another trainer, its own key says so.
    return ""


OWN_SETTINGS = TrainerFormat(
    key="lora-tui",
    title="lora-tui's own settings",
    recognises=recognises,
    rules=tuple(KeyRule(name, (name,)) for name in dict.fromkeys((*(info.name for info in fields()), *OPTIONS))),
    profile=_profile,
    unprefixed=sd_scripts.own_name,
)
