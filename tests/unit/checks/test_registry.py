"""The list of checks: none is forgotten, and each finds what it is for in an input made for it."""

import ast
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from check_inputs import GOOD_CAPTION, caption, checked, cut_in_half, data_set, draw, write_broken_inside

from trainer.checks.record import CheckedBake, Severity
from trainer.checks.registry import CHECK_BY_KEY, CHECKS, run_checks
from trainer.checks.report import details_of
from trainer.dataset.picture_file import PictureFault
from trainer.errors import ModelError, SettingsError
from trainer.machine import cpu, devices

ROOT = Path(__file__).parents[3]
Make = Callable[[Path], CheckedBake]


def _with(change: Callable[[Path], object], **values: Any) -> Make:
    """Return what makes a good data set, changes something in its folder, and looks at it."""

    def make(root: Path) -> CheckedBake:
        folder = data_set(root)
        change(folder)
        return checked(root, **values)

    return make


def _settings(**values: Any) -> Make:
    return _with(lambda folder: None, **values)


def _settings_of_many(root: Path) -> CheckedBake:
    data_set(root, count=9)
    return checked(root)


def _settings_of_two_folders(root: Path) -> CheckedBake:
    data_set(root)
    for number in range(10, 16):
        draw(root / "train" / "2_her knight" / f"{number}.png", number)
    return checked(root, validation_outfit="2_her knight", measure_memorization=True)


def _write(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content)


def _validation(change: Callable[[Path, Path], object]) -> Make:
    def make(root: Path) -> CheckedBake:
        folder = data_set(root)
        held_out = data_set(root, "held", first=20)
        change(folder, held_out)
        return checked(root, validation_data_dir=str(held_out.parent))

    return make


def _reg(count: int, **values: Any) -> Make:
    def make(root: Path) -> CheckedBake:
        data_set(root)
        reg = data_set(root, "reg", count=count, first=40)
        return checked(root, reg_data_dir=str(reg.parent), **values)

    return make


def _many(tag: str) -> Callable[[Path], object]:
    """Return a change that gives every caption a tag."""
    return lambda folder: [caption(path, f"{GOOD_CAPTION}, {tag}") for path in sorted(folder.glob("*.png"))]


def _slip(folder: Path) -> None:
    _many("school uniform")(folder)
    caption(folder / "0.png", f"{GOOD_CAPTION}, schol uniform")


def _too_large(root: Path) -> CheckedBake:
    folder = data_set(root)
    # A header alone: the size is refused before a pixel is unpacked.
    write_broken_inside(folder / "huge.png", 30_000, 30_000)
    return checked(root)


def _masked(root: Path) -> CheckedBake:
    folder = data_set(root)
    masks = root / "masks"
    for path in folder.glob("*.png"):
        draw(masks / path.name, 7)
    (masks / "0.png").write_bytes(b"no mask")
    return checked(root, conditioning_data_dir=str(masks), masked_loss=True)


def _by_file(root: Path) -> CheckedBake:
    folder = data_set(root)
    text = f"[[datasets]]\n[[datasets.subsets]]\nimage_dir = '{folder}'\nconditioning_data_dir = '/masks'\n"
    (root / "data.toml").write_text(text)
    return checked(root, dataset_config=str(root / "data.toml"))


INPUTS: dict[str, Make] = {
    "picture-unreadable": _with(_write("x.png", b"GIMP, not a picture")),
    "picture-truncated": _with(lambda folder: cut_in_half(draw(folder / "x.jpg", 9))),
    "picture-empty": _with(_write("x.webp", b"")),
    "picture-too-large": _too_large,
    "picture-undecodable": _with(lambda folder: write_broken_inside(folder / "x.png", 64, 64)),
    "mask-unusable": _masked,
    "caption-unreadable": _with(_write("0.txt", "knight, café".encode("latin-1"))),
    "refused": lambda root: replace(
        _settings()(root), refusal=ModelError("base", found="not a base", way_out="another")
    ),
    "caption-missing": _with(lambda folder: (folder / "0.txt").unlink()),
    "caption-ending": _with(lambda folder: (folder / "0.txt").rename(folder / "0.tags")),
    "caption-rivals": _with(_write("0.caption", b"castle, moat")),
    "caption-empty": _with(_write("0.txt", b" , ,")),
    "caption-brackets": _with(_write("0.txt", rb"knight \(order\)")),
    "caption-lines": _with(_write("0.txt", b"knight\ncastle")),
    "caption-stray": _with(_write("gone.txt", b"knight")),
    "caption-long": _with(_write("0.txt", b"knight, " * 60)),
    "trigger-missing": _with(_write("0.txt", b"a castle, a moat")),
    "tag-alike": _with(_slip),
    "tag-once": _with(_write("0.txt", GOOD_CAPTION.encode() + b", drawbridge")),
    "near-duplicate": _with(lambda folder: draw(folder / "x.jpg", 0, quality=45)),
    "validation-alike": _validation(lambda folder, held_out: draw(held_out / "x.webp", 3, side=48)),
    "picture-renamed": _with(lambda folder: draw(folder / "x.jpeg", 9, kind="WEBP")),
    "picture-skipped": _with(_write("x.tif", b"II*\0")),
    "picture-excluded": _settings(exclude_pictures=["2_my_knight/0.png"]),
    "folder-skipped": _with(lambda folder: draw(folder.parent / "raw" / "x.png", 9)),
    "reg-unused": _reg(12),
    "masks-ignored": _by_file,
    "bucket-of-one": _with(lambda folder: draw(folder / "x.png", 9, size=(96, 32))),
    "bucket-enlarged": _with(lambda folder: draw(folder / "x.png", 9, size=(20, 90)), bucket_no_upscale=True),
    "picture-small": _with(lambda folder: draw(folder / "x.png", 9, size=(20, 30))),
    "resolution-small": _settings(family="sdxl"),
    "resolution-large": _settings(family="anima", sample_resolution="2064"),
    "validation-shared": lambda root: checked(root, validation_data_dir=str(data_set(root).parent)),
    "nothing-held-out": _settings_of_many,
    "memorization-folder": _settings_of_two_folders,
    "reg-weight-0": _reg(3, prior_loss_weight=0.0),
    "rate-0": _settings(text_encoder_lr=0.0),
    "warmup-too-long": _settings(lr_warmup_steps="100%"),
    "decay-steps": _settings(lr_scheduler="warmup_stable_decay"),
    "estimated-rate": _settings(optimizer_type="Prodigy"),
    "averaging-schedule": _settings(optimizer_type="schedulefree.AdamWScheduleFree", lr_scheduler="cosine"),
    "snr-weights": _settings(min_snr_gamma=5, debiased_estimation_loss=True),
    "eight-bit-base": _settings(fp8_base=True),
    "bf16-emulated": _settings(mixed_precision="bf16"),
    "unused-setting": _settings(conv_alpha=2),
    "command-missing": _settings(on_done="no-such-program --quiet"),
    "accepted-damaged": lambda root: replace(
        _settings()(root), accepted_fault=SettingsError("x.accepted.json", found="not a file of accepted findings")
    ),
}


def found(bake: CheckedBake) -> set[str]:
    return {result.check.key for result in run_checks(bake)}


def test_every_check_has_an_input() -> None:
    assert list(INPUTS) == [check.key for check in CHECKS] and len(CHECK_BY_KEY) == len(CHECKS)


@pytest.fixture(autouse=True)
def plain_cpu(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the checks see a computer without a GPU whose processor has no units for bf16."""
    info = tmp_path_factory.mktemp("cpu") / "cpuinfo"
    info.write_text("flags\t\t: fpu avx2 avx512f\n")
    monkeypatch.setattr(cpu, "CPU_INFO", info)
    monkeypatch.setattr(devices, "_DEVICE_FILES", ())


@pytest.mark.parametrize("key", INPUTS)
def test_a_check_finds_what_it_is_for_with_place_and_way_out(key: str, tmp_path: Path) -> None:
    results = [result for result in run_checks(INPUTS[key](tmp_path)) if result.check.key == key]
    assert results, f"{key} finds nothing"
    for result in results:
        assert result.finding.place and result.finding.text and result.way_out
        assert len(result.finding.line()) < 500 and "\n" not in result.finding.line()


@pytest.mark.parametrize("key", ["caption-missing", "caption-ending", "tag-once", "near-duplicate"])
def test_a_single_case_is_named(key: str, tmp_path: Path) -> None:
    (result,) = [result for result in run_checks(INPUTS[key](tmp_path)) if result.check.key == key]
    name = {"tag-once": "drawbridge"}.get(key, "0.")
    assert name in "\n".join([result.finding.text, *details_of(result)])


def test_a_good_data_set_has_nothing_to_be_found(tmp_path: Path) -> None:
    assert found(_settings()(tmp_path)) == set()


def test_every_key_of_a_finding_in_the_code_is_that_of_a_check() -> None:
    keys = {f"picture-{fault}" for fault in PictureFault.__args__}
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "trainer").rglob("*.py")]
    for text in texts:
        if "Finding(" not in text and "_UnusableFile(" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
                first = node.args[0]
                if node.func.id in ("Finding", "_UnusableFile") and isinstance(first, ast.Constant):
                    keys.add(first.value)
    # The captions' oddities are a table of keys, the last two are made of errors.
    assert set(CHECK_BY_KEY) - keys == {
        "caption-empty",
        "caption-brackets",
        "caption-lines",
        "refused",
        "accepted-damaged",
    }
    assert keys <= set(CHECK_BY_KEY)


def test_the_gravest_come_first(tmp_path: Path) -> None:
    folder = data_set(tmp_path)
    (folder / "x.png").write_bytes(b"")
    (folder / "0.txt").write_text(f"{GOOD_CAPTION}, drawbridge")
    (folder / "gone.txt").write_text("x")
    severities = [result.severity for result in run_checks(checked(tmp_path))]
    assert severities == [Severity.ERROR, Severity.WARNING, Severity.NOTE]
