"""diffusion-pipe's TOML, of a run and of its data set, as settings: what trains there trains here, and every key has its reason."""

import tomllib
from collections.abc import Mapping

import pytest
import script_sources as sources

from trainer.interop.data_set import is_of_data_set
from trainer.interop.documents import read_document
from trainer.interop.importer import Imported, format_of, import_documents
from trainer.interop.options import is_option
from trainer.interop.record import SourceDocument
from trainer.interop.report import FATES
from trainer.interop.trainers.diffusion_pipe import DIFFUSION_PIPE

ANIMA, SDXL, DATA = sources.DIFFUSION_PIPE_ANIMA, sources.DIFFUSION_PIPE_SDXL, sources.DIFFUSION_PIPE_DATA


def document(raw: bytes, name: str = "run.toml") -> SourceDocument:
    return read_document(raw, name)


def imported(*raws: bytes) -> Imported:
    names = ["run.toml", "data.toml"] if len(raws) > 1 else ["run.toml"]
    return import_documents(
        [document(raw, name) for raw, name in zip(raws, names, strict=True)], exists=lambda _: False
    )


def why(made: Imported, key: str) -> str:
    return next(each.why for each in made.report.keys if each.key == key)


@pytest.mark.parametrize("raws", [(ANIMA,), (SDXL,), (DATA,), (ANIMA, DATA)])
def test_every_key_is_known_and_has_one_fate(raws: tuple[bytes, ...]) -> None:
    made = imported(*raws)
    assert made.report.title == DIFFUSION_PIPE.title
    assert made.report.of("unknown") == ()
    assert sum(len(made.report.of(fate)) for fate in FATES) == sum(len(document(raw).keys) for raw in raws)
    assert all(each.why for each in made.report.of("without effect"))
    assert made.settings is not None


def test_the_table_names_options_that_there_are() -> None:
    for rule in DIFFUSION_PIPE.rules:
        assert rule.options or rule.why, rule.key
        assert all(is_option(option) or is_of_data_set(option) for option in rule.options), rule.key


def test_anima_trains_as_it_did_there() -> None:
    made = imported(ANIMA)
    settings = made.settings
    assert (settings.network_dim, settings.network_alpha, settings.max_train_steps) == (32, 32, 5000)
    assert (settings.timestep_sampling, settings.logit_std, settings.discrete_flow_shift) == ("logit_normal", 0.7, 3)
    assert (settings.qwen3, settings.vae) == ("/m/qwen_3_06b_base.safetensors", "/m/qwen_image_vae.safetensors")
    assert (settings.unet_lr, settings.network_train_unet_only, settings.train_llm_adapter) == (2e-5, True, False)
    assert (settings.train_batch_size, settings.save_every_n_steps) == (2, 100)
    assert (settings.gradient_checkpointing, settings.fp8_base, settings.blocks_to_swap) == (True, True, 10)
    assert (settings.lr_scheduler, settings.lr_warmup_steps) == ("constant_with_warmup", "100")
    # Of another class, whose eps is not torch's.
    assert "eps=1e-06" in settings.optimizer_args
    assert any("modulations" in note for note in made.report.notes)


@pytest.mark.parametrize(
    ("line", "rate"),
    [("", 2e-5), ("llm_adapter_lr = 5e-6", 5e-6)],
)
def test_the_adapter_trains_unless_its_rate_is_0(line: str, rate: float) -> None:
    settings = imported(ANIMA.replace(b"llm_adapter_lr = 0", line.encode())).settings
    assert (settings.train_llm_adapter, settings.network_train_unet_only, settings.text_encoder_lr) == (
        True,
        False,
        rate,
    )


def test_sdxls_encoders_train_too() -> None:
    settings = imported(SDXL).settings
    assert (settings.unet_lr, settings.text_encoder_lr, settings.text_encoder_lr2) == (4e-5, 2e-5, 0)
    assert (settings.train_batch_size, settings.v_parameterization, settings.min_snr_gamma) == (4, "yes", 5)
    assert (settings.loss_type, settings.huber_schedule, settings.huber_c) == ("huber", "constant", 0.5)
    assert settings.discrete_flow_shift == 1
    alone = imported(SDXL.replace(b"text_encoder_1_lr = 2e-5", b"text_encoder_1_lr = 0")).settings
    assert alone.network_train_unet_only
    same = imported(SDXL.replace(b"text_encoder_1_lr = 2e-5\ntext_encoder_2_lr = 0\n", b"")).settings
    assert (same.text_encoder_lr, same.text_encoder_lr2) == (2e-5, None)


def test_a_constant_rate_that_is_forced_is_every_parts() -> None:
    settings = imported(b"force_constant_lr = 1e-5\n" + ANIMA).settings
    assert (settings.learning_rate, settings.unet_lr, settings.lr_scheduler) == (1e-5, 1e-5, "constant")
    assert settings.lr_warmup_steps == "0"


def test_folders_and_sizes_make_a_data_set_file() -> None:
    made = imported(ANIMA, DATA)
    assert why(made, "dataset") == "that file is read with this one"
    found = tomllib.loads(made.data_set_text)
    sizes = [(each["resolution"], each["subsets"][0]["image_dir"]) for each in found["datasets"]]
    assert sizes == [(512, "/d/a"), (1024, "/d/a"), ([768, 512], "/d/b")]
    assert found["general"] == {"enable_bucket": True, "num_repeats": 2}
    last = found["datasets"][-1]["subsets"][0]
    assert (last["caption_prefix"], last["num_repeats"]) == ("x, ", 5)
    assert found["datasets"][0]["subsets"][0]["conditioning_data_dir"] == "/d/masks"
    assert made.settings.masked_loss


def test_shuffled_tags_and_no_buckets_are_as_the_file_says() -> None:
    raw = b"resolutions = [512]\ncache_shuffle_num = 4\n[[directory]]\npath = '/d'\nsize_buckets = [[512, 512, 1], [448, 576, 1]]\n"
    made = imported(raw)
    assert tomllib.loads(made.data_set_text)["general"] == {"shuffle_caption": True, "enable_bucket": False}
    assert made.report.of("unknown") == ()


def test_a_folder_that_is_no_path_is_none() -> None:
    made = imported(b"resolutions = [512]\n[[directory]]\npath = ['/a', '/b']\nmask_path = 3\n")
    assert made.data_set_text == ""
    assert {key: why(made, key) for key in ("directory[0].path", "directory[0].mask_path")} == dict.fromkeys(
        ("directory[0].path", "directory[0].mask_path"), "no path: a folder is one text"
    )


OTHERS: Mapping[str, tuple[bytes, str]] = {
    "another base": (ANIMA.replace(b"'anima'", b"'wan'"), "a base of the kind wan"),
    "a whole model": (SDXL.replace(b"[adapter]\ntype = 'lora'\nrank = 32\n", b""), "trained the whole model"),
    "a LoKr": (SDXL.replace(b"type = 'lora'\nrank = 32", b"type = 'lokr'\nrank = 1e6"), "trains a lokr"),
}


@pytest.mark.parametrize(("raw", "said"), OTHERS.values(), ids=OTHERS)
def test_what_cannot_be_done_here_is_noted(raw: bytes, said: str) -> None:
    made = imported(raw)
    assert any(said in note for note in made.report.notes)
    assert made.settings.network_dim <= 1000


def test_anima_by_the_pipeline_of_its_base_is_anima() -> None:
    settings = imported(ANIMA.replace(b"'anima'", b"'cosmos_predict2'")).settings
    assert (settings.timestep_sampling, settings.pretrained_model_name_or_path) == (
        "logit_normal",
        "/m/anima-base-v1.0.safetensors",
    )


def test_files_of_others_are_left_to_others() -> None:
    for raw in (
        b"[model]\nclip_skip = 2\n[network]\nnetwork_dim = 3\n",
        b"[[datasets]]\n[[datasets.subsets]]\nimage_dir = 'x'\n",
        b"epoch = 3\nnetwork_dim = 2\nlearning_rate = 1e-4\nunet_lr = 1e-4\n",
    ):
        assert format_of(document(raw)) is not DIFFUSION_PIPE
