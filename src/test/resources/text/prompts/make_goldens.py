"""Makes prompts.json and towers: what ComfyUI's and AUTOMATIC1111's own code makes of some prompts, with ../clip-tiny as tokenizer and tiny
random text encoders of 16 positions.

    python make_goldens.py PATH_OF_A_COMFYUI PATH_OF_A_STABLE_DIFFUSION_WEBUI

Needs torch, transformers, safetensors and lark, and checkouts of both hosts (made with ComfyUI of January 2026 and webui 1.10.1). Only their
prompt code is imported, everything around it is stubbed. Run it in this folder."""
import importlib.util
import json
import logging
import sys
import types

import torch
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModelWithProjection, CLIPTokenizer

COMFYUI, WEBUI = sys.argv[1:]
TOKENIZER = "../clip-tiny"
LENGTH = 16
STEPS = 20
torch.set_default_dtype(torch.float64)
logging.disable(logging.WARNING)


def load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def stub(name, **attributes):
    module = types.ModuleType(name)
    module.__dict__.update(attributes)
    module.__path__ = []
    sys.modules[name] = module
    if "." in name:
        setattr(sys.modules[name.rpartition(".")[0]], name.rpartition(".")[2], module)
    return module


stub("comfy")
stub("comfy.model_management", intermediate_device=lambda: "cpu")
stub("comfy.ops")
stub("comfy.clip_model", CLIPTextModel=None)
comfy = load("comfy.sd1_clip", f"{COMFYUI}/comfy/sd1_clip.py")

opts = types.SimpleNamespace(emphasis="Original", comma_padding_backtrack=20, use_old_emphasis_implementation=False,
                             CLIP_stop_at_last_layers=1, textual_inversion_add_hashes_to_infotext=False, sdxl_clip_l_skip=False)
stub("modules")
stub("modules.shared", opts=opts)
stub("modules.devices", device="cpu", torch_npu_set_device=lambda: None)
HIJACK = types.SimpleNamespace(embedding_db=types.SimpleNamespace(find_embedding_at_position=lambda tokens, at: (None, None)),
                               extra_generation_params={})
stub("modules.sd_hijack", model_hijack=HIJACK)
sys.modules["modules"].prompt_parser = prompt_parser = load("modules.prompt_parser", f"{WEBUI}/modules/prompt_parser.py")
sys.modules["modules"].sd_emphasis = load("modules.sd_emphasis", f"{WEBUI}/modules/sd_emphasis.py")
webui = load("modules.sd_hijack_clip", f"{WEBUI}/modules/sd_hijack_clip.py")

with open(f"{TOKENIZER}/vocab.json", encoding="utf-8") as v, open(f"{TOKENIZER}/merges.txt", encoding="utf-8") as m:
    tokenizer = CLIPTokenizer(vocab=json.load(v), merges=[tuple(line.split()) for line in m.read().splitlines()[1:]])
BOS, EOS = tokenizer("")["input_ids"]


def tower(name, seed, width, activation, projection):
    torch.manual_seed(seed)
    config = CLIPTextConfig(vocab_size=EOS + 1, max_position_embeddings=LENGTH, hidden_size=width, intermediate_size=12,
                            num_hidden_layers=3, num_attention_heads=2, hidden_act=activation, projection_dim=projection,
                            bos_token_id=BOS, eos_token_id=EOS)
    model = CLIPTextModelWithProjection(config).eval().float()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_((torch.randn(parameter.shape) * 0.4).to(torch.bfloat16))
    save_file({k: v.to(torch.bfloat16).contiguous() for k, v in model.state_dict().items() if "position_ids" not in k},
              f"{name}.safetensors", metadata={"format": "pt"})
    return model.double()


L = tower("tower_l", 1, 8, "quick_gelu", 8)
G = tower("tower_g", 2, 12, "gelu", 6)
# family: towers, each with how a user interface counts its layer, the final norm, the padding
FAMILIES = {"SD1": [(L, 1, True, EOS)], "SD2": [(G, 2, True, 0)], "SDXL": [(L, 2, False, EOS), (G, 2, False, 0)]}


def run(model, skip, norm, ids):
    with torch.no_grad():
        out = model(input_ids=torch.tensor(ids), output_hidden_states=True)
        z = out.hidden_states[-skip]
        return (model.text_model.final_layer_norm(z) if norm else z).clone(), out.text_embeds


def comfy_tokens(text, length, pad_with_end=True):
    t = comfy.SDTokenizer(tokenizer_class=types.SimpleNamespace(from_pretrained=lambda path: tokenizer), max_length=length, pad_with_end=pad_with_end, embedding_directory="/nowhere")
    return t.tokenize_with_weights(text)


def comfy_context(text, family, clip_skip):
    contexts = []
    for model, skip, norm, pad in FAMILIES[family]:
        encoder = comfy.ClipTokenWeightEncoder()
        encoder.special_tokens = {"start": BOS, "end": EOS, "pad": pad}
        encoder.encode = lambda ids, m=model, s=skip, n=norm: run(m, clip_skip or s, n, ids)
        context, pooled = encoder.encode_token_weights(comfy_tokens(text, LENGTH, pad == EOS))
        contexts.append(context)
    return torch.cat(contexts, -1), pooled


class Embedder(webui.FrozenCLIPEmbedderWithCustomWordsBase):
    def __init__(self, model, skip, norm, pad, length):
        super().__init__(types.SimpleNamespace(return_pooled=True), HIJACK)
        self.chunk_length = length - 2
        self.comma_token = tokenizer.get_vocab()[",</w>"]
        self.id_start, self.id_end, self.id_pad = BOS, EOS, pad
        self.how = (model, skip, norm)
        self.return_pooled = True

    def tokenize(self, texts):
        return [tokenizer(t)["input_ids"][1:-1] for t in texts]

    def encode_with_transformers(self, tokens):
        z, pooled = run(*self.how, tokens.tolist())
        z.pooled = pooled
        return z


def webui_first(text):
    _, flat, _ = prompt_parser.get_multicond_prompt_list([text])
    return prompt_parser.get_learned_conditioning_prompt_schedules(flat[:1], STEPS)[0][0][1]


def webui_tokens(text, length):
    chunks, _ = Embedder(None, 1, True, EOS, length).tokenize_line(webui_first(text))
    return [list(zip(c.tokens, c.multipliers)) for c in chunks]


def webui_context(text, family, clip_skip):
    contexts = []
    for model, skip, norm, pad in FAMILIES[family]:
        skip = clip_skip or skip if family == "SD1" else skip
        z, pooled = Embedder(model, skip, norm, pad, LENGTH)([webui_first(text)])
        contexts.append(z)
    return torch.cat(contexts, -1), pooled


BOTH = [
    "a cat and a frog", "", "   ", "(a red apple:1.3)", "a (red) apple", "a ((red)) apple", "((red:1.3) apple)", "a (red:0.5) (apple:1.5)",
    "(unbalanced apple", "apple) and a (frog", ")(", "(((", "a \\(red\\) apple", "(a \\(red\\) apple:1.2)", "a \\\\ cat \\", "(red:blue) cat", "(cat:)",
    "(:1.2) cat", "(cat:-0.5)", "(cat: 1.2 )", "(cat:1.)", "(cat:.7)", "a straw(berry:1.4)", "()", "(red:1.1)(blue:1.1)", "(a (red:1.2) apple (frog):0.8)",
    "[cat]", "[[cat]]", "([cat])", "[(cat:1.4)]", "[unbalanced cat", "cat] frog", "a cat, (a dog:1.2),\na frog",
    "caf\u00e9 (\u6797:1.2) \U0001f98a",
    ", ".join(["a red apple and a green pear"] * 14),
    "a portrait of an old fisherman wearing a yellow raincoat " * 12,
    "(a portrait of an old fisherman wearing a yellow raincoat " * 9 + ":1.2) and a (dog:1.3)",
    " ".join(f"(strawberry:{1 + i / 100})" for i in range(60)),
    "a cat , " + "dog " * 60 + ", " + "frog " * 30,
    "a cat , " + "dog " * 53 + ", " + "frog " * 20 + " a red apple",
    "dog " * 75, "dog " * 76, "dog " * 75 + ",", "dog " * 74 + ", cat",
]
COMFY = ["a cat embedding:easynegative on a dog", "embedding:bad, a cat", "(embedding:bad:1.2) cat", "a cat,embedding:bad frog", "(cat:1e1)",
         "a <hypernet:x:1> cat", "a BREAK cat AND dog"]
WEBUI_ONLY = ["a cat BREAK a dog", "BREAK a cat", "a cat BREAK BREAK a dog BREAK", "(a cat BREAK a dog:1.2)", "a cat BREAKING", "a [cat:dog:0.5]", "a [cat:dog:0.01]",
              "a [cat:dog:0]", "a [cat:dog:1]", "a [dog:0.5] cat", "a [dog::5] cat", "a [cat|dog|frog]", "a [cat|] dog", "[(cat:1.2):dog:0.3] frog",
              "a [[cat:dog:0.5]:frog:0.5]", "a [cat:dog] frog", "a [cat:dog:x] frog", "a [unbalanced [cat:dog:0.5]", "((a][:cat:dog [frog:3]",
              "a | b [cat:dog:0.5]", "a cat:1.5", "a cat :1.5  ", "[cat:dog:-1]", "[cat:dog: 5 ] frog", "a [red:blue:0.5] [cat|dog] (frog:1.3)",
              "(a [cat:dog:0.5]:1.2)", "[a (red:1.2) cat:a [dog]:0.4]", "a\\[cat:dog:0.5\\]", "[cat:dog:2e0]", "[cat:dog:20.]", "[:cat:0.5] dog"]


def compact(chunks):
    """Ids and weights up to the end of the text; what follows is padding."""
    rows = []
    for chunk in chunks:
        ids = [int(i) for i, _ in chunk]
        end = ids.index(EOS)
        assert set(ids[end:]) == {EOS} and all(w == 1 for _, w in chunk[end:])
        rows.append({"ids": ids[1:end], "weights": [float(w) for _, w in chunk[1:end]]})
        if all(w == 1 for w in rows[-1]["weights"]):
            del rows[-1]["weights"]
    return rows


CONTEXTS = ["a (red:1.4) apple and a [frog]", "(a portrait of an old fisherman:1.2) wearing a (yellow:0.7) raincoat , a cat and a dog",
            "a cat and a frog"]


def main():
    golden = {"steps": STEPS, "bos": BOS, "eos": EOS, "tokens": [], "contexts": []}
    for text in BOTH + COMFY:
        golden["tokens"].append({"syntax": "COMFYUI", "text": text, "chunks": compact(comfy_tokens(text, 77))})
    for text in BOTH + WEBUI_ONLY:
        golden["tokens"].append({"syntax": "A1111", "text": text, "chunks": compact(webui_tokens(text, 77))})
    tensors = {}
    for text in CONTEXTS:
        for syntax, context in (("COMFYUI", comfy_context), ("A1111", webui_context)):
            for family in FAMILIES:
                for clip_skip in (0, 3) if text == CONTEXTS[0] else (0,):
                    z, pooled = context(text, family, clip_skip)
                    name = f"{len(golden['contexts'])}"
                    golden["contexts"].append({"syntax": syntax, "family": family, "clip_skip": clip_skip, "text": text})
                    tensors[name] = z
                    if family == "SDXL":
                        tensors[name + ".pooled"] = pooled[:1]
    save_file({k: v.detach().contiguous().clone() for k, v in tensors.items()}, "contexts.safetensors")
    with open("prompts.json", "w") as f:
        lines = {k: ("[\n" + ",\n".join(json.dumps(e) for e in v) + "\n]" if isinstance(v, list) else json.dumps(v)) for k, v in golden.items()}
        f.write("{\n" + ",\n".join(f'"{k}": {v}' for k, v in lines.items()) + "\n}\n")


main()
