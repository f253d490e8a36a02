"""Kinds of files that a workspace keeps, and the user's own: states, journal, records, grids, themes, notes and caches."""

import fuzz_calls as calls
from fuzz_kind import HEADER, JSON, PLAN, REBUILD, SHOW, STATE, TEXT, TOML, Kind, command
from fuzz_workspace import BAKE, GRID
from mutators import of_bytes, of_metadata, of_packed_json, of_rows, of_safetensors, of_safetensors_body, of_sqlite

from trainer.journal.state_files import HEADER_KEY

KINDS: tuple[Kind, ...] = (
    Kind(
        "state",
        {STATE: (of_safetensors, of_metadata(HEADER_KEY), of_metadata(HEADER_KEY), of_safetensors_body)},
        ("trainer.journal.state_files", "trainer.bake.saving.state", "trainer.bake.saving.contents"),
        (calls.fork,),
        (calls.resume_state,),
    ),
    Kind(
        "metrics",
        {f"{BAKE}/metrics.npz": (of_bytes,)},
        ("trainer.recovery.bakes", "trainer.journal.metrics_file"),
        (REBUILD,),
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
        (*SHOW, calls.snapshot, calls.ask_whether_used, calls.numbers, calls.bundle),
    ),
    Kind(
        "places of a workspace",
        {"places.json": JSON},
        ("trainer.workspace_paths",),
        (command(*PLAN, "{root}/hifumi.toml"), *SHOW, calls.fork),
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
        {f"{BAKE}/bake.json": JSON},
        ("trainer.journal.bake_folder", "trainer.recovery.bakes"),
        (REBUILD, *SHOW[:4], *SHOW[-3:-1], calls.snapshot),
    ),
    Kind(
        "data of a bake",
        {f"{BAKE}/data.json.gz": (of_packed_json, of_packed_json, of_bytes)},
        ("trainer.dataset.manifest", "trainer.jobs.same_content", "trainer.jobs.moved_files"),
        (calls.fork, command(*PLAN, f"{{root}}/{BAKE}/settings.toml"), REBUILD),
    ),
    Kind(
        "settings and LoRA of a bake without record",
        {f"{BAKE}/settings.toml": TOML, f"{BAKE}/hifumi.safetensors": HEADER},
        ("trainer.recovery.bakes",),
        (
            command("journal", "rebuild", "{root}", without=("journal.sqlite", f"{BAKE}/bake.json")),
            *SHOW[:4],
            calls.snapshot,
        ),
    ),
    Kind(
        "grid spec",
        {"grids/mine.json": JSON},
        ("trainer.grid.spec", "lora_tui.forms.grid_fields"),
        (command("grid", "{file}", "--dry-run", "--in", "{root}"),),
    ),
    Kind(
        "grid sidecar",
        {f"{GRID}/grid.json": JSON, f"{GRID}/judged.json": JSON},
        ("trainer.gallery.sidecar", "trainer.gallery.judged_file"),
        (
            command("page", "1", "--in", "{root}"),
            command("grid", f"{{root}}/{GRID}/grid.json", "--dry-run", "--in", "{root}"),
            command("grid", "--like", f"{{root}}/{GRID}/x1-y1-z1-s1.png", "--dry-run", "--in", "{root}"),
            REBUILD,
        ),
    ),
    Kind(
        "styles.csv",
        {"from/styles.csv": TEXT},
        ("trainer.formats.webui_file", "trainer.formats.webui_styles"),
        (
            command("style", "read", "{file}", "--in", "{root}"),
            command("style", "read", "{root}/from/ui-config.json", "--in", "{root}"),
        ),
    ),
    Kind(
        "ui-config",
        {"from/ui-config.json": JSON},
        ("trainer.formats.webui_config",),
        (
            command("style", "read", "{file}", "--in", "{root}"),
            command("style", "write", "mine", "{file}", "--in", "{root}"),
        ),
    ),
    Kind(
        "styles",
        {"grids/styles.toml": TOML},
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
        {"~config/lora-tui/themes/mine.toml": TOML},
        ("lora_tui.colours.theme_files",),
        (calls.find_themes,),
    ),
    Kind(
        "config of the user",
        {"~config/lora-tui/config.toml": TOML},
        ("trainer.config_tables", "lora_tui.user_config"),
        (command("info", "--in", "{root}"), command("keys"), calls.energy, calls.read_config),
    ),
    Kind(
        "log of the screen",
        {"~state/lora-tui/lora-tui.log": TEXT},
        ("lora_tui.doctor.bundle", "lora_tui.doctor.redaction"),
        (calls.bundle,),
    ),
    Kind(
        "tagger",
        {
            "tagger/model.onnx": (of_bytes,),
            "tagger/selected_tags.csv": TEXT,
            "timm/config.json": JSON,
            "tagger/preprocess.json": JSON,
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
        {"grids/.builder.json": JSON},
        ("lora_tui.actions.kept_specs",),
        (calls.kept_specs,),
    ),
    Kind(
        "notes and caches of our own",
        {
            "~state/lora-tui/last-workspace": TEXT,
            "~state/lora-tui/workspaces": TEXT,
            "~state/lora-tui/theme": TEXT,
            "~state/lora-tui/use-target": TEXT,
            "~state/lora-tui/engines/fuzz.lock": JSON,
            "~cache/lora-tui/optimizers.json": JSON,
            "cache/peaks.json": JSON,
            "cache/norms-fuzz.json": JSON,
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
        {"order.txt": TEXT},
        (),
        (command("order", "2", "set", "--wait", "0", "--in", "{root}", content=True),),
    ),
)
