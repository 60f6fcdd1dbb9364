"""What the extension for AUTOMATIC1111 and Forge is made of; `scripts/better_noise.py` is the thin part that the host loads.

Start reading in `job.py`: what happens between the host's noise and the noise that it samples with. `settings.py` is what a user can set and the
order of API arguments, `webui.py` the only module that knows the host's own names, `request.py` what is asked of the sidecar.
"""
