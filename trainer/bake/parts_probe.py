"""The probe of what each part does, over some of a bake's training pictures."""

from collections.abc import Iterator, Mapping

from trainer.bake.probed_bake import ProbedBake
from trainer.dataset.measured_pictures import shown_caption, spread_pictures
from trainer.dataset.outfits import outfits_of
from trainer.dataset.records import Picture
from trainer.errors import LoraTuiError
from trainer.measures.of_parts import FOLDER_SCOPE, OUTFIT_SCOPE
from trainer.probes.parts import PartsProbe, ProbedPicture
from trainer.settings.subject import subject_named
from trainer.workspace import Workspace


def parts_probe(bake: ProbedBake) -> PartsProbe:
    """Return the probe of what each part of a bake's LoRA does, over some of its training pictures."""
    session, pictures, trained = bake.session, bake.planned.data.pictures, bake.trained
    outfits = _outfits(bake)
    chosen = [
        ProbedPicture(
            trained[index].latents,
            trained[index].time_ids,
            shown_caption(pictures[index]),
            tuple(_scopes(pictures[index], outfits)),
        )
        for index in spread_pictures(pictures)
    ]
    return PartsProbe(
        session.model,
        session.network,
        session.text_embeddings.each_alone,
        chosen,
        seed=session.settings.validation_seed,
        batch_size=session.predicted_at_once,
        say=bake.report.log,
    )


def _outfits(bake: ProbedBake) -> Mapping[str, str]:
    """Return the subject's outfits; none where its file is gone or broken since."""
    try:
        subject = subject_named(Workspace(bake.report.journal.path.parent).subjects, bake.session.settings.subject)
    except LoraTuiError as error:
        bake.report.log(f"nothing is measured by outfit: {error.line()}", level="warning")
        return {}
    return subject.outfits


def _scopes(picture: Picture, outfits: Mapping[str, str]) -> Iterator[str]:
    yield f"{FOLDER_SCOPE}{picture.folder}"
    for name in outfits_of(picture, outfits):
        yield f"{OUTFIT_SCOPE}{name}"
