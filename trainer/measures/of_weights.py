"""Records of the measures that follow exactly from the weights of a LoRA file."""

from trainer.measures.record import MeasureRecord, MeasureSource

BLOCK_GROUP = "block group"


def _of_weights(
    key: str, title: str, what: str, *, unit: str = "", compared: bool = True, log: bool = False
) -> MeasureRecord:
    return MeasureRecord(
        key=key,
        title=title,
        help=what,
        source=MeasureSource.FILE,
        unit=unit,
        setting="measure_weights",
        scopes=BLOCK_GROUP,
        compared=compared,
        log_scale=log,
    )


DELTA_SHARE = _of_weights(
    "delta_share",
    "change / weights",
    "Size of the LoRA's change as a share of the base's weights it is added to, ‖ΔW‖ / ‖W‖. A small share may change pictures much, and a large one little.",
    unit="%",
    log=True,
)
DELTA_NORM = _of_weights(
    "delta_norm",
    "size of change",
    "Size of the LoRA's change of the weights, ‖ΔW‖ (root of the sum of squares). It grows with the number of weights, so compare it within one part.",
    log=True,
)
MOVEMENT = _of_weights(
    "movement",
    "movement",
    "Size of what changed since the epoch before, as a share of the whole change: ‖ΔW − ΔW before‖ / ‖ΔW‖. It falls towards 0 where a part stands still.",
    unit="%",
    log=True,
)
COSINE_BEFORE = _of_weights(
    "cosine_before",
    "cosine to before",
    "Cosine between the change and that of the epoch before: 1 where it only grew or shrank. It says nothing about size.",
)
RANK_USED = _of_weights(
    "rank_used",
    "rank used",
    "Share of the rank that holds 95 % of the change (as squares). Compare it with a random pair's, which does not hold all in all directions either.",
    unit="%",
)
RANK_USED_RANDOM = _of_weights(
    "rank_used_random",
    "rank used at random",
    "The same share of a pair of random matrices of these shapes, to compare with.",
    unit="%",
    compared=False,
)
STABLE_RANK = _of_weights(
    "stable_rank",
    "spread",
    "Stable rank Σσ² / σ₁² as a share of that of a random pair of the same shapes: small where one direction outweighs all others.",
    unit="%",
)
ROUNDED_OFF = _of_weights(
    "rounded_off",
    "lost to rounding",
    "Share of the change that the precision of the saved file rounded off, ‖ΔW − ΔW saved‖ / ‖ΔW‖. 0 in fp32.",
    unit="%",
    log=True,
)

OF_WEIGHTS = (
    DELTA_SHARE,
    DELTA_NORM,
    MOVEMENT,
    COSINE_BEFORE,
    RANK_USED,
    RANK_USED_RANDOM,
    STABLE_RANK,
    ROUNDED_OFF,
)
"""In the order in which they are shown."""
