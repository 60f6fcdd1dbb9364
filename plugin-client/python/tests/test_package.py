"""What the package needs, and when."""

import subprocess
import sys
import unittest
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]

BLOCK = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names!r} or name.startswith("google."):
            raise ImportError("blocked: " + name)
sys.meta_path.insert(0, Block())
"""


def run(code):
    done = subprocess.run([sys.executable, "-c", code], cwd=PACKAGE, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


class PackageTest(unittest.TestCase):
    def test_nothing_heavy_is_imported_with_it(self):
        code, said = run("import sys, prenoise, prenoise.tokens, prenoise.recipes, prenoise.png, prenoise.arrays; print(*sys.modules)")
        self.assertEqual(code, 0, said)
        self.assertEqual({"grpc", "google", "torch", "numpy", "PIL"} & {name.partition(".")[0] for name in said.split()}, set())

    def test_calls_work_where_protobuf_numpy_and_torch_are_not(self):
        from fakes import Server
        from prenoise import wire

        with Server(GetCapabilities=lambda request, context: wire.GetCapabilitiesResponse("1.2").encode()) as server:
            code, said = run(
                BLOCK.format(names={"google", "numpy", "torch"})
                + f"import prenoise; print(prenoise.Sidecar({server.target!r}).capabilities().version)"
            )
        self.assertEqual((code, said.strip()), (0, "1.2"))

    def test_without_grpcio_the_first_call_says_what_to_do(self):
        code, said = run(
            BLOCK.format(names={"grpc"}) + "import prenoise\ntry: prenoise.Sidecar().capabilities()\nexcept prenoise.GrpcioMissing as e: print(e)"
        )
        self.assertEqual(code, 0, said)
        self.assertRegex(said, "grpcio cannot be imported .*; install it into this Python: .* -m pip install grpcio")

    def test_versions_agree(self):
        import prenoise

        self.assertIn(f'version = "{prenoise.__version__}"', (PACKAGE / "pyproject.toml").read_text())


if __name__ == "__main__":
    unittest.main()
