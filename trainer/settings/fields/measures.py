"""Settings of what is measured of each saved LoRA."""

from trainer.settings.one_setting import EXACT, NO_KEY, SettingFields, setting


class MeasuresFields(SettingFields):
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
    measure_parts: bool = setting(
        False,
        "Measures",
        "measure each part",
        "Measure with each saved LoRA who carries it: what the model predicts of 16 training pictures (four of each folder, 48 at most) with each part of the LoRA on and off. Takes about as long per saved LoRA as 24 training steps of four pictures, with SDXL's three parts 56; none of it changes the LoRA.",
        memory="no",
        speed=False,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="carry, carried, carries, share, text encoder, unet, balance, output, interaction, 2x2",
    )
    measure_validation: bool = setting(
        False,
        "Measures",
        "measure by bands",
        "Measure the held-out pictures against the base by bands of noise whenever a LoRA is saved: layout, form, detail, each with its interval. Costs 6 forward passes per held-out picture (at most 64 of them) and LoRA; the LoRA stays the same to the bit.",
        memory="no",
        speed=False,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="validation, timesteps, overfitting, generalisation, loss by timestep",
    )
    measure_memorization: bool = setting(
        False,
        "Measures",
        "measure memorization",
        "Measure as many trained pictures as held-out ones whenever a LoRA is saved, with and without captions: where trained ones fall further, pictures are memorized. Costs 24 forward passes per held-out picture (at most 64 of them) and LoRA; the plan says how many in all. Needs 4 held-out pictures to say anything.",
        memory="no",
        speed=False,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="overfitting, overtrained, burnt, copies, members, membership inference, validation",
    )
    measure_pictures: bool = setting(
        False,
        "Measures",
        "measure test pictures",
        "Make a few pictures with each saved LoRA and compare them with the base's: how far they drift, what the activation token does and what stays without it, which outfit is seen, whether they are static. Costs measure_pictures_most sampled pictures per LoRA at most, and as many of the base once, which the next bake finds; prompts and seeds are the subject's or sample_prompts'.",
        memory="derived",
        speed=False,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="drift, bleed, static, burnt, token, trigger, outfit, probe, images",
    )
    measure_pictures_seeds: int = setting(
        2,
        "Measures",
        "test picture seeds",
        "Pictures per prompt that measure_pictures makes: with the first n of the subject's seeds, continuing from the last where it has fewer. More seeds give narrower intervals, and fewer prompts fit.",
        unit="of each",
        memory="no",
        speed=False,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="probe, images, how many, random",
        ge=1,
        le=100,
    )
    measure_pictures_most: int = setting(
        16,
        "Measures",
        "most test pictures",
        "Pictures that measure_pictures makes with each saved LoRA at most: prompts that tell less are left out, and the plan says how many.",
        unit="pictures",
        memory="no",
        speed=False,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="probe, images, how many, limit, cost",
        ge=1,
        le=1000,
    )
