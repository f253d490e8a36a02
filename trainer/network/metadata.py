"""Metadata of a LoRA file: sd-scripts' ss_* keys and modelspec.*, every value a text."""

import datetime
import json
import secrets
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trainer import __version__
from trainer.dataset.records import DataSet
from trainer.families.record import Prediction
from trainer.families.registry import family_record
from trainer.models.file_hashes import FileHashes
from trainer.models.identify import Base
from trainer.network.data_metadata import data_metadata, trained_size
from trainer.optimizers import spec_of
from trainer.plan.plan import Plan
from trainer.settings.flow_times import times_in_words
from trainer.settings.in_metadata import AS_SET, plain_settings, settings_as_set
from trainer.settings.model import Settings
from trainer.settings.parts import STOP_SETTINGS, Family, parts_of, stop_setting

_ENGINE = f"lora-tui/{__version__}"


@dataclass(frozen=True)
class Origin:
    """Facts that the metadata hold beside the settings.

    Attributes:
        data, plan: what is trained on, and in which order of steps.
        base: the base model.
        prediction: what it predicts, as found.
        zero_terminal_snr: whether its last timestep is pure noise, as found.
        hashes: of its file; None where there was no time for them.
        validation_pictures: pictures kept out of training.
        precision: the precision in force: `no`, `fp16` or `bf16`.
        started: epoch seconds.
        session: number that all files of one bake share.
        vae_hashes: of the file that the setting `vae` names; None where it names none or there was no time.
    """

    data: DataSet
    plan: Plan
    base: Base
    prediction: Prediction
    zero_terminal_snr: bool
    hashes: FileHashes | None
    validation_pictures: int
    precision: str
    started: float
    session: int
    vae_hashes: FileHashes | None = None

    @classmethod
    def now(
        cls,
        data: DataSet,
        plan: Plan,
        *,
        base: Base,
        prediction: Prediction,
        zero_terminal_snr: bool,
        hashes: FileHashes | None,
        validation_pictures: int,
        precision: str,
        vae_hashes: FileHashes | None = None,
    ) -> "Origin":
        """Return the origin of a bake that starts now, with a new session number."""
        return cls(
            data=data,
            plan=plan,
            base=base,
            prediction=prediction,
            zero_terminal_snr=zero_terminal_snr,
            hashes=hashes,
            validation_pictures=validation_pictures,
            precision=precision,
            started=time.time(),
            session=secrets.randbelow(2**32),
            vae_hashes=vae_hashes,
        )


def training_metadata(settings: Settings, origin: Origin) -> dict[str, str]:
    """Return the metadata that every file of a bake carries (sd-scripts: train_network.py and sai_model_spec.py).

    An option of sd-scripts without a counterpart here has the value of sd-scripts' default. What sd-scripts has no
    key for stands under `ss_` and the setting's name. So that the bake can be made again from its file, what these keys do not
    hold as it was set stands in one more, AS_SET.
    """
    values: dict[str, object] = {
        **plain_settings(settings),
        AS_SET: json.dumps(settings_as_set(settings)),
        **_identity(origin),
        **({"ss_behave_like": settings.behave_like} if settings.behave_like else {}),
        **_rates(settings, origin.plan),
        **_stops(settings, origin.plan, origin.base.family),
        **_network(settings, origin.base.family),
        **_model(settings, origin),
        **data_metadata(settings, origin.data, origin.plan),
        **_noise(settings, origin),
        **_validation(settings, origin),
        **_modelspec(settings, origin),
    }
    return {key: str(value) for key, value in values.items()}


def for_file(metadata: Mapping[str, str], *, file: Path, step: int, epoch: int, finished: float) -> dict[str, str]:
    """Return `metadata` with what differs from file to file.

    Args:
        metadata: from training_metadata.
        file: where it will be saved; its stem is the name, so that tools that list LoRAs by name can tell epochs apart.
        step: optimizer steps in it.
        epoch: last complete epoch in it; of a bake that ends inside an epoch, that one (sd-scripts: num_train_epochs).
        finished: epoch seconds of saving.
    """
    return {
        **metadata,
        "ss_output_name": file.stem,
        "ss_steps": str(step),
        "ss_epoch": str(epoch),
        "ss_training_finished_at": str(finished),
        "modelspec.title": file.stem,
        "modelspec.date": datetime.datetime.fromtimestamp(finished).isoformat(timespec="seconds"),
    }


def _identity(origin: Origin) -> dict[str, object]:
    return {
        "ss_session_id": origin.session,
        "ss_training_started_at": origin.started,
        "ss_sd_scripts_commit_hash": _ENGINE,
    }


def _rates(settings: Settings, plan: Plan) -> dict[str, object]:
    return {
        "ss_optimizer": _optimizer(settings),
        "ss_lr_warmup_steps": plan.warmup_steps,
        "ss_num_batches_per_epoch": plan.batches_per_epoch,
        "ss_num_epochs": plan.epochs,
        "ss_max_train_steps": plan.total_steps,
    }


def _optimizer(settings: Settings) -> str:
    """Return the class by the module it is defined in, and its arguments."""
    name = settings.optimizer_type
    spec = spec_of(name)
    path = spec.metadata_name if spec else name
    module, _, class_name = name.rpartition(".")
    # It is there once the optimizer was made; where not, what was typed stands for it.
    found = getattr(sys.modules.get(module), class_name, None)
    if isinstance(found, type):
        path = f"{found.__module__}.{found.__qualname__}"
    arguments = ",".join(f"{key}={value}" for key, value in settings.optimizer_options.items())
    return f"{path}({arguments})" if arguments else path


def _stops(settings: Settings, plan: Plan, family: Family) -> dict[str, object]:
    """Return when each part stops, as it was typed and in steps."""
    values: dict[str, object] = {}
    trained = {stop_setting(part): part for part in parts_of(family) if settings.rate(part) > 0}
    for name in STOP_SETTINGS:
        step = None
        if name in trained:
            step = settings.stop_step(trained[name], total=plan.total_steps, steps_per_epoch=plan.steps_per_epoch)
        values[f"ss_{name}"] = getattr(settings, name) or None
        values[f"ss_{name}_step"] = step
    return values


def _network(settings: Settings, family: Family) -> dict[str, object]:
    takes_dim = settings.dim_from_weights and settings.network_weights
    arguments = _network_arguments(settings)
    return {
        "ss_network_module": family_record(family).network_module,
        # sd-scripts' word for a file whose layers have ranks of their own.
        "ss_network_dim": "Dynamic" if takes_dim else settings.network_dim,
        "ss_network_alpha": "Dynamic" if takes_dim else settings.alpha,
        "ss_network_dropout": settings.network_dropout or None,
        **({"ss_network_args": json.dumps(arguments)} if arguments else {}),
        "ss_network_weights": Path(settings.network_weights).name or None,
    }


def _network_arguments(settings: Settings) -> dict[str, object]:
    """Return sd-scripts' `--network_args`: texts, and the dropout beside them; empty where none is set."""
    asked: dict[str, float | None] = {
        "conv_dim": settings.conv_dim,
        "conv_alpha": settings.alpha_of_conv if settings.conv_dim is not None else None,
        "rank_dropout": settings.rank_dropout or None,
        "module_dropout": settings.module_dropout or None,
        "loraplus_lr_ratio": settings.loraplus_lr_ratio,
        "loraplus_unet_lr_ratio": settings.loraplus_unet_lr_ratio,
        "loraplus_text_encoder_lr_ratio": settings.loraplus_text_encoder_lr_ratio,
    }
    given: dict[str, object] = {name: str(value) for name, value in asked.items() if value is not None}
    return {**given, "dropout": settings.network_dropout or None} if given else {}


def _model(settings: Settings, origin: Origin) -> dict[str, object]:
    base = settings.pretrained_model_name_or_path
    record = family_record(origin.base.family)
    values: dict[str, object] = {
        "ss_base_model_version": record.base_versions[origin.prediction],
        "ss_v2": False,
        "ss_sd_model_name": Path(base).name or base,
        "ss_mixed_precision": origin.precision,
        "ss_full_fp16": False,
        "ss_fp8_base_unet": False,
        "ss_lowram": False,
        "ss_clip_skip": settings.clip_skip if record.clip_skip else None,
        "ss_max_token_length": settings.max_token_length if settings.max_token_length != "75" else None,
    }
    if origin.hashes:
        values |= {"ss_sd_model_hash": origin.hashes.legacy, "ss_new_sd_model_hash": origin.hashes.sha256}
    if settings.int8_base:
        values["ss_int8_base"] = True
    if settings.vae:
        values["ss_vae_name"] = Path(settings.vae).name or settings.vae
        if origin.vae_hashes:
            values |= {"ss_vae_hash": origin.vae_hashes.legacy, "ss_new_vae_hash": origin.vae_hashes.sha256}
    return values


def _noise(settings: Settings, origin: Origin) -> dict[str, object]:
    sampling = settings.timestep_sampling
    logit, laplace = sampling == "logit_normal", sampling == "laplace"
    record = family_record(origin.base.family)
    return {
        "ss_noise_offset": settings.noise_offset or None,
        "ss_zero_terminal_snr": origin.zero_terminal_snr,
        "ss_timestep_sampling": sampling,
        "ss_logit_mean": settings.logit_mean if logit else None,
        "ss_logit_std": settings.logit_std if logit else None,
        "ss_laplace_mean": settings.laplace_mean if laplace else None,
        "ss_laplace_scale": settings.laplace_scale if laplace else None,
        **(_flow(settings) if record.times.takes_shift else {}),
    }


def _flow(settings: Settings) -> dict[str, object]:
    """Return what sd-scripts writes of a flow's times, in its own words; what does not count there has its default."""
    unused = {
        "sigmoid_scale": 1.0,
        "weighting_scheme": "uniform",
        "mode_scale": 1.29,
        "logit_mean": None,
        "logit_std": None,
    }
    return {f"ss_{name}": value for name, value in {**unused, **times_in_words(settings)}.items()}


def _validation(settings: Settings, origin: Origin) -> dict[str, object]:
    by_share = not (settings.validation_data_dir or settings.validation_outfit)
    return {
        "ss_num_validation_images": origin.validation_pictures,
        "ss_validation_split": settings.validation_split if by_share else 0.0,
        "ss_max_validation_steps": None,
        "ss_validate_every_n_epochs": 1,
    }


def _modelspec(settings: Settings, origin: Origin) -> dict[str, object]:
    record = family_record(origin.base.family)
    # Where groups are trained at several sizes: what the family was trained at.
    width, height = trained_size(settings, origin.data) or (record.sampling.side, record.sampling.side)
    values: dict[str, object] = {
        "modelspec.sai_model_spec": "1.0.1",
        "modelspec.architecture": record.architecture,
        "modelspec.implementation": _ENGINE,
        "modelspec.implementation_version": _ENGINE,
        "modelspec.resolution": f"{width}x{height}",
    }
    if record.says_prediction:
        values["modelspec.prediction_type"] = origin.prediction
    if record.clip_skip:
        values["modelspec.encoder_layer"] = settings.clip_skip
    if (settings.min_timestep, settings.max_timestep) != (0, 1000):
        values["modelspec.timestep_range"] = f"{settings.min_timestep},{settings.max_timestep}"
    return values
