"""Identity of processes across reused pids."""


def this_process() -> tuple[int, float]:
    """Return the pid of this process and the epoch seconds of its start."""
    import psutil  # noqa: PLC0415  # nothing of the first frame needs it

    process = psutil.Process()
    return process.pid, process.create_time()


def process_alive(pid: int, started: float) -> bool:
    """Return whether process `pid` runs and is the one that started at `started` (epoch seconds, within 1 s), not a later one with its number."""
    import psutil  # noqa: PLC0415

    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and abs(process.create_time() - started) <= 1.0
    except psutil.AccessDenied:
        return True
    except (psutil.Error, ValueError, OverflowError):
        # The latter: no process can have that number.
        return False
