"""Checks of all that a grid's recipes need: bases, LoRAs, prompts and settings, each read once before the first picture."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trainer.errors import GridError, ModelError, SettingsError
from trainer.families.record import Prediction
from trainer.families.registry import family_record
from trainer.grid.axes import kind_named
from trainer.grid.axis_values import check_size
from trainer.grid.cell_draft import DraftLora
from trainer.grid.defaults import guidance_rescale_for
from trainer.grid.model_files import ModelFiles
from trainer.grid.recipe import HalfType, LoraUse
from trainer.grid.spec import GridSpec
from trainer.models.block_weights import parse_block_weights
from trainer.models.identify import Base, check_clip_skip, check_vae, completed
from trainer.models.lora_header import LoraHeader, not_plain
from trainer.prompts.attention import check, escaped, unescaped
from trainer.text import printable

_FILE_KINDS = ("epoch", "text_encoder_epoch", "lora", "base")


@dataclass(frozen=True)
class BaseFacts:
    """What cells of one base have in common.

    Attributes:
        base: recognised.
        prediction, zero_terminal_snr: as in a recipe.
        guidance_rescale: where the spec names none.
    """

    base: Base
    prediction: Prediction
    zero_terminal_snr: bool
    guidance_rescale: float


class Checks:
    """Checks what recipes need, each thing once, and collects notes.

    Args:
        spec: the grid's.
        model_files: finds and reads files.
        base_of: recognises a base.
        first_lora: the file that says what the base predicts where the base is silent; None where the grid has none.
    """

    def __init__(
        self, spec: GridSpec, model_files: ModelFiles, base_of: Callable[[str], Base], first_lora: Path | None
    ) -> None:
        self._spec = spec
        self._model_files = model_files
        self._base_of = base_of
        self._first_lora = first_lora
        self._vae = str(model_files.path(spec.vae)) if spec.vae.strip() else ""
        named = {setting: str(model_files.path(text)) for setting, text in spec.components.items() if text.strip()}
        self._components = {**named, "vae": self._vae}
        self._base_facts: dict[str, BaseFacts] = {}
        self._headers: dict[tuple[Path, Path], LoraHeader] = {}
        self._prompts: set[tuple[str, str]] = set()
        self._notes: dict[str, None] = {}

    @property
    def vae(self) -> str:
        """The VAE's absolute path, "" for the base's own."""
        return self._vae

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know, one line each, none twice."""
        return tuple(self._notes)

    def half(self) -> HalfType:
        """Return the half precision that every base looked at can compute in: fp16, or bf16 where one cannot.

        Raises:
            GridError: the spec asks for fp16, and a base cannot.
        """
        records = (family_record(facts.base.family) for facts in self._base_facts.values())
        unable = next((record for record in records if record.no_fp16), None)
        if unable is not None and self._spec.precision == "fp16":
            raise GridError(
                "precision",
                found=f"fp16 with {unable.title}",
                expected=f"bf16 or fp32: {unable.no_fp16}",
                way_out="set auto",
            )
        return "fp16" if unable is None else "bf16"

    def note(self, line: str) -> None:
        """Add a line to the notes, once."""
        self._notes[line] = None

    def base_facts(self, name: str) -> BaseFacts:
        """Return what cells on the base `name` have in common.

        Raises:
            ModelError: base or VAE cannot be used.
            SettingsError: the base brings no VAE and none is named.
            GridError: the spec contradicts what the base predicts.
        """
        found = self._base_facts.get(name)
        if found is None:
            base = completed(self._model_files.base(name, self._base_of), self._components)
            check_vae(self._vae, base)
            prediction = self._prediction(base)
            zero = self._zero_terminal_snr(base, prediction)
            found = self._base_facts[name] = BaseFacts(base, prediction, zero, guidance_rescale_for(zero))
        return found

    def components(self, facts: BaseFacts) -> tuple[tuple[str, str], ...]:
        """Return the files of the base's parts but for a VAE that the grid names."""
        files = facts.base.component_files.items()
        return tuple((setting, str(place)) for setting, place in files if setting != "vae" or not self._vae)

    def clip_skip(self, facts: BaseFacts, layer: int, where: str) -> int:
        """Return the clip skip that has an effect on this base: SDXL's layers are fixed.

        Raises:
            GridError: the text encoder is not that deep.
        """
        if not family_record(facts.base.family).clip_skip:
            return 1
        try:
            check_clip_skip(facts.base, layer)
        except SettingsError as error:
            raise GridError(where, found=error.found, expected=error.expected) from None
        return layer

    def size(self, facts: BaseFacts, width: int, height: int) -> tuple[int, int]:
        """Return a picture's size after seeing that the base can make it.

        Raises:
            GridError: it cannot.
        """
        record = family_record(facts.base.family)
        check_size(width, height, "width, height", record)
        if beyond := record.sampling.beyond(width, height):
            self.note(f"{record.title} at {beyond}")
        return width, height

    def sampler(self, facts: BaseFacts, name: str) -> str:
        """Return the sampler's name after seeing that it can sample what the base predicts.

        Raises:
            GridError: it cannot.
        """
        record = family_record(facts.base.family)
        fitting = record.sampling.samplers
        if name not in fitting:
            raise GridError("sampler", found=f"{name}, which is not for {record.title}", expected=" or ".join(fitting))
        return name

    def shift(self, facts: BaseFacts, asked: float | None) -> float | None:
        """Return the shift of a picture's times: what is asked for, or the family's own; None on a base without one, with a note."""
        record = family_record(facts.base.family)
        usual = record.sampling.shift
        if usual is None:
            if asked is not None:
                self.note(
                    f"shift {asked:g} changes nothing on {printable(facts.base.name, 60)}: {record.title} has none"
                )
            return None
        return usual if asked is None else asked

    def prompt(self, text: str, where: str) -> None:
        """Check a prompt's syntax; a token whose brackets are weights in it is noted.

        Raises:
            GridError: as attention.check.
        """
        if (text, where) in self._prompts:
            return
        check(text, where)
        self._prompts.add((text, where))
        token = unescaped(self._spec.token)
        if token and token in text and escaped(token) != token:
            self.note(
                f"the brackets of {printable(token, 60)} are weights in the {where}: write {printable(escaped(token), 60)}"
            )

    def lora(self, lora: DraftLora, facts: BaseFacts) -> LoraUse | None:
        """Return a LoRA as a recipe holds it, None where it changes nothing.

        Equal effects give equal recipes: a part at factor 0 names no file of its own, a rank that keeps all is None.

        Raises:
            ModelError: a file is missing, is not a LoRA, was made for another base, or has no rank to be cut.
        """
        unet = lora.unet + 0.0 if lora.path else 0.0
        own = {"own": lora.path, "other": lora.encoder_path, "none": None}[lora.encoder]
        encoder = lora.text_encoder + 0.0 if own else 0.0
        path, other = (lora.path, own) if unet else (own, None)
        has_encoders = bool(family_record(facts.base.family).encoders)
        if path is None or (unet == 0 and (encoder == 0 or not has_encoders)):
            return None
        if encoder == 0 or other == path:
            other = None
        headers = {file: self._header(file, facts.base) for file in (path, other) if file}
        for file, header in headers.items():
            if lora.rank is not None and not header.is_plain:
                raise not_plain(file, header)
        highest = max(header.rank for header in headers.values())
        rank = lora.rank if lora.rank is not None and lora.rank < highest else None
        return LoraUse(path, unet, encoder, rank, other, self._blocks(lora.blocks, path, other, facts))

    def _blocks(self, text: str, path: Path, other: Path | None, facts: BaseFacts) -> str:
        """Return factors by block after seeing that each is of some module; "" where all are 1."""
        if not text:
            return ""
        names = [name for file in (path, other) if file for name in self._header(file, facts.base).modules]
        where = f"block weights of {printable(path.name, 80)}"
        weights = parse_block_weights(text, where)
        try:
            weights.check(names, where)
        except SettingsError as error:
            raise GridError(error.where, found=error.found, expected=error.expected) from None
        return text if any(weights.factor(name) != 1 for name in names) else ""

    def has_text_encoder(self, path: Path, facts: BaseFacts) -> bool:
        """Return whether a LoRA file has text encoder layers."""
        return self._header(path, facts.base).has_text_encoder

    def trained_prediction(self, path: Path) -> Prediction | None:
        """Return what the base predicted that a LoRA was trained on, None where its file does not say.

        Raises:
            ModelError: it is missing or not a LoRA.
        """
        return _training_of(self._model_files.header(path)).prediction

    def _header(self, path: Path, base: Base) -> LoraHeader:
        found = self._headers.get((path, base.path))
        if found is None:
            try:
                found = self._headers[path, base.path] = self._model_files.check_lora(path, base)
            except ModelError as error:
                raise ModelError(
                    f"{self._file_axes()}{error.where}",
                    found=error.found,
                    expected=error.expected,
                    way_out=error.way_out or "leave it out",
                ) from error
            for line in found.unread():
                self.note(f"{printable(path.name, 80)}: {line}")
        return found

    def _file_axes(self) -> str:
        """Return the axes that name files, for the start of an error; "" where none does."""
        named = ((letter, getattr(self._spec, letter.lower())) for letter in "XYZ")
        axes = [
            f"{letter} {kind.title}"
            for letter, axis in named
            if axis and (kind := kind_named(axis.kind)).plain in _FILE_KINDS
        ]
        return f"{', '.join(axes)}: " if axes else ""

    def _prediction(self, base: Base) -> Prediction:
        always = family_record(base.family).prediction
        if always is not None:
            return always
        if self._spec.prediction != "auto":
            return self._spec.prediction
        if base.markers.prediction is not None:
            return base.markers.prediction
        by_lora = self._lora_training().prediction if self._first_lora else None
        if by_lora == "v":
            self.note(f"{printable(base.name, 60)} does not say what it predicts; v is taken from the LoRA's metadata")
        return by_lora or "epsilon"

    def _zero_terminal_snr(self, base: Base, prediction: Prediction) -> bool:
        if self._spec.zero_terminal_snr == "auto":
            zero = base.markers.zero_terminal_snr
            if zero is None:
                zero = self._first_lora is not None and self._lora_training().zero_terminal_snr
            # An epsilon base cannot predict a picture from pure noise.
            return zero and prediction == "v"
        if self._spec.zero_terminal_snr == "yes" and prediction != "v":
            raise GridError(
                "zero_terminal_snr",
                found=f"yes, and {printable(base.name, 60)} predicts {prediction}",
                expected="a base with v-prediction: only that can start from pure noise",
                way_out="set prediction = v, or leave zero_terminal_snr on auto",
            )
        return self._spec.zero_terminal_snr == "yes"

    def _lora_training(self) -> "_LoraTraining":
        assert self._first_lora is not None
        return _training_of(self._model_files.header(self._first_lora))


@dataclass(frozen=True)
class _LoraTraining:
    """What a LoRA's metadata say about the base it was trained on."""

    prediction: Prediction | None
    zero_terminal_snr: bool


def _training_of(header: LoraHeader) -> _LoraTraining:
    """Read what we and sd-scripts write: modelspec.prediction_type, ss_v_parameterization, a version that ends in _v."""
    metadata = header.metadata
    word = metadata.get("modelspec.prediction_type", "").lower()
    for_v = (
        word.startswith("v"),
        metadata.get("ss_v_parameterization") == "True",
        metadata.get("ss_base_model_version", "").endswith("_v"),
    )
    prediction: Prediction | None = "v" if any(for_v) else "epsilon" if word.startswith("eps") else None
    return _LoraTraining(prediction, metadata.get("ss_zero_terminal_snr") == "True")
