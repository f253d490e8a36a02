#!/usr/bin/env bash
# SDXL's pooled text stops at a token that was added to the tokenizer: words after it do not count.
#
# Versions: transformers 5.23.0, torch 2.13.0, Python 3.11 or newer, on a CPU.
# Guess: the pooled output of a CLIP text encoder is taken at the end-of-text token (49407), whatever stands in the caption.
# Behaviour: where the config says eos_token_id = 2, as those of SDXL's text encoders do, transformers takes it at the highest
#   token id of the caption. That is the end of text only until tokens are added, which get 49408 and up. CLIP looks back
#   alone, so nothing that follows the new token reaches the pooled output. A comment in transformers' code says that such a
#   config does not work with added tokens; nothing warns at run time. With eos_token_id = 49407 in the config it is right.
# Why it matters: SDXL's U-Net gets the pooled output of the second encoder beside the tokens. Pivotal tuning (an embedding
#   and a LoRA trained together), or an embedding loaded beside a LoRA, puts a new token at the start of nearly every caption,
#   and then all captions have the same pooled output. Programs that pool for themselves (sd-scripts does) make another one
#   from the same prompt than the program that trained with it.
# Fails where transformers pools at the end of text in both cases.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch==2.13.0 transformers==5.23.0 numpy==2.4.6
"$work/venv/bin/python" - <<'PY'
import logging
import sys

import torch
from transformers import CLIPTextConfig, CLIPTextModelWithProjection

logging.disable()
START, END, PAD, NEW = 49406, 49407, 0, 49408


def pooled_apart(eos_token_id: int, trigger: int) -> float:
    """Return how far apart the pooled outputs of two captions are that start alike, the trigger in both, and end differently."""
    torch.manual_seed(0)
    config = CLIPTextConfig(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        projection_dim=16,
        hidden_act="gelu",
        bos_token_id=0,
        eos_token_id=eos_token_id,
    )
    model = CLIPTextModelWithProjection(config).eval()
    model.resize_token_embeddings(NEW + 1, mean_resizing=False)
    captions = ([trigger, 1000, 2000], [trigger, 3000, 4000, 5000, 6000])
    ids = torch.tensor([[START, *words, END, *[PAD] * (75 - len(words))] for words in captions])
    with torch.no_grad():
        first, second = model(ids).text_embeds
    return (first - second).norm().item()


found = {(end, title): pooled_apart(end, trigger) for end in (2, END) for title, trigger in (("old", 500), ("new", NEW))}
for (end, title), apart in found.items():
    print(f"eos_token_id {end:5}, trigger {'an' if title == 'old' else 'a'} {title} token: pooled outputs of two captions are {apart:.3f} apart")
expected = found[2, "new"] == 0 and all(apart > 0.1 for key, apart in found.items() if key != (2, "new"))
print("as described" if expected else "CHANGED: see above")
sys.exit(not expected)
PY
