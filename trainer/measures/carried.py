"""Who carries a LoRA, in words with numbers: the text encoders, the rest, or both about alike."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from trainer.journal.measure_records import MeasuredValue
from trainer.measures.of_parts import ENCODERS, FOLDER_SCOPE, OUTFIT_SCOPE, OUTPUT_LEAD, OUTPUT_SHARE, OUTPUT_TOGETHER
from trainer.measures.part_groups import group_name, groups_of
from trainer.settings.parts import Part, all_parts, is_encoder, label_of
from trainer.text import plural

CARRIES = 1 / 3
"""How many shares of the whole change one side must be ahead to carry: where the two make all of it, two thirds to one."""

CARRIED_BY = (OUTPUT_SHARE, OUTPUT_LEAD, OUTPUT_TOGETHER)
"""Names of the measures that `carried` reads."""


class Carrier(StrEnum):
    """Who does most of what a LoRA changes."""

    ENCODERS = "encoders"
    REST = "rest"
    CLOSE = "close"
    """Neither is ahead by CARRIES, and the pictures are enough to say so."""
    OPEN = "open"
    """The interval reaches over a boundary: with these pictures it cannot be told."""


@dataclass(frozen=True)
class Carried:
    """Who carries a LoRA, after one step and on some pictures.

    Attributes:
        carrier: who.
        shares: part, the predicting one first -> share of the whole change that its LoRA makes alone.
        lead: share of the encoders less share of the rest.
        low, high: 95 % interval of the lead over the pictures.
        pictures: that it rests on.
        together: the share that only both make; None where it is not known.
    """

    carrier: Carrier
    shares: Mapping[Part, float]
    lead: float
    low: float | None
    high: float | None
    pictures: int
    together: float | None = None

    @property
    def words(self) -> str:
        """Who carries, in words with numbers: `the text encoder carries (TE 71 %, U-Net 22 %)`."""
        numbers = ", ".join(f"{short_label(part, self.shares)} {share:.0%}" for part, share in self._ranked())
        return f"{self.verdict} ({numbers.replace('%', ' %')})"

    @property
    def verdict(self) -> str:
        """The same without numbers."""
        rest, encoders = groups_of(list(self.shares))
        names = {Carrier.REST: f"the {label_of(rest[0])}", Carrier.ENCODERS: _encoders_label(encoders)}
        match self.carrier:
            case Carrier.CLOSE:
                return "close"
            case Carrier.OPEN:
                ahead = names[Carrier.ENCODERS if self.lead > 0 else Carrier.REST]
                return f"{ahead} ahead, but not clear on {plural(self.pictures, 'picture')}"
            case Carrier.ENCODERS if len(encoders) > 1:
                return f"{names[self.carrier]} carry"
            case _:
                return f"{names[self.carrier]} carries"

    @property
    def short_words(self) -> str:
        """Who carries, as short as a column has it: `TE carries`, `close`."""
        rest, encoders = groups_of(list(self.shares))
        match self.carrier:
            case Carrier.CLOSE | Carrier.OPEN:
                return "close" if self.carrier is Carrier.CLOSE else "not clear"
            case Carrier.REST:
                return f"{short_label(rest[0], self.shares)} carries"
            case _:
                return "TEs carry" if len(encoders) > 1 else "TE carries"

    @property
    def heading(self) -> str:
        """What `column` shows: `U-Net:TE`."""
        rest, encoders = groups_of(list(self.shares))
        return f"{short_label(rest[0], self.shares)}:{'TEs' if len(encoders) > 1 else 'TE'}"

    @property
    def column(self) -> str:
        """Shares of the rest and of the encoders as a column has them, in percent: `22:71`; `?` behind it where it is open."""
        rest, encoders = self._by_group()
        return f"{100 * rest:.0f}:{100 * encoders:.0f}{'?' if self.carrier is Carrier.OPEN else ''}"

    def _by_group(self) -> tuple[float, float]:
        """Return the shares of the rest and of the encoders; those of several encoders at once follow from the lead."""
        rest = sum(share for part, share in self.shares.items() if not is_encoder(part))
        return rest, rest + self.lead

    def _ranked(self) -> list[tuple[Part, float]]:
        return sorted(self.shares.items(), key=lambda each: -each[1])


def carrier_of(lead: float, low: float | None, high: float | None) -> Carrier:
    """Return who carries by the encoders' lead and its interval: nobody unless even the near end of the interval is beyond CARRIES.

    Args:
        lead: share of the encoders less share of the rest.
        low, high: its 95 % interval; None where too few pictures give none.
    """
    if low is None or high is None:
        return Carrier.OPEN
    if low > CARRIES:
        return Carrier.ENCODERS
    if high < -CARRIES:
        return Carrier.REST
    return Carrier.CLOSE if low >= -CARRIES and high <= CARRIES else Carrier.OPEN


def carried(values: Iterable[MeasuredValue], step: int, scope: str = "") -> Carried | None:
    """Return who carries a LoRA; None where it was not measured, changes nothing, or has one group of parts only.

    Args:
        values: of the bake; those of CARRIED_BY are enough.
        step: after which.
        scope: of which pictures, as the journal has it; "" for all.
    """
    here = [value for value in values if value.step == step and value.scope == scope]
    shares = {each.part: each.value for each in here if each.name == OUTPUT_SHARE and each.value is not None}
    lead = next((value for value in here if value.name == OUTPUT_LEAD), None)
    # A damaged row may name anything.
    parts = [part for part in shares if part in all_parts()]
    if lead is None or lead.value is None or len(groups_of(parts)) < 2:
        return None
    ordered = [part for group in groups_of(parts) for part in group]
    together = next((value.value for value in here if value.name == OUTPUT_TOGETHER), None)
    return Carried(
        carrier_of(lead.value, lead.low, lead.high),
        {part: shares[part] for part in ordered},
        lead.value,
        lead.low,
        lead.high,
        lead.count,
        together,
    )


def carried_by_step(values: Sequence[MeasuredValue], scope: str = "") -> dict[int, Carried]:
    """Return who carries after each step that it was measured after."""
    by_step: dict[int, list[MeasuredValue]] = {}
    for value in values:
        by_step.setdefault(value.step, []).append(value)
    found = {step: carried(here, step, scope) for step, here in by_step.items()}
    return {step: each for step, each in found.items() if each is not None}


def carried_by_scope(values: Sequence[MeasuredValue], step: int) -> dict[str, Carried]:
    """Return who carries on the pictures of each folder and each outfit: `folder 10_red`, `outfit beach` -> who."""
    scopes = dict.fromkeys(value.scope for value in values if value.step == step and value.name == OUTPUT_LEAD)
    wanted = [scope for scope in scopes if scope.startswith((FOLDER_SCOPE, OUTFIT_SCOPE))]
    return {scope: who for scope in wanted if (who := carried(values, step, scope)) is not None}


def short_label(part: Part, among: Iterable[Part]) -> str:
    """Return a part's name beside a number: `U-Net`, `TE`, `TE1` and `TE2` where there are several encoders, `TEs` for all of these."""
    if part == ENCODERS:
        return "TEs"
    if not is_encoder(part):
        return label_of(part)
    encoders = [each for each in among if each != ENCODERS and is_encoder(each)]
    return "TE" if len(encoders) < 2 else f"TE{encoders.index(part) + 1}"


def _encoders_label(encoders: Sequence[Part]) -> str:
    return f"the {label_of(encoders[0])}" if group_name(encoders) != ENCODERS else "the text encoders"
