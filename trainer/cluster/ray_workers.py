"""Workers in a Ray cluster: one actor each, in a cluster that is there or in one of this computer for as long as the run lasts."""

import hashlib
import os
import socket
from collections.abc import Sequence
from typing import Any

from trainer.cluster.record import WorkerLost
from trainer.cluster.worker import ClusterWorker
from trainer.errors import BakeFailed, DeviceError, SettingsError
from trainer.text import plural, printable
from trainer.workspace import Workspace

LOCAL = "local"
# A worker may have to hash a base of many gigabytes before it answers; that it is gone Ray says at once.
_ANSWER_SECONDS = 1800.0


class RayPool:
    """Workers of a Ray cluster; see WorkerPool.

    Args:
        workspace: the bakes' home.
        address: of the cluster, as Ray takes it (`auto`, `HOST:6379`, `ray://HOST:10001`); `local` for one of this computer.
        workers: how many; None for one for each GPU, and where there is none one for each computer.
        threads: CPU threads of a bake.
        look_in: folders that workers search for files that are not in their place.
        scratch: folder for what workers keep; "" for the user's cache folder there.

    Attributes:
        count: of workers.

    Raises:
        SettingsError: Ray is not installed.
        DeviceError: the cluster cannot be reached.
    """

    def __init__(
        self,
        workspace: Workspace,
        address: str = LOCAL,
        *,
        workers: int | None = None,
        threads: int = 1,
        look_in: Sequence[str] = (),
        scratch: str = "",
    ) -> None:
        self._ray = _ray()
        self._threads, self._look_in, self._scratch = threads, list(look_in), scratch
        # Two workspaces may use one cluster at the same time.
        here = f"{socket.gethostname()} {workspace.root}"
        self._home = hashlib.sha256(here.encode("utf-8", "surrogateescape")).hexdigest()[:12]
        self._connect(address, workers)
        gpus = int(self._ray.cluster_resources().get("GPU", 0))
        self._uses_gpus = gpus > 0
        alive = sum(bool(node.get("Alive")) for node in self._ray.nodes())
        self.count = workers or (gpus if gpus else max(1, alive))

    def start(self, slot: int) -> "RayWorker":
        """Start the worker of a slot."""
        actor = (
            self._ray.remote(ClusterWorker)
            .options(num_cpus=self._threads, num_gpus=1 if self._uses_gpus else 0, max_restarts=0)
            .remote(self._scratch, f"{self._home}-{slot}", self._threads, self._look_in, not self._uses_gpus)
        )
        return RayWorker(self._ray, actor, f"worker {slot + 1}")

    def close(self) -> None:
        """Disconnect; a cluster of this computer ends."""
        self._ray.shutdown()

    def _connect(self, address: str, workers: int | None) -> None:
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        if address == LOCAL:
            options |= {"include_dashboard": False, "_node_ip_address": "127.0.0.1"}
            if workers is not None:
                options["num_cpus"] = max(workers * self._threads, 1)
        else:
            options["address"] = address
        try:
            self._ray.init(**options)
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            raise DeviceError(
                f"the Ray cluster at {printable(address, 120)}",
                found=f"cannot be reached: {printable(str(error), 200)}",
                expected="a running cluster of the same versions of Ray and Python",
                way_out="start one with `ray start --head`, or use --address local",
            ) from error


class RayWorker:
    """One worker; see WorkerHandle.

    Args:
        ray: the module.
        actor: of ClusterWorker.
        name: for people.
    """

    def __init__(self, ray: Any, actor: Any, name: str) -> None:
        self._ray, self._actor, self.name = ray, actor, name

    def call(self, method: str, *arguments: Any) -> Any:
        """Return what the worker's method returns; see WorkerHandle."""
        errors = self._ray.exceptions
        try:
            answer = self._ray.get(self._actor.answer.remote(method, list(arguments)), timeout=_ANSWER_SECONDS)
        except errors.GetTimeoutError:
            raise WorkerLost(self.name, found=f"no answer for {plural(int(_ANSWER_SECONDS // 60), 'minute')}") from None
        except errors.RayTaskError as error:
            raise BakeFailed(self.name, found=printable(str(error).strip().splitlines()[-1], 200)) from error
        except (errors.RayError, ConnectionError) as error:
            raise WorkerLost(self.name, found=printable(_first_line(error), 200)) from error
        if "error" in answer:
            raise BakeFailed(self.name, found=str(answer["error"]))
        return answer["value"]

    def end(self) -> None:
        """End the worker, whatever it is doing; its bake ends with it."""
        try:
            self._ray.kill(self._actor, no_restart=True)
        except (self._ray.exceptions.RayError, ValueError):
            # It is gone already.
            return


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def _ray() -> Any:
    # Read as it is imported: nothing is ever reported to Ray's makers.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        import ray  # noqa: PLC0415  # an extra
    except ImportError:
        raise SettingsError(
            "Ray", found="the package is not installed", way_out="pip install 'lora-tui[ray]'"
        ) from None
    return ray
