"""What belongs to a well-made node pack: documents, locales, examples, all in step with the nodes."""

import json
import subprocess
import sys
import unittest
from pathlib import Path

from support import PACK, TESTS, pack

NODES = pack.NODE_CLASS_MAPPINGS
EXAMPLES = sorted((PACK / "example_workflows").glob("*.json"))


def inputs_of(node):
    types = node.INPUT_TYPES()
    return {name: spec for part in ("required", "optional") for name, spec in types.get(part, {}).items()}


class NodesTest(unittest.TestCase):
    def test_every_node_has_a_name_a_description_and_a_tooltip_on_every_input(self):
        self.assertEqual(set(NODES), set(pack.NODE_DISPLAY_NAME_MAPPINGS))
        for key, node in NODES.items():
            self.assertTrue(node.DESCRIPTION)
            self.assertTrue(callable(getattr(node, node.FUNCTION)))
            for name, spec in inputs_of(node).items():
                self.assertTrue(spec[1].get("tooltip"), f"{key}.{name}")

    def test_every_node_has_a_page(self):
        pages = {page.stem for page in (PACK / pack.WEB_DIRECTORY / "docs").glob("*.md")}
        self.assertEqual(set(NODES), pages)

    def test_locales_say_every_word_of_every_node(self):
        for language in ("en", "de"):
            texts = json.loads((PACK / "locales" / language / "nodeDefs.json").read_text(encoding="utf-8"))
            self.assertEqual(set(NODES), set(texts))
            for key, node in NODES.items():
                self.assertEqual(set(inputs_of(node)), set(texts[key]["inputs"]), f"{language}, {key}")
                self.assertEqual([str(index) for index in range(len(node.RETURN_NAMES))], list(texts[key]["outputs"]))
                for name, spec in inputs_of(node).items():
                    said = texts[key]["inputs"][name]["tooltip"]
                    self.assertTrue(said if language == "de" else said == spec[1]["tooltip"], f"{language}, {key}.{name}")

    def test_an_equal_node_is_equal_to_the_cache_until_it_falls_back(self):
        for key in ("PrenoiseBetterNoise", "PrenoiseBetterNoiseNoise", "PrenoiseFromRecipe"):
            self.assertEqual(NODES[key].IS_CHANGED(unique_id="1", model=None), NODES[key].IS_CHANGED(unique_id="1"))


class ExamplesTest(unittest.TestCase):
    def test_examples_use_the_nodes_as_they_are(self):
        self.assertTrue(EXAMPLES)
        for file in EXAMPLES:
            ours = [node for node in json.loads(file.read_text())["nodes"] if node["type"].startswith("Prenoise")]
            self.assertTrue(ours, file.name)
            for node in ours:
                values = list(node["widgets_values"])
                for name, spec in inputs_of(NODES[node["type"]]).items():
                    kind = spec[0]
                    if spec[1].get("forceInput") or not (isinstance(kind, tuple) or kind in ("INT", "FLOAT", "STRING", "BOOLEAN")):
                        continue
                    value = values.pop(0)
                    if isinstance(kind, tuple):
                        self.assertIn(value, kind, f"{file.name}: {node['type']}.{name}")
                    else:
                        types = {"INT": int, "FLOAT": (int, float), "STRING": str, "BOOLEAN": bool}
                        self.assertIsInstance(value, types[kind], f"{file.name}: {node['type']}.{name}")
                    if spec[1].get("control_after_generate"):
                        values.pop(0)
                self.assertEqual([], values, f"{file.name}: {node['type']}")

    def test_every_example_has_a_picture_of_the_same_name(self):
        for file in EXAMPLES:
            self.assertTrue([other for other in file.parent.glob(f"{file.stem}.*") if other.suffix in (".png", ".jpg", ".webp")], file.name)


class ImportTest(unittest.TestCase):
    def test_neither_protobuf_nor_grpc_is_imported_with_the_nodes(self):
        code = "import support, sys; print([name for name in ('google.protobuf', 'grpc') if name in sys.modules])"
        loaded = subprocess.run([sys.executable, "-c", code], cwd=TESTS, capture_output=True, text=True, check=True)
        self.assertEqual("[]", loaded.stdout.strip())

    def test_the_package_is_found_inside_the_pack_or_beside_it_and_missed_by_name(self):
        import tempfile

        from better_noise_pack.better_noise.shared import add_prenoise_to_path

        before = list(sys.path)
        try:
            with tempfile.TemporaryDirectory() as folder:
                packed = Path(folder) / "pack"
                (packed / "prenoise").mkdir(parents=True)
                (packed / "prenoise" / "__init__.py").touch()
                add_prenoise_to_path(packed)
                self.assertEqual(str(packed), sys.path[-1])
        finally:
            sys.path[:] = before
        code = (
            "import sys, importlib.util, pathlib; spec = importlib.util.spec_from_file_location('shared', sys.argv[1]); shared = "
            "importlib.util.module_from_spec(spec); spec.loader.exec_module(shared); shared.add_prenoise_to_path(pathlib.Path('/nowhere/pack'))"
        )
        missing = subprocess.run([sys.executable, "-I", "-c", code, str(PACK / "better_noise" / "shared.py")], capture_output=True, text=True)
        self.assertIn("the package prenoise is missing", missing.stderr)


if __name__ == "__main__":
    unittest.main()
