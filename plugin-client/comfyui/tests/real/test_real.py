"""In a real ComfyUI: COMFYUI_PATH=/path/to/ComfyUI python -m unittest discover -s plugin-client/comfyui/tests/real

On the built-in model, put together from ComfyUI's own parts by builtin_model.py. Prints what it measured; with PRENOISE_REAL_OUT the pictures are kept
in that folder. COMFYUI_PYTHON and COMFYUI_ARGS say how ComfyUI is run.
"""

import itertools
import json
import os
import shutil
import statistics
import struct
import sys
import threading
import time
import unittest
from pathlib import Path

import numpy
from PIL import Image

REAL = Path(__file__).resolve().parent
PACK = REAL.parent.parent
sys.path[:0] = [str(REAL), str(REAL.parent)]

from comfyui import ComfyUI  # noqa: E402
from sidecar_process import Sidecar  # noqa: E402

PROMPT = "a red circle and a blue square"
SEED = 123
STEPS = 12
KEPT = os.environ.get("PRENOISE_REAL_OUT")
PLACES = os.environ.get("PRENOISE_REAL_PLACES", "host sidecar").split()

comfyui = sidecar = None
runs = itertools.count()


def setUpModule():
    global comfyui, sidecar
    if "COMFYUI_PATH" not in os.environ:
        raise unittest.SkipTest("COMFYUI_PATH is not set (expected: the folder of a ComfyUI)")
    sidecar = Sidecar()
    unittest.addModuleCleanup(sidecar.stop)
    comfyui = ComfyUI()
    unittest.addModuleCleanup(comfyui.stop)
    print(f"ComfyUI {comfyui.version}")
    make_lora(comfyui.base / "models" / "loras" / "style.safetensors")
    pixels = numpy.full((64, 64, 4), 235, dtype=numpy.uint8)
    pixels[8:28, 8:28] = (220, 20, 30, 255)
    pixels[:, 32:, 3] = 0  # where the picture shall be drawn afresh
    pixels[:, :32, 3] = 255
    Image.fromarray(pixels).save(comfyui.base / "input" / "example.png")


def make_lora(path):
    """A LoRA of rank 2 on the model's first cross-attention, of values that are no model's."""
    random = numpy.random.default_rng(5)
    tensors = {}
    for part, inner in (("attn2_to_q", 48), ("attn2_to_k", 96)):
        name = f"lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_{part}"
        tensors[f"{name}.lora_up.weight"] = random.normal(size=(48, 2)).astype("<f4") * 0.5
        tensors[f"{name}.lora_down.weight"] = random.normal(size=(2, inner)).astype("<f4") * 0.5
    header, data = {}, b""
    for name, values in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [len(data), len(data) + values.nbytes]}
        data += values.tobytes()
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def example(name):
    return comfyui.api(json.loads((PACK / "example_workflows" / f"{name}.json").read_text()))


def small(graph, **chosen):
    """A workflow on the built-in model instead of a checkpoint: 64 pixels, fewer steps, this test's sidecar, small budgets."""
    out = {}
    for node_id, node in graph.items():
        kind, inputs = node["class_type"], dict(node["inputs"])
        if kind == "CheckpointLoaderSimple":
            kind, inputs = "PrenoiseTestLoadBuiltinModel", {}
        if kind == "EmptyLatentImage":
            inputs.update(width=128, height=128)  # the built-in model has a quarter of a pixel's side where others have an eighth
        if kind in ("KSampler", "BasicScheduler"):
            inputs["steps"] = STEPS
        if "cfg" in inputs:
            inputs["cfg"] = 3.0
        if kind == "PrenoiseFromRecipe":
            inputs["recipe"] = '{"seed":7,"source":"torch-cpu","shape":[1,4,16,16],"steps":[]}'
        if kind == "PrenoiseOptions":
            inputs.update(target=sidecar.target, judged_steps=4)
        if kind in ("PrenoiseBetterNoise", "PrenoiseBetterNoiseNoise"):
            if "options" not in inputs:
                inputs["options"] = ["options", 0]
                options = comfyui.info["PrenoiseOptions"]["input"]["required"]
                values = {name: spec[1]["default"] for name, spec in options.items()}
                out["options"] = {"class_type": "PrenoiseOptions", "inputs": {**values, "target": sidecar.target, "preview": "none"}}
            inputs.update(clip=[loader(graph), 1], on_error="stop", verifiers="oracle", loss_evaluations=min(inputs["loss_evaluations"] or 4, 4))
            inputs["pictures"] = 3 if inputs["pictures"] else 0
            inputs.update({name: value for name, value in chosen.items() if name in inputs})
        out[node_id] = {"class_type": kind, "inputs": inputs}
    return out


def loader(graph):
    return next(node_id for node_id, node in graph.items() if node["class_type"] == "CheckpointLoaderSimple")


def of_kind(graph, kind):
    return next(node_id for node_id, node in graph.items() if node["class_type"] == kind)


def without_node(graph):
    """The same workflow with the plain model or RandomNoise in the node's place."""
    out = json.loads(json.dumps(graph))
    for node_id, node in graph.items():
        if node["class_type"] == "PrenoiseBetterNoise":
            for other in out.values():
                for name, value in other["inputs"].items():
                    if value == [node_id, 0]:
                        other["inputs"][name] = node["inputs"]["model"]
            del out[node_id]
        if node["class_type"] == "PrenoiseBetterNoiseNoise":
            out[node_id] = {"class_type": "RandomNoise", "inputs": {"noise_seed": node["inputs"]["noise_seed"]}}
        if node["class_type"] == "PrenoiseRecipe":
            for other in out.values():
                for name, value in other["inputs"].items():
                    if value == [node_id, 1]:
                        other["inputs"][name] = node["inputs"]["samples"]
            del out[node_id]
        if node["class_type"] in ("PrenoiseCandidates", "PreviewImage"):
            out.pop(node_id, None)
    return out


def pixels(graph, name=None):
    """The saved pictures of a run, as one array."""
    # A run that is equal to an earlier one saves nothing: its last node is another each time.
    graph[of_kind(graph, "SaveImage")]["inputs"]["filename_prefix"] = f"run{next(runs)}"
    outputs = comfyui.run(graph)
    files = comfyui.pictures(outputs, of_kind(graph, "SaveImage"))
    if KEPT and name:
        for index, file in enumerate(files):
            shutil.copy(file, Path(KEPT) / f"{name}{'' if len(files) == 1 else f'-{index}'}.png")
    return numpy.stack([numpy.asarray(Image.open(file).convert("RGB")) for file in files]), outputs


def told(since):
    return [line for line in comfyui.log.read_text().splitlines()[since:] if "Better Noise" in line]


def lines():
    return len(comfyui.log.read_text().splitlines())


class NodesTest(unittest.TestCase):
    def test_every_node_is_there_with_its_documents(self):
        for key in (
            "PrenoiseBetterNoise",
            "PrenoiseBetterNoiseNoise",
            "PrenoiseOptions",
            "PrenoiseCandidates",
            "PrenoiseRecipe",
            "PrenoiseFromRecipe",
        ):
            self.assertIn(key, comfyui.info)
        self.assertIn("/extensions/better-noise/better_noise.js", comfyui.get("/extensions"))


class WorkflowTest(unittest.TestCase):
    """The example workflows, evaluated in ComfyUI and by the sidecar."""

    def check(self, name, places=PLACES, **chosen):
        outputs = None
        for place in places:
            with self.subTest(place=place):
                graph = small(example(name), evaluate_on=place, **chosen)
                begin, mark = time.monotonic(), lines()
                found, outputs = pixels(graph, f"{name}-{place}")
                print(f"{name}, {place}: {time.monotonic() - begin:.1f} s; {'; '.join(told(mark))}")
                self.assertGreater(int(found.std()), 5, "a picture, not a plain colour")
        return outputs

    def test_ksampler(self):
        outputs = self.check("better_noise_ksampler")
        self.assertIn('"seed"', next(iter(output["text"][0] for output in outputs.values() if "text" in output)))
        pixels(without_node(small(example("better_noise_ksampler"))), "plain")

    def test_sampler_custom_advanced(self):
        self.check("better_noise_custom_sampler")

    def test_verifiers_and_candidates(self):
        self.check("better_noise_verifiers")

    def test_lora_and_a_batch_of_the_best(self):
        self.check("better_noise_lora_batch", places=[place for place in PLACES if place == "host"])

    def test_inpainting(self):
        self.check("better_noise_inpaint", places=[place for place in PLACES if place == "host"])

    def test_from_a_recipe(self):
        found, _ = pixels(small(example("better_noise_from_recipe")))
        self.assertGreater(int(found.std()), 5)


class EqualityTest(unittest.TestCase):
    def test_budget_1_gives_the_picture_of_no_node_bit_for_bit(self):
        for name in ("better_noise_ksampler", "better_noise_custom_sampler", "better_noise_lora_batch"):
            for place in PLACES:
                if name == "better_noise_lora_batch" and place == "sidecar":
                    continue
                with self.subTest(name=name, place=place):
                    graph = small(example(name), evaluate_on=place, loss_evaluations=1)
                    for node in graph.values():
                        if node["class_type"] == "PrenoiseOptions":
                            node["inputs"]["batch"] = "each its own search"
                    begin = time.monotonic()
                    found, _ = pixels(graph)
                    with_node = time.monotonic() - begin
                    bare = without_node(graph)
                    begin = time.monotonic()
                    plain, _ = pixels(bare)
                    print(f"budget 1, {name}, {place}: {with_node:.2f} s with the node, {time.monotonic() - begin:.2f} s without")
                    self.assertTrue(numpy.array_equal(found, plain))

    def test_what_budget_1_costs(self):
        """Each run with a seed of its own, so that nothing is cached; both kinds take turns."""
        for place in PLACES:
            took = {True: [], False: []}
            for seed in range(1, 6):
                graph = small(example("better_noise_ksampler"), evaluate_on=place, loss_evaluations=1)
                graph["options"]["inputs"]["release_memory"] = False
                for with_node in (True, False):
                    run = graph if with_node else without_node(graph)
                    run[of_kind(run, "KSampler")]["inputs"]["seed"] = seed
                    begin = time.monotonic()
                    pixels(run)
                    took[with_node].append(time.monotonic() - begin)
            with_node, without = (statistics.median(took[kind][1:]) for kind in (True, False))
            print(
                f"budget 1, {place}, {STEPS} steps, medians of 4: {with_node:.2f} s with the node, {without:.2f} s without, {with_node / without:.2f} times"
            )
            self.assertLess(with_node, 3 * without)

    def test_a_search_leaves_nothing_behind_in_the_model(self):
        graph = small(example("better_noise_ksampler"), evaluate_on=PLACES[0], strategy="optimise", loss_evaluations=4)
        bare = without_node(graph)
        sampler = of_kind(bare, "KSampler")
        before, _ = pixels(bare)
        pixels(graph)
        bare[sampler]["inputs"]["seed"] += 1
        pixels(bare)
        bare[sampler]["inputs"]["seed"] -= 1
        after, _ = pixels(bare)
        self.assertTrue(numpy.array_equal(before, after))


class CheckpointTest(unittest.TestCase):
    """A checkpoint file of Stable Diffusion 1.5's layout, which PRENOISE_REAL_CHECKPOINT names; random weights will do."""

    def test_a_checkpoint_is_searched_on_with_no_more_than_model_and_vae_connected(self):
        file = os.environ.get("PRENOISE_REAL_CHECKPOINT")
        if not file:
            self.skipTest("PRENOISE_REAL_CHECKPOINT is not set (expected: a .safetensors file of Stable Diffusion 1.5's layout)")
        graph = small(example("better_noise_ksampler"), loss_evaluations=3, evaluate_on="host")
        graph[loader(example("better_noise_ksampler"))] = {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": Path(file).name}}
        del graph[of_kind(graph, "PrenoiseBetterNoise")]["inputs"]["clip"]
        graph[of_kind(graph, "KSampler")]["inputs"]["steps"] = 2
        mark = lines()
        pixels(graph)
        print(f"checkpoint, host: {'; '.join(told(mark))}")
        graph[of_kind(graph, "PrenoiseBetterNoise")]["inputs"]["loss_evaluations"] = 1
        found, _ = pixels(graph)
        plain, _ = pixels(without_node(graph))
        self.assertTrue(numpy.array_equal(found, plain))


class TroubleTest(unittest.TestCase):
    def test_an_interrupt_ends_the_run(self):
        for place in PLACES:
            with self.subTest(place=place):
                graph = small(example("better_noise_ksampler"), evaluate_on=place, strategy="verifier search")
                graph[of_kind(graph, "PrenoiseBetterNoise")]["inputs"]["pictures"] = 500
                prompt_id = comfyui.queue(graph)
                time.sleep(6)
                begin = time.monotonic()
                comfyui.post("/interrupt", {})
                entry = comfyui.wait(prompt_id)
                took = time.monotonic() - begin
                print(f"interrupt, {place}: {took:.2f} s")
                self.assertIn("execution_interrupted", [kind for kind, _ in entry["status"]["messages"]])
                self.assertLess(took, 1.5)

    def test_a_sidecar_that_is_killed_leaves_the_plain_picture_and_nothing_in_the_cache(self):
        for place in PLACES:
            with self.subTest(place=place):
                doomed = Sidecar()
                graph = small(example("better_noise_ksampler"), evaluate_on=place, strategy="verifier search", on_error="plain noise")
                graph[of_kind(graph, "PrenoiseBetterNoise")]["inputs"]["pictures"] = 500
                graph["options"]["inputs"]["target"] = doomed.target
                bare, _ = pixels(without_node(graph))
                mark = lines()
                timer = threading.Timer(6, doomed.kill)
                timer.start()
                found, _ = pixels(graph)
                timer.join()
                doomed.stop()
                print(f"killed, {place}: {told(mark)[-1]}")
                self.assertTrue(numpy.array_equal(bare, found))
                mark = lines()
                pixels(graph)
                self.assertTrue(told(mark), "the next run tries again instead of taking the plain picture from the cache")


if __name__ == "__main__":
    unittest.main()
