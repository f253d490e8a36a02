"""A workspace that cannot be written: everything can be looked at, nothing is begun, and nothing in it changes."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import click
import pytest
from lora_on_disk import write_lora
from made_grid import made_grid
from read_only import in_read_only, tree
from run_engine import small_demo
from tiny_tagger import write_tagger

from lora_tui.cli import main
from trainer.journal.journal import READ_ONLY, Journal
from trainer.journal.ladder_records import LadderBakeRow
from trainer.journal.records import Bake, BakeState, Checkpoint, NewBake
from trainer.ladders.build import ladder_of_knob
from trainer.ladders.files import spec_toml
from trainer.models.identify import DEMO_BASE
from trainer.settings.subject import resolve
from trainer.settings.toml_file import load_settings, settings_toml
from trainer.workspace import Workspace

LoraTui = Callable[..., "CompletedProcess[str]"]

LADDER = ("--knob", "unet_lr", "--rungs", "2,3", "--settings", "WS/hifumi.toml", "--in", "WS")
# WS is the workspace; the current folder is another, which can be written.
LOOKS: dict[str, tuple[tuple[str, ...], str]] = {
    "status": (("status", "WS"), READ_ONLY),
    "status --json": (("status", "WS", "--json"), '"read_only": true'),
    "bakes list": (("bakes", "--in", "WS", "unet_lr>0"), "0001 hifumi"),
    "show": (("show", "1", "--in", "WS"), "hifumi.safetensors"),
    "diff": (("diff", "1", "2", "--in", "WS"), "settings: the same"),
    "floor": (("floor", "1", "--in", "WS"), "no twins yet"),
    "ladder list": (("ladder", "list", "--in", "WS"), "0001 unet_lr ×1  1 rung"),
    "ladder show": (("ladder", "show", "1", "--in", "WS"), "1 done"),
    "ladder presets": (("ladder", "presets"), "unet-rate"),
    "ladder start": (("ladder", *LADDER, "--dry-run"), "4 bakes"),
    "advise": (("advise", "1", "--in", "WS"), "none of them known to be right"),
    "search --list": (("search", "--list", "--in", "WS"), "no searches yet"),
    "frontier": (("frontier", "--in", "WS"), "frontier of hifumi"),
    "queue": (("queue", "--in", "WS"), "0002 hifumi  held"),
    "keys": (("keys",), "bake.pause"),
    "queue --json": (("queue", "--in", "WS", "--json"), '"orphaned": false'),
    "grid --list": (("grid", "--list", "--in", "WS"), "0001 hifumi"),
    "grid --dry-run": (("grid", "--bake", "1", "--dry-run", "--in", "WS"), "4 pictures"),
    "page": (("page", "1", "--in", "WS"), "out/0001-hifumi.html"),
    "page -o": (("page", "1", "-o", "x.html", "--in", "WS"), "out/x.html"),
    "report": (("report", "1", "--in", "WS"), "out/report-0001-hifumi.html"),
    "report --md": (("report", "1", "--md", "--stdout", "--in", "WS"), "# Bake 1: hifumi"),
    "use": (("use", "1", "last", ".", "--in", "WS"), "wrote ./hifumi-b1-e1.safetensors"),
    "measure": (("measure", "1", "--in", "WS"), READ_ONLY),
    "measure FILE": (("measure", "WS/bakes/0001-hifumi/hifumi.safetensors", "--base", "demo"), "U-Net"),
    "lora inspect": (("lora", "inspect", "1@1", "--in", "WS"), "bake 1, epoch 1"),
    "lora verify": (("lora", "verify", "1@1", "--in", "WS"), "as long as bake 1 saved it"),
    "lora metadata": (("lora", "metadata", "1@1", "--in", "WS"), "no metadata"),
    "lora resize": (
        ("lora", "resize", "1@1", "--rank", "2", "--out", "a.safetensors", "--in", "WS"),
        "wrote a.safetensors",
    ),
    "lora convert": (
        ("lora", "convert", "1@1", "--rank", "2", "--out", "g.safetensors", "--in", "WS"),
        "wrote g.safetensors",
    ),
    "lora merge": (("lora", "merge", "1@1", "1@last", "--out", "b.safetensors", "--in", "WS"), "wrote b.safetensors"),
    "lora average": (("lora", "average", "1@1", "1@1", "--out", "c.safetensors", "--in", "WS"), "wrote c.safetensors"),
    "lora mix": (("lora", "mix", "1@1", "--out", "d.safetensors", "--in", "WS"), "wrote d.safetensors"),
    "lora weights": (
        ("lora", "weights", "1@1", "--weight", "2", "--out", "e.safetensors", "--in", "WS"),
        "wrote e.safetensors",
    ),
    "lora alpha": (("lora", "alpha", "1@1", "--out", "f.safetensors", "--in", "WS"), "wrote f.safetensors"),
    "style list": (("style", "list", "--in", "WS"), "no styles"),
    "plan": (("plan", "WS/hifumi.toml", "--no-memory"), "files and disk"),
    "check": (("check", "WS/hifumi.toml"), "tag-once"),
    "captions tags": (("captions", "tags", "--in", "WS"), "hifumi_chan"),
    "captions pairs": (("captions", "pairs", "--in", "WS"), "pair"),
    "captions remarks": (("captions", "remarks", "--in", "WS"), "school uniform"),
    "captions convention": (("captions", "convention", "--in", "WS"), "booru"),
    "captions history": (("captions", "history", "--in", "WS"), "no steps in"),
    "captions rename --dry-run": (
        ("captions", "rename", "halo", "x", "--dry-run", "--in", "WS"),
        "no permission to write it",
    ),
    "dataset": (("dataset", "WS/hifumi.toml"), "nearly the same"),
    "convert": (("convert", "alpha", "WS/hifumi.toml", "--to", "2"), "network_alpha = 2"),
    "compare-trainers": (("compare-trainers", "WS/hifumi.toml", "--profiles", "kohya_ss 2023-02"), "steps really run"),
    "import": (("import", "WS/bakes/0001-hifumi/hifumi.safetensors"), "unknown"),
    "export": (("export", "WS/hifumi.toml", "--to", "kohya-gui"), '"network_alpha"'),
    "status --once": (("status", "WS", "--once"), "hifumi"),
    "info": (("info", "--in", "WS"), "read-only"),
    "info --json": (("info", "--json", "--in", "WS"), '"read_only": true'),
    "completions": (("completions", "zsh"), "#compdef lora-tui"),
    "man": (("man",), ".TH LORA-TUI 1"),
}
WRITES: dict[str, tuple[str, ...]] = {
    "bake": ("bake", "WS/hifumi.toml"),
    "new": ("new", "x", "--data", "WS/data", "--base", "demo", "--in", "WS"),
    "bakes note": ("bakes", "note", "1", "ears", "--in", "WS"),
    "bakes tag": ("bakes", "tag", "1", "te", "--in", "WS"),
    "bakes best": ("bakes", "best", "1", "40", "--in", "WS"),
    "bakes add": ("bakes", "add", "WS/bakes", "--in", "WS"),
    "bakes delete": ("bakes", "delete", "1", "--yes", "--in", "WS"),
    "bakes prune": ("bakes", "prune", "--yes", "--in", "WS"),
    "ladder start": ("ladder", *LADDER),
    "ladder extend": ("ladder", "extend", "1", "--rungs", "2", "--in", "WS"),
    "ladder cut": ("ladder", "cut", "1", "--rungs", "1", "--in", "WS"),
    "ladder hold": ("ladder", "hold", "1", "--in", "WS"),
    "ladder release": ("ladder", "release", "1", "--in", "WS"),
    "ladder grid": ("ladder", "grid", "1", "--in", "WS"),
    "ladder continue": ("ladder", "continue", "1", "--in", "WS"),
    "captions rename": ("captions", "rename", "halo", "x", "--yes", "--in", "WS"),
    "captions remove": ("captions", "remove", "halo", "--in", "WS"),
    "captions add": ("captions", "add", "new", "--yes", "--in", "WS"),
    "captions front": ("captions", "front", "halo", "--yes", "--in", "WS/hifumi.toml"),
    "captions sort": ("captions", "sort", "--yes", "--in", "WS"),
    "captions replace": ("captions", "replace", "a", "b", "--yes", "--in", "WS"),
    "captions tidy": ("captions", "tidy", "--underscores", "--yes", "--in", "WS"),
    "captions write": ("captions", "write", "WS/data/10_hifumi_chan/01.png", "x", "--in", "WS"),
    "captions convention": ("captions", "convention", "booru", "--yes", "--in", "WS"),
    "captions tag": ("captions", "tag", "tagger", "--in", "WS"),
    "captions undo": ("captions", "undo", "1", "--in", "WS"),
    "captions redo": ("captions", "redo", "1", "--in", "WS"),
    "queue add": ("queue", "add", "WS/hifumi.toml"),
    "queue move": ("queue", "move", "2", "--last", "--in", "WS"),
    "queue remove": ("queue", "remove", "2", "--in", "WS"),
    "queue hold": ("queue", "hold", "2", "--in", "WS"),
    "queue release": ("queue", "release", "2", "--in", "WS"),
    "queue test-grid": ("queue", "test-grid", "--in", "WS"),
    "queue change": ("queue", "change", "2", "seed=4", "--in", "WS"),
    "queue run": ("queue", "run", "--in", "WS"),
    "cluster run": ("cluster", "run", "--in", "WS"),
    "order": ("order", "3", "stop", "--in", "WS"),
    "resume": ("resume", "1", "--in", "WS"),
    "fork": ("fork", "1", "--in", "WS"),
    "twin": ("twin", "1", "--in", "WS"),
    "search": (
        "search",
        "--of",
        "1",
        "--objective",
        "validation_change",
        "--minimize",
        "--knob",
        "unet_lr=1e-5..1e-3",
        "--budget",
        "2 bakes",
        "--in",
        "WS",
    ),
    "advise --symptom": ("advise", "1", "--symptom", "static", "--in", "WS"),
    "extend": ("extend", "1", "--epochs", "2", "--in", "WS"),
    "grid": ("grid", "--bake", "1", "--in", "WS"),
    "grid --propose": ("grid", "--propose", "1", "tagger", "--in", "WS"),
    "grid --queue": ("grid", "--bake", "1", "--queue", "--in", "WS"),
    "grid --resume": ("grid", "--resume", "1", "--in", "WS"),
    "import": ("import", "WS/hifumi.toml", "--out", "WS/imported.toml"),
    "compare-trainers": ("compare-trainers", "WS/hifumi.toml", "--take", "kohya_ss 2023-02", "--out", "WS/taken.toml"),
    "export": ("export", "WS/hifumi.toml", "--to", "sd-scripts", "--out", "WS/exported.toml"),
    "check --accept": ("check", "WS/hifumi.toml", "--accept", "tag-once", "--why", "x"),
    "lora convert": ("lora", "convert", "1@1", "--rank", "2", "--out", "WS/x.safetensors", "--in", "WS"),
    "lora resize": ("lora", "resize", "1@1", "--rank", "2", "--out", "WS/x.safetensors", "--in", "WS"),
    "lora metadata": ("lora", "metadata", "1@1", "--set", "a=b", "--out", "WS/x.safetensors", "--in", "WS"),
    "style read": ("style", "read", "styles.csv", "--in", "WS"),
    "journal rebuild": ("journal", "rebuild", "WS"),
    "watch --orders": ("watch", "WS", "--orders"),
}
# Neither opens a workspace in a way that these could show: screens, and what is made or read elsewhere.
ELSEWHERE = {"demo", "watch", "replay", "style show", "style write", "lora extract", "doctor"}


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The demo with a bake that ended, one that waits and one that runs in a process nobody sees, and a grid."""
    demo = small_demo(tmp_path_factory.mktemp("shown") / "demo")
    path = demo.root / "hifumi.toml"
    # Which the LoRA below is for.
    settings = load_settings(path).model_copy(update={"pretrained_model_name_or_path": DEMO_BASE})
    text = settings_toml(resolve(settings, path))

    def add(journal: Journal) -> Bake:
        new = NewBake(name="hifumi", why="", settings_toml=text, engine="e", total_steps=40, steps_per_epoch=40)
        return journal.bakes.add(new)

    with Journal(demo.journal_path) as journal:
        bake = add(journal)
        lora = write_lora(demo.root / bake.folder / "hifumi.safetensors")
        journal.results.add_checkpoint(1, Checkpoint(1, 40, lora.name, lora.stat().st_size, 0.1, None, None, None, 0.0))
        journal.bakes.set_state(1, BakeState.DONE)
        journal.queue.set_held(add(journal).number, True)
        add(journal)
        journal.queue.claim("e", 2**22 + 1, 0.0)
        made_grid(demo.root / journal.grids.add(name="hifumi", spec="{}", bake=None).folder, (2, 1, 1, 1))
        spec = ladder_of_knob(load_settings(path), "unet_lr", ["1"], twins=1)
        journal.ladders.add(title=spec.title, spec_toml=spec_toml(spec), settings_toml=text)
        journal.ladders.keep_bakes([LadderBakeRow(ladder=1, rung="×1", twin=0, bake=1)])
    return demo


@pytest.fixture
def run_in(lora_tui_here: LoraTui, shown: Workspace, tmp_path: Path) -> Callable[[tuple[str, ...]], tuple[int, str]]:
    """Return a function that runs a command beside the read-only workspace; it returns the exit code and all that was printed."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "styles.csv").write_text("name,prompt,negative_prompt\nred,red dress,blue\n")
    write_tagger(out / "tagger")

    def run(words: tuple[str, ...]) -> tuple[int, str]:
        arguments = [word.replace("WS", str(shown.root)) for word in words]
        ran = in_read_only(shown.root, lambda: lora_tui_here(*arguments, folder=out))
        return ran.returncode, ran.stdout + ran.stderr

    return run


@pytest.mark.parametrize("what", LOOKS)
def test_what_only_looks_works(what: str, run_in, shown: Workspace) -> None:
    before = tree(shown.root)
    words, said = LOOKS[what]
    code, printed = run_in(words)
    assert (code, said in printed) == (0, True), printed
    assert tree(shown.root) == before


@pytest.mark.parametrize("what", WRITES)
def test_what_would_write_says_so_in_one_line(what: str, run_in, shown: Workspace) -> None:
    before = tree(shown.root)
    code, printed = run_in(WRITES[what])
    assert code != 0
    assert printed.count("\n") == 1, printed
    assert any(words in printed for words in ("read-only", "Read-only", "Permission denied")), printed
    assert tree(shown.root) == before


def test_no_command_is_forgotten() -> None:
    names = {
        f"{name} {each}"
        if isinstance(command, click.Group) and (name, each) not in {("queue", ""), ("convert", "alpha")}
        else name
        for name, command in main.commands.items()
        for each in (command.commands if isinstance(command, click.Group) else ("",))
    }
    known = {*LOOKS, *WRITES, *ELSEWHERE}
    assert {name.strip() for name in names} - known == set()


def test_a_bake_in_a_process_that_is_not_seen_here_is_shown_as_recorded(run_in, shown: Workspace) -> None:
    _, printed = run_in(("status", str(shown.root), "--json"))
    bakes = {bake["number"]: bake["state"] for bake in json.loads(printed)["bakes"]}
    assert bakes == {1: "done", 2: "queued", 3: "starting"}


def test_a_page_of_the_same_name_in_the_current_folder_is_left_alone(run_in, tmp_path: Path) -> None:
    (tmp_path / "out" / "0001-hifumi.html").write_text("mine")
    code, printed = run_in(("page", "1", "--in", "WS"))
    assert code != 0
    assert "is already there" in printed and "-o FILE" in printed
    assert (tmp_path / "out" / "0001-hifumi.html").read_text() == "mine"
