"""Writes torch_cpu.csv: torch.randn on the CPU. Needs torch; see README.md."""
import hashlib
import random
import struct

import torch

SEEDS = [0, 1, 42, 2**31, 2**32 - 1, 2**32 + 42, 2**63 - 1, 2**63, 2**64 - 1, -1, -42, -(2**63)]
EVERY_SEED = [(4,), (15,), (16,), (17,), (1, 4, 16, 16), (1, 4, 61, 83)]
OTHERS = [(), (0,), (1, 0, 3)] + [(n,) for n in list(range(1, 49)) + [63, 64, 65, 624, 625, 1000, 4095, 4097]]
OTHERS += [(3, 5, 7), (2, 4, 32, 32), (1, 4, 64, 64), (1, 4, 96, 96), (1, 4, 128, 128), (1, 16, 128, 128), (4, 128, 128), (16, 128, 128)]

if __name__ == "__main__":
    choose = random.Random(0)
    pairs = [(seed, shape) for seed in SEEDS for shape in EVERY_SEED]
    pairs += [(choose.getrandbits(64), shape) for shape in OTHERS]
    pairs += [(choose.getrandbits(64), (choose.randint(16, 9999),)) for _ in range(20)]
    with open("torch_cpu.csv", "w", newline="\n") as out:
        out.write("seed,shape,sha256,first,last\n")
        for seed, shape in pairs:
            torch.manual_seed(seed)
            noise = torch.randn(shape).numpy()
            ends = ",".join(struct.pack(">f", noise.flat[i]).hex() if noise.size else "" for i in (0, -1))
            digest = hashlib.sha256(noise.tobytes()).hexdigest()
            out.write(f"{seed % 2**64},{'x'.join(map(str, shape))},{digest},{ends}\n")
