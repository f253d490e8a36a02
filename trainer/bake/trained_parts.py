"""The parts that train: a part stops when its setting says so; a roll back to before that lets it train again."""

from typing import TYPE_CHECKING, Any

from trainer.bake.averaged_weights import settle_averages
from trainer.network.injection import LoraNetwork
from trainer.plan.plan import Plan
from trainer.settings.model import Settings
from trainer.settings.parts import Part, is_encoder

if TYPE_CHECKING:
    from trainer.bake.text_embeddings import TextEmbeddings


class TrainedParts:
    """The parts that train, and what stopping one does: its LoRA stays in force, its gradients and the optimizer's state of it go.

    Args:
        network: the LoRA.
        optimizer: accelerate's wrapper, with groups from make_optimizer.
        texts: gets to know which encoders rest.
    """

    def __init__(self, network: LoraNetwork, optimizer: Any, texts: "TextEmbeddings") -> None:
        self._network = network
        self._inner = getattr(optimizer, "optimizer", optimizer)
        self._texts = texts
        # Kept for a roll back, with everything the optimizer said of the group.
        self._groups: list[dict[str, Any]] = list(self._inner.param_groups)
        self._order: tuple[Part, ...] = tuple(dict.fromkeys(group["part"] for group in self._groups))

    @property
    def initial(self) -> tuple[Part, ...]:
        """The parts that the bake began with."""
        return self._order

    @property
    def parts(self) -> set[Part]:
        """The parts that train now."""
        return {group["part"] for group in self._inner.param_groups}

    @property
    def groups(self) -> list[dict[str, Any]]:
        """Every group the bake began with, those at rest included."""
        return self._groups

    def update(self, settings: Settings, plan: Plan, step: int) -> list[Part]:
        """Let those parts train that do after `step` steps; return the parts that stopped by this call.

        Args:
            settings: in force.
            plan: of the bake.
            step: optimizer steps done.
        """
        wanted = {part for part in self._order if not has_stopped(settings, plan, part, step)}
        before = self.parts
        for part in self._order:
            if part in before and part not in wanted:
                self._rest(part)
            elif part in wanted and part not in before:
                self._wake(part)
        return [part for part in self._order if part in before - wanted]

    def _rest(self, part: Part) -> None:
        settle_averages(self._inner, self._network.parameters(part))
        for weight in self._network.parameters(part):
            weight.requires_grad_(False)
            weight.grad = None
            self._inner.state.pop(weight, None)
        self._set_groups(self.parts - {part})
        if is_encoder(part):
            self._texts.freeze(part)

    def _wake(self, part: Part) -> None:
        for weight in self._network.parameters(part):
            weight.requires_grad_(True)
        self._set_groups(self.parts | {part})
        if is_encoder(part):
            self._texts.unfreeze(part)

    def _set_groups(self, parts: set[Part]) -> None:
        # In place: accelerate and fused optimizers hold the list itself.
        self._inner.param_groups[:] = [group for group in self._groups if group["part"] in parts]


def has_stopped(settings: Settings, plan: Plan, part: Part, step: int) -> bool:
    """Return whether a part trains no more after `step` steps."""
    stop = settings.stop_step(part, total=plan.total_steps, steps_per_epoch=plan.steps_per_epoch)
    return stop is not None and step >= stop
