"""Source archive and wheel: complete, and an installed wheel has nothing at its top but the two packages."""

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from hostile_folder import make_hostile

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a source archive and of the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site")
    wheel = next(built.glob("*.whl"))
    options = ["--quiet", "--no-deps", "--no-compile", "--target", str(target)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(wheel)], check=True, capture_output=True)
    return target


def _files_of(archive: Path) -> set[str]:
    """Return the files of a source archive, relative to its only folder."""
    with tarfile.open(archive) as opened:
        return {name.partition("/")[2] for name in opened.getnames()}


def _run(installed: Path, folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(installed)}
    return subprocess.run([sys.executable, *command], cwd=folder, env=env, capture_output=True, text=True, check=False)


def test_the_source_archive_holds_all_that_the_tests_and_make_need(built: Path) -> None:
    files = _files_of(next(built.glob("*.tar.gz")))
    assert {"pyproject.toml", "Makefile", "constraints.txt", "README.md", "docs/architecture.md"} <= files
    here = {
        path.relative_to(ROOT).as_posix()
        for folder in ("lora_tui", "trainer", "themes", "tests", "docs")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert here - files == set()


def test_the_wheel_has_only_the_two_packages_at_its_top(installed: Path) -> None:
    tops = {path.name for path in installed.iterdir() if not path.name.endswith(".dist-info")}
    assert tops == {"lora_tui", "trainer", "bin", "share"}


def test_the_man_page_and_the_tested_versions_come_along(installed: Path) -> None:
    page = (installed / "share" / "man" / "man1" / "lora-tui.1").read_text(encoding="utf-8")
    assert page == (ROOT / "docs" / "lora-tui.1").read_text(encoding="utf-8")
    assert "textual==" in (installed / "lora_tui" / "constraints.txt").read_text(encoding="utf-8")


def test_themes_and_the_demo_come_along(installed: Path) -> None:
    assert len(list((installed / "lora_tui" / "themes").glob("*.toml"))) >= 2
    assert len(list((installed / "trainer" / "demo" / "model").rglob("*.safetensors"))) == 3


def test_configs_and_vocabularies_come_along_with_their_licences(installed: Path) -> None:
    for family in ("sd1", "sdxl"):
        folder = installed / "trainer" / "families" / family
        assert {path.name for path in folder.iterdir()} >= {"components.json", "LICENCE.md"}
    vocabulary = installed / "trainer" / "prompts" / "vocabulary"
    assert {path.name for path in vocabulary.iterdir()} == {"bpe_simple_vocab_16e6.txt.gz", "LICENCE.md"}
    tokenizers = installed / "trainer" / "families" / "anima" / "tokenizers"
    packed = {"qwen3_merges.txt.gz", "t5_tokenizer.json.gz"}
    assert {path.name for path in tokenizers.iterdir()} == {*packed, "LICENCE.md", "APACHE-2.0.txt"}


def test_the_templates_of_pages_come_along(installed: Path) -> None:
    for room, files in (("gallery", {"page.html", "page.css", "page.js"}), ("report", {"report.html", "report.css"})):
        templates = installed / "trainer" / room / "templates"
        assert {path.name for path in templates.iterdir()} == files


def test_themes_load_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    code = "import lora_tui.colours.theme_files as t; found = t.find_themes(); print(t.__file__); print(found)"
    ran = _run(installed, tmp_path, "-c", code)
    assert ran.returncode == 0, ran.stderr
    assert str(installed) in ran.stdout
    assert "ember" in ran.stdout


def test_the_demo_is_made_and_planned_from_the_wheel_among_modules_of_other_names(
    installed: Path, tmp_path: Path
) -> None:
    mark = make_hostile(tmp_path)
    made = _run(installed, tmp_path, "-m", "lora_tui", "demo", str(tmp_path / "demo"))
    assert made.returncode == 0, made.stderr
    script = str(installed / "bin" / "lora-tui")
    planned = _run(installed, tmp_path, script, "plan", str(tmp_path / "demo" / "hifumi.toml"), "--no-memory")
    assert planned.returncode == 0, planned.stderr
    assert "240" in planned.stdout
    assert not mark.exists()
