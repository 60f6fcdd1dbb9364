"""Makes clip-tiny/ (vocab.json + merges.txt, as Stable Diffusion 1's folder has it), clip-tiny-json/ (the same as tokenizer.json) and
clip-tiny.golden.json (what transformers' CLIPTokenizer makes of some texts). Needs transformers. Run it in this folder."""
import collections
import json
import os

from transformers import CLIPTokenizer

WORDS = ("a an and the of with in on to cat dog frog red blue green yellow apple old fisherman wearing raincoat portrait astronaut "
         "strawberry straw berry fish man rain coat pear truck fire bear crown").split()
BOS, EOS = "<|startoftext|>", "<|endoftext|>"
MERGES = 66


def byte_characters():
    """GPT-2's printable stand-in for every byte, in its order."""
    plain = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    return [chr(b) for b in plain] + [chr(256 + n) for n in range(256 - len(plain))]


def merges():
    """Byte-pair merges over WORDS, most frequent pair first, longer words weighing less, so that rare ones stay in pieces."""
    words = {w: list(w[:-1]) + [w[-1] + "</w>"] for w in WORDS}
    found = []
    while len(found) < MERGES:
        pairs = collections.Counter()
        for word, pieces in words.items():
            for pair in zip(pieces, pieces[1:]):
                pairs[pair] += 12 / len(word)
        if not pairs:
            break
        best = max(pairs, key=lambda p: (pairs[p], p))
        found.append(best)
        for pieces in words.values():
            i = 0
            while i + 1 < len(pieces):
                if (pieces[i], pieces[i + 1]) == best:
                    pieces[i:i + 2] = ["".join(best)]
                i += 1
    return found


def main():
    found = merges()
    characters = byte_characters()
    tokens = characters + [c + "</w>" for c in characters] + ["".join(p) for p in found] + [BOS, EOS]
    vocabulary = {}
    for token in tokens:
        vocabulary.setdefault(token, len(vocabulary))
    for folder in ("clip-tiny", "clip-tiny-json"):
        os.makedirs(folder, exist_ok=True)
        with open(f"{folder}/tokenizer_config.json", "w") as f:
            json.dump({"bos_token": {"content": BOS}, "eos_token": {"content": EOS}, "unk_token": {"content": EOS},
                       "pad_token": "!" if folder == "clip-tiny-json" else EOS, "model_max_length": 16,
                       "tokenizer_class": "CLIPTokenizer"}, f, indent=1)
    with open("clip-tiny/vocab.json", "w", encoding="utf-8") as f:
        json.dump(vocabulary, f, ensure_ascii=False)
    with open("clip-tiny/merges.txt", "w", encoding="utf-8") as f:
        f.write("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in found))
    reference = CLIPTokenizer(vocab=vocabulary, merges=found)
    reference.backend_tokenizer.save("clip-tiny-json/tokenizer.json", pretty=False)

    golden = []
    for text in ["a cat and a frog", "A Red   Apple, and the BLUE truck!", "portrait of an old fisherman wearing a yellow raincoat",
                 "astronaut's strawberry's 12 (pears:1.3)", "caf\u00e9 \u00e9 na\u00efve cafe\u0301", "\U0001f98a fox \U0001f525 in \u6797",
                 "", "   ", "half-eaten don't we'll\nnew\tline", "I\u0130\u00df \ufb01sh"]:
        e = reference.backend_tokenizer.encode(text)
        units = lambda n: len(text[:n].encode("utf-16-le")) // 2
        golden.append({"text": text, "ids": e.ids, "spans": [[units(a), units(b)] for a, b in e.offsets]})
    with open("clip-tiny.golden.json", "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(g) for g in golden) + "\n]\n")
    for w in WORDS:
        print(w, reference.tokenize(w))


main()
