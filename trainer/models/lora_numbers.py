"""Refusal of a LoRA file with weights that are no finite numbers; free of torch."""

from functools import lru_cache
from pathlib import Path

from trainer.errors import ModelError
from trainer.file_mark import FileMark, mark_of
from trainer.formats.safetensors_header import read_header
from trainer.formats.safetensors_numbers import broken_tensors
from trainer.models.adapter_config import lora_file
from trainer.models.lora_keys import NAMED_ROLES, parse_key
from trainer.text import plural, printable


def check_lora_numbers(path: Path) -> None:
    """See that every weight of a LoRA file is a finite number. It reads the whole file, once until it changes.

    Raises:
        ModelError: one is NaN or infinity; names its module.
    """
    path = lora_file(path)
    try:
        mark = mark_of(path)
    except OSError as error:
        raise ModelError(printable(str(path)), found=f"cannot be read ({error.strerror})") from error
    broken = _broken(path, mark)
    if not broken:
        return
    key, word = broken[0]
    parsed = parse_key(key)
    modules = dict.fromkeys(found.module if (found := parse_key(name)) else name for name, _ in broken)
    more = f" and {plural(len(modules) - 1, 'other module')}" if len(modules) > 1 else ""
    # LyCORIS' roles are called as their keys are.
    role = f" ({parsed.role if parsed.role in NAMED_ROLES else f'lora_{parsed.role}'})" if parsed else ""
    raise ModelError(
        printable(str(path)),
        found=f"holds {word} in module {printable(parsed.module if parsed else key, 120)}{role}{more}",
        expected="finite numbers only",
        way_out="its training broke down: take an earlier epoch of it, or leave it out",
    )


@lru_cache(maxsize=1024)
def _broken(path: Path, mark: FileMark) -> tuple[tuple[str, str], ...]:
    return tuple(broken_tensors(path, read_header(path)))
