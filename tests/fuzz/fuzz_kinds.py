"""Kinds of files that the program opens: one record for each, with what is valid, what makes it wrong, and what a user does with it."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import fuzz_calls as calls
from fuzz_workspace import BAKE, GRID, OTHER_TRAINERS, PICTURE_FORMATS, STEPS, TRAINER_FILES
from mutators import (
    Mutator,
    mutated,
    of_bytes,
    of_json,
    of_metadata,
    of_packed_json,
    of_png,
    of_png_text,
    of_rows,
    of_safetensors,
    of_safetensors_body,
    of_script,
    of_sqlite,
    of_text,
    of_toml,
    of_yaml,
)

from trainer.journal.state_files import HEADER_KEY, file_name
from trainer.settings.in_metadata import AS_SET, MADE


@dataclass(frozen=True)
class Command:
    """A command line; `{root}`, `{file}` and `{suffix}` in it stand for the workspace, the mutated file and its ending.

    Attributes:
        words: behind `lora-tui`.
        content: whether the mutated content itself is the last word, in place of a file.
        data: whether it prints the file's own text to standard output, for other programs.
        without: files of the workspace that are removed before.
    """

    words: tuple[str, ...]
    content: bool = False
    data: bool = False
    without: tuple[str, ...] = ()


Call = Callable[[Path, Path], object]
"""A function of the program, given the workspace's folder and the mutated file, where no command alone reaches it."""


@dataclass(frozen=True)
class Kind:
    """One kind of file.

    Attributes:
        name: in words.
        files: valid ones, relative to the workspace or, with `~` in front, to the home -> mutators that know their form.
        modules: of the program, which open such files.
        opens: what a user does with one, each tried on every input.
        torch: the same, of what needs torch; not in the sample.
        share: one input of so many is tried, where each takes a second.
    """

    name: str
    files: Mapping[str, tuple[Mutator, ...]]
    modules: tuple[str, ...]
    opens: tuple[Command | Call, ...]
    torch: tuple[Call, ...] = ()
    share: int = 1

    def input(self, seed: int, index: int, valid: Callable[[str], bytes]) -> tuple[str, bytes]:
        """Return the file and the content of one input; 0 and those after it, as many as there are files, are the valid ones."""
        names = list(self.files)
        if index < len(names):
            return names[index], valid(names[index])
        rng = random.Random(f"{seed} {self.name} {index}")
        name = rng.choice(names)
        return name, mutated(valid(name), self.files[name], rng)


def command(*words: str, content: bool = False, data: bool = False, without: tuple[str, ...] = ()) -> Command:
    """Return a command of these words."""
    return Command(words, content, data, without)


_PLAN, _CHECK = ("plan", "--no-memory"), ("check",)
_TOML, _JSON, _TEXT = (of_toml, of_toml, of_text), (of_json, of_json, of_json, of_text), (of_text,)
_YAML, _SCRIPT = (of_yaml, of_yaml, of_text), (of_script, of_script, of_text)
_BY_ENDING: Mapping[str, tuple[Mutator, ...]] = {
    "json": _JSON,
    "yaml": _YAML,
    "ps1": _SCRIPT,
    "sh": _SCRIPT,
    "txt": _SCRIPT,
}
_HEADER, _BODY = (of_safetensors,), (of_safetensors_body,)


_SHOW = (
    command("status", "{root}"),
    command("status", "{root}", "--json"),
    command("queue", "--in", "{root}"),
    command("queue", "--in", "{root}", "--json"),
    command("grid", "--list", "--in", "{root}"),
    command("grid", "--dry-run", "--in", "{root}"),
    command("order", "2", "set", "unet_lr=1e-4", "--wait", "0", "--in", "{root}"),
    command("page", "1", "--in", "{root}"),
    command("bakes", "--all", "--in", "{root}", "unet_lr>1e-9"),
    command("show", "1", "--in", "{root}"),
    command("diff", "1", "2", "--in", "{root}"),
    command("ladder", "list", "--in", "{root}"),
    command("ladder", "show", "1", "--json", "--in", "{root}"),
    command("search", "--list", "--in", "{root}"),
    command("search", "--show", "1", "--json", "--in", "{root}"),
)
_STATE = f"{BAKE}/state/{file_name(STEPS)}"
_FROM_PICTURE = (
    command("grid", "--like", "{file}", "--dry-run", "--in", "{root}"),
    command("style", "read", "{file}", "--name", "read", "--in", "{root}"),
)
_REBUILD = command("journal", "rebuild", "{root}", without=("journal.sqlite",))

KINDS: tuple[Kind, ...] = (
    Kind(
        "settings",
        {"hifumi.toml": _TOML},
        (
            "trainer.settings.toml_text",
            "trainer.settings.toml_file",
            "lora_tui.commands.plan",
            "lora_tui.commands.convert",
            "lora_tui.commands.compare_trainers",
            "lora_tui.actions.parity",
            "trainer.exchange.known_models",
            "trainer.interop.export.export",
        ),
        (
            command(*_PLAN, "{file}"),
            command(*_CHECK, "{file}"),
            command("convert", "alpha", "{file}", "--to", "4", data=True),
            command("compare-trainers", "{file}"),
            command("compare-trainers", "{file}", "--take", "kohya_ss 2023-02", data=True),
            command("grid", "--like", "{root}/from/webui.png", "--dry-run", "--in", "{root}"),
            command("export", "{file}", "--to", "sd-scripts", data=True),
            command("compare-trainers", "{file}", "--profiles", "anon-1337 2023-02"),
            calls.save_settings,
        ),
    ),
    Kind(
        "subject",
        {"subjects/hifumi.toml": _TOML},
        ("trainer.settings.subject", "trainer.settings.toml_text"),
        (command(*_PLAN, "{root}/hifumi.toml"), calls.save_subject),
    ),
    Kind(
        "dataset TOML",
        {"dataset.toml": _TOML},
        ("trainer.dataset.dataset_toml", "trainer.interop.export.data"),
        (
            command(*_PLAN, "{root}/with-dataset.toml"),
            command(
                "export", "{root}/with-dataset.toml", "--to", "kohya-gui", "--out", "{root}/exported.json", "--force"
            ),
        ),
    ),
    Kind(
        "dataset JSON",
        {"dataset.json": _JSON},
        ("trainer.dataset.dataset_toml",),
        (command(*_PLAN, "{root}/with-dataset-json.toml"),),
    ),
    Kind(
        "ladder",
        {"knob.toml": _TOML, "rungs.toml": _TOML},
        ("trainer.ladders.files",),
        (
            command("ladder", "{file}", "--settings", "{root}/hifumi.toml", "--dry-run", "--in", "{root}"),
            command("ladder", "{file}", "--dry-run", "--json", "--in", "{root}"),
        ),
    ),
    Kind(
        "ladder of the workspace",
        {"ladders/0001/ladder.toml": _TOML},
        ("trainer.journal.ladder_folder",),
        (_REBUILD,),
    ),
    Kind(
        "settings of other trainers",
        {
            f"others/{name}": {"toml": _TOML, "json": _JSON}.get(name.rpartition(".")[2], _TEXT)
            for name in OTHER_TRAINERS
        },
        ("trainer.interop.documents", "trainer.interop.syntax.json_text"),
        (
            command("import", "{file}"),
            command("import", "{file}", "--json"),
            command("import", "{file}", "--out", "{root}/imported.toml", "--force"),
        ),
    ),
    *(
        Kind(
            f"settings of {trainer}",
            {f"others/{trainer}/{name}": _BY_ENDING[name.rpartition(".")[2]] for name in files},
            ("trainer.interop.documents", "trainer.interop.syntax.json_text"),
            (command("import", "{file}", "--json", "--out", "{root}/imported.toml", "--force"),),
        )
        for trainer, files in TRAINER_FILES.items()
    ),
    Kind(
        "folders of other computers",
        {"path-map.json": _JSON},
        ("trainer.interop.foreign_paths",),
        (command("import", "{root}/others/data.toml", "--out", "{root}/imported.toml", "--force"),),
    ),
    Kind(
        "captions",
        {"data/10_hifumi_chan/0.txt": _TEXT},
        (
            "trainer.dataset.caption_file",
            "trainer.dataset.content",
            "trainer.dataset.scan_findings",
            "lora_tui.doctor.secrets",
        ),
        (
            command(*_PLAN, "{root}/hifumi.toml"),
            command(*_CHECK, "{root}/hifumi.toml"),
            calls.prompt_texts,
            calls.bundle,
        ),
    ),
    Kind(
        "captions that are edited",
        {"data/10_hifumi_chan/0.txt": _TEXT},
        ("trainer.captions.turn",),
        (
            command("captions", "tags", "--in", "{root}/hifumi.toml"),
            command("captions", "tidy", "--underscores", "--escape", "--yes", "--in", "{root}/hifumi.toml"),
            command("captions", "sort", "--yes", "--in", "{root}/hifumi.toml", "--json"),
            command("captions", "undo", "1", "--in", "{root}"),
        ),
    ),
    Kind(
        "steps of edited captions",
        {"captions/0001/backup.jsonl": (of_text, of_text, of_bytes), "captions/0001/state.json": _JSON},
        ("trainer.captions.backup", "trainer.captions.history"),
        (
            command("captions", "history", "--in", "{root}"),
            command("captions", "history", "1", "--json", "--in", "{root}"),
            command("captions", "rename", "ring", "halo", "--yes", "--in", "{root}/hifumi.toml"),
            command("captions", "undo", "1", "--in", "{root}"),
        ),
    ),
    Kind(
        "prompt file",
        {"prompts.txt": _TEXT, "prompts.toml": _TOML, "prompts.json": _JSON},
        ("trainer.formats.prompt_file",),
        (command(*_PLAN, "{root}/with-prompts-{suffix}.toml"),),
    ),
    Kind(
        "pictures",
        {
            f"formats/1_all/{number}.{ending}": (of_png,) if ending == "png" else (of_bytes,)
            for number, ending in enumerate(PICTURE_FORMATS)
        },
        ("trainer.dataset.picture_file",),
        (
            command(*_PLAN, "{root}/with-formats.toml"),
            command(*_CHECK, "{root}/with-formats.toml"),
            command("dataset", "{root}/with-formats.toml"),
            calls.decode_pictures,
        ),
    ),
    Kind(
        "masks",
        {"masks/0.png": (of_png,)},
        ("trainer.dataset.picture_file",),
        (command(*_PLAN, "{root}/with-masks.toml"), calls.decode_pictures),
    ),
    Kind(
        "pictures of a grid",
        {f"{GRID}/x1-y1-z1-s1.png": (of_png,)},
        (
            "trainer.gallery.sheets",
            "trainer.report.pictures",
            "lora_tui.workers.grid_watcher",
            "trainer.sampling.picture_files",
        ),
        (command("page", "1", "--in", "{root}"), calls.show_picture, calls.report_picture),
        (calls.compare_pictures,),
    ),
    Kind(
        "PNG text",
        {f"from/{name}.png": (of_png_text, of_png_text, of_png) for name in ("webui", "comfy", "invoke")},
        (
            "trainer.formats.picture_text",
            "trainer.formats.generators",
            "trainer.formats.generator_table",
            "trainer.formats.infotext",
            "trainer.formats.listed_loras",
        ),
        _FROM_PICTURE,
    ),
    Kind(
        "text of other pictures",
        {f"from/webui.{ending}": (of_bytes,) for ending in ("jpg", "webp", "gif", "avif") if ending in PICTURE_FORMATS}
        | {"from/webui.txt": _TEXT},
        ("trainer.formats.picture_text",),
        _FROM_PICTURE,
    ),
    Kind(
        "accepted findings",
        {"subjects/hifumi.accepted.json": _JSON},
        ("trainer.checks.accepted",),
        (
            command(*_CHECK, "{root}/hifumi.toml"),
            command(*_CHECK, "{root}/hifumi.toml", "--json"),
            command(*_CHECK, "{root}/hifumi.toml", "--withdraw", "tags"),
        ),
    ),
    Kind(
        "signatures of thumbnails",
        {"cache/picture_signatures.json": _JSON},
        ("trainer.dataset.picture_likeness",),
        (command(*_CHECK, "{root}/hifumi.toml"),),
    ),
    Kind(
        "index of pictures",
        {"cache/data-index.sqlite": (of_sqlite,)},
        ("trainer.data_index.database", "trainer.data_index.index"),
        (
            command("dataset", "{root}/hifumi.toml"),
            command("dataset", "{root}/hifumi.toml", "--list", "1girl", "--sort", "tokens"),
            command("dataset", "{root}/hifumi.toml", "--duplicates", "--json"),
        ),
    ),
    Kind(
        "renames of folders",
        {"folder-renames.json": _JSON},
        ("trainer.jobs.folder_repeats",),
        (calls.read_renames,),
    ),
    Kind(
        "safetensors header",
        {"models/base/vae/diffusion_pytorch_model.safetensors": _HEADER},
        ("trainer.formats.safetensors_header", "trainer.models.identify"),
        (command(*_PLAN, "{root}/hifumi.toml", "--set", "vae={file}"),),
    ),
    Kind(
        "safetensors body",
        {"models/hifumi.safetensors": _BODY},
        (
            "trainer.formats.safetensors_numbers",
            "trainer.formats.safetensors_bytes",
            "trainer.models.file_hashes",
            "trainer.exchange.webui_hash",
        ),
        (
            command(*_PLAN, "{root}/with-lora.toml"),
            command("grid", "{root}/grids/mine.json", "--dry-run", "--in", "{root}"),
            command("measure", "{file}", "{file}", "--base", "demo", "--json"),
            calls.measure_lora,
        ),
        (calls.load_lora,),
    ),
    Kind(
        "LoRA",
        {f"{BAKE}/hifumi.safetensors": _HEADER, "models/hifumi.safetensors": _HEADER},
        (
            "trainer.formats.safetensors_header",
            "trainer.network.lora_content",
            "trainer.publish.epoch",
            "trainer.publish.copy_files",
        ),
        (
            command(*_PLAN, "{root}/with-lora.toml"),
            command("grid", "{root}/grids/mine.json", "--dry-run", "--in", "{root}"),
            command("grid", "--like", "{root}/from/webui.png", "--dry-run", "--in", "{root}"),
            command("use", "1", "2", "{root}/used", "--make-folder", "--force", "--in", "{root}"),
            calls.measure_lora,
        ),
        (calls.load_lora,),
    ),
    Kind(
        "LoRA on the bench",
        {"models/hifumi.safetensors": (*_HEADER, *_BODY, of_metadata(MADE))},
        (
            "trainer.lora_tools.edit_metadata",
            "trainer.lora_tools.inspect",
            "trainer.lora_tools.provenance",
        ),
        (
            command("lora", "inspect", "{file}", "--json"),
            command("lora", "verify", "{file}", "--in", "{root}"),
            command("lora", "metadata", "{file}", "--share", "--out", "{root}/shared.safetensors", "--force"),
            command(
                "lora", "merge", "{file}", "{file}", "--rank", "2", "--out", "{root}/merged.safetensors", "--force"
            ),
            command("lora", "mix", "{file}", "--out", "{root}/mixed.safetensors", "--force"),
        ),
    ),
    Kind(
        "LoRA of other kinds",
        {
            "models/kinds.safetensors": (*_HEADER, of_metadata("ss_network_args")),
            "models/doras.safetensors": _HEADER,
        },
        ("trainer.models.lora_header",),
        (
            command("measure", "{file}", "--base", "demo", "--json"),
            command("lora", "inspect", "{file}"),
            command(
                "lora", "convert", "{file}", "--rank", "2", "--base", "demo", "--out", "{root}/x.safetensors", "--force"
            ),
            calls.measure_lora,
        ),
        (calls.load_lora,),
    ),
    Kind(
        "LoRA with numbered layers",
        {"models/numbered.safetensors": (*_HEADER, of_metadata("unet"))},
        ("trainer.models.numbered_layers",),
        (command(*_PLAN, "{root}/with-lora.toml", "--set", "network_weights={root}/models/numbered.safetensors"),),
    ),
    Kind(
        "LoRA to bake again",
        {
            "models/again.safetensors": (
                *_HEADER,
                *map(of_metadata, (AS_SET, "ss_datasets", "ss_tag_frequency", "ss_network_args")),
            )
        },
        ("trainer.interop.trainers.lora_data", "trainer.interop.documents"),
        (
            command("import", "{file}"),
            command("import", "{file}", "--out", "{root}/again.toml", "--subject", "hifumi", "--force"),
            command("bakes", "add", "{file}", "--in", "{root}"),
        ),
    ),
    Kind(
        "adapter config",
        {"models/adapter_config.json": _JSON},
        ("trainer.models.adapter_config",),
        (
            command("import", "{root}/models"),
            command(
                *_PLAN, "{root}/with-lora.toml", "--set", "network_weights={root}/models/adapter_model.safetensors"
            ),
        ),
    ),
    Kind(
        "base",
        {"models/base/unet/diffusion_pytorch_model.safetensors": (*_HEADER, *_BODY)}
        | {"models/base/text_encoder/model.safetensors": (*_HEADER, *_BODY)}
        | {"models/base/vae/diffusion_pytorch_model.safetensors": (*_HEADER, *_BODY)},
        ("trainer.formats.safetensors_header", "trainer.formats.safetensors_bytes"),
        (command(*_PLAN, "{root}/with-base.toml"),),
        (calls.load_base,),
    ),
    Kind(
        "config of a base",
        {
            f"models/base/{name}.json": _JSON
            for name in (
                "model_index",
                "unet/config",
                "text_encoder/config",
                "vae/config",
                "scheduler/scheduler_config",
            )
        },
        ("trainer.models.diffusers_folder",),
        (command(*_PLAN, "{root}/with-base.toml"),),
        (calls.load_base,),
    ),
    Kind(
        "tokenizer of a base",
        {"models/base/tokenizer/tokenizer.json": _JSON},
        ("trainer.models.stable_diffusion.tokenizer_files",),
        (command(*_PLAN, "{root}/with-base.toml"),),
    ),
    Kind(
        "state",
        {_STATE: (of_safetensors, of_metadata(HEADER_KEY), of_metadata(HEADER_KEY), of_safetensors_body)},
        ("trainer.journal.state_files", "trainer.bake.saving.state", "trainer.bake.saving.contents"),
        (calls.fork,),
        (calls.resume_state,),
    ),
    Kind(
        "metrics",
        {f"{BAKE}/metrics.npz": (of_bytes,)},
        ("trainer.recovery.bakes", "trainer.journal.metrics_file"),
        (_REBUILD,),
    ),
    Kind(
        "journal",
        {"journal.sqlite": (of_sqlite,)},
        (
            "trainer.journal.database",
            "trainer.journal.replace_file",
            "trainer.journal.telemetry",
            "trainer.journal.read_only",
            "trainer.journal.before_resume",
            "trainer.journal.numbers",
            "trainer.search.state",
        ),
        (*_SHOW, calls.snapshot, calls.ask_whether_used, calls.numbers, calls.bundle),
    ),
    Kind(
        "places of a workspace",
        {"places.json": _JSON},
        ("trainer.workspace_paths",),
        (command(*_PLAN, "{root}/hifumi.toml"), *_SHOW, calls.fork),
    ),
    Kind(
        "journal on the screen",
        {"journal.sqlite": (of_sqlite,)},
        ("trainer.journal.database",),
        (calls.show_screens,),
        share=10,
    ),
    Kind(
        "orders",
        {"journal.sqlite": (of_rows("orders"),)},
        ("trainer.journal.database", "trainer.journal.rows"),
        (calls.take_orders, calls.snapshot),
    ),
    Kind(
        "bake record",
        {f"{BAKE}/bake.json": _JSON},
        ("trainer.journal.bake_folder", "trainer.recovery.bakes"),
        (_REBUILD, *_SHOW[:4], *_SHOW[-3:-1], calls.snapshot),
    ),
    Kind(
        "data of a bake",
        {f"{BAKE}/data.json.gz": (of_packed_json, of_packed_json, of_bytes)},
        ("trainer.dataset.manifest", "trainer.jobs.same_content", "trainer.jobs.moved_files"),
        (calls.fork, command(*_PLAN, f"{{root}}/{BAKE}/settings.toml"), _REBUILD),
    ),
    Kind(
        "settings and LoRA of a bake without record",
        {f"{BAKE}/settings.toml": _TOML, f"{BAKE}/hifumi.safetensors": _HEADER},
        ("trainer.recovery.bakes",),
        (
            command("journal", "rebuild", "{root}", without=("journal.sqlite", f"{BAKE}/bake.json")),
            *_SHOW[:4],
            calls.snapshot,
        ),
    ),
    Kind(
        "grid spec",
        {"grids/mine.json": _JSON},
        ("trainer.grid.spec", "lora_tui.forms.grid_fields"),
        (command("grid", "{file}", "--dry-run", "--in", "{root}"),),
    ),
    Kind(
        "grid sidecar",
        {f"{GRID}/grid.json": _JSON, f"{GRID}/judged.json": _JSON},
        ("trainer.gallery.sidecar", "trainer.gallery.judged_file"),
        (
            command("page", "1", "--in", "{root}"),
            command("grid", f"{{root}}/{GRID}/grid.json", "--dry-run", "--in", "{root}"),
            command("grid", "--like", f"{{root}}/{GRID}/x1-y1-z1-s1.png", "--dry-run", "--in", "{root}"),
            _REBUILD,
        ),
    ),
    Kind(
        "styles.csv",
        {"from/styles.csv": _TEXT},
        ("trainer.formats.webui_file", "trainer.formats.webui_styles"),
        (
            command("style", "read", "{file}", "--in", "{root}"),
            command("style", "read", "{root}/from/ui-config.json", "--in", "{root}"),
        ),
    ),
    Kind(
        "ui-config",
        {"from/ui-config.json": _JSON},
        ("trainer.formats.webui_config",),
        (
            command("style", "read", "{file}", "--in", "{root}"),
            command("style", "write", "mine", "{file}", "--in", "{root}"),
        ),
    ),
    Kind(
        "styles",
        {"grids/styles.toml": _TOML},
        ("trainer.grid.styles",),
        (
            command("style", "list", "--in", "{root}"),
            command("style", "show", "mine", "--in", "{root}"),
            command("grid", "{root}/grids/mine.json", "--style", "mine", "--dry-run", "--in", "{root}"),
            calls.save_styles,
        ),
    ),
    Kind(
        "theme",
        {"~config/lora-tui/themes/mine.toml": _TOML},
        ("lora_tui.colours.theme_files",),
        (calls.find_themes,),
    ),
    Kind(
        "config of the user",
        {"~config/lora-tui/config.toml": _TOML},
        ("trainer.config_tables", "lora_tui.user_config"),
        (command("info", "--in", "{root}"), command("keys"), calls.energy, calls.read_config),
    ),
    Kind(
        "log of the screen",
        {"~state/lora-tui/lora-tui.log": _TEXT},
        ("lora_tui.doctor.bundle", "lora_tui.doctor.redaction"),
        (calls.bundle,),
    ),
    Kind(
        "tagger",
        {
            "tagger/model.onnx": (of_bytes,),
            "tagger/selected_tags.csv": _TEXT,
            "timm/config.json": _JSON,
            "tagger/preprocess.json": _JSON,
        },
        ("trainer.tagger.onnx_outline", "trainer.tagger.selected_tags", "trainer.tagger.input_rules"),
        # Not onnxruntime, which runs in a process of its own.
        (calls.find_tagger,),
    ),
    Kind(
        "what taggers said",
        {"cache/tagger-scores.sqlite": (of_sqlite, of_rows("score"))},
        ("trainer.tagger.score_cache",),
        (calls.read_scores,),
    ),
    Kind(
        "what the grid builder keeps",
        {"grids/.builder.json": _JSON},
        ("lora_tui.actions.kept_specs",),
        (calls.kept_specs,),
    ),
    Kind(
        "notes and caches of our own",
        {
            "~state/lora-tui/last-workspace": _TEXT,
            "~state/lora-tui/workspaces": _TEXT,
            "~state/lora-tui/theme": _TEXT,
            "~state/lora-tui/use-target": _TEXT,
            "~state/lora-tui/engines/fuzz.lock": _JSON,
            "~cache/lora-tui/optimizers.json": _JSON,
            "cache/peaks.json": _JSON,
            "cache/norms-fuzz.json": _JSON,
        },
        (
            "trainer.workspace",
            "lora_tui.actions.publish",
            "trainer.machine.lock_file",
            "trainer.jobs.optimizer_trial",
            "trainer.memory.predictor",
            "trainer.measures.base_norms",
        ),
        (calls.read_notes,),
    ),
    Kind(
        "order typed",
        {"order.txt": _TEXT},
        (),
        (command("order", "2", "set", "--wait", "0", "--in", "{root}", content=True),),
    ),
)
"""Every kind; a test holds that no module opens files without one."""


def kind_named(name: str) -> Kind:
    """Return the kind of that name."""
    return next(kind for kind in KINDS if kind.name == name)
