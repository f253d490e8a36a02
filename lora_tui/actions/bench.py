"""The LoRA bench for a screen: what would come of an operation, and the operation itself; for a thread."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.errors import SettingsError
from trainer.text import plural, printable
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from trainer.lora_tools.inputs import OpenedLoras
    from trainer.lora_tools.made_lora import MadeLora, Output
    from trainer.lora_tools.references import LoraReference
    from trainer.models.identify import Base

FOLDER = "loras"
"""In a workspace, for what the bench makes."""

Progress = Callable[[int, int], None]
Typed = Mapping[str, str]
"""What was typed, by the fields' keys."""

_MAX_EPOCHS = 12
_YES = ("y", "yes", "1", "true", "on")


# Those that change ranks, weights or alphas, which layers of other kinds have none of.
_PLAIN_ALONE = ("resize", "merge", "average", "weights", "alpha", "keys")


@dataclass(frozen=True)
class BenchResult:
    """What came of an operation.

    Attributes:
        lines: to be read.
        file: that was written; None where none was.
    """

    lines: tuple[str, ...]
    file: Path | None = None


@dataclass(frozen=True)
class LoraBench:
    """The bench of a workspace.

    Attributes:
        workspace: whose bakes may be named.
        bake: that it was opened from; None for none.
    """

    workspace: Workspace
    bake: int | None = None

    def suggestions(self, operation: str) -> dict[str, str]:
        """Return what the fields of an operation start with, by the bake that the bench was opened from.

        Raises:
            LoraTuiError: the journal cannot be read, or the newest LoRA.
        """
        from trainer.grid.first_spec import epochs_of
        from trainer.journal.journal import Journal
        from trainer.models.kohya_names import parts_in
        from trainer.models.lora_header import read_lora_header
        from trainer.noise_floor.floors import NoiseFloors

        if self.bake is None:
            return {}
        with Journal(self.workspace.journal_path) as journal:
            epochs = epochs_of(journal, self.workspace, [self.bake])
            if not epochs:
                return {}
            newest = f"{self.bake}@{epochs[-1].label}"
            if operation == "mix":
                parts = parts_in(read_lora_header(self.workspace.root / epochs[-1].file).modules)
                pairs = [f"{part}={self.bake}@{epochs[0].label}" for part in parts[1:]]
                return {"parts": ", ".join([*(f"{part}={newest}" for part in parts[:1]), *pairs])}
            family = NoiseFloors(journal).distinct_twins(self.bake) if operation == "average" else ()
            twins = [each for each in family if each != self.bake and epochs_of(journal, self.workspace, [each])]
        return {"files": ", ".join([newest, *(f"{each}@last" for each in twins)])}

    def epochs(self) -> str:
        """Return which epochs there are of the bake that the bench was opened from, in words; "" for none."""
        from trainer.grid.first_spec import epochs_of
        from trainer.journal.journal import Journal

        if self.bake is None:
            return ""
        with Journal(self.workspace.journal_path) as journal:
            labels = [each.label for each in epochs_of(journal, self.workspace, [self.bake])]
        if not labels:
            return f"bake {self.bake} has saved no LoRA that is still there"
        listed = labels if len(labels) <= _MAX_EPOCHS else [*labels[: _MAX_EPOCHS - 1], "…", labels[-1]]
        return f"epochs of bake {self.bake}: {', '.join(listed)}"

    def preview(self, operation: str, typed: Typed) -> list[str]:
        """Return what would come of an operation, from headers alone.

        Raises:
            LoraTuiError: what is wrong with what was typed.
        """
        from trainer.lora_tools.inputs import OpenedLoras
        from trainer.lora_tools.key_forms import form_named

        if operation == "extract":
            return self._preview_extract(typed)
        references = self._references(operation, typed)
        lines = []
        with OpenedLoras(references, self._base(operation, typed), finite=False) as files:
            if operation in _PLAIN_ALONE:
                files.check_plain()
            if operation == "convert":
                files.check_changes()
            if operation == "keys":
                form_named(typed.get("form", ""), files.family)
            lines += [_about(files, number) for number in range(len(references))]
            lines += self._preview_result(operation, typed, files)
        return lines

    def run(
        self, operation: str, typed: Typed, progress: Progress, stop: Callable[[], bool], *, replace: bool = False
    ) -> BenchResult:
        """Do an operation.

        Args:
            operation: its key.
            typed: what was typed.
            progress: takes how much is done, and of how much.
            stop: asked from time to time whether to give up.
            replace: whether a file that is there is overwritten.

        Raises:
            LoraTuiError: what is wrong; nothing was written.
            BenchStopped: `stop` became true; nothing was written.
        """
        from lora_tui.actions.bench_runs import RUNS

        return RUNS[operation](self, typed, progress, stop, replace)

    def out(self, operation: str, typed: Typed) -> Path:
        """Return the file that an operation writes: as typed, or a free name in the folder `loras`."""
        text = typed.get("out", "").strip()
        folder = self.workspace.root / FOLDER
        if text:
            from trainer.refusals import user_path

            path = user_path(text if text.endswith(".safetensors") else f"{text}.safetensors")
            return (self.workspace.root if "/" in text else folder) / path
        from trainer.models.adapter_config import lora_file, lora_name

        if operation == "extract":
            stem = Path(typed.get("tuned", "") or "base").stem
        else:
            stem = lora_name(lora_file(self._references(operation, typed)[0].path))
        name, number = f"{stem}-{operation}", 1
        while (folder / f"{name}.safetensors").exists():
            number += 1
            name = f"{stem}-{operation}-{number}"
        return folder / f"{name}.safetensors"

    def output(self, operation: str, typed: Typed, replace: bool) -> "Output":
        """Return where and how an operation writes; the folder is made where it is the bench's own.

        Raises:
            LoraTuiError: the precision or the alpha is not understood.
        """
        from trainer.lora_tools.made_lora import PRECISIONS, Output
        from trainer.private_files import make_private_folder

        precision = typed.get("precision", "").strip().lower()
        if precision and precision not in PRECISIONS:
            raise SettingsError("precision", found=printable(precision, 40), expected=f"one of {', '.join(PRECISIONS)}")
        path = self.out(operation, typed)
        if path.parent == self.workspace.root / FOLDER:
            make_private_folder(path.parent)
        return Output(path, PRECISIONS[precision] if precision else "", replace=replace)

    def _references(self, operation: str, typed: Typed) -> "list[LoraReference]":
        from trainer.lora_tools.references import find_lora
        from trainer.lora_tools.typed import file_and_weight

        if operation == "mix":
            return [find_lora(file, self.workspace) for _, file in part_files(typed)]
        return [find_lora(file_and_weight(each)[0], self.workspace) for each in listed_files(typed)]

    def _base(self, operation: str, typed: Typed) -> "Base | None":
        from trainer.models.identify import identify_base

        text = typed.get("base", "").strip()
        return identify_base(text) if text and operation in ("inspect", "verify", "convert") else None

    def _preview_extract(self, typed: Typed) -> list[str]:
        from trainer.families.registry import family_record
        from trainer.lora_tools.base_change import check_alike
        from trainer.lora_tools.typed import rank_rule_typed
        from trainer.models.identify import identify_base

        base, tuned = (identify_base(typed.get(name, "").strip()) for name in ("base", "tuned"))
        check_alike(base, tuned)
        rule = rank_rule_typed(typed.get("keep", ""))
        title = family_record(base.family).title
        lines = [f"{plural(len(base.lora_shapes), 'module')} of two {title} checkpoints are compared"]
        return [*lines, _keeps(rule.words() if rule else ""), self._goes_to("extract", typed)]

    def _preview_result(self, operation: str, typed: Typed, files: "OpenedLoras") -> list[str]:
        from lora_tui.actions.bench_operations import OPERATIONS
        from trainer.lora_tools.typed import rank_rule_typed

        if not OPERATIONS[operation].writes:
            return []
        lines = []
        shared = len(set(files.files[0].own).intersection(*(file.own for file in files.files[1:])))
        if len(files.files) > 1 and operation in ("merge", "average"):
            lines.append(f"{plural(shared, 'module')} in all files, {len(files.names()):,} in one or more")
        if "keep" in {each.key for each in OPERATIONS[operation].fields}:
            rule = rank_rule_typed(typed.get("keep", ""))
            if rule is None and operation in ("resize", "convert"):
                return [*lines, "say what is kept: rank=16 or energy=0.95"]
            lines.append(_keeps(rule.words() if rule else "", operation))
        return [*lines, self._goes_to(operation, typed)]

    def _goes_to(self, operation: str, typed: Typed) -> str:
        path = self.out(operation, typed)
        place = path.relative_to(self.workspace.root) if path.is_relative_to(self.workspace.root) else path
        return f"writes {printable(str(place), 200)}{', which is there already' if path.exists() else ''}"


def listed_files(typed: Typed) -> list[str]:
    """Return the files that were typed, parted by commas as in grids.

    Raises:
        LoraTuiError: none was, or a quote is not closed.
    """
    from trainer.grid.value_grammar import texts

    text = typed.get("files", "")
    found = [each.strip() for each in texts(text, "files") if each.strip()] if text.strip() else []
    if not found:
        raise SettingsError("files", found="blank", expected="a LoRA file, or bake and epoch such as 12@5")
    return found


def part_files(typed: Typed) -> list[tuple[str, str]]:
    """Return parts and the files that give them.

    Raises:
        LoraTuiError: a part has no file, or is of no family.
    """
    from trainer.grid.value_grammar import texts
    from trainer.lora_tools.copy_modules import part_named

    found = []
    text = typed.get("parts", "")
    for each in texts(text, "parts") if text.strip() else ():
        part, sign, file = each.partition("=")
        if not sign:
            raise SettingsError("parts", found=printable(each, 60), expected="PART=FILE, such as unet=12@5")
        found.append((part_named(part, "parts"), file.strip()))
    if not found:
        raise SettingsError("parts", found="blank", expected="PART=FILE, such as unet=12@5, text_encoder=12@3")
    return found


def weight_pieces(typed: Typed) -> Sequence[str]:
    """Return the weights by part and block group that were typed, parted by semicolons."""
    return [piece.strip() for piece in typed.get("weights", "").split(";") if piece.strip()]


def says_yes(text: str) -> bool:
    """Return whether a text means yes."""
    return text.strip().casefold() in _YES


def result_of(made: "MadeLora") -> BenchResult:
    """Return a file that was made as what came of an operation."""
    from lora_tui.wording.bench import made_lines, made_notes

    return BenchResult((*made_lines(made), *(f"! {note}" for note in made_notes(made))), made.path)


def _about(files: "OpenedLoras", number: int) -> str:
    from lora_tui.wording.measures import kinds_words
    from trainer.lora_tools.made_lora import DTYPE_WORDS

    file = files.files[number]
    kinds = "" if file.header.is_plain else f", {kinds_words(file.header.kinds)}"
    ranks = [module.rank for module in file.header.modules.values()]
    span = f"{min(ranks)}" if min(ranks) == max(ranks) else f"{min(ranks)} to {max(ranks)}"
    types = ", ".join(sorted(DTYPE_WORDS.get(each, each) for each in file.dtypes()))
    return f"{printable(file.reference.label, 80)}: {plural(len(ranks), 'module')} of rank {span}, {types}{kinds}"


def _keeps(words: str, operation: str = "") -> str:
    if words:
        return f"keeps of each module: {words}"
    return {
        "merge": "keeps all of the sum: the ranks add up",
        "average": "keeps the largest rank of the files in each module",
    }.get(operation, "say what is kept: rank=16 or energy=0.95")
