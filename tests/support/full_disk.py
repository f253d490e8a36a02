"""`python full_disk.py FOLDER ANSWER` bakes the demo in FOLDER, a small disk, fills the disk meanwhile, and writes what became of it.

Run it where FOLDER is a disk of its own. ANSWER gets JSON: exit code, states seen, log lines, steps in the journal, the digest of
the last LoRA's numbers, and the settings.
"""

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from safetensors.numpy import load_file

from trainer.demo.workspace import make_demo
from trainer.errors import WorkspaceError
from trainer.journal.journal import Journal
from trainer.journal.records import Bake, BakeState, Stage

SETTINGS = ("max_train_epochs=4", "save_state_every_n_steps=4", "lr_scheduler=cosine")


def main() -> None:
    """Bake, fill, wait, make room."""
    folder, answer = Path(sys.argv[1]), Path(sys.argv[2])
    root = make_demo(folder / "demo").root
    (root / "data" / "10_hifumi_chan").rename(root / "data" / "2_hifumi_chan")
    options = [part for setting in SETTINGS for part in ("--set", setting)]
    command = [sys.executable, "-m", "lora_tui", "bake", str(root / "hifumi.toml"), *options]
    process = subprocess.Popen(command, stdout=sys.stderr, stderr=sys.stderr)
    journal = root / "journal.sqlite"
    _until(lambda: _bake(journal).stage_done >= 6 and _bake(journal).stage is Stage.STEP, process)
    filler = folder / "filler"
    _fill(filler)
    _until(lambda: _bake(journal).state is BakeState.PAUSED, process)
    # Long enough that it would have gone wrong.
    time.sleep(2)
    waited = _bake(journal)
    filler.unlink()
    code = process.wait(120)
    with Journal(journal) as opened:
        told = {
            "code": code,
            "waited": [waited.state, waited.stage],
            "state": opened.bakes.read(1).state,
            "log": [line.text for line in opened.log.read(0, bake=1)],
            "steps": opened.curves.read(1, "loss", 10_000).steps,
            "lora": digest_of(root / "bakes/0001-hifumi/hifumi.safetensors"),
            "settings": SETTINGS,
        }
    answer.write_text(json.dumps(told))


def digest_of(lora: Path) -> str:
    """Return a digest of a LoRA's numbers; the metadata have a time in them."""
    tensors = load_file(lora)
    return hashlib.sha256(b"".join(tensors[name].tobytes() for name in sorted(tensors))).hexdigest()


def _bake(journal: Path) -> Bake:
    with Journal(journal) as opened:
        return opened.bakes.read(1)


def _fill(path: Path) -> None:
    """Take every byte that is left."""
    with path.open("wb", buffering=0) as file:
        for size in (1 << 20, 4096):
            try:
                while True:
                    file.write(os.urandom(size))
            except OSError:
                continue


def _until(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 120
    while True:
        try:
            if condition():
                return
        except WorkspaceError:
            # Opening a journal takes a little room too, and before the first moment there is none.
            pass
        if process.poll() is not None or time.monotonic() > end:
            sys.exit(f"the bake ended or nothing happened: {process.returncode}")
        time.sleep(0.05)


if __name__ == "__main__":
    main()
