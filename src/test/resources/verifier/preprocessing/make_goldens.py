"""Makes the configs and golden.csv: see README.md. Pillow, transformers and numpy; the tests' pictures come from ../../image/make_goldens.py."""

import json
import sys
from pathlib import Path

from PIL import Image
from transformers import BlipImageProcessorPil, CLIPImageProcessorPil, DeiTImageProcessorPil, SiglipImageProcessorPil, ViTImageProcessorPil
from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent / "image"))

from make_goldens import picture, sha  # noqa: E402

PROCESSORS = {
    "clip": CLIPImageProcessorPil(),
    "dinov2": BitImageProcessorPil(size={"shortest_edge": 256}, crop_size={"height": 224, "width": 224},
                                   image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225]),
    "vit": ViTImageProcessorPil(),
    "siglip": SiglipImageProcessorPil(),
    "blip": BlipImageProcessorPil(),
    "deit": DeiTImageProcessorPil(resample=1),
    "no_resize": CLIPImageProcessorPil(do_resize=False, crop_size={"height": 40, "width": 48}),
    "no_crop": CLIPImageProcessorPil(size={"shortest_edge": 32}, do_center_crop=False, do_normalize=False),
}
# as transformers wrote them before sizes became objects
OLD = {
    "clip_old": ("clip", {"feature_extractor_type": "CLIPFeatureExtractor", "size": 224, "crop_size": 224}),
    "vit_old": ("vit", {"feature_extractor_type": "ViTFeatureExtractor", "size": 224}),
}
OLD_KEYS = ["do_center_crop", "do_normalize", "do_resize", "image_mean", "image_std", "resample"]
SIZES = [(37, 23), (23, 37), (224, 224), (300, 257), (65, 512), (1, 40)]


def main():
    configs = {name: json.loads(processor.to_json_string()) for name, processor in PROCESSORS.items()}
    for name, (base, old) in OLD.items():
        configs[name] = {key: configs[base][key] for key in OLD_KEYS if configs[base].get(key) is not None} | old
    for name, config in configs.items():
        (HERE / f"{name}.json").write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")
    with open(HERE / "golden.csv", "w") as out:
        for name in configs:
            processor = PROCESSORS[OLD[name][0] if name in OLD else name]
            for width, height in SIZES:
                values = processor(Image.fromarray(picture(width, height)), return_tensors="np")["pixel_values"][0]
                out.write(f"{name},{width},{height},{values.shape[2]},{values.shape[1]},{sha(values.astype('<f4'))}\n")


if __name__ == "__main__":
    main()
