"""Measures how a study gets faster by workers on one machine: the same study over a NATS queue with 1, 2 and 4 workers, and the ratios.

    python3 study_workers.py --prenoise ./prenoise --workers 1,2,4 --rounds 3

For each count it starts an own nats-server (apt install nats-server), a coordinator that computes nothing, and the workers; it takes the
time between the coordinator's first and last row, when all have long begun, and prints units per second. Rounds alternate between the
counts, so that a machine that gets busier does not favour one. Two kinds of units:

    compute   the built-in model's losses and pictures: the machine's cores limit it
    waits     the same beside a grader at another service that answers after a second: light on the processor, so that ratios tell of the queue

Linux, standard library only.
"""
import argparse
import http.server
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

STUDY = """title: Workers
suites: [{suite: two_objects, prompts: %d}]
backbones: [{id: shapes, steps: 1}]
strategies: [%s]
budgets: [%d]
seeds: 2
metrics: [%s]
"""


class Grader(http.server.BaseHTTPRequestHandler):
    """Answers as a chat service does, after a second."""

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        time.sleep(1)
        grade = {axis: {"reason": "", "score": 5} for axis in (
            "accuracy", "creativity", "quality", "consistency", "resonance", "overall")}
        body = json.dumps({"choices": [{"message": {"content": json.dumps(grade)}}]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def await_port(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"nats-server: nobody at port {port} (expected: it runs, apt install nats-server)")


def rows(path: str) -> int:
    try:
        with open(path, encoding="utf-8") as file:
            return sum(1 for _ in file)
    except FileNotFoundError:
        return 0


def measure(args: argparse.Namespace, kind: str, workers: int, grader: int) -> float:
    """Units per second of one run."""
    strategy, budget, metrics, each = ("conform", 4, "oracle", 4) if kind == "compute" else ("{verifier: llm}", 1, "oracle, llm", 2)
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        url = f"nats://127.0.0.1:{port}"
        # grades are kept in the cache, which therefore is each run's own
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "XDG_CACHE_HOME": f"{folder}/cache", "PATH": os.environ["PATH"] + ":/usr/sbin",
                       "PRENOISE_JAVA_OPTS": "-Dai.djl.pytorch.num_threads=1 " + os.environ.get("PRENOISE_JAVA_OPTS", "")}
        options = [] if kind == "compute" else ["--llm", f"http://127.0.0.1:{grader}/v1", "--llm-model", "second"]
        study = os.path.join(folder, "study.yaml")
        with open(study, "w", encoding="utf-8") as file:
            file.write(STUDY % (args.prompts, strategy, budget, metrics))
        command = [*args.prenoise.split(), "study"]
        begun = []

        def start(*words: str) -> None:
            log = open(os.path.join(folder, f"{len(begun)}.log"), "w", encoding="utf-8")
            begun.append(subprocess.Popen(words, env=environment, stdout=log, stderr=log))

        try:
            start("nats-server", "--jetstream", f"--store_dir={folder}/js", "--addr=127.0.0.1", f"--port={port}")
            await_port(port)
            for _ in range(workers):
                start(*command, "work", "--queue", url, *options)
            start(*command, study, "-o", os.path.join(folder, "out"), "--queue", url, "--no-compute", *options)
            path = os.path.join(folder, "out", "rows.jsonl")
            # the first units of each worker load the model
            skipped = 2 * workers
            while rows(path) < skipped and begun[-1].poll() is None:
                time.sleep(0.02)
            first, begin = rows(path), time.monotonic()
            units = each * args.prompts
            while rows(path) < units and begun[-1].poll() is None:
                time.sleep(0.02)
            seconds = time.monotonic() - begin
            if rows(path) < units:
                with open(os.path.join(folder, f"{len(begun) - 1}.log"), encoding="utf-8") as log:
                    sys.exit(f"the study ended early: {log.read()[-2000:]}")
            return (units - first) / seconds
        finally:
            for process in reversed(begun):
                process.send_signal(signal.SIGKILL)
                process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prenoise", default="./prenoise", help="the program; default: %(default)s")
    parser.add_argument("--workers", default="1,2,4", help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--prompts", type=int, default=60, help="two or four units each; default: %(default)s")
    parser.add_argument("--kinds", default="compute,waits", help="default: %(default)s")
    args = parser.parse_args()
    counts = [int(count) for count in args.workers.split(",")]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Grader)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for kind in args.kinds.split(","):
        speeds = {count: [] for count in counts}
        for _ in range(args.rounds):
            for count in counts:
                speeds[count].append(measure(args, kind, count, server.server_address[1]))
        for count in counts:
            ratios = [mine / base for mine, base in zip(speeds[count], speeds[counts[0]])]
            print(f"{kind:8} {count} workers: {statistics.median(speeds[count]):6.2f} units/s, "
                  f"{statistics.median(ratios):.2f} [{min(ratios):.2f}, {max(ratios):.2f}] times that of {counts[0]}", flush=True)


if __name__ == "__main__":
    main()
