"""The demo workspace: 16 captioned pictures of a character the demo base does not know, 16 held out, and settings that teach it."""

import random
from pathlib import Path

from trainer.demo.figure import HIFUMI, hifumi_caption, random_hifumi
from trainer.demo.place import NAME, PICTURES, picture_folders
from trainer.demo.render import render
from trainer.errors import WorkspaceError
from trainer.journal.journal import Journal
from trainer.settings.model import Settings
from trainer.settings.subject import Subject, save_subject
from trainer.settings.toml_file import save_settings
from trainer.workspace import Workspace, make_workspace

# Two seeds, so that no held-out picture is one of the trained ones.
_TRAINING_SEED = 100
_HELD_OUT_SEED = 999


def demo_settings() -> Settings:
    """Return the demo's settings: rank 8, U-Net 2e-3, text encoder 1e-3, 240 steps, a LoRA every 40."""
    return Settings(
        subject=NAME,
        resolution="64",
        min_bucket_reso=32,
        max_bucket_reso=128,
        # The base's VAE divides by 4 and its U-Net halves three times.
        bucket_reso_steps=32,
        shuffle_caption=True,
        keep_tokens=2,
        train_batch_size=4,
        network_dim=8,
        network_alpha=8,
        unet_lr=2e-3,
        text_encoder_lr=1e-3,
        max_train_epochs=6,
        lr_scheduler="constant_with_warmup",
        lr_warmup_steps="5%",
        seed=0,
        vae_batch_size=8,
    )


def demo_subject() -> Subject:
    """Return the demo's subject: where its data are, and the prompts it is judged by."""
    return Subject(
        name=NAME,
        trigger=HIFUMI,
        train_data_dir="data",
        validation_data_dir="validation",
        pretrained_model_name_or_path="demo",
        outfits={"10_hifumi_chan": "school uniform, halo"},
        prompts={
            "school": f"1girl, {HIFUMI}, upper body, school uniform, backpack, halo, smile, outdoors",
            "night": f"1girl, {HIFUMI}, upper body, school uniform, halo, smile, night",
            "red dress": f"1girl, {HIFUMI}, upper body, red dress, smile, pink background",
            "somebody else": "1girl, upper body, blue hair, short hair, green dress, smile, city",
        },
        seeds=[11, 12, 13, 14],
        checklist=["twintails", "halo above the head", "blue sailor collar", "the red dress stays red"],
    )


def make_demo(folder: Path) -> Workspace:
    """Make the demo workspace in `folder`. Existing files stay as they are.

    Raises:
        WorkspaceError: the folder cannot be written.
    """
    workspace = make_workspace(folder)
    trained, held_out = picture_folders(workspace.root)
    try:
        _draw_pictures(trained, _TRAINING_SEED)
        _draw_pictures(held_out, _HELD_OUT_SEED)
    except OSError as error:
        raise WorkspaceError(
            str(error.filename or workspace.root),
            found=f"cannot be written ({error.strerror})",
            expected="a folder of yours with room for 300 KB",
            way_out="give another folder or fix its permissions",
        ) from error
    subject_file = workspace.subjects / f"{NAME}.toml"
    if not subject_file.exists():
        save_subject(demo_subject(), subject_file)
    settings_file = workspace.root / f"{NAME}.toml"
    if not settings_file.exists():
        save_settings(demo_settings(), settings_file)
    Journal(workspace.journal_path).close()
    return workspace


def _draw_pictures(folder: Path, seed: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(seed)
    for number in range(1, PICTURES + 1):
        figure = random_hifumi(rng)
        picture = render(figure, rng)
        if not (folder / f"{number:02d}.png").exists():
            picture.save(folder / f"{number:02d}.png")
            (folder / f"{number:02d}.txt").write_text(hifumi_caption(figure) + "\n", encoding="utf-8")
