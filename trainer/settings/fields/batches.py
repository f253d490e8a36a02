"""Settings of batches: masks of the loss, size, and how many processes share one."""

from pydantic import field_validator

from trainer.settings.amounts import check_path
from trainer.settings.one_setting import EXACT, NO_KEY, SettingFields, setting


class BatchFields(SettingFields):
    """Section Data, as far as batches go."""

    masked_loss: bool = setting(
        False,
        "Data",
        "masked loss",
        "Train only where a mask is white: a picture of the same name in conditioning_data_dir, or the picture's own transparency (alpha_mask).",
        memory="yes",
        speed=False,
        metadata="ss_masked_loss",
        exactness=EXACT,
        synonyms="mask, background, transparency",
    )
    conditioning_data_dir: str = setting(
        "",
        "Data",
        "masks folder",
        "Folder with a mask for each picture under the picture's name, or subfolders named like the pictures' folders; white counts, black does not. Blank: none.",
        memory="no",
        speed=False,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="mask, background",
        path="data",
    )
    alpha_mask: bool = setting(
        False,
        "Data",
        "mask from alpha",
        "Use a picture's transparency as its mask: transparent areas do not count.",
        memory="yes",
        speed=False,
        metadata="ss_alpha_mask",
        exactness=EXACT,
        synonyms="transparency, background, png",
    )
    train_batch_size: int = setting(
        3,
        "Data",
        "batch size",
        "Pictures per forward pass. 3 at 512² with dim 128 is what fits an 8 GB GPU with a desktop on it.",
        unit="pictures",
        memory="derived",
        speed=True,
        metadata=("ss_batch_size_per_device", "ss_total_batch_size"),
        exactness=EXACT,
        synonyms="vram, memory, out of memory, oom",
        ge=1,
        le=512,
    )
    num_processes: int = setting(
        1,
        "Data",
        "GPUs at once",
        "Processes that train one LoRA together, each on a GPU of its own, started by `accelerate launch`, which fills this in. Each takes batch size pictures of every batch: 2 GPUs with a batch size of 3 train as one would with 6.",
        memory="derived",
        speed=True,
        metadata=("ss_total_batch_size",),
        exactness=EXACT,
        synonyms="several gpus, multi gpu, distributed, ddp, accelerate, world size",
        ge=1,
        le=256,
    )

    @field_validator("conditioning_data_dir")
    @classmethod
    def _mask_path_can_be_written(cls, value: str) -> str:
        return check_path(value)
