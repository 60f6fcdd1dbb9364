"""Makes the tiny CLIPs of ../../test/resources/verifier/clip and what transformers computes on them.

    python make_clip.py ../../test/resources        with torch, transformers, safetensors, pillow

Two random models, clip (OpenAI's kind: quick GELU, patches that fill the picture) and clip_h (OpenCLIP's: GELU, patches that leave a
margin, other head widths), each in transformers' layout and, by the names that OpenCLIP gives them, in OpenCLIP's. Weights are float16
numbers. Goldens are computed in float64.
"""
import json
import re
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import save_file
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer
from transformers.models.clip import CLIPImageProcessorPil

import layouts

PROMPTS = ["a red cat and a blue dog", "an old fisherman wearing a yellow raincoat", "A  portrait,of an Astronaut!",
           "a red cat and a blue dog on a yellow truck with a fisherman and a strawberry in the rain"]
LABELS = ["cat, kitty", "dog", "fire truck", "strawberry"]
TEMPLATES = ["a bad photo of the {}.", "a origami {}.", "a photo of the large {}.", "a {} in a video game.",
             "art of the {}.", "a photo of the small {}.", "itap of a {}."]
# the 80 of the same notebook, in its order, and how the published metric of attention losses reads a prompt through them
TEMPLATES_80 = """
a bad photo of a {}.; a photo of many {}.; a sculpture of a {}.; a photo of the hard to see {}.; a low resolution photo of the {}.;
a rendering of a {}.; graffiti of a {}.; a bad photo of the {}.; a cropped photo of the {}.; a tattoo of a {}.; the embroidered {}.;
a photo of a hard to see {}.; a bright photo of a {}.; a photo of a clean {}.; a photo of a dirty {}.; a dark photo of the {}.;
a drawing of a {}.; a photo of my {}.; the plastic {}.; a photo of the cool {}.; a close-up photo of a {}.;
a black and white photo of the {}.; a painting of the {}.; a painting of a {}.; a pixelated photo of the {}.; a sculpture of the {}.;
a bright photo of the {}.; a cropped photo of a {}.; a plastic {}.; a photo of the dirty {}.; a jpeg corrupted photo of a {}.;
a blurry photo of the {}.; a photo of the {}.; a good photo of the {}.; a rendering of the {}.; a {} in a video game.; a photo of one {}.;
a doodle of a {}.; a close-up photo of the {}.; a photo of a {}.; the origami {}.; the {} in a video game.; a sketch of a {}.;
a doodle of the {}.; a origami {}.; a low resolution photo of a {}.; the toy {}.; a rendition of the {}.; a photo of the clean {}.;
a photo of a large {}.; a rendition of a {}.; a photo of a nice {}.; a photo of a weird {}.; a blurry photo of a {}.; a cartoon {}.;
art of a {}.; a sketch of the {}.; a embroidered {}.; a pixelated photo of a {}.; itap of the {}.; a jpeg corrupted photo of the {}.;
a good photo of a {}.; a plushie {}.; a photo of the nice {}.; a photo of the small {}.; a photo of the weird {}.; the cartoon {}.;
art of the {}.; a drawing of the {}.; a photo of the large {}.; a black and white photo of a {}.; the plushie {}.; a dark photo of a {}.;
itap of a {}.; graffiti of the {}.; a toy {}.; itap of my {}.; a photo of a cool {}.; a photo of a small {}.; a tattoo of the {}.
"""
READ_THROUGH = ["a red cat and a blue dog", "a red cat", "a blue dog", "a chihuahua and a poodle"]
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
TEXT = dict(vocab_size=580, max_position_embeddings=16, hidden_size=12, intermediate_size=24, num_hidden_layers=2,
            num_attention_heads=2, bos_token_id=578, eos_token_id=579, pad_token_id=579)
MODELS = {
    "clip": dict(
        projection_dim=8, text_config=TEXT | dict(hidden_act="quick_gelu", eos_token_id=2),
        vision_config=dict(image_size=32, patch_size=8, hidden_size=16, intermediate_size=32, num_hidden_layers=3,
                           num_attention_heads=2, hidden_act="quick_gelu")),
    "clip_h": dict(
        projection_dim=10, text_config=TEXT | dict(hidden_act="gelu", num_attention_heads=3),
        vision_config=dict(image_size=30, patch_size=7, hidden_size=20, intermediate_size=36, num_hidden_layers=2,
                           num_attention_heads=2, hidden_act="gelu")),
}
# chosen so that cosines are of both signs
SEEDS = {"clip": 7, "clip_h": 6}
SIZES = [(52, 40), (64, 64), (33, 70)]


def picture(index):
    """Width, height and bytes that a test can compute as well."""
    width, height = SIZES[index]
    data = bytes((x * (5 + index) + y * (3 + 2 * index) + c * 70 + x * y // 9) & 255
                 for y in range(height) for x in range(width) for c in range(3))
    return Image.frombytes("RGB", (width, height), data)


def pixels(size, batch=2):
    """Values from -2 to 2 that a test can compute as well."""
    k = torch.arange(batch * 3 * size * size, dtype=torch.int64)
    return (((k * 2654435761) % 2**32 >> 24).double() / 64 - 2).reshape(batch, 3, size, size)


def numbers(image):
    """[3, H, W] in [0, 1]."""
    return torch.tensor(list(image.tobytes()), dtype=torch.float64).reshape(image.height, image.width, 3).permute(2, 0, 1) / 255


def as_open_clip(image, side, resize_numbers=False):
    """torchvision's Resize and CenterCrop, on a Pillow picture as OpenCLIP does or on a tensor as HPSv2 does, then Normalize."""
    width, height = image.size
    longer = int(side * max(width, height) / min(width, height))
    size = (side, longer) if width <= height else (longer, side)
    if resize_numbers:
        x = F.interpolate(numbers(image)[None].float(), size=size[::-1], mode="bicubic", antialias=True)[0].double()
    else:
        x = numbers(image.resize(size, Image.BICUBIC))
    top, left = int(round((size[1] - side) / 2.0)), int(round((size[0] - side) / 2.0))
    x = x[:, top:top + side, left:left + side]
    return (x - torch.tensor(MEAN).double()[:, None, None]) / torch.tensor(STD).double()[:, None, None]


def draw(model, seed):
    generator = torch.Generator().manual_seed(seed)
    for name, p in model.named_parameters():
        if name == "logit_scale":
            value = torch.tensor(3.0)
        elif p.dim() == 1 and name.endswith("weight"):
            value = 1 + 0.2 * torch.randn(p.shape, generator=generator)
        elif p.dim() == 1:
            value = 0.2 * torch.randn(p.shape, generator=generator)
        else:
            fan_in = 1 if "embedding.weight" in name and p.dim() == 2 else p[0].numel()
            value = 1.3 * torch.randn(p.shape, generator=generator) / fan_in**0.5
        p.data = value.half().double()


def open_clip(name):
    """transformers' name of a CLIPModel's tensor to OpenCLIP's, and how the tensor lies there."""
    edges = {"logit_scale": ("logit_scale", ""), "visual_projection.weight": ("visual.proj", "transposed"),
             "vision_model.embeddings.class_embedding": ("visual.class_embedding", ""),
             "vision_model.embeddings.patch_embedding.weight": ("visual.conv1.weight", ""),
             "vision_model.embeddings.position_embedding.weight": ("visual.positional_embedding", "")}
    if name in edges:
        return edges[name]
    if match := re.fullmatch(r"vision_model\.(pre_layrnorm|post_layernorm)\.(weight|bias)", name):
        return f"visual.{'ln_pre' if match[1] == 'pre_layrnorm' else 'ln_post'}.{match[2]}", ""
    if name.startswith("vision_model."):
        stored, how = layouts.open_clip(name.replace("vision_model.", "text_model."))
        return "visual." + stored, how
    return layouts.open_clip(name)


def open_clip_config(spec):
    vision, text = spec["vision_config"], spec["text_config"]
    config = dict(
        embed_dim=spec["projection_dim"],
        vision_cfg=dict(image_size=vision["image_size"], layers=vision["num_hidden_layers"], width=vision["hidden_size"],
                        head_width=vision["hidden_size"] // vision["num_attention_heads"],
                        mlp_ratio=vision["intermediate_size"] / vision["hidden_size"], patch_size=vision["patch_size"]),
        text_cfg=dict(context_length=16, vocab_size=580, width=text["hidden_size"], heads=text["num_attention_heads"],
                      layers=text["num_hidden_layers"]))
    if vision["hidden_act"] == "quick_gelu":
        config["quick_gelu"] = True
    return {"model_cfg": config, "preprocess_cfg": {"mean": MEAN, "std": STD}}


def unit(x):
    return x / x.norm(dim=-1, keepdim=True)


def sentences(prompt):
    """What the 80 templates say of a prompt; the replacements are of letters, wherever they stand."""
    templates = [template.strip() for template in TEMPLATES_80.split(";")]
    assert len(set(templates)) == 80
    return [template.format(prompt).replace("a a", "a").replace("the a", "a") for template in templates]


def write(root, name, spec, tokenizer):
    torch.manual_seed(0)
    model = CLIPModel(CLIPConfig(**spec)).double().eval()
    draw(model, SEEDS[name])
    half = {k: v.half().contiguous() for k, v in model.state_dict().items()}
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    save_file(half, folder / "model.safetensors", metadata={"format": "pt"})
    config = {"architectures": ["CLIPModel"], "model_type": "clip"} | spec
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    side = spec["vision_config"]["image_size"]
    processor = dict(do_resize=True, size={"shortest_edge": side}, resample=3, do_center_crop=True,
                     crop_size={"height": side, "width": side}, do_normalize=True, image_mean=MEAN, image_std=STD)
    (folder / "preprocessor_config.json").write_text(json.dumps(processor, indent=1) + "\n")
    other = root / (name + "_open_clip")
    other.mkdir(exist_ok=True)
    save_file(layouts.to_ldm((*open_clip(k), v) for k, v in half.items()), other / "open_clip_model.safetensors")
    (other / "open_clip_config.json").write_text(json.dumps(open_clip_config(spec), indent=1) + "\n")

    def texts(prompts):
        ids = tokenizer(prompts, padding="max_length", truncation=True, max_length=16, return_tensors="pt").input_ids
        return model.get_text_features(input_ids=ids).pooler_output

    golden = {}
    with torch.no_grad():
        golden["image"] = model.get_image_features(pixel_values=pixels(side)).pooler_output
        golden["text"] = texts(PROMPTS)
        shown = CLIPImageProcessorPil(**{k: v for k, v in processor.items() if not k.startswith("do_")})
        inputs = shown([picture(i) for i in range(3)], return_tensors="pt").pixel_values.double()
        golden["features"] = model.get_image_features(pixel_values=inputs).pooler_output
        ids = tokenizer(PROMPTS, padding="max_length", truncation=True, max_length=16, return_tensors="pt").input_ids
        # [pictures, prompts]: exp(logit_scale) * cosine
        golden["logits"] = model(pixel_values=inputs, input_ids=ids).logits_per_image
        for key, of_numbers in (("open_clip_logits", False), ("hps", True)):
            others = torch.stack([as_open_clip(picture(i), side, of_numbers) for i in range(3)])
            found = model(pixel_values=others, input_ids=ids).logits_per_image
            golden[key] = found / model.logit_scale.exp() if of_numbers else found
        classes = torch.stack([unit(unit(texts([t.format(label.split(",")[0]) for t in TEMPLATES])).mean(0)) for label in LABELS])
        golden["classes"] = model.logit_scale.exp() * unit(golden["features"]) @ classes.T
        golden["templates"] = torch.stack([unit(unit(texts(sentences(prompt))).mean(0)) for prompt in READ_THROUGH])
        # [pictures, prompts]
        golden["template_cosines"] = unit(golden["features"]) @ golden["templates"].T
        head = []
        widths = [spec["projection_dim"], 12, 9, 6, 4, 1]
        generator = torch.Generator().manual_seed(7)
        for i, o in zip(widths, widths[1:]):
            layer = torch.nn.Linear(i, o).double()
            layer.weight.data = (torch.randn(o, i, generator=generator) / i**0.5).half().double()
            layer.bias.data = torch.randn(o, generator=generator).half().double()
            head.append(layer)
        golden["aesthetic"] = torch.nn.Sequential(*head)(unit(golden["features"]))[:, 0]
        save_file({f"layers.{p}.{k}": v.half().contiguous() for p, layer in zip((0, 2, 4, 6, 7), head)
                   for k, v in layer.state_dict().items()}, folder / "aesthetic.safetensors")
    save_file({k: v.contiguous() for k, v in golden.items()}, folder / "golden.safetensors")
    single = model.float()
    with torch.no_grad():
        far = (single.get_image_features(pixel_values=inputs.float()).pooler_output.double() - golden["features"]).abs().max()
    print(name, {k: [round(float(v.min()), 3), round(float(v.max()), 3)] for k, v in golden.items()},
          f"float32 of transformers: {float(far / golden['features'].abs().max()):.1e} of the largest feature")


def main():
    resources = Path(sys.argv[1])
    words = resources / "text/clip-tiny"
    merges = [tuple(line.split()) for line in (words / "merges.txt").read_text().splitlines()[1:]]
    tokenizer = CLIPTokenizer(vocab=json.loads((words / "vocab.json").read_text()), merges=merges)
    for name, spec in MODELS.items():
        write(resources / "verifier/clip", name, spec, tokenizer)


if __name__ == "__main__":
    main()
