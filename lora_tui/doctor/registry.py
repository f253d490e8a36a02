"""The checks of the doctor, in the order in which they are printed."""

from collections.abc import Callable, Iterator

from lora_tui.doctor import computer_checks, gpu_checks, libraries, terminal_checks, workspace_checks
from lora_tui.doctor.record import HealthCheck, HealthFinding, Surroundings

HEALTH_CHECKS: tuple[HealthCheck, ...] = (
    HealthCheck("terminal", "TERM, colours, tmux, screen and ssh", terminal_checks.terminal),
    HealthCheck("size", "columns and lines, and what has room in them", terminal_checks.size),
    HealthCheck(
        "encoding", "whether signs and curves can be shown, or ASCII takes their place", terminal_checks.encoding
    ),
    HealthCheck("logout", "whether the login manager ends a bake when you log out", terminal_checks.logout),
    HealthCheck("gpu", "the driver and its GPUs, by NVML", gpu_checks.gpu),
    HealthCheck("gpu-users", "which programs hold memory of the GPU", gpu_checks.gpu_users),
    HealthCheck("torch", "the build of torch against the driver; with --torch a small training step", gpu_checks.torch),
    HealthCheck("libraries", "installed versions against those asked for and those tested", libraries.libraries),
    HealthCheck("disk", "free space and speed of the workspace's disk", computer_checks.disk),
    HealthCheck("memory", "memory and swap of the computer", computer_checks.memory),
    HealthCheck("clock", "whether the clock can be right", computer_checks.clock),
    HealthCheck("journal", "whether the workspace can be written, is locked or damaged", workspace_checks.workspace),
    HealthCheck("bakes", "bakes that run, are left in the queue, or were lost", workspace_checks.bakes),
    HealthCheck("config", "the configuration file and your themes", workspace_checks.configuration),
)


def examine(
    around: Surroundings, show: Callable[[HealthFinding], object] = lambda finding: None
) -> list[HealthFinding]:
    """Return what all checks find.

    Args:
        around: what they look at.
        show: called with each finding as soon as it is there.
    """
    found: list[HealthFinding] = []
    for finding in _findings(around):
        show(finding)
        found.append(finding)
    return found


def _findings(around: Surroundings) -> Iterator[HealthFinding]:
    for check in HEALTH_CHECKS:
        yield from check.findings(around)
