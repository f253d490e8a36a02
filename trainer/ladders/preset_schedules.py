"""Drafts of the preset ladders about steps, schedules, number types, repeats and stops."""

from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from trainer.dataset.imitation import engine_rule
from trainer.dataset.picture_file import is_picture_name
from trainer.dataset.sources import FolderOptions, entries_of, repeats_by_folder, sources_in
from trainer.errors import SettingsError
from trainer.families.registry import family_record
from trainer.ladders.own_settings import OwnSettings, length_of, scaled, stretched
from trainer.ladders.preset_draft import DraftRung, LadderDraft, with_own
from trainer.machine.devices import card_device
from trainer.plan.lr_schedules import lr_factor
from trainer.settings.amounts import is_share, steps_of
from trainer.settings.describe import field
from trainer.settings.model import Settings
from trainer.settings.parts import Part, label_of
from trainer.text import plural, printable

_CYCLES = (1, 2, 3, 5)
_RESTARTS = "cosine_with_restarts"
_SCHEDULES = ("constant_with_warmup", "linear", "cosine", _RESTARTS, "rex")
_FIRST_WARMUPS = (0.0, 0.05, 0.1, 0.2)
_WARMUP_FACTORS = (0, 0.5, 1, 2)
_DIVIDED = (0.5, 1, 2, 4)
_LENGTHS = (0.5, 1, 2, 4)
_DIMS = (0.25, 0.5, 1, 2)
_REPEATS = (0.5, 1, 2, 4)
_STOPS = (0.25, 0.5, 0.75)
# Points at which two schedules are compared, and the length of the bake they are compared in.
_COMPARED = 100
_STEPS = 1000


def cycles(own: OwnSettings) -> LadderDraft:
    """Return the ladder of the cycles of cosine_with_restarts."""
    settings = own.settings
    own_cycles = settings.lr_scheduler_num_cycles if settings.lr_scheduler == _RESTARTS else 1
    counts = sorted({*_CYCLES, own_cycles})
    switched = settings.lr_scheduler != _RESTARTS
    remarks = (f"the schedule is {_RESTARTS} in every rung, in place of {settings.lr_scheduler}",) if switched else ()
    return LadderDraft(
        title=f"cycles of {_RESTARTS}",
        rungs=[
            DraftRung(label=str(count), changes={"lr_scheduler_num_cycles": count}, position=float(count))
            for count in counts
        ],
        base={"lr_scheduler": _RESTARTS, "lr_scheduler_num_cycles": own_cycles} if switched else {},
        remarks=(*remarks, *_encoder_keeps(settings, "text_encoder_lr_scheduler")),
    )


def warmup(own: OwnSettings) -> LadderDraft:
    """Return the ladder of the warm-up: none, half of the user's, the user's, twice that."""
    settings = own.settings
    if settings.lr_scheduler == "piecewise_constant":
        raise own.refused(
            "a schedule without a warm-up (piecewise_constant)", "one that has a warm-up", "set lr_scheduler"
        )
    flat = settings.lr_scheduler == "constant"
    amount = settings.lr_warmup_steps
    count = steps_of(amount, _STEPS)
    if not count:
        values = [(f"{share:.0%}", share) for share in _FIRST_WARMUPS]
    elif is_share(amount):
        # As many digits as a millionth of a bake has.
        share = steps_of(amount, 1_000_000) / 1_000_000
        values = [(f"{100 * min(1, share * factor):g}%", min(1, share * factor)) for factor in _WARMUP_FACTORS]
    else:
        values = [(str(round(count * factor)), float(round(count * factor))) for factor in _WARMUP_FACTORS]
    own_place = values[2][1] if count else 0.0
    rungs = [DraftRung(label=text, changes={"lr_warmup_steps": text}, position=value) for text, value in values]
    remarks = ("the schedule is constant_with_warmup in every rung: constant has no warm-up",) if flat else ()
    return LadderDraft(
        title="warm-up of the learning rates",
        rungs=with_own(rungs, DraftRung(label=amount, position=own_place)),
        base={"lr_scheduler": "constant_with_warmup"} if flat else {},
        remarks=(*remarks, *_encoder_keeps(settings, "text_encoder_lr_warmup_steps")),
    )


def schedule(own: OwnSettings) -> LadderDraft:
    """Return the ladder of schedules; of two that are the same course, one is left."""
    settings = own.settings
    rungs = [DraftRung(label=settings.lr_scheduler)]
    courses = [_course(settings, own)]
    for name in _SCHEDULES:
        course = _course(settings.model_copy(update={"lr_scheduler": name}), own)
        if course is not None and course in courses:
            continue
        courses.append(course)
        rungs.append(DraftRung(label=name, changes={"lr_scheduler": name}))
    return LadderDraft(
        title="schedules of the learning rates",
        rungs=rungs,
        remarks=_encoder_keeps(settings, "text_encoder_lr_scheduler"),
    )


def precision(own: OwnSettings) -> LadderDraft:
    """Return the ladder of number types; fp16 is left out on a computer without a GPU, where it cannot be trained."""
    choices = [choice for choice in get_args(Settings.model_fields["mixed_precision"].annotation) if choice != "auto"]
    words = {"no": "fp32"}
    record = family_record(own.family)
    why = record.no_fp16 or ("" if card_device() else "it needs a GPU, and this computer has none")
    left_out = ("fp16",) if why else ()
    remarks = [f"{choice} is left out: {why}" for choice in left_out]
    return LadderDraft(
        title="number types of the computation",
        rungs=[
            DraftRung(label=words.get(choice, choice), changes={"mixed_precision": choice})
            for choice in choices
            if choice not in left_out
        ],
        remarks=(
            *remarks,
            "fp16 needs a GPU, and bf16 one that knows it",
            "the LoRA itself is fp32 in all of them, and its file is of the type that save_precision names",
        ),
    )


def rate_for_steps(own: OwnSettings) -> LadderDraft:
    """Return the ladder of every rate divided by k with k times the steps."""
    if not own.trained:
        raise own.refused("settings with which no part trains", "a bake that trains", "set a learning rate above 0")
    return _longer(
        own,
        "every rate divided by k, k times the steps",
        _DIVIDED,
        label="rates ÷{factor}, steps ×{factor}",
        divided=True,
    )


def length(own: OwnSettings) -> LadderDraft:
    """Return the ladder of a bake's length."""
    name, _ = length_of(own.settings)
    return _longer(own, f"{name} ×0.5 … ×4", _LENGTHS, label="×{factor}", divided=False)


def dims(own: OwnSettings) -> LadderDraft:
    """Return the ladder of dim with alpha / dim as it is."""
    settings = own.settings
    if settings.network_weights:
        raise own.refused(
            "a LoRA file to start from (network_weights), which has a dim",
            "a bake that starts with a new LoRA",
            "leave network_weights blank",
        )
    rungs = []
    for factor in _DIMS:
        dim = max(1, round(settings.network_dim * factor))
        changes: dict[str, object] = {"network_dim": dim}
        # Alpha 0 follows dim by itself.
        if settings.network_alpha:
            changes["network_alpha"] = scaled(settings.network_alpha, dim / settings.network_dim)
        rungs.append(DraftRung(label=f"dim {dim}", changes=changes, position=float(dim)))
    return LadderDraft(
        title="network_dim with alpha / dim as it is",
        rungs=rungs,
        log_axis=True,
        remarks=("another dim draws other start values, so the rungs differ by these, too",),
    )


def encoder_stop(own: OwnSettings) -> LadderDraft:
    """Return the ladder of when the text encoders stop: by epoch where the bake has enough, else by share."""
    settings, encoders = own.settings, own.encoders
    epochs = settings.max_train_epochs if settings.train_minutes is None else None
    stops = {max(1, round(epochs * share)) for share in _STOPS} if epochs else set()
    if epochs and len(inside := sorted(stop for stop in stops if stop < epochs)) >= 2:
        values = [(f"{stop}ep", stop / epochs) for stop in inside]
    else:
        values = [(f"{share:.0%}", share) for share in _STOPS]
    rungs = [
        DraftRung(label=text, changes=own.stop_changes(encoders, text), position=position) for text, position in values
    ]
    rungs.append(DraftRung(label="never", changes=own.stop_changes(encoders, ""), position=1.0))
    own_stops = dict.fromkeys(settings.stop_of(part) for part in encoders)
    if len(own_stops) > 1:
        rungs.insert(0, DraftRung(label="as set"))
    elif (stop := settings.stop_of(encoders[0])) and stop not in {rung.label for rung in rungs}:
        rungs.insert(0, DraftRung(label=stop))
    return LadderDraft(title=f"{label_of(encoders[0])} stops", rungs=rungs)


def repeats(own: OwnSettings) -> LadderDraft:
    """Return the ladder of one folder's repeats, all other folders' as they are."""
    settings = own.settings
    if settings.dataset_config:
        raise own.refused(
            "a data set file (dataset_config), which has the repeats",
            "folders of pictures",
            "change num_repeats in that file, or name the folder in train_data_dir",
        )
    folders = _folders(settings)
    if len(folders) < 2:
        raise own.refused(
            f"{plural(len(folders), 'folder')} with pictures: repeats are then only more steps",
            "two folders or more",
            "preset length varies the steps",
        )
    if own.choice and own.choice not in folders:
        raise own.refused(
            f"no folder {printable(own.choice, 60)}", f"one of {printable(', '.join(folders), 200)}", "name one of them"
        )
    # What is shown least is what a balance is sought for.
    name = own.choice or min(folders, key=lambda each: (folders[each].shown, each))
    if "," in name or "=" in name:
        raise own.refused(
            f"a folder whose name has a comma or `=` ({printable(name, 60)})",
            "a name that num_repeats can hold",
            "rename the folder",
        )
    own_repeats = folders[name].repeats
    others = [text for text in settings.num_repeats if text.rpartition("=")[0] != name]
    counts = sorted({max(1, round(own_repeats * factor)) for factor in _REPEATS})
    rungs = [
        DraftRung(label=f"×{count}", changes={"num_repeats": [*others, f"{name}={count}"]}, position=float(count))
        for count in counts
    ]
    remarks = ["more repeats make an epoch longer: rungs are compared after the same step where each has a LoRA of it"]
    if not own.choice:
        remarks.insert(0, f"{printable(name, 60)} is shown least; `--preset {own.preset}:NAME` takes another folder")
    return LadderDraft(
        title=f"repeats of {printable(name, 60)}",
        rungs=with_own(rungs, DraftRung(label=f"×{own_repeats}", position=float(own_repeats))),
        log_axis=True,
        remarks=tuple(remarks),
    )


@dataclass(frozen=True)
class _Folder:
    """A folder of training pictures: the repeats of each, and how many there are."""

    repeats: int
    pictures: int

    @property
    def shown(self) -> int:
        """How many pictures of it an epoch shows."""
        return self.repeats * self.pictures


def _folders(settings: Settings) -> dict[str, _Folder]:
    """Return the folders that have pictures, by name; none where no folder is named."""
    if not settings.train_data_dir:
        return {}
    options = FolderOptions(extensions=tuple(settings.caption_extension))
    found = sources_in(
        Path(settings.train_data_dir),
        options,
        flat_repeats=settings.dataset_repeats,
        repeats=repeats_by_folder(settings.num_repeats),
        rule=engine_rule(settings),
    )
    folders = {}
    for source in found.read:
        pictures = sum(is_picture_name(entry.name) and not entry.is_dir() for entry in entries_of(source.path))
        if pictures and source.name in found.names:
            folders[source.name] = _Folder(source.repeats, pictures)
    return folders


def _longer(own: OwnSettings, title: str, factors: tuple[float, ...], *, label: str, divided: bool) -> LadderDraft:
    """Return a ladder over the length of a bake; what the settings cannot be stretched to is left out."""
    name, number = length_of(own.settings)
    rungs: list[DraftRung] = []
    remarks: list[str] = []
    for factor in factors:
        text = label.format(factor=f"{factor:g}")
        try:
            changes = stretched(own.settings, factor)
        except SettingsError as error:
            remarks.append(f"{text} is left out: {error.where} {error.found}")
            continue
        if divided:
            changes |= own.scaled_rates(dict.fromkeys(own.trained, 1 / factor))
        position = factor if divided else scaled(number, factor)
        rungs.append(DraftRung(label="as set" if factor == 1 else text, changes=changes, position=position))
    return LadderDraft(
        title=title,
        rungs=rungs,
        base=own.rates_written_out() if divided else {},
        log_axis=True,
        remarks=(f"{name} and what is counted in steps or epochs grow together; shares stay", *remarks),
    )


def _course(settings: Settings, own: OwnSettings) -> tuple[float, ...] | None:
    """Return the course of the rates through a bake; None where the schedule lacks what it needs."""
    part: Part = own.trained[0] if own.trained else own.body
    try:
        return tuple(
            round(lr_factor(settings, part, step, _STEPS), 9) for step in range(0, _STEPS, _STEPS // _COMPARED)
        )
    except SettingsError:
        return None


def _encoder_keeps(settings: Settings, name: str) -> tuple[str, ...]:
    """Return a remark where the text encoders have their own value of what is varied."""
    value = getattr(settings, name)
    return (f"the text encoders keep {field(name).label} {value} in every rung",) if value else ()
