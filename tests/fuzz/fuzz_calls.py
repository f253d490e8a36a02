"""What the program does with a file where no command alone does it: functions of the workspace's folder and the file.

They import what they call when they are called, as the program does.
"""

import contextlib
from pathlib import Path

from fuzz_workspace import GRID, RUNNING, STEPS

from trainer.journal.journal import Journal
from trainer.workspace import Workspace


def find_themes(root: Path, file: Path) -> list[str]:
    """Find the themes and show them in terminals of all colours."""
    from lora_tui.colours.theme_files import as_shown, find_themes

    found = find_themes()
    for theme in found.files:
        for colours in ("truecolor", "256", "standard"):
            as_shown(theme, colours)
    return list(found.problems)


def bundle(root: Path, file: Path) -> tuple[str, ...]:
    """Make the entries of a bug report, without looking at the machine; they are written to a file, not to a terminal."""
    from lora_tui.doctor.bundle import bundle_entries
    from lora_tui.doctor.record import Surroundings

    return tuple(entry.text for entry in bundle_entries(Surroundings(workspace=Workspace(root)), []))


def numbers(root: Path, file: Path) -> tuple[tuple[int, str], ...]:
    """Complete the numbers of bakes, grids, ladders and searches."""
    from trainer.journal.numbers import numbers_of

    return tuple(each for kind in ("bake", "grid", "ladder", "search") for each in numbers_of(file, kind))


def energy(root: Path, file: Path) -> str:
    """Put the energy of a bake into words, with its cost."""
    from trainer.machine.energy import energy_text

    return energy_text(1.5e6, "counter")


def read_config(root: Path, file: Path) -> list[str]:
    """Read the user's config and give a screen its keys."""
    from lora_tui.screens.bake import BakeScreen
    from lora_tui.user_config import read_user_config

    config = read_user_config()
    config.keys._merged(BakeScreen)
    return [problem.line() for problem in config.problems]


def save_settings(root: Path, file: Path) -> None:
    """Change a settings file."""
    from trainer.settings.toml_file import load_settings, save_settings

    save_settings(load_settings(file).model_copy(update={"seed": 5}), file)


def save_subject(root: Path, file: Path) -> None:
    """Change a subject's file."""
    from trainer.settings.subject import load_subject, save_subject

    save_subject(load_subject(file).model_copy(update={"champion": "x"}), file)


def save_styles(root: Path, file: Path) -> None:
    """Add a style to the workspace's."""
    from trainer.grid.styles import Style, save_styles

    save_styles(Workspace(root), [Style(name="another", steps=5)])


def read_renames(root: Path, file: Path) -> None:
    """Ask which rename of a folder of pictures would be undone."""
    from trainer.jobs.folder_repeats import FolderRenames

    with Journal(root / "journal.sqlite") as journal:
        FolderRenames(Workspace(root), journal).renames()


def find_tagger(root: Path, file: Path) -> None:
    """Read all files of a tagger, and what a convention makes of its tags."""
    from trainer.tagger.files import find_tagger
    from trainer.tagger.selected_tags import kinds_of

    for name in ("tagger", "timm"):
        kinds_of(find_tagger(root / name).tags)


def read_scores(root: Path, file: Path) -> None:
    """Ask for what a tagger said, and keep more of it."""
    from trainer.tagger.record import TagScore
    from trainer.tagger.score_cache import CACHE, ScoreCache

    pictures = sorted((root / "data").rglob("*.png"))
    with ScoreCache(root / CACHE) as cache:
        cache.get("fuzz", pictures)
        cache.keep("fuzz", {picture: (TagScore(2, 0.5),) for picture in pictures})
        cache.clear_others("fuzz")


def prompt_texts(root: Path, file: Path) -> None:
    """Do what a grid's form does with a prompt while it is typed."""
    from trainer.prompts.attention import check, parse
    from trainer.prompts.clip_tokens import clip_tokens
    from trainer.prompts.lora_tags import split_tags

    text, _ = split_tags(file.read_bytes().decode("utf-8", "replace"))
    parse(text)
    clip_tokens(text)
    check(text, "prompt")


def decode_pictures(root: Path, file: Path) -> None:
    """Decode the training pictures as a bake does."""
    from trainer.dataset.pixels import load_mask, load_pixels
    from trainer.jobs.bakes import check
    from trainer.settings.toml_file import load_settings

    path = root / ("with-masks.toml" if file.parent.name == "masks" else "with-formats.toml")
    planned = check(load_settings(path), path)
    for picture, placement in zip(planned.data.pictures, planned.plan.placements, strict=True):
        load_pixels(picture, placement)
        if picture.mask is not None:
            load_mask(picture, placement, placement.bucket)


def show_picture(root: Path, file: Path) -> None:
    """Decode a grid's picture as its screen does."""
    from lora_tui.pictures.picture_cache import Want
    from lora_tui.workers.grid_watcher import open_made_picture
    from lora_tui.workers.picture_requests import PictureRequests

    pictures = PictureRequests(open_made_picture)
    pictures.request("the screen", (Want(file, 40, 40), Want(file, 9, 9, region=(10, 10, 50, 50))))
    pictures.some()


def report_picture(root: Path, file: Path) -> None:
    """Put a picture into a report's page."""
    from trainer.report.pictures import inlined_pictures
    from trainer.report.record import PictureFile

    inlined_pictures([PictureFile("", file, file.name)], 10_000)


def fork(root: Path, file: Path) -> None:
    """Fork the bake that is done."""
    from trainer.jobs.fork import fork, kept_epochs

    with Journal(root / "journal.sqlite") as journal:
        kept_epochs(journal, Workspace(root), 1)
        fork(journal, Workspace(root), 1, overrides=("unet_lr=1e-4", f"max_train_steps={2 * STEPS}"))


def snapshot(root: Path, file: Path) -> list[str]:
    """Read what the screen shows of a workspace."""
    from lora_tui.workers.feed import Feed, FeedSources, SnapshotReady

    seen: list[SnapshotReady] = []

    def post(message: object) -> None:
        assert isinstance(message, SnapshotReady)
        seen.append(message)
        feed.stop()

    feed = Feed(root / "journal.sqlite", FeedSources("fuzz", str, lambda: None, lambda: None), post)
    feed.run()
    return [seen[0].snapshot.trouble]


def ask_whether_used(root: Path, file: Path) -> None:
    """Look into a journal as before a rebuild; this process itself runs its bake."""
    from trainer.errors import WorkspaceError
    from trainer.journal.replace_file import refuse_if_used

    with contextlib.suppress(WorkspaceError):
        refuse_if_used(file)


def show_screens(root: Path, file: Path) -> None:
    """Look at the screens of a watcher."""
    import fuzz_screen

    fuzz_screen.show_screens(root, file)


def take_orders(root: Path, file: Path) -> None:
    """Take the orders of the running bake as its engine does, up to the one that ends it or waits."""
    from trainer.bake.orders import ChangeSetting, EndBake, Orders, PauseBake
    from trainer.bake.reporter import Reporter
    from trainer.jobs.live_settings import change_setting
    from trainer.journal.records import BakeState
    from trainer.settings.toml_file import parse_settings

    with Journal(root / "journal.sqlite") as journal:
        settings = parse_settings(journal.bakes.read(RUNNING).settings_toml, "bake")
        for order in Orders(Reporter(journal, RUNNING)).take(BakeState.BAKING):
            if isinstance(order, EndBake | PauseBake):
                break
            if isinstance(order, ChangeSetting):
                name, _, text = order.assignment.partition("=")
                change_setting(settings, name.strip(), text)


def kept_specs(root: Path, file: Path) -> None:
    """Take up what the builder kept, and write it again."""
    from lora_tui.actions.kept_specs import KeptSpecs
    from trainer.grid.spec import GridSpec

    kept = KeptSpecs(Workspace(root))
    kept.restored("bake 1", GridSpec())
    kept.others("bake 2")
    kept.write()


def read_notes(root: Path, file: Path) -> None:
    """Read what the program notes for itself."""
    from lora_tui.colours.theme_files import remembered_theme
    from trainer.jobs.bakes import check
    from trainer.jobs.optimizer_trial import CACHE as ANSWERS
    from trainer.jobs.optimizer_trial import _read
    from trainer.machine.engines import running_engines
    from trainer.measures.base_norms import base_norms
    from trainer.memory.predictor import CACHE, PeakPredictor
    from trainer.memory.request import request_of
    from trainer.models.identify import DEMO_BASE, identify_base
    from trainer.settings.toml_file import load_settings
    from trainer.workspace import cache_home, known_workspaces, last_workspace, read_note

    last_workspace()
    known_workspaces()
    remembered_theme()
    read_note("use-target")
    running_engines(root)
    _read(cache_home() / ANSWERS)
    path = root / "hifumi.toml"
    PeakPredictor(root / CACHE).known(request_of(check(load_settings(path), path), "card"))
    base_norms(identify_base(DEMO_BASE), root / "cache", "fuzz")


def compare_pictures(root: Path, file: Path) -> None:
    """Compare two pictures of a grid."""
    import fuzz_torch

    fuzz_torch.compare_pictures(file, root / GRID / "x2-y1-z1-s1.png")


def load_base(root: Path, file: Path) -> None:
    """Load the base of the workspace."""
    import fuzz_torch

    fuzz_torch.load_base(root)


def load_lora(root: Path, file: Path) -> None:
    """Read the weights of a LoRA."""
    import fuzz_torch

    fuzz_torch.load_lora_on_demo(file)


def measure_lora(root: Path, file: Path) -> None:
    """Measure a LoRA by its weights."""
    from trainer.measures.weights import measure_lora

    measure_lora(file, before=file).values(1)


def resume_state(root: Path, file: Path) -> None:
    """Put a state back into a bake."""
    import fuzz_torch

    fuzz_torch.resume_state(root, file)
