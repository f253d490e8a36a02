"""Files of trainers that are not sd-scripts' own, written after their described structure: old, new, and edited by hand."""

from codecs import BOM_UTF8

ANON_OLD = (
    BOM_UTF8
    + rb"""# train_network script v1.04
##### Config start #####
$sd_scripts_dir = "X:\repos\sd-scripts\" # where it is
$ckpt = "D:\models\anything.safetensors"
$is_sd_v2_ckpt = 0
$is_sd_v2_768_ckpt = 1 # has no power
$image_dir = "D:\lora\hifumi\img"
$reg_dir = ""
$output_dir = "D:\lora\out"
$output_name = "hifumi_v1"
$train_batch_size = 2
$resolution = 512
$num_epochs = 12 # Number of epochs
$save_every_n_epochs = 2
$save_last_n_epochs = 999
$max_token_length = 225
$clip_skip = 2
$learning_rate = 1e-4
$unet_lr = $learning_rate
$text_encoder_lr = 5e-5
$scheduler = "constant"
$lr_warmup_ratio = 0.1
$network_dim = 128
$save_precision = "None"
$mixed_precision = "bf16"
$is_random_seed = 0
$shuffle_caption = 1
$use_vae = 0
$vae_path = "D:\models\kl.vae.pt"
$logging_enabled = 0
$logging_dir = "X:\LoRA\logs\"
$log_prefix = $output_name
##### Config end #####
$total = 0
$current_version = "1.04"
""".replace(b"\n", b"\r\n")
)

ANON_NEW = rb"""# train_network script v1.13
param([int]$ChainedRun = 0, [int]$TestRun = 0)

<# ##### Config start ##### #>
$sd_scripts_dir = "X:\git-repos\sd-scripts\" # Path
$ckpt = "X:\SD-models\checkpoint.safetensors" # Path to checkpoint (ckpt / safetensors)
$is_sd_v2_ckpt = 0
$image_dir = "X:\training_data\img\"
$output_dir = "X:\LoRA\"
$output_name = ""
$reg_dir = ""
$vae_path = ""
$max_train_epochs = 0 # off
$max_train_steps = 1500
$train_batch_size = 4
                      # a comment that goes on
$resolution = 640
$desired_training_time = 0
$gpu_training_speed = "1.23it/s | 1.23s/it"
$learning_rate = 1e-3 # Learning rate
$unet_lr = $learning_rate
$text_encoder_lr = $unet_lr
$scheduler = "linear"
$lr_warmup_ratio = 0.05
$network_dim = 128
$network_alpha = 1
$is_random_seed = 1
$script_paths = @(
	"<X:\Path\to\script\script.ps1>", # one
	"<.\script.ps1>"
)
<# $device = "cuda" #> # what device
$gradient_checkpointing = 1
$log_prefix = "$output_name" + "_"
<# ##### Config end #####  #>

[console]::OutputEncoding = [text.encoding]::UTF8
$current_version = "1.13"
function WCO($a) { $b = 1 }
if ($desired_training_time -gt 0) { $max_train_steps = 5 }
$run_parameters = "--network_module=networks.lora --train_data_dir=`"$image_dir`""
"""

ANON_EDITED = rb"""
$CKPT='D:\models\novel ai.safetensors'
$Image_Dir = "D:\lora\set # 1"
$desired_training_time = "40"   # minutes!
$gpu_training_speed = "1.3it/s"
$max_train_epochs = "10"
$learning_rate = "4e-4"
$unet_lr = $Learning_Rate
$is_random_seed = 0; # mine
$lr_scheduler_num_cycles = 3
$seed = Get-Random
$network_alpha = $network_dim / 2
$network_dim = "64"
$my_own_note = "keep"
"""

LEGACY = rb"""# LoRA train script
$ckpt = "D:\models\any3.safetensors"   # base
$image_dir = 'D:\lora\hifumi'
$output = "D:\lora\out"
$learning_rate = 1e-4
$unet_lr = $learning_rate
$train_batch_size = 3
$num_epochs = 7
$scheduler = "cosine_with_restarts"
$lr_warmup_ratio = 0.05
$network_dim = 64
$total = 0
Get-ChildItem -Path $image_dir -Directory | ForEach-Object {
    $repeats = [int]$_.Name.Split("_")[0]
    $imgs = Get-ChildItem $_.FullName -Recurse -File -Include *.png, *.bmp, *.gif, *.jpg,*.jpeg, *.webp | Measure-Object
    $total += $repeats * $imgs.Count
}
$mts = [int]($total / $train_batch_size * $num_epochs)
$lr_warmup_steps = [int]($mts * $lr_warmup_ratio)
accelerate launch --num_cpu_threads_per_process 12 train_network.py `
    --network_module=networks.lora --pretrained_model_name_or_path=$ckpt --train_data_dir=$image_dir `
    --output_dir=$output --caption_extension=".txt" --shuffle_caption --resolution=512 --enable_bucket `
    --min_bucket_reso=320 --max_bucket_reso=960 --train_batch_size=$train_batch_size --unet_lr=$unet_lr `
    --max_train_steps=$mts --lr_scheduler=$scheduler --lr_warmup_steps=$lr_warmup_steps --network_dim=$network_dim `
    --mixed_precision="fp16" --use_8bit_adam --xformers --seed=23 --clip_skip=2
"""

LEGACY_MODDED = (
    BOM_UTF8
    + rb"""$ckpt = "D:\models\any3.safetensors"
$image_dir = "D:\lora\set"
$num_epochs = "10"
$train_batch_size = 2
$network_alpha = 32
$persistent_data_loader_workers = 1
$extra = "--noise_offset=0.1"
if ($network_alpha -gt 0) { $alpha_args = "--network_alpha=$network_alpha" }
$mts = [int](Get-Steps $image_dir * $num_epochs)
accelerate launch train_network.py --pretrained_model_name_or_path="$ckpt" --train_data_dir="$image_dir\img" `
    --max_train_steps=$mts --network_dim=64 --network_alpha=$network_alpha --persistent_data_loader_workers `
    --logging_dir="$image_dir\$(Get-Date -Format yyyy)" $alpha_args
""".replace(b"\n", b"\r\n")
)

NOTES = b"""$train_batch_size=3
$scheduler="cosine_with_restarts"
$lr_scheduler_num_cycles=5
$lr_warmup_ratio=0.1
$network_dim=128
$network_alpha=1
$unet_lr=4.5e-3
$text_encoder_lr=5e-5
$max_train_epochs=4
$persistent_data_loader_workers=1
~200 images repeated to ~600 per epoch, /3 = ~200 "steps" per epoch
"""

DREAMBOOTH_OLD = rb"""{
    "model_name": "hifumi", "adam_beta1": 0.9, "adam_beta2": 0.99, "adam_weight_decay": 0.02, "adam_epsilon": 1e-08,
    "attention": "default", "center_crop": true, "concepts_path": "", "gradient_accumulation_steps": 1,
    "gradient_checkpointing": true, "hflip": false, "learning_rate": 1.72e-06, "lr_scheduler": "constant",
    "lr_warmup_steps": 20, "max_token_length": 75, "max_train_steps": 1000, "num_train_epochs": 1, "mixed_precision": "fp16",
    "not_cache_latents": false, "prior_loss_weight": 1.0, "resolution": 512, "save_embedding_every": 500,
    "save_preview_every": 250, "src": "C:\\sd\\models\\any.ckpt", "train_batch_size": 1, "train_text_encoder": true,
    "use_8bit_adam": true, "use_ema": true, "c1_instance_data_dir": "C:\\sets\\a", "c1_class_data_dir": "C:\\sets\\reg",
    "c1_num_class_images": 50, "c1_instance_prompt": "photo of hifumi", "c1_class_prompt": "photo of a girl",
    "c2_instance_data_dir": "", "c1_n_save_sample": 1, "use_lora": false
}
"""

DREAMBOOTH_NEW = rb"""{
    "adamw_weight_decay": 0.01,
    "attention": "xformers",
    "cache_latents": true,
    "clip_skip": 2,
    "concepts_list": [
        {"instance_data_dir": "D:\\sets\\hifumi", "class_data_dir": "", "instance_prompt": "[filewords]",
         "instance_token": "hifumi", "class_token": "girl", "num_class_images_per": 0, "is_valid": true,
         "save_sample_prompt": "hifumi in a park"},
        {"instance_data_dir": "D:\\sets\\school", "class_data_dir": "D:\\sets\\girls", "instance_prompt": "hifumi, school",
         "class_prompt": "a girl", "num_class_images_per": 5}
    ],
    "custom_model_name": "hifumi_db",
    "epoch": 30,
    "gradient_accumulation_steps": 2,
    "hflip": true,
    "learning_rate": 5e-06,
    "lora_learning_rate": 0.0002,
    "lora_txt_learning_rate": 5e-05,
    "lora_unet_rank": 8,
    "lora_txt_rank": 4,
    "lora_weight": 1.0,
    "lr_cycles": 2,
    "lr_scheduler": "cosine_with_restarts",
    "lr_warmup_steps": 400,
    "model_name": "model",
    "num_train_epochs": 100,
    "pretrained_model_name_or_path": "C:\\sd\\models\\dreambooth\\model\\working",
    "resolution": 512,
    "save_embedding_every": 25,
    "save_preview_every": 5,
    "shuffle_tags": true,
    "src": "C:\\sd\\models\\any.safetensors",
    "stop_text_encoder": 0.75,
    "train_batch_size": 2,
    "use_8bit_adam": false,
    "use_lora": true,
    "v2": false
}
"""

DREAMBOOTH_EDITED = (
    BOM_UTF8
    + rb"""{
    // mine
    "db_use_lora": "true",
    "db_lora_unet_rank": "16",
    "db_num_train_epochs": "50", # longer
    "db_stop_text_encoder": "0",
    "db_pretrained_vae_name_or_path": "D:\vae\kl.safetensors",
    "db_optimizer": "Paged 8bit Lion",
    "db_max_token_length": 300,
    "db_lora_learning_rate": "1e-4",
    "my_note": "keep this",
}
""".replace(b"\n", b"\r\n")
)

ONETRAINER_OLD = b"""{
    "training_method": "LORA", "debug_mode": false, "workspace_dir": "workspace/run", "cache_dir": "workspace-cache/run",
    "tensorboard": true, "model_type": "STABLE_DIFFUSION_15", "base_model_name": "runwayml/stable-diffusion-v1-5",
    "extra_model_name": "", "weight_dtype": "FLOAT_32", "output_dtype": "FLOAT_16", "output_model_format": "CKPT",
    "output_model_destination": "models/hifumi.ckpt", "concept_file_name": "training_concepts/concepts.json",
    "aspect_ratio_bucketing": true, "latent_caching": true, "optimizer": "ADAMW_8BIT", "learning_rate_scheduler": "CONSTANT",
    "learning_rate": 0.0003, "learning_rate_warmup_steps": 200, "learning_rate_cycles": 1, "weight_decay": 0.01,
    "epochs": 100, "batch_size": 4, "gradient_accumulation_steps": 2, "ema": "OFF", "train_text_encoder": true,
    "train_text_encoder_epochs": 30, "text_encoder_learning_rate": 0.0001, "text_encoder_layer_skip": 1, "train_unet": true,
    "train_unet_epochs": 100000, "unet_learning_rate": 0.0003, "offset_noise_weight": 0.05, "train_dtype": "FLOAT_16",
    "resolution": 512, "masked_training": false, "max_noising_strength": 0.8, "lora_rank": 16, "lora_alpha": 1.0,
    "attention_mechanism": "XFORMERS", "sample_after": 1, "sample_after_unit": "MINUTE", "save_after": 500,
    "save_after_unit": "STEP"
}
"""

ONETRAINER_NEW = b"""{
    "__version": 10,
    "training_method": "LORA",
    "model_type": "STABLE_DIFFUSION_XL_10_BASE",
    "base_model_name": "D:/models/sdxl.safetensors",
    "output_model_destination": "models\\\\hifumi.safetensors",
    "concepts": [
        {"__version": 2, "name": "school", "path": "D:/sets/school", "enabled": true, "type": "STANDARD", "balancing": 2.5,
         "balancing_strategy": "REPEATS", "image": {"enable_random_flip": false, "enable_crop_jitter": true},
         "text": {"prompt_source": "sample", "enable_tag_shuffling": true, "keep_tags_count": 2, "tag_dropout_enable": true,
                  "tag_dropout_mode": "RANDOM", "tag_dropout_probability": 0.1}},
        {"name": "off", "path": "D:/sets/off", "enabled": false, "balancing": 3},
        {"name": "held out", "path": "D:/sets/held-out", "enabled": true, "type": "VALIDATION"}
    ],
    "learning_rate": 0.0001,
    "learning_rate_scaler": "BOTH",
    "learning_rate_scheduler": "COSINE",
    "learning_rate_min_factor": 0.1,
    "learning_rate_warmup_steps": 0.05,
    "epochs": 20,
    "batch_size": 4,
    "gradient_accumulation_steps": 4,
    "train_dtype": "BFLOAT_16",
    "resolution": "1024",
    "unet": {"train": true, "learning_rate": null, "weight_dtype": "FLOAT_8", "stop_training_after": 0,
             "stop_training_after_unit": "NEVER"},
    "text_encoder": {"train": true, "learning_rate": 2e-05, "stop_training_after": 500, "stop_training_after_unit": "STEP"},
    "text_encoder_2": {"train": false, "learning_rate": 1e-05, "stop_training_after": 30, "stop_training_after_unit": "EPOCH"},
    "vae": {"model_name": "", "weight_dtype": "FLOAT_32"},
    "lora_rank": 32,
    "lora_alpha": 16.0,
    "layer_filter_preset": "full",
    "timestep_distribution": "LOGIT_NORMAL",
    "noising_weight": 0.5,
    "noising_bias": -0.25,
    "loss_weight_fn": "MIN_SNR_GAMMA",
    "loss_weight_strength": 5.0,
    "optimizer": {"optimizer": "ADAMW", "beta1": 0.9, "beta2": 0.99, "eps": 1e-08, "weight_decay": 0.01, "fused": false},
    "optimizer_defaults": {"ADAMW": {"optimizer": "ADAMW", "beta1": 0.9}},
    "save_every": 2,
    "save_every_unit": "EPOCH",
    "secrets": {"huggingface_token": ""},
    "samples": [{"prompt": "hifumi", "height": 1024}]
}
"""

ONETRAINER_EDITED = (
    BOM_UTF8
    + rb"""{
    // by hand
    "training_method": "FINE_TUNE",
    "model_type": "FLUX_DEV_1",
    "peft_type": "LOKR",
    "lora_rank": "16",
    "base_model_name": "D:\models\flux.safetensors",
    "resolution": "512x768",
    "learning_rate": "3e-4",
    "epochs": 10,
    "text_encoder": {"stop_training_after": 30},
    "layer_filter_preset": "attn-only",
    "my_note": "keep",
}
""".replace(b"\n", b"\r\n")
)

AI_TOOLKIT_OLD = b"""---
job: train
config:
  name: "hifumi_v1"
  process:
    - type: 'sd_trainer'
      training_folder: "output"
      device: cuda:0
      trigger_word: "hifumi"
      network:
        type: "lora"
        rank: 16
        alpha: 8
      save:
        dtype: float16
        save_every: 250
        max_step_saves_to_keep: 4
      datasets:
        - folder_path: "D:/sets/hifumi"
          caption_ext: "txt"
          caption_dropout_rate: 0.05
          shuffle_tokens: true
          resolution: 512
      train:
        batch_size: 2
        steps: 2000
        gradient_accumulation_steps: 1
        train_unet: true
        train_text_encoder: true
        gradient_checkpointing: false
        noise_scheduler: "ddpm"
        optimizer: "adamw8bit"
        lr: 1e-4
        unet_lr: 2e-4
        dtype: bf16
        max_denoising_steps: 799
      model:
        name_or_path: "D:/models/any.safetensors"
        is_xl: false
      sample:
        sampler: "ddpm"
        sample_every: 500
        width: 512
        height: 768
        prompts:
          - "hifumi in a park"
        seed: 42
        guidance_scale: 7
        sample_steps: 20
meta:
  name: "[name]"
  version: '1.0'
"""

AI_TOOLKIT_NEW = b"""{
  "job": "extension",
  "config": {"name": "hifumi_xl", "process": [{
    "type": "diffusion_trainer", "training_folder": "output", "sqlite_db_path": "./aitk_db.db", "device": "cuda",
    "trigger_word": null, "performance_log_every": 10,
    "network": {"type": "lora", "linear": 32, "linear_alpha": 32, "conv": 16, "conv_alpha": 8, "lokr_full_rank": true,
                "network_kwargs": {"ignore_if_contains": []}},
    "save": {"dtype": "bf16", "save_every": 250, "save_format": "diffusers", "push_to_hub": false},
    "datasets": [
      {"folder_path": "D:\\\\sets\\\\school", "mask_path": null, "default_caption": "hifumi", "caption_ext": "txt",
       "caption_dropout_rate": 0.05, "is_reg": false, "network_weight": 1, "resolution": [512, 768, 1024], "num_repeats": 2,
       "flip_x": false},
      {"folder_path": "D:\\\\sets\\\\reg", "is_reg": true, "resolution": [1024]}
    ],
    "train": {"batch_size": 1, "steps": 3000, "gradient_accumulation": 2, "train_unet": true, "train_text_encoder": false,
              "gradient_checkpointing": true, "noise_scheduler": "ddpm", "optimizer": "adamw8bit", "timestep_type": "sigmoid",
              "content_or_style": "balanced", "optimizer_params": {"weight_decay": 0.0001}, "lr": 0.0001,
              "ema_config": {"use_ema": false, "ema_decay": 0.99}, "skip_first_sample": false, "dtype": "bf16",
              "loss_type": "mse", "switch_boundary_every": 1},
    "logging": {"log_every": 1, "use_ui_logger": true},
    "model": {"name_or_path": "D:\\\\models\\\\sdxl.safetensors", "quantize": true, "qtype": "qfloat8", "arch": "sdxl",
              "low_vram": false, "model_kwargs": {}, "compile": false},
    "sample": {"sampler": "ddpm", "sample_every": 250, "width": 1024, "height": 1024,
               "samples": [{"prompt": "hifumi in a park"}, {"prompt": "hifumi, portrait"}], "seed": 42}
  }]},
  "meta": {"name": "[name]", "version": "1.0"}
}
"""

AI_TOOLKIT_EDITED = (
    BOM_UTF8
    + rb"""# only the inner part
network:
  type: lokr   # not here
  linear: "32"
train:
  lr: "3e-4"
  steps: '1500'
  optimizer: automagic
  lr_scheduler: linear
model:
  name_or_path: D:\models\flux
  arch: flux
datasets:
  - folder_path: 'D:\sets\my pictures'
my_note: keep
""".replace(b"\n", b"\r\n")
)

PTI = b"""export MODEL_NAME="/models/any"
export INSTANCE_DIR="./data/hifumi"

lora_pti \\
  --pretrained_model_name_or_path=$MODEL_NAME  \\
  --instance_data_dir=$INSTANCE_DIR \\
  --output_dir="./exps/out" \\
  --train_text_encoder \\
  --resolution=512 --train_batch_size=1 --gradient_accumulation_steps=4 \\
  --scale_lr --learning_rate_unet=1e-4 --learning_rate_text=1e-5 --learning_rate_ti=5e-4 \\
  --lr_scheduler="linear" --lr_scheduler_lora="constant" --lr_warmup_steps_lora=100 \\
  --placeholder_tokens="<s1>|<s2>" --save_steps=100 --max_train_steps_ti=500 --max_train_steps_tuning=1000 \\
  --perform_inversion=True --weight_decay_lora=0.001 --device="cuda:0" --lora_rank=8 --lora_scale=2.0
"""

CLONEOFSIMO_DREAMBOOTH = b"""accelerate launch train_lora_dreambooth.py \\
  --pretrained_model_name_or_path="/models/any" --instance_data_dir="/sets/hifumi" --class_data_dir="/sets/girls" \\
  --output_dir=out --instance_prompt="photo of hifumi" --with_prior_preservation --prior_loss_weight=1.0 \\
  --resolution=512 --train_batch_size=1 --learning_rate=1e-4 --learning_rate_text=5e-5 --color_jitter \\
  --lr_scheduler="constant" --lr_warmup_steps=0 --max_train_steps=10000 --lora_rank 4
"""

CLONEOFSIMO_EDITED = (
    BOM_UTF8
    + rb"""lora_pti ^
  --instance_data_dir="D:\sets\hifumi" ^
  --lora_rank="16" --learning_rate_text 1e-5 ^
  --lora_dropout_p=0.1 --my_switch
""".replace(b"\n", b"\r\n")
)

DIFFUSION_PIPE_ANIMA = b"""\
output_dir = '/data/runs'
dataset = 'data.toml'
epochs = 1000
max_steps = 5000
micro_batch_size_per_gpu = [[512, 4], [1024, 2]]
pipeline_stages = 1
gradient_accumulation_steps = 2
gradient_clipping = 1.0
warmup_steps = 100
blocks_to_swap = 10
eval_every_n_epochs = 1
eval_datasets = [
  {name = 'x', config = 'e.toml'},
]
save_every_n_examples = 800
checkpoint_every_n_minutes = 120
activation_checkpointing = 'unsloth'
save_dtype = 'bfloat16'
caching_batch_size = 4
uncond_fraction = 0.1
compile = true

[model]
type = 'anima'
transformer_path = '/m/anima-base-v1.0.safetensors'
vae_path = '/m/qwen_image_vae.safetensors'
llm_path = '/m/qwen_3_06b_base.safetensors'
dtype = 'bfloat16'
transformer_dtype = 'float8'
llm_adapter_lr = 0
self_attn_lr = 1e-5
sigmoid_scale = 0.7
shift = 3

[adapter]
type = 'lora'
rank = 32
dtype = 'bfloat16'

[optimizer]
type = 'adamw_optimi'
lr = 2e-5
betas = [0.9, 0.99]
weight_decay = 0.01

[monitoring]
enable_wandb = false
"""

DIFFUSION_PIPE_SDXL = b"""\
output_dir = '/data/runs'
dataset = '/data/dataset.toml'
epochs = 100
image_micro_batch_size_per_gpu = 4
micro_batch_size_per_gpu = 1
pipeline_stages = 1
lr_scheduler = 'cosine'
gradient_clipping = 0
pseudo_huber_c = 0.5
save_every_n_epochs = 2
activation_checkpointing = true
[model]
type = 'sdxl'
checkpoint_path = '/m/sdxl.safetensors'
dtype = 'bfloat16'
v_pred = true
min_snr_gamma = 5
unet_lr = 4e-5
text_encoder_1_lr = 2e-5
text_encoder_2_lr = 0
shift = 3
[adapter]
type = 'lora'
rank = 32
[optimizer]
type = 'Came'
lr = 2e-5
weight_decay = 0.01
"""

DIFFUSION_PIPE_DATA = b"""\
resolutions = [512, 1024]
enable_ar_bucket = true
min_ar = 0.5
num_repeats = 2
[[directory]]
path = '/d/a'
mask_path = '/d/masks'
[[directory]]
path = '/d/b'
resolutions = [[768, 512]]
caption_prefix = 'x, '
num_repeats = 5
"""
