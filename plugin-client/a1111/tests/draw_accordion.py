"""Draws the accordion from the components that `ui()` makes, as a web page: `python3 draw_accordion.py > accordion.html`.

    chromium --headless --window-size=960,1100 --screenshot=accordion.png accordion.html

Labels, notes, choices, defaults and order are the extension's own; the look is Gradio's in outline.
"""

from __future__ import annotations

import html
from typing import Any

import running  # noqa: F401  (puts the extension on the path)
import standin

STYLE = """
body{margin:0;padding:18px;background:#0b0f19;font:14px system-ui,sans-serif;color:#e5e7eb}
.block{border:1px solid #374151;border-radius:8px;background:#1f2937;padding:12px;max-width:920px}
.title{display:flex;gap:8px;align-items:center;margin:0 0 12px;font-size:15px}.title span{margin-left:auto;color:#9ca3af}
.row{display:flex;gap:10px;margin-bottom:10px}.cell{flex:1;border:1px solid #374151;border-radius:8px;padding:8px 10px;background:#111827;min-width:0}
label{display:block;color:#e5e7eb;margin-bottom:2px}small{display:block;color:#9ca3af;font-size:11.5px;margin-bottom:6px;line-height:1.3}
input[type=text],select{width:100%;box-sizing:border-box;background:#0b0f19;color:#e5e7eb;border:1px solid #374151;border-radius:6px;padding:6px}
input[type=range]{width:78%;vertical-align:middle}output{float:right;border:1px solid #374151;border-radius:6px;padding:2px 10px}
.choice{display:inline-block;border:1px solid #374151;border-radius:6px;padding:4px 9px;margin:0 5px 4px 0;background:#0b0f19}
input[type=radio],input[type=checkbox]{accent-color:#f97316}
"""


def drawn(component: Any) -> str:
    options, choices = component.options, component.choices
    label, note = html.escape(options["label"]), f"<small>{html.escape(options['info'])}</small>"
    if isinstance(component.value, bool):
        return f"<label><input type=checkbox {'checked' if component.value else ''}> {label}</label>{note}"
    if choices and isinstance(choices[0], list):
        given = choices[0]
        if len(given) > 3:
            return f"<label>{label}</label>{note}<select><option>{html.escape(component.value)}</option></select>"
        shown = "".join(f"<span class=choice><input type=radio {'checked' if one == component.value else ''}> {html.escape(one)}</span>" for one in given)
        return f"<label>{label}</label>{note}{shown}"
    if choices:
        low, high = choices
        return (f"<label>{label} <output>{component.value}</output></label>{note}"
                f"<input type=range min={low} max={high} value={component.value}>")
    value = f"{component.value:g}" if isinstance(component.value, float) else component.value
    return f"<label>{label}</label>{note}<input type=text value='{html.escape(str(value))}'>"


def main() -> None:
    host = standin.Host(standin.FORGE)
    from prenoise_a1111.settings import Settings

    names = list(Settings.__dataclass_fields__)
    made = dict(zip(names, host.components))
    rows = host.script.ui.__globals__["ROWS"]
    body = "".join("<div class=row>" + "".join(f"<div class=cell>{drawn(made[name])}</div>" for name in row) + "</div>" for row in rows)
    title = html.escape(made["enabled"].options["label"])
    print(f"<!doctype html><meta charset=utf-8><style>{STYLE}</style><div class=block><div class=title><input type=checkbox checked> {title}"
          f"<span>▼</span></div>{body}</div>")


if __name__ == "__main__":
    main()
