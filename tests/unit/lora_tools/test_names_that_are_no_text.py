"""LoRA files whose names are no text, as file systems of other encodings hold them: read and written as any other."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from dense_loras import reference, write_form

from trainer.lora_tools.copy_modules import PartOf, mix_loras
from trainer.lora_tools.decompose import RankRule
from trainer.lora_tools.edit_metadata import read_metadata, write_metadata
from trainer.lora_tools.made_lora import NO_ALPHA, Output
from trainer.lora_tools.merge import WeightedLora, average_loras, merge_loras
from trainer.lora_tools.references import LoraReference
from trainer.lora_tools.resize import resize_lora
from trainer.lora_tools.scale import weigh_lora, write_alpha
from trainer.models.block_weights import BlockWeights
from trainer.models.lora_header import read_lora_header

OPERATIONS: dict[str, Callable[[LoraReference, Output], object]] = {
    "resize": lambda file, output: resize_lora(file, RankRule(rank=2), output),
    "merge": lambda file, output: merge_loras([WeightedLora(file), WeightedLora(file, 0.5)], output),
    "average": lambda file, output: average_loras([file, file], output),
    "mix": lambda file, output: mix_loras([PartOf("", file)], output),
    "weights": lambda file, output: weigh_lora(file, BlockWeights(), output, weight=0.5),
    "alpha": lambda file, output: write_alpha(file, NO_ALPHA, output),
    "metadata": lambda file, output: write_metadata(file.path, {"a": "b"}, output),
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_file_of_any_name_is_read_and_written(operation: str, tmp_path: Path) -> None:
    source, out = (tmp_path / os.fsdecode(name + b".safetensors") for name in (b"f\xe9e", b"\xff\xfe"))
    write_form(source, "kohya")
    OPERATIONS[operation](reference(source), Output(out))
    assert read_lora_header(out).modules
    assert all(text.isprintable() for text in read_metadata(out).values())
