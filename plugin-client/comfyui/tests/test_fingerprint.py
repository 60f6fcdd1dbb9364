"""What makes a stored search another one."""

import functools
import subprocess
import sys
import types
import unittest
import uuid

from support import TESTS, pack  # noqa: F401  (loads the node pack)

import torch

from better_noise_pack.better_noise.fingerprint import WRAPPER_KEY, Fingerprint


def of(*values):
    found = Fingerprint()
    for value in values:
        found.add(value)
    return found.hex()


def strengthened(strength, by=None):
    def patch(x):
        return x * strength + (by or 0)

    return patch


class Foreign:
    """Another node pack's."""


def patcher(network=None, **more):
    model = torch.nn.Module()
    model.diffusion_model = network or torch.nn.Linear(64, 64, bias=False)
    model.model_sampling = torch.nn.Linear(2, 2)
    given = {"model": model, "backup": {}, "patches": {}, "model_options": {}, "object_patches": {}, "wrappers": {}, "callbacks": {}, **more}
    return types.SimpleNamespace(**given)


def of_patcher(*args, **more):
    found = Fingerprint()
    found.patcher(patcher(*args, **more))
    return found.hex()


class ValuesTest(unittest.TestCase):
    def test_every_value_of_a_mask_counts(self):
        left, right = torch.zeros(1, 1, 64, 64), torch.zeros(1, 1, 64, 64)
        left[..., 32:, :32], right[..., 32:, 32:] = 1, 1
        self.assertNotEqual(of(left), of(right))
        self.assertEqual(of(left), of(left.clone()))
        self.assertNotEqual(of(left), of(left.half()))
        self.assertNotEqual(of(left), of(left[0]))
        with torch.inference_mode():
            made = left.clone()
        self.assertEqual(of(left), of(made))

    def test_every_part_of_a_conditioning_counts_but_the_number_of_its_run(self):
        text = torch.randn(1, 77, 8)

        def conditions(**more):
            return {"positive": [{"cross_attn": text, "uuid": uuid.uuid4(), **more}]}

        found = {of(conditions(**more)) for more in ({}, {"area": (8, 8, 0, 0)}, {"area": (8, 8, 16, 16)}, {"start_percent": 0.3}, {"strength": 0.3})}
        self.assertEqual(5, len(found))
        self.assertEqual(of(conditions(area=(8, 8, 0, 0))), of(conditions(area=(8, 8, 0, 0))))
        self.assertNotEqual(of({"positive": [], "negative": [1]}), of({"positive": [1], "negative": []}))

    def test_a_function_is_what_it_is_called_and_closes_over(self):
        self.assertEqual(of(strengthened(0.5)), of(strengthened(0.5)))
        self.assertNotEqual(of(strengthened(0.5)), of(strengthened(0.6)))
        self.assertNotEqual(of(functools.partial(max, 1)), of(functools.partial(max, 2)))
        self.assertEqual(of(torch.no_grad()(strengthened)), of(strengthened), "as samplers are wrapped")

    def test_what_cannot_be_looked_into_counts_as_itself(self):
        one, two = Foreign(), Foreign()
        self.assertEqual(of(strengthened(1, one)), of(strengthened(1, one)))
        self.assertNotEqual(of(one), of(two))
        self.assertNotEqual(of({"patch": [one.__init__]}), of({"patch": [two.__init__]}))

    def test_things_that_hold_each_other_end(self):
        round_about = {"a": []}
        round_about["a"].append(round_about)
        self.assertEqual(32, len(of(round_about)))

    def test_it_is_the_same_in_another_process(self):
        code = (
            "from test_fingerprint import *; print(of({'b': 1, 'a': frozenset('xyz')}, strengthened(0.5), torch.arange(9.0), torch.float16, "
            "uuid.uuid4(), [None, True, 1.5, b'x']))"
        )
        runs = [subprocess.run([sys.executable, "-c", code], cwd=TESTS, capture_output=True, text=True, check=True).stdout for _ in range(2)]
        self.assertEqual(*runs)


class PatcherTest(unittest.TestCase):
    def test_weights_from_everywhere_in_the_network_count_and_how_they_are_loaded_does_not(self):
        network, other = torch.nn.Linear(64, 64, bias=False), torch.nn.Linear(64, 64, bias=False)
        other.load_state_dict(network.state_dict())
        self.assertEqual(of_patcher(network), of_patcher(other))
        name = "diffusion_model.weight"
        backup = {name: types.SimpleNamespace(weight=network.weight.detach().clone())}
        with torch.no_grad():
            other.weight[40:] += 1
        self.assertNotEqual(of_patcher(network), of_patcher(other))
        self.assertEqual(of_patcher(network), of_patcher(other, backup=backup), "patched in place for now")

    def test_patches_and_hooks_count_and_this_packs_own_wrapper_does_not(self):
        network = torch.nn.Linear(64, 64, bias=False)
        lora = torch.randn(64, 64)
        found = [
            of_patcher(network),
            of_patcher(network, patches={"diffusion_model.weight": [(0.5, ("diff", (lora,)), 1.0, None, None)]}),
            of_patcher(network, patches={"diffusion_model.weight": [(0.6, ("diff", (lora,)), 1.0, None, None)]}),
            of_patcher(network, patches={"diffusion_model.weight": [(0.5, ("diff", (lora * 2,)), 1.0, None, None)]}),
            of_patcher(network, model_options={"transformer_options": {"patches": {"output_block_patch": [strengthened(1.1)]}}}),
            of_patcher(network, model_options={"transformer_options": {"patches": {"output_block_patch": [strengthened(1.2)]}}}),
            of_patcher(network, object_patches={"model_sampling": strengthened(3)}),
            of_patcher(network, wrappers={"outer_sample": {"other": [strengthened(1)]}}),
        ]
        self.assertEqual(len(found), len(set(found)))
        ours = {"outer_sample": {WRAPPER_KEY: [Foreign()]}}
        self.assertEqual(found[0], of_patcher(network, wrappers=ours))


if __name__ == "__main__":
    unittest.main()
