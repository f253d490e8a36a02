"""Plain LoRAs written under the keys of programs that do not read kohya's names, their alphas folded into lora_up."""

from collections.abc import Callable
from dataclasses import replace

from trainer.errors import SettingsError
from trainer.families.record import KeyForm
from trainer.families.registry import FAMILIES, family_record
from trainer.lora_tools.inputs import OpenedLoras, family_of
from trainer.lora_tools.made_lora import NO_ALPHA, MadeLora, MadeModule, Output, Progress, no_progress
from trainer.lora_tools.provenance import Making
from trainer.lora_tools.references import LoraReference
from trainer.lora_tools.rewrite import rewrite_lora
from trainer.measures.change_factors import Factors
from trainer.measures.products import squared_norm
from trainer.models.identify import Base
from trainer.models.lora_header import read_lora_header
from trainer.settings.parts import Family
from trainer.text import printable


def write_keys(
    reference: LoraReference,
    form: str,
    output: Output,
    *,
    base: Base | None = None,
    progress: Progress = no_progress,
    stop: Callable[[], bool] = lambda: False,
) -> MadeLora:
    """Write a LoRA of the same effect under another program's keys; a module that it has no name for is left out.

    Args:
        reference: the file.
        form: what its family's record calls the form.
        output: where to; its rule for alphas has no effect, since none are written.
        base: names its modules; None where they have names.
        progress, stop: as write_lora has them.

    Raises:
        SettingsError: its family has no such form, or is not known.
        LoraTuiError: as write_lora.
    """
    family = family_of(read_lora_header(reference.path)) if base is None else base.family
    output = replace(output, alpha=NO_ALPHA, form=form_named(form, family))

    def make(files: OpenedLoras, name: str, written: str, change: Factors) -> MadeModule:
        return MadeModule(change.up * change.scale, change.down, change.scale, change.rank, squared_norm(change))

    making = Making("convert", {"to": form}, [reference])
    return rewrite_lora(reference, make, output, making, base=base, progress=progress, stop=stop)


def form_named(text: str, family: Family | None) -> KeyForm:
    """Return the form of keys that a text names.

    Args:
        text: as typed.
        family: of the LoRA; None where it is not known.

    Raises:
        SettingsError: the family has no such form.
    """
    wanted, shown = text.strip().lower(), printable(text, 40) if text.strip() else "blank"
    records = [*FAMILIES.values()] if family is None else [family_record(family)]
    if family is not None and wanted in records[0].key_forms:
        return records[0].key_forms[wanted]
    with_forms = [record for record in records if record.key_forms]
    if not with_forms:
        titles = " or ".join(record.title for record in records)
        expected = f"kohya's keys: every program reads a LoRA for {titles} under these"
        raise SettingsError("keys", found=shown, expected=expected)
    forms = ", ".join(dict.fromkeys(form for record in with_forms for form in record.key_forms))
    targets = " or ".join(record.lora_target for record in with_forms)
    if family is None:
        raise SettingsError(
            "keys",
            found=f"{shown}, and the file does not say what base it is for",
            expected=f"a LoRA for {targets}, for which there are {forms}",
            way_out="name its base with --base",
        )
    raise SettingsError("keys", found=shown, expected=f"one of {forms}, for {targets}")
