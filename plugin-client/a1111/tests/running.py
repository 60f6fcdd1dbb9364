"""A real sidecar for the tests: the one that `run_tests.py` started, or one of their own on a free port, from the jar that the build made."""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Optional

EXTENSION = Path(__file__).resolve().parents[1]
JAR = Path(os.environ.get("PRENOISE_JAR", EXTENSION.parents[1] / "server" / "target" / "prenoise.jar"))
TARGET = os.environ.get("PRENOISE_TEST_TARGET", "")
for folder in (EXTENSION, EXTENSION.parent / "python"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


class RunningSidecar:
    """`prenoise serve`, until `stop` or `kill`."""

    def __init__(self) -> None:
        self._data = tempfile.mkdtemp(prefix="prenoise-a1111-")
        options = ["-Xmx1g", "-XX:+UseSerialGC", "-Dai.djl.offline=true", "-Dai.djl.pytorch.num_threads=1", "-Djava.awt.headless=true"]
        environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE", "OPT_OUT_TRACKING": "true", "DJL_OFFLINE": "true"}
        self._process: "subprocess.Popen[str]" = subprocess.Popen(
            ["java", *options, "-jar", str(JAR), "serve", "--port", "0", "--data", self._data],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
        self.address = self._listening()
        self._answering()

    def _listening(self) -> str:
        assert self._process.stdout is not None
        end = time.monotonic() + 60
        while time.monotonic() < end:
            ready, _, _ = select.select([self._process.stdout], [], [], 1.0)
            line = self._process.stdout.readline() if ready else ""
            found = re.search(r"listening on (\S+)", line)
            if found:
                return found.group(1)
            if self._process.poll() is not None:
                break
        self.kill()
        raise RuntimeError(f"{JAR}: the sidecar did not start within a minute")

    def _answering(self) -> None:
        """A virtual machine that has just begun takes its time for the first call."""
        import prenoise

        end = time.monotonic() + 60
        while True:
            try:
                prenoise.Sidecar(self.address).capabilities()
                return
            except prenoise.SidecarUnavailable:
                if time.monotonic() > end:
                    self.kill()
                    raise

    def pause(self) -> None:
        """It keeps its connections and answers nothing."""
        self._process.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self._data, ignore_errors=True)

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
        shutil.rmtree(self._data, ignore_errors=True)


def reason_to_skip() -> Optional[str]:
    """Why tests that need the sidecar, or torch, cannot run here; None where they can."""
    if not JAR.is_file():
        return f"{JAR} is not there (mvn package makes it)"
    for module in ("torch", "grpc", "PIL"):
        try:
            __import__(module)
        except ImportError:
            return f"the Python package {module} is not installed"
    return None
