"""A real sidecar for tests, in a process of its own."""

import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent.parent
JAR = Path(os.environ.get("PRENOISE_JAR", REPOSITORY / "server" / "target" / "prenoise.jar"))


class Sidecar:
    """A sidecar of its own process on a free port."""

    def __init__(self):
        java = shutil.which("java")
        if java is None or not JAR.is_file():
            raise unittest.SkipTest(
                f"no sidecar to test with: java is {java}, {JAR} is {'there' if JAR.is_file() else 'missing (mvn package builds it)'}"
            )
        self.data = tempfile.mkdtemp(prefix="prenoise-comfyui-")
        environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE", "OPT_OUT_TRACKING": "true", "DJL_OFFLINE": "true"}
        options = ["-Dai.djl.offline=true", "-Dai.djl.pytorch.num_threads=1", *os.environ.get("PRENOISE_JAVA_OPTS", "").split()]
        command = [java, "-Xmx2g", *options, "-jar", str(JAR), "serve", "--port", "0", "--data", self.data, "--device", "cpu"]
        self.log = open(Path(self.data) / "log", "wb")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, env=environment)
        line = self.process.stdout.readline().decode()
        if "listening on" not in line:
            raise AssertionError(f"the sidecar did not start: {line!r}\n{(Path(self.data) / 'log').read_text()[-2000:]}")
        self.target = line.strip().rpartition(" ")[2]

    def kill(self):
        """As kill -9 does."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
        self.process.stdout.close()
        self.log.close()
        shutil.rmtree(self.data, ignore_errors=True)
