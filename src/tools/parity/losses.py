"""The published attention losses at the first sampling step, written anew in torch for maps of any grid, in any precision.

Check it against the numbers of the authors' own functions:  python losses.py ../../test/resources/attention/*.npz
"""
import json
import sys
from collections import deque

import numpy as np
import torch
import torch.nn.functional as F

GATE = 0.5


def smooth(maps):
    """[N, R, C]: 3 x 3 weights proportional to exp(-dy^2 - dx^2), reflected at the edge."""
    side = torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float32)
    line = torch.exp(-(side**2))
    kernel = (line[:, None] * line[None, :] / line.sum() ** 2).to(maps)
    return F.conv2d(F.pad(maps[:, None], (1, 1, 1, 1), mode="reflect"), kernel[None, None])[:, 0]


def token_maps(cross, rows, columns, tokens):
    """Of the x100 softmax over all columns but the first and the last; [N, R, C], smoothed."""
    shares = torch.softmax(100 * cross[:, 1:-1], dim=-1)
    return smooth(torch.stack([shares[:, t - 1].reshape(rows, columns) for t in tokens]))


def otsu_mask(a):
    v = torch.floor(255 * a.detach()).long().flatten().numpy()
    counts = np.bincount(v, minlength=256).astype(np.float64) / v.size
    levels, mean, best, threshold = np.arange(256), float((counts * np.arange(256)).sum()), 0.0, 0
    below, weighted = 0.0, 0.0
    for t in range(256):
        below, weighted = below + counts[t], weighted + levels[t] * counts[t]
        if min(below, 1 - below) < 1.19e-7:
            continue
        score = below * (1 - below) * (weighted / below - (mean - weighted) / (1 - below)) ** 2
        if score > best:
            best, threshold = score, t
    return (a.detach() >= threshold / 255).numpy()


def clean_term(maps):
    total = 0
    for a in maps:
        mask = otsu_mask(a)
        start = divmod(int(a.detach().argmax()), a.shape[1])
        component = np.zeros_like(mask)
        todo = deque([start] if mask[start] else [])
        while todo:
            y, x = todo.popleft()
            if 0 <= y < mask.shape[0] and 0 <= x < mask.shape[1] and mask[y, x] and not component[y, x]:
                component[y, x] = True
                todo.extend([(y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)])
        inside = torch.from_numpy(component)
        background = (a * (~inside).to(a)).max()
        total = total + (background if background > a[inside].min() else 0 * background)
    return total


def cross_response(maps, top):
    flat = maps.flatten(1)
    return (1 - flat.topk(min(top, flat.shape[1]), dim=1).values.mean(dim=1)).clamp(min=0).max()


def smoothed_rows(self_map, weights, rows, columns):
    """Self-attention of weighted queries: [N, P] x [P, P] to [N, R, C]."""
    return smooth((weights @ self_map).reshape(-1, rows, columns))


def initno(cross, self_map, rows, columns, groups):
    maps = token_maps(cross, rows, columns, [g[-1] for g in groups])
    peaks = F.one_hot(maps.flatten(1).argmax(dim=1), rows * columns).to(maps)
    s = smoothed_rows(self_map, peaks, rows, columns)
    pairs = [(i, j) for i in range(len(s)) for j in range(i + 1, len(s))]
    conflict = sum(torch.minimum(s[i], s[j]).sum() / ((s[i] + s[j]).sum() + 1e-6) for i, j in pairs) / len(pairs)
    response, clean = cross_response(maps, 1), clean_term(maps)
    gated = conflict if response <= GATE else 0 * conflict
    return {"cross": response, "self": conflict, "clean": clean, "joint": response + gated + clean,
            "ranking": response + conflict}


def self_cross(cross, self_map, rows, columns, groups):
    maps = token_maps(cross, rows, columns, [g[-1] for g in groups])
    masks = torch.stack([torch.from_numpy(otsu_mask(a)) for a in maps]).to(maps)
    g = smoothed_rows(self_map, (maps * masks).flatten(1), rows, columns)
    g = g / g.sum(dim=(1, 2), keepdim=True)
    normal = maps / maps.sum(dim=(1, 2), keepdim=True)
    pairs = [(i, j) for i in range(len(g)) for j in range(len(g)) if i != j]

    def conflict(b):
        return sum(torch.minimum(g[j], b[i]).sum() for i, j in pairs) / len(pairs)

    published, ranked = conflict(normal if rows > 16 else maps), conflict(normal)
    response, clean = cross_response(maps, 16), clean_term(maps)
    gated = published if response <= GATE else 0 * published
    return {"cross": response, "self_cross": gated, "clean": clean, "joint": response + gated + clean,
            "ranking": response + ranked}


def conform(cross, rows, columns, groups, own_previous):
    """NT-Xent of temperature 0.5 over the smoothed raw maps, every ordered pair of one class a term."""
    tokens = [t for g in groups for t in g]
    classes = [i for i, g in enumerate(groups) for _ in g]
    units = F.normalize(smooth(torch.stack([cross[:, t].reshape(rows, columns) for t in tokens])).flatten(1), dim=1)
    if own_previous:
        units, classes = torch.cat([units, units.detach()]), classes * 2
    similar = torch.exp(units @ units.T / 0.5)
    terms = []
    for a, own in enumerate(classes):
        others = sum(similar[a, n] for n, other in enumerate(classes) if other != own)
        terms += [-torch.log(similar[a, p] / (similar[a, p] + others))
                  for p, other in enumerate(classes) if p != a and other == own]
    return sum(terms) / len(terms)


def attend_and_excite(cross, rows, columns, groups):
    return cross_response(token_maps(cross, rows, columns, [g[-1] for g in groups]), 1)


def all_losses(cross, self_map, rows, columns, groups):
    """Every loss that has a golden, by name; InitNO's and Self-Cross's terms beside them."""
    initial, conflict = initno(cross, self_map, rows, columns, groups), self_cross(cross, self_map, rows, columns, groups)
    losses = {
        "initno": initial["joint"],
        "initno.ranking": initial["ranking"],
        "self-cross": conflict["joint"],
        "self-cross.ranking": conflict["ranking"],
        "conform": conform(cross, rows, columns, groups, False),
        "conform.ranking": conform(cross, rows, columns, groups, True),
        "attend-and-excite": attend_and_excite(cross, rows, columns, groups),
    }
    terms = {f"initno.{k}": v for k, v in initial.items() if k not in ("joint", "ranking")}
    terms |= {f"self-cross.{k}": v for k, v in conflict.items() if k not in ("joint", "ranking")}
    return losses, terms


def check(path):
    """The authors' numbers: InitNO's passed through float32, the others are exact."""
    golden = np.load(path)
    meta = json.loads(bytes(golden["meta"]))
    cross = torch.from_numpy(golden["cross"]).flatten(0, 1).requires_grad_()
    self_map = torch.from_numpy(golden["self"]).flatten(0, 1).requires_grad_()
    rows = columns = meta["R"]
    nouns = [[i] for i in meta["idx"]]
    published = {
        "initno": (initno(cross, self_map, rows, columns, nouns)["joint"], "initno.joint", 5e-6),
        "sc": (self_cross(cross, self_map, rows, columns, nouns)["joint"], "sc.joint", 1e-6),
        "ae": (attend_and_excite(cross, rows, columns, nouns), "ae.loss", 1e-6),
        "conform_t0.5.selfprev": (conform(cross, rows, columns, meta["groups"], True), "conform_t0.5.selfprev.loss", 1e-6),
    }
    if max(map(len, meta["groups"])) > 1:
        published["conform_t0.5.noprev"] = (
            conform(cross, rows, columns, meta["groups"], False), "conform_t0.5.noprev.loss", 1e-6)
    for tag, (loss, scalar, tolerance) in published.items():
        apart = abs(loss.item() - meta["scalars"][scalar])
        gradients = torch.autograd.grad(loss, [cross, self_map], retain_graph=True, allow_unused=True)
        for name, gradient in zip(("dcross", "dself"), gradients):
            if f"{tag}.{name}" in golden:
                expected = torch.from_numpy(golden[f"{tag}.{name}"]).double().reshape(gradient.shape)
                worst = (gradient - expected).abs().max() / expected.abs().max().clamp(min=1e-30)
                assert worst < 2e-6, (path, tag, name, worst)
        assert apart < tolerance, (path, tag, apart)
        print(f"{path}: {tag}: {loss.item():.8f}, {apart:.1e} from the authors'")


if __name__ == "__main__":
    for file in sys.argv[1:]:
        check(file)
