"""What may be asked of the data? Pictures, words, buckets."""

import re
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, field_validator

from trainer.settings.amounts import check_amount, check_repeats, check_resolution, check_text
from trainer.settings.one_setting import Text, TextList, as_text, setting


class DataFields(BaseModel):
    """Section Data."""

    subject: str = setting(
        "",
        "Data",
        "subject",
        "Name of the subject file in subjects/. Blank paths below are taken from it.",
    )
    train_data_dir: str = setting(
        "",
        "Data",
        "pictures",
        "Folder with the pictures: `N_name` folders (N repeats of each picture), or pictures directly in it. Blank: the subject's.",
    )
    reg_data_dir: str = setting(
        "",
        "Data",
        "regularisation",
        "Folder with pictures of the class at large, in `N_name` folders: trained beside the others so that the class stays what it was. Twice the steps. Blank: none.",
    )
    dataset_config: str = setting(
        "",
        "Data",
        "data set file",
        "sd-scripts' TOML with [[datasets]] and [[datasets.subsets]]; where it is named it says which pictures there are, and the folders above are not read. Blank: none.",
    )
    validation_data_dir: str = setting(
        "",
        "Data",
        "validation",
        "Folder with pictures kept out of training; their loss at fixed noise and times is the validation loss. Blank: the subject's, or none.",
    )
    dataset_repeats: int = setting(
        1,
        "Data",
        "repeats (flat)",
        "How often each picture comes in an epoch when the pictures lie directly in the folder; `N_name` folders say it themselves.",
        unit="times",
        ge=1,
        le=10_000,
    )
    num_repeats: TextList = setting(
        [],
        "Data",
        "other repeats",
        "Repeats of single folders in place of those in their names: `10_school=4`, several separated by commas; 0 leaves a folder out.",
    )
    prior_loss_weight: float = setting(
        1.0, "Data", "class weight", "What the loss of a regularisation picture counts.", unit="times", ge=0, le=100
    )
    resolution: Text = setting(
        "512",
        "Data",
        "resolution",
        "Size to train at: `512` or `width,height`. Buckets keep this area. 512 is what SD1.x was trained at.",
        unit="px",
    )
    enable_bucket: bool = setting(
        True,
        "Data",
        "buckets",
        "Sort pictures of other shapes into buckets of equal area instead of cropping all to one shape.",
    )
    min_bucket_reso: int = setting(256, "Data", "smallest side", "Shortest bucket side.", unit="px", ge=32, le=8192)
    max_bucket_reso: int = setting(1024, "Data", "longest side", "Longest bucket side.", unit="px", ge=32, le=8192)
    bucket_reso_steps: int = setting(
        64,
        "Data",
        "bucket step",
        "Bucket sides are multiples of this. SD1.x halves the picture six times, so its multiples of 64 fit without padding.",
        unit="px",
        ge=8,
        le=512,
        multiple_of=8,
    )
    bucket_no_upscale: bool = setting(
        False, "Data", "never enlarge", "Leave small pictures at their size; buckets are made as needed."
    )
    caption_extension: TextList = setting(
        [".txt", ".caption"],
        "Data",
        "captions",
        "Endings of caption files, tried in this order. Both are in use; sd-scripts looks for .caption alone and silently trains without the rest.",
        min_length=1,
    )
    shuffle_caption: bool = setting(
        False, "Data", "shuffle tags", "Give the tags of a caption in another order each time."
    )
    keep_tokens: int = setting(
        0, "Data", "keep tags", "The first tags that shuffling leaves in place.", unit="tags", ge=0, le=255
    )
    keep_tokens_separator: str = setting(
        "",
        "Data",
        "keep up to",
        "Text such as `|||` in the captions: what stands before the first stays in place, and what stands behind a second. Blank: keep_tokens counts.",
    )
    secondary_separator: str = setting(
        "",
        "Data",
        "joined tags",
        "Text such as `;;;` that holds tags together while they are shuffled or dropped; it becomes a comma afterwards. Blank: none.",
    )
    caption_prefix: str = setting("", "Data", "prefix", "Words put in front of every caption.")
    caption_suffix: str = setting("", "Data", "suffix", "Words put behind every caption.")
    caption_dropout_rate: float = setting(
        0.0,
        "Data",
        "caption dropout",
        "Share of showings without any words, so that the character also learns to come unasked.",
        ge=0,
        le=1,
    )
    caption_dropout_every_n_epochs: int = setting(
        0, "Data", "wordless epoch", "Every n-th epoch has no words at all. 0: none.", unit="epochs", ge=0, le=100_000
    )
    caption_tag_dropout_rate: float = setting(
        0.0, "Data", "tag dropout", "Share of tags left out, of those that are not kept in place.", ge=0, le=1
    )
    enable_wildcard: bool = setting(
        False,
        "Data",
        "wildcards",
        "`{red|blue}` in a caption means one of them each time; of several lines one is taken each time.",
    )
    token_warmup_min: int = setting(
        1,
        "Data",
        "first tags",
        "Tags that a caption begins with where a tag warm-up is set.",
        unit="tags",
        ge=1,
        le=255,
    )
    token_warmup_step: Text = setting(
        "0",
        "Data",
        "tag warm-up",
        "Over this the captions grow to their full length: steps (`100`) or a share of the bake (`10%`). 0: at once.",
        unit="steps or %",
    )
    max_token_length: Annotated[Literal["75", "150", "225"], BeforeValidator(as_text)] = setting(
        "75",
        "Data",
        "longest caption",
        "Tokens of a caption that are read, in chunks of 75; what is longer is cut.",
        unit="tokens",
    )
    masked_loss: bool = setting(
        False,
        "Data",
        "masked loss",
        "Count only what a mask shows: a picture of the same name in conditioning_data_dir, or the picture's own transparency (alpha_mask).",
    )
    conditioning_data_dir: str = setting(
        "",
        "Data",
        "masks",
        "Folder with a mask for each picture under the picture's name, or folders in it named as the pictures' folders are; white counts, black does not. Blank: none.",
    )
    alpha_mask: bool = setting(
        False,
        "Data",
        "mask by alpha",
        "Take a picture's transparency for its mask: what is transparent does not count.",
    )
    train_batch_size: int = setting(
        3,
        "Data",
        "batch",
        "Pictures in one pass. 3 at 512² with dim 128 is what fits an 8 GB card with a desktop on it.",
        unit="pictures",
        ge=1,
        le=512,
    )

    @field_validator("resolution")
    @classmethod
    def _resolution_is_a_size(cls, value: str) -> str:
        return check_resolution(value)

    @field_validator("caption_extension")
    @classmethod
    def _endings_have_a_dot(cls, value: list[str]) -> list[str]:
        endings = [f".{ending.strip().removeprefix('.')}" for ending in value]
        if not all(re.fullmatch(r"\.[\w.-]+", ending) for ending in endings):
            raise ValueError("endings such as `.txt`")
        return endings

    @field_validator("num_repeats")
    @classmethod
    def _repeats_name_a_folder(cls, value: list[str]) -> list[str]:
        return [check_repeats(text) for text in value]

    @field_validator("token_warmup_step")
    @classmethod
    def _tag_warm_up_is_an_amount(cls, value: str) -> str:
        return check_amount(value)

    @field_validator(
        "train_data_dir",
        "validation_data_dir",
        "reg_data_dir",
        "dataset_config",
        "conditioning_data_dir",
        "keep_tokens_separator",
        "secondary_separator",
        "caption_prefix",
        "caption_suffix",
    )
    @classmethod
    def _text_can_be_written(cls, value: str) -> str:
        return check_text(value)
