"""Verification of a LoRA file: whole, of numbers, in shape, for a base, with the hashes it names and as the journal knows it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from trainer.errors import LoraTuiError, ModelError
from trainer.formats.safetensors_header import Header, read_header
from trainer.journal.journal import Journal
from trainer.lora_tools.edit_metadata import short_hash, tensor_hashes
from trainer.lora_tools.references import LoraReference
from trainer.measures.interference import common_name
from trainer.measures.lora_factors import LoraFactors
from trainer.measures.products import squared_norm
from trainer.models.adapter_config import lora_file
from trainer.models.file_hashes import hashes_of
from trainer.models.identify import Base
from trainer.models.kohya_names import ModuleNames
from trainer.models.lora_fit import check_lora
from trainer.models.lora_header import LoraHeader, read_lora_header
from trainer.models.lora_numbers import check_lora_numbers
from trainer.text import plural, printable
from trainer.workspace import Workspace, bake_number


class CheckOutcome(StrEnum):
    """What came of a check."""

    GOOD = "good"
    WRONG = "wrong"
    NOTE = "note"
    """Worth knowing, and nothing wrong with the file."""


@dataclass(frozen=True)
class VerifiedFact:
    """One check of a file.

    Attributes:
        check: what was looked at, in a word or two.
        verdict: what came of it.
        words: what was found.
    """

    check: str
    verdict: CheckOutcome
    words: str


def verify_lora(
    reference: LoraReference,
    *,
    base: Base | None = None,
    workspace: Workspace | None = None,
    show: Callable[[str], object] = lambda _: None,
) -> list[VerifiedFact]:
    """Check a LoRA file and return what came of each check; nothing is raised for what is wrong with it.

    Args:
        reference: the file.
        base: it should fit on; None for no base.
        workspace: whose journal may know it; None for none.
        show: takes what is being looked at.
    """
    facts: list[VerifiedFact] = []
    place = lora_file(reference.path)

    def good(check: str, words: str) -> None:
        facts.append(VerifiedFact(check, CheckOutcome.GOOD, words))

    show("reading the header")
    try:
        raw = read_header(place)
    except LoraTuiError as error:
        return [VerifiedFact("file", CheckOutcome.WRONG, _words(error))]
    good("file", f"whole: {plural(len(raw.shapes), 'tensor')}, none outside the file or over another")
    try:
        header = read_lora_header(reference.path)
    except LoraTuiError as error:
        return [*facts, VerifiedFact("layers", CheckOutcome.WRONG, _words(error))]
    names = None if base is None else ModuleNames(base.family, base.lora_shapes)
    if (twice := _named_twice(header, common_name if names is None else names.own)) is not None:
        return [*facts, VerifiedFact("layers", CheckOutcome.WRONG, twice)]
    good("layers", f"{plural(len(header.modules), 'module')}, each of shapes that fit together and under one name")
    facts += [VerifiedFact("layers", CheckOutcome.NOTE, line) for line in header.unread()]
    show("reading the numbers")
    try:
        check_lora_numbers(reference.path)
        good("numbers", "all finite")
        facts += _without_effect(reference.path)
    except LoraTuiError as error:
        facts.append(VerifiedFact("numbers", CheckOutcome.WRONG, _words(error)))
    show("computing the hashes")
    facts += _hashes(place, raw)
    if base is not None:
        facts.append(_fit(reference.path, header, base))
    if workspace is not None:
        show("asking the journal")
        facts += _journal(place, workspace)
    return facts


def _words(error: LoraTuiError) -> str:
    return f"{error.found}; expected {error.expected}" if error.expected else error.found


def _named_twice(header: LoraHeader, own_name: Callable[[str], str]) -> str | None:
    """Return that a module is there under the names of two programs, which nothing else here would read; None where none is."""
    first: dict[str, str] = {}
    for name in header.modules:
        if (other := first.setdefault(own_name(name), name)) != name:
            return f"{printable(name, 80)} is present under two names, also as {printable(other, 80)}; expected one of them"
    return None


def _without_effect(path: Path) -> Iterator[VerifiedFact]:
    """Yield a note about modules that change nothing."""
    with LoraFactors(path) as factors:
        names = list(factors)
        still = [name for name in names if squared_norm(factors.read(name)) == 0]
    if still:
        words = (
            f"{plural(len(still), 'module')} of {len(names):,} without effect, for example {printable(still[0], 80)}"
        )
        yield VerifiedFact("numbers", CheckOutcome.NOTE, words)


def _hashes(path: Path, header: Header) -> Iterator[VerifiedFact]:
    named, legacy = (header.metadata.get(key, "").strip().lower() for key in ("sshs_model_hash", "sshs_legacy_hash"))
    try:
        lies, own = tensor_hashes(path, header)
    except LoraTuiError as error:
        yield VerifiedFact("hash", CheckOutcome.WRONG, _words(error))
        return
    if not named:
        yield VerifiedFact("hash", CheckOutcome.NOTE, f"the file names none; a webui knows it as {lies[:12]}")
    elif named in (lies, own):
        yield VerifiedFact("hash", CheckOutcome.GOOD, f"sshs_model_hash {named[:12]} is that of its tensors")
    else:
        words = f"sshs_model_hash is {printable(named[:12])}, and its tensors have {own[:12]}: they were changed, or it is another file's"
        yield VerifiedFact("hash", CheckOutcome.WRONG, words)
    if legacy:
        computed = short_hash(path, header)
        if legacy == computed:
            yield VerifiedFact("hash", CheckOutcome.GOOD, f"sshs_legacy_hash {legacy} too, with its metadata")
        else:
            words = f"sshs_legacy_hash is {printable(legacy, 20)}, and file and metadata have {computed}: some text was changed since"
            yield VerifiedFact("hash", CheckOutcome.NOTE, words)


def _fit(path: Path, header: LoraHeader, base: Base) -> VerifiedFact:
    names = ModuleNames(base.family, base.lora_shapes)
    try:
        check_lora(path, {names.own(name): module for name, module in header.modules.items()}, base)
    except ModelError as error:
        return VerifiedFact("base", CheckOutcome.WRONG, _words(error))
    return VerifiedFact("base", CheckOutcome.GOOD, f"every module is one of {printable(base.name, 60)}")


def _journal(path: Path, workspace: Workspace) -> Iterator[VerifiedFact]:
    """Yield what the journal knows of the file: its size where a bake here saved it, its hash where it was imported."""
    with Journal(workspace.journal_path) as journal:
        hashes = hashes_of(path)
        known = None if hashes is None else journal.results.bake_with_content(hashes.sha256)
        if known is not None:
            yield VerifiedFact("journal", CheckOutcome.GOOD, f"the content that bake {known} was imported with")
            return
        number = bake_number(path.parent.name)
        if number is None or path.parent.parent != workspace.bakes:
            other = journal.results.bake_with_file(str(path))
            if other is not None:
                words = f"bake {other} was imported with other content: the file was changed since"
                yield VerifiedFact("journal", CheckOutcome.WRONG, words)
            return
        saved = next((each for each in journal.results.checkpoints(number) if each.file == path.name), None)
        if saved is None:
            yield VerifiedFact("journal", CheckOutcome.NOTE, f"bake {number} did not note a file of this name")
        elif saved.size != path.stat().st_size:
            words = f"bake {number} saved {saved.size:,} bytes after step {saved.step:,}, and the file has {path.stat().st_size:,}"
            yield VerifiedFact("journal", CheckOutcome.WRONG, words)
        else:
            yield VerifiedFact(
                "journal", CheckOutcome.GOOD, f"as long as bake {number} saved it after step {saved.step:,}"
            )
