"""Three files each of the formats that are read and not written: old, new and edited by hand, every key with one fate."""

import time

import pytest

from trainer.interop.documents import read_document
from trainer.interop.importer import Imported, format_of, import_documents
from trainer.interop.report import FATES

WRITTEN_NEW = """\
bucket_no_upscale = true
bucket_reso_steps = 64
cache_latents = true
caption_extension = ".txt"
clip_skip = 2
dynamo_backend = "no"
enable_bucket = true
epoch = 10
gradient_accumulation_steps = 1
huber_c = 0.1
huber_scale = 1
huber_schedule = "snr"
learning_rate = 0.0001
loss_type = "l2"
lr_scheduler = "cosine"
lr_scheduler_args = []
lr_scheduler_num_cycles = 1
lr_scheduler_power = 1
lr_warmup_steps = 0.1
max_bucket_reso = 2048
max_data_loader_n_workers = 0
max_grad_norm = 1
max_timestep = 1000
max_token_length = 75
max_train_steps = 1600
min_bucket_reso = 256
mixed_precision = "bf16"
network_alpha = 16
network_args = ["conv_dim=8", "conv_alpha=4"]
network_dim = 32
network_module = "networks.lora"
noise_offset_type = "Original"
optimizer_args = ["weight_decay=0.1"]
optimizer_type = "AdamW8bit"
output_dir = "/out"
output_name = "last"
pretrained_model_name_or_path = "/models/a.safetensors"
prior_loss_weight = 1
resolution = "512,512"
sample_prompts = "/out/prompt.txt"
sample_sampler = "euler_a"
save_every_n_epochs = 1
save_model_as = "safetensors"
save_precision = "fp16"
text_encoder_lr = [ 5e-5, 5e-5,]
train_batch_size = 2
train_data_dir = "/data/img"
unet_lr = 0.0001
wandb_run_name = "last"
xformers = true
"""
WRITTEN_OLD = "\n".join(
    line
    for line in WRITTEN_NEW.splitlines()
    if not line.startswith(("huber", "loss_type", "max_timestep", "dynamo", "network_args", "max_grad"))
)
WRITTEN_EDITED = "\ufeff" + (
    "# by hand\n"
    + WRITTEN_OLD.replace("clip_skip = 2", 'clip_skip = "2"  # text').replace("/data/img", "D:/img")
    + "\nmine = 1\n"
).replace("\n", "\r\n")

DEFAULTS_NEW = """\
[settings]
use_shell = false

[model]
models_dir = "./models"
output_name = "new model"
train_data_dir = "./data"
save_precision = "bf16"

[folders]
output_dir = "./outputs"
reg_data_dir = ""

[accelerate_launch]
mixed_precision = "fp16"
num_processes = 1

[basic]
epoch = 3
learning_rate = 0.0001
learning_rate_te1 = 0.0001
lr_scheduler = "cosine"
lr_warmup = 5
max_resolution = "768,768"
max_train_steps = 0
optimizer = "AdamW8bit"
seed = 1234

[advanced]
clip_skip = 2
noise_offset = 0.05
xformers = "sdpa"

[sdxl]
sdxl_no_half_vae = true

[flux1]
ae = ""

[wd14_caption]
caption_extension = ".tags"
"""
DEFAULTS_OLD = DEFAULTS_NEW.split("[sdxl]", maxsplit=1)[0].replace('xformers = "sdpa"', "xformers = true")
DEFAULTS_EDITED = (
    "\ufeff" + DEFAULTS_OLD.replace("epoch = 3", 'epoch = "3" # three').replace("\n", "\r\n") + "mine = 1\r\n"
)
DEFAULTS_ANIMA = (
    DEFAULTS_NEW.replace("[sdxl]", "blocks_to_swap = 12\n\n[sdxl]")
    + """
[anima]
qwen3 = "/m/qwen_3_06b_base.safetensors"
vae = "/m/qwen_image_vae.safetensors"
timestep_sampling = "uniform"
discrete_flow_shift = 3.0
attn_mode = "torch"
compile_mode = "default"
mine = 1
"""
)

ETS_NEW = """{
  "base_model": "E:/m.safetensors", "img_folder": "E:/set", "output_folder": "E:/out", "save_json_folder": null, "net_dim": 32,
  "alpha": 16, "scheduler": "cosine", "cosine_restarts": 1, "warmup_lr_ratio": 0.1, "learning_rate": 0.0001, "unet_lr": 0.0002,
  "text_encoder_lr": 0.00005, "optimizer_type": "AdamW8bit", "optimizer_args": {"weight_decay": "0.1"}, "batch_size": 2,
  "num_epochs": 4, "train_resolution": 512, "height_resolution": 768, "max_clip_token_length": 150, "test_seed": 23, "clip_skip": 2,
  "buckets": true, "min_bucket_resolution": 320, "max_bucket_resolution": 960, "xformers": true, "locon": true, "locon_dim": 8,
  "locon_alpha": 4, "noise_offset": 0.1, "min_snr_gamma": 5, "lyco": false, "huggingface_repo_id": null, "token_warmup_min": 1,
  "sort_tag_occurrence_alphabetically": false, "mixed_precision": "fp16", "save_precision": "fp16", "cache_latents": true
}"""
ETS_OLD = """{
  "base_model": "E:\\\\m.ckpt", "img_folder": "E:\\\\set", "output_folder": "E:\\\\out", "save_at_n_epochs": 1, "net_dim": 128,
  "learning_rate": 1e-4, "num_epochs": 1, "batch_size": 1, "shuffle_captions": false, "keep_tokens": null, "test_seed": 23,
  "max_clip_token_length": 150, "buckets": true, "use_8bit_adam": true, "xformers": true, "prior_loss_weight": 1
}"""
ETS_EDITED = "\ufeff" + ETS_OLD.replace('"net_dim": 128', '"net_dim": "128", "_note": "mine"').replace("\n", "\r\n")

FILES = [
    ("kohya-gui-toml", "old", WRITTEN_OLD, set(), {"network_dim": 32, "lr_warmup_steps": "10%", "clip_skip": 2}),
    (
        "kohya-gui-toml",
        "new",
        WRITTEN_NEW,
        set(),
        {"conv_dim": 8, "conv_alpha": 4.0, "text_encoder_lr": 5e-5, "max_train_steps": 1600},
    ),
    ("kohya-gui-toml", "edited", WRITTEN_EDITED, {"mine"}, {"clip_skip": 2, "train_data_dir": "D:/img"}),
    ("kohya-gui-defaults", "old", DEFAULTS_OLD, set(), {"xformers": True, "max_train_epochs": 3}),
    ("kohya-gui-defaults", "new", DEFAULTS_NEW, set(), {"resolution": "768", "lr_warmup_steps": "5%", "sdpa": True}),
    (
        "kohya-gui-defaults",
        "anima",
        DEFAULTS_ANIMA,
        {"anima.mine"},
        {"qwen3": "/m/qwen_3_06b_base.safetensors", "vae": "/m/qwen_image_vae.safetensors", "blocks_to_swap": 12},
    ),
    ("kohya-gui-defaults", "edited", DEFAULTS_EDITED, {"advanced.mine"}, {"max_train_epochs": 3, "clip_skip": 2}),
    ("easy-training-scripts-2023", "old", ETS_OLD, set(), {"network_dim": 128, "optimizer_type": "AdamW8bit"}),
    (
        "easy-training-scripts-2023",
        "new",
        ETS_NEW,
        set(),
        {"conv_dim": 8, "resolution": "512,768", "optimizer_args": ["weight_decay=0.1"], "lr_warmup_steps": "10%"},
    ),
    ("easy-training-scripts-2023", "edited", ETS_EDITED, {"_note"}, {"network_dim": 128}),
]


def imported(text: str) -> Imported:
    return import_documents([read_document(text.encode(), "a file")])


@pytest.mark.parametrize(
    ("kind", "age", "text", "unknown", "values"), FILES, ids=[f"{kind} {age}" for kind, age, *_ in FILES]
)
def test_every_key_has_one_fate_and_the_values_are_taken(
    kind: str, age: str, text: str, unknown: set[str], values: dict[str, object]
) -> None:
    document = read_document(text.encode(), "a file")
    made = imported(text)
    assert format_of(document).key == kind
    assert [key.key for key in made.report.keys] == [key.key for key in document.keys]
    counts = [len(made.report.of(fate)) for fate in FATES]
    assert sum(counts) == len(document.keys)
    assert made.report.count_line().startswith(f"{len(document.keys)} keys: ")
    assert {key.key for key in made.report.of("unknown")} == unknown
    assert {name: made.values[name] for name in values} == values
    assert all(key.why for key in made.report.of("without effect"))


def test_the_guis_values_for_anima_count_where_they_name_its_encoder() -> None:
    found = imported(DEFAULTS_ANIMA).values
    # Its uniform is not shifted.
    assert found["timestep_sampling"] == "uniform"
    assert "discrete_flow_shift" not in found
    without = imported(DEFAULTS_ANIMA.replace('qwen3 = "/m/qwen_3_06b_base.safetensors"', 'qwen3 = ""'))
    assert without.values.keys().isdisjoint({"timestep_sampling", "vae", "blocks_to_swap", "qwen3"})


def test_a_file_of_thousands_of_arguments_takes_no_longer_than_it_is_long() -> None:
    arguments = "".join(f"a{number} = {number}\n" for number in range(1900))
    before = time.process_time()
    made = imported(f"[general_args.args]\nseed = 1\n[optimizer_args.args.optimizer_args]\n{arguments}")
    assert time.process_time() - before < 4
    assert len(made.report.keys) == 1901
