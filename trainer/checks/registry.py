"""The list of all checks before a bake."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from trainer.checks import likeness, plan_warnings, tags
from trainer.checks.commands import commands_missing
from trainer.checks.long_captions import long_captions
from trainer.checks.record import Check, CheckedBake, CheckResult, LooksAt, Severity
from trainer.checks.trigger import trigger_missing
from trainer.checks.unused_settings import unused_settings
from trainer.dataset.records import DataSet
from trainer.errors import LoraTuiError
from trainer.finding import Finding
from trainer.long_work import each

_Run = Callable[[CheckedBake], Iterable[Finding]]


def _fault(key: str, looks_at: LooksAt, title: str, way_out: str) -> Check:
    """Return the check for files that the data set cannot use."""

    def run(bake: CheckedBake) -> Iterator[Finding]:
        for data in _data_sets(bake):
            yield from (fault.finding for fault in data.faults if fault.check == key)

    return Check(key, Severity.ERROR, looks_at, title, way_out, "data", run)


def _noted(key: str, severity: Severity, looks_at: LooksAt, title: str, way_out: str) -> Check:
    """Return the check for what was noted when the data were read."""

    def run(bake: CheckedBake) -> Iterator[Finding]:
        for data in _data_sets(bake):
            held_out = "validation: " if data is bake.validation else ""
            yield from (replace(note, text=f"{held_out}{note.text}") for note in data.notes if note.check == key)

    return Check(key, severity, looks_at, title, way_out, "data", run)


def _planned(key: str, severity: Severity, looks_at: LooksAt, title: str, way_out: str, run: _Run) -> Check:
    """Return a check that needs the plan."""
    return Check(key, severity, looks_at, title, way_out, "plan", run)


def _decoded(key: str, severity: Severity, title: str, way_out: str, run: _Run) -> Check:
    """Return a check that needs the pictures decoded."""
    return Check(key, severity, "pictures", title, way_out, "thumbnails", run)


def _refusal(bake: CheckedBake) -> Iterator[Finding]:
    if bake.refusal is not None:
        yield _of_error("refused", bake.refusal)


def _accepted_fault(bake: CheckedBake) -> Iterator[Finding]:
    if bake.accepted_fault is not None:
        yield _of_error("accepted-damaged", bake.accepted_fault)


def _of_error(key: str, error: LoraTuiError) -> Finding:
    expected = f"; expected {error.expected}" if error.expected else ""
    return Finding(key, error.where, f"{error.where}: {error.found}{expected}", error.way_out, error.details)


_ERROR, _WARNING, _NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE

# fmt: off
CHECKS: tuple[Check, ...] = (
    _fault("picture-unreadable", "pictures", "pictures that cannot be read", "replace or remove it"),
    _fault("picture-truncated", "pictures", "pictures that are cut off", "copy or download it again, or remove it"),
    _fault("picture-empty", "pictures", "picture files of zero bytes", "copy or download it again, or remove it"),
    _fault("picture-too-large", "pictures", "pictures too large to open", "make it smaller, or remove it"),
    _decoded(
        "picture-undecodable", _ERROR, "pictures damaged inside", "open and save it in another program, or replace it", likeness.undecodable
    ),
    _fault("mask-unusable", "masks", "masks that are missing, cannot be read or have another shape", "make the masks again"),
    _fault("caption-unreadable", "captions", "captions that cannot be read or decoded", "save it as UTF-8 text"),
    Check(
        "refused", _ERROR, "base", "whatever else the bake is refused for: base, optimizer, samples, settings together",
        "change what it names", "data", _refusal,
    ),
    _noted(
        "caption-missing", _WARNING, "captions", "pictures without a caption",
        "write NAME.txt beside each, or accept it where the folder's name says enough",
    ),
    _noted("caption-ending", _WARNING, "captions", "captions whose ending is not read", "add the ending to caption_extension"),
    _noted("caption-rivals", _WARNING, "captions", "a .txt and a .caption that differ", "remove the one that is not meant"),
    _noted("caption-empty", _WARNING, "captions", "captions without a tag", "write them, or remove the file"),
    _noted("caption-brackets", _WARNING, "captions", "escaped brackets in captions", "remove the backslashes from the captions"),
    _noted("caption-lines", _WARNING, "captions", "lines of captions that are not read", "join the lines, or turn enable_wildcard on"),
    _noted("caption-stray", _WARNING, "captions", "captions that belong to no picture", "name them like their pictures, or remove them"),
    _planned(
        "caption-long", _WARNING, "captions", "captions with more tokens than are read", "raise max_token_length, or shorten them",
        long_captions,
    ),
    Check(
        "trigger-missing", _WARNING, "captions", "captions without the subject's trigger",
        "add it to the captions or by caption_prefix, or change `trigger` in the subject", "data", trigger_missing,
    ),
    Check(
        "tag-alike", _WARNING, "tags", "tags nearly like a commoner one", "use one spelling in all captions", "data",
        tags.tags_nearly_alike,
    ),
    Check(
        "tag-once", _NOTE, "tags", "tags of a single caption", "remove what is misspelt; a tag seen once is hardly learned", "data",
        tags.tags_seen_once,
    ),
    _decoded("near-duplicate", _WARNING, "pictures that are nearly the same", "remove all but one, or give them fewer repeats", likeness.duplicates),
    _decoded(
        "validation-alike", _WARNING, "validation pictures nearly like one that is trained on", "remove them from one of the two folders; of pictures held out by validation_split set another validation_seed, or remove one of the two",
        likeness.leaked_validation,
    ),
    _noted("picture-renamed", _NOTE, "pictures", "pictures of another kind than their name says", "rename it"),
    _noted("picture-skipped", _WARNING, "pictures", "pictures of kinds that are not read", "convert them to PNG or JPEG"),
    _noted("picture-excluded", _NOTE, "pictures", "pictures that exclude_pictures leaves out", "remove its name from exclude_pictures to train on it"),
    _noted("folder-skipped", _WARNING, "pictures", "folders that are left out", "give it repeats (`N_name`, num_repeats) or move it elsewhere"),
    _noted("reg-unused", _WARNING, "pictures", "regularisation pictures that are never shown", "leave out as many, or train more pictures"),
    _noted("masks-ignored", _WARNING, "masks", "masks that are not used", "turn masked_loss on"),
    _planned(
        "bucket-of-one", _NOTE, "buckets", "buckets with a single picture, where a batch has several", "crop it to a shape of other pictures, or raise bucket_reso_steps",
        plan_warnings.buckets_of_one,
    ),
    _planned("bucket-enlarged", _WARNING, "buckets", "pictures enlarged despite bucket_no_upscale", "lower bucket_reso_steps", plan_warnings.enlarged),
    _planned(
        "picture-small", _WARNING, "buckets", f"pictures enlarged more than {plan_warnings.MOST_ENLARGED}× for their bucket",
        "take larger copies, lower the resolution, turn bucket_no_upscale on, or leave them out (exclude_pictures)", plan_warnings.small_pictures,
    ),
    _planned(
        "resolution-small", _WARNING, "settings", "a resolution far below the base's", "raise resolution", plan_warnings.small_resolution
    ),
    _planned(
        "resolution-large", _WARNING, "settings", "sides longer than the base is made for", "lower resolution, max_bucket_reso or sample_resolution",
        plan_warnings.large_resolution,
    ),
    _planned(
        "validation-shared", _WARNING, "pictures", "validation pictures that are trained on", "move them out of the training folders",
        plan_warnings.shared_with_validation,
    ),
    _planned(
        "nothing-held-out", _NOTE, "pictures", "no held-out pictures, where there could be some",
        "hold some out (`H` in the dashboard, `lora-tui plan --hold-out 10%`), name others in validation_data_dir, or accept it",
        plan_warnings.nothing_held_out,
    ),
    _planned(
        "memorization-folder", _WARNING, "settings", "memorization measured against another folder", "hold out a share of every folder: validation_split = 0.1",
        plan_warnings.memorization_of_other_folders,
    ),
    _planned("reg-weight-0", _WARNING, "settings", "regularisation pictures that do not count", "raise prior_loss_weight", plan_warnings.reg_weight_0),
    _planned("rate-0", _WARNING, "settings", "parts whose rate is 0", "raise the rate, or train the other part only", plan_warnings.rates_of_0),
    _planned("warmup-too-long", _WARNING, "settings", "warm-ups that never end", "shorten the warm-up", plan_warnings.warmups),
    _planned("decay-steps", _WARNING, "settings", "a decay that does not fit the bake", "change lr_decay_steps", plan_warnings.decay),
    _planned(
        "estimated-rate", _WARNING, "settings", "rates of an optimizer that finds its own", "use 1 for every rate",
        plan_warnings.estimated_rates,
    ),
    _planned(
        "averaging-schedule", _WARNING, "settings", "a falling schedule where weights are averaged", "use lr_scheduler = constant",
        plan_warnings.averaging,
    ),
    _planned("snr-weights", _WARNING, "settings", "weights by the SNR that get in each other's way", "turn one of them off", plan_warnings.snr_weights),
    _planned(
        "eight-bit-base", _WARNING, "settings", "a base in 8 bits", "turn it off where memory allows", plan_warnings.eight_bits
    ),
    _planned(
        "bf16-emulated", _WARNING, "settings", "bf16 on a processor that cannot multiply it", "set mixed_precision = no", plan_warnings.emulated_bf16
    ),
    _planned("unused-setting", _WARNING, "settings", "settings that have no effect", "remove it, or change what it needs", unused_settings),
    Check(
        "command-missing", _WARNING, "commands", "on_done or on_trouble whose program is not there",
        "install it, or give its complete path", "data", commands_missing,
    ),
    Check(
        "accepted-damaged", _WARNING, "settings", "a file of accepted findings that cannot be read", "remove it", "data", _accepted_fault
    ),
)
# fmt: on

CHECK_BY_KEY = {check.key: check for check in CHECKS}

_ORDER = {severity: place for place, severity in enumerate(Severity)}


def run_checks(bake: CheckedBake) -> tuple[CheckResult, ...]:
    """Return what all checks find that have what they need, the gravest first."""
    run = (check for check in each("checking", CHECKS) if bake.has(check.needs))
    found = [CheckResult(check, finding) for check in run for finding in check.run(bake)]
    return tuple(sorted(found, key=lambda result: _ORDER[result.severity]))


def _data_sets(bake: CheckedBake) -> Iterator[DataSet]:
    yield bake.data
    if bake.validation is not None:
        yield bake.validation
