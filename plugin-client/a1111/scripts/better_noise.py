"""The accordion "Better noise (Prenoise)" in txt2img and img2img, and the hooks behind it. What they do is in `prenoise_a1111`."""

from __future__ import annotations

import dataclasses
import functools
import sys
from pathlib import Path
from typing import Any, Dict, List

import gradio as gr
from modules import script_callbacks, scripts, shared

EXTENSION = Path(scripts.basedir() or Path(__file__).resolve().parents[1])
if str(EXTENSION) not in sys.path:
    sys.path.append(str(EXTENSION))

from prenoise_a1111 import locate  # noqa: E402  (its folder is on the path from here on)

locate.add_prenoise(EXTENSION)

from prenoise_a1111 import hooks, settings, webui, xyz  # noqa: E402
from prenoise_a1111.job import Job, forget  # noqa: E402
from prenoise_a1111.settings import Settings  # noqa: E402

JOB = "prenoise_job"  # the attribute of the host's p that carries the run
ROWS = (("where", "strategy"), ("loss", "then", "optimize"), ("candidates", "time_limit", "plateau"), ("algorithm", "verifiers"),
        ("keep", "search_steps", "preview"), ("subjects",), ("on_error", "hires"), ("recipe",), ("model", "address"))


class PrenoiseScript(scripts.Script):
    """The order of what `ui` returns is that of `Settings`, and with it that of API arguments."""

    def title(self) -> str:
        return "Prenoise"

    def show(self, is_img2img: bool) -> Any:
        return scripts.AlwaysVisible

    def ui(self, is_img2img: bool) -> List[Any]:
        fields = {field.name: field for field in dataclasses.fields(Settings)}
        made: Dict[str, Any] = {}
        with _accordion(self.elem_id("enabled"), made):
            for row in ROWS:
                with gr.Row():
                    for name in row:
                        made[name] = _component(fields[name], self.elem_id(name))
        components = [made[name] for name in fields]
        self.infotext_fields = [(made[name], functools.partial(settings.pasted, field)) for name, field in fields.items()]
        self.paste_field_names = ["Prenoise", "Prenoise recipe", *(settings.key_of(f) for f in fields.values() if f.metadata["infotext"])]
        return components

    def process(self, p: Any, *args: Any) -> None:
        forget(p)
        try:
            job = Job(Settings.of(args, getattr(p, xyz.CHANGES, {})))
        except ValueError as error:
            # Settings that cannot be read come from an API call alone; what it says about failures is followed where that can be read.
            job = Job(Settings(enabled=True, on_error=_on_error(args)))
            job.give_up(p, error)
        setattr(p, JOB, job if job.settings.enabled else None)

    def process_batch(self, p: Any, *args: Any, **kwargs: Any) -> None:
        job = getattr(p, JOB, None)
        if job is not None and not webui.has_sampling_hook():
            hooks.wrap_first_pass(job, p)

    def process_before_every_sampling(self, p: Any, *args: Any, **kwargs: Any) -> None:
        job = getattr(p, JOB, None)
        if job is not None and kwargs.get("noise") is not None:
            hooks.before_sampling(job, p, kwargs["noise"], kwargs.get("x"))

    def before_hr(self, p: Any, *args: Any) -> None:
        job = getattr(p, JOB, None)
        if job is not None and not webui.has_sampling_hook():
            hooks.wrap_hires_pass(job, p)


def _accordion(elem_id: str, made: Dict[str, Any]) -> Any:
    """The host's accordion with a switch in its title, whose value is the first component."""
    try:
        from modules.ui_components import InputAccordion
    except ImportError:
        accordion = gr.Accordion("Better noise (Prenoise)", open=False)
        with accordion:
            made["enabled"] = gr.Checkbox(value=False, label="Enable", elem_id=elem_id)
        return accordion
    made["enabled"] = InputAccordion(False, label="Better noise (Prenoise)", elem_id=elem_id)
    return made["enabled"]


def _component(field: "dataclasses.Field[Any]", elem_id: str) -> Any:
    meta, kind = field.metadata, type(field.default)
    common = {"label": meta["label"], "info": meta["info"], "elem_id": elem_id, "value": field.default}
    if kind is bool:
        return gr.Checkbox(**common)
    if meta["choices"]:
        return gr.Radio(list(meta["choices"]), **common) if len(meta["choices"]) <= 3 else gr.Dropdown(list(meta["choices"]), **common)
    if kind is int:
        return gr.Slider(meta["low"], meta["high"], step=1, **common)
    if kind is float:
        return gr.Number(**common)
    return gr.Textbox(**common, max_lines=1)


def _on_error(args: Any) -> str:
    given = args[0].get("on_error") if args and isinstance(args[0], dict) else None
    return given if given in settings.ON_ERROR else settings.PLAIN


def _settings_page() -> None:
    section = ("prenoise", "Prenoise")
    shared.opts.add_option("prenoise_address", shared.OptionInfo(
        "127.0.0.1:50551", "Address of the sidecar", section=section).info("host:port; beyond this machine only hosts on the allow-list"))
    shared.opts.add_option("prenoise_release_memory", shared.OptionInfo(
        False, "After a search, have the sidecar free its memory before the picture is sampled", section=section
    ).info("for one graphics card that both share; the next search loads the model again"))


def _axes() -> None:
    xyz.register(scripts.scripts_data)


script_callbacks.on_ui_settings(_settings_page)
script_callbacks.on_before_ui(_axes)
