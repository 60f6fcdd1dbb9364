"""What a user sets, in every way there is to set it."""

from __future__ import annotations

import dataclasses
import unittest

import running  # noqa: F401  (puts the extension on the path)
from prenoise_a1111 import settings
from prenoise_a1111.settings import Settings

FIELDS = {field.name: field for field in dataclasses.fields(Settings)}


class SettingsTest(unittest.TestCase):
    def test_order_ofFields_isThatOfApiArguments(self) -> None:
        # Callers count positions: append to this list, never change what stands in it.
        self.assertEqual(list(FIELDS), [
            "enabled", "where", "strategy", "loss", "then", "optimize", "algorithm", "verifiers", "candidates", "keep", "search_steps", "plateau",
            "time_limit", "subjects", "on_error", "hires", "preview", "recipe", "model", "address"])

    def test_of_positions_areReadInOrderAndTheRestKeepsDefaults(self) -> None:
        self.assertEqual(Settings.of([True, "sidecar", "Pictures"]), Settings(enabled=True, where="sidecar", strategy="pictures"))

    def test_of_dict_isReadByName(self) -> None:
        self.assertEqual(Settings.of([{"enabled": True, "candidates": 4}, "auto", "attention"]), Settings(enabled=True, candidates=4))

    def test_of_changes_winOverArguments(self) -> None:
        self.assertEqual(Settings.of([True], {"loss": "conform"}).loss, "conform")

    def test_of_wrongValues_namesFieldAndWhatWasExpected(self) -> None:
        for given, message in [
            ({"candidates": 0}, "candidates: 0 (expected: 1 to 512)"),
            ({"candidates": "many"}, "candidates: 'many' (expected: a whole number)"),
            ({"candidates": 1.5}, "candidates: 1.5 (expected: a whole number)"),
            ({"time_limit": float("nan")}, "time_limit: nan (expected: a number)"),
            ({"loss": "best"}, "loss: 'best' (expected: one of 'initno', 'conform', 'self-cross', 'attend-and-excite')"),
            ({"enabled": "perhaps"}, "enabled: 'perhaps' (expected: true or false)"),
            ({"candidate": 3}, "candidate (expected: one of enabled, "),
        ]:
            with self.subTest(given), self.assertRaises(ValueError) as raised:
                Settings.of([given])
            self.assertIn(message, str(raised.exception))

    def test_of_tooManyPositions_isRefused(self) -> None:
        with self.assertRaisesRegex(ValueError, "21 values .expected: at most 20"):
            Settings.of([None] * 21)

    def test_infotext_ofChangedSettings_isPastedBack(self) -> None:
        changed = Settings(enabled=True, loss="conform", candidates=32, time_limit=2.5, plateau=True, verifiers="clip, aesthetic:0.5")
        params = {"Prenoise": "on", **changed.infotext()}
        self.assertEqual(Settings.of([{name: settings.pasted(field, params) for name, field in FIELDS.items()}]), changed)

    def test_infotext_ofDefaults_isShort(self) -> None:
        self.assertEqual(Settings(enabled=True).infotext(), {})

    def test_pasted_ofPictureWithout_switchesOff(self) -> None:
        self.assertIs(settings.pasted(FIELDS["enabled"], {"Seed": "7"}), False)
        self.assertIs(settings.pasted(FIELDS["enabled"], {"Prenoise": settings.PLAIN}), False)
        self.assertIsNone(settings.pasted(FIELDS["loss"], {"Seed": "7"}))
        self.assertEqual(settings.pasted(FIELDS["recipe"], {"Seed": "7"}), "")

    def test_pasted_ofLaterVersionsValue_leavesTheUsersOwn(self) -> None:
        self.assertIsNone(settings.pasted(FIELDS["loss"], {"Prenoise": "on", "Prenoise loss": "of 2030"}))

    def test_verifiers_withWeights(self) -> None:
        self.assertEqual(settings.verifiers("clip, aesthetic:0.5,"), [("clip", 0.0), ("aesthetic", 0.5)])
        for text in ("", "clip:much", ":1", "clip:-1"):
            with self.subTest(text), self.assertRaisesRegex(ValueError, "verifiers: .* .expected: "):
                settings.verifiers(text)

    def test_words_areSplitAtCommas(self) -> None:
        self.assertEqual(settings.words(" cat, red apple ,"), ("cat", "red apple"))


if __name__ == "__main__":
    unittest.main()
