#!/usr/bin/env python3
"""Searches on a Stable Diffusion 1 model with text embeddings made here: the sidecar needs no tokenizer and loads no text encoder.

pip install ./plugin-client/python torch transformers
./prenoise serve --models DIR                       # in the repository's root, in another terminal
python plugin-client/python/examples/conditioning.py MODEL "a cat and a frog" cat frog
"""

import argparse
import sys

import prenoise
import torch
from prenoise import arrays, wire
from transformers import CLIPTextModel, CLIPTokenizer

ENCODER = "openai/clip-vit-large-patch14"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="an id of `prenoise models`")
    parser.add_argument("prompt")
    parser.add_argument("subject", nargs="+", help="words of the prompt")
    parser.add_argument("--encoder", default=ENCODER, help="a name or folder that transformers reads")
    parser.add_argument("--target", default="127.0.0.1:50551")
    args = parser.parse_args()
    tokenizer = CLIPTokenizer.from_pretrained(args.encoder)
    encoder = CLIPTextModel.from_pretrained(args.encoder)

    def ids(text):
        return tokenizer(text, padding="max_length", truncation=True, max_length=77).input_ids

    def embeddings(text):
        with torch.no_grad():
            return arrays.from_torch(encoder(torch.tensor([ids(text)])).last_hidden_state)  # [1, 77, 768]

    def positions(word):
        wanted = tokenizer(word, add_special_tokens=False).input_ids
        tokens = ids(args.prompt)
        for start in range(1, len(tokens) - len(wanted)):
            if tokens[start : start + len(wanted)] == wanted:
                return list(range(start, start + len(wanted)))
        parser.error(f"{word!r} is not in the prompt")

    request = wire.OptimizeNoiseRequest(
        backbone=args.model,
        prompt=wire.Prompt(
            subjects=[wire.Subject(text=word, token_indices=positions(word)) for word in args.subject],
            conditioning=wire.Conditioning(embeddings=embeddings(args.prompt), negative_embeddings=embeddings("")),
        ),
        seed=7,
        attention=wire.AttentionRanking(wire.AttentionLoss.INITNO),
        budget=wire.Budget(loss_evaluations=8),
    )
    try:
        for event in prenoise.Sidecar(args.target).optimize(request):
            print(event)
    except prenoise.PrenoiseError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
