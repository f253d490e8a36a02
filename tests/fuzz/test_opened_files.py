"""No module opens a file from outside without a kind in the fuzz."""

import ast
from collections.abc import Iterator
from pathlib import Path

from fuzz_kinds import KINDS

REPOSITORY = Path(__file__).parents[2]

# Calls by the last part of their name that read a file, or take apart what was read.
READS = {
    "open",
    "read_text",
    "read_bytes",
    "load",
    "loads",
    "load_file",
    "connect",
    "NpzFile",
    "DictReader",
    "open_regular",
    "read_regular",
    "read_json",
    "value_from_json",
    "read_note",
    "read_metrics",
}

NOT_FROM_OUTSIDE = {
    "lora_tui.terminal.logout": "the system's own configuration",
    "trainer.journal.mounts": "the kernel's table",
    "trainer.plan.optimizer_installed": "what pip noted of an installed package",
    "trainer.machine.peak_rss": "the kernel's figures",
    "trainer.machine.fake_card": "comes with the program",
    "trainer.models.stable_diffusion.component_configs": "comes with the program",
    "trainer.prompts.clip_tokens": "comes with the program",
    "trainer.families.anima.files.shipped_tokenizers": "comes with the program",
    "lora_tui.terminal.output_queue": "the terminal",
    "lora_tui.terminal.redirect": "the log, which is only written",
    "trainer.regular_file": "what it opens is named by those that call it",
    "lora_tui.terminal.standard_streams": "the process's own",
    "trainer.typed_values": "what it reads is named by those that call it",
    "trainer.atomic_file": "files that are being written",
    "trainer.private_files": "files that are being made",
    "trainer.machine.disk_space": "a file that is only written",
    "trainer.models.safetensors_write": "a file that is only written",
    "trainer.formats.safetensors_stream": "a file that is only written",
    "trainer.engine.engine": "torch's own libraries",
    "trainer.bake.optimizer_trial": "what this process packed itself",
    "trainer.bake.optimizer_trial_worker": "the answer to our own process",
    "trainer.bake.ranks.message": "what another process of the same bake sent",
    "trainer.bake.ranks.follower": "what another process of the same bake sent",
    "trainer.cluster.home": "what a worker of the user's own cluster sent",
    "trainer.cluster.worker": "what the user's own program sent, and files that are handed on as they are",
    "lora_tui.commands.launched": "nothing, in the place of standard output",
    "trainer.memory.worker": "the question of our own process",
    "trainer.machine.python_child": "the answer of our own process",
    "trainer.tagger.worker": "the question of our own process",
    "lora_tui.screens.bake": "opens screens, not files",
    "lora_tui.screens.parity_dialogs": "opens dialogs, not files",
    "lora_tui.screens.grid": "opens grids, not files",
    "lora_tui.screens.builder_specs": "loads specs, not files",
    "trainer.machine.cpu": "the kernel's table",
    "lora_tui.screens.grid_viewer": "opens grids, not files",
    "lora_tui.doctor.libraries": "comes with the program",
    "trainer.machine.torch_build": "what pip installed",
    "lora_tui.actions.grids": "keeps the bytes of a file that is written over",
    "lora_tui.screens.settings_text": "loads drafts, not files",
    "lora_tui.workers.kept_choice": "a note of its own, of which every value is checked",
    "lora_tui.actions.tagging": "a note of its own, of which every value is checked",
    "lora_tui.screens.bake_epochs": "asks the journal for a note, not a file",
    "lora_tui.screens.journal_orders": "asks the journal for a note, not a file",
}


def opening_modules() -> Iterator[str]:
    for folder in ("trainer", "lora_tui"):
        for path in sorted((REPOSITORY / folder).rglob("*.py")):
            if any(reads(node) for node in ast.walk(ast.parse(path.read_text()))):
                yield ".".join(path.relative_to(REPOSITORY).with_suffix("").parts)


def reads(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return name in READS


def test_every_module_that_opens_files_is_fuzzed() -> None:
    fuzzed = {module for kind in KINDS for module in kind.modules}
    opening = set(opening_modules())
    assert sorted(opening - fuzzed - NOT_FROM_OUTSIDE.keys()) == []
    assert sorted((fuzzed | NOT_FROM_OUTSIDE.keys()) - opening) == []
