#!/usr/bin/env bash
# An embedding that is loaded under a word's name is also read inside of longer words, which fall apart.
#
# Versions: diffusers 0.42.1, transformers 5.23.0, torch 2.13.0, Python 3.11 or newer, on a CPU.
# Guess: load_textual_inversion(file, token="hana") makes the word "hana" the embedding, and no other word means anything
#   else.
# Behaviour: the name is added to the tokenizer as text to be found anywhere (single_word is False unless one asks for it). In
#   "hanami" and "ohana" the letters are taken out: the embedding and "mi", "o" and the embedding. What is left over ends with
#   the mark of a whole word, so that it is another word too. Upper and lower case count as one. Nothing warns.
# Why it matters: triggers are trained as an embedding beside the LoRA (pivotal tuning), and short names are chosen for them.
#   A caption or prompt with a longer tag that holds the name then shows the subject and lacks the tag. The webui looks for
#   the name's tokens, which a longer word does not have, so that the same prompt works there. In pointed brackets no word
#   holds it.
# Fails where longer words stay whole.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch==2.13.0 diffusers==0.42.1 peft==0.21.2 transformers==5.23.0 accelerate==1.15.0 numpy==2.4.6
"$work/venv/bin/python" - <<'PY'
import logging
import string
import sys

import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

logging.disable()
PROMPTS = ("hana", "Hana", "hanami", "ohana", "mikan")


def small_pipeline() -> StableDiffusionPipeline:
    """Return a pipeline whose tokenizer knows letters and these words, as CLIP's knows its 49,000."""
    vocabulary = [*string.ascii_lowercase, *(f"{letter}</w>" for letter in string.ascii_lowercase)]
    merges = [
        ("h", "a"),
        ("n", "a"),
        ("n", "a</w>"),
        ("m", "i"),
        ("m", "i</w>"),
        ("k", "a"),
        ("ha", "na</w>"),
        ("na", "mi</w>"),
    ]
    merges += [("ha", "nami</w>"), ("o", "hana</w>"), ("mi", "ka"), ("mika", "n</w>")]
    vocabulary += ["".join(pair) for pair in merges] + ["<|startoftext|>", "<|endoftext|>"]
    numbers = {text: number for number, text in enumerate(vocabulary)}
    tokenizer = CLIPTokenizer(vocab=numbers, merges=merges, model_max_length=77)
    torch.manual_seed(0)
    config = CLIPTextConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        bos_token_id=len(vocabulary) - 2,
        eos_token_id=len(vocabulary) - 1,
    )
    unet = UNet2DConditionModel(block_out_channels=(32, 64), layers_per_block=1, cross_attention_dim=32,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"))  # fmt: skip
    scheduler = DDIMScheduler(steps_offset=1, clip_sample=False)
    return StableDiffusionPipeline(None, CLIPTextModel(config).eval(), tokenizer, unet, scheduler, None, None, None, False)


def read(name: str | None) -> tuple[dict[str, list[str]], dict[str, torch.Tensor]]:
    """Return the tokens and the encoding of each prompt, with an embedding of that name."""
    pipeline = small_pipeline()
    if name is not None:
        pipeline.load_textual_inversion({name: torch.ones(32)})
    tokens = {prompt: pipeline.tokenizer.tokenize(prompt) for prompt in PROMPTS}
    with torch.no_grad():
        encoded = {prompt: pipeline.encode_prompt(prompt, "cpu", 1, False)[0] for prompt in PROMPTS}
    return tokens, encoded


plain, before = read(None)
found, changed = {}, {}
for name in ("hana", "<hana>"):
    tokens, after = read(name)
    found[name] = tokens
    changed[name] = [prompt for prompt in PROMPTS if not torch.equal(before[prompt], after[prompt])]
    for prompt in PROMPTS:
        print(f"embedding {name:6}, prompt {prompt:6}: {plain[prompt]} -> {tokens[prompt]}")
    print(f"embedding {name:6}: prompts that the encoder reads differently with it: {', '.join(changed[name]) or 'none'}")
expected = (
    all(tokens == [f"{prompt.lower()}</w>"] for prompt, tokens in plain.items())
    and changed == {"hana": ["hana", "Hana", "hanami", "ohana"], "<hana>": []}
    and found["hana"]["hanami"] == ["hana", "mi</w>"]
    and found["hana"]["ohana"] == ["o</w>", "hana"]
)
print("as described" if expected else "CHANGED: see above")
sys.exit(not expected)
PY
