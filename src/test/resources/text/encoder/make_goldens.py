"""Makes the tiny text encoders of this folder and golden.safetensors: what transformers computes with them, in float64.
Needs torch, transformers and safetensors. Run it in this folder."""
import torch
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

KINDS = {
    # name: (class, activation, layers, projection, end-of-text id as the config says it)
    "clip_l": (CLIPTextModel, "quick_gelu", 3, 16, 2),
    "open_clip_h": (CLIPTextModelWithProjection, "gelu", 3, 16, 39),
    "open_clip_big_g": (CLIPTextModelWithProjection, "gelu", 4, 12, 2),
}
IDS = {"padded_with_end": [[38, 17, 5, 39, 39, 39, 39], [38, 4, 4, 9, 30, 2, 39]], "padded_with_0": [[38, 17, 5, 39, 0, 0, 0], [38, 4, 4, 9, 30, 2, 39]]}

golden = {}
for seed, (name, (kind, activation, layers, projection, eos)) in enumerate(KINDS.items()):
    torch.manual_seed(seed)
    config = CLIPTextConfig(vocab_size=40, max_position_embeddings=7, hidden_size=16, intermediate_size=24, num_hidden_layers=layers,
                            num_attention_heads=2, hidden_act=activation, projection_dim=projection, bos_token_id=38, eos_token_id=eos)
    model = kind(config).eval().float()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.3)
    tensors = {k: v.contiguous() for k, v in model.state_dict().items() if "position_ids" not in k}
    save_file(tensors, f"{name}.safetensors", metadata={"format": "pt"})
    model = model.double()
    ids = torch.tensor(IDS["padded_with_end" if name == "clip_l" else "padded_with_0"])
    with torch.no_grad():
        out = model(input_ids=ids, output_hidden_states=True)
        norm = (model.text_model if hasattr(model, "text_model") else model).final_layer_norm
        golden[f"{name}.last"] = out.last_hidden_state
        golden[f"{name}.pooled"] = out.text_embeds if kind is CLIPTextModelWithProjection else out.pooler_output
        for k in range(layers):
            golden[f"{name}.{k}_earlier"] = out.hidden_states[-1 - k]
            golden[f"{name}.{k}_earlier_normed"] = norm(out.hidden_states[-1 - k])
save_file({k: v.double().contiguous() for k, v in golden.items()}, "golden.safetensors")
