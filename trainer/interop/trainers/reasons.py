"""Sentences that several trainers' tables say of a key: why it has no effect here, or what it becomes."""

from trainer.families.registry import titles

OWN_FOLDER = "each bake has a folder of its own in bakes/"
JOURNAL = "the journal records every bake's numbers"
RESUMES = "`lora-tui resume` continues a bake"
SAMPLES = "of the pictures that it makes while it trains; prompts are the subject's here"
MEMORY = "`lora-tui plan SETTINGS.toml --fit SIZE` finds what saves memory here"
ATTENTION = "attention here is sdpa or xformers"
PRECISION = "no precision that a bake here has"
SAVED_AS = "LoRA files are saved as fp32, fp16 or bf16"
BASE_PRECISION = "the base is held in the precision of the bake"

PICTURES = "pictures are used as they are: resized, and cropped in the middle to their bucket"
MASKS = "masks here are alpha channels (alpha_mask) or pictures in conditioning_data_dir; set masked_loss with them"
VALIDATION = "pictures kept out of training are in validation_data_dir"
CONCEPTS_FILE = "the concepts stand in that file, which was not opened: name their folders as train_data_dir"
PRIOR_LOSS = "prior_loss_weight weighs regularisation pictures, nothing else does"

LYCORIS = "of LyCORIS networks; every layer is a LoRA here"
BLOCKS = "every block has the same rank, alpha and rate here"
WHICH_LAYERS = "which layers a LoRA is on cannot be chosen here"
BOTH_PARTS = "U-Net and text encoder are both trained, as by default"
PARTS = "parts without layers did not train"
FITS = "a note says which base it fits"
KIND = "what it is instead of a plain LoRA, which is what a bake here trains"
EMBEDDINGS = "embeddings in the file are not read here"
NO_AVERAGE = "there is no average of the weights here"
NO_ARGUMENT = "the optimizer takes no such argument here"

EPOCHS_OR_STEPS = "below 1 max_train_steps decides"
SHARE = "a share of the steps, from 0 to 1"
MINUTES = "minutes; the steps come from the speed measured here"

_BASES = titles("and")
BASE_TELLS = f"bases here are {_BASES}; the base's file tells"


def of_other_bases(bases: str) -> str:
    """Return why a key of some other bases has no effect."""
    return f"of {bases}; {_BASES} are trained here"


def for_another_base(base: str) -> str:
    """Return what is said of a file or command for a base that is not known here; it ends a sentence that begins with `is`."""
    return f"is for {base}, which cannot be trained here: bases are {_BASES}"


def becomes_lora(kind: str) -> str:
    """Return the note on a file that trains another kind of network."""
    return f"The file trains {kind}; here it becomes a LoRA of the same rank."


def becomes_plain(what: str) -> str:
    """Return the note on a LoRA file of another kind."""
    return f"{what}; the settings are for a plain LoRA, which is what a bake here trains"


def no_optimizer(name: object) -> str:
    """Return why an optimizer's name has no effect."""
    return f"there is no {name} here; name another as optimizer_type"
