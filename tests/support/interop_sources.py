"""Files of other trainers as their users have them, made where tests need them."""

BOM = b"\xef\xbb\xbf"

OLD_CONFIG = b"""[model_arguments]
v2 = false
v_parameterization = false
pretrained_model_name_or_path = "/content/pretrained_model/Anything-V3.safetensors"

[additional_network_arguments]
no_metadata = false
unet_lr = 0.0001
text_encoder_lr = 5e-5
network_module = "networks.lora"
network_dim = 128
network_alpha = 128
network_train_unet_only = false

[optimizer_arguments]
use_8bit_adam = true
learning_rate = 0.0001
lr_scheduler = "cosine_with_restarts"
lr_warmup_steps = 50

[dataset_arguments]
train_data_dir = "/content/drive/MyDrive/set"
resolution = "512,512"
cache_latents = true
enable_bucket = true
caption_extention = ".txt"

[training_arguments]
output_dir = "/content/LoRA/output"
output_name = "old_friend"
save_precision = "fp16"
train_batch_size = 6
max_train_epochs = 20
max_train_steps = 1600
xformers = true
max_data_loader_n_workers = 8
seed = 31337
clip_skip = 2
save_last_n_epochs = 999
logging_prefix = "old"
"""
"""A notebook's of early 2023, with sections, an old switch for the optimizer and a misspelt option of its day."""

NEW_CONFIG = b"""bucket_reso_steps = 64
cache_latents = true
cache_latents_to_disk = true
caption_extension = ".txt"
dynamo_backend = "no"
enable_bucket = true
epochs_wanted = 10
gradient_checkpointing = true
huber_schedule = "snr"
learning_rate = 0.0003
logging_dir = "/srv/logs"
lr_scheduler = "cosine"
lr_scheduler_args = []
lr_warmup_steps = 0.05
max_data_loader_n_workers = 0
max_grad_norm = 1
max_train_steps = 2000
min_snr_gamma = 5
mixed_precision = "bf16"
network_alpha = 16
network_args = ["conv_dim=8", "conv_alpha=4", "rank_dropout=0.1"]
network_dim = 32
network_module = "networks.lora"
optimizer_args = ["weight_decay=0.05", "betas=0.9,0.99"]
optimizer_type = "AdamW8bit"
output_dir = "/srv/out"
output_name = "today"
persistent_data_loader_workers = 0
pretrained_model_name_or_path = "/srv/models/noob.safetensors"
resolution = "1024,1024"
sample_prompts = "/srv/out/prompt.txt"
sample_sampler = "k_euler_a"
save_every_n_epochs = 1
sdpa = true
text_encoder_lr = [5e-5, 1e-5]
train_batch_size = 2
train_data_dir = "/srv/data/today"
unet_lr = 0.0003
wandb_run_name = "today"
"""
"""Of an SDXL base, today."""

EDITED_CONFIG = (
    BOM
    + rb"""# my settings, do not touch
pretrained_model_name_or_path = "D:\models\nai.safetensors"
train_data_dir = '\\nas\share\sets\hifumi'   # on the server
network_dim = "64"
network_alpha = "32"
unet_lr = "1e-4"
text_encoder_lr = 0
clip_skip = 99
max_train_epochs = "12"
save_every_n_epochs = 0
vae = ""
keep_tokens = None_of_them
shuffle_caption = "true"
my_note = "trial 7"
""".replace(b"None_of_them", b'"2"').replace(b"\n", b"\r\n")
)
"""By hand, on Windows: a mark in front, texts for numbers, paths with backslashes, values out of bounds and blank."""

BASH_COMMAND = rb"""#!/bin/bash
# train hifumi
MODEL="/models/nai.safetensors"
DIM=32
accelerate launch --num_cpu_threads_per_process 8 --mixed_precision=fp16 sd-scripts/train_network.py \
  --pretrained_model_name_or_path="$MODEL" \
  --train_data_dir="/data/my sets/hifumi" --output_dir=./out --output_name hifumi \
  --network_module=networks.lora --network_dim=${DIM} --network_alpha=16 \
  --network_args conv_dim=4 "conv_alpha=1" \
  --optimizer_type=AdamW --optimizer_args weight_decay=0.1 "betas=0.9,0.99" \
  --unet_lr=1e-4 --text_encoder_lr=5e-5 \
  --resolution=512,768 --enable_bucket --cache_latents \
  --max_train_epochs=10 --lr_warmup_steps=5% --seed=$(date +%s) \
  --caption_extension=.txt --shuffle_caption # --flip_aug
echo done
"""

BATCH_COMMAND = rb"""@echo off
rem train hifumi
set MODEL=D:\models\nai.safetensors
set "DIM=64"
call venv\Scripts\activate
accelerate launch --num_cpu_threads_per_process=4 "train_network.py" ^
 --pretrained_model_name_or_path="%MODEL%" ^
 --train_data_dir="D:\lora\sets" ^
 --network_module="networks.lora" --network_dim=%DIM% ^
 --max_train_steps=1500 --use_8bit_adam --xformers ^
 --learning_rate=1e-4 --clip_skip=2 --max_token_length=225 --zork=3
pause
""".replace(b"\n", b"\r\n")

POWERSHELL_COMMAND = rb"""# legacy
$ckpt = "D:\models\nai.safetensors"
$image_dir = 'D:\lora\hifumi'
$learning_rate = 1e-4
$network_dim = 128 # rank
$scheduler = "cosine_with_restarts"
$unused = 3
$steps = [int]($total / 3 * 10)
<# nothing
$network_dim = 4
#>
accelerate launch --num_cpu_threads_per_process 12 train_network.py `
  --pretrained_model_name_or_path=$ckpt --train_data_dir=$image_dir `
  --learning_rate=$learning_rate --network_dim=$network_dim --lr_scheduler=$scheduler `
  --max_train_steps=$steps --seed=23 --save_model_as="safetensors" `
  --min_bucket_reso=320 --max_bucket_reso=960 --enable_bucket --prior_loss_weight=1
"""

DATA_SET_TOML = rb"""# two folders
[general]
enable_bucket = true
caption_extension = ".txt"
shuffle_caption = true
flip_aug = true

[[datasets]]
resolution = [512, 768]
batch_size = "4"

  [[datasets.subsets]]
  image_dir = 'D:\lora\10_hifumi'
  num_repeats = 10
  class_tokens = "hifumi girl"

  [[datasets.subsets]]
  is_reg = true
  image_dir = "/content/reg"
  keep_tokens = 1
  mood = "calm"
"""

DATA_SET_EDITED = (
    b"\xef\xbb\xbf"
    + rb"""# my set, edited by hand
[general]
caption_extension = "txt"
shuffle_caption = "true" # was false
keep_tokens = "2"

[[datasets]]
resolution = [512, 768]
batch_size = "2"

  [[datasets.subsets]]
  image_dir = "D:\lora\set\10_a"
  num_repeats = "10"
  class_tokens = "a girl"
  flip_aug = true

  [[datasets.subsets]]
  image_dir = 'D:\lora\reg\1_girl'
  is_reg = true
  my_key = 3
""".replace(b"\n", b"\r\n")
)
"""With a byte order mark, Windows' line ends and paths, numbers and switches as texts, and a key of nobody."""

DATA_SET_JSON = rb"""{
  "general": {"caption_extension": ".txt", "enable_bucket": true},
  "datasets": [
    {"resolution": 768, "batch_size": 2, "validation_split": 0.0,
     "subsets": [{"image_dir": "sets/a", "num_repeats": "3", "color_aug": false},
                 {"metadata_file": "meta.json"}]}
  ]
}
"""
