"""Settings of what is measured of each saved LoRA."""

from pydantic import BaseModel

from trainer.settings.one_setting import EXACT, NO_KEY, setting


class MeasuresFields(BaseModel):
    """Section Measures."""

    measure_weights: bool = setting(
        True,
        "Measures",
        "measure the weights",
        "Measure each saved LoRA by its numbers: size and growth of each part and block, rank used, cosine to the epoch before. Takes no GPU, and about a second of the computer's time per LoRA.",
        memory="no",
        speed=False,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="norm, magnitude, strength, rank, singular values, blocks, analysis",
    )
