"""Which bakes are twins: the same computation on the same data, but for random numbers."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cache

from trainer.dataset.manifest import FILE, read_manifest
from trainer.errors import LoraTuiError, WorkspaceError
from trainer.journal.deciding_marks import deciding_marks
from trainer.journal.family_records import BakeFamily, FamilySource, KinFamily
from trainer.journal.journal import Journal
from trainer.machine.card_lock import CPU
from trainer.settings.describe import fields
from trainer.settings.model import Settings
from trainer.settings.one_setting import Decides
from trainer.settings.parts import RATE_SETTINGS
from trainer.settings.random_numbers import RANDOM_SOURCES, SEEDS, RandomSource
from trainer.settings.toml_file import settings_toml

# As settings are kept, each stands on a line; one that is blank is a comment, or is not there.
_LINE = re.compile(r"^([a-z0-9_]+) = (.*)$", re.MULTILINE)
_DIGITS = 16


class Families:
    """The families of a journal's bakes. Rows that are missing are made when they are asked for.

    Args:
        journal: whose; where it cannot be written, what was made is kept here.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._made: dict[int, BakeFamily] = {}

    def of(self, bake: int) -> BakeFamily | None:
        """Return where a bake stands; None for a grid's job, and before its data are known."""
        self._make_missing(bake)
        found = self._made.get(bake) or self._journal.families.of(bake, made_by())
        return found if found is not None and found.family else None

    def members(self, family: str) -> list[BakeFamily]:
        """Return the bakes of a family, by number."""
        kept = {row.bake: row for row in self._journal.families.members(family, made_by())}
        kept |= {row.bake: row for row in self._made.values() if row.family == family}
        return [kept[bake] for bake in sorted(kept)]

    def of_planned(self, planned: BakeFamily, *, total_steps: int, steps_per_epoch: int) -> list[BakeFamily]:
        """Return the bakes that a planned one would be a twin of, or an exact repeat, by number.

        Args:
            planned: from family_of_planned.
            total_steps, steps_per_epoch: of its plan; only bakes of as many can be of its family.
        """
        self._make(self._journal.families.without_row(made_by(), length=(total_steps, steps_per_epoch)))
        return self.members(planned.family) if planned.family else []

    def kin(self, kin: str) -> list[KinFamily]:
        """Return the families of a kin that have bakes with different random numbers."""
        if not self._made:
            return self._journal.families.kin(kin, made_by())
        names = {row.family: row for row in self._made.values() if row.kin == kin}
        found = {each.family: each for each in self._journal.families.kin(kin, made_by())}
        for family in names.keys() - found.keys():
            members = self.members(family)
            if len({tuple(each.seeds.items()) for each in members}) > 1:
                found[family] = KinFamily(family=family, bake=members[0].bake, rates=members[0].rates)
        return sorted(found.values(), key=lambda each: each.bake)

    def _make_missing(self, bake: int) -> None:
        self._make(self._journal.families.without_row(made_by(), as_long_as=bake))

    def _make(self, found: Sequence[FamilySource]) -> None:
        rows = _rows(self._journal, [each for each in found if each.number not in self._made])
        if not rows:
            return
        try:
            self._journal.families.keep(rows)
        except WorkspaceError:
            # A comparison is no reason to fail where nothing can be written.
            self._made |= {row.bake: row for row in rows}


def make_rows(journal: Journal, most: int) -> int:
    """Make the rows of `most` bakes that have none, so that no comparison has to, and return how many there were.

    Raises:
        WorkspaceError: the journal cannot be written.
    """
    rows = _rows(journal, journal.families.without_row(made_by(), most=most))
    journal.families.keep(rows)
    return len(rows)


def _rows(journal: Journal, sources: Sequence[FamilySource]) -> list[BakeFamily]:
    data_marks: dict[bytes, tuple[str, bool]] = {}
    return [_row(journal, source, data_marks) for source in sources]


@cache
def made_by() -> str:
    """Return the mark of the rules that rows are made by: which settings decide, and our defaults."""
    rules = {info.name: str(info.decides) for info in fields()}
    return _mark([rules, _default_lines(), RATE_SETTINGS & rules.keys()])


def family_of_planned(settings_toml: str, manifest: bytes, *, device: str) -> BakeFamily:
    """Return where a bake would stand that starts afresh and of which nothing is changed while it runs; it has no number yet.

    Args:
        settings_toml: its settings in force, as the journal keeps them.
        manifest: the list of what it stands on.
        device: key of the GPU, `cpu` without one.
    """
    source = FamilySource(
        number=0,
        settings_toml=settings_toml,
        parent=None,
        starts_from="",
        device=device,
        total_steps=0,
        steps_per_epoch=0,
    )
    return _placed(source, manifest, (), {})


def _row(journal: Journal, source: FamilySource, data_marks: dict[bytes, tuple[str, bool]]) -> BakeFamily:
    """Return where a bake stands, from its settings as they are kept, its manifest, what was changed while it ran, and its start."""
    happened = (*_changes(journal, source.number), *_start(journal, source))
    return _placed(source, journal.results.manifest(source.number), happened, data_marks)


def _placed(
    source: FamilySource, blob: bytes | None, happened: Sequence[object], data_marks: dict[bytes, tuple[str, bool]]
) -> BakeFamily:
    number = source.number
    data, knows_models = _data_mark(blob, data_marks) if blob is not None else ("", False)
    if not data:
        return BakeFamily(bake=number, made_by=made_by())
    written = dict(_LINE.findall(source.settings_toml))
    lines = _deciding_lines(written, models_known=knows_models)
    seeds = {name: _seed(lines.pop(name, None)) for name in SEEDS}
    around = [data, source.device == CPU, *happened]
    for name in RATE_SETTINGS:
        lines.pop(name, None)
    rates = {name: written.get(name) or _default_lines().get(name, "") for name in sorted(RATE_SETTINGS)}
    return BakeFamily(
        bake=number,
        made_by=made_by(),
        family=_mark([lines, rates, around]),
        kin=_mark([lines, around]),
        seeds=_seeds_in_force(seeds, lines, source),
        rates={name: value for name, text in rates.items() if (value := _number(text)) is not None},
    )


def _deciding_lines(written: Mapping[str, str], *, models_known: bool) -> dict[str, str]:
    """Return setting -> TOML of its value, of what decides the result and is not our default.

    A path is left out where the manifest knows what lies there.
    """
    roles, defaults = _path_roles(), _default_lines()
    known = ("data", "weights") if models_known else ("data",)
    return {
        name: text
        for name, text in written.items()
        if name in roles and text != defaults.get(name) and roles[name] not in known
    }


@cache
def _path_roles() -> Mapping[str, str]:
    """Return what each setting that decides the result names: `data`, `weights`, or "" for no file."""
    return {info.name: info.path for info in fields() if info.decides is not Decides.NO}


@cache
def _default_lines() -> Mapping[str, str]:
    return dict(_LINE.findall(settings_toml(Settings())))


def _seed(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _seeds_in_force(
    seeds: Mapping[str, int | None], lines: Mapping[str, str], source: FamilySource
) -> dict[RandomSource, int]:
    whole = seeds["seed"]
    of_all = Settings().seed if whole is None else whole
    found = {each: own if (own := seeds[RANDOM_SOURCES[each].setting]) is not None else of_all for each in RandomSource}
    # A state, or a file with all its layers, is where the LoRA starts.
    if source.starts_from or "dim_from_weights" in lines:
        del found[RandomSource.INIT]
    return found


def _changes(journal: Journal, number: int) -> Iterator[object]:
    for mark in deciding_marks(journal.results.marks(number)):
        yield mark.step, mark.kind, mark.text


def _start(journal: Journal, source: FamilySource) -> Iterator[object]:
    """Yield where a bake started that did not start afresh: the bake that it was forked from, and its first step.

    A twin of a fork has that fork as its parent, and the same start.
    """
    if source.starts_from:
        parent, first = source.parent, journal.families.first_step(source.number)
        while parent is not None and (above := journal.bakes.find(parent)) is not None:
            if not above.starts_from or journal.families.first_step(parent) != first:
                break
            parent = above.parent
        yield parent, first


def _data_mark(blob: bytes, known: dict[bytes, tuple[str, bool]]) -> tuple[str, bool]:
    """Return a mark of what is trained on, "" for a damaged list, and whether it knows the models.

    What is kept out of training decides nothing of what comes out.
    """
    key = hashlib.sha256(blob).digest()
    if key not in known:
        try:
            manifest = read_manifest(blob, FILE)
        except LoraTuiError:
            known[key] = "", False
        else:
            models = {name: model.sha256 for name, model in manifest.models.items()}
            listed = [asdict(picture) for picture in manifest.pictures]
            known[key] = _mark([manifest.config, models, listed]), manifest.knows_models
    return known[key]


def _mark(content: object) -> str:
    text = json.dumps(content, sort_keys=True, default=sorted)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
