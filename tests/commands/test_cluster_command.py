"""Bakes over a cluster: the bits and rows of a bake at home, whoever is lost on the way."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from cluster_here import PoolHere, WorkerHere, forked_bakes  # noqa: F401  # a fixture
from run_engine import SMALL, EngineRunner, small_demo

from trainer.cluster import run as cluster_run
from trainer.cluster.run import ClusterRun, bakes_to_run, take_bakes
from trainer.errors import ExitCode
from trainer.jobs.bakes import check, queue_bake
from trainer.jobs.fork import preview_fork
from trainer.journal.bake_folder import read_bake_json
from trainer.journal.journal import Journal
from trainer.journal.metrics_file import METRICS_FILE, read_metrics
from trainer.journal.records import BakeState, Order
from trainer.journal.state_files import states_of
from trainer.settings.toml_file import apply_overrides, load_settings
from trainer.workspace import Workspace

# So many that a bake is still at work when its first state has come home.
STEPS = 60
SETTINGS = (
    *SMALL,
    "max_train_epochs=",
    f"max_train_steps={STEPS}",
    "train_batch_size=2",
    "save_state_every_n_steps=5",
    "save_every_n_steps=15",
    "keep_states=epochs",
    "lr_scheduler=cosine",
)


def queued(journal: Journal, workspace: Workspace, *overrides: str, held: bool = False) -> int:
    path = workspace.root / "hifumi.toml"
    ready = check(apply_overrides(load_settings(path), (*SETTINGS, *overrides)), path)
    return queue_bake(journal, workspace, ready, why="on the cluster", engine="", held=held).number


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(cluster_run, "POLL_SECONDS", 0.05)
    return small_demo(tmp_path / "home" / "demo")


@pytest.mark.usefixtures("forked_bakes")
def test_a_bake_whose_worker_is_lost_goes_on_elsewhere_to_the_bits_of_one_at_home(
    home: Workspace, tmp_path: Path
) -> None:
    pool = PoolHere(tmp_path / "computers")
    said: list[str] = []
    with Journal(home.journal_path) as journal:
        number = queued(journal, home)
        folder = home.root / journal.bakes.read(number).folder
        assert take_bakes(journal, bakes_to_run(journal, home), "run") == [number]

        paused: list[int] = []

        def lose_the_first() -> bool:
            # A pause holds it where it is.
            if not paused and states_of(folder):
                paused.append(journal.orders.give(number, Order.PAUSE))
            if len(pool.started) == 1 and journal.bakes.read(number).state is BakeState.PAUSED:
                pool.started[0].lose()
            return False

        assert ClusterRun(journal, home, pool, "run", said.append, lose_the_first).run() is ExitCode.DONE
        assert len(pool.started) == 2, said
        bake = journal.bakes.read(number)
        assert (bake.state, bake.attempt, bake.total_steps) == (BakeState.DONE, 2, STEPS)
        # From the state that had come home, not from its first step.
        assert any(line.text.startswith("resumed after step") for line in journal.log.read(bake=number))
        rows = journal.records.read(number)
        columns = journal.curves.columns(number)
        assert preview_fork(journal, home, number, overrides=(f"max_train_steps={STEPS + 1}",)).step == STEPS
    engine = EngineRunner(home)
    here = engine.bake(*SETTINGS)
    # Done is a bake before its folder says so.
    engine.close()
    assert here.state is BakeState.DONE
    with Journal(home.journal_path) as journal:
        own = journal.records.read(here.number)
        own_columns = journal.curves.columns(here.number)
        assert journal.results.manifest(number) == journal.results.manifest(here.number)
        assert journal.bakes.read(number).settings_toml == here.settings_toml
    # The LoRAs, bit for bit, and every number that does not come from a clock.
    assert engine.tensors_in(folder) == engine.tensors_in(engine.folder(here))
    assert columns["loss"] == own_columns["loss"] and columns["step"] == own_columns["step"]
    assert [(one.step, one.file, one.loss, one.val) for one in rows.checkpoints] == [
        (one.step, one.file, one.loss, one.val) for one in own.checkpoints
    ]
    assert {(one.step, one.name, one.part, one.scope, one.value) for one in rows.measures} == {
        (one.step, one.name, one.part, one.scope, one.value) for one in own.measures
    }
    assert [one.step for one in rows.states] == [one.step for one in own.states]

    # Its folder is that of a bake at home, and says so by itself.
    def files(of: Path) -> set[str]:
        return {path.relative_to(of).as_posix() for path in of.rglob("*") if path.is_file()}

    assert files(folder) == files(engine.folder(here))
    assert (folder / "settings.toml").read_text() == (engine.folder(here) / "settings.toml").read_text()
    assert list(read_metrics(folder / METRICS_FILE)["step"]) == list(range(1, STEPS + 1))
    kept = read_bake_json(folder)
    assert kept is not None and kept.bake.state is BakeState.DONE and kept.checkpoints == rows.checkpoints
    # Where files lie in the same place as at home nothing is copied, its own folder apart.
    assert pool.started[0].sent == 0


@pytest.mark.long
@pytest.mark.usefixtures("forked_bakes")
def test_orders_reach_a_bake_on_a_worker(home: Workspace, tmp_path: Path) -> None:
    pool = PoolHere(tmp_path / "computers")
    with Journal(home.journal_path) as journal:
        number = queued(journal, home, "max_train_steps=400")
        take_bakes(journal, bakes_to_run(journal, home), "run")
        given: list[int] = []

        def order_once() -> bool:
            if not given and journal.curves.columns(number):
                given.append(journal.orders.give(number, Order.SET, "unet_lr=1e-5"))
                given.append(journal.orders.give(number, Order.STOP))
            return False

        ClusterRun(journal, home, pool, "run", lambda line: None, order_once).run()
        bake = journal.bakes.read(number)
        assert bake.state is BakeState.STOPPED
        orders = journal.orders.read(number)
        assert [order.obeyed is not None and not order.answer for order in orders] == [True, True]
        assert any(mark.text == "unet_lr=1e-5" for mark in journal.results.marks(number))


def test_a_worker_finds_files_by_their_content_and_is_sent_the_others_once(tmp_path: Path) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere" / "deep"
    for folder in (home, elsewhere):
        folder.mkdir(parents=True)
    contents = {"in place": b"one" * 100, "elsewhere": b"two" * 100, "nowhere": b"three", "empty": b""}
    for name, content in contents.items():
        (home / name).write_bytes(content)
    (elsewhere / "another name").write_bytes(contents["elsewhere"])
    (elsewhere / "as long").write_bytes(b"owt" * 100)
    import hashlib

    files = [
        {"path": str(home / name), "sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "own": False}
        for name, content in contents.items()
    ]
    sent = {"number": 1, "home": str(home), "files": files, "record": ""}
    for name in ("elsewhere", "nowhere", "empty"):
        (home / name).unlink()
    worker = WorkerHere(tmp_path / "computer", "slot-0", [str(tmp_path / "elsewhere")])
    missing = worker.call("begin", sent)
    assert missing == [files[2]["sha256"], files[3]["sha256"]]
    worker.call("receive", missing[0], 0, b"th")
    worker.call("receive", missing[0], 2, b"ree")
    for sha256 in missing:
        worker.call("received", sha256)
    # Another worker of the same computer finds the copies.
    assert WorkerHere(tmp_path / "computer", "slot-1", [str(tmp_path / "elsewhere")]).call("begin", sent) == []
    worker.call("begin", {**sent, "files": [{**files[2], "sha256": "0" * 64}]})
    worker.call("receive", "0" * 64, 0, b"something else")
    with pytest.raises(Exception, match="changed while it was sent"):
        worker.call("received", "0" * 64)


def test_held_bakes_of_a_ladder_are_released_and_others_stay(home: Workspace) -> None:
    from trainer.journal.ladder_records import LadderBakeRow

    with Journal(home.journal_path) as journal:
        numbers = [queued(journal, home, held=held) for held in (True, False, True, True)]
        ladder = journal.ladders.add(title="t", spec_toml="", settings_toml="").number
        journal.ladders.keep_bakes(
            [
                LadderBakeRow(ladder=ladder, rung="×1", twin=0, bake=numbers[0]),
                LadderBakeRow(ladder=ladder, rung="×3", twin=0, bake=numbers[1]),
                LadderBakeRow(ladder=ladder, rung="×9", twin=0, bake=numbers[2], cut=True),
                LadderBakeRow(ladder=ladder, rung="×27", twin=0),
            ]
        )
        assert take_bakes(journal, bakes_to_run(journal, home, ladder=ladder), "run") == numbers[:2]
        assert [journal.bakes.read(number).held for number in numbers] == [False, False, True, True]
        with pytest.raises(Exception, match="no ladder 7"):
            bakes_to_run(journal, home, ladder=7)


def test_without_ray_one_line_names_the_extra(lora_tui_here, home: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with Journal(home.journal_path) as journal:
        number = queued(journal, home)
    ran = lora_tui_here("cluster", "run", "--in", str(home.root))
    assert ran.returncode == 2
    assert ran.stderr == "lora-tui: Ray: the package is not installed; pip install 'lora-tui[ray]'\n"
    with Journal(home.journal_path) as journal:
        assert journal.bakes.read(number).engine == ""


@pytest.mark.long
def test_ray_with_two_workers_bakes_four_rungs_to_the_bits_of_home_though_one_is_killed(
    home: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psutil

    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    rates = ("1e-4", "3e-4", "1e-3", "3e-3")
    with Journal(home.journal_path) as journal:
        numbers = [queued(journal, home, f"unet_lr={rate}", "max_train_steps=24") for rate in rates]
        folders = [home.root / journal.bakes.read(number).folder for number in numbers]
    command = [sys.executable, "-m", "lora_tui", "cluster", "run", "--workers", "2", "--in", str(home.root)]
    command += ["--scratch", str(tmp_path / "scratch")]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    end = time.monotonic() + 250
    while not states_of(folders[0]):
        assert run.poll() is None and time.monotonic() < end, run.communicate()[0]
        time.sleep(0.05)
    with Journal(home.journal_path) as journal:
        where = next(line.text for line in journal.log.read(bake=numbers[0]) if line.text.startswith("runs on worker"))
    assert where
    # The process of Ray's that runs the first bake, as a computer would be lost.
    bakes = [
        each for each in psutil.process_iter(["cmdline"]) if "trainer.engine.lone_bake" in (each.info["cmdline"] or [])
    ]
    mine = [each for each in bakes if f"{numbers[0]}" in each.cmdline() and str(tmp_path) in " ".join(each.cmdline())]
    assert len(mine) == 1
    parent = mine[0].parent()
    assert parent is not None
    parent.kill()
    said = run.communicate(timeout=280)[0]
    assert run.returncode == 0, said
    assert "continues elsewhere" in said
    engine = EngineRunner(home)
    for number, rate, folder in zip(numbers, rates, folders, strict=True):
        assert engine.journal.bakes.read(number).state is BakeState.DONE
        here = engine.bake(*SETTINGS, f"unet_lr={rate}", "max_train_steps=24")
        assert engine.tensors_in(folder) == engine.tensors_in(engine.folder(here))
        assert engine.journal.curves.columns(number)["loss"] == engine.journal.curves.columns(here.number)["loss"]
    assert engine.journal.bakes.read(numbers[0]).attempt == 2
    engine.close()
