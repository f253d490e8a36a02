"""Records of what each part of a LoRA does to the model's output."""

from functools import partial

from trainer.measures.record import MeasureRecord, MeasureSource

OUTPUT_SHARE = "output_share"
OUTPUT_LEAD = "output_lead"
OUTPUT_TOGETHER = "output_together"
OUTPUT_INTERACTION = "output_interaction"
OUTPUT_ALONE = "output_alone"
OUTPUT_LAST = "output_last"

ENCODERS = "encoders"
"""The part of a value that is about all text encoders at once, where a LoRA has layers in several."""

FOLDER_SCOPE, OUTFIT_SCOPE = "folder ", "outfit "
"""What the scope of a value begins with that is about the pictures of one folder, or of one outfit of the subject."""

_SETTING = "measure_parts"
_SCOPES = "folder or outfit"


_record = partial(MeasureRecord, source=MeasureSource.OUTPUT, setting=_SETTING, scopes=_SCOPES)

OF_PARTS = (
    _record(
        OUTPUT_SHARE,
        "output share",
        "How far this part's LoRA alone takes the prediction towards where the whole LoRA takes it; with the share of the parts "
        "together it makes 100 %. It says who carries, not whether the LoRA is good or done.",
        unit="%",
    ),
    _record(
        OUTPUT_TOGETHER,
        "output together",
        "The rest of the way, that only the parts together take the prediction; below 0 where they work against each other.",
        unit="%",
        by_part=False,
    ),
    _record(
        OUTPUT_LEAD,
        "encoders ahead",
        "Share of the text encoders less share of the rest: above 0 the encoders do more of the change.",
        unit="%",
        by_part=False,
    ),
    _record(
        OUTPUT_INTERACTION,
        "interaction",
        "Size of what the parts do together and neither alone, in any direction, by the size of the LoRA's whole change.",
        by_part=False,
    ),
    _record(
        OUTPUT_ALONE,
        "output alone",
        "Size of the change that this part's LoRA alone makes in the prediction, by the size of the base's prediction; of the "
        "whole LoRA where no part is named.",
        log_scale=True,
    ),
    _record(
        OUTPUT_LAST,
        "output added",
        "Size of the change that this part's LoRA adds to the others', by the size of the base's prediction.",
        log_scale=True,
    ),
)
