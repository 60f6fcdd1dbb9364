"""Generated modules of the contract, for tests that compare with protobuf itself."""

import importlib
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PROTO = Path(__file__).resolve().parents[3] / "proto"
CONTRACT = "prenoise/v1/noise_provider.proto"
STATUS = "google/rpc/status_details.proto"
INCLUDE = Path(__file__).resolve().parent / "include"


def generated():
    """noise_provider_pb2 and status_details_pb2. Raises SkipTest with the reason where protobuf or protoc are missing."""
    try:
        import google.protobuf
    except ImportError:
        raise unittest.SkipTest("protobuf is not installed in this Python") from None
    protoc = shutil.which("protoc")
    if protoc is None:
        raise unittest.SkipTest("protoc is not on PATH")
    out = tempfile.mkdtemp(prefix="prenoise-stubs-")
    try:
        subprocess.run([protoc, f"-I{INCLUDE}", f"-I{PROTO}", f"--python_out={out}", CONTRACT, STATUS], check=True, capture_output=True, text=True)
        # Imported as top modules: the generated packages' names are those of other packages.
        for path, name in ((CONTRACT, "noise_provider_pb2"), (STATUS, "status_details_pb2")):
            (Path(out) / f"{name}.py").write_bytes((Path(out) / path.replace(".proto", "_pb2.py")).read_bytes())
        sys.path.insert(0, out)
        try:
            return importlib.import_module("noise_provider_pb2"), importlib.import_module("status_details_pb2")
        except Exception as error:
            version = google.protobuf.__version__
            raise unittest.SkipTest(f"protobuf {version} does not read what {protoc} generates: {error}") from None
        finally:
            sys.path.remove(out)
    finally:
        shutil.rmtree(out, ignore_errors=True)
