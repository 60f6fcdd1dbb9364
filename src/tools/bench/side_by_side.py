"""Measures two programs that do the same work, in alternating rounds A B A B ..., and prints their ratios.

    python3 side_by_side.py --rounds 5 --job initno --job initno:gradient \\
        --ours './prenoise bench --checkpoint FOLDER --answer {job}' --theirs 'COMMAND {job}'

Each command is started once for each job, with {job} replaced. It reads lines on its standard input; for each it does one piece of
work and answers with one JSON line that has "loss" in it (lines before the first answer that have "ready" in them, and lines that are no
JSON, are passed over). A job LOSS@N asks for N pieces in each line: {job} becomes LOSS and {batch} N, on our side only.

The first round is a warm-up and is not counted. Wall time, processor time (user and system, from /proc) and the largest resident memory
(VmHWM, mapped files included) are of the whole process. Linux only, standard library only.
"""
import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import time

TICKS = os.sysconf("SC_CLK_TCK")


class Side:
    def __init__(self, name, command, loss, batch):
        self.name, self.batch = name, batch
        words = [w.replace("{job}", loss).replace("{batch}", str(batch)) for w in shlex.split(command)]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.rows = []
        self.read("ready")

    def read(self, key):
        for line in self.process.stdout:
            try:
                answer = json.loads(line)
            except ValueError:
                continue
            if isinstance(answer, dict) and key in answer:
                return answer
        sys.exit(f"{self.name}: ended without an answer (expected: a JSON line with \"{key}\")")

    def processor_seconds(self):
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return int(fields[11]) / TICKS, int(fields[12]) / TICKS

    def peak_memory(self):
        for line in open(f"/proc/{self.process.pid}/status"):
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        return 0

    def turn(self):
        user, system = self.processor_seconds()
        start = time.perf_counter()
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        answer = self.read("loss")
        wall = time.perf_counter() - start
        user, system = (b - a for a, b in zip((user, system), self.processor_seconds()))
        self.rows.append({"wall": wall / self.batch, "user": user / self.batch, "system": system / self.batch,
                          "noise": answer.get("noise"), "loss": answer["loss"]})

    def counted(self, key):
        return [row[key] for row in self.rows[1:]]

    def stop(self):
        self.process.stdin.close()
        self.process.stdout.read()
        self.process.wait()


def spread(values):
    return f"{statistics.median(values):.2f} [{min(values):.2f}, {max(values):.2f}]"


def largest_difference(ours, theirs):
    losses = {}
    for row in ours.rows + theirs.rows:
        losses.setdefault(row["noise"], []).append(row["loss"])
    return max(max(values) - min(values) for values in losses.values())


def run(job, arguments):
    loss, _, batch = job.partition("@")
    sides = [Side("ours", arguments.ours, loss, int(batch or 1)), Side("theirs", arguments.theirs, loss, 1)]
    try:
        for _ in range(arguments.rounds + 1):
            for side in sides:
                side.turn()
        memory = [side.peak_memory() for side in sides]
    finally:
        for side in sides:
            side.stop()
    print(f"\n{job}: {arguments.rounds} rounds, load {os.getloadavg()[0]:.1f} at the end; median [least, most]", flush=True)
    for side, peak in zip(sides, memory):
        processor = [u + s for u, s in zip(side.counted("user"), side.counted("system"))]
        print(f"  {side.name:7} {spread(side.counted('wall'))} s, processor {spread(processor)} s "
              f"(system {statistics.median(side.counted('system')):.2f}), peak memory {peak / 1e9:.2f} GB")
    pairs = list(zip(sides[0].rows[1:], sides[1].rows[1:]))
    wall = [b["wall"] / a["wall"] for a, b in pairs]
    processor = [(b["user"] + b["system"]) / (a["user"] + a["system"]) for a, b in pairs]
    print(f"  theirs / ours: time {spread(wall)}, processor time {spread(processor)}; memory ours / theirs {memory[0] / memory[1]:.2f}; "
          f"largest difference of the losses {largest_difference(*sides):.1e}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours", required=True)
    parser.add_argument("--theirs", required=True)
    parser.add_argument("--job", action="append", required=True, dest="jobs")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    for job in arguments.jobs:
        run(job, arguments)


if __name__ == "__main__":
    main()
