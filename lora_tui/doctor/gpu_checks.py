"""Checks of GPU and driver, of who uses the GPU, and of the build of torch against the driver."""

import contextlib
from collections.abc import Iterator
from typing import Any

from lora_tui.doctor.record import HealthLevel, Surroundings
from lora_tui.wording.numbers import gib
from trainer.machine.card_lock import device_key, holder_text
from trainer.machine.card_processes import card_processes
from trainer.machine.cards import NvmlCards
from trainer.machine.devices import card_device
from trainer.machine.driver import driver_facts
from trainer.machine.python_child import ChildEnded, PythonChild
from trainer.machine.torch_build import driver_fault, torch_build
from trainer.text import printable

_OK, _WARNING, _ERROR = HealthLevel
Found = Iterator[tuple[HealthLevel, str, str]]

# Importing torch from a cold disk takes most of it.
_TRIAL_SECONDS = 180.0
_TRIAL = "trainer.bake.device_trial_worker"
_MANY_USED = 0.5


def gpu(around: Surroundings) -> Found:
    """Look at the driver and its GPUs."""
    facts = driver_facts(around.nvml)
    if facts is None or not facts.gpus:
        _, because = NvmlCards(around.nvml).read()
        if card_device():
            yield _ERROR, f"there is a GPU, but NVML does not answer: {because}", "install or restart the GPU's driver"
        else:
            yield (
                _WARNING,
                f"no GPU to bake on: {because}",
                "the demo bakes on the CPU; for a real base use a computer with a GPU",
            )
        return
    cuda = "" if facts.cuda is None else f", CUDA {facts.cuda[0]}.{facts.cuda[1]}"
    yield _OK, f"driver {printable(facts.version, 40) or 'of unknown version'}{cuda}", ""
    for each in facts.gpus:
        capability = (
            "" if each.capability is None else f", compute capability {each.capability[0]}.{each.capability[1]}"
        )
        energy = "counts its energy" if each.counts_energy else "counts no energy: that of a bake comes from its power"
        memory = "memory unknown" if each.memory_total is None else f"{gib(each.memory_total)} GiB"
        yield _OK, f"GPU {each.index}: {printable(each.name, 60)}, {memory}{capability}; it {energy}", ""


def gpu_users(around: Surroundings) -> Found:
    """Look at who uses the GPUs now."""
    facts = driver_facts(around.nvml)
    for each in () if facts is None else facts.gpus:
        users = [user for user in card_processes(each.index, around.nvml) if not user.ours]
        listed = ", ".join(
            f"{user.name} (pid {user.pid}{'' if user.memory is None else f', {gib(user.memory)} GiB'})"
            for user in users
        )
        used, total = each.memory_used, each.memory_total
        if used is not None and total and used / total > _MANY_USED:
            what = f"GPU {each.index}: {gib(used)} of {gib(total)} GiB are in use{f' by {listed}' if listed else ''}"
            yield _WARNING, what, "close these programs before a bake that needs the memory"
        else:
            yield _OK, f"GPU {each.index}: {f'also used by {listed}' if listed else 'used by nobody else'}", ""
    if who := holder_text(device_key()):
        yield _OK, f"in use by {who}", ""


def torch(around: Surroundings) -> Found:
    """Look at the build of torch, told from its files; nothing of it is imported here."""
    build = torch_build()
    if build is None:
        yield (
            _ERROR,
            "torch is not installed",
            "install lora-tui with its dependencies: `pip install -c constraints.txt .`",
        )
        return
    facts = driver_facts(around.nvml)
    has_gpu = facts is not None and bool(facts.gpus)
    if facts is not None and (fault := driver_fault(build, facts.cuda)):
        yield (
            _ERROR,
            f"{build.words}: {fault}",
            "update the driver, or install the build of torch for the driver's CUDA",
        )
    elif has_gpu and not build.cuda:
        yield (
            _ERROR,
            f"{build.words}: bakes would not use the GPU",
            "install the build of torch for CUDA, as pytorch.org describes for your system",
        )
    else:
        yield _OK, build.words, ""
    if around.try_torch:
        yield from _tried(has_gpu)


def _tried(has_gpu: bool) -> Found:
    try:
        answer = _answer()
    except (ChildEnded, OSError) as error:
        yield _ERROR, f"a process that tried torch ended ({error})", "install torch again"
        return
    if answer is None:
        yield (
            _ERROR,
            f"torch did not answer within {_TRIAL_SECONDS:.0f} s",
            "look at the load of the computer and its disk",
        )
        return
    if fault := answer.get("error"):
        kernels = ", ".join(map(str, answer.get("kernels", ())))
        yield (
            _ERROR,
            f"a small training step on the GPU failed: {fault}{f' (kernels for {kernels})' if kernels else ''}",
            "install a build of torch with kernels for this GPU, and restart after a driver's update",
        )
    elif answer.get("gpu"):
        yield _OK, f"torch took a small training step on {answer.get('name', 'the GPU')}", ""
    elif has_gpu:
        yield (
            _ERROR,
            "torch sees no GPU, although the driver does",
            "install the build of torch for the driver's CUDA, and look at CUDA_VISIBLE_DEVICES",
        )
    else:
        yield _OK, f"torch {answer.get('version', '')} starts, and sees no GPU", ""


def _answer() -> dict[str, Any] | None:
    with contextlib.closing(PythonChild(_TRIAL, sees_gpus=True)) as child:
        child.ask("try")
        answer = child.answer(_TRIAL_SECONDS)
    return answer if isinstance(answer, dict) else None
