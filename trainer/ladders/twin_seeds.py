"""Seeds of a rung's bakes: the same ones for the same twin of every rung, so that rungs are compared twin by twin."""

import hashlib

from trainer.settings.model import Settings
from trainer.settings.random_numbers import RANDOM_SOURCES, RandomSource

# As those that `lora-tui twin` draws: hardly ever the same, and read easily.
_SEEDS = 1_000_000


def seeds_of(settings: Settings) -> dict[RandomSource, int]:
    """Return the seed in force of each source of random numbers that decides anything."""
    # A file with all its layers is where the LoRA starts: nothing is drawn.
    fixed = bool(settings.network_weights and settings.dim_from_weights)
    return {source: settings.seed_of(source) for source in RandomSource if not (fixed and source is RandomSource.INIT)}


def twin_seeds(settings: Settings, twin: int) -> dict[str, int]:
    """Return setting -> seed for a twin of a bake with these settings: other ones in every source; none for twin 0, the bake itself.

    They follow from the settings' own seeds and the number of the twin alone. So the same twin of another rung, of a rung that is
    added later, and of another ladder around the same settings draws the same numbers.
    """
    if twin == 0:
        return {}
    own = seeds_of(settings)
    start = "/".join(str(settings.seed_of(source)) for source in RandomSource)
    return {RANDOM_SOURCES[source].setting: _nth(start, source, seed, twin) for source, seed in own.items()}


def _nth(start: str, source: RandomSource, own: int, twin: int) -> int:
    """Return the seed of a source for a twin, which is not that of the twins before it."""
    seen = {own}
    seed = own
    for number in range(1, twin + 1):
        attempt = 0
        while seed in seen:
            text = f"{start} {source} {number} {attempt}"
            seed = int.from_bytes(hashlib.sha256(text.encode("ascii")).digest()[:8]) % _SEEDS
            attempt += 1
        seen.add(seed)
    return seed
