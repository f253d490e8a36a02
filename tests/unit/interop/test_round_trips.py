"""Import, export, import: the same settings; for files of three kinds (old, new, edited by hand) of each format that is written."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

import trainer.demo
from trainer.dataset.read import read_data
from trainer.dataset.records import CaptionRules, DataSet
from trainer.demo.workspace import make_demo
from trainer.interop.documents import read_document
from trainer.interop.export.data import SUBSET_OPTIONS
from trainer.interop.export.export import OF_DATA, export_settings, in_effect
from trainer.interop.export.targets import TARGETS
from trainer.interop.importer import Imported, import_documents
from trainer.interop.record import SourceDocument
from trainer.interop.write_import import import_to, write_import
from trainer.plan.behaviour import imitate
from trainer.settings.describe import fields
from trainer.settings.model import Settings
from trainer.settings.subject import resolve
from trainer.settings.toml_file import load_settings

BASE = Path(trainer.demo.__file__).parent / "model"

GUI_OLD = r"""{
  "pretrained_model_name_or_path": "D:\\base", "v2": false, "logging_dir": "", "train_data_dir": "D:\\sets", "reg_data_dir": "",
  "output_dir": "D:\\out", "max_resolution": "64,64", "min_bucket_reso": 32, "max_bucket_reso": 128, "learning_rate": "1e-4",
  "lr_scheduler": "cosine", "lr_warmup": "10", "train_batch_size": 2, "epoch": "3", "save_every_n_epochs": "1",
  "mixed_precision": "fp16", "save_precision": "fp16", "seed": "1234", "num_cpu_threads_per_process": 2, "cache_latents": true,
  "caption_extension": ".txt", "enable_bucket": true, "gradient_checkpointing": false, "full_fp16": false, "no_token_padding": false,
  "stop_text_encoder_training": 40, "use_8bit_adam": false, "xformers": true, "save_model_as": "safetensors",
  "shuffle_caption": true, "save_state": false, "resume": "", "prior_loss_weight": 1.0, "text_encoder_lr": "5e-5",
  "unet_lr": "1e-3", "network_dim": 8, "lora_network_weights": "", "color_aug": false, "flip_aug": false, "clip_skip": 1,
  "gradient_accumulation_steps": 1, "mem_eff_attn": false, "output_name": "old", "model_list": "custom", "max_token_length": "75",
  "max_train_epochs": "", "max_data_loader_n_workers": "", "network_alpha": 4, "training_comment": "a trigger", "keep_tokens": 1,
  "lr_scheduler_num_cycles": "", "lr_scheduler_power": "", "persistent_data_loader_workers": false, "bucket_no_upscale": false,
  "random_crop": false, "bucket_reso_steps": 32.0, "caption_dropout_every_n_epochs": 0.0, "caption_dropout_rate": 0.1
}"""
GUI_NEW = r"""{
  "LoRA_type": "Kohya LoCon", "LyCORIS_preset": "full", "conv_dim": 4, "conv_alpha": 2, "network_dim": 8, "network_alpha": 4,
  "pretrained_model_name_or_path": "D:/base", "train_data_dir": "D:/sets", "max_resolution": "64,64", "min_bucket_reso": 32,
  "max_bucket_reso": 128, "bucket_reso_steps": 32, "epoch": 1, "max_train_epochs": 2, "max_train_steps": 1600, "lr_warmup": 0,
  "lr_warmup_steps": 7, "learning_rate": 0.0001, "text_encoder_lr": 0.0001, "t5xxl_lr": 0, "unet_lr": 0.0002,
  "optimizer": "AdamW", "optimizer_args": "weight_decay=0.1 betas=0.9,0.99", "lr_scheduler": "cosine_with_restarts",
  "lr_scheduler_num_cycles": 2, "xformers": "sdpa", "mixed_precision": "bf16", "save_precision": "bf16", "seed": 31,
  "noise_offset_type": "Multires", "noise_offset": 0.05, "multires_noise_iterations": 6, "multires_noise_discount": 0.3,
  "min_snr_gamma": 5, "scale_weight_norms": 1, "network_dropout": 0.1, "rank_dropout": 0.05, "sdxl": false, "clip_skip": 2,
  "additional_parameters": "--zero_terminal_snr --caption_tag_dropout_rate=0.1", "block_dims": "", "flux1_checkbox": false,
  "sample_every_n_epochs": 0, "sample_prompts": "", "sample_sampler": "euler_a", "caption_extension": ".txt", "train_batch_size": 2
}"""
GUI_EDITED = "\ufeff" + (
    '{\r\n  "max_resolution": " 64,64 ",\r\n  "pretrained_model_name_or_path": "D:\\\\base",\r\n  "train_data_dir": "D:\\\\sets",\r\n'
    '  "network_dim": "16",\r\n  "min_bucket_reso": "32", "max_bucket_reso": "128", "bucket_reso_steps": "32",\r\n'
    '  "optimizer": "AdamW", "LoRA_type": "Standard", "unet_lr": "0.0005", "text_encoder_lr": 0, "shuffle_caption": "True",\r\n'
    '  "max_train_steps": "40", "seed": "7", "_comment": "from a friend", "lr_warmup": ""\r\n}\r\n'
)
SD_OLD = r"""
pretrained_model_name_or_path = 'D:\base'
train_data_dir = 'D:\sets'
network_module = "networks.lora"
network_dim = 8
network_alpha = 4
learning_rate = 1e-4
unet_lr = 1e-3
text_encoder_lr = 5e-5
use_8bit_adam = true
resolution = "64"
enable_bucket = true
min_bucket_reso = 32
max_bucket_reso = 128
bucket_reso_steps = 32
caption_extension = ".txt"
max_train_epochs = 2
train_batch_size = 2
lr_scheduler = "cosine_with_restarts"
lr_scheduler_num_cycles = 2
lr_warmup_steps = 5
clip_skip = 2
seed = 11
cache_latents = true
xformers = true
mixed_precision = "fp16"
save_precision = "fp16"
"""
SD_NEW = r"""
[model_arguments]
pretrained_model_name_or_path = "D:/base"
[dataset_arguments]
train_data_dir = "D:/sets"
resolution = "64,64"
enable_bucket = true
min_bucket_reso = 32
max_bucket_reso = 128
bucket_reso_steps = 32
caption_extension = ".txt"
[network_arguments]
network_module = "networks.lora"
network_dim = 8
network_alpha = 4.0
network_args = ["conv_dim=4", "conv_alpha=2", "loraplus_unet_lr_ratio=4"]
[training_arguments]
max_train_steps = 30
lr_warmup_steps = 0.1
lr_scheduler = "warmup_stable_decay"
lr_decay_steps = 0.2
optimizer_type = "AdamW"
optimizer_args = ["weight_decay=0.1", "betas=0.9,0.99"]
unet_lr = 1e-4
text_encoder_lr = [5e-5]
max_grad_norm = 0.0
min_snr_gamma = 5.0
noise_offset = 0.05
mixed_precision = "bf16"
save_precision = "bf16"
sdpa = true
seed = 3
no_half_vae = true
loss_type = "huber"
"""
SD_EDITED = "\ufeff# by hand\r\n" + (
    'pretrained_model_name_or_path = "D:/base" # the base\r\ntrain_data_dir = "D:/sets"\r\nnetwork_dim = "4"\r\nresolution = 64\r\n'
    'enable_bucket = true\r\nmin_bucket_reso = 32\r\nmax_bucket_reso = "128"\r\nbucket_reso_steps = 32\r\nunet_lr = "3e-4"\r\n'
    'max_train_steps = 20\r\nmy_note = "x"\r\ncaption_extension = ".txt"\r\nmixed_precision = "bf16"\r\nseed = 5\r\n'
)
ETS_OLD = r"""{
  "base_model": "D:\\base", "img_folder": "D:\\sets", "output_folder": "D:\\out", "change_output_name": "old",
  "save_json_folder": null, "load_json_path": null, "json_load_skip_list": null, "multi_run_folder": null, "net_dim": 8, "alpha": 4,
  "scheduler": "cosine_with_restarts", "cosine_restarts": 2, "scheduler_power": 1, "warmup_lr_ratio": 0.05, "learning_rate": 0.0001,
  "text_encoder_lr": null, "unet_lr": 0.0005, "num_workers": 1, "persistent_workers": true, "batch_size": 2, "num_epochs": 2,
  "save_every_n_epochs": null, "shuffle_captions": true, "keep_tokens": 1, "max_steps": null, "tag_occurrence_txt_file": false,
  "train_resolution": 64, "min_bucket_resolution": 32, "max_bucket_resolution": 128, "lora_model_for_resume": null,
  "save_state": false, "load_previous_save_state": null, "training_comment": "trigger", "unet_only": false, "text_only": false,
  "reg_img_folder": null, "clip_skip": 2, "test_seed": 23, "prior_loss_weight": 1, "gradient_checkpointing": false,
  "gradient_acc_steps": null, "mixed_precision": "fp16", "save_precision": "fp16", "save_as": "safetensors",
  "caption_extension": ".txt", "max_clip_token_length": 150, "buckets": true, "xformers": true, "use_8bit_adam": false,
  "cache_latents": true, "color_aug": false, "flip_aug": false, "random_crop": false, "vae": null, "no_meta": false, "log_dir": null,
  "bucket_reso_steps": 32, "bucket_no_upscale": false, "v2": false, "v_parameterization": false, "caption_dropout_rate": null,
  "caption_dropout_every_n_epochs": null, "caption_tag_dropout_rate": null
}"""
ETS_NEW = r"""
[[subsets]]
caption_extension = ".txt"
image_dir = "D:/sets/10_hifumi_chan"
keep_tokens = 1
name = "subset 1"
num_repeats = 4
shuffle_caption = true

[train_mode]
train_mode = "lora"

[general_args.args]
pretrained_model_name_or_path = "D:/base"
mixed_precision = "bf16"
seed = 23
clip_skip = 2
max_train_epochs = 2
max_token_length = 225
prior_loss_weight = 1.0
sdpa = true
cache_latents = true
[general_args.dataset_args]
resolution = 64
batch_size = 2
[network_args.args]
network_dim = 8
network_alpha = 4.0
min_timestep = 0
max_timestep = 1000
[network_args.args.network_args]
conv_dim = 4
conv_alpha = 2.0
[optimizer_args.args]
optimizer_type = "AdamW"
lr_scheduler = "cosine"
learning_rate = 0.0001
unet_lr = 0.0002
warmup_ratio = 0.1
max_grad_norm = 1.0
loss_type = "l2"
[optimizer_args.args.optimizer_args]
weight_decay = "0.1"
betas = "0.9,0.99"
[saving_args.args]
output_dir = "D:/out"
output_name = "new"
save_precision = "fp16"
save_model_as = "safetensors"
[bucket_args.dataset_args]
enable_bucket = true
min_bucket_reso = 32
max_bucket_reso = 128
bucket_reso_steps = 32
"""
ETS_EDITED = "\ufeff" + "\r\n".join(
    line
    for line in ETS_NEW.replace("sdpa = true", 'sdpa = "true" # faster')
    .replace("seed = 23", 'seed = "23"')
    .splitlines()
    if not line.startswith(("max_timestep", "max_grad_norm", "name"))
).replace("[saving_args.args]", '[saving_args.args]\r\nmy_note = "x"')

FILES = [
    ("kohya-gui", "old", GUI_OLD),
    ("kohya-gui", "new", GUI_NEW),
    ("kohya-gui", "edited", GUI_EDITED),
    ("sd-scripts", "old", SD_OLD),
    ("sd-scripts", "new", SD_NEW),
    ("sd-scripts", "edited", SD_EDITED),
    ("easy-training-scripts", "old", ETS_OLD),
    ("easy-training-scripts", "new", ETS_NEW),
    ("easy-training-scripts", "edited", ETS_EDITED),
]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the demo's pictures, which the files call `D:\\`."""
    root = tmp_path_factory.mktemp("here")
    shutil.copytree(make_demo(root / "demo").root / "data", root / "sets")
    (root / "base").symlink_to(BASE)
    return root


def imported(document: SourceDocument, here: Path, name: str) -> tuple[Imported, Path]:
    """Write what an import makes beside the others; return it and the settings file."""
    out = here / f"{name}.toml"
    made = import_to([document], out, path_map={"D:\\": f"{here}/"}, subject="")
    write_import(made, out, force=True)
    return made, out


def in_force(path: Path) -> Settings:
    """Return what is trained: resolved, with the numbers of the trainer that it behaves like."""
    settings = resolve(load_settings(path), path)
    return imitate(settings, read_data(settings)).settings


@pytest.mark.parametrize(("target", "kind", "text"), FILES, ids=[f"{target} {kind}" for target, kind, _ in FILES])
def test_a_file_comes_back_as_it_went(target: str, kind: str, text: str, here: Path) -> None:
    document = read_document(text.encode(), f"{kind} file")
    first, path = imported(document, here, f"{target}-{kind}")
    report = first.report
    assert len(report.keys) == len(document.keys)
    assert {key.key for key in report.of("unknown")} == ({"edited": {_note(target)}}.get(kind, set()))
    settings = resolve(load_settings(path), path)
    out = here / f"{target}-{kind}-out"
    made = export_settings(settings, path, TARGETS[target], out, here / f"{target}-{kind}.dataset.toml")
    assert [each.setting for each in made.report.of("lost")] == []
    for beside, words in made.beside.items():
        beside.write_text(words)
    second, again = imported(read_document(made.text.encode(), "the export"), here, f"{target}-{kind}-again")
    before, after = in_force(path), in_force(again)
    translated = {each.setting for each in made.report.of("translated")} & {"mixed_precision", "caption_extension"}
    # Easy Training Scripts says of each folder what is done to its captions; the pictures below are compared with their rules.
    in_folders = SUBSET_OPTIONS if target == "easy-training-scripts" else ()
    different = {
        info.name: (getattr(before, info.name), getattr(after, info.name))
        for info in fields()
        if info.name not in (*OF_DATA, *translated, *in_folders)
        and in_effect(before, info.name) != in_effect(after, info.name)
    }
    assert different == {}
    assert second.report.of("unknown") == ()
    assert _shown(read_data(before)) == _shown(read_data(after))


def _note(target: str) -> str:
    return {"kohya-gui": "_comment", "sd-scripts": "my_note", "easy-training-scripts": "saving_args.args.my_note"}[
        target
    ]


def _shown(data: DataSet) -> list[tuple[str, int, str, CaptionRules]]:
    found = ((str(each.path), each.repeats, each.caption, each.caption_rules) for each in data.pictures)
    return sorted(found, key=lambda picture: picture[0])


# A value of every setting that each format can say exactly, other than its default.
RANDOM = st.fixed_dictionaries(
    {},
    optional={
        "network_dim": st.integers(1, 256),
        "network_alpha": st.floats(0.5, 256).map(lambda value: round(value, 3)),
        "conv_dim": st.integers(1, 64),
        "unet_lr": st.floats(1e-6, 1e-2).map(lambda value: float(f"{value:.3g}")),
        "text_encoder_lr": st.floats(1e-6, 1e-2).map(lambda value: float(f"{value:.3g}")),
        "network_train_unet_only": st.booleans(),
        "max_train_epochs": st.none() | st.integers(1, 50),
        "max_train_steps": st.integers(1, 5000),
        "lr_warmup_steps": st.sampled_from(["0", "7", "10%", "0.25", "29%"]),
        "lr_scheduler": st.sampled_from(["constant", "linear", "cosine", "cosine_with_restarts", "polynomial"]),
        "lr_scheduler_num_cycles": st.integers(1, 9),
        "lr_scheduler_power": st.floats(0.5, 4).map(lambda value: round(value, 2)),
        "optimizer_args": st.sampled_from([[], ["weight_decay=0.1"], ["weight_decay=0.01", "betas=0.9:0.99"]]),
        "train_batch_size": st.integers(1, 16),
        "gradient_accumulation_steps": st.integers(1, 8),
        "seed": st.integers(1, 2**32 - 1),
        "clip_skip": st.integers(1, 2),
        "noise_offset": st.sampled_from([0.0, 0.05]),
        "min_snr_gamma": st.none() | st.integers(1, 20),
        "scale_weight_norms": st.none() | st.sampled_from([0.5, 1.0]),
        "network_dropout": st.sampled_from([0.0, 0.25]),
        "rank_dropout": st.sampled_from([0.0, 0.1]),
        "shuffle_caption": st.booleans(),
        "keep_tokens": st.integers(0, 8),
        "caption_tag_dropout_rate": st.sampled_from([0.0, 0.1]),
        "max_token_length": st.sampled_from(["75", "150", "225"]),
        "mixed_precision": st.sampled_from(["no", "fp16", "bf16"]),
        "save_every_n_epochs": st.none() | st.integers(1, 9),
        "loss_type": st.sampled_from(["l2", "l1", "huber"]),
        "gradient_checkpointing": st.booleans(),
        "fp8_base": st.booleans(),
        "max_grad_norm": st.sampled_from([0.5, 1.0, 2.0]),
        "training_comment": st.sampled_from(["", 'a "b" \\ c', "[red]x"]),
    },
)


@pytest.mark.parametrize("target", TARGETS)
@hypothesis.settings(max_examples=hypothesis.settings.default.max_examples // 4)
@given(values=RANDOM)
def test_any_settings_come_back_or_are_reported(target: str, values: Mapping[str, object], here: Path) -> None:
    small = {"resolution": "64", "min_bucket_reso": 32, "max_bucket_reso": 128, "bucket_reso_steps": 32}
    paths = {"train_data_dir": str(here / "sets"), "pretrained_model_name_or_path": str(here / "base")}
    settings = Settings.model_validate(small | paths | dict(values) | {"caption_extension": [".txt"]})
    made = export_settings(settings, here / "x.toml", TARGETS[target], here / "x.out", here / "x.dataset.toml")
    back = import_documents([read_document(made.text.encode(), "the export")]).settings
    fates = {each.setting: each.fate for each in made.report.settings}
    assert list(fates) == [info.name for info in fields()]
    written = [name for name, fate in fates.items() if fate == "written" and name not in OF_DATA]
    in_folders = SUBSET_OPTIONS if target == "easy-training-scripts" else ()
    assert [
        name for name in written if name not in in_folders and in_effect(settings, name) != in_effect(back, name)
    ] == []
    assert {name for name, fate in fates.items() if fate == "lost"} <= {"save_every_n_epochs"}
