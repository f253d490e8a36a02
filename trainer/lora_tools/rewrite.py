"""One plain LoRA written again, each of its modules as something makes it."""

from collections.abc import Callable
from typing import Protocol

from trainer.lora_tools.inputs import OpenedLora, OpenedLoras
from trainer.lora_tools.made_lora import MadeLora, MadeModule, Output, PlannedModule, Progress, write_lora
from trainer.lora_tools.provenance import Making, made_metadata
from trainer.lora_tools.references import LoraReference
from trainer.measures.change_factors import Factors
from trainer.models.identify import Base


class MakeModule(Protocol):
    """What makes a module of the new file."""

    def __call__(self, files: OpenedLoras, name: str, written: str, change: Factors) -> MadeModule | str:
        """Return the module, or the reason why it is left out.

        Args:
            files: the LoRA.
            name: the module's name among these.
            written: its name in the new file.
            change: what it changes.
        """
        ...


def rewrite_lora(
    reference: LoraReference,
    make: MakeModule,
    output: Output,
    making: Making,
    *,
    most: Callable[[int], int] = lambda rank: rank,
    check: Callable[[OpenedLora], object] = lambda file: None,
    left_out: Callable[[OpenedLora, str], str] = lambda file, name: "",
    base: Base | None,
    progress: Progress,
    stop: Callable[[], bool],
) -> MadeLora:
    """Write a LoRA whose modules are made from those of a file, one after the other.

    Args:
        reference: the file.
        make: makes each module.
        output: where to.
        making: what the new file says of how it was made.
        most: the most directions that a module can have -> those that it may have in the new file.
        check: sees before anything is made whether the file can be.
        left_out: why a module is left out without being read, "" where it is not.
        base: names its modules; None where they have names.
        progress, stop: as write_lora has them.

    Raises:
        LoraTuiError: as write_lora, or from `check`.
    """
    output.check([reference.path])
    with OpenedLoras([reference], base) as files:
        files.check_plain()
        (file,) = files.files
        check(file)
        names = {files.written_name(name): name for name in files.names()}
        planned = [
            PlannedModule(written, files.sides(name), most(files.most_rank(0, name))) for written, name in names.items()
        ]

        def made(written: str) -> MadeModule | str:
            name = names[written]
            if why := left_out(file, name):
                return why
            change = files.read(0, name)
            assert change is not None
            return make(files, name, written, change)

        return write_lora(
            output,
            planned,
            made,
            made_metadata(making, [file.header.metadata], output.path),
            dtype=files.dtype(),
            progress=progress,
            stop=stop,
            notes=file.header.unread(),
        )
