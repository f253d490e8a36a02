import gc
import importlib.util
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from steps_on_tiny import forward, gradients, lora_everywhere
from tiny_bases import tiny_modules
from torch import Tensor
from torch._inductor import config
from torch._inductor.exc import InductorError

from trainer.errors import SettingsError
from trainer.lean import compiled
from trainer.lean.compiled import check_compiler
from trainer.lean.compute_options import ComputeOptions, apply_compute_options

CPU = torch.device("cpu")
Function = Callable[..., Any]


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Function]]:
    """Let nothing be compiled; return the functions that would be."""
    asked: list[Function] = []

    def note(function: Function) -> Function:
        asked.append(function)
        return function

    monkeypatch.setattr(torch, "compile", note)
    monkeypatch.setattr(compiled, "_compiled_by_kind", {})
    return asked


def set_up(modules: dict[str, Any], arrangement: ComputeOptions) -> None:
    encoders: dict[Any, Any] = {part: module for part, module in modules.items() if part.startswith("text_encoder")}
    apply_compute_options(modules["unet"], encoders, arrangement)


def distance(found: list[Tensor], expected: list[Tensor]) -> float:
    ours, theirs = (torch.cat([each.flatten() for each in gradient]) for gradient in (found, expected))
    return float((ours - theirs).norm() / theirs.norm())


def test_a_compiler_that_is_there_is_enough_on_a_cpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "a-compiler"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    monkeypatch.setattr(config.cpp, "cxx", (None, str(program)))
    check_compiler(CPU)


def test_without_a_compiler_it_is_refused_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config.cpp, "cxx", (None, "no-such-compiler"))
    with pytest.raises(SettingsError) as refusal:
        check_compiler(CPU)
    assert refusal.value.where == "torch_compile"
    assert "no-such-compiler" in refusal.value.found
    assert "torch_compile = false" in refusal.value.way_out


def test_a_card_without_triton_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.utils._triton.has_triton", lambda: False)
    with pytest.raises(SettingsError, match="Triton"):
        check_compiler(torch.device("cuda"))


def test_each_kind_of_block_is_compiled_once(compilations: list[Function]) -> None:
    modules = tiny_modules("sd1")
    set_up(modules, ComputeOptions(compiled=True))
    # Attentions at 32 and 64 channels; another base of the same shapes brings nothing new.
    assert len(compilations) == 2
    set_up(modules, ComputeOptions())
    set_up(tiny_modules("sd1"), ComputeOptions(compiled=True))
    assert len(compilations) == 2


def test_kinds_have_names_of_their_own(compilations: list[Function]) -> None:
    """torch counts compilations, and remembers which sizes change, by the name and place of a function's code."""
    set_up(tiny_modules("sd1"), ComputeOptions(compiled=True))
    assert len({each.__code__.co_name for each in compilations}) == len(compilations) > 1


def test_nothing_of_it_stays_on_the_blocks(compilations: list[Function]) -> None:
    modules = tiny_modules("sd1")
    set_up(modules, ComputeOptions(checkpointed=(), compiled=True))
    assert compilations
    assert any("forward" in module.__dict__ for module in modules["unet"].modules())
    set_up(modules, ComputeOptions())
    assert not any("forward" in module.__dict__ for part in modules.values() for module in part.modules())


def test_what_is_compiled_are_the_blocks_with_their_own_weights(compilations: list[Function]) -> None:
    modules = tiny_modules("sd1")
    layers = lora_everywhere(modules)
    expected = gradients(modules, layers)
    set_up(modules, ComputeOptions(checkpointed=(), compiled=True))
    assert distance(gradients(modules, layers), expected) < 1e-5


def test_passes_without_gradients_are_not_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    def compile_nothing(_: Function) -> Function:
        def fail(*_: object, **__: object) -> None:
            raise AssertionError("compiled")

        return fail

    monkeypatch.setattr(torch, "compile", compile_nothing)
    monkeypatch.setattr(compiled, "_compiled_by_kind", {})
    modules = tiny_modules("sd1")
    expected = forward(modules)
    set_up(modules, ComputeOptions(compiled=True))
    with torch.no_grad():
        assert torch.equal(forward(modules), expected)
    with pytest.raises(AssertionError, match="compiled"):
        forward(modules)


def test_a_half_written_library_of_an_earlier_process_is_written_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    library = tmp_path / "kernel.main.so"
    library.write_bytes(b"\x7fELF")

    def compile_with_library(function: Function) -> Function:
        def run(*args: Any, **kwargs: Any) -> Any:
            if library.exists():
                load(library)
            return function(*args, **kwargs)

        return run

    monkeypatch.setattr(torch, "compile", compile_with_library)
    monkeypatch.setattr(compiled, "_compiled_by_kind", {})
    modules = tiny_modules("sd1")
    expected = forward(modules)
    set_up(modules, ComputeOptions(compiled=True))
    assert torch.equal(forward(modules), expected)
    assert not library.exists()


def load(library: Path) -> None:
    """Load a library as torch loads its kernels, and fail as it does."""
    spec = importlib.util.spec_from_file_location("kernel", library)
    assert spec is not None
    try:
        importlib.util.module_from_spec(spec)
    except ImportError as error:
        raise InductorError(error, None) from error


def test_blocks_that_cannot_be_compiled_are_one_line_with_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def compile_badly(_: Function) -> Function:
        def run(*_: object, **__: object) -> None:
            raise InductorError(RuntimeError("Python.h: No such file\nor directory"), None)

        return run

    monkeypatch.setattr(torch, "compile", compile_badly)
    monkeypatch.setattr(compiled, "_compiled_by_kind", {})
    modules = tiny_modules("sd1")
    set_up(modules, ComputeOptions(compiled=True))
    with pytest.raises(SettingsError) as refusal:
        forward(modules)
    assert refusal.value.where == "torch_compile"
    assert "Python.h: No such file or directory" in refusal.value.found
    assert "\n" not in refusal.value.line()
    assert "torch_compile = false" in refusal.value.line()


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("checkpointed", [None, ()])
def test_compiled_blocks_give_the_same_gradients_at_every_size_and_are_released(
    checkpointed: tuple[str, ...] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch._dynamo.reset()
    monkeypatch.setattr(compiled, "_compiled_by_kind", {})
    modules = tiny_modules("sd1")
    layers = lora_everywhere(modules)
    # Three halvings leave no side of 1, which has kernels of its own.
    expected = {side: gradients(modules, layers, side) for side in (16, 24)}
    set_up(modules, ComputeOptions(checkpointed=checkpointed, compiled=True))
    before = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    assert distance(gradients(modules, layers, 16), expected[16]) < 1e-4
    compiled_once = torch._dynamo.utils.counters["stats"]["unique_graphs"] - before
    assert compiled_once >= len(compiled._compiled_by_kind)
    # Another size asks for nothing new.
    assert distance(gradients(modules, layers, 24), expected[24]) < 1e-4
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] - before == compiled_once
    set_up(modules, ComputeOptions())
    for layer in layers:
        layer.remove()
    gone = weakref.ref(modules["unet"].mid_block)
    del modules, layers, layer
    gc.collect()
    assert gone() is None
