"""Settings of pictures, captions and buckets."""

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, field_validator

from trainer.settings.amounts import (
    check_amount,
    check_path,
    check_picture_name,
    check_repeats,
    check_resolution,
    check_text,
)
from trainer.settings.one_setting import EXACT, NO_KEY, Decides, SettingFields, Text, TextList, as_text, setting
from trainer.settings.profile_defaults import check_profile, others


class DataFields(SettingFields):
    """Section Data."""

    subject: str = setting(
        "",
        "Data",
        "subject",
        "Name of the subject file in subjects/. Paths left blank below come from it.",
        memory="derived",
        speed=False,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="character, concept, trigger word, project",
        stays_here=True,
        decides=Decides.NO,
    )
    behave_like: str | None = setting(
        None,
        "Data",
        "behave like",
        "Another trainer on its day: what is not set has its defaults, and pictures, repeats, steps, warm-up, epochs and captions count as there. The plan says what that means. Blank: our own ways.",
        memory="derived",
        speed=False,
        metadata=("ss_behave_like",),
        exactness=EXACT,
        synonyms="trainer, profile, compatible, imitate, reproduce, script, kohya, sd-scripts, anon, easy training scripts, legacy, dreambooth extension, cloneofsimo, onetrainer, ai-toolkit",
        choices=others(),
    )
    train_data_dir: str = setting(
        "",
        "Data",
        "training pictures",
        "Folder of training pictures: `N_name` folders (N repeats of each picture), or pictures directly in it. They are not flipped or cropped at random: add mirrored copies if you want them. Blank: the subject's.",
        memory="derived",
        speed=False,
        metadata=("ss_dataset_dirs", "ss_num_train_images", "ss_tag_frequency", "ss_bucket_info"),
        exactness=EXACT,
        synonyms="images, dataset, folder, data set, flip, mirror, augmentation, random crop",
        path="data",
    )
    reg_data_dir: str = setting(
        "",
        "Data",
        "regularisation folder",
        "Regularisation pictures of the general class, in `N_name` folders; they keep the class from drifting. Doubles the steps. Blank: none.",
        memory="derived",
        speed=False,
        metadata=("ss_reg_dataset_dirs", "ss_num_reg_images"),
        exactness=EXACT,
        synonyms="regularization, class images, prior preservation",
        path="data",
    )
    dataset_config: str = setting(
        "",
        "Data",
        "data set file",
        "sd-scripts' file with [[datasets]] and [[datasets.subsets]], in TOML or JSON. It replaces the two folders above. Blank: none.",
        memory="derived",
        speed=False,
        metadata=("ss_datasets",),
        exactness=EXACT,
        synonyms="dataset config, toml, subsets",
        path="data",
    )
    validation_data_dir: str = setting(
        "",
        "Data",
        "validation pictures",
        "Folder of pictures kept out of training; their loss at fixed noise and timesteps is the validation loss. Blank: the subject's, or none.",
        memory="no",
        speed=False,
        metadata=("ss_num_validation_images",),
        exactness=EXACT,
        synonyms="images, held out, overfitting, val",
        path="data",
        decides=Decides.NO,
    )
    validation_split: float = setting(
        0.0,
        "Data",
        "share held out",
        "Share of the training pictures that are not trained on but measured for the validation loss, from 0 to 1, of each folder its part; 0.1 is usual. Regularisation pictures stay. Only where no folder of validation pictures is named. 0: none.",
        memory="derived",
        speed=False,
        metadata=("ss_validation_split", "ss_num_validation_images"),
        exactness=EXACT,
        synonyms="images, held out, hold out, overfitting, memorization, test set, val",
        ge=0,
        lt=1,
    )
    validation_outfit: str = setting(
        "",
        "Data",
        "folder held out",
        "Name of one folder of training pictures, such as an outfit's, that is held out whole in place of a share: how the subject looks in what was never shown. Only where no folder of validation pictures is named. Blank: none.",
        memory="derived",
        speed=False,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="images, held out, hold out, leave one out, validation folder, val",
    )
    validation_seed: int = setting(
        0,
        "Data",
        "validation seed",
        "Seed of the choice of pictures that are held out, and of the fixed noise of the validation loss.",
        memory="derived",
        speed=False,
        metadata="ss_validation_seed",
        exactness=EXACT,
        synonyms="random",
        ge=0,
        le=2**32 - 1,
    )
    dataset_repeats: int = setting(
        1,
        "Data",
        "default repeats",
        "How often each picture is shown per epoch when pictures lie directly in the folder; `N_name` folders carry their own number.",
        unit="times",
        memory="derived",
        speed=False,
        metadata=("ss_dataset_dirs", "ss_num_train_images"),
        exactness=EXACT,
        synonyms="repeats",
        ge=1,
        le=10_000,
    )
    num_repeats: TextList = setting(
        [],
        "Data",
        "repeats per folder",
        "Repeats of single folders, in place of the number in their names: `10_school=4`, several separated by commas; 0 leaves a folder out.",
        memory="derived",
        speed=False,
        metadata=("ss_dataset_dirs", "ss_num_train_images"),
        exactness=EXACT,
        synonyms="balance, weight",
    )
    exclude_pictures: TextList = setting(
        [],
        "Data",
        "pictures left out",
        "Pictures that are left out of training and stay where they are: their names from the data folder, `10_school/a.png`, several separated by commas; a name with a comma stands in double quotes. Blank: none.",
        memory="derived",
        speed=False,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="images, exclude, ignore, skip, remove, hide, blacklist",
        stays_here=True,
    )
    prior_loss_weight: float = setting(
        1.0,
        "Data",
        "prior loss weight",
        "Weight of a regularisation picture's loss.",
        memory="no",
        speed=False,
        metadata="ss_prior_loss_weight",
        exactness=EXACT,
        synonyms="class, regularization",
        ge=0,
        le=100,
    )
    resolution: Text = setting(
        "512",
        "Data",
        "resolution",
        "Training size: `512` or `width,height`. Buckets keep this area. 512 is what SD1.x was trained at.",
        unit="px",
        memory="derived",
        speed=True,
        metadata=("ss_resolution", "modelspec.resolution"),
        exactness=EXACT,
        synonyms="image size, width, height, vram, pixels",
    )
    enable_bucket: bool = setting(
        True,
        "Data",
        "aspect ratio buckets",
        "Sort pictures of other shapes into buckets of equal area instead of cropping all to one shape.",
        memory="derived",
        speed=False,
        metadata=("ss_enable_bucket", "ss_bucket_info"),
        exactness=EXACT,
        synonyms="aspect ratio, crop, bucketing",
    )
    min_bucket_reso: int = setting(
        256,
        "Data",
        "min bucket side",
        "Shortest bucket side.",
        unit="px",
        memory="derived",
        speed=False,
        metadata=("ss_min_bucket_reso",),
        exactness=EXACT,
        synonyms="smallest, aspect ratio",
        ge=32,
        le=8192,
    )
    max_bucket_reso: int = setting(
        1024,
        "Data",
        "max bucket side",
        "Longest bucket side.",
        unit="px",
        memory="derived",
        speed=False,
        metadata=("ss_max_bucket_reso",),
        exactness=EXACT,
        synonyms="longest, largest, aspect ratio",
        ge=32,
        le=8192,
    )
    bucket_reso_steps: int = setting(
        64,
        "Data",
        "bucket step",
        "Bucket sides are multiples of this. SD1.x halves the picture six times, so multiples of 64 fit without padding.",
        unit="px",
        memory="derived",
        speed=False,
        metadata=("ss_bucket_info",),
        exactness=EXACT,
        synonyms="aspect ratio, divisible",
        ge=8,
        le=512,
        multiple_of=8,
    )
    bucket_no_upscale: bool = setting(
        False,
        "Data",
        "no bucket upscaling",
        "Leave small pictures at their size; buckets are made as needed.",
        memory="derived",
        speed=False,
        metadata=("ss_bucket_no_upscale", "ss_bucket_info"),
        exactness=EXACT,
        synonyms="enlarge, small images, upscale",
    )
    caption_extension: TextList = setting(
        [".txt", ".caption"],
        "Data",
        "caption extensions",
        "Extensions of caption files, tried in this order. Both are common; sd-scripts reads only .caption and silently trains without the rest.",
        memory="derived",
        speed=False,
        metadata=("ss_tag_frequency",),
        exactness=EXACT,
        synonyms="txt, caption file, tags, ending",
        min_length=1,
    )
    shuffle_caption: bool = setting(
        False,
        "Data",
        "shuffle tags",
        "Put the tags of a caption in a new order each time. Blank tags (`a,,b`) are left out; sd-scripts keeps them as places.",
        memory="derived",
        speed=False,
        metadata=("ss_shuffle_caption",),
        exactness=EXACT,
        synonyms="order, caption",
    )
    keep_tokens: int = setting(
        0,
        "Data",
        "keep first tags",
        "How many tags at the start stay in place when tags are shuffled.",
        unit="tags",
        memory="derived",
        speed=False,
        metadata=("ss_keep_tokens",),
        exactness=EXACT,
        synonyms="trigger word, activation",
        ge=0,
        le=255,
    )
    keep_tokens_separator: str = setting(
        "",
        "Data",
        "keep-tokens separator",
        "Text such as `|||` in captions: tags before the first one, and after a second one, stay in place. Blank: keep_tokens decides.",
        memory="derived",
        speed=False,
        metadata=("ss_keep_tokens_separator",),
        exactness=EXACT,
        synonyms="trigger word",
    )
    secondary_separator: str = setting(
        "",
        "Data",
        "secondary separator",
        "Text such as `;;;` that holds tags together while they are shuffled or dropped; it becomes a comma afterwards. Blank: none.",
        memory="derived",
        speed=False,
        metadata=("ss_secondary_separator",),
        exactness=EXACT,
        synonyms="group tags, join",
    )
    caption_prefix: str = setting(
        "",
        "Data",
        "caption prefix",
        "Text put before every caption, such as a trigger word.",
        memory="no",
        speed=False,
        metadata=("ss_caption_prefix",),
        exactness=EXACT,
        synonyms="trigger word, activation, before",
    )
    caption_suffix: str = setting(
        "",
        "Data",
        "caption suffix",
        "Text put after every caption.",
        memory="no",
        speed=False,
        metadata=("ss_caption_suffix",),
        exactness=EXACT,
        synonyms="after, append",
    )
    caption_dropout_rate: float = setting(
        0.0,
        "Data",
        "caption dropout",
        "Share of pictures shown without a caption, so that the character is learned without being named.",
        memory="derived",
        speed=False,
        metadata="ss_caption_dropout_rate",
        exactness=EXACT,
        synonyms="drop, unconditional, empty captions",
        ge=0,
        le=1,
    )
    caption_dropout_every_n_epochs: int = setting(
        0,
        "Data",
        "captionless epochs",
        "Every n-th epoch has no captions at all. 0: none.",
        unit="epochs",
        memory="derived",
        speed=False,
        metadata="ss_caption_dropout_every_n_epochs",
        exactness=EXACT,
        synonyms="caption dropout, wordless, unconditional",
        ge=0,
        le=100_000,
    )
    caption_tag_dropout_rate: float = setting(
        0.0,
        "Data",
        "tag dropout",
        "Share of tags left out, except those kept in place.",
        memory="derived",
        speed=False,
        metadata="ss_caption_tag_dropout_rate",
        exactness=EXACT,
        synonyms="drop tags, caption",
        ge=0,
        le=1,
    )
    enable_wildcard: bool = setting(
        False,
        "Data",
        "wildcards in captions",
        "`{red|blue}` in a caption means one of them each time; of several lines one is taken each time.",
        memory="derived",
        speed=False,
        metadata=("ss_enable_wildcard",),
        exactness=EXACT,
        synonyms="random, multi-line captions, dynamic",
    )
    token_warmup_min: int = setting(
        1,
        "Data",
        "tag warm-up minimum",
        "Number of tags that captions have at the start of a tag warm-up.",
        unit="tags",
        memory="no",
        speed=False,
        metadata=("ss_token_warmup_min",),
        exactness=EXACT,
        synonyms="first tags, token warmup",
        ge=1,
        le=255,
    )
    token_warmup_step: Text = setting(
        "0",
        "Data",
        "tag warm-up",
        "Captions grow to their full length over this: steps (`100`) or a share of the bake (`10%`). 0: at once.",
        unit="steps or %",
        memory="derived",
        speed=False,
        metadata=("ss_token_warmup_step",),
        exactness=EXACT,
        synonyms="token warmup, caption",
    )
    max_token_length: Annotated[Literal["75", "150", "225"], BeforeValidator(as_text)] = setting(
        "75",
        "Data",
        "max caption tokens",
        "Tokens read of a caption, in chunks of 75; the rest is cut off.",
        unit="tokens",
        memory="yes",
        speed=False,
        metadata=("ss_max_token_length",),
        exactness=EXACT,
        synonyms="longest caption, chunks, clip",
    )
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

    @field_validator("behave_like")
    @classmethod
    def _profile_is_known(cls, value: str | None) -> str | None:
        return check_profile(value)

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

    @field_validator("exclude_pictures")
    @classmethod
    def _names_lie_in_the_folder(cls, value: list[str]) -> list[str]:
        return list(dict.fromkeys(map(check_picture_name, value)))

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
    )
    @classmethod
    def _data_path_can_be_written(cls, value: str) -> str:
        return check_path(value)

    @field_validator(
        "keep_tokens_separator",
        "secondary_separator",
        "caption_prefix",
        "caption_suffix",
        "validation_outfit",
    )
    @classmethod
    def _text_can_be_written(cls, value: str) -> str:
        return check_text(value)
