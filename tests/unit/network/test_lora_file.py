import hashlib
import json
from pathlib import Path

import pytest
import safetensors.torch
import torch
from encode_text import encode_text
from safetensors import safe_open

from trainer.errors import ModelError, WorkspaceError
from trainer.models.identify import identify_base, lora_file_bytes
from trainer.models.stable_diffusion.model import StableDiffusion
from trainer.network.injection import LayerRules, LoraNetwork, inject
from trainer.network.lora_content import load_lora
from trainer.network.lora_file import SavePrecision, network_from_file, read_into, save_lora
from trainer.settings.model import Settings
from trainer.settings.parts import all_parts

CONV = "lora_unet_down_blocks_0_attentions_0_proj_in"
LINEAR = "lora_te_text_model_encoder_layers_1_mlp_fc2"


@pytest.fixture
def saved(network: LoraNetwork, tmp_path: Path) -> Path:
    save_lora(network, tmp_path / "x.safetensors", precision="float", metadata={"ss_seed": "1", "modelspec.title": "x"})
    return tmp_path / "x.safetensors"


def changed(path: Path, **changes: torch.Tensor | None) -> Path:
    tensors = safetensors.torch.load_file(path)
    for key, tensor in changes.items():
        if tensor is None:
            del tensors[key]
        else:
            tensors[key] = tensor
    safetensors.torch.save_file(tensors, path)
    return path


@pytest.mark.parametrize(
    ("precision", "dtype"), [("float", torch.float32), ("fp16", torch.float16), ("bf16", torch.bfloat16)]
)
def test_every_module_has_down_up_and_a_scalar_alpha_in_the_files_type(
    network: LoraNetwork, tmp_path: Path, precision: str, dtype: torch.dtype
) -> None:
    path = tmp_path / "x.safetensors"
    save_lora(network, path, precision=precision, metadata={})  # type: ignore[arg-type]  # the parameter's texts are the precisions
    tensors = safetensors.torch.load_file(path)
    assert len(tensors) == 3 * 132
    assert {tensor.dtype for tensor in tensors.values()} == {dtype}
    assert tensors[f"{CONV}.lora_down.weight"].shape == (4, 32, 1, 1)
    assert tensors[f"{CONV}.lora_up.weight"].shape == (32, 4, 1, 1)
    assert tensors[f"{LINEAR}.lora_down.weight"].shape == (4, 384)
    assert tensors[f"{LINEAR}.lora_up.weight"].shape == (96, 4)
    assert tensors[f"{LINEAR}.alpha"].shape == () and tensors[f"{LINEAR}.alpha"].item() == 2


@pytest.mark.parametrize("precision", ["float", "fp16", "bf16"])
def test_the_size_is_foretold_to_the_byte_but_for_the_metadata(
    network: LoraNetwork, tmp_path: Path, precision: SavePrecision
) -> None:
    path = tmp_path / "x.safetensors"
    size = save_lora(network, path, precision=precision, metadata={})
    assert size == path.stat().st_size
    # The hashes are the only metadata here.
    safetensors.torch.save_file(safetensors.torch.load_file(path), path)
    foretold = lora_file_bytes(identify_base("demo"), Settings(network_dim=4), precision)
    assert foretold == path.stat().st_size


def test_hashes_are_those_that_sd_scripts_computes(saved: Path) -> None:
    content = saved.read_bytes()
    body = content[8 + int.from_bytes(content[:8], "little") :]
    metadata = load_lora(saved).metadata
    assert metadata["sshs_model_hash"] == hashlib.sha256(body).hexdigest()
    with_training_metadata = safetensors.torch.save(safetensors.torch.load_file(saved), {"ss_seed": "1"})
    part = with_training_metadata[0x100000 : 0x100000 + 0x10000]
    assert metadata["sshs_legacy_hash"] == hashlib.sha256(part).hexdigest()[:8]


def test_the_legacy_hash_reads_64_kib_one_mib_into_the_file(demo: StableDiffusion, tmp_path: Path) -> None:
    large = inject(demo, LayerRules(32, 32), seed=0, parts=all_parts())
    large.remove()
    save_lora(
        large, tmp_path / "x.safetensors", precision="float", metadata={"ss_seed": "1", "modelspec.title": "x" * 99}
    )
    file = load_lora(tmp_path / "x.safetensors")
    content = safetensors.torch.save(file.tensors, {"ss_seed": "1"})
    assert len(content) > 0x110000
    assert file.metadata["sshs_legacy_hash"] == hashlib.sha256(content[0x100000:0x110000]).hexdigest()[:8]


def test_metadata_are_texts_as_given(saved: Path) -> None:
    with safe_open(saved, "pt") as file:
        assert file.metadata()["ss_seed"] == "1"
        assert file.metadata()["modelspec.title"] == "x"


def test_what_was_written_is_read_back(demo: StableDiffusion, network: LoraNetwork, saved: Path) -> None:
    before = {layer.name: (layer.down.detach().clone(), layer.up.detach().clone()) for layer in network}
    for weight in network.parameters():
        weight.data.zero_()
    read_into(network, saved)
    for layer in network:
        assert torch.equal(layer.down, before[layer.name][0]) and torch.equal(layer.up, before[layer.name][1])


def test_a_network_made_from_a_file_computes_the_same(demo: StableDiffusion, network: LoraNetwork, saved: Path) -> None:
    expected = encode_text(demo, ["1girl"], 1).embeddings
    network.remove()
    from_file = network_from_file(demo, saved)
    try:
        assert torch.equal(encode_text(demo, ["1girl"], 1).embeddings, expected)
        assert {(layer.rank, layer.alpha) for layer in from_file} == {(4, 2.0)}
    finally:
        from_file.remove()
        for layer in network:
            layer.attach()


@pytest.mark.parametrize(
    ("alpha", "expected"),
    [
        (torch.tensor(3, dtype=torch.int64), 3.0),
        (torch.tensor(3, dtype=torch.float16), 3.0),
        (torch.tensor(3, dtype=torch.bfloat16), 3.0),
        (torch.tensor(3, dtype=torch.float32), 3.0),
        (torch.tensor(0, dtype=torch.int64), 4.0),
        (None, 4.0),
    ],
)
def test_alpha_is_read_in_any_type_and_missing_means_the_rank(
    saved: Path, alpha: torch.Tensor | None, expected: float
) -> None:
    assert load_lora(changed(saved, **{f"{LINEAR}.alpha": alpha})).alpha(LINEAR) == expected


def test_a_file_of_one_part_makes_a_network_of_that_part(demo: StableDiffusion, tmp_path: Path) -> None:
    unet_only = inject(demo, LayerRules(4, 2), seed=0, parts=["unet"])
    unet_only.remove()
    save_lora(unet_only, tmp_path / "x.safetensors", precision="fp16", metadata={})
    network = network_from_file(demo, tmp_path / "x.safetensors")
    network.remove()
    assert (len(network.layers("unet")), len(network.layers("text_encoder"))) == (120, 0)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({f"{LINEAR}.lora_up.weight": None}, "has down"),
        ({f"{LINEAR}.lora_up.weight": torch.zeros(96, 5)}, "has down"),
        ({f"{LINEAR}.lora_up.weight": torch.zeros(96, 4, 1, 1)}, "has down"),
        ({f"{LINEAR}.alpha": torch.zeros(2)}, "has down"),
        ({f"{LINEAR}.lora_down.weight": None}, "no lora_down"),
        ({f"{LINEAR}.lora_up.weight": torch.zeros(97, 4)}, "made for another base"),
        ({f"{CONV}.lora_down.weight": torch.zeros(4, 32, 3, 3)}, "made for another base"),
        (
            {"lora_te2_x.lora_down.weight": torch.zeros(4, 2), "lora_te2_x.lora_up.weight": torch.zeros(2, 4)},
            "1 of 133 modules does not belong to the base, for example lora_te2_x; the others fit; expected layers on",
        ),
        ({f"{LINEAR.replace('te', 'te1', 1)}.alpha": torch.tensor(3.0)}, "present under two names"),
    ],
)
def test_a_file_for_another_base_is_refused(
    demo: StableDiffusion, saved: Path, change: dict[str, torch.Tensor | None], reason: str
) -> None:
    with pytest.raises(ModelError, match=reason):
        network_from_file(demo, changed(saved, **change))


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("w_norm", "it is a LyCORIS with trained norms"),
        ("oft_blocks", "it is an OFT"),
        ("boft_R", "it is a BOFT"),
        ("a2.weight", "it is a GLoRA"),
        ("lora_up.bias", "it is a LoRA with biases"),
        ("lokr_t1", "tensors …lokr_t1, which no LoRA has"),
    ],
)
def test_a_change_of_another_form_is_refused_by_its_name(saved: Path, key: str, reason: str) -> None:
    with pytest.raises(ModelError, match=reason):
        load_lora(changed(saved, **{f"{LINEAR}.{key}": torch.zeros(4, 4)}))


def test_a_core_that_is_a_scalar_is_refused(saved: Path) -> None:
    name = load_lora(saved).modules[0]
    changed(saved, **{f"{name}.lora_mid.weight": torch.tensor(1.0)})
    with pytest.raises(ModelError, match=r"mid \(\), alpha"):
        load_lora(saved)


def test_what_changes_no_weight_may_travel_in_the_file(demo: StableDiffusion, saved: Path) -> None:
    network = network_from_file(demo, changed(saved, **{"bundle_emb.word.string_to_param.*": torch.zeros(1, 96)}))
    network.remove()
    assert len(network) == 132


def test_a_file_without_lora_keys_is_refused(tmp_path: Path) -> None:
    safetensors.torch.save_file({"weight": torch.zeros(2)}, tmp_path / "x.safetensors")
    with pytest.raises(ModelError, match="no LoRA in the keys of kohya, diffusers, PEFT, LyCORIS or cloneofsimo"):
        load_lora(tmp_path / "x.safetensors")


def test_a_network_of_another_rank_does_not_take_the_file(
    demo: StableDiffusion, saved: Path, network: LoraNetwork
) -> None:
    other = inject(demo, LayerRules(8, 2), seed=0, parts=all_parts())
    other.remove()
    with pytest.raises(ModelError, match="another rank"):
        read_into(other, saved)


def test_a_folder_that_cannot_be_written_is_one_clear_line(network: LoraNetwork, tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="cannot be written"):
        save_lora(network, tmp_path / "missing" / "x.safetensors", precision="fp16", metadata={})


def test_a_save_that_breaks_leaves_the_old_file_and_nothing_else(
    network: LoraNetwork, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = saved.read_bytes()

    def full(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(WorkspaceError, match="No space left"):
        save_lora(network, saved, precision="fp16", metadata={})
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == ["x.safetensors"]


def test_the_header_is_json_that_any_reader_takes(saved: Path) -> None:
    content = saved.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert all(isinstance(value, str) for value in header["__metadata__"].values())
