"""A bake that behaves like another trainer: the numbers that this one computes, and what is said of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from trainer.dataset.batches import batches_per_epoch, instances
from trainer.dataset.buckets import placement_of, placements_of
from trainer.dataset.records import DataSet
from trainer.errors import SettingsError
from trainer.profiles.record import Counted, DerivedOption, TrainerProfile
from trainer.profiles.run import run_length, script_batches
from trainer.settings.amounts import is_share
from trainer.settings.describe import field, fields, shown_value
from trainer.settings.model import Settings
from trainer.settings.profile_defaults import SETTING, imitated
from trainer.settings.toml_file import with_values
from trainer.text import plural, printable

_NAMED = 6


@dataclass(frozen=True)
class Imitation:
    """Settings in force of a bake that behaves like another trainer.

    Attributes:
        settings: with the numbers that the trainer computes written out: behind them everything counts as always, and put in
            force once more they stay as they are.
        lines: what it does and why, one line each; none where the bake behaves like ours.
    """

    settings: Settings
    lines: tuple[str, ...] = ()


def imitate(settings: Settings, data: DataSet) -> Imitation:
    """Return the settings in force, with the steps and the warm-up that the trainer computes which `behave_like` names.

    Args:
        settings: as they were set, every path filled in.
        data: the pictures, read by the rules of that trainer.

    Raises:
        SettingsError: the trainer would stop, or train nothing.
    """
    profile = imitated(settings.behave_like)
    if profile is None:
        return Imitation(settings)
    return _Imitation(profile, settings, data).put_in_force()


class _Imitation:
    """The work of putting settings in force as one trainer would."""

    def __init__(self, profile: TrainerProfile, settings: Settings, data: DataSet) -> None:
        self._profile, self._data, self._asked = profile, data, settings
        self._passed: tuple[DerivedOption, ...] = profile.derived(settings.model_dump(), _stated(settings))
        if profile.engine.accumulation == "none" and settings.gradient_accumulation_steps > 1:
            why = "it accumulates no gradients"
            self._passed = (*self._passed, DerivedOption("gradient_accumulation_steps", 1, why))
        self._settings = with_values(settings, {each.name: each.value for each in self._passed})
        self._options = self._settings.model_dump()
        if refused := profile.refused(self._options):
            raise SettingsError(
                ", ".join(refused.names),
                found=refused.why,
                expected=f"what {profile.title} takes",
                way_out="set one of them, or leave behave_like blank",
            )
        self._batches = batches_per_epoch(data, placements_of(data))

    def put_in_force(self) -> Imitation:
        """Return the settings in force."""
        if not self._batches:
            raise self._no_batch()
        if self._settings.train_minutes is not None:
            # Once their number is fixed, settings with steps come here, and get its warm-up.
            return Imitation(self._settings, tuple(self._lines(self._settings, None)))
        computed = self._computed()
        passed = computed if self._profile.steps.steps_passed else None
        steps = run_length(self._profile.engine, self._options, self._batches, passed).steps
        if steps < 1:
            raise self._no_steps(steps)
        changes: dict[str, object] = {}
        if passed is not None or steps != _own_steps(self._settings, self._batches):
            changes = {"max_train_epochs": None, "max_train_steps": steps}
        warmup = self._warmup(steps if computed is None else computed)
        if warmup is not None:
            changes["lr_warmup_steps"] = str(warmup)
        in_force = with_values(self._settings, changes)
        return Imitation(in_force, tuple(self._lines(in_force, computed)))

    def _computed(self) -> int | None:
        """Return the steps that the script computes, None where it computes none: without epochs it is given the steps."""
        counted, options = self._data.by_script, self._options
        if self._settings.max_train_epochs is None or counted is None:
            return None
        engine, rules = self._profile.engine, self._data.groups[0].rules
        # The buckets of the bake itself, which are remembered from key to key.
        batches = script_batches(
            engine, counted, options, lambda each: placement_of(*(each.file.size or rules.size), rules).bucket
        )
        shown = len(instances(self._data))
        script, given = self._profile.steps, any(picture.is_reg for picture in self._data.pictures)
        regularised = script.regularised(bool(counted.regularisation), given or bool(self._settings.reg_data_dir))
        return script.steps(Counted(counted.reckoned, batches, regularised, options, shown))

    def _no_batch(self) -> SettingsError:
        return SettingsError(
            "train_batch_size",
            found=f"no bucket has {plural(self._settings.train_batch_size, 'picture')}, repeats counted",
            expected=f"a full batch: {self._profile.engine.name} drops smaller ones",
            way_out="lower train_batch_size, or raise the repeats by num_repeats",
        )

    def _no_steps(self, steps: int) -> SettingsError:
        total = 0 if self._data.by_script is None else self._data.by_script.reckoned
        return SettingsError(
            SETTING,
            found=f"{self._profile.title} computes {plural(steps, 'step')} of {plural(total, 'counted picture')}",
            expected="at least 1",
            way_out="raise max_train_epochs, or leave behave_like blank",
        )

    def _warmup(self, steps: int) -> int | None:
        """Return the warm-up that the script makes of a share, None where it was given in steps.

        Raises:
            SettingsError: the trainer cannot take it.
        """
        if not is_share(self._settings.lr_warmup_steps):
            return None
        try:
            return self._profile.steps.warmup(self._options, steps)
        except ValueError as reason:
            raise SettingsError(
                "lr_warmup_steps",
                found=f"{self._settings.lr_warmup_steps}: {printable(str(reason))}",
                expected=f"what {self._profile.title} takes",
                way_out="write it as steps, or leave behave_like blank",
            ) from None

    def _lines(self, in_force: Settings, steps: int | None) -> Iterator[str]:
        profile, engine = self._profile, self._profile.engine
        yield f"pictures: {self._pictures_text()}"
        yield f"steps: {self._steps_text(in_force, steps)}"
        # How a share becomes steps is nothing to steps that are set.
        how = f"; {profile.steps.warmup_sentence}" if is_share(self._settings.lr_warmup_steps) else ""
        yield f"warm-up: {_warmup_text(in_force)}{how}"
        if ways := engine.ways(self._settings.gradient_accumulation_steps):
            yield f"{engine.name} {ways}"
        if engine.caption_sentence:
            yield f"captions: {engine.caption_sentence}"
        for each in self._passed:
            yield f"passes {each.name} = {shown_value(in_force, each.name) or 'blank'}: {each.why}"
        for name, value in profile.dependent(self._asked.model_dump()).items():
            if getattr(self._asked, name) == value:
                yield f"{name} = {shown_value(in_force, name)} where it is not set: {profile.reasons[name]}"
        yield from (f"not imitated: {text}" for text in self._not_imitated())
        if inferred := [n for n in profile.inferred if n in profile.defaults and _is_default(in_force, n)]:
            yield f"defaults that are known from its descendants only: {', '.join(inferred)}"
        if unknown := [name for name in profile.unknown if _is_default(in_force, name)]:
            yield f"defaults that are not known, ours in their place: {', '.join(unknown)}"

    def _pictures_text(self) -> str:
        own = [picture for picture in self._data.pictures if not picture.is_reg]
        loaded = f"{len(own):,}, {sum(picture.repeats for picture in own):,} with repeats"
        counted = self._data.by_script
        if counted is None:
            return f"{loaded} loaded"
        told = f"{len(counted.pictures):,}, {counted.reckoned:,} with repeats"
        if told == loaded:
            return f"{told} counted and loaded"
        left = f" (not {_some([each.path for each in counted.left_out])})" if counted.left_out else ""
        return f"{told} counted{left}; {self._profile.engine.name} loads {loaded}"

    def _steps_text(self, in_force: Settings, steps: int | None) -> str:
        if in_force.train_minutes is not None:
            return "as many as fit into train_minutes, by a measured speed and not as it counts"
        run, how = _own_steps(in_force, self._batches), self._profile.steps.sentence
        if steps is None or steps == run:
            passed = " passed as max_train_steps" if steps is not None and self._profile.steps.steps_passed else " run"
            return f"{run:,}{passed}; it {how}"
        return f"{steps:,} computed for {plural(self._settings.max_train_epochs or 1, 'epoch')}, {run:,} run; it {how}"

    def _not_imitated(self) -> Iterator[str]:
        profile, engine, accumulated = self._profile, self._profile.engine, self._settings.gradient_accumulation_steps
        if accumulated > 1 and engine.schedule_times_accumulation:
            yield (
                f"its schedule is planned for {accumulated} times the steps, of which it runs the first part; here it is "
                "planned for the steps that are run"
            )
        asked = self._settings.lr_warmup_steps
        if not is_share(asked) and (own := profile.steps.warmup(self._options, 0)) != int(asked):
            yield f"its warm-up of {asked} ends after {plural(own, 'step')}: {profile.steps.warmup_sentence}; here it takes {asked}"
        if accumulated > 1 and engine.accumulation == "across epochs":
            yield "it accumulates batches over the end of an epoch; here an epoch's remaining batches make a step of their own"
        if engine.regularisation == "paired" and any(picture.is_reg for picture in self._data.pictures):
            yield "it shows a regularisation picture of the same bucket with each picture; here they fill up the epoch"
        if "seed" not in (*profile.defaults, *profile.unknown) and _is_default(self._settings, "seed"):
            yield f"its seed: {profile.reasons['seed']}; here it is {self._settings.seed}"
        if self._settings.dataset_config:
            yield "its own reading of folders: these, and their repeats, are those of the data set file"
        computed = {
            name: value for name, value in profile.machine.items() if getattr(self._settings, name, value) != value
        }
        if computed:
            texts = ", ".join(f"{name} = {_plain(value)}" for name, value in computed.items())
            yield f"it computes with {texts}; number types, kernels and optimizer stay as they are set here"


def _own_steps(settings: Settings, batches: int) -> int:
    if settings.max_train_epochs is None:
        return settings.max_train_steps
    return settings.max_train_epochs * -(-batches // settings.gradient_accumulation_steps)


def _warmup_text(settings: Settings) -> str:
    if is_share(settings.lr_warmup_steps):
        return settings.lr_warmup_steps
    return plural(int(settings.lr_warmup_steps), "step")


def _stated(settings: Settings) -> frozenset[str]:
    """Return the settings that were asked for: those that stand at another value than the trainer's default."""
    return frozenset(info.name for info in fields() if not _is_default(settings, info.name))


def _is_default(settings: Settings, name: str) -> bool:
    return bool(getattr(settings, name) == field(name, settings.behave_like).default)


def passed_by_trainer(settings: Settings) -> frozenset[str]:
    """Return the settings in force whose value nobody set: the trainer passes them by itself."""
    profile = imitated(settings.behave_like)
    if profile is None:
        return frozenset()
    options, stated = settings.model_dump(), _stated(settings)
    found = {name for name, value in profile.dependent(options).items() if options[name] == value}
    for name in stated:
        unset = options | {name: field(name, settings.behave_like).default}
        if any((each.name, each.value) == (name, options[name]) for each in profile.derived(unset, stated - {name})):
            found.add(name)
    return frozenset(found)


def _plain(value: object) -> object:
    return {True: "on", False: "off"}.get(value, value) if isinstance(value, bool) else value


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(printable(name, 40) for name in names[:_NAMED]) + more
