"""Prints docs/glossary.md: our own words from the list here, and everything that stands on the screens from the records of their panes."""

from page_parts import cell

from lora_tui.keys.places import PLACES
from lora_tui.screens.panes import terms_of
from lora_tui.wording.pane_terms import STATES, PaneTerms, Term
from lora_tui.wording.screen_guides import GUIDES

# fmt: off
WORDS: tuple[tuple[str, str], ...] = (
    ("advice", "what to try against symptoms, with sources and the ladder that would test it; never a number sold as right"),
    ("alpha, dim, pair", "dim is a LoRA layer's rank, alpha its scale. The pair of a part is the rate of `lora_down` and alpha ÷ dim × the rate of `lora_up`: for Adam and a fixed dim only these two numbers matter"),
    ("bake", "one training run: a row in the journal, a number, and a folder `bakes/0001-name/` with everything it leaves"),
    ("band", "of doneness: the epochs to aim for, where every lane that is placed is done; of noise: the stretch of times at which a model decides on layout, form or detail"),
    ("base", "the model that a LoRA is trained on: a file, a diffusers folder, or `demo`"),
    ("bleed", "what a LoRA does to pictures whose prompt lacks the subject's activation token"),
    ("block group", "modules of a part that a measure is summed up over: in a U-Net the way (down, middle, up) and the kind of layer, in a transformer the block, in a text encoder the layer"),
    ("bucket", "pictures of one size and shape, batched together (sd-scripts' term)"),
    ("cell", "one place of a grid (x, y, z, seed) with the recipe of its picture"),
    ("champion", "the epoch that a subject names as its best so far; new grids can compare with it"),
    ("detail", "of a picture: how far its spectrum reaches, as a share of the finest that its pixels can hold"),
    ("digest", "what happened since the user last looked, shown when the dashboard opens"),
    ("doneness", "where each epoch of a bake stands between raw and burnt, from trends of what was measured beyond their noise; never one score"),
    ("drift", "how far a picture with the LoRA is from the base's of the same prompt and seed; 1 is as far as two seeds of the base are apart"),
    ("engine", "the thread that takes jobs from the queue and runs them; one per process. A job whose engine is gone is *orphaned* and offered to the next lora-tui"),
    ("epoch", "one pass over the data, and the LoRA file saved at its end"),
    ("exact resume", "a resumed bake gives the same bits as one that was never interrupted, on the same machine and versions"),
    ("exposures", "how often a picture or tag is shown during a bake: pictures × repeats × epochs"),
    ("family", "kind of base architecture: `sd1`, `sdxl`"),
    ("finding", "what a check before a bake found: error, warning or note, with its place and the way out; a user may accept it with a reason until the data change"),
    ("fingerprint", "hash of a recipe and of every file it uses; equal fingerprints are one picture, made once"),
    ("fit", "the search for the fastest settings whose predicted peak fits into a given size"),
    ("fork", "a new bake from another one's state at an epoch, with changed settings; *extend* is a fork with more epochs"),
    ("frontier", "minutes of training against one measure or judgement over all bakes of a subject, and where more time stopped paying"),
    ("GPU", "also `card` in names of the code and in `--fake-card`. Its lock lets one bake run on it at a time, across workspaces"),
    ("grid", "pictures that differ along up to three axes and a row of seeds; a row in the journal and a folder `grids/0001-name/`"),
    ("held", "queued, but not started until released"),
    ("held out", "of a picture: kept out of training and measured; named in `validation_data_dir`, or taken from the training pictures by `validation_split` or `validation_outfit`"),
    ("imported bake", "LoRA files from elsewhere as one bake of the list, with its epochs; they stay where they are"),
    ("index", "of pictures: what is known of each that settings read, kept in the workspace's cache and brought up to date by what has changed"),
    ("infotext", "the text a webui writes into its pictures: prompt, sampler, seed …"),
    ("job", "a row of the queue: a bake, or the making of a grid"),
    ("journal", "`journal.sqlite` of a workspace: bakes, curves, saved epochs, orders, log. Screens and commands read it, and every order to a bake is a row of it"),
    ("knob", "the setting that differs between the rungs of a ladder"),
    ("ladder", "one question asked by bakes that differ in a setting: a row in the journal and a folder `ladders/0001/`"),
    ("lane", "one of the bars of doneness over the epochs: of a part, or of memorization"),
    ("lean", "of a base: computing and keeping no more than training a LoRA needs"),
    ("left out", "of a picture: named in `exclude_pictures`, so that nothing reads it though it lies in a folder of the data"),
    ("levers", "the settings that trade memory against time, which `fit` pulls"),
    ("live setting", "one that may change while the bake runs"),
    ("member", "a picture that was trained on, measured beside held-out ones to tell memorization"),
    ("move", "a knob and the way to turn it, advised against a symptom"),
    ("noise floor", "how much a value differs between twins; every comparison says how it stands against it"),
    ("order", "what a user tells a running bake: pause, resume, stop, save, free, set"),
    ("parked", "ended with a state and waiting to be queued again; it holds no GPU"),
    ("part", "what is trained with a rate of its own: the U-Net, a text encoder, SDXL's second one"),
    ("peak", "the most memory of the GPU that a bake takes, predicted or measured"),
    ("place", "a position: of a cell in its grid, of a job in the queue"),
    ("plan", "what settings will do, worked out before anything runs: steps, rates, files, warnings"),
    ("profile", "what is known of another trainer on one day: its defaults, and how it counts; `behave_like` names one"),
    ("pyramid", "a curve's values at falling resolutions (minimum, maximum, mean), so that any stretch is drawn from a bounded number of rows"),
    ("recipe", "everything that decides a picture: base, LoRAs with weights, prompts, seed, sampler, size"),
    ("rung", "one place of a ladder: a bake with its twins. The *centre* is the rung of the settings as they are"),
    ("sharpness", "of a picture: the variance of its Laplacian at the area it is trained at"),
    ("sheet", "one Z value of a grid as a matrix of pictures"),
    ("sidecar", "`grid.json` in a grid's folder: its spec, cells and recipes, readable without the journal"),
    ("spec", "a grid as its user wrote it; expanding it gives the cells"),
    ("state", "everything needed to resume exactly: LoRA, optimizer, random numbers, position in the data"),
    ("style", "named defaults for grids, as in a webui"),
    ("subject", "what a LoRA teaches: name, trigger words, folders, test prompts, checklist; `subjects/name.toml`"),
    ("symptom", "something that users see of a LoRA that is not right, in their own words"),
    ("twin", "a bake equal to another one in all that decides what comes out but its random numbers; with the same numbers too it is an exact repeat. Twins of one bake are a family of twins"),
    ("variant", "a bake proposed from the judgements of a grid, queued as held"),
    ("verdict", "what a user says of a picture: under, right or over trained, for the whole or a part"),
    ("withdrawn", "removed from the queue before it ever started; it leaves the lists"),
    ("workspace", "a folder with a journal, settings, subjects, bakes and grids"),
)
# fmt: on
"""Word -> what it means, in the order of the alphabet."""

_HEAD = """\
<!-- Made by `make docs` from docs/glossary_page.py and the records of lora_tui; change it there. -->

# Glossary

The words that are our own, or that we use in a narrower sense than the field. Everything else is the field's term (LoRA, bucket, latent, timestep, parameter group, checkpoint) or sd-scripts' name of an option, which [settings.md](settings.md) explains. What stands on the screens is [below](#on-the-screens).

| word | means |
|---|---|
"""

_ON_SCREENS = """\
## On the screens

Every column, figure and sign, with the panes that it stands in. `?` on a screen shows those of that screen.
"""


def page() -> str:
    """Return the page as Markdown."""
    words = "".join(f"| **{word}** | {cell(means)} |\n" for word, means in WORDS)
    signs, named = _entries()
    return f"{_HEAD}{words}\n{_ON_SCREENS}\n{_table('sign', signs)}\n{_table('column or figure', named)}"


def _entries() -> tuple[dict[Term, list[str]], dict[Term, list[str]]]:
    """Return the signs, and the columns and figures in the order of the alphabet, each with the panes that it stands in."""
    found: dict[Term, list[str]] = {term: ["every screen"] for term in STATES.terms}
    linked = {guide.scope: guide.page for guide in GUIDES}
    for place in PLACES:
        for pane in terms_of(place):
            where = (
                f"[{pane.title}](screens/{linked[place.scopes[-1]]}.md)" if place.scopes[-1] in linked else pane.title
            )
            for term in pane.terms:
                _add(found.setdefault(term, []), where, pane)
    signs = {term: panes for term, panes in found.items() if not any(map(str.isalnum, term.sign))}
    return signs, {term: found[term] for term in sorted(found.keys() - signs.keys(), key=_by_letters)}


def _add(panes: list[str], where: str, pane: PaneTerms) -> None:
    # A pane of several screens is named once, and a sign that every screen has stands there alone.
    if "every screen" not in panes and not any(known.startswith(f"[{pane.title}]") for known in panes):
        panes.append(where)


def _by_letters(term: Term) -> tuple[str, str, str]:
    letters = "".join(filter(str.isalnum, term.sign)).casefold()
    return letters, term.sign, term.means


def _table(head: str, entries: dict[Term, list[str]]) -> str:
    rows = "".join(
        f"| {cell(term.sign)} | {cell(term.means)} | {', '.join(panes)} |\n" for term, panes in entries.items()
    )
    return f"| {head} | means | in |\n|---|---|---|\n{rows}"


if __name__ == "__main__":
    print(page(), end="")
