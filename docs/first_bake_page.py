"""Prints docs/first-bake.md: the walk of a first bake, with the keys that the records have."""

from page_parts import with_keys

_PAGE = """\
<!-- Made by `make docs` from docs/first_bake_page.py; change it there. -->

# A first bake

From the demo to your own pictures, to a grid that you judge, and to a second bake that differs from the first in one thing. Each step says what to do and what you see then. `?` on any screen says what it is for and what its keys, columns and signs mean; <key app.palette> finds everything by name, `esc` goes back.

## With the demo

1. **`make run`** opens the demo on the Bake screen, and so does `lora-tui demo`. (`lora-tui` alone opens the workspace of the folder that you are in, else the last one; <key workspace.switch> leads from any of them to the demo.) On the left are the settings, on the right the GPU, the plan (`16 pictures ×10 → 160 / epoch`, `40 steps × 6 = 240`, time, files) and the curves, of which only the planned rates are there yet. The last line names the keys that matter now.
2. **<key bake.start>** asks for a note on this bake, which may stay empty; `enter` starts it. The title says `● baking`, the plan gives way to the progress (epoch, step, time left), the loss curve grows, and lines appear in the log. After each of the 6 epochs a LoRA appears in the list of epochs.
3. **<key bake.pause>** pauses and continues. **<key bake.stop>** would stop after the step and save; **<key bake.resume>** then continues to the same bits. <key app.quit> asks whether the bake is to stop and be saved, or to continue without the screen; if the terminal closes, it continues. `make run` shows it again, with what happened since.
4. When it is done, **<key grid.screen>** opens the Grid screen with a grid of its epochs set up: a column for each, with a picture for each of the subject's seeds. Below the form stands how many pictures that is. **<key grid.make>** makes them and goes to the pictures as they come.
5. The arrows go from picture to picture. **<key grid.under>**, **<key grid.right>** and **<key grid.over>** say that one is under, right or over trained, **<key grid.favourite>** that it is a favourite; `enter` shows it large. **<key grid.judgement>** shows what your judgements say of each epoch. `esc` goes back.
6. On the Bake screen **<key doneness.open>** shows where each epoch stands between raw and burnt by what was measured, with the evidence below. Most of the measures are off until you switch them on (<key form.find> `measure`), and then hold for the next bake.

## With your own pictures

Put 15 to 200 pictures into a folder `pictures`, and beside each `picture.png` its caption in `picture.txt`, the trigger word first. Subfolders `10_name` repeat their pictures ten times per epoch, as in sd-scripts; without subfolders each picture is shown once, and repeats are a setting. In the folder in which your LoRAs will live:

```sh
lora-tui new hifumi --data pictures --base path/to/model
```

makes a workspace there, `subjects/hifumi.toml` (what the LoRA teaches: trigger, test prompts, seeds, checklist) and `hifumi.toml` (the settings of its bakes), with defaults that follow from the pictures and the base. It prints the plan in a line, how much the checks found, and what to type next. To have a trainer's settings that you know, [import them](other-trainers.md).

```sh
lora-tui check hifumi.toml
```

lists what is wrong or doubtful: each line is an error, a warning or a note, with its place and the way out. Errors refuse the bake. In the dashboard it is **<key checks.open>**, and **<key dataset.open>** shows the pictures, their captions and all tags, and edits them.

```sh
lora-tui plan hifumi.toml
```

says what a bake would do: pictures and exposures, buckets, steps, rates over the epochs, files, time, and the peak of GPU memory, predicted. `--fit 8GB` finds settings that fit; in the dashboard it is **<key plan.open>** and **<key plan.fit>**.

```sh
lora-tui bake hifumi.toml
```

bakes in the terminal, with a line of progress. `ctrl+c` stops after the step and saves, a second terminal may watch with `lora-tui status --follow`. In the dashboard (`lora-tui` in that folder) it is **<key bake.start>** as above.

## A grid that you judge

```sh
lora-tui grid --bake 1
```

makes a grid of the bake's epochs with the subject's prompts and seeds, and says in which folder its pictures and sheets lie: `grids/0001-…`. Judge it in the dashboard: **<key grid.screen>** on the Bake screen shows it, `tab` goes to its pictures, and step 5 above is the same. Look at several seeds before you judge: what changes with the seed says nothing about an epoch.

- An epoch that shows the character without the extras of the training pictures is what you look for. **<key grid.use>** sends its LoRA to your webui's folder.
- Where none does, <key grid.judgement> says in which direction the judgements point, and **<key advice.open>** on the Bake screen goes from what you see to what to try, in the order data, repeats, steps, rates.

```sh
lora-tui show 1
lora-tui bakes
```

print all that is known of the bake, and the journal of all bakes; in the dashboard it is **<key journal.open>**.

## The second bake

Change one thing. In the dashboard **<key form.find>** finds the setting (`stop`), `enter` goes to it and edits it, a `•` marks what differs from the last bake, and **<key bake.start>** asks for the note that the journal will show. The title then says what you changed: `0003 hifumi ● baking ▸ from 0001: text_encoder_stop –→1ep`. In the shell:

```sh
lora-tui bake hifumi.toml --set text_encoder_stop=1ep --why "backpack straps everywhere: text encoder shorter"
lora-tui diff 1 3
```

`diff` shows what differs between the two in settings, data and measures. The new bake is number 3, since the grid was a job of the queue too and took number 2; `lora-tui bakes` and the title of the dashboard say which number a bake has. The same settings bake differently twice, so that small differences mean nothing: **<key bake.twin>** or `lora-tui twin 1` bakes the first again with other random numbers, and every comparison is then held against how much twins differ. A question worth more than two bakes is a ladder (**<key ladders.open>**, [ladders.md](ladders.md)).
"""


def page() -> str:
    """Return the page as Markdown."""
    return with_keys(_PAGE)


if __name__ == "__main__":
    print(page(), end="")
