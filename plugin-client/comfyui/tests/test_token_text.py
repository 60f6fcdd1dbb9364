"""Token texts in the order in which a model's attention sees them."""

import types
import unittest

from support import pack  # noqa: F401  (first: it loads the node pack)

from better_noise_pack.better_noise.token_text import UnknownLayout, pieces_of

CLIP = types.SimpleNamespace(inv_vocab={0: "<start>", 1: "<end>", 5: "cat</w>", 6: "!</w>"}, start_token=0, end_token=1, pad_token=1)
T5 = types.SimpleNamespace(inv_vocab={0: "<pad>", 1: "</s>", 7: "\u2581cat"}, start_token=None, end_token=1, pad_token=0)
BOTH = types.SimpleNamespace(clip_l=CLIP, t5xxl=T5)


def chunk(*tokens):
    return [(token, 1.0) for token in tokens]


class PiecesTest(unittest.TestCase):
    def test_tokens_that_stand_for_no_text_are_empty(self):
        self.assertEqual(["", "cat</w>", "", ""], pieces_of({"l": [chunk(0, 5, 1, 1)]}, types.SimpleNamespace(clip_l=CLIP), "cat", 4))

    def test_chunks_follow_one_another(self):
        found = pieces_of({"l": [chunk(0, 5, 1), chunk(0, 6, 1)]}, types.SimpleNamespace(clip_l=CLIP), "cat !", 6)
        self.assertEqual(["", "cat</w>", "", "", "!</w>", ""], found)

    def test_the_vectors_of_an_embedding_are_no_text(self):
        self.assertEqual(
            ["", "", "cat</w>"], pieces_of({"l": [[(0, 1.0), (object(), 1.0), (5, 1.0)]]}, types.SimpleNamespace(clip_l=CLIP), "x cat", 3)
        )

    def test_the_length_tells_sd3_from_flux_and_from_clip_alone(self):
        tokens = {"l": [chunk(0, 5, 1)], "t5xxl": [chunk(7, 1, 0, 0)]}
        self.assertEqual(["", "cat</w>", "", "\u2581cat", "", "", ""], pieces_of(tokens, BOTH, "cat", 7))
        self.assertEqual(["", "cat</w>", ""], pieces_of(tokens, BOTH, "cat", 3))
        self.assertEqual(["\u2581cat", "", "", ""], pieces_of(tokens, BOTH, "cat", 4))

    def test_another_length_is_another_text(self):
        with self.assertRaisesRegex(UnknownLayout, 'has 154 tokens, but the text "cat" gives 3'):
            pieces_of({"l": [chunk(0, 5, 1)]}, types.SimpleNamespace(clip_l=CLIP), "cat", 154)


if __name__ == "__main__":
    unittest.main()
