"""What an engine keeps between jobs, and lets go of when none comes."""

from trainer.engine.idle_release import IdleRelease


class Kept:
    """Something kept, and a clock that is set by hand."""

    def __init__(self) -> None:
        self.now, self.released = 0.0, 0
        self.idle_release = IdleRelease(self.release, 600.0, lambda: self.now)

    def release(self) -> None:
        self.released += 1

    def idle_until(self, now: float) -> int:
        """Look every ten seconds, and return how often it was released by then."""
        while self.now < now:
            self.now += 10
            self.idle_release.idle()
        return self.released


def test_it_is_released_once_when_the_wait_is_over() -> None:
    kept = Kept()
    kept.idle_release.job_ended()
    assert kept.idle_until(590) == 0
    assert kept.idle_until(600) == 1
    assert kept.idle_until(5000) == 1


def test_every_job_begins_the_wait_anew() -> None:
    kept = Kept()
    kept.idle_release.job_ended()
    assert kept.idle_until(500) == 0
    kept.idle_release.job_ended()
    assert kept.idle_until(1090) == 0
    assert kept.idle_until(1100) == 1
    kept.idle_release.job_ended()
    assert kept.idle_until(2000) == 2


def test_without_a_job_nothing_is_released() -> None:
    assert Kept().idle_until(5000) == 0
