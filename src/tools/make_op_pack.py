"""Makes op_pack.pt and packed_linear.pt: the operations that DJL's binding of libtorch lacks, as TorchScript modules.

Run with any PyTorch from 2.1 on, for x86 with oneDNN:  python make_op_pack.py ../main/resources/dev/prenoise/tensor
Every argument is a tensor (that is what the binding passes); counts and epsilons are 0-d CPU tensors.
Everything is differentiable and works on every device and floating type. Only operators that libtorch 2.1 has already are named, not
the Python functions around them, whose compiled bodies may name newer ones.
"""
import io
import sys
import zipfile

import torch
import torch.nn.functional as F
from torch import Tensor


class OpPack(torch.nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x

    @torch.jit.export
    def silu(self, x: Tensor) -> Tensor:
        return torch.ops.aten.silu(x)

    @torch.jit.export
    def quick_gelu(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(1.702 * x)

    @torch.jit.export
    def gelu_tanh(self, x: Tensor) -> Tensor:
        return torch.ops.aten.gelu(x, approximate="tanh")

    @torch.jit.export
    def log_softmax(self, x: Tensor) -> Tensor:
        return torch.log_softmax(x, dim=-1)

    @torch.jit.export
    def l2_normalize(self, x: Tensor) -> Tensor:
        """along the last dimension"""
        return x / torch.sqrt((x * x).sum(dim=-1, keepdim=True))

    @torch.jit.export
    def resize_bilinear(self, x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """antialiased"""
        return torch.ops.aten._upsample_bilinear2d_aa(x, [int(rows), int(columns)], False, None)

    @torch.jit.export
    def resize_bicubic(self, x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """antialiased"""
        return torch.ops.aten._upsample_bicubic2d_aa(x, [int(rows), int(columns)], False, None)

    @torch.jit.export
    def adamw(self, p: Tensor, g: Tensor, m: Tensor, v: Tensor, settings: Tensor) -> Tensor:
        """One step in place, on p, m and v; settings: rate, beta1, beta2, eps, weight decay, step from 1. Call without gradient."""
        rate, beta1, beta2 = float(settings[0]), float(settings[1]), float(settings[2])
        eps, decay, step = float(settings[3]), float(settings[4]), float(settings[5])
        p.mul_(1 - rate * decay)
        m.mul_(beta1).add_(g, alpha=1 - beta1)
        v.mul_(beta2).addcmul_(g, g, value=1 - beta2)
        root = (v / (1 - beta2**step)).sqrt_().add_(eps)
        p.addcdiv_(m, root, value=-rate / (1 - beta1**step))
        return p

    @torch.jit.export
    def cast_like(self, x: Tensor, like: Tensor) -> Tensor:
        return x.to(device=like.device, dtype=like.dtype)

    @torch.jit.export
    def to_bfloat16(self, x: Tensor) -> Tensor:
        """asked for this type, the binding ends the process"""
        return x.to(dtype=torch.bfloat16)

    @torch.jit.export
    def group_norm(self, x: Tensor, weight: Tensor, bias: Tensor, groups: Tensor, eps: Tensor) -> Tensor:
        return torch.group_norm(x, int(groups), weight, bias, float(eps))

    @torch.jit.export
    def group_norm_silu(self, x: Tensor, weight: Tensor, bias: Tensor, groups: Tensor, eps: Tensor) -> Tensor:
        return torch.ops.aten.silu(torch.group_norm(x, int(groups), weight, bias, float(eps)))

    @torch.jit.export
    def geglu(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        value, gate = F.linear(x, weight, bias).chunk(2, dim=-1)
        return value * F.gelu(gate)

    @torch.jit.export
    def upsample_nearest(self, x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        return torch.ops.aten.upsample_nearest2d(x, [int(rows), int(columns)], None, None)

    @torch.jit.export
    def pad_bottom_right(self, x: Tensor) -> Tensor:
        return torch.constant_pad_nd(x, [0, 1, 0, 1])

    def split(self, x: Tensor, heads: int) -> Tensor:
        """[B, N, heads * D] -> [B, heads, N, D]"""
        return x.view(x.size(0), x.size(1), heads, -1).transpose(1, 2)

    @torch.jit.export
    def attention(self, q: Tensor, k: Tensor, v: Tensor, heads: Tensor) -> Tensor:
        """[B, P, C], [B, T, C], [B, T, C] -> [B, P, C], probabilities never built"""
        h = int(heads)
        out = F.scaled_dot_product_attention(self.split(q, h), self.split(k, h), self.split(v, h))
        return out.transpose(1, 2).reshape(q.size(0), q.size(1), -1)

    @torch.jit.export
    def causal_attention(self, q: Tensor, k: Tensor, v: Tensor, heads: Tensor) -> Tensor:
        h = int(heads)
        out = F.scaled_dot_product_attention(self.split(q, h), self.split(k, h), self.split(v, h), is_causal=True)
        return out.transpose(1, 2).reshape(q.size(0), q.size(1), -1)

    def probabilities(self, q: Tensor, k: Tensor, heads: int) -> Tensor:
        """[B, heads, P, T], softmaxed over T, in float32 or wider: products of Stable Diffusion 2's queries and keys overflow float16"""
        q4 = self.split(q, heads)
        k4 = self.split(k, heads)
        if q4.dtype == torch.float16 or q4.dtype == torch.bfloat16:
            q4 = q4.to(torch.float32)
            k4 = k4.to(torch.float32)
        scores = torch.matmul(q4 * (q4.size(3) ** -0.5), k4.transpose(2, 3))
        return torch.softmax(scores, dim=-1)

    @torch.jit.export
    def attention_maps(self, q: Tensor, k: Tensor, heads: Tensor) -> Tensor:
        """[B, P, T]: probabilities summed over heads, in float32 or wider"""
        return self.probabilities(q, k, int(heads)).sum(1)

    @torch.jit.export
    def attention_with_maps(self, q: Tensor, k: Tensor, v: Tensor, heads: Tensor) -> tuple[Tensor, Tensor]:
        h = int(heads)
        p = self.probabilities(q, k, h)
        out = torch.matmul(p.to(v.dtype), self.split(v, h)).transpose(1, 2).reshape(q.size(0), q.size(1), -1)
        return out, p.sum(1)


class PackedLinear(torch.nn.Module):
    """Linear layers by oneDNN on a CPU, in float32 and without gradient; a module of its own, since not every libtorch has them."""

    def forward(self, x: Tensor) -> Tensor:
        return x

    @torch.jit.export
    def pack(self, weight: Tensor, rows: Tensor) -> Tensor:
        """[out, in] to an opaque tensor, laid out for about so many rows"""
        return torch.ops.mkldnn._reorder_linear_weight(weight, int(rows))

    @torch.jit.export
    def linear(self, x: Tensor, packed: Tensor) -> Tensor:
        return torch.ops.mkldnn._linear_pointwise(x, packed, None, "none", [], "")

    @torch.jit.export
    def linear_bias(self, x: Tensor, packed: Tensor, bias: Tensor) -> Tensor:
        return torch.ops.mkldnn._linear_pointwise(x, packed, bias, "none", [], "")


def write(module: torch.nn.Module, path: str) -> None:
    """without debug records, which hold the path of this script on the machine that ran it"""
    scripted = io.BytesIO()
    torch.jit.save(torch.jit.script(module.eval()), scripted)
    with zipfile.ZipFile(scripted) as full, zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as pack:
        for name in full.namelist():
            if not name.endswith(".debug_pkl"):
                pack.writestr(zipfile.ZipInfo(name), full.read(name))


if __name__ == "__main__":
    write(OpPack(), f"{sys.argv[1]}/op_pack.pt")
    write(PackedLinear(), f"{sys.argv[1]}/packed_linear.pt")
