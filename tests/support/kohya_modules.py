"""What sd-scripts trains, module by module: names and shapes that its networks themselves made on the real architectures.

`kohya_modules.json` was derived from its output at network_dim 32 and conv_dim 8: `{12}` in a name stands for 0 to 11. Anima's are those of
networks.lora_anima, without a file: beside the body by default there is all that its options reach, in the place of convolutions.
"""

import json
import re
from pathlib import Path
from typing import Literal

DIM, CONV_DIM = 32, 8

_ROWS: dict[str, dict[str, list[list[int]]]] = json.loads(Path(__file__).with_suffix(".json").read_text())


def kohya_modules(base: Literal["sd15", "sdxl", "anima"], *, conv: bool = False) -> dict[str, list[list[int]]]:
    """Return module name -> [shape of lora_down, shape of lora_up].

    Args:
        base: which architecture.
        conv: with conv_dim, that is with the layers inside resnets and samplers too; of Anima with all others that there are.
    """
    rows = _ROWS[base] | (_ROWS[f"{base}_conv_too"] if conv else {})
    modules: dict[str, list[list[int]]] = {}
    for name, shapes in rows.items():
        count = re.search(r"\{(\d+)\}", name)
        for number in range(int(count[1]) if count else 1):
            modules[name.replace(count[0], str(number)) if count else name] = shapes
    return modules
