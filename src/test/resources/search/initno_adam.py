"""Iterates of InitNO's optimiser by torch: Adam on log variance and mean, KL projection with shared moments.

python initno_adam.py > initno_adam.json        (torch 2.13, CPU, float64)
The loss is sum(w * sin(3 z' + w)), whose gradient with respect to z' is 3 w cos(3 z' + w).
"""

import json

import torch


def run(z, w, counts):
    log_var = torch.zeros_like(z, requires_grad=True)
    mu = torch.zeros_like(z, requires_grad=True)
    adam = torch.optim.Adam([log_var, mu], lr=1e-2, eps=1e-3)
    iterates, kl_steps = {}, []
    for step in range(1, max(counts) + 1):
        candidate = z * torch.exp(log_var / 2) + mu
        adam.zero_grad()
        (w * torch.sin(3 * candidate + w)).sum().backward()
        adam.step()
        kl_steps.append(0)
        while True:
            kl = 0.5 * (mu**2 + log_var.exp() - 1 - log_var).mean()
            if kl <= 1e-3:
                break
            adam.zero_grad()
            kl.backward()
            adam.step()
            kl_steps[-1] += 1
        if step in counts:
            iterates[step] = (z * torch.exp(log_var / 2) + mu).detach().flatten().tolist()
    return iterates, kl_steps


cases = []
for name, size, scale in (("small", 48, 1.0), ("flat", 48, 1e-3), ("long projection", 192, 0.05)):
    torch.manual_seed(len(cases))
    z = torch.randn(size).double()
    w = (torch.randn(size) * scale).double()
    iterates, kl_steps = run(z, w, (1, 2, 3, 10))
    cases.append({"name": name, "z": z.tolist(), "w": w.tolist(), "iterates": iterates, "kl_steps": kl_steps})
print(json.dumps(cases))
