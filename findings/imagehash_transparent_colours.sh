#!/usr/bin/env bash
# imagehash sees the colours under transparency: cut-out pictures that look alike differ, others that look different are the same.
#
# Versions: ImageHash 4.3.2, Pillow 13.0.0, numpy 2.4.6, Python 3.11 or newer.
# Guess: two pictures with a transparent background that look the same have the same phash, whatever program cut them out; what is cut away has
#   no part in it.
# Behaviour: every hash converts to grey without the alpha channel, so the colours that nobody sees count like all others. The same figure over
#   hidden black and hidden white is 28 of 64 bits apart by phash, 51 by dhash, 64 of 64 by average_hash. The other way round a whole scene and
#   the strip that is left of it have the same hash. On a white ground the figures are 0 apart, and scene and strip 20.
# Why it matters: cut-outs of characters are common in data sets for LoRAs, and duplicates are looked for at a distance of some 6 bits. Copies of
#   one drawing saved by two programs stay in the set and count twice; crops of one scene that differ by their mask alone are thrown out.
#   Lay pictures on a ground first.
# Fails where imagehash looks at the alpha channel.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet ImageHash==4.3.2 pillow==13.0.0 numpy==2.4.6 scipy==1.17.1 PyWavelets==1.9.0
"$work/venv/bin/python" - <<'PY'
import sys

import imagehash
import numpy as np
from PIL import Image

SIDE = 256
rows, columns = np.mgrid[:SIDE, :SIDE]
figure = ((columns - 128) / 60) ** 2 + ((rows - 128) / 100) ** 2 < 1


def cut_out(hidden: int) -> Image.Image:
    """Return a figure with nothing around it but a colour that is not seen."""
    colours = np.full((SIDE, SIDE, 3), hidden, np.uint8)
    colours[figure] = np.stack([90 + columns // 3, 60 + rows // 3, np.full_like(rows, 120)], -1)[figure]
    return Image.fromarray(np.dstack([colours, figure * np.uint8(255)]), "RGBA")


def on_white(picture: Image.Image) -> Image.Image:
    ground = Image.new("RGBA", picture.size, "white")
    ground.alpha_composite(picture)
    return ground.convert("RGB")


black, white = cut_out(0), cut_out(255)
assert on_white(black).tobytes() == on_white(white).tobytes()
apart = {}
for name in ("phash", "dhash", "average_hash"):
    hashed = getattr(imagehash, name)
    apart[name] = hashed(black) - hashed(white)
    print(f"{name}: one figure over hidden black and white {apart[name]} of 64 bits apart")
noise = np.random.default_rng(0).integers(0, 255, (8, 8, 3), np.uint8)
scene = Image.fromarray(noise).resize((SIDE, SIDE)).convert("RGBA")
strip = scene.copy()
strip.putalpha(Image.fromarray((columns < 60) * np.uint8(255)))
same = imagehash.phash(scene) - imagehash.phash(strip), imagehash.phash(on_white(scene)) - imagehash.phash(on_white(strip))
print(f"a scene and a strip of it: {same[0]} apart as they are, {same[1]} on a white ground")
expected = apart["phash"] > 15 and apart["dhash"] > 30 and apart["average_hash"] > 40 and same[0] == 0 and same[1] > 10
print("as described" if expected else "CHANGED: see above")
sys.exit(not expected)
PY
