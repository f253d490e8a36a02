"""The change of one module in a LoRA file, by its shapes: its kind, rank and scale, and the axis of a DoRA; free of torch.

With s = alpha / rank, ⊙ the product number by number and ⊗ Kronecker's, the kinds are:

    LoRA, LoCon:  ΔW = s · up · down                  (Hu et al. 2021; a kernel between the two in Tucker's form)
    LoHa:         ΔW = s · (w1_a w1_b) ⊙ (w2_a w2_b)  (Hyeon-Woo et al. 2021; t1 and t2 in Tucker's form)
    LoKr:         ΔW = s · w1 ⊗ w2                    (Yeh et al. 2023; w1 and w2 whole or products themselves, t2 in Tucker's form)
    full:         ΔW = diff, and diff_b on the bias

A DoRA (Liu et al. 2024) has one of these as its direction and a magnitude m for each output, or each input:
ΔW = m (W + ΔV) / ‖W + ΔV‖ - W, with the norm over everything else. So its change cannot be told without the base's W.
LyCORIS, PEFT and sd-scripts agree in all of this; what the webui and ComfyUI do else with m is in docs/lora-files.md.
"""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from trainer.models.lora_keys import Role

ChangeKind = Literal["lora", "loha", "lokr", "full"]
"""How a change is made of its tensors."""

Axis = Literal["outputs", "inputs"]
"""What a DoRA has one magnitude for."""

KIND_TITLES: Mapping[ChangeKind, str] = {"lora": "LoRA", "loha": "LoHa", "lokr": "LoKr", "full": "full difference"}

Shape = tuple[int, ...]

ROLES_OF_KIND: Mapping[ChangeKind, frozenset[Role]] = {
    "lora": frozenset({"down", "up", "mid"}),
    "loha": frozenset({"hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2"}),
    "lokr": frozenset({"lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t2"}),
    "full": frozenset({"diff"}),
}
"""The tensors that each kind is made of; `ROLES_BESIDE` may stand beside any."""

PLAIN_SHAPES = "[rank, in], [out, rank] and a scalar"
"""What the tensors of a plain layer are."""

MAX_NUMBERS = 2**27
"""Of a change that is made as a whole: some ten times what the widest layer of any base has. A LoKr of a few KB could claim any size."""

ROLES_BESIDE: frozenset[Role] = frozenset({"alpha", "scalar", "dora_scale", "magnitude", "diff_b"})


class WrongShapes(Exception):  # not an error by itself: whoever knows the file makes one of it
    """The tensors of a module do not make a change."""

    def __init__(self, expected: str) -> None:
        super().__init__(expected)
        self.expected = expected


@dataclass(frozen=True)
class LoraModule:
    """The change of one module, as its file has it.

    Attributes:
        down: shape of lora_down: [rank, inputs], with a kernel on convolutions. Of another kind, that of a plain layer in its place.
        up: shape of lora_up: [outputs, rank], with a 1x1 kernel on convolutions.
        alpha: the change is scaled by alpha / rank; the rank where the file says nothing, or 0 (sd-scripts: networks.lora).
        kind: what it is made of.
        dora: the axis of a DoRA's magnitude; None where it has none.
        is_flat: whether a convolution's kernel would lie in the inputs: such a file does not tell a 3x3 on 64 inputs from a Linear
            on 576.
        has_bias: whether the bias is changed as well.
    """

    down: Shape
    up: Shape
    alpha: float
    kind: ChangeKind = "lora"
    dora: Axis | None = None
    is_flat: bool = False
    has_bias: bool = False

    @property
    def rank(self) -> int:
        """Its inner size, which alpha is divided by; of a kind without one, the highest rank that its shapes allow."""
        return self.down[0]

    @property
    def is_plain(self) -> bool:
        """Whether it is up · down and nothing else, as a bake trains it."""
        return self.kind == "lora" and self.dora is None and not self.has_bias

    @property
    def needs_base(self) -> bool:
        """Whether its change depends on the base's weight."""
        return self.dora is not None

    @property
    def scale(self) -> float:
        """Factor on the change."""
        return self.alpha / self.rank

    @property
    def title(self) -> str:
        """What it is called: `LoRA`, `DoRA`, `LoKr with DoRA`, `LoHa with a bias`."""
        name = KIND_TITLES[self.kind]
        if self.dora is not None:
            name = "DoRA" if self.kind == "lora" else f"{name} with DoRA"
        return f"{name} with a bias" if self.has_bias else name

    def fits(self, outputs: int, inputs: int, kernel: int) -> bool:
        """Return whether it has the sides of a module; a 1x1 kernel may be written or not.

        Args:
            outputs, inputs: channels.
            kernel: the side of its kernel; 1 of a Linear.
        """
        sides = tuple(side for side in self.down[2:] if side != 1)
        if self.up[0] != outputs:
            return False
        if self.is_flat and not sides:
            return self.down[1] == inputs * kernel**2
        return self.down[1] == inputs and sides == (() if kernel == 1 else (kernel, kernel))


def kind_of(roles: Collection[Role]) -> ChangeKind | None:
    """Return the kind that a module's tensors make, None where they are of two kinds or of none."""
    found = [kind for kind, of in ROLES_OF_KIND.items() if of & set(roles)]
    return found[0] if len(found) == 1 else None


def sides_of(kind: ChangeKind, shape: Callable[[Role], Shape]) -> tuple[Shape, Shape, bool, bool]:
    """Return what a plain layer in a module's place would be: shapes of down and up; whether its kernel may lie in the inputs; and
    whether its rank is a size that its tensors show.

    Args:
        kind: from kind_of.
        shape: role -> the tensor's shape, () where there is none.

    Raises:
        WrongShapes: the tensors do not fit together.
    """
    match kind:
        case "lora":
            return *_plain_sides(shape), False, True
        case "loha":
            return *_loha_sides(shape), True
        case "lokr":
            return _lokr_sides(shape)
        case "full":
            return *_full_sides(shape), False, False


def dora_axis(shape: Shape, down: Shape, up: Shape, *, of_peft: bool, is_flat: bool) -> Axis:
    """Return what a DoRA's magnitude is for.

    PEFT's is always one for each output, as [outputs] or [1, outputs, 1, 1]. LyCORIS (`wd_on_out`) and OneTrainer write
    [outputs, 1, …] or [1, inputs, …], so that the shape says which.

    Args:
        shape: of the magnitude.
        down, up: from sides_of.
        of_peft: whether the key is PEFT's, lora_magnitude_vector.
        is_flat: from sides_of.

    Raises:
        WrongShapes: it fits neither.
    """
    outputs, inputs = up[0], down[1]
    count = math.prod(shape)
    is_vector = bool(shape) and count == max(shape) > 0
    place = next((place for place, side in enumerate(shape) if side != 1), None)
    by_output = is_vector and count == outputs
    by_input = is_vector and (count == inputs or (is_flat and _is_square_part(count, inputs)))
    if of_peft:
        by_input = False
    elif by_output and by_input and len(shape) > 1:
        # Of one number for each of both, its place decides; a single number is LyCORIS' default.
        by_output, by_input = place in (0, None), place == 1
    if by_output:
        return "outputs"
    if by_input:
        return "inputs"
    wanted = f"[{outputs}]" if of_peft else f"[{outputs}, 1] or [1, {inputs}]"
    raise WrongShapes(f"a magnitude of shape {wanted}")


def _is_square_part(count: int, whole: int) -> bool:
    """Return whether `whole` is `count` times the square of a whole number."""
    return whole % count == 0 and math.isqrt(whole // count) ** 2 == whole // count


def _plain_sides(shape: Callable[[Role], Shape]) -> tuple[Shape, Shape]:
    down, up, mid = shape("down"), shape("up"), shape("mid")
    if mid:
        # Tucker's form: the kernel stands between two 1x1 convolutions.
        is_core = len(mid) == len(down) == 4 and down[2:] == (1, 1) and mid[:2] == (down[0],) * 2
        down = (*down[:2], *mid[2:]) if is_core else ()
    if not (len(up) == len(down) and len(up) in (2, 4) and up[1] == down[0] > 0 and up[2:] in ((), (1, 1))):
        raise WrongShapes(PLAIN_SHAPES)
    return down, up


def _loha_sides(shape: Callable[[Role], Shape]) -> tuple[Shape, Shape, bool]:
    halves = [tuple(shape(role) for role in roles) for roles in _HALVES]
    products = [_product_sides(*half) for half in halves]
    found = products[0]
    if found is None or products[1] is None or found[1:] != products[1][1:]:
        raise WrongShapes(
            "w1_a [out, rank], w1_b [rank, in], the same of w2; with t1 and t2 [rank, out] and [rank, in]"
        )
    rank, outputs, inputs, kernel = found
    return (rank, inputs, *kernel), (outputs, rank, *(1 for _ in kernel)), not kernel


_HALVES: tuple[tuple[Role, Role, Role], ...] = (
    ("hada_w1_a", "hada_w1_b", "hada_t1"),
    ("hada_w2_a", "hada_w2_b", "hada_t2"),
)


def _lokr_sides(shape: Callable[[Role], Shape]) -> tuple[Shape, Shape, bool, bool]:
    """As sides_of. The rank is that of w2's product, else of w1's, and none where both are whole (LyCORIS, ComfyUI)."""
    first = _whole_or_product(shape("lokr_w1"), shape("lokr_w1_a"), shape("lokr_w1_b"), ())
    second = _whole_or_product(shape("lokr_w2"), shape("lokr_w2_a"), shape("lokr_w2_b"), shape("lokr_t2"))
    if first is None or second is None or first[3]:
        raise WrongShapes(
            "w1 [a, c] or w1_a [a, rank] and w1_b [rank, c]; w2 [b, d] or w2_a [b, rank] and w2_b [rank, d], "
            "with t2 [rank, b] and [rank, d]"
        )
    outputs, inputs, kernel = first[1] * second[1], first[2] * second[2], second[3]
    rank = second[0] or first[0]
    highest = min(first[1], first[2]) * min(second[1], second[2] * math.prod(kernel))
    inner = rank or highest
    down, up = (inner, inputs, *kernel), (outputs, inner, *(1 for _ in kernel))
    return down, up, not kernel, bool(rank)


def _full_sides(shape: Callable[[Role], Shape]) -> tuple[Shape, Shape]:
    diff = shape("diff")
    if len(diff) not in (2, 4) or not all(diff):
        raise WrongShapes("a difference [out, in], with a kernel on convolutions")
    outputs, inputs, *kernel = diff
    rank = min(outputs, inputs * math.prod(kernel))
    return (rank, inputs, *kernel), (outputs, rank, *(1 for _ in kernel))


def _whole_or_product(whole: Shape, a: Shape, b: Shape, core: Shape) -> tuple[int, int, int, Shape] | None:
    """Return rank (0 for a whole matrix), rows, columns and kernel of one side of a LoKr, None where its tensors do not fit."""
    if not whole:
        return _product_sides(a, b, core)
    if a or b or core or len(whole) not in (2, 4) or not all(whole):
        return None
    return 0, whole[0], whole[1], whole[2:]


def _product_sides(a: Shape, b: Shape, core: Shape) -> tuple[int, int, int, Shape] | None:
    """Return rank, rows, columns and kernel of a · b, or of aᵀ · core · b; None where they do not fit together.

    Args:
        a: [rows, rank]; with a core [rank, rows].
        b: [rank, columns], with a kernel where LyCORIS' functions wrote it so; with a core [rank, columns].
        core: [rank, rank, k, k], () for none.
    """
    if len(a) != 2 or len(b) not in (2, 4) or not all((*a, *b)):
        return None
    if not core:
        return (b[0], a[0], b[1], b[2:]) if a[1] == b[0] else None
    fits = len(core) == 4 and len(b) == 2 and core[:2] == (a[0], b[0]) and all(core)
    return (b[0], a[1], b[1], core[2:]) if fits else None
