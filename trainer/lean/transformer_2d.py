"""A U-Net attention block that turns pictures into tokens and back without copying them to another layout."""

from typing import Any

from diffusers.models.transformers import transformer_2d
from torch import Tensor


class Transformer2DModel(transformer_2d.Transformer2DModel):  # type: ignore[misc]  # diffusers is untyped
    """diffusers' class under its own name, by which kohya's targets are found; where pictures lie channels last nothing is copied."""

    def _get_output_for_continuous_inputs(
        self, hidden_states: Tensor, residual: Tensor, batch_size: int, height: int, width: int, inner_dim: int
    ) -> Any:
        """Return the picture of the blocks' tokens, added to what came in.

        diffusers turns the tokens into the plain layout first, which the projection and the addition turn back.
        """
        if self.use_linear_projection:
            hidden_states = self.proj_out(hidden_states)
        picture = hidden_states.view(batch_size, height, width, -1).permute(0, 3, 1, 2)
        if not self.use_linear_projection:
            picture = self.proj_out(picture)
        return picture + residual
