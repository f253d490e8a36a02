"""Every symptom, by its key."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from types import MappingProxyType

from trainer.advice.of_all import SYMPTOMS_OF_ALL
from trainer.advice.of_body import SYMPTOMS_OF_BODY
from trainer.advice.of_encoder import SYMPTOMS_OF_ENCODER
from trainer.advice.record import Symptom
from trainer.doneness.record import LaneKind
from trainer.errors import SettingsError
from trainer.settings.parts import Part, is_encoder

SYMPTOMS: Mapping[str, Symptom] = MappingProxyType(
    {each.key: each for each in (*SYMPTOMS_OF_ENCODER, *SYMPTOMS_OF_BODY, *SYMPTOMS_OF_ALL)}
)
"""Key -> symptom, in the order in which they are shown."""


def symptoms_named(keys: Iterable[str]) -> tuple[Symptom, ...]:
    """Return the symptoms of these keys, each once, in the order in which they are shown.

    Raises:
        SettingsError: there is no symptom of a key.
    """
    wanted = list(keys)
    for key in wanted:
        if key not in SYMPTOMS:
            near = get_close_matches(key, SYMPTOMS, n=1, cutoff=0.5)
            raise SettingsError(
                "--symptom",
                found=key,
                expected=f"a symptom's key{f', such as {near[0]}' if near else ''}",
                way_out="`lora-tui advise N --list` lists them",
            )
    return tuple(symptom for key, symptom in SYMPTOMS.items() if key in wanted)


def kind_of(part: Part) -> LaneKind:
    """Return what kind of part it is."""
    return LaneKind.ENCODER if is_encoder(part) else LaneKind.BODY


def why_not(symptom: Symptom, parts: Sequence[Part]) -> str:
    """Return why a symptom does not apply where these parts train, "" where it does."""
    if symptom.part is None or any(kind_of(part) is symptom.part for part in parts):
        return ""
    return _NONE_TRAINS[symptom.part]


_NONE_TRAINS = {
    LaneKind.ENCODER: "no text encoder trains in this bake",
    LaneKind.BODY: "the part that predicts does not train in this bake",
}
