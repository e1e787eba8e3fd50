"""A LoRA adapter that trains fast on a CPU, in the file format of peft.

Each step adds the adapter to the base's weight (W + s B A) and multiplies once, where peft multiplies three times.
The gradients are those of peft without dropout; a test compares them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from peft import LoraConfig
from safetensors.torch import save_file
from torch import Tensor, nn

LINEARS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


class _MergedProduct(torch.autograd.Function):  # type: ignore[misc]
    """x -> x (W + s B A)^T with gradients for x, A and B. W is frozen."""

    @staticmethod
    def forward(
        ctx: torch.autograd.function.FunctionCtx, x: Tensor, weight: Tensor, a: Tensor, b: Tensor, scale: float
    ) -> Tensor:
        merged = torch.addmm(weight, b, a, alpha=scale)
        ctx.save_for_backward(x, merged, a, b)
        ctx.scale = scale
        return x @ merged.T

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, merged, a, b = ctx.saved_tensors
        scale: float = ctx.scale
        flat, inputs = gradient.reshape(-1, gradient.shape[-1]), x.reshape(-1, x.shape[-1])
        for_x = (flat @ merged).view_as(x) if ctx.needs_input_grad[0] else None
        for_a = scale * ((flat @ b).T @ inputs)
        for_b = scale * (flat.T @ (inputs @ a.T))
        return for_x, None, for_a, for_b, None


class AdaptedLinear(nn.Module):  # type: ignore[misc]
    """A frozen linear layer with an adapter of low rank. `b` starts at zero, so training starts from the base."""

    def __init__(self, linear: nn.Linear, rank: int, alpha: float) -> None:
        super().__init__()
        self.weight, self.bias, self.scale = linear.weight, linear.bias, alpha / rank
        factory = {"device": linear.weight.device, "dtype": linear.weight.dtype}
        self.a = nn.Parameter(torch.empty(rank, linear.in_features, **factory))
        self.b = nn.Parameter(torch.zeros(linear.out_features, rank, **factory))
        nn.init.kaiming_uniform_(self.a, a=5**0.5)

    def forward(self, x: Tensor) -> Tensor:
        product: Tensor = _MergedProduct.apply(x, self.weight, self.a, self.b, self.scale)
        return product if self.bias is None else product + self.bias


@dataclass(frozen=True, slots=True)
class AdapterShape:
    """Rank and alpha of the adapter, and on how many of the top layers it is."""

    rank: int
    alpha: int
    layers: int


def attach(model: nn.Module, shape: AdapterShape) -> list[int]:
    """Freeze the model and put an adapter on every linear layer of its top layers. Returns the numbers of these layers.

    Raises SystemExit if the model has no such layers, or fewer than `shape.layers`.
    """
    model.requires_grad_(False)
    stack = model.get_decoder().layers
    if not 1 <= shape.layers <= len(stack):
        raise SystemExit(f"the base has {len(stack)} layers: an adapter on the top {shape.layers} is impossible")
    numbers = list(range(len(stack) - shape.layers, len(stack)))
    for number in numbers:
        targets = [
            (parent, name, child)
            for parent in stack[number].modules()
            for name, child in parent.named_children()
            if name in LINEARS and isinstance(child, nn.Linear)
        ]
        if not targets:
            raise SystemExit(f"layer {number} of the base has none of the linear layers {', '.join(LINEARS)}")
        for parent, name, child in targets:
            setattr(parent, name, AdaptedLinear(child, shape.rank, shape.alpha))
    return numbers


def save(model: nn.Module, shape: AdapterShape, layers: Sequence[int], base: str, out: Path) -> None:
    """Write the adapter in peft's format to `out`, which exists. The base is not copied."""
    tensors = dict(_tensors(model))
    save_file(tensors, out / "adapter_model.safetensors", metadata={"format": "pt"})
    names = {name.split(".")[-3] for name in tensors}
    LoraConfig(
        task_type="CAUSAL_LM",
        r=shape.rank,
        lora_alpha=shape.alpha,
        lora_dropout=0.0,
        target_modules=sorted(names),
        layers_to_transform=list(layers),
        base_model_name_or_path=base,
        inference_mode=True,
    ).save_pretrained(out)


def _tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    for name, module in model.named_modules():
        if isinstance(module, AdaptedLinear):
            for letter, matrix in (("A", module.a), ("B", module.b)):
                yield f"base_model.model.{name}.lora_{letter}.weight", matrix.detach().float().cpu().contiguous()
