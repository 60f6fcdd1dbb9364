"""Words to positions, on what real tokenizers made of real and awkward prompts.

tokenized.json has the pieces of CLIP's tokenizer (Stable Diffusion 1), T5's (Flux) and Qwen 2.5's as the transformers library 5.18 gives them, and for
each the stretch of the text that the tokenizers library says it came from (white space taken off; none for T5's bare word starts).
"""

import json
import random
import unittest
from pathlib import Path
from unittest import mock

from prenoise import tokens, wire
from prenoise.tokens import WordNotFound, align, token_indices

ROWS = json.loads((Path(__file__).parent / "tokenized.json").read_text(encoding="utf-8"))


def pieces_of(tokenizer, text):
    (row,) = [row for row in ROWS if row["tokenizer"] == tokenizer and row["text"].startswith(text)]
    return row["text"], row["pieces"]


def found(text, *words, occurrence=0):
    """A FoundSubject of words of the text, each at its n-th occurrence."""
    spans = []
    for word in words:
        start = -1
        for _ in range(occurrence + 1):
            start = text.index(word, start + 1)
        spans.append(wire.TextSpan(start, start + len(word)))
    return wire.FoundSubject(wire.Subject(words[-1], list(words[:-1])), spans)


def pieces_at(subject, pieces):
    return [pieces[i] for i in subject.token_indices]


def visible(text, span):
    """The places of a stretch that hold more than white space and characters without width."""
    return None if span is None else {i for i in range(*span) if tokens._folded(text[i])} or None


class AlignTest(unittest.TestCase):
    def test_every_piece_has_the_stretch_that_its_tokenizer_cut_it_from(self):
        compared = 0
        for row in ROWS:
            text, pieces = row["text"], row["pieces"]
            for i, (ours, theirs) in enumerate(zip(align(text, pieces), row["spans"])):
                with self.subTest(tokenizer=row["tokenizer"], text=text, piece=pieces[i]):
                    self.assertEqual(visible(text, ours), visible(text, theirs))
                    compared += ours is not None
        self.assertGreater(compared, 800)

    def test_text_in_another_unicode_form_is_the_same_text(self):
        text, pieces = pieces_of("clip", "Caf\u00e9 cr")
        import unicodedata

        decomposed = unicodedata.normalize("NFD", text)
        self.assertEqual(
            [None if s is None else unicodedata.normalize("NFC", decomposed[s[0] : s[1]]).rstrip("\u0301\u0300") for s in align(decomposed, pieces)],
            [None if s is None else text[s[0] : s[1]] for s in align(text, pieces)],
        )

    def test_plain_quotes_are_curly_ones(self):
        self.assertEqual(
            align("the cat\u2019s hat", ["", "the</w>", "cat</w>", "'s</w>", "hat</w>", ""]), [None, (0, 3), (4, 7), (7, 9), (10, 13), None]
        )

    def test_text_without_pieces_is_left_out_and_pieces_without_text(self):
        # The name of an embedding in the text has vectors in place of pieces; a trigger word that the host added has no text.
        text = "embedding:easy a cat, embedding:hard and a cat"
        pieces = ["", "a</w>", "cat</w>", ",</w>", "masterpiece</w>", "and</w>", "a</w>", "cat</w>", ""]
        self.assertEqual(
            [None if s is None else text[s[0] : s[1]] for s in align(text, pieces)], [None, "a", "cat", ",", None, "and", "a", "cat", None]
        )
        self.assertEqual(align(text, pieces)[7][0], text.rindex("cat"))

    def test_nothing_in_common(self):
        self.assertEqual(align("\u732b", ["", "dog</w>"]), [None, None])
        self.assertEqual(align("", ["", "dog</w>"]), [None, None])
        self.assertEqual(align("dog", []), [])

    def test_a_long_prompt_is_aligned_in_reasonable_time(self):
        import time

        text = "the quick brown fox " * 400
        begun = time.process_time()
        spans = align("unheard " + text, [""] + ["the</w>", "quick</w>", "brown</w>", "fox</w>"] * 400)
        self.assertEqual(spans[-1], (8 + len(text) - 4, 8 + len(text) - 1))
        self.assertLess(time.process_time() - begun, 3)


class TokenIndicesTest(unittest.TestCase):
    def test_attributes_come_first_and_the_noun_last_with_all_its_pieces(self):
        text, pieces = pieces_of("clip", "hyperrealistic")
        subject = token_indices(found(text, "hyperrealistic", "zeppelin"), text, pieces)
        self.assertEqual("".join(pieces_at(subject, pieces)), "hyperrealistic</w>zeppelin</w>")
        self.assertGreater(len(subject.token_indices), 2)
        self.assertEqual((subject.text, subject.attributes), ("zeppelin", ["hyperrealistic"]))

    def test_the_same_word_twice_has_two_places(self):
        text, pieces = pieces_of("clip", "the green frog's")
        first, second = (token_indices(found(text, "frog", occurrence=n), text, pieces).token_indices for n in (0, 1))
        self.assertEqual((first, second), ([3], [10]))
        leaves = [token_indices(found(text, "leaf", occurrence=n), text, pieces).token_indices for n in (0, 1)]
        self.assertEqual([pieces_at(wire.Subject(token_indices=leaf), pieces) for leaf in leaves], [["leaf</w>"], ["leaf</w>"]])
        self.assertNotEqual(*leaves)

    def test_contractions_capitals_accents_and_emoji_in_clip_and_t5(self):
        for tokenizer, begin, word, expected in (
            ("clip", "A Photograph", "Cat", ["cat</w>"]),
            ("clip", "A Photograph", "isn't", ["isn</w>", "'t</w>"]),
            ("clip", "an emoji", "\U0001f642", ["\u00f0\u0141\u013b\u0124</w>"]),
            ("clip", "Caf\u00e9", "\u00c5ngstr\u00f6m", ["\u00c3\u00a5", "ng", "str", "\u00c3\u00b6", "m</w>"]),
            ("clip", "dog!!!", "t-shirt", ["t</w>", "-</w>", "shirt</w>"]),
            ("t5", "A Photograph", "Cat", ["\u2581Cat"]),
            ("t5", "A Photograph", "hat", ["hat"]),
            ("t5", "an emoji", "\U0001f642", ["<unk>"]),
            ("t5", "Caf\u00e9", "na\u00efve", ["n", "a", "<unk>", "ve"]),
            ("t5", "dog!!!", "shirt", ["shirt"]),
        ):
            text, pieces = pieces_of(tokenizer, begin)
            with self.subTest(tokenizer=tokenizer, word=word):
                self.assertEqual(pieces_at(token_indices(found(text, word), text, pieces), pieces), expected)

    def test_two_chunks_of_77_are_one_behind_the_other(self):
        text, pieces = pieces_of("clip", "a photograph of a red fox")
        words = [piece for piece in pieces if piece]
        self.assertGreater(len(words), 75)
        chunks = ["", *words[:75], "", "", *words[75:150]]
        chunks += [""] * (154 - len(chunks))
        subject = token_indices(found(text, "last", "cat"), text, chunks)
        self.assertEqual(pieces_at(subject, chunks), ["last</w>", "cat</w>"])
        self.assertGreater(min(subject.token_indices), 77)
        for occurrence in range(9):
            (fox,) = token_indices(found(text, "fox", occurrence=occurrence), text, chunks).token_indices
            own = 11 * occurrence + 6
            self.assertEqual(fox, own if own <= 75 else own + 2)

    def test_a_word_that_was_cut_off_is_named(self):
        text, pieces = pieces_of("clip", "a photograph of a red fox")
        with self.assertRaisesRegex(WordNotFound, '^"cat" has no token') as caught:
            token_indices(found(text, "cat"), text, pieces[:77])
        self.assertEqual(caught.exception.word, "cat")

    def test_a_word_that_was_cut_in_two_is_named(self):
        text, pieces = pieces_of("clip", "Caf\u00e9 cr")
        cut = pieces[: pieces.index("str")]
        with self.assertRaisesRegex(WordNotFound, '"\u00c5ngstr\u00f6m" has tokens for a part of it only'):
            token_indices(found(text, "\u00c5ngstr\u00f6m"), text, cut)
        text, pieces = pieces_of("clip", "\u732b")
        with self.assertRaisesRegex(WordNotFound, "\u732b"):
            token_indices(found(text, "\u732b"), text, pieces[:3])

    def test_a_word_that_the_host_did_not_tokenise_is_named(self):
        with self.assertRaisesRegex(WordNotFound, '"owl" has no token'):
            token_indices(found("an owl and a cat", "owl"), "an owl and a cat", ["", "an</w>", "and</w>", "a</w>", "cat</w>", ""])

    def test_a_subject_without_words_is_refused(self):
        with self.assertRaisesRegex(WordNotFound, '"cat" has no place in the text'):
            token_indices(wire.FoundSubject(wire.Subject("cat")), "a cat", ["a</w>", "cat</w>"])


class LongTextTest(unittest.TestCase):
    """Texts of 1,600 words, with pieces that are not theirs or come in another order."""

    def setUp(self):
        letters = random.Random(1)
        self.words = ["".join(letters.choices("abcdefghij", k=7)) for _ in range(1600)]
        self.text = " ".join(self.words)
        self.compared = 0
        agree = tokens._agree

        def counted(*args):
            self.compared += 1
            return agree(*args)

        patch = mock.patch.object(tokens, "_agree", counted)
        patch.start()
        self.addCleanup(patch.stop)

    def test_pieces_that_never_agree_are_given_up_soon(self):
        spans = align(self.text, ["klmnopq</w>"] * 1600)
        self.assertEqual(set(spans), {None})
        self.assertLess(self.compared, 50_000)

    def test_pieces_in_another_order_are_laid_in_a_time_that_grows_with_the_text(self):
        turned = [word for at in range(0, 1600, 50) for word in reversed(self.words[at : at + 50])]
        spans = align(self.text, [f"{word}</w>" for word in turned])
        self.assertGreaterEqual(sum(span is not None for span in spans), 1600 // 50)
        self.assertLess(self.compared, 200 * 1600)

    def test_a_word_behind_another_text_of_some_sentences_is_found(self):
        text = " ".join(["xyz"] * 100 + ["cat"])
        (index,) = token_indices(found(text, "cat"), text, ["cat</w>"]).token_indices
        self.assertEqual(index, 0)

    def test_the_subjects_of_a_prompt_share_one_alignment(self):
        pieces = [f"{word}</w>" for word in self.words]
        with mock.patch.object(tokens, "_piece_chars", side_effect=tokens._piece_chars) as read:
            for i in (3, 700, 1599):
                self.assertEqual(token_indices(found(self.text, self.words[i]), self.text, pieces).token_indices, [i])
        self.assertEqual(read.call_count, 1)


if __name__ == "__main__":
    unittest.main()
