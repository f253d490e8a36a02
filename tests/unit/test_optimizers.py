"""The records of the optimizers: complete, true to the classes, and the only list of them."""

import ast
import importlib
import inspect
import re
import tomllib
from collections.abc import Iterator
from dataclasses import MISSING, fields
from pathlib import Path

import pytest

import lora_tui
import trainer
import trainer.optimizers
from trainer.optimizers import (
    OPTIMIZERS,
    OptimizerSpec,
    class_record,
    default_weight_decay,
    estimates_rate,
    ignores_scale,
    leaner_form,
)
from trainer.settings.describe import field

ROOT = Path(__file__).parents[2]
SPECS = [pytest.param(spec, id=name) for name, spec in OPTIMIZERS.items()]


def test_no_field_of_a_record_has_a_default_so_that_a_new_optimizer_answers_each() -> None:
    assert all(one.default is MISSING and one.default_factory is MISSING for one in fields(OptimizerSpec))


@pytest.mark.parametrize("spec", SPECS)
def test_the_class_is_where_the_record_says_and_takes_its_arguments(spec: OptimizerSpec) -> None:
    if spec.package:
        pytest.importorskip(spec.package)
    module, _, name = spec.class_path.rpartition(".")
    found = getattr(importlib.import_module(module), name)
    assert f"{found.__module__}.{found.__qualname__}" == spec.metadata_name
    parameters = inspect.signature(found).parameters
    assert {*spec.arguments, *spec.defaults} <= set(parameters)
    if "weight_decay" in parameters:
        assert parameters["weight_decay"].default == spec.default_weight_decay
    if spec.eps_matters:
        assert "eps" in parameters
    assert all(kind.words for kind in spec.arguments.values())


@pytest.mark.parametrize("spec", SPECS)
def test_an_extra_brings_the_package_and_stands_in_the_readme(spec: OptimizerSpec) -> None:
    assert bool(spec.extra) == bool(spec.package)
    if spec.extra:
        extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
        assert any(line.startswith(spec.package) for line in extras[spec.extra])
        rows = [
            line for line in (ROOT / "README.md").read_text().splitlines() if line.startswith(f"| `{spec.extra}` |")
        ]
        assert len(rows) == 1 and spec.name in rows[0]


@pytest.mark.parametrize("spec", SPECS)
def test_the_help_of_the_setting_names_each_with_its_extra_and_summary(spec: OptimizerSpec) -> None:
    words = field("optimizer_type").help
    assert spec.name in words and spec.extra in words and spec.summary in words


def test_a_leaner_form_is_one_of_a_known_optimizer_and_keeps_less() -> None:
    forms = [spec for spec in OPTIMIZERS.values() if spec.leaner_form_of]
    assert forms and all(leaner_form(spec.leaner_form_of) is spec for spec in forms)
    for spec in forms:
        fuller = OPTIMIZERS[spec.leaner_form_of]
        assert sum(spec.kept_bytes((128, 1280), {}, False)) < sum(fuller.kept_bytes((128, 1280), {}, False))


def test_adams_lion_and_adafactor_do_not_see_how_long_a_gradient_is() -> None:
    blind = ["AdamW", "AdamW8bit", "Lion", "Adafactor", "torch.optim.NAdam", "bitsandbytes.optim.PagedAdamW"]
    assert all(ignores_scale(name, {}) for name in blind)
    assert not any(ignores_scale(name, {}) for name in ("SGDNesterov", "Prodigy", "torch.optim.SGD", "pkg.AdamLike"))
    assert not ignores_scale("Adafactor", {"scale_parameter": True})


def test_prodigy_and_d_adaptation_find_their_own_step_size() -> None:
    assert all(estimates_rate(name) for name in ("Prodigy", "prodigyopt.Prodigy", "dadaptation.DAdaptAdam"))
    assert not estimates_rate("AdamW")


@pytest.mark.parametrize("spec", SPECS)
def test_a_class_by_its_path_has_the_record_of_the_class(spec: OptimizerSpec) -> None:
    for name in (spec.name, spec.class_path, spec.metadata_name):
        assert class_record(name) is spec
        assert estimates_rate(name) == spec.estimates_rate
    assert class_record(f"{spec.class_path}s") is None


def test_every_adamw_decays_by_default() -> None:
    assert default_weight_decay("bitsandbytes.optim.PagedAdamW") == 0.01
    assert default_weight_decay("torch.optim.NAdam") == 0


# Most modules name none, and taking a thousand apart takes seconds.
_NAMES = {*OPTIMIZERS, *(name for spec in OPTIMIZERS.values() for name in (spec.class_path, spec.metadata_name))}
_NAMES_ONE = re.compile("|".join(map(re.escape, sorted(_NAMES))))


def _texts(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the texts of a module that names an optimizer, with their lines, docstrings left out."""
    source = path.read_text()
    if not _NAMES_ONE.search(source):
        return
    tree = ast.parse(source)
    bare = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in bare:
            yield node.lineno, node.value


def test_no_other_module_lists_optimizers_or_compares_their_names() -> None:
    records = Path(trainer.optimizers.__file__)
    packages = [Path(package.__file__ or "").parent for package in (trainer, lora_tui)]
    # What other trainers call optimizers, and choose, stands in their own tables.
    tables = [packages[0] / "profiles", packages[0] / "interop" / "trainers"]
    found = [
        f"{path.name}:{line}: {text}"
        for package in packages
        for path in package.rglob("*.py")
        if path != records and path.parent not in tables
        for line, text in _texts(path)
        if text in _NAMES or sum(name in text for name in OPTIMIZERS) > 2
    ]
    assert not found
