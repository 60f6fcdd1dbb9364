#!/usr/bin/env python3
"""Runs the Python tests of plugin-client/{python,comfyui,a1111} against a real sidecar.

    mvn verify                              # runs them too, after everything else
    python3 plugin-client/run_tests.py      # alone; needs server/target/prenoise.jar, which ./prenoise builds
    python3 plugin-client/run_tests.py python.test_tokens a1111

The tests run in the interpreter that PRENOISE_PYTHON names, else in the first of this one, python3 on PATH and /usr/bin/python3 that has grpcio. One
sidecar with its built-in model is started on a free port with a data folder of its own; tests find its address in PRENOISE_TEST_TARGET and the
jar in PRENOISE_JAR. Every skipped test is printed with its reason. Without grpcio nothing runs, and that is said; with --require, or
PRENOISE_REQUIRE_PYTHON=1, a missing package, jar or compiler is a failure.
"""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
JAR = HERE.parent / "server" / "target" / "prenoise.jar"
SUITES = ("python", "comfyui", "a1111")
PACKAGES = {"grpc": "grpcio", "torch": "torch", "numpy": "numpy", "PIL": "Pillow", "google.protobuf": "protobuf"}
SUITE_SECONDS = 1800  # many times what the slowest takes: for machines that do other things too
START_SECONDS = 120

PROBE = """
import importlib.metadata, importlib.util, json, sys
found = {}
for module, package in json.loads(sys.argv[1]).items():
    try:
        if importlib.util.find_spec(module) is None:
            continue
    except ImportError:
        continue
    try:
        found[package] = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        found[package] = "of unknown version"
print(json.dumps({"python": list(sys.version_info[:3]), "executable": sys.executable, "packages": found}))
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("only", nargs="*", metavar="SUITE[.MODULE[.CLASS[.TEST]]]", help=f"of {', '.join(SUITES)}; all of them unless given")
    parser.add_argument("--require", action="store_true", default=os.environ.get("PRENOISE_REQUIRE_PYTHON", "") not in ("", "0"))
    parser.add_argument("--suite", help=argparse.SUPPRESS)  # in the chosen interpreter: runs one suite
    args = parser.parse_args()
    if args.suite:
        return run_suite(args.suite, args.only)
    for name in args.only:
        if name.partition(".")[0] not in SUITES:
            parser.error(f"{name} (expected: one that begins with {', '.join(SUITES)})")

    chosen, looked = interpreter()
    if chosen is None:
        say("no Python 3.9 or newer with grpcio was found: " + "; ".join(looked) + ". Name one in PRENOISE_PYTHON, or install grpcio.")
        return give_up(args.require)
    protoc = shutil.which("protoc")
    versions = ", ".join(f"{name} {chosen['packages'].get(name, 'missing')}" for name in PACKAGES.values())
    say(f"Python {'.'.join(map(str, chosen['python']))} ({chosen['executable']}): {versions}; {protoc_version(protoc)}")
    missing = [name for name in PACKAGES.values() if name not in chosen["packages"]] + ([] if protoc else ["protoc"])
    if args.require and missing:
        say(f"missing and required: {', '.join(missing)}")
        return 1

    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PRENOISE_JAR": str(JAR)}
    environment.pop("PRENOISE_TEST_TARGET", None)
    with contextlib.ExitStack() as stack:
        try:
            environment["PRENOISE_TEST_TARGET"] = stack.enter_context(sidecar())
            say(f"sidecar on {environment['PRENOISE_TEST_TARGET']}")
        except StartError as error:
            say(f"no sidecar: {error}")
            if args.require:
                return 1
        failed = [suite for suite in SUITES if not passes(suite, args.only, chosen["executable"], environment)]
    if failed:
        say(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


def say(text: str) -> None:
    print(f"[python tests] {text}", flush=True)


def give_up(require: bool) -> int:
    say("required, so this is a failure" if require else "the Python tests are skipped")
    return 1 if require else 0


# --- the interpreter ---


def interpreter():
    """The first interpreter that can run the tests, or None; and what was found instead."""
    named = os.environ.get("PRENOISE_PYTHON")
    looked = []
    for path in [named] if named else [sys.executable, shutil.which("python3"), "/usr/bin/python3"]:
        if not path or any(line.startswith(path + " ") for line in looked):
            continue
        try:
            out = subprocess.run([path, "-c", PROBE, json.dumps(PACKAGES)], capture_output=True, text=True, timeout=60, check=True).stdout
            found = json.loads(out)
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            looked.append(f"{path} does not run ({type(error).__name__})")
            continue
        if found["python"] >= [3, 9] and "grpcio" in found["packages"]:
            return found, looked
        version = ".".join(map(str, found["python"]))
        looked.append(f"{path} is Python {version}" + ("" if "grpcio" in found["packages"] else " without grpcio"))
    return None, looked


def protoc_version(protoc) -> str:
    if protoc is None:
        return "protoc missing"
    done = subprocess.run([protoc, "--version"], capture_output=True, text=True, timeout=60)
    return "protoc " + done.stdout.strip().rpartition(" ")[2]


# --- the sidecar ---


class StartError(Exception):
    pass


@contextlib.contextmanager
def sidecar(*arguments: str):
    """A running sidecar's address; `arguments` are further ones of `prenoise serve`. Raises StartError where there is none to start."""
    if not JAR.is_file():
        raise StartError(f"{JAR} is missing; ./prenoise or mvn package builds it")
    home = os.environ.get("JAVA_HOME")
    java = shutil.which(os.path.join(home, "bin", "java")) if home else shutil.which("java")
    if java is None:
        raise StartError("no java in JAVA_HOME or on PATH")
    with tempfile.TemporaryDirectory(prefix="prenoise-tests-") as data:
        log = Path(data) / "sidecar.log"
        options = ["-Xmx2g", "-Dai.djl.offline=true", "-Djava.awt.headless=true"]
        environment = {"OMP_WAIT_POLICY": "PASSIVE", "OPT_OUT_TRACKING": "true", "DJL_OFFLINE": "true", **os.environ}
        with open(log, "wb") as errors:
            process = subprocess.Popen(
                [java, *options, "-jar", str(JAR), "serve", "--port", "0", "--data", str(Path(data) / "data"), "--grace", "1", *arguments],
                stdout=errors,
                stderr=subprocess.STDOUT,
                env=environment,
            )
        try:
            yield address(process, log)
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def address(process, log) -> str:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        for line in log.read_text(errors="replace").splitlines():
            if " listening on " in line and line.startswith("prenoise "):
                return line.rpartition(" ")[2]
        time.sleep(0.1)
    raise StartError("it did not start: " + log.read_text(errors="replace")[-2000:])


# --- the suites ---


def passes(suite: str, only, python: str, environment) -> bool:
    wanted = [name for name in only if name.partition(".")[0] == suite]
    if only and not wanted:
        return True
    if not (HERE / suite / "tests").is_dir():
        return not wanted
    say(f"{suite}/tests")
    command = [python, "-X", "faulthandler", str(Path(__file__).resolve()), "--suite", suite]
    command += [name.partition(".")[2] for name in wanted if "." in name]
    begun = time.monotonic()
    try:
        code = subprocess.run(command, cwd=HERE / suite / "tests", env=environment, timeout=SUITE_SECONDS).returncode
    except subprocess.TimeoutExpired:
        say(f"{suite}/tests: not done after {SUITE_SECONDS} s")
        return False
    say(f"{suite}/tests: {'passed' if code == 0 else 'FAILED'} in {time.monotonic() - begun:.0f} s")
    return code == 0


class TimedResult(unittest.TextTestResult):
    """Also knows how long each test took."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.seconds = {}

    def startTest(self, test):
        super().startTest(test)
        self.seconds[test.id()] = time.perf_counter()

    def stopTest(self, test):
        super().stopTest(test)
        self.seconds[test.id()] = time.perf_counter() - self.seconds[test.id()]


def run_suite(suite: str, only) -> int:
    """Runs one suite in this interpreter and prints what was skipped."""
    tests = HERE / suite / "tests"
    sys.path[:0] = [str(tests), str(HERE / "python")]
    loader = unittest.TestLoader()
    loaded = loader.loadTestsFromNames(only) if only else loader.discover(str(tests), top_level_dir=str(tests))
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=1, resultclass=TimedResult).run(loaded)
    slowest = sorted(result.seconds.items(), key=lambda entry: -entry[1])[:5]
    print("slowest: " + ", ".join(f"{name.rpartition('.')[2]} {seconds:.1f} s" for name, seconds in slowest), flush=True)
    for test, reason in result.skipped:
        print(f"skipped {test.id() if hasattr(test, 'id') else test}: {reason}", flush=True)
    if not result.testsRun and not result.skipped:
        print(f"{tests}: no tests", flush=True)
        return 1
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
