"""Ladders of a journal made without baking: bakes of their rungs in any state, with values measured of those that are done."""

from collections.abc import Callable, Mapping, Sequence

from made_twins import DATA

from trainer.dataset.manifest import manifest_bytes
from trainer.journal.journal import Journal
from trainer.journal.ladder_records import LadderBakeRow
from trainer.journal.measure_records import MeasuredValue
from trainer.journal.metrics import MetricWriter
from trainer.journal.records import Bake, BakeState, Checkpoint, NewBake, Stage
from trainer.ladders.build import ladder_of_knob
from trainer.ladders.files import spec_toml
from trainer.measures.of_weights import DELTA_SHARE
from trainer.settings.kept import kept_toml
from trainer.settings.model import Settings
from trainer.settings.subject import resolve
from trainer.settings.toml_file import apply_overrides, load_settings, settings_toml
from trainer.workspace import Workspace

EPOCH, STEPS = 40, 80
Values = Callable[[int, int], Mapping[str, float]]
"""Place of a rung, and twin -> measure -> its value of the U-Net."""


def rising(rung: int, twin: int) -> Mapping[str, float]:
    """Return a change that trebles from rung to rung, with twins that differ by a hundredth."""
    return {DELTA_SHARE.key: 0.01 * 3**rung * (1 + 0.01 * twin)}


def made_ladder(
    workspace: Workspace,
    *,
    knob: str = "unet_lr",
    rungs: Sequence[str] = ("0.33", "1", "3"),
    twins: int = 2,
    states: Mapping[tuple[int, int], BakeState | None] | None = None,
    values: Values = rising,
    question: str = "",
    title: str = "",
    held: bool = False,
    engine: str = "gone",
) -> int:
    """Put a ladder with its bakes into the journal of a demo workspace, and return its number.

    Args:
        workspace: of the demo.
        knob, rungs, twins, question, title: as `ladder_of_knob` takes them, from the workspace's settings.
        states: (place of the rung, twin) -> the state of its bake, None for one that is not queued; done where nothing is said.
        values: what was measured of the bakes that are done.
        held: whether those that wait are held.
        engine: key of the engine that bakes wait for.
    """
    path = workspace.root / "hifumi.toml"
    settings = resolve(load_settings(path), path)
    spec = ladder_of_knob(settings, knob, rungs, twins=twins, question=question, title=title)
    with Journal(workspace.journal_path) as journal:
        row = journal.ladders.add(
            title=spec.title, spec_toml=spec_toml(spec), settings_toml=kept_toml(settings, journal.paths)
        )
        places = []
        for place, rung in enumerate(spec.rungs):
            for twin in range(twins):
                state = (states or {}).get((place, twin), BakeState.DONE)
                if state is None:
                    continue
                changed = apply_overrides(settings, (*rung.overrides, *([f"seed={100 + twin}"] if twin else ())))
                bake = _bake(journal, workspace, changed, state, values(place, twin), held=held, engine=engine)
                places.append(LadderBakeRow(ladder=row.number, rung=rung.label, twin=twin, bake=bake.number))
        journal.ladders.keep_bakes(places)
    return row.number


def _bake(
    journal: Journal,
    workspace: Workspace,
    settings: Settings,
    state: BakeState,
    values: Mapping[str, float],
    *,
    held: bool,
    engine: str,
) -> Bake:
    new = NewBake(
        name="hifumi",
        settings_toml=settings_toml(settings),
        engine=engine,
        total_steps=STEPS,
        steps_per_epoch=EPOCH,
        held=held and state is BakeState.QUEUED,
    )
    bake = journal.bakes.add(new)
    number = bake.number
    if state is BakeState.QUEUED:
        return bake
    journal.results.set_manifest(number, manifest_bytes(DATA))
    journal.bakes.set_device(number, "cpu")
    journal.bakes.set_state(number, BakeState.STARTING)
    steps = STEPS if state is BakeState.DONE else EPOCH
    writer = MetricWriter(workspace.journal_path, number)
    for step in range(1, steps + 1):
        writer.put(step, {"loss": 0.2 * 0.98**step})
    writer.close()
    if state.live:
        journal.bakes.set_state(number, BakeState.BAKING)
        journal.bakes.set_stage(number, Stage.STEP, steps, STEPS)
    for epoch in range(1, steps // EPOCH + 1):
        file = f"hifumi-{epoch:06d}.safetensors"
        folder = workspace.root / bake.folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(b"a LoRA")
        saved = Checkpoint(epoch, EPOCH * epoch, file, 6, 0.1, None, None, None, 1e9)
        journal.results.add_checkpoint(number, saved)
        rows = [
            MeasuredValue(step=EPOCH * epoch, name=name, part="unet", value=value) for name, value in values.items()
        ]
        journal.measures.add(number, rows)
    error = "out of memory: 6 GiB" if state is BakeState.FAILED else ""
    journal.bakes.set_state(number, state, error)
    return bake
