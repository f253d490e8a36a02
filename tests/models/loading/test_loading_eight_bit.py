"""A base read straight into 8 bits is the one that its whole weights would give, and never lies anywhere whole."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from real_shapes import write_real
from tiny_bases import write_tiny, write_tiny_folder

from trainer.lean.eight_bit import EightBit, make_eight_bit
from trainer.lean.quantized import Kind
from trainer.models import component_loading
from trainer.models.identify import identify_base
from trainer.models.stable_diffusion.loading import load_parts

torch.set_num_threads(1)


@pytest.mark.long
@pytest.mark.parametrize(
    ("family", "kind", "form"),
    [
        ("sd1", "int8", "folder"),
        ("sdxl", "fp8", "file"),
        pytest.param("sdxl", "int8", "folder", marks=pytest.mark.long),
    ],
)
def test_the_codes_are_those_of_the_whole_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, family: str, kind: Kind, form: str
) -> None:
    # A row or some at a time, the last ones fewer; the second text encoder's q, k and v lie in one tensor of the file.
    monkeypatch.setattr(component_loading, "_ROUNDED_AT_ONCE", 5000)
    path = write_tiny(tmp_path / "x.safetensors", family) if form == "file" else tmp_path / "x"
    if form == "folder":
        write_tiny_folder(path, family)
    base = identify_base(str(path))
    whole, found = (load_parts(base, device="cpu", dtype=torch.float32, quantized=each) for each in (None, kind))
    assert found.vae.state_dict().keys() == whole.vae.state_dict().keys()
    for part in ("unet", *whole.encoders):
        before, after = (of.unet if part == "unet" else of.encoders[part] for of in (whole, found))
        make_eight_bit(before, part, kind)
        expected, loaded = before.state_dict(), after.state_dict()
        assert expected.keys() == loaded.keys()
        assert all(torch.equal(loaded[name], tensor) for name, tensor in expected.items())
        assert not any(weight.requires_grad for weight in after.parameters())
        assert not after.training


def test_what_holds_no_8_bits_has_the_type_asked_for() -> None:
    parts = load_parts(identify_base("demo"), device="cpu", dtype=torch.bfloat16, quantized="fp8")
    for module in (parts.unet, *parts.encoders.values()):
        assert module.dtype == torch.bfloat16
        layers = [layer for layer in module.modules() if isinstance(layer, EightBit)]
        assert {layer.factors.dtype for layer in layers} == {torch.float32}
        assert {weight.dtype for weight in module.parameters()} == {torch.bfloat16, torch.uint8}
    assert {weight.dtype for weight in parts.vae.parameters()} == {torch.float32}


def test_positions_are_counted_beside_factors() -> None:
    encoders = load_parts(identify_base("demo"), device="cpu", dtype=torch.float32, quantized="int8").encoders
    positions = [buffer for name, buffer in encoders["text_encoder"].named_buffers() if name.endswith("position_ids")]
    assert [each.flatten().tolist() for each in positions] == [list(range(77))]


_LOAD = """
import json, sys
from pathlib import Path
import torch
from trainer.models.identify import identify_base
from trainer.models.stable_diffusion.loading import load_parts

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))

before = peak()
parts = load_parts(identify_base(sys.argv[1]), device="cpu", dtype=torch.bfloat16, quantized=sys.argv[2])
modules = (parts.unet, parts.vae, *parts.encoders.values())
held = sum(tensor.nbytes for module in modules for tensor in module.state_dict().values())
print(json.dumps({"before": before, "weights": held, "peak": peak()}))
"""


@pytest.mark.long
@pytest.mark.parametrize("kind", ["int8", "fp8"])
def test_a_real_sized_base_takes_little_more_than_its_8_bits_while_it_loads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    path = write_real(tmp_path / "sd15.safetensors", "sd1")
    try:
        ran = subprocess.run([sys.executable, "-c", _LOAD, str(path), kind], capture_output=True, text=True, check=True)
    finally:
        path.unlink()
    bytes_of: dict[str, Any] = json.loads(ran.stdout)
    with capsys.disabled():
        print("".join(f"\n{name}: {count / 2**20:,.0f} MiB" for name, count in bytes_of.items()))
    assert bytes_of["weights"] < 1.4e9
    assert bytes_of["peak"] - bytes_of["before"] < 1.3 * bytes_of["weights"]
