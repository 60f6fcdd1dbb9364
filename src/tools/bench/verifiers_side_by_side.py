"""Pictures scored per second, ours and transformers', in alternating rounds A B A B ... of one run.

    python verifiers_side_by_side.py [--rounds 5] [--shape clip-b32] [--shape clip-l14] [--batch 1] [--batch 8] [--ours ./prenoise]
    python verifiers_side_by_side.py --write FOLDER [--shape clip-b32]      writes the models, with a tokenizer of letters, and no more

Needs torch, transformers, safetensors, numpy and pillow. Writes CLIPs of the published shapes with random weights to a temporary folder
(0.6 GB for ViT-B/32, 1.7 GB for ViT-L/14), which both sides read. A piece of work is a batch of decoded pictures of 512 x 512: resized,
cropped, normalised, embedded, compared with a text that was embedded before. Ours is `bench --verifier`, one process; theirs is
CLIPImageProcessor on Pillow and CLIPModel.get_image_features in float32 under inference mode, another process. Both may use as many
threads as there are processors, and neither lets idle ones spin (OMP_WAIT_POLICY=PASSIVE), which on a busy machine would count against
the one that does. The first round is a warm-up. Processor time (user and system) is of the whole process, so that other work on
the machine counts less. Linux only.
"""
import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SIDE = 512
PROMPT = "a red cat and a blue dog"
TICKS = os.sysconf("SC_CLK_TCK")
SHAPES = {
    "clip-b32": ("clip-vit-base-patch32", dict(
        projection_dim=512, text_config=dict(hidden_size=512, intermediate_size=2048, num_attention_heads=8, num_hidden_layers=12),
        vision_config=dict(hidden_size=768, intermediate_size=3072, num_attention_heads=12, num_hidden_layers=12, patch_size=32))),
    "clip-l14": ("clip-vit-large-patch14", dict(
        projection_dim=768, text_config=dict(hidden_size=768, intermediate_size=3072, num_attention_heads=12, num_hidden_layers=12),
        vision_config=dict(hidden_size=1024, intermediate_size=4096, num_attention_heads=16, num_hidden_layers=24, patch_size=14))),
}


def picture(index):
    """As the product's VerifierBenchmark draws it."""
    import numpy as np
    from PIL import Image

    y, x, c = np.meshgrid(np.arange(SIDE), np.arange(SIDE), np.arange(3), indexing="ij")
    return Image.fromarray((x * (1 + index) + y * (3 + 2 * c) + c * 70 + x * y // 90 & 255).astype(np.uint8))


def vocabulary():
    """CLIP's tokenizer without a single merge: letters are words enough here."""
    plain = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    letters = [chr(b) for b in plain] + [chr(256 + n) for n in range(256 - len(plain))]
    tokens = letters + [letter + "</w>" for letter in letters]
    return {t: i for i, t in enumerate(tokens)} | {"<|startoftext|>": 49406, "<|endoftext|>": 49407}


def unit(features):
    return features.pooler_output / features.pooler_output.norm(dim=-1, keepdim=True)


def text_features(model):
    from transformers import CLIPTokenizer

    tokenizer = CLIPTokenizer(vocab=vocabulary(), merges=[])
    return model.get_text_features(**tokenizer([PROMPT], padding="max_length", truncation=True, max_length=77, return_tensors="pt"))


def pictures_features(model, pictures):
    from transformers.models.clip import CLIPImageProcessorPil

    return model.get_image_features(**CLIPImageProcessorPil()(pictures, return_tensors="pt"))


def publish(folder, shape):
    import torch
    from transformers import CLIPConfig, CLIPModel

    place, spec = SHAPES[shape]
    target = Path(folder) / place
    torch.manual_seed(0)
    model = CLIPModel(CLIPConfig(**spec)).eval()
    with torch.inference_mode():
        cosine = (unit(pictures_features(model, [picture(0)])) @ unit(text_features(model)).T).item()
        # below 0 every score is 0, and would not show a difference
        model.text_projection.weight *= 1 if cosine > 0 else -1
    model.save_pretrained(target)
    (target / "vocab.json").write_text(json.dumps(vocabulary()))
    (target / "merges.txt").write_text("#version: 0.2\n")
    return target


def serve(folder, batch):
    """Their side: answers each line of the standard input with a line of JSON."""
    import torch
    from transformers import CLIPModel

    model = CLIPModel.from_pretrained(folder, attn_implementation="sdpa").eval()
    pictures = [picture(i) for i in range(batch)]
    with torch.inference_mode():
        text = unit(text_features(model))
        print(json.dumps({"ready": True}), flush=True)
        for _ in sys.stdin:
            cosines = (unit(pictures_features(model, pictures)) @ text.T)[:, 0]
            print(json.dumps({"scores": (2.5 * cosines.clamp(min=0)).tolist()}), flush=True)


class Side:
    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                        env=os.environ | {"OMP_WAIT_POLICY": "PASSIVE"})
        self.walls, self.busy, self.scores = [], [], []
        self.read("ready")

    def read(self, key):
        for line in self.process.stdout:
            if line.startswith("{") and key in (answer := json.loads(line)):
                return answer[key]
        sys.exit(f"{self.process.args}: ended without an answer (expected: a JSON line with \"{key}\")")

    def processor_seconds(self):
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def turn(self):
        busy, start = self.processor_seconds(), time.perf_counter()
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        self.scores = self.read("scores")
        self.walls.append(time.perf_counter() - start)
        self.busy.append(self.processor_seconds() - busy)

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


def spread(values):
    return f"{statistics.median(values):.2f} [{min(values):.2f}, {max(values):.2f}]"


def measure(ours, folder, model, shape, batch, rounds):
    sides = [Side(shlex.split(ours) + ["bench", "--device", "cpu", "--verifiers", folder, "--verifier", shape, "--batch", str(batch)]),
             Side([sys.executable, __file__, "--serve", str(model), "--batch", str(batch)])]
    for _ in range(rounds + 1):
        for side in sides:
            side.turn()
    for side in sides:
        side.stop()
    a, b = sides
    difference = max(abs(x - y) for x, y in zip(a.scores, b.scores))
    print(f"{shape}, batch {batch}, {rounds} rounds, load {os.getloadavg()[0]:.1f}: pictures per second "
          f"ours {batch / statistics.median(a.walls[1:]):.2f}, theirs {batch / statistics.median(b.walls[1:]):.2f}; "
          f"theirs / ours: time {spread([y / x for x, y in zip(a.walls[1:], b.walls[1:])])}, "
          f"processor time {spread([y / x for x, y in zip(a.busy[1:], b.busy[1:])])}; "
          f"largest difference of the scores {difference:.1e}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--shape", action="append", choices=SHAPES)
    parser.add_argument("--batch", action="append", type=int)
    parser.add_argument("--ours", default="./prenoise")
    parser.add_argument("--write")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve, arguments.batch[0])
        return
    if arguments.write:
        for shape in arguments.shape or ["clip-b32"]:
            print(publish(arguments.write, shape))
        return
    with tempfile.TemporaryDirectory() as folder:
        for shape in arguments.shape or SHAPES:
            model = publish(folder, shape)
            for batch in arguments.batch or (1, 8):
                measure(arguments.ours, folder, model, shape, batch, arguments.rounds)


if __name__ == "__main__":
    main()
