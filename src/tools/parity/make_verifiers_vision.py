"""Tiny random DINO, DINOv2, SigLIP and ImageReward in their published layouts, and what the published code computes with them.

    python make_verifiers_vision.py FOLDER [IMAGE_REWARD]        with torch, transformers, safetensors, pillow

FOLDER (src/test/resources/verifier/vision) gets a folder for each and golden.safetensors; README.md there says what is in it. Values are
whole numbers divided by powers of two, so that every floating type holds them. IMAGE_REWARD is a checkout of THUDM/ImageReward: its
numbers are made by its own ImageReward/models/BLIP; without one, what there is of it is left as it stands.
"""
import importlib.util
import json
import sys
import types
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file, save_file
from tokenizers import BertWordPieceTokenizer
from transformers import (BitImageProcessor, Dinov2Config, Dinov2ForImageClassification, SiglipImageProcessor, SiglipVisionConfig,
                          SiglipVisionModel, ViTConfig, ViTImageProcessor, ViTModel)

WIDTH, HEADS, WIDE, LAYERS, PATCH, SIDE, CLASSES = 16, 2, 24, 4, 4, 28, 5
SIZES = [(50, 37), (40, 40), (33, 61)]
LABELS = ["tench, Tinca tinca", "goldfish, Carassius auratus", "crane", "tiger cat", "tiger, Panthera tigris"]
PROMPTS = ["a tiger cat, asleep", "Un café déjà-vu: 猫 and dogs' unbelievable raincoat!",
           "a very long prompt " * 12]
# what the prompts are made of, and pieces; ids of the first ones as in bert-base-uncased
WORDS = ["a", "an", "and", "tiger", "cat", "cats", "asleep", ",", "un", "cafe", "deja", "-", "vu", ":", "猫", "dog", "##s", "'", "rain",
         "##coat", "!", "believ", "##believ", "##able", "very", "long", "prompt", "t", "##i"]


def picture(index, phase):
    """Triangle waves; the test makes the same bytes."""
    width, height = SIZES[index]
    x, y, c = np.arange(width)[None, :, None], np.arange(height)[:, None, None], np.arange(3)[None, None, :]
    v = (x * (5 + c + index) + y * (11 - 3 * c) + c * 40 + phase * (x * y // 4)) % 510
    return Image.fromarray(np.where(v > 255, 510 - v, v).astype(np.uint8))


def numbers(size):
    """Pixels [2, 3, size, size] between -1 and 1; the test makes the same."""
    i = torch.arange(2 * 3 * size * size)
    return ((i * 7919 % 256).double() / 128 - 1).reshape(2, 3, size, size)


def drawn(model, seed):
    """The model with random weights of 8 bits, far from the initialisation, in which many layers do nothing."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            scale = 1.5 / (p[0].numel() ** 0.5) if p.dim() > 1 and "token" not in name and "position" not in name else 0.15
            values = torch.randn(p.shape, generator=generator) * scale + (1 if p.dim() == 1 and "norm" in name.lower() and name.endswith("weight") else 0)
            p.copy_((values * 64).round() / 64)
    return model.eval()


def save(model, folder, config):
    """As transformers publishes it, but in halves."""
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    state = load_file(folder / "model.safetensors")
    save_file({k: v.half().contiguous() for k, v in state.items()}, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")


def cosines(features):
    """Of the first half with the second."""
    unit = F.normalize(features.double(), dim=-1)
    return (unit[: len(SIZES)] * unit[len(SIZES):]).sum(-1)


def shots(processor):
    """Pixels of the pictures, then of their predictions."""
    return torch.cat([processor(picture(i, phase)) for phase in (0, 1) for i in range(len(SIZES))])


def processed(processor):
    return shots(lambda image: processor(images=image, return_tensors="pt")["pixel_values"])


def resized(image, side, crop):
    """torchvision's Resize and CenterCrop on a picture of Pillow's."""
    w, h = image.size
    short = min(w, h)
    image = image.resize((side, int(side * h / w)) if w <= h else (int(side * w / h), side), Image.BICUBIC)
    left, top = int(round((image.width - crop) / 2.0)), int(round((image.height - crop) / 2.0))
    return image.crop((left, top, left + crop, top + crop))


def normalized(image, mean, std):
    """torchvision's ToTensor and Normalize."""
    values = torch.from_numpy(np.array(image)).permute(2, 0, 1).float().div(255)
    return ((values - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1))[None]


IMAGENET = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
CLIP = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))


def dino(folder, golden):
    sizes = dict(hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS, image_size=SIDE, patch_size=PATCH)
    config = ViTConfig(intermediate_size=WIDE, qkv_bias=True, layer_norm_eps=1e-12, **sizes)
    model = drawn(ViTModel(config, add_pooling_layer=False), 1)
    save(model, folder / "dino-vitb16", dict(model_type="vit", layer_norm_eps=1e-12, hidden_act="gelu", num_attention_heads=HEADS))
    processor = ViTImageProcessor(size={"height": SIDE, "width": SIDE}, resample=2, image_mean=IMAGENET[0], image_std=IMAGENET[1])
    (folder / "dino-vitb16/preprocessor_config.json").write_text(json.dumps(dict(
        feature_extractor_type="ViTFeatureExtractor", do_resize=True, size=SIDE, resample=2, do_normalize=True, image_mean=IMAGENET[0],
        image_std=IMAGENET[1])) + "\n")
    pixels = shots(lambda image: normalized(resized(image, round(SIDE * 8 / 7), SIDE), *IMAGENET)).double()
    with torch.no_grad():
        golden["dino-ssl"] = cosines(model.double()(processed(processor).double()).last_hidden_state[:, 0])
        golden["dino.tokens"] = model(numbers(SIDE)).last_hidden_state
        golden["dino.tokens_larger"] = model(numbers(36), interpolate_pos_encoding=True).last_hidden_state
        # eval_linear.py of facebookresearch/dino: ViT-B with the mean of the patches, ViT-S with the last four blocks
        hidden = model(numbers(SIDE), output_hidden_states=True).hidden_states
        blocks = [model.layernorm(h) for h in hidden[-4:]]

        def features_b(tokens):
            return torch.cat((tokens[:, 0].unsqueeze(-1), tokens[:, 1:].mean(1).unsqueeze(-1)), -1).reshape(len(tokens), -1)

        linear_b = drawn(torch.nn.Linear(2 * WIDTH, CLASSES), 2).double()
        linear_s = drawn(torch.nn.Linear(4 * WIDTH, CLASSES), 3).double()
        golden["dino.logits_b"] = linear_b(features_b(blocks[-1]))
        golden["dino.logits_s"] = linear_s(torch.cat([b[:, 0] for b in blocks], -1))
        golden["dino-class.crane"] = linear_b(features_b(model(pixels).last_hidden_state))[: len(SIZES), 2]
    for name, linear in (("dino_vitbase16", linear_b), ("dino_deitsmall16", linear_s)):
        target = folder / ("dino-vitb16" if linear is linear_b else "heads") / f"{name}_linearweights.safetensors"
        target.parent.mkdir(exist_ok=True)
        save_file({f"module.linear.{k}": v.half().contiguous() for k, v in linear.state_dict().items()}, target)
    (folder / "dino-vitb16/labels.txt").write_text("\n".join(LABELS) + "\n")


def dinov2(folder, golden):
    config = Dinov2Config(hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS, image_size=SIDE, patch_size=PATCH,
                          mlp_ratio=2, layer_norm_eps=1e-6, num_labels=CLASSES)
    model = drawn(Dinov2ForImageClassification(config), 4)
    name = folder / "dinov2-base-imagenet1k-1-layer"
    save(model, name, dict(model_type="dinov2", hidden_act="gelu", layer_norm_eps=1e-6, num_attention_heads=HEADS, use_swiglu_ffn=False,
                           id2label={str(i): label for i, label in enumerate(LABELS)}))
    # crops of 24, so 6 x 6 patches of the 7 x 7 that the positions are for: DINOv2 has 37 x 37 and is shown 16 x 16
    settings = dict(crop_size={"height": 24, "width": 24}, size={"shortest_edge": 27}, resample=3, image_mean=IMAGENET[0], image_std=IMAGENET[1])
    (name / "preprocessor_config.json").write_text(json.dumps(dict(
        image_processor_type="BitImageProcessor", do_center_crop=True, do_convert_rgb=True, do_normalize=True, do_rescale=True, do_resize=True,
        rescale_factor=1 / 255, **settings)) + "\n")
    processor = BitImageProcessor(**settings)
    with torch.no_grad():
        pixels = processed(processor).double()
        golden["dinov2.tokens"] = model.double().dinov2(numbers(24)).last_hidden_state
        golden["dinov2.logits"] = model(numbers(24)).logits
        golden["dinov2-ssl"] = cosines(model.dinov2(pixels).last_hidden_state[:, 0])
        golden["dinov2-class.crane"] = model(pixels).logits[: len(SIZES), 2]


def siglip(folder, golden):
    config = SiglipVisionConfig(hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS, intermediate_size=WIDE,
                                image_size=SIDE, patch_size=PATCH, layer_norm_eps=1e-6)
    model = drawn(SiglipVisionModel(config), 5)
    name = folder / "siglip-base-patch16-224"
    save(model, name, dict(model_type="siglip", vision_config=dict(model_type="siglip_vision_model", num_attention_heads=HEADS)))
    state = load_file(name / "model.safetensors")
    # published in a SiglipModel
    save_file({"vision_model." + k.removeprefix("vision_model."): v for k, v in state.items()}, name / "model.safetensors", metadata={"format": "pt"})
    settings = dict(size={"height": SIDE, "width": SIDE}, resample=3, image_mean=[0.5] * 3, image_std=[0.5] * 3)
    (name / "preprocessor_config.json").write_text(json.dumps(dict(
        image_processor_type="SiglipImageProcessor", do_normalize=True, do_rescale=True, do_resize=True, rescale_factor=1 / 255, **settings)) + "\n")
    processor = SiglipImageProcessor(**settings)
    with torch.no_grad():
        golden["siglip.embeddings"] = model.double()(numbers(SIDE)).pooler_output
        golden["siglip-ssl"] = cosines(model(processed(processor).double()).pooler_output)


def shimmed(root):
    """ImageReward/models/BLIP's vit.py and med.py, without what they import of timm and fairscale for training, and where transformers
    has moved what they use."""
    import transformers.pytorch_utils
    from transformers import file_utils, modeling_utils

    class PatchEmbed(torch.nn.Module):
        """timm's"""

        def __init__(self, img_size, patch_size, in_chans, embed_dim):
            super().__init__()
            self.num_patches = (img_size // patch_size) ** 2
            self.proj = torch.nn.Conv2d(in_chans, embed_dim, patch_size, patch_size)

        def forward(self, x):
            return self.proj(x).flatten(2).transpose(1, 2)

    def nothing(*args, **kwargs):
        raise NotImplementedError

    modules = {
        "timm.models.vision_transformer": dict(_cfg=nothing, PatchEmbed=PatchEmbed),
        "timm.models.registry": dict(register_model=nothing),
        "timm.models.layers": dict(trunc_normal_=torch.nn.init.trunc_normal_, DropPath=lambda p: torch.nn.Identity()),
        "timm.models.helpers": dict(named_apply=nothing, adapt_input_conv=nothing),
        "fairscale.nn.checkpoint.checkpoint_activations": dict(checkpoint_wrapper=nothing),
    }
    for name, members in modules.items():
        parts = name.split(".")
        for i in range(1, len(parts) + 1):
            sys.modules.setdefault(".".join(parts[:i]), types.ModuleType(".".join(parts[:i])))
        vars(sys.modules[name]).update(members)
    modeling_utils.apply_chunking_to_forward = transformers.pytorch_utils.apply_chunking_to_forward
    modeling_utils.prune_linear_layer = transformers.pytorch_utils.prune_linear_layer
    modeling_utils.find_pruneable_heads_and_indices = nothing
    modeling_utils.PreTrainedModel.all_tied_weights_keys = {}
    modeling_utils.PreTrainedModel.get_head_mask = lambda self, mask, layers: [None] * layers
    modeling_utils.PreTrainedModel.invert_attention_mask = lambda self, mask: (1.0 - mask[:, None, None, :].to(self.dtype)) * -10000.0
    loaded = []
    for name in ("vit", "med"):
        spec = importlib.util.spec_from_file_location(name, Path(root) / f"ImageReward/models/BLIP/{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        loaded.append(module)
    return loaded


def image_reward(folder, golden, root):
    vit, med = shimmed(root)
    name = folder / "ImageReward"
    name.mkdir(exist_ok=True)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    (name / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
    (name / "config.json").write_text(json.dumps(dict(text_config=dict(num_attention_heads=HEADS), vision_config=dict(num_attention_heads=2))) + "\n")
    tokenizer = BertWordPieceTokenizer(str(name / "vocab.txt"))

    config = med.BertConfig(vocab_size=len(vocabulary) + 2, hidden_size=24, num_hidden_layers=2, num_attention_heads=HEADS, intermediate_size=WIDE,
                            max_position_embeddings=36, layer_norm_eps=1e-12, add_cross_attention=True, hidden_act="gelu", pad_token_id=0,
                            attn_implementation="eager")
    config.encoder_width = WIDTH
    model = torch.nn.Module()
    model.blip = torch.nn.Module()
    model.blip.visual_encoder = vit.VisionTransformer(img_size=SIDE, patch_size=PATCH, embed_dim=WIDTH, depth=2, num_heads=2, mlp_ratio=2)
    model.blip.text_encoder = med.BertModel(config=config, add_pooling_layer=False)
    model.mlp = torch.nn.Module()
    model.mlp.layers = torch.nn.Sequential(torch.nn.Linear(24, 12), torch.nn.Dropout(), torch.nn.Linear(12, 10), torch.nn.Dropout(),
                                           torch.nn.Linear(10, 8), torch.nn.Dropout(), torch.nn.Linear(8, 6), torch.nn.Linear(6, 1))
    drawn(model, 6)
    state = {k: v.half().contiguous() for k, v in model.state_dict().items() if "position_ids" not in k}
    save_file(state, name / "ImageReward.safetensors")
    model.double()

    def reward(prompt, image):
        """ImageReward.score_gard"""
        ids = tokenizer.encode(prompt).ids
        ids = ids if len(ids) <= 35 else ids[:34] + ids[-1:]
        mask = torch.tensor([[1] * len(ids) + [0] * (35 - len(ids))])
        embeds = model.blip.visual_encoder(image)
        states = model.blip.text_encoder(torch.tensor([ids + [0] * (35 - len(ids))]), attention_mask=mask, encoder_hidden_states=embeds,
                                         encoder_attention_mask=torch.ones(embeds.shape[:-1], dtype=torch.long), return_dict=True)
        rewards = model.mlp.layers(states.last_hidden_state[:, 0, :])
        return (rewards - 0.16717362830052426) / 1.0333394966054072

    pixels = shots(lambda image: normalized(resized(image, SIDE, SIDE), *CLIP)).double()[: len(SIZES)]
    with torch.no_grad():
        for i, prompt in enumerate(PROMPTS):
            ids = tokenizer.encode(prompt).ids
            golden[f"bert.ids.{i}"] = torch.tensor(ids if len(ids) <= 35 else ids[:34] + ids[-1:]).double()
            golden[f"image-reward.numbers.{i}"] = torch.cat([reward(prompt, n[None]) for n in numbers(SIDE)]).flatten()
            golden[f"image-reward.{i}"] = torch.cat([reward(prompt, p[None]) for p in pixels]).flatten()


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    file = target / "golden.safetensors"
    results = dict(load_file(file)) if file.exists() else {}
    dino(target, results)
    dinov2(target, results)
    siglip(target, results)
    if len(sys.argv) > 2:
        image_reward(target, results, sys.argv[2])
    save_file({k: v.double().contiguous() for k, v in sorted(results.items())}, file)
