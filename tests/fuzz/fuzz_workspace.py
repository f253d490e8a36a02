"""A workspace with a valid file of every kind that the program opens, small enough to be made in a moment and without torch."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
from fuzz_foreign_files import PICTURE_FORMATS, write_others, write_pictures_with_texts, write_webui_files
from lora_kinds import FORMS, write_kinds
from lora_on_disk import write_lora, write_numbered_lora
from made_grid import made_grid
from PIL import Image
from tiny_anima import write_files
from tiny_tagger import TinyTagger, write_tagger

from trainer.captions.find import CaptionWays, caption_files, found_pictures
from trainer.captions.history import CaptionHistory
from trainer.captions.plan import plan_edit
from trainer.captions.record import TagEdit
from trainer.checks.accepted import Acceptance, accepted_path, write_accepted
from trainer.data_index.index import DataIndex
from trainer.dataset.manifest import manifest_bytes, manifest_of
from trainer.demo.workspace import demo_settings, demo_subject
from trainer.gallery.judged_file import write_judged
from trainer.grid.spec import AxisSpec, GridSpec, LoraSpec, spec_json
from trainer.jobs.bakes import check
from trainer.jobs.folder_repeats import RENAMES
from trainer.jobs.same_content import listed_models, models_now
from trainer.journal.bake_folder import write_bake_json
from trainer.journal.grid_records import CellNote, GridState
from trainer.journal.journal import Journal
from trainer.journal.ladder_folder import write_ladder_toml
from trainer.journal.ladder_records import LadderBakeRow
from trainer.journal.metrics import MetricWriter
from trainer.journal.processes import this_process
from trainer.journal.records import (
    BakeState,
    Checkpoint,
    Mark,
    MarkKind,
    NewBake,
    Order,
    SavedState,
    Stage,
)
from trainer.journal.search_records import SearchBakeRow
from trainer.journal.state_files import (
    HEADER_KEY,
    STATE_FORMAT,
    Environment,
    FilesSoFar,
    StateHeader,
    file_name,
    state_header_json,
)
from trainer.ladders.build import axis_of, ladder_of_axes
from trainer.ladders.files import spec_toml
from trainer.models.identify import DEMO_BASE, identify_base
from trainer.search.record import KnobRange, SearchSpec
from trainer.search.state import spec_json as search_json
from trainer.settings.in_metadata import AS_SET, settings_as_set
from trainer.settings.model import Settings
from trainer.settings.subject import resolve, save_subject
from trainer.settings.toml_file import load_settings, save_settings, settings_toml
from trainer.tagger.record import TagScore
from trainer.tagger.score_cache import CACHE, ScoreCache
from trainer.workspace import Workspace, cache_home, config_home, make_workspace, remember_workspace, state_home

BAKE, GRID = "bakes/0001-hifumi", "grids/0001-hifumi"
"""The folders of the one bake that is done and of the one grid."""

DONE, RUNNING = 1, 2
"""The numbers of the two bakes."""

STEPS = 4


def make_valid_workspace(root: Path) -> Workspace:
    """Make it in `root`, which must not exist, and theme and notes in the user's folders, and return it."""
    workspace = make_workspace(root)
    root = workspace.root
    save_subject(demo_subject(), root / "subjects/hifumi.toml")
    settings = demo_settings().model_copy(update={"max_train_epochs": None, "max_train_steps": STEPS})
    _write_data(root)
    _write_settings(settings, root)
    _edit_captions(workspace)
    _write_prompts(root)
    write_others(root)
    _write_bakes(settings, workspace)
    _write_grids(workspace)
    _write_ladders(settings, workspace)
    _write_search(settings, workspace)
    write_pictures_with_texts(root / "from")
    write_webui_files(root / "from")
    _write_models(root / "models")
    write_files(root / "several")
    _write_tagger(root)
    _write_theme()
    _write_config()
    _write_notes(root)
    return workspace


def _picture(size: tuple[int, int], seed: int) -> Image.Image:
    small = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
    return Image.fromarray(small).resize(size, Image.Resampling.BICUBIC)


def _write_data(root: Path) -> None:
    caption = "1girl, hifumi chan, blonde hair, (smile:1.1), {hat|cap}, school uniform, halo\n"
    for folder in ("data/10_hifumi_chan", "validation", "masks", "formats/1_all"):
        (root / folder).mkdir(parents=True)
    for number, size in enumerate(((64, 64), (64, 96), (64, 64))):
        _picture(size, number).save(root / f"data/10_hifumi_chan/{number}.png")
        (root / f"data/10_hifumi_chan/{number}.txt").write_text(caption)
        _picture(size, number).convert("L").save(root / f"masks/{number}.png")
    _picture((64, 64), 9).save(root / "validation/0.png")
    (root / "validation/0.txt").write_text(caption)
    for number, (ending, name) in enumerate(PICTURE_FORMATS.items()):
        _picture((64, 64), number).save(root / f"formats/1_all/{number}.{ending}", name)
        (root / f"formats/1_all/{number}.txt").write_text(caption)


def _write_settings(settings: Settings, root: Path) -> None:
    save_settings(settings, root / "hifumi.toml")
    samples = {"sample_every_n_epochs": 1}
    others: dict[str, dict[str, object]] = {
        "with-dataset": {"dataset_config": "dataset.toml"},
        "with-dataset-json": {"dataset_config": "dataset.json"},
        "with-lora": {"network_weights": "models/hifumi.safetensors", "dim_from_weights": True},
        "with-masks": {"masked_loss": True, "conditioning_data_dir": "masks"},
        "with-formats": {"train_data_dir": "formats"},
        "with-base": {"pretrained_model_name_or_path": "models/base"},
        **{f"with-prompts-{kind}": samples | {"sample_prompts": f"prompts.{kind}"} for kind in ("txt", "toml", "json")},
    }
    for name, changes in others.items():
        save_settings(Settings.model_validate(settings.model_dump() | changes), root / f"{name}.toml")
    (root / "dataset.toml").write_text(
        '[general]\nshuffle_caption = true\nkeep_tokens = 1\ncaption_extension = ".txt"\n\n'
        "[[datasets]]\nresolution = [64, 64]\nbatch_size = 2\nenable_bucket = true\nbucket_reso_steps = 32\n"
        "min_bucket_reso = 32\nmax_bucket_reso = 128\n\n"
        '  [[datasets.subsets]]\n  image_dir = "data/10_hifumi_chan"\n  class_tokens = "hifumi chan"\n  num_repeats = 3\n'
        '  caption_prefix = "a, "\n\n'
        '  [[datasets.subsets]]\n  image_dir = "formats/1_all"\n  num_repeats = 1\n  caption_tag_dropout_rate = 0.1\n'
    )
    subset = {"image_dir": "data/10_hifumi_chan", "num_repeats": 3, "class_tokens": "hifumi chan", "keep_tokens": 1}
    small = {"resolution": 64, "min_bucket_reso": 32, "max_bucket_reso": 128, "bucket_reso_steps": 32, "batch_size": 2}
    (root / "dataset.json").write_text(json.dumps({"general": {}, "datasets": [{**small, "subsets": [subset]}]}))


def _edit_captions(workspace: Workspace) -> None:
    """Rename a tag, as step 1 of the history."""
    path = workspace.root / "hifumi.toml"
    ways = CaptionWays.of(resolve(load_settings(path), path))
    plan = plan_edit(TagEdit("rename", ("halo",), new="ring"), caption_files(found_pictures(ways), ways))
    CaptionHistory(workspace).write(plan)


def _write_prompts(root: Path) -> None:
    (root / "prompts.txt").write_text(
        "# of the demo\n1girl, hifumi, (smile:1.2), BREAK outdoors --n lowres --w 64 --h 64 --d 3 --l 6.5 --s 8\n"
        "1girl, [night], {a|b} --w 96 --h 64 --ss euler_a --d 4\n"
    )
    (root / "prompts.toml").write_text(
        "[prompt]\nwidth = 64\nheight = 64\nscale = 6.5\nsample_steps = 8\n\n"
        '[[prompt.subset]]\nprompt = "1girl, hifumi"\nseed = 5\nnegative_prompt = "lowres"\n\n'
        '[[prompt.subset]]\nprompt = "night"\nsample_sampler = "euler_a"\n'
    )
    entries = [
        {"prompt": "1girl, hifumi", "negative_prompt": "lowres", "width": 64, "height": 64, "seed": 5, "scale": 6.5},
        {"prompt": "night", "sample_steps": 8, "enum": 3},
    ]
    (root / "prompts.json").write_text(json.dumps(entries))


def _write_bakes(settings: Settings, workspace: Workspace) -> None:
    root = workspace.root
    done = settings.model_copy(
        update={
            "output_name": "hifumi",
            "train_data_dir": str(root / "data"),
            "validation_data_dir": str(root / "validation"),
            "pretrained_model_name_or_path": DEMO_BASE,
            "max_train_steps": 2 * STEPS,
        }
    )
    with Journal(workspace.journal_path) as journal:
        for number in (DONE, RUNNING):
            journal.bakes.add(
                NewBake(
                    name="hifumi",
                    why="the first, it said",
                    settings_toml=settings_toml(done),
                    engine="fuzz",
                    total_steps=2 * STEPS,
                    steps_per_epoch=STEPS,
                )
            )
            journal.queue.claim("fuzz", *this_process())
            journal.bakes.set_stage(number, Stage.STEP, STEPS, 2 * STEPS)
            if number == DONE:
                _write_bake(done, root / journal.bakes.read(DONE).folder, journal)
        journal.bakes.set_state(RUNNING, BakeState.BAKING)
        for order, argument in ((Order.SET, "unet_lr=5e-4"), (Order.SAVE, ""), (Order.STOP_AT_EPOCH, "")):
            journal.orders.give(RUNNING, order, argument)


def _write_bake(settings: Settings, folder: Path, journal: Journal) -> None:
    (folder / "state").mkdir(parents=True)
    with MetricWriter(journal.path, DONE) as metrics:
        for step in range(1, STEPS + 1):
            metrics.put(step, {"loss": 1 / step, "lr_unet": 1e-4, "seconds_per_step": 0.1})
    step = np.arange(1, STEPS + 1, dtype=np.float64)
    np.savez(folder / "metrics.npz", step=step, loss=1 / step, lr_unet=np.full(STEPS, 1e-4))
    for epoch, file in ((1, "hifumi-000001.safetensors"), (2, "hifumi.safetensors")):
        metadata = {"ss_steps": str(STEPS * epoch), "ss_epoch": str(epoch), "ss_max_train_steps": str(2 * STEPS)}
        write_lora(folder / file, metadata=metadata)
        size = (folder / file).stat().st_size
        journal.results.add_checkpoint(
            DONE, Checkpoint(epoch, STEPS * epoch, file, size, 0.1, 0.2, -0.1, 0.01, float(epoch))
        )
    journal.results.add_validation(DONE, STEPS, 0.2, -0.1, 0.01)
    journal.results.add_folder_losses(DONE, 1, {"10_hifumi_chan": (0.1, 3)})
    journal.results.add_mark(DONE, Mark(3, 7.0, MarkKind.SET, "unet_lr=5e-4"))
    journal.log.write("saved", bake=DONE)
    journal.bakes.set_predicted_peak(DONE, 5 << 30, '{"policy": "card"}')
    path = folder.parents[1] / "hifumi.toml"
    planned = check(load_settings(path), path)
    models = listed_models(models_now(planned.settings) or {})
    manifest = manifest_bytes(manifest_of(planned.data, planned.validation, models))
    journal.results.set_manifest(DONE, manifest)
    (folder / "data.json.gz").write_bytes(manifest)
    (folder / "settings.toml").write_text(settings_toml(settings))
    state = folder / "state" / file_name(STEPS)
    write_lora(state, metadata={HEADER_KEY: state_header_json(_facts(settings))})
    journal.results.add_state(DONE, SavedState(STEPS, 1, True, f"state/{state.name}", state.stat().st_size, 6.0, 0.5))
    journal.bakes.set_state(DONE, BakeState.STOPPED)
    write_bake_json(journal, DONE, folder)


def _facts(settings: Settings) -> StateHeader:
    return StateHeader(
        format=STATE_FORMAT,
        step=STEPS,
        epoch=1,
        ends_epoch=True,
        bake=DONE,
        name="hifumi",
        settings_toml=settings_toml(settings),
        changes=0,
        rate_scale=1.0,
        data="0" * 64,
        scaler={},
        optimizer={"x": {"step": 4}},
        checkpoints=FilesSoFar(["hifumi-000001.safetensors"], STEPS, 0.1),
        verdict=None,
        environment=Environment("2.13.0", "0.1.0", "3.11.7", "cpu x86_64", 1, "no"),
    )


def _write_grids(workspace: Workspace) -> None:
    folder = workspace.root / GRID
    made = made_grid(folder, (2, 2, 1, 1))
    for epoch in made.spec.epochs:
        write_lora(workspace.root / epoch.file)
    with Journal(workspace.journal_path) as journal:
        grid = journal.grids.add(name="hifumi", spec=spec_json(made.spec))
        journal.grids.set_spec(grid.number, spec_json(made.spec), len(made.cells))
        journal.grids.set_progress(
            grid.number, done=4, sampled=4, sampling_seconds=1.0, unet_passes=80, speed_class="x"
        )
        journal.grids.set_state(grid.number, GridState.DONE)
        note = CellNote(grid.number, "x1-y1-z1-s1", favourite=True, whole="right", ticks={"halo": True}, seconds=5.0)
        journal.grids.set_cell_note(note)
    write_judged([note], folder)
    spec = GridSpec(
        name="mine",
        base=DEMO_BASE,
        prompt="1girl, hifumi, (smile:1.2) <lora:hifumi-000001:0.5>",
        negative_prompt="lowres",
        seeds="1-2",
        width=64,
        height=64,
        token="hifumi",
        outfits={"red": "red dress"},
        loras=(LoraSpec(file=f"{BAKE}/hifumi.safetensors", weight=0.8),),
        of_bakes=(DONE,),
        x=AxisSpec(kind="epoch", values="1, 2"),
        y=AxisSpec(kind="unet_weight", values="0-1 (+0.5)"),
        z=AxisSpec(kind="prompt_sr", values="smile, hat, cap"),
    )
    (workspace.grids / "mine.json").write_text(spec_json(spec))
    (workspace.grids / "styles.toml").write_text(
        '[mine]\nnegative_prompt = "lowres, {prompt}"\nsampler = "Euler a"\nsteps = 20\ncfg_scale = 6.5\nwidth = 64\n'
        'height = 64\nseeds = "1-3"\nclip_skip = 1\n'
    )
    kept = {"bake 1": {"fields": {"steps": 12, "prompt": "1girl"}, "changed": 5.0}}
    (workspace.grids / ".builder.json").write_text(json.dumps(kept))


def _write_ladders(settings: Settings, workspace: Workspace) -> None:
    """Write a ladder of two bakes and an open place, and files that ask for others."""
    spec = ladder_of_axes(settings, [axis_of("unet_lr", ["0.1", "1"])], base_settings=["network_dim=4"], question="so?")
    with Journal(workspace.journal_path) as journal:
        row = journal.ladders.add(
            title=spec.title, spec_toml=spec_toml(spec), settings_toml=settings_toml(settings), of_bake=DONE
        )
        places = [(rung.label, twin) for rung in spec.rungs for twin in range(2)]
        journal.ladders.keep_bakes(
            LadderBakeRow(ladder=row.number, rung=label, twin=twin, bake=bake, reused=bake == DONE, cut=bake is None)
            for (label, twin), bake in zip(places, (DONE, RUNNING, None, None), strict=True)
        )
        write_ladder_toml(journal, workspace, row.number)
    (workspace.root / "rungs.toml").write_text(row.spec_toml)
    (workspace.root / "knob.toml").write_text(
        'title = "rates"\nquestion = "how far?"\ntwins = 3\nsettings = "hifumi.toml"\n[set]\nnetwork_dim = 4\n'
        '[[axes]]\nknob = "unet_lr,text_encoder_lr"\nrungs = [0.1, "1", "=1e-4", "2:0.5"]\n'
        '[[axes]]\nknob = "lr_scheduler"\nrungs = ["cosine", "constant"]\n'
    )


def _write_search(settings: Settings, workspace: Workspace) -> None:
    """Write a search with one trial."""
    knobs = (KnobRange("unet_lr", 1e-5, 1e-3, log=True), KnobRange("lr_scheduler", choices=("cosine", "constant")))
    spec = SearchSpec(measure="validation_change", maximize=False, knobs=knobs, bakes=3)
    with Journal(workspace.journal_path) as journal:
        row = journal.searches.add(spec=search_json(spec), settings_toml=settings_toml(settings), of_bake=DONE)
        journal.searches.keep_bake(SearchBakeRow(search=row.number, trial=0, bake=DONE))


def _write_tagger(root: Path) -> None:
    folder = write_tagger(root / "tagger", TinyTagger("NCHW", divides=False, order="RGB"))
    config = {"pretrained_cfg": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "input_size": [3, 32, 32]}}
    # As timm's exports have it, and as others do.
    timm = write_tagger(root / "timm", TinyTagger("NCHW", divides=False, order="RGB"))
    (timm / "config.json").write_text(json.dumps(config))
    stages = [{"type": "resize", "size": 32}, {"type": "normalize", "mean": [0.4, 0.4, 0.4], "std": [0.2, 0.2, 0.2]}]
    (folder / "preprocess.json").write_text(json.dumps({"stages": stages}))
    picture = next(iter(sorted((root / "data").rglob("*.png"))))
    # What was written just now is not kept.
    os.utime(picture, (1e9, 1e9))
    with ScoreCache(root / CACHE) as cache:
        cache.keep("fuzz", {picture: (TagScore(1, 0.9), TagScore(3, 0.2))})


def _write_models(folder: Path) -> None:
    write_lora(folder / "hifumi.safetensors", metadata={"ss_network_dim": "4", "ss_network_alpha": "4"})
    write_lora(folder / "adapter_model.safetensors")
    some = dict(list(identify_base(DEMO_BASE).lora_shapes.items())[:: len(FORMS) - 1])
    write_kinds(folder / "kinds.safetensors", some, metadata={"ss_network_args": '{"algo": "lokr", "rs_lora": "True"}'})
    write_kinds(folder / "doras.safetensors", some, ("lora", "loha", "lokr flat"), dora="inputs")
    write_numbered_lora(folder / "numbered.safetensors")
    # What is told of the bake that made it, as far as it is written in JSON.
    write_lora(folder / "again.safetensors", metadata=_baked())
    (folder / "adapter_config.json").write_text(
        json.dumps({"lora_alpha": 8, "r": 4, "alpha_pattern": {"to_q": 2}, "use_rslora": True})
    )
    shutil.copytree(identify_base(DEMO_BASE).path, folder / "base", copy_function=shutil.copyfile)


def _baked() -> dict[str, str]:
    subsets = [{"image_dir": "10_a", "num_repeats": 10, "shuffle_caption": True, "class_tokens": "girl"}]
    tables: dict[str, object] = {
        AS_SET: settings_as_set(Settings()),
        "ss_datasets": [{"resolution": [512, 768], "batch_size_per_device": 2, "subsets": subsets}],
        "ss_tag_frequency": {"10_a": {"girl": 3, "1girl": 2}},
        "ss_dataset_dirs": {"10_a": {"n_repeats": 10, "img_count": 3}},
        "ss_network_args": {"conv_dim": "4", "dropout": None},
    }
    plain = {"ss_learning_rate": "0.0001", "ss_optimizer": "torch.optim.adamw.AdamW(betas=(0.9, 0.99))"}
    return plain | {key: json.dumps(table) for key, table in tables.items()}


def _write_config() -> None:
    (config_home() / "config.toml").write_text(
        'mouse = false\n\n[energy]\nprice_per_kwh = 0.31\ncurrency = "EUR"\n\n[keys]\n"bake.pause" = "p,space"\n'
        '"plan.open" = "ctrl+o"\n"bake.report" = ""\nqueue.open = "f5"\n'
    )
    state_home().mkdir(parents=True, exist_ok=True)
    (state_home() / "lora-tui.log").write_text(
        'loading /home/mika/models/base.safetensors\nTraceback (most recent call last):\n  File "/x/y.py", line 3, in load\n    raise E\nE: no\n'
    )


def _write_theme() -> None:
    (config_home() / "themes").mkdir(parents=True)
    (config_home() / "themes/mine.toml").write_text(
        'name = "mine"\ndark = true\nprimary = "#d9813f"\nsecondary = "rgb(1,2,3)"\nbackground = "#171310"\n'
        'accent = "ansi_red"\n\n[variables]\nmuted = "#9a8b7d"\nlive = "hsl(10,20%,30%)"\n\n'
        "[colours-256]\nprimary = 173\nlive = 208\n\n[colours-16]\nprimary = 3\n"
    )


def _write_notes(root: Path) -> None:
    remember_workspace(Workspace(root))
    (root / "places.json").write_text(json.dumps({"places": [str(root), "/before/it/was/moved"]}))
    (state_home() / "theme").write_text("ember")
    (state_home() / "use-target").write_text("box:loras")
    (state_home() / "engines").mkdir()
    (state_home() / "engines/fuzz.lock").write_text(json.dumps({"workspace": str(root), "pid": 1, "takes_queue": True}))
    cache_home().mkdir(parents=True, exist_ok=True)
    (cache_home() / "optimizers.json").write_text(json.dumps({"key": {"found": "a fault", "expected": "none"}}))
    accepted = Acceptance("tags", "all of them wear it", 5.0, "0" * 64, ("0" * 16,))
    write_accepted(accepted_path(root / "subjects/hifumi.toml"), [accepted])
    (root / "cache").mkdir(exist_ok=True)
    signatures = {"version": 1, "signatures": {"0" * 64: "00" * 300}}
    (root / "cache/picture_signatures.json").write_text(json.dumps(signatures))
    (root / "cache/norms-fuzz.json").write_text(json.dumps({"version": 1, "content": "fuzz", "norms": {"layer": 2.5}}))
    (root / "cache/peaks.json").write_text(json.dumps({"made_by": "", "peaks": {"key": {"peak": 5}}}))
    rename = {"before": str(root / "data/x"), "after": str(root / "data/2_x"), "seconds": 5.0, "standing": "renamed"}
    (root / RENAMES).write_text(json.dumps([rename]))
    path = root / "hifumi.toml"
    with DataIndex(Workspace(root)) as index:
        index.refresh(resolve(load_settings(path), path))
