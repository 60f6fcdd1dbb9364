"""Writes nv_philox.csv: A1111's "NV" noise as its numpy formula gives it. Needs numpy; see README.md."""
import hashlib
import struct

import numpy as np

MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
WEYL = (np.uint32(0x9E3779B9), np.uint32(0xBB67AE85))
SCALE = np.float32(2.3283064e-10)
TWO_PI_SCALE = np.float32(2.3283064e-10 * 6.2831855)


def split(words):
    """uint64 -> (low, high) as uint32."""
    return (words & np.uint64(0xFFFFFFFF)).astype(np.uint32), (words >> np.uint64(32)).astype(np.uint32)


def philox(seed, n, offset=0):
    """Words 0 and 1 of Philox 4x32-10 at the counters (offset, 0, i, 0), i < n."""
    c = [np.full(n, offset, np.uint32), np.zeros(n, np.uint32), np.arange(n, dtype=np.uint32), np.zeros(n, np.uint32)]
    k = list(split(np.array([seed % 2**64], np.uint64)))
    for _ in range(10):
        low0, high0 = split(c[0].astype(np.uint64) * MULTIPLIERS[0])
        low1, high1 = split(c[2].astype(np.uint64) * MULTIPLIERS[1])
        c = [high1 ^ c[1] ^ k[0], low1, high0 ^ c[3] ^ k[1], low0]
        k = [k[0] + WEYL[0], k[1] + WEYL[1]]
    return c[0], c[1]


def randn(seed, shape):
    x, y = philox(seed, int(np.prod(shape)))
    # The scales are float32, but a uint32 array times a float32 array is float64.
    u = x * np.array([SCALE]) + np.array([SCALE]) / 2
    angle = y * np.array([TWO_PI_SCALE]) + np.array([TWO_PI_SCALE]) / 2
    assert u.dtype == angle.dtype == np.float64
    return (np.sqrt(-2.0 * np.log(u)) * np.sin(angle)).astype(np.float32).reshape(shape)


SEEDS = [0, 1, 42, 1234567890, 2**32 - 1, 2**32, 2**32 + 42, 2**63 - 1, 2**63, 2**64 - 1]
SHAPES = [(1,), (7,), (16,), (1, 4, 8, 8), (1, 4, 61, 83), (1, 4, 64, 64)]

if __name__ == "__main__":
    with open("nv_philox.csv", "w", newline="\n") as out:
        out.write("seed,shape,sha256,first,last\n")
        for seed in SEEDS:
            for shape in SHAPES:
                noise = randn(seed, shape)
                ends = ",".join(struct.pack(">f", noise.flat[i]).hex() for i in (0, -1))
                out.write(f"{seed},{'x'.join(map(str, shape))},{hashlib.sha256(noise.tobytes()).hexdigest()},{ends}\n")
