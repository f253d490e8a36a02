"""Locks on cards: one per card, outside every workspace, released when its holder ends."""

import ctypes
import re
import time
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from trainer.errors import DeviceError, WorkspaceError
from trainer.machine.cards import CardUser, card_users
from trainer.machine.devices import card_device
from trainer.machine.lock_file import FileLock, acquire_lock, check_lockable, read_lock_info
from trainer.text import printable
from trainer.workspace import state_home

CPU = "cpu"
"""The key of a computer without a card."""

_GIB = 1024**3


@dataclass(frozen=True)
class CardHolder:
    """What the holder of a card writes about itself.

    Attributes:
        program: `lora-tui` or another name a user knows.
        pid: its process.
        workspace: the folder it works in.
        bake: number and name, for example `12 hifumi`.
        since: epoch seconds when it acquired the card.
    """

    program: str
    pid: int
    workspace: str
    bake: str
    since: float


class HeldCard:
    """A card held; released by `release`, by the end of a `with` block, or by the end of the process."""

    def __init__(self, held: FileLock, claim: CardHolder) -> None:
        self._lock = held
        self.holder = claim

    def __enter__(self) -> Self:
        """Return the held card, released when the block ends."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release the card."""
        self.release()

    def update(self, claim: CardHolder) -> None:
        """Replace what is written about the holder; after `release` it does nothing."""
        self.holder = claim
        self._lock.update(asdict(claim))

    def release(self) -> None:
        """Release the card; releasing again does nothing."""
        self._lock.release()


def device_key(cuda: Any = None) -> str:
    """Return the UUID of the card that torch would compute on, `cpu` without one.

    The CUDA driver counts by speed and by CUDA_VISIBLE_DEVICES as torch does; NVML counts by slot. A card without a
    CUDA driver, as AMD's, is `card`.

    Args:
        cuda: the driver's library; None loads it.
    """
    if cuda is None:
        try:
            cuda = ctypes.CDLL("libcuda.so.1")
        except OSError:
            return "card" if card_device() else CPU
    raw = (ctypes.c_ubyte * 16)()
    # Version 2 knows the parts of a divided card (MIG); older drivers have only version 1.
    ask = getattr(cuda, "cuDeviceGetUuid_v2", None) or cuda.cuDeviceGetUuid
    device = ctypes.c_int()
    if cuda.cuInit(0) or cuda.cuDeviceGet(ctypes.byref(device), 0) or ask(ctypes.byref(raw), device):
        return CPU
    return str(uuid.UUID(bytes=bytes(raw)))


def acquire_card(key: str, holder: CardHolder) -> HeldCard | None:
    """Acquire the card for this process; None if another process holds it (`holder_text` names it).

    Args:
        key: from `device_key`.
        holder: what other processes read about this one.

    Raises:
        DeviceError: the lock's file cannot be written or locked.
    """
    try:
        held = acquire_lock(_path(key), asdict(holder))
    except WorkspaceError as error:
        raise _not_lockable(error) from error
    return None if held is None else HeldCard(held, holder)


def check_card_lockable() -> None:
    """Check that the card that torch would compute on can be locked, now or once its holder is done: no waiting helps where not.

    Raises:
        DeviceError: the lock's file cannot be written or locked.
    """
    try:
        check_lockable(_path(device_key()))
    except WorkspaceError as error:
        raise _not_lockable(error) from error


def read_holder(key: str) -> CardHolder | None:
    """Return what the card's holder wrote about itself, None if nobody holds it; blank if it cannot be read."""
    info = read_lock_info(_path(key))
    return None if info is None else _parse_holder(info)


def holder_text(key: str) -> str:
    """Return who holds the card, on one line: bake, workspace, program and pid, and each process's memory if known; "" for nobody."""
    claim = read_holder(key)
    if claim is None:
        return ""
    users = card_users(key) if key != CPU else ()
    taken = {user.pid: user for user in users}
    parts = [_holder_text(claim, taken.pop(claim.pid, None))]
    parts += [f"also on this GPU: {_name(user.pid)} (pid {user.pid}{_memory(user)})" for user in taken.values()]
    return "; ".join(parts)


def check_card_free() -> None:
    """Check that nobody holds the card that torch would compute on.

    Raises:
        DeviceError: another process holds it.
    """
    if who := holder_text(device_key()):
        raise DeviceError(
            "the GPU", found=f"in use by {who}", expected="a free GPU", way_out="`lora-tui bake --wait` waits for it"
        )


def _not_lockable(error: WorkspaceError) -> DeviceError:
    return DeviceError(
        "the GPU",
        found=f"nobody can be kept from using it at the same time: {error.where} {error.found}",
        expected=error.expected,
        way_out=error.way_out,
    )


def _holder_text(claim: CardHolder, user: CardUser | None) -> str:
    if not claim.pid:
        return "another process"
    since = time.strftime("%H:%M", time.localtime(claim.since))
    bake = f" bake {printable(claim.bake, 40)}" if claim.bake else ""
    place = f" in {printable(claim.workspace, 200)}" if claim.workspace else ""
    return f"{printable(claim.program, 40)}{bake}{place} (pid {claim.pid}, since {since}{_memory(user)})"


def _memory(user: CardUser | None) -> str:
    return "" if user is None or user.memory is None else f", {user.memory / _GIB:.1f} GiB"


def _name(pid: int) -> str:
    import psutil  # noqa: PLC0415  # only a GPU in use waits for it

    try:
        return printable(psutil.Process(pid).name(), 40)
    except psutil.Error:
        # In a container the driver lists the host's pids.
        return "a process"


def _parse_holder(info: dict[str, object]) -> CardHolder:
    fields = cast(dict[str, Any], info)
    try:
        claim = CardHolder(
            str(fields["program"]),
            int(fields["pid"]),
            str(fields["workspace"]),
            str(fields["bake"]),
            float(fields["since"]),
        )
        time.localtime(claim.since)
    except (ValueError, TypeError, LookupError, OverflowError, OSError):
        return CardHolder("", 0, "", "", 0.0)
    return claim if claim.pid > 0 else CardHolder("", 0, "", "", 0.0)


def _path(key: str) -> Path:
    return state_home() / "cards" / f"{re.sub(r'[^A-Za-z0-9-]', '_', key)[:80]}.lock"
