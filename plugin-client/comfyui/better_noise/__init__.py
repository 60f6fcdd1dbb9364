"""Better initial noise inside ComfyUI.

Start with `nodes`, what a user sees; `sampling` is where ComfyUI calls in; `searching` talks to the sidecar. `graph`, `settings`,
`requests` and `status` know neither ComfyUI nor torch.
"""
