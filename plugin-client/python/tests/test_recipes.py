"""Recipes as text."""

import unittest

from prenoise import names, recipes, wire

PLAIN = wire.NoiseRecipe((1 << 64) - 1, wire.NoiseSource.TORCH_CPU, [1, 4, 64, 64])
TURNED = wire.NoiseRecipe(
    7,
    wire.NoiseSource.NV_PHILOX,
    [1, 4, 8, 8],
    [wire.NoiseStep(perturbation=wire.Perturbation((1 << 63) + 1, 0.1)), wire.NoiseStep(perturbation=wire.Perturbation(2, -1e-300))],
)
OPTIMISED = wire.NoiseRecipe(7, shape=[1, 4, 8, 8], steps=[wire.NoiseStep(optimization=wire.Optimization("initno", 10))], base_sha256="ab" * 32)


class RecipesTest(unittest.TestCase):
    def test_there_and_back(self):
        for recipe in (PLAIN, TURNED, OPTIMISED):
            text = recipes.to_text(recipe)
            self.assertEqual(recipes.from_text(text), recipe)
            self.assertEqual(recipes.to_text(recipes.from_text(text)), text)
            self.assertNotIn("\n", text)

    def test_the_text_does_not_change(self):
        self.assertEqual(recipes.to_text(PLAIN), '{"seed":18446744073709551615,"source":"torch-cpu","shape":[1,4,64,64],"steps":[]}')
        self.assertEqual(
            recipes.to_text(OPTIMISED),
            '{"seed":7,"source":"unspecified","shape":[1,4,8,8],"steps":[{"kind":"optimization","algorithm":"initno","loss_evaluations":10}],"base_sha256":"'
            + "ab" * 32
            + '"}',
        )

    def test_what_a_recipe_is_good_for(self):
        self.assertEqual([recipes.is_plain_seed(r) for r in (PLAIN, TURNED, OPTIMISED)], [True, False, False])
        self.assertEqual([recipes.is_replayable(r) for r in (PLAIN, TURNED, OPTIMISED)], [True, True, False])
        self.assertEqual(
            [recipes.describe(r) for r in (PLAIN, TURNED, OPTIMISED)],
            ["seed 18446744073709551615", "seed 7, turned", "the host's noise, optimised"],
        )
        with self.assertRaisesRegex(ValueError, "recipe: the host's noise, optimised .expected: one without optimisation"):
            recipes.replay(None, OPTIMISED)

    def test_what_is_no_recipe_is_refused_by_field(self):
        for text, wrong in (
            ("", "recipe: no JSON"),
            ("[" * 200_000, "recipe: no JSON: .*recursion"),
            ("[1]", r"recipe: \[1\] \(expected: an object\)"),
            ('{"seed":1}', r"recipe.shape: None \(expected: a list\)"),
            ('{"shape":[1,4,8,8]}', r"recipe.seed: None \(expected: a whole number from 0 to 18446744073709551615\)"),
            ('{"seed":true,"shape":[1,4,8,8]}', "recipe.seed: True"),
            ('{"seed":18446744073709551616,"shape":[1,4,8,8]}', "recipe.seed: 18446744073709551616"),
            ('{"seed":1,"shape":[4,8,8]}', r"recipe.shape: \[4, 8, 8\] \(expected: \[1, C, H, W\]\)"),
            ('{"seed":1,"shape":[1,4,0,8]}', r"recipe.shape\[2\]: 0 \(expected: a whole number from 1 "),
            ('{"seed":1,"shape":[1,4,8,8],"source":"dice"}', r"recipe.source: 'dice' \(expected: one of torch-cpu, nv-philox\)"),
            ('{"seed":1,"shape":[1,4,8,8],"sauce":1}', r"recipe.sauce: unknown \(expected: one of seed, source, "),
            ('{"seed":1,"shape":[1,4,8,8],"steps":[{}]}', r"recipe.steps\[0\].kind: None \(expected: perturbation or optimization\)"),
            ('{"seed":1,"shape":[1,4,8,8],"steps":[{"kind":"perturbation","seed":1}]}', r"recipe.steps\[0\].step_size: None \(expected: a number\)"),
            ('{"seed":1,"shape":[1,4,8,8],"base_sha256":5}', r"recipe.base_sha256: 5 \(expected: text\)"),
        ):
            with self.subTest(text[:100]), self.assertRaisesRegex(ValueError, wrong):
                recipes.from_text(text)


class NamesTest(unittest.TestCase):
    def test_names_are_the_command_lines(self):
        self.assertEqual(names.choices(wire.AttentionLoss), ["initno", "conform", "self-cross", "attend-and-excite"])
        self.assertIs(names.parse(wire.AttentionLoss, "self-cross", "loss"), wire.AttentionLoss.SELF_CROSS)
        self.assertIs(names.parse(wire.AttentionLoss, wire.AttentionLoss.INITNO, "loss"), wire.AttentionLoss.INITNO)
        for wrong in ("unspecified", "CONFORM", "self_cross", 2):
            with self.subTest(wrong), self.assertRaisesRegex(ValueError, "loss: .*expected: one of initno, conform"):
                names.parse(wire.AttentionLoss, wrong, "loss")


if __name__ == "__main__":
    unittest.main()
