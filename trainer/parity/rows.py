"""The rows of the table: what is shown of a trainer, which settings decide it, and which of its rules."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from trainer.parity.columns import TrainerColumn
from trainer.plan.rate_lines import rate_pairs
from trainer.profiles.tally import LeftOut, Tally, rules_sentence
from trainer.settings.describe import number_text
from trainer.settings.model import Settings
from trainer.settings.parts import Family, Part, is_encoder, label_of, parts_of, settings_of_part
from trainer.text import plural, printable


@dataclass(frozen=True)
class CellContent:
    """What a cell shows.

    Attributes:
        text: of the cell.
        details: more lines.
        means: what two cells of the same text may still differ in, such as which pictures were counted.
    """

    text: str
    details: tuple[str, ...] = ()
    means: object = None

    def differs_from(self, other: "CellContent") -> bool:
        """Return whether the other says something else."""
        return (self.text, self.means) != (other.text, other.means)


@dataclass(frozen=True)
class RowRule:
    """One row before it is filled.

    Attributes:
        key: of the row.
        label: for people.
        content: what it shows of a column.
        settings: the settings that decide it, of a column's.
        rule: a trainer's own rule for it, one sentence without its stop, from its column and the first; None where settings alone
            decide.
    """

    key: str
    label: str
    content: Callable[[TrainerColumn], CellContent]
    settings: Callable[[Settings], tuple[str, ...]]
    rule: Callable[[TrainerColumn, TrainerColumn], str] | None = None


def _these(*names: str) -> Callable[[Settings], tuple[str, ...]]:
    return lambda settings: names


_BATCHES = ("train_batch_size", "gradient_accumulation_steps")
_LENGTH = (*_BATCHES, "max_train_epochs", "max_train_steps")
_BUCKETS = (
    "resolution",
    "enable_bucket",
    "min_bucket_reso",
    "max_bucket_reso",
    "bucket_reso_steps",
    "bucket_no_upscale",
)
OPTIONS_OF_RUN = frozenset((*_LENGTH, *_BUCKETS, "lr_warmup_steps", "lr_scheduler", "caption_extension"))
"""The settings of these rows that decide what a trainer counts and runs; the others decide rates and the like."""

# Buckets in a cell; the details have all.
_SHOWN_BUCKETS = 3


def rows_of(family: Family, *, regularisation: bool) -> tuple[RowRule, ...]:
    """Return the rows for bases of a family.

    Args:
        family: of the base.
        regularisation: whether there are regularisation pictures to show.
    """
    return tuple(_rows(family, regularisation))


def _rows(family: Family, regularisation: bool) -> Iterator[RowRule]:
    length = _these(*_LENGTH, *_BUCKETS)
    yield RowRule("pictures_counted", "pictures counted", _counted, _these(), _counting_rule)
    yield RowRule("pictures_trained", "pictures trained on", _loaded, _these(), _loading_rule)
    if regularisation:
        yield RowRule("regularisation", "regularisation / epoch", _regularisation, _these(), _loading_rule)
    yield RowRule("captions", "caption files found", _captions, _these("caption_extension"), _caption_rule)
    yield RowRule("buckets", "buckets", _buckets, _these(*_BUCKETS), _bucket_rule)
    yield RowRule("batch", "batch × accumulation", _batch, _these(*_BATCHES), _running_rule)
    yield RowRule("steps_shown", "steps shown", _steps_shown, length, _step_rule)
    yield RowRule("steps_run", "steps really run", _steps_run, length, _running_rule)
    yield RowRule("epochs", "epochs really run", _epochs, length, _running_rule)
    yield RowRule("warmup", "warm-up steps", _warmup, _these("lr_warmup_steps", "lr_scheduler", *_LENGTH), _warmup_rule)
    yield RowRule("schedule", "schedule", _schedule, _these("lr_scheduler", "lr_scheduler_num_cycles"), _schedule_rule)
    scale = ("network_alpha", "network_dim", "dim_from_weights")
    yield RowRule("scale", "alpha / dim", _scale, _these(*scale))
    for part in parts_of(family):
        yield RowRule(f"rate_{part}", f"{label_of(part)} rate", _rate(part), _rate_settings(part))
    for part in parts_of(family):
        yield RowRule(f"pair_{part}", f"{label_of(part)} pair", _pair(part, family), _pair_settings(part, scale))
    yield RowRule("optimizer", "optimizer", _optimizer, _these("optimizer_type", "optimizer_args"))
    yield RowRule("tokens", "caption tokens", _setting("max_token_length"), _these("max_token_length"))
    yield RowRule("clip_skip", "clip skip", _setting("clip_skip"), _these("clip_skip"))
    yield RowRule("precision", "mixed / save precision", _precision, _these("mixed_precision", "save_precision"))


# What the cells show.


def _counted(column: TrainerColumn) -> CellContent:
    return _tallied(column.run.counted, column.run.counted.reckoned)


def _loaded(column: TrainerColumn) -> CellContent:
    return _tallied(column.run.loaded, column.run.loaded.total)


def _tallied(found: Tally, total: int) -> CellContent:
    count = len(found.pictures)
    text = f"{count:,}" if total == count else f"{count:,} → {total:,}"
    return CellContent(text, _left_out_lines(found.left_out), found.often)


# The same tallies stand in several rows and columns.
@lru_cache(maxsize=64)
def _left_out_lines(left_out: tuple[LeftOut, ...]) -> tuple[str, ...]:
    return tuple(f"{printable(left.path)}: {printable(left.why)}" for left in left_out)


def _regularisation(column: TrainerColumn) -> CellContent:
    count, shown = len(column.run.loaded.regularisation), column.run.regularisation_shown
    return CellContent(f"{count:,}" if count == shown else f"{count:,} → {shown:,}")


def _captions(column: TrainerColumn) -> CellContent:
    run = column.run
    loaded = len(run.loaded.pictures) + len(run.loaded.regularisation)
    if not column.profile.engine.reads_captions:
        return CellContent("none are read")
    missing = _uncaptioned_lines(run.uncaptioned)
    return CellContent(f"{loaded - len(missing):,} of {loaded:,}", missing, missing)


@lru_cache(maxsize=64)
def _uncaptioned_lines(paths: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{printable(path)}: no caption file" for path in paths)


def _buckets(column: TrainerColumn) -> CellContent:
    found = sorted(column.run.buckets, key=lambda bucket: (-bucket.distinct, bucket.size))
    texts = [f"{bucket.size[0]}×{bucket.size[1]} ({bucket.distinct:,})" for bucket in found]
    more = " …" if len(texts) > _SHOWN_BUCKETS else ""
    lines = tuple(f"{bucket.size[0]}×{bucket.size[1]}: {plural(bucket.distinct, 'picture')}" for bucket in found)
    return CellContent(f"{len(found):,}: {' '.join(texts[:_SHOWN_BUCKETS])}{more}" if found else "0", lines, lines)


def _batch(column: TrainerColumn) -> CellContent:
    settings = column.settings
    accumulated = 1 if column.profile.engine.accumulation == "none" else settings.gradient_accumulation_steps
    return CellContent(f"{settings.train_batch_size} × {accumulated}")


def _steps_shown(column: TrainerColumn) -> CellContent:
    run = column.run
    return CellContent(f"{run.steps if run.steps_shown is None else run.steps_shown:,}")


def _steps_run(column: TrainerColumn) -> CellContent:
    return CellContent(f"{column.run.steps:,}")


def _epochs(column: TrainerColumn) -> CellContent:
    run = column.run
    whole = run.steps >= run.epochs * run.steps_per_epoch
    return CellContent(f"{run.epochs:,}" if whole else f"{run.epochs:,}, the last cut")


def _warmup(column: TrainerColumn) -> CellContent:
    return CellContent(f"{column.run.warmup:,}")


def _schedule(column: TrainerColumn) -> CellContent:
    name, cycles = column.settings.lr_scheduler, column.settings.lr_scheduler_num_cycles
    text = f"{name} ×{cycles}" if name == "cosine_with_restarts" else name
    run = column.run
    if run.steps and run.schedule_steps > run.steps and "constant" not in name:
        return CellContent(
            f"{text}, cut", (f"planned for {plural(run.schedule_steps, 'step')}, of which {run.steps:,} run",)
        )
    return CellContent(text)


def _scale(column: TrainerColumn) -> CellContent:
    settings = column.settings
    if settings.dim_from_weights:
        return CellContent("of the start LoRA")
    return CellContent(
        f"{_short(settings.alpha)} / {settings.network_dim} = {_short(settings.alpha / settings.network_dim)}"
    )


def _rate(part: Part) -> Callable[[TrainerColumn], CellContent]:
    def content(column: TrainerColumn) -> CellContent:
        rate = column.settings.rate(part)
        return CellContent(_short(rate) if rate else "does not train")

    return content


def _pair(part: Part, family: Family) -> Callable[[TrainerColumn], CellContent]:
    def content(column: TrainerColumn) -> CellContent:
        pairs = rate_pairs(column.settings, family)
        if part not in pairs:
            return CellContent("of the start LoRA" if column.settings.dim_from_weights else "does not train")
        return CellContent(f"{_short(pairs[part].down)} | {_short(pairs[part].up)}")

    return content


def _optimizer(column: TrainerColumn) -> CellContent:
    settings = column.settings
    return CellContent(" ".join((settings.optimizer_type, *settings.optimizer_args)))


def _precision(column: TrainerColumn) -> CellContent:
    return CellContent(f"{column.settings.mixed_precision} / {column.settings.save_precision}")


def _setting(name: str) -> Callable[[TrainerColumn], CellContent]:
    def content(column: TrainerColumn) -> CellContent:
        return CellContent(str(getattr(column.settings, name)))

    return content


# The trainers' rules for them, as their records say.


def _counting_rule(by: TrainerColumn, first: TrainerColumn) -> str:
    script = by.profile.steps
    return f"counts {rules_sentence(script.pictures)}; repeats: {script.repeats.sentence}"


def _loading_rule(by: TrainerColumn, first: TrainerColumn) -> str:
    engine = by.profile.engine
    return f"{engine.name} loads {rules_sentence(engine.pictures)}; repeats: {engine.repeats.sentence}"


def _caption_rule(by: TrainerColumn, first: TrainerColumn) -> str:
    engine = by.profile.engine
    if not engine.reads_captions:
        return engine.caption_sentence
    return "; ".join(filter(None, (_loading_rule(by, first), engine.caption_sentence)))


def _bucket_rule(by: TrainerColumn, first: TrainerColumn) -> str:
    return (
        f"{by.profile.engine.name} has buckets of its own" if by.profile.engine.bucket_of else _loading_rule(by, first)
    )


def _step_rule(by: TrainerColumn, first: TrainerColumn) -> str:
    return _running_rule(by, first) if by.run.steps_shown is None else by.profile.steps.sentence


def _running_rule(by: TrainerColumn, first: TrainerColumn) -> str:
    profile = by.profile
    if profile.steps.steps_passed:
        return profile.steps.sentence
    if profile.engine.counts_epochs and _shown(by) != _shown(first):
        return _loading_rule(by, first)
    small = any(bucket.distinct < by.settings.train_batch_size for bucket in by.run.buckets)
    accumulated = max(column.settings.gradient_accumulation_steps for column in (by, first))
    ways = profile.engine.ways(accumulated, small_buckets=small)
    return f"{profile.engine.name} {ways}" if ways else profile.steps.sentence


def _shown(column: TrainerColumn) -> tuple[int, int]:
    return column.run.loaded.total, column.run.regularisation_shown


def _warmup_rule(by: TrainerColumn, first: TrainerColumn) -> str:
    return by.profile.steps.warmup_sentence


def _schedule_rule(by: TrainerColumn, first: TrainerColumn) -> str:
    if by.profile.engine.schedule_times_accumulation:
        return "with gradient accumulation its schedule is planned for that many times the steps, so that only its first part runs"
    return "its schedule is planned for the steps that run"


def _rate_settings(part: Part) -> Callable[[Settings], tuple[str, ...]]:
    """Return the settings of a part's rate: those up to the first that is set, and the one that leaves the part out."""
    only = "network_train_unet_only" if is_encoder(part) else "network_train_text_encoder_only"
    chain = settings_of_part(part).rate

    def names(settings: Settings) -> tuple[str, ...]:
        blank = list(itertools.takewhile(lambda name: getattr(settings, name) is None, chain))
        return (*chain[: len(blank) + 1], only)

    return names


def _pair_settings(part: Part, scale: Sequence[str]) -> Callable[[Settings], tuple[str, ...]]:
    rates, ratios = _rate_settings(part), settings_of_part(part).loraplus_ratio
    return lambda settings: (*rates(settings), *ratios, *scale)


def _short(value: float) -> str:
    """Return a number in three digits, as it is typed."""
    return number_text(float(f"{value:.3g}"))


def shown_setting(settings: Settings, name: str) -> str:
    """Return a setting's value as text, `blank` for none."""
    value = getattr(settings, name)
    match value:
        case None | "":
            return "blank"
        case bool():
            return "yes" if value else "no"
        case float():
            return number_text(value)
        case list():
            return ", ".join(map(str, value)) or "blank"
    return str(value)
