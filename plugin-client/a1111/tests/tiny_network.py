"""A small UNet and text encoder for the stand-in hosts, laid out and named as LDM's: attention layers attn1 and attn2 with to_q, to_k and heads."""

from __future__ import annotations

import math
import re
import types
from typing import Any, Dict, List

import torch

TOKENS, WIDTH, HEADS, DIM = 77, 24, 3, 24


class CrossAttention(torch.nn.Module):
    def __init__(self, context: int) -> None:
        super().__init__()
        self.heads = HEADS
        self.to_q = torch.nn.Linear(DIM, DIM, bias=False)
        self.to_k = torch.nn.Linear(context, DIM, bias=False)
        self.to_v = torch.nn.Linear(context, DIM, bias=False)
        self.to_out = torch.nn.Sequential(torch.nn.Linear(DIM, DIM), torch.nn.Dropout(0))

    def forward(self, x: Any, context: Any = None) -> Any:
        context = x if context is None else context
        q, k, v = (part.reshape(*part.shape[:2], HEADS, -1).transpose(1, 2) for part in (self.to_q(x), self.to_k(context), self.to_v(context)))
        out = (q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5).softmax(-1) @ v
        return self.to_out(out.transpose(1, 2).reshape(x.shape))


class Block(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attn1, self.attn2 = CrossAttention(DIM), CrossAttention(WIDTH)
        self.norm1, self.norm2 = torch.nn.LayerNorm(DIM), torch.nn.LayerNorm(DIM)
        self.checkpoint = True  # as LDM's, which computes a block again on the way back, under no_grad on the way there

    def forward(self, x: Any, context: Any) -> Any:
        if self.checkpoint and torch.is_grad_enabled():
            raise AssertionError("recomputed blocks have no graph")
        x = x + self.attn1(self.norm1(x))
        return x + self.attn2(self.norm2(x), context)


class UNet(torch.nn.Module):
    """Two blocks on a grid of one cell for 32 pixels, and one before them on a finer grid, which must not count."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        self.first = torch.nn.Conv2d(4, DIM, 3, stride=2, padding=1)
        self.fine = Block()
        self.down = torch.nn.Conv2d(DIM, DIM, 3, stride=2, padding=1)
        self.blocks = torch.nn.ModuleList([Block(), Block()])
        self.up = torch.nn.ConvTranspose2d(DIM, 4, 4, stride=4)
        for weight in self.parameters():
            weight.data = torch.randn(weight.shape, generator=generator) * (1.5 / math.sqrt(max(1, weight[0].numel() if weight.ndim > 1 else 4)))
            weight.requires_grad_(False)
        self.calls = 0

    def forward(self, x: Any, timesteps: Any = None, context: Any = None) -> Any:
        self.calls += 1
        h = self._through(self.fine, self.first(x), context)
        h = self.down(h)
        for block in self.blocks:
            h = self._through(block, h, context)
        return 0.9 * x + 0.1 * self.up(h)

    def _through(self, block: Any, h: Any, context: Any) -> Any:
        rows = h.flatten(2).transpose(1, 2)
        return block(rows, context).transpose(1, 2).reshape(h.shape)


class Tokenizer:
    def __init__(self) -> None:
        self.words: List[str] = ["<|startoftext|>", "<|endoftext|>"]

    def ids(self, text: str) -> List[int]:
        words = re.findall(r"[a-z]+|[^\sa-z]", re.sub(r"[()\[\]]|:[\d.]+", "", text.lower()))[: TOKENS - 2]
        for word in words:
            if word + "</w>" not in self.words:
                self.words.append(word + "</w>")
        found = [0, *(self.words.index(word + "</w>") for word in words)]
        return found + [1] * (TOKENS - len(found))

    def convert_ids_to_tokens(self, ids: List[int]) -> List[str]:
        return [self.words[one] for one in ids]


class Encoder:
    def __init__(self) -> None:
        self.wrapped = types.SimpleNamespace(tokenizer=Tokenizer())
        self._table: Dict[int, torch.Tensor] = {}

    def process_texts(self, texts: List[str]) -> Any:
        return [[types.SimpleNamespace(tokens=self.wrapped.tokenizer.ids(text))] for text in texts], 0

    def encode(self, text: str) -> torch.Tensor:
        """[TOKENS, WIDTH]: a vector for each word and one for each place."""
        places = torch.randn(TOKENS, WIDTH, generator=torch.Generator().manual_seed(0))
        words = [torch.randn(WIDTH, generator=torch.Generator().manual_seed(100 + one)) for one in self.wrapped.tokenizer.ids(text)]
        return torch.stack(words) + 0.3 * places


class Multicond:
    """The positive conditioning of a batch: for each picture the parts that AND joins."""

    def __init__(self, shape: Any, batch: List[List[torch.Tensor]]) -> None:
        self.shape, self.batch = shape, batch


def decode(model: Any, latents: torch.Tensor, target_device: Any = None, check_for_nans: bool = False) -> List[torch.Tensor]:
    """[3, 64, 64] in -1 to 1 for each."""
    return [torch.tanh(torch.nn.functional.interpolate(one[None, :3], size=(64, 64)))[0] for one in latents]
