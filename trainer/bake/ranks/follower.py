"""A process that follows another in one bake: it loads the same model, takes its share of every step, and writes nothing."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from trainer.bake.placement import place_encoders
from trainer.bake.ranks.group import ProcessLost, RankGroup, join
from trainer.bake.ranks.leader import HAS_GPU
from trainer.bake.ranks.message import RankMessage, step_of
from trainer.bake.ranks.ranks import Ranks
from trainer.bake.saving.state import State, unpack
from trainer.bake.session import TrainingSession, open_session
from trainer.bake.step import train_step
from trainer.dataset.records import DataSet
from trainer.errors import DeviceError, ExitCode, LoraTuiError, ModelError
from trainer.jobs.preflight import PlannedBake
from trainer.jobs.same_content import models_now
from trainer.journal.state_files import StateHeader
from trainer.machine.card_lock import CPU, CardHolder, acquire_card, device_key, holder_text
from trainer.machine.launch import LaunchedProcess
from trainer.models.identify import base_of
from trainer.models.model_content import ModelContent
from trainer.plan.plan import Plan
from trainer.settings.model import Settings
from trainer.settings.toml_file import parse_settings
from trainer.text import printable
from trainer.typed_values import value_from_json

_FROM_PROCESS_0 = "process 0"
# A job that has just ended may still hold the GPU for a moment.
_LOCK_SECONDS = 10.0


def follow_leader(process: LaunchedProcess) -> ExitCode:
    """Do what process 0 says until it has no more to say; return the process's exit code. What went wrong process 0 prints."""
    # Read once, at import: no model hub is ever contacted.
    os.environ["HF_HUB_OFFLINE"] = "1"
    group = join(process)
    # What ends a bake is an order to process 0, which ends the others.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    try:
        with contextlib.ExitStack() as closing:
            message = group.receive()
            if message.kind == "open":
                closing.enter_context(_held_gpu(process))
                _Follower(group, closing).run(message)
    except ProcessLost:
        return ExitCode.BAKE_FAILED
    except LoraTuiError as error:
        group.say_why(error.line())
        return error.exit_code
    except Exception as error:
        # Above this only the interpreter prints it, into the middle of what process 0 prints.
        group.say_why(f"{type(error).__name__}: {error}")
        return ExitCode.BAKE_FAILED
    finally:
        group.leave()
    return ExitCode.DONE


class _Follower:
    """One bake as a process sees it that follows.

    Args:
        group: the connection.
        closing: takes apart what is opened here.
    """

    def __init__(self, group: RankGroup, closing: contextlib.ExitStack) -> None:
        self._group, self._closing = group, closing

    def run(self, opening: RankMessage) -> None:
        """Open the session that the first message describes, and do what the others say."""
        session = self._open(opening)
        self._group.answer(HAS_GPU if session.model.device.type == "cuda" else 0)
        live, scale = session.settings, 1.0
        while (message := self._group.receive()).kind != "end":
            facts = message.facts
            if "live" in facts:
                live, scale = parse_settings(facts["live"], _FROM_PROCESS_0), facts["rate_scale"]
            if "after" in facts:
                _put_in_force(session, live, scale, facts["after"])
            match message.kind:
                case "step":
                    result = train_step(session, step_of(message))
                    self._group.answer(result.reduced_micro_batch or 0)
                case "connect":
                    self._group.connect_gpus()
                case "state":
                    _put_back(session, facts["state"], message.tensors)
                case "place":
                    model = session.model
                    model.schedule = model.schedule_for(facts["prediction"], facts["zero_terminal_snr"])
                    model.put_vae_away()
                    place_encoders(session, facts["captions"])
                    model.bring_body()
                case "plan":
                    settings, plan = _settings_and_plan(facts)
                    session = replace(session, settings=settings, plan=plan)
                    live = settings

    def _open(self, opening: RankMessage) -> TrainingSession:
        settings, plan = _settings_and_plan(opening.facts)
        base = base_of(settings)
        models = models_now(settings) or {}
        _check_same(models, opening.facts["models"], settings)
        # Pictures and captions come with each step.
        nothing = DataSet(Path(), (), (), ())
        planned = PlannedBake(settings, nothing, None, base, plan)
        return self._closing.enter_context(open_session(settings, planned, models, Ranks(self._group)))


def _settings_and_plan(facts: Mapping[str, Any]) -> tuple[Settings, Plan]:
    plan: Plan = value_from_json(Plan, facts["plan"])
    return parse_settings(facts["settings"], _FROM_PROCESS_0), plan


def _put_in_force(session: TrainingSession, live: Settings, scale: float, step: int) -> None:
    """Let those settings hold from the next step on, as LiveSettings.apply does in process 0."""
    for group in session.trained_parts.groups:
        group["base_lr"] = live.rate(group["part"]) * scale
    session.micro_batches.size = live.micro_batch_size
    session.trained_parts.update(live, session.plan, step)


def _put_back(session: TrainingSession, header: str, tensors: Mapping[str, Tensor]) -> None:
    facts: StateHeader = value_from_json(StateHeader, header)
    for weight in session.network.parameters():
        weight.grad = None
    unpack(State(dict(tensors), facts), session, _FROM_PROCESS_0)


def _check_same(models: Mapping[str, ModelContent], expected: Mapping[str, str], settings: Settings) -> None:
    """See that what lies here is what process 0 trains on.

    Raises:
        ModelError: a file has another content; names both hashes.
    """
    for name, sha256 in expected.items():
        found = models[name].sha256 if name in models else "nothing"
        if found != sha256:
            raise ModelError(
                printable(str(getattr(settings, name))),
                found=f"another file than process 0 has there: {found[:12]}",
                expected=f"one of hash {sha256[:12]}",
                way_out="copy the same file to every computer",
            )


@contextlib.contextmanager
def _held_gpu(process: LaunchedProcess) -> Iterator[None]:
    """Hold this process's GPU while the block lasts.

    Raises:
        DeviceError: another program holds it, or another process of this bake.
    """
    key = device_key()
    if key == CPU and process.local_rank > 0:
        # The lock of a computer without a GPU is held once.
        yield
        return
    holder = CardHolder("lora-tui", os.getpid(), "", f"(process {process.rank} of a bake)", time.time())
    end, held = time.monotonic() + _LOCK_SECONDS, acquire_card(key, holder)
    while held is None and time.monotonic() < end:
        time.sleep(0.2)
        held = acquire_card(key, holder)
    if held is None:
        raise DeviceError(
            "its GPU",
            found=f"in use by {holder_text(key) or 'another program'}",
            expected="a free GPU for each process",
            way_out="wait for it, or choose others with CUDA_VISIBLE_DEVICES",
        )
    with held:
        yield
