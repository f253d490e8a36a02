"""A LoRA of a tiny Anima goes around: baked, written for another program, baked on from there, resized and measured."""

from dense_loras import dense, distance, reference
from run_engine import SHORT, EngineRunner
from tiny_anima import tiny_anima

from trainer.families.anima.record import FAMILY
from trainer.journal.records import BakeState
from trainer.lora_tools.decompose import RankRule
from trainer.lora_tools.inspect import inspect_lora
from trainer.lora_tools.key_forms import write_keys
from trainer.lora_tools.made_lora import Output
from trainer.lora_tools.resize import resize_lora
from trainer.models.identify import identify_base
from trainer.models.lora_header import read_lora_header


def test_a_lora_is_baked_on_from_another_programs_keys(runner: EngineRunner) -> None:
    base = f"pretrained_model_name_or_path={tiny_anima()}"
    first = runner.bake(*SHORT, base, "unet_lr=0.1", "network_dim=4", "network_alpha=2")
    assert first.state is BakeState.DONE, runner.log(first)
    made = runner.folder(first) / "hifumi.safetensors"
    assert read_lora_header(made).metadata["ss_network_module"] == FAMILY.network_module
    comfy = runner.workspace.root / "comfy.safetensors"
    write_keys(reference(made), "comfyui", Output(comfy))
    # Nothing is learnt, so that what comes out is what went in.
    start = (f"network_weights={comfy}", "dim_from_weights=true", "unet_lr=1e-12", "save_precision=float")
    second = runner.bake(*SHORT, base, *start)
    assert second.state is BakeState.DONE, runner.log(second)
    again = runner.folder(second) / "hifumi.safetensors"
    assert distance(dense(again), dense(made)) < 1e-3
    small = runner.workspace.root / "small.safetensors"
    resize_lora(reference(again), RankRule(rank=2), Output(small), base=identify_base(str(tiny_anima())))
    found = inspect_lora(reference(small))
    assert found.scopes["body", "block 2"].ranks == (2, 2)
    assert found.training["base version"] == "anima"
