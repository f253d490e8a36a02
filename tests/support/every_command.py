"""Every command of the program with what it needs to run, taken from the command line's own tree so that none is forgotten."""

import atexit
import functools
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import click
import numpy as np
from lora_on_disk import write_lora
from made_grid import made_grid
from tiny_tagger import write_tagger

from lora_tui.cli import main
from trainer.captions.find import CaptionWays, caption_files, found_pictures
from trainer.captions.history import CaptionHistory
from trainer.captions.plan import plan_edit
from trainer.captions.record import TagEdit
from trainer.demo.workspace import make_demo
from trainer.formats.safetensors_header import read_header
from trainer.journal.journal import Journal
from trainer.journal.ladder_records import LadderBakeRow
from trainer.journal.records import BakeState, Checkpoint, NewBake
from trainer.ladders.build import ladder_of_knob
from trainer.ladders.files import spec_toml
from trainer.models.identify import DEMO_BASE, identify_base
from trainer.settings.subject import resolve
from trainer.settings.toml_file import load_settings, settings_toml
from trainer.workspace import Workspace

_CAPTIONS: dict[str, object] = {"folder": "{ws}/hifumi.toml", "as_json": True}
_LORA, _NEW = "{ws}/bakes/0001-hifumi/hifumi.safetensors", "{out}/new.safetensors"


@functools.cache
def changed_demo() -> str:
    """Return the folder of a base that differs from the demo in one module by a change of rank one, written once for each process."""
    folder = Path(tempfile.mkdtemp(prefix="changed-demo-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    shutil.copytree(identify_base(DEMO_BASE).path, folder, dirs_exist_ok=True)
    path = folder / "text_encoder" / "model.safetensors"
    header = read_header(path)
    key = next(key for key in header.shapes if key.endswith("mlp.fc1.weight"))
    start, end = (8 + header.length + place for place in header.spans[key])
    content = bytearray(path.read_bytes())
    numbers = np.frombuffer(content[start:end], np.float16).reshape(header.shapes[key])
    change = np.outer(np.linspace(-1, 1, len(numbers)), np.linspace(1, 2, numbers.shape[1]))
    content[start:end] = (numbers + 0.1 * change).astype(np.float16).tobytes()
    path.write_bytes(content)
    return str(folder)


class _Later:
    """A text that is made when it is first needed."""

    def __init__(self, make: Callable[[], str]) -> None:
        self._make = make

    def __str__(self) -> str:
        return self._make()


NEEDED: dict[str, dict[str, object]] = {
    "": {},
    "demo": {"folder": "{out}/demo"},
    "new": {"name": "x", "data": "{ws}/data", "base": "demo", "folder": "{ws}"},
    "import": {"files": "{ws}/hifumi.toml"},
    "plan": {"settings_file": "{ws}/hifumi.toml", "memory": False},
    "check": {"settings_file": "{ws}/hifumi.toml", "compare": False},
    "captions tags": {**_CAPTIONS},
    "captions rename": {**_CAPTIONS, "old": "1girl", "new": "girl", "yes": True},
    "captions remove": {**_CAPTIONS, "tags": "halo", "yes": True},
    "captions add": {**_CAPTIONS, "tags": "new", "yes": True},
    "captions front": {**_CAPTIONS, "tags": "hifumi_chan", "yes": True},
    "captions sort": {**_CAPTIONS, "yes": True},
    "captions replace": {**_CAPTIONS, "pattern": "1girl", "replacement": "girl", "yes": True},
    "captions tidy": {**_CAPTIONS, "underscores": True, "yes": True},
    "captions write": {**_CAPTIONS, "picture": "{ws}/data/10_hifumi_chan/01.png", "text": "by hand"},
    "captions pairs": {**_CAPTIONS},
    "captions remarks": {**_CAPTIONS},
    "captions convention": {**_CAPTIONS, "name": "booru", "yes": True},
    "captions tag": {**_CAPTIONS, "model": "{ws}/tagger", "yes": True},
    "captions history": {"folder": "{ws}"},
    "captions undo": {"number": 1, "folder": "{ws}"},
    "captions redo": {"number": 2, "folder": "{ws}"},
    "dataset": {"settings_file": "{ws}/hifumi.toml"},
    "compare-trainers": {"settings_file": "{ws}/hifumi.toml", "take": "lora-tui"},
    "bake": {"settings_file": "{ws}/hifumi.toml", "wait": False},
    "queue": {"folder": "{ws}"},
    "queue add": {"settings_files": "{ws}/hifumi.toml"},
    "queue move": {"number": 2, "last": True, "folder": "{ws}"},
    "queue remove": {"number": 3, "folder": "{ws}"},
    "queue hold": {"number": 2, "folder": "{ws}"},
    "queue release": {"number": 2, "folder": "{ws}"},
    "queue test-grid": {"folder": "{ws}"},
    "queue change": {"number": 2, "changes": "seed=3", "folder": "{ws}"},
    "queue run": {"folder": "{ws}"},
    "cluster run": {"ladder": 1, "folder": "{ws}"},
    "status": {"folder": "{ws}"},
    "bakes list": {"folder": "{ws}"},
    "bakes note": {"number": 1, "text": "ears", "folder": "{ws}"},
    "bakes tag": {"number": 1, "tags": "te", "folder": "{ws}"},
    "bakes best": {"number": 1, "step": 40, "folder": "{ws}"},
    "bakes add": {"files": "{ws}/bakes", "folder": "{ws}"},
    "bakes delete": {"numbers": 1, "yes": True, "folder": "{ws}"},
    "bakes prune": {"yes": True, "folder": "{ws}"},
    "show": {"number": 1, "folder": "{ws}"},
    "diff": {"first": 1, "second": 2, "folder": "{ws}"},
    "report": {"number": 1, "folder": "{ws}"},
    "watch": {"folder": "{ws}"},
    "order": {"number": 2, "word": "pause", "folder": "{ws}"},
    "resume": {"number": 1, "folder": "{ws}"},
    "fork": {"number": 1, "folder": "{ws}"},
    "extend": {"number": 1, "epochs": 3, "folder": "{ws}"},
    "twin": {"number": 1, "folder": "{ws}"},
    "floor": {"number": 1, "folder": "{ws}"},
    "ladder start": {"spec_file": "{ws}/ladders/rates.toml", "folder": "{ws}"},
    "ladder list": {"folder": "{ws}"},
    "ladder presets": {},
    "ladder show": {"number": 1, "folder": "{ws}"},
    "ladder extend": {"number": 1, "rungs": "2", "folder": "{ws}"},
    "ladder cut": {"number": 1, "rungs": "1", "folder": "{ws}"},
    "ladder hold": {"number": 1, "folder": "{ws}"},
    "ladder release": {"number": 1, "folder": "{ws}"},
    "ladder continue": {"number": 1, "folder": "{ws}"},
    "ladder grid": {"number": 1, "dry_run": True, "folder": "{ws}"},
    "advise": {"number": 1, "folder": "{ws}"},
    "frontier": {"folder": "{ws}"},
    "search": {"list_them": True, "folder": "{ws}"},
    "grid": {"dry_run": True, "folder": "{ws}"},
    "style list": {"folder": "{ws}"},
    "style show": {"name": "mine", "folder": "{ws}"},
    "style read": {"file": "{ws}/ui-config.json", "folder": "{ws}"},
    "style write": {"name": "mine", "file": "{ws}/ui-config.json", "folder": "{ws}"},
    "page": {"number": 1, "folder": "{ws}"},
    "use": {"number": 1, "epoch": "1", "target": "{out}", "folder": "{ws}"},
    "measure": {"targets": "{ws}/bakes/0001-hifumi/hifumi.safetensors"},
    "lora inspect": {"files": _LORA},
    "lora verify": {"files": _LORA},
    "lora resize": {"file": _LORA, "rank": 2, "out": _NEW},
    "lora convert": {"file": _LORA, "rank": 2, "out": _NEW},
    "lora merge": {"files": (_LORA, _LORA), "out": _NEW},
    "lora average": {"files": (_LORA, _LORA), "out": _NEW},
    "lora mix": {"file": _LORA, "out": _NEW},
    "lora weights": {"file": _LORA, "blocks": "down=0.5", "out": _NEW},
    "lora alpha": {"file": _LORA, "out": _NEW},
    "lora extract": {"base_path": "demo", "tuned": _Later(changed_demo), "rank": 2, "out": _NEW},
    "lora metadata": {"file": _LORA},
    "convert alpha": {"settings_file": "{ws}/hifumi.toml", "alpha": 2},
    "export": {"settings_file": "{ws}/hifumi.toml", "trainer": "sd-scripts"},
    "journal rebuild": {"folder": "{ws}"},
    "replay": {"number": 1, "folder": "{ws}"},
    "info": {"folder": "{ws}"},
    "doctor": {"folder": "{ws}"},
    "completions": {"shell": "bash"},
    "man": {},
    "keys": {},
}
"""Command -> what it is given by parameter; `{ws}` is the workspace of `furnish`, `{out}` a folder to write into."""

RUNS = ("bake", "resume", "fork", "extend", "queue run")
"""Those that run a job as they are given here."""

PATHS_AS_TEXT = {"new": {"base"}, "use": {"target"}, "lora inspect": {"files"}, "lora resize": {"base_path"}}
"""Parameters that are paths to the user, and texts to the command line: they may mean something else too."""


def commands(command: click.Command = main, name: str = "") -> Iterator[tuple[str, click.Command]]:
    """Yield each command that does something by itself, with its name as it is typed."""
    if not isinstance(command, click.Group) or command.invoke_without_command:
        yield name, command
    if isinstance(command, click.Group):
        for word, inner in command.commands.items():
            yield from commands(inner, f"{name} {word}".strip())


def parameters(name: str, kind: type[click.ParamType]) -> list[str]:
    """Return the names of a command's parameters of one kind."""
    command = dict(commands())[name]
    found = [each.name for each in command.params if isinstance(each.type, kind) and each.name]
    return found + sorted(PATHS_AS_TEXT.get(name, ())) if kind is click.Path else found


def words(name: str, places: Mapping[str, Path], /, **changes: object) -> list[str]:
    """Return the command as it is typed, with what it needs and with `changes`; None leaves a parameter out."""
    given = {**NEEDED[name], **changes}
    options: list[str] = []
    arguments: list[str] = []
    for each in dict(commands())[name].params:
        value = given.get(each.name or "")
        if value is None:
            continue
        texts = [
            str(one).format_map(places) if each.name not in changes else str(one)
            for one in (value if isinstance(value, tuple) else (value,))
        ]
        if not isinstance(each, click.Option):
            arguments += texts
        elif isinstance(value, bool):
            options.append(each.opts[0] if value else each.secondary_opts[0])
        else:
            options += [word for text in texts for word in (each.opts[0], text)]
    return [*name.split(), *options, *(["--", *arguments] if arguments else [])]


def furnish(root: Path) -> Workspace:
    """Make the demo workspace with a bake that is done (1), two that wait (2, 3), a grid, a ladder of the first bake, a style and a webui's file.

    Of two steps that edited captions the second is undone.
    """
    workspace = make_demo(root)
    for picture in [*sorted((root / "data").rglob("*.png"))[4:], *sorted((root / "validation").glob("*.png"))[2:]]:
        picture.unlink()
        picture.with_suffix(".txt").unlink()
    path = root / "hifumi.toml"
    text = settings_toml(resolve(load_settings(path), path))
    with Journal(workspace.journal_path) as journal:
        for _ in range(3):
            new = NewBake(name="hifumi", why="", settings_toml=text, engine="e", total_steps=40, steps_per_epoch=40)
            bake = journal.bakes.add(new)
        bake = journal.bakes.read(1)
        lora = write_lora(root / bake.folder / "hifumi.safetensors")
        saved = Checkpoint(1, 40, lora.name, lora.stat().st_size, 0.1, None, None, None, 0.0)
        journal.results.add_checkpoint(1, saved)
        journal.bakes.set_state(1, BakeState.DONE)
        row = journal.grids.add(name="epochs", spec="{}", bake=None)
        made_grid(root / row.folder, (2, 1, 1, 1))
        spec = ladder_of_knob(load_settings(path), "unet_lr", ["1"], twins=1)
        ladder = journal.ladders.add(title=spec.title, spec_toml=spec_toml(spec), settings_toml=text)
        journal.ladders.keep_bakes([LadderBakeRow(ladder=ladder.number, rung="×1", twin=0, bake=1)])
    (root / "ladders").mkdir()
    (root / "ladders" / "rates.toml").write_text(
        'knob = "unet_lr"\nrungs = [1, 3]\ntwins = 1\nsettings = "../hifumi.toml"\n'
    )
    (root / "ui-config.json").write_text('{"txt2img/Sampling steps/value": 28}')
    (root / "grids" / "styles.toml").write_text("[mine]\nsteps = 28\n")
    _edit_captions(workspace)
    write_tagger(root / "tagger")
    return workspace


def _edit_captions(workspace: Workspace) -> None:
    path = workspace.root / "hifumi.toml"
    ways, history = CaptionWays.of(resolve(load_settings(path), path)), CaptionHistory(workspace)
    for tag in ("first", "second"):
        history.write(plan_edit(TagEdit("add", (tag,)), caption_files(found_pictures(ways), ways)))
    history.undo(2)
