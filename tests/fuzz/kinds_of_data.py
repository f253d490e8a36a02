"""Kinds of files of a data set and of pictures: captions, prompts, pictures and their texts, what is kept of them."""

import fuzz_calls as calls
from fuzz_foreign_files import PICTURE_FORMATS
from fuzz_kind import CHECK, FROM_PICTURE, JSON, PLAN, TEXT, TOML, Kind, command
from fuzz_workspace import GRID
from mutators import of_bytes, of_png, of_png_text, of_sqlite, of_text

KINDS: tuple[Kind, ...] = (
    Kind(
        "captions",
        {"data/10_hifumi_chan/0.txt": TEXT},
        (
            "trainer.dataset.caption_file",
            "trainer.dataset.content",
            "trainer.dataset.scan_findings",
            "lora_tui.doctor.secrets",
        ),
        (
            command(*PLAN, "{root}/hifumi.toml"),
            command(*CHECK, "{root}/hifumi.toml"),
            calls.prompt_texts,
            calls.bundle,
        ),
    ),
    Kind(
        "captions that are edited",
        {"data/10_hifumi_chan/0.txt": TEXT},
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
        {"captions/0001/backup.jsonl": (of_text, of_text, of_bytes), "captions/0001/state.json": JSON},
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
        {"prompts.txt": TEXT, "prompts.toml": TOML, "prompts.json": JSON},
        ("trainer.formats.prompt_file",),
        (command(*PLAN, "{root}/with-prompts-{suffix}.toml"),),
    ),
    Kind(
        "pictures",
        {
            f"formats/1_all/{number}.{ending}": (of_png,) if ending == "png" else (of_bytes,)
            for number, ending in enumerate(PICTURE_FORMATS)
        },
        ("trainer.dataset.picture_file",),
        (
            command(*PLAN, "{root}/with-formats.toml"),
            command(*CHECK, "{root}/with-formats.toml"),
            command("dataset", "{root}/with-formats.toml"),
            calls.decode_pictures,
        ),
    ),
    Kind(
        "masks",
        {"masks/0.png": (of_png,)},
        ("trainer.dataset.picture_file",),
        (command(*PLAN, "{root}/with-masks.toml"), calls.decode_pictures),
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
        FROM_PICTURE,
    ),
    Kind(
        "text of other pictures",
        {f"from/webui.{ending}": (of_bytes,) for ending in ("jpg", "webp", "gif", "avif") if ending in PICTURE_FORMATS}
        | {"from/webui.txt": TEXT},
        ("trainer.formats.picture_text",),
        FROM_PICTURE,
    ),
    Kind(
        "accepted findings",
        {"subjects/hifumi.accepted.json": JSON},
        ("trainer.checks.accepted",),
        (
            command(*CHECK, "{root}/hifumi.toml"),
            command(*CHECK, "{root}/hifumi.toml", "--json"),
            command(*CHECK, "{root}/hifumi.toml", "--withdraw", "tags"),
        ),
    ),
    Kind(
        "signatures of thumbnails",
        {"cache/picture_signatures.json": JSON},
        ("trainer.dataset.picture_likeness",),
        (command(*CHECK, "{root}/hifumi.toml"),),
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
        {"folder-renames.json": JSON},
        ("trainer.jobs.folder_repeats",),
        (calls.read_renames,),
    ),
)
