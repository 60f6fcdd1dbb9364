"""The zips that package.py makes."""

import hashlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path

CLIENT = Path(__file__).resolve().parents[2]


def load():
    spec = importlib.util.spec_from_file_location("prenoise_package", CLIENT / "package.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class ZipsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.package = load()
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        subprocess.run([sys.executable, str(CLIENT / "package.py"), "--output", cls.folder.name], check=True, capture_output=True)

    def zip(self, plugin):
        return Path(self.folder.name) / f"prenoise-{plugin}.zip"

    def test_each_plugin_is_one_folder_with_the_package_in_it_and_no_tests_or_caches(self):
        for plugin, own in (("comfyui", "__init__.py"), ("a1111", "scripts/better_noise.py")):
            with self.subTest(plugin), zipfile.ZipFile(self.zip(plugin)) as archive:
                self.assertIsNone(archive.testzip())
                names = archive.namelist()
                self.assertEqual({name.partition("/")[0] for name in names}, {f"prenoise-{plugin}"})
                inside = {name.partition("/")[2] for name in names}
                self.assertLessEqual({own, "LICENSE", "prenoise/__init__.py", "prenoise/wire.py", "prenoise/py.typed"}, inside)
                self.assertEqual([n for n in inside if "tests/" in n or "__pycache__" in n or n.endswith(".pyc") or n.startswith(".")], [])

    def test_the_same_sources_make_the_same_bytes(self):
        for plugin in self.package.PLUGINS:
            again = Path(self.folder.name) / "again.zip"
            files = self.package.contents(plugin)
            self.package.write(again, files)
            self.assertEqual(hashlib.sha256(again.read_bytes()).digest(), hashlib.sha256(self.zip(plugin).read_bytes()).digest())
            with zipfile.ZipFile(again) as archive:
                self.assertEqual({(entry.date_time, entry.external_attr >> 16) for entry in archive.infolist()}, {((1980, 1, 1, 0, 0, 0), 0o100644)})

    def test_the_package_inside_is_importable_from_there_alone(self):
        for plugin in self.package.PLUGINS:
            with tempfile.TemporaryDirectory() as folder:
                with zipfile.ZipFile(self.zip(plugin)) as archive:
                    archive.extractall(folder)
                home = Path(folder) / f"prenoise-{plugin}"
                code = "import prenoise, prenoise.tokens, prenoise.recipes; print(prenoise.__file__)"
                environment = {**os.environ, "PYTHONPATH": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
                said = subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=True).stdout
                self.assertEqual(Path(said.strip()).resolve(), (home / "prenoise" / "__init__.py").resolve())

    def test_a_missing_plugin_is_named(self):
        with self.assertRaisesRegex(FileNotFoundError, r"nowhere \(expected: a folder of plugin-client\)"):
            list(self.package.sources(CLIENT / "nowhere"))


if __name__ == "__main__":
    unittest.main()
