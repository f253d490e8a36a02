"""Settings of the data set: its folders, what is held out, repeats and buckets."""

from pydantic import field_validator

from trainer.settings.amounts import (
    check_path,
    check_picture_name,
    check_repeats,
    check_resolution,
    check_text,
)
from trainer.settings.one_setting import EXACT, NO_KEY, Decides, SettingFields, Text, TextList, setting
from trainer.settings.profile_defaults import check_profile, others


class DataFields(SettingFields):
    """Section Data, as far as pictures go."""

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

    @field_validator("behave_like")
    @classmethod
    def _profile_is_known(cls, value: str | None) -> str | None:
        return check_profile(value)

    @field_validator("resolution")
    @classmethod
    def _resolution_is_a_size(cls, value: str) -> str:
        return check_resolution(value)

    @field_validator("num_repeats")
    @classmethod
    def _repeats_name_a_folder(cls, value: list[str]) -> list[str]:
        return [check_repeats(text) for text in value]

    @field_validator("exclude_pictures")
    @classmethod
    def _names_lie_in_the_folder(cls, value: list[str]) -> list[str]:
        return list(dict.fromkeys(map(check_picture_name, value)))

    @field_validator("train_data_dir", "validation_data_dir", "reg_data_dir", "dataset_config")
    @classmethod
    def _data_path_can_be_written(cls, value: str) -> str:
        return check_path(value)

    @field_validator("validation_outfit")
    @classmethod
    def _outfit_can_be_written(cls, value: str) -> str:
        return check_text(value)
