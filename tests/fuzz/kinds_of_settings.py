"""Kinds of files that say what is baked: settings, subjects, data set files, ladders, files of other trainers."""

import fuzz_calls as calls
from fuzz_foreign_files import OTHER_TRAINERS, TRAINER_FILES
from fuzz_kind import BY_ENDING, CHECK, JSON, PLAN, REBUILD, TEXT, TOML, Kind, command

KINDS: tuple[Kind, ...] = (
    Kind(
        "settings",
        {"hifumi.toml": TOML},
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
            command(*PLAN, "{file}"),
            command(*CHECK, "{file}"),
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
        {"subjects/hifumi.toml": TOML},
        ("trainer.settings.subject", "trainer.settings.toml_text"),
        (command(*PLAN, "{root}/hifumi.toml"), calls.save_subject),
    ),
    Kind(
        "dataset TOML",
        {"dataset.toml": TOML},
        ("trainer.dataset.dataset_toml", "trainer.interop.export.data"),
        (
            command(*PLAN, "{root}/with-dataset.toml"),
            command(
                "export", "{root}/with-dataset.toml", "--to", "kohya-gui", "--out", "{root}/exported.json", "--force"
            ),
        ),
    ),
    Kind(
        "dataset JSON",
        {"dataset.json": JSON},
        ("trainer.dataset.dataset_toml",),
        (command(*PLAN, "{root}/with-dataset-json.toml"),),
    ),
    Kind(
        "ladder",
        {"knob.toml": TOML, "rungs.toml": TOML},
        ("trainer.ladders.files",),
        (
            command("ladder", "{file}", "--settings", "{root}/hifumi.toml", "--dry-run", "--in", "{root}"),
            command("ladder", "{file}", "--dry-run", "--json", "--in", "{root}"),
        ),
    ),
    Kind(
        "ladder of the workspace",
        {"ladders/0001/ladder.toml": TOML},
        ("trainer.journal.ladder_folder",),
        (REBUILD,),
    ),
    Kind(
        "settings of other trainers",
        {f"others/{name}": {"toml": TOML, "json": JSON}.get(name.rpartition(".")[2], TEXT) for name in OTHER_TRAINERS},
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
            {f"others/{trainer}/{name}": BY_ENDING[name.rpartition(".")[2]] for name in files},
            ("trainer.interop.documents", "trainer.interop.syntax.json_text"),
            (command("import", "{file}", "--json", "--out", "{root}/imported.toml", "--force"),),
        )
        for trainer, files in TRAINER_FILES.items()
    ),
    Kind(
        "folders of other computers",
        {"path-map.json": JSON},
        ("trainer.interop.foreign_paths",),
        (command("import", "{root}/others/data.toml", "--out", "{root}/imported.toml", "--force"),),
    ),
)
