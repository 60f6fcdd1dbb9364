"""Drives a real ComfyUI over its HTTP API."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

REAL = Path(__file__).resolve().parent
PACK = REAL.parent.parent
BUILTIN_MODEL = PACK.parent.parent / "src" / "main" / "resources" / "dev" / "prenoise" / "shapes" / "model"
START_SECONDS = 300
RUN_SECONDS = 900


class ComfyUI:
    """ComfyUI from COMFYUI_PATH with this node pack and the loader of the built-in model, in folders of its own.

    COMFYUI_PYTHON is its interpreter (this one unless given), COMFYUI_ARGS are more arguments for its main.py, "--cpu" unless given.
    """

    def __init__(self):
        self.base = Path(tempfile.mkdtemp(prefix="prenoise-comfyui-real-"))
        for folder in ("custom_nodes", "models/loras", "models/checkpoints", "input", "output", "temp", "user"):
            (self.base / folder).mkdir(parents=True)
        (self.base / "custom_nodes" / "better-noise").symlink_to(PACK, target_is_directory=True)
        (self.base / "custom_nodes" / "builtin_model.py").symlink_to(REAL / "builtin_model.py")
        checkpoint = os.environ.get("PRENOISE_REAL_CHECKPOINT")
        if checkpoint:
            (self.base / "models" / "checkpoints" / Path(checkpoint).name).symlink_to(Path(checkpoint).resolve())
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        command = [os.environ.get("COMFYUI_PYTHON", sys.executable), "main.py", "--port", str(port), "--base-directory", str(self.base)]
        command += os.environ.get("COMFYUI_ARGS", "--cpu").split()
        environment = {**os.environ, "PRENOISE_BUILTIN_MODEL": str(BUILTIN_MODEL)}
        self.log = self.base / "log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, cwd=os.environ["COMFYUI_PATH"], stdout=log, stderr=subprocess.STDOUT, env=environment)
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                self.info = self.get("/object_info")
                self.version = self.get("/system_stats")["system"]["comfyui_version"]
                return
            except (urllib.error.URLError, ConnectionError):
                if self.process.poll() is not None or time.monotonic() > end:
                    said = self.log.read_text()[-3000:]
                    self.stop()
                    raise AssertionError(f"ComfyUI did not start:\n{said}") from None
                time.sleep(0.5)

    def stop(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.base, ignore_errors=True)

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            return json.loads(answer.read())

    def post(self, path, body):
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as refused:
            raise AssertionError(f"{path}: {refused.read().decode()[:3000]}") from None

    def queue(self, graph):
        return self.post("/prompt", {"prompt": graph})["prompt_id"]

    def wait(self, prompt_id):
        """The run's entry in the history, when it is over."""
        end = time.monotonic() + RUN_SECONDS
        while time.monotonic() < end:
            history = self.get(f"/history/{prompt_id}")
            if prompt_id in history:
                return history[prompt_id]
            time.sleep(0.05)
        raise AssertionError(f"not done after {RUN_SECONDS} s:\n{self.log.read_text()[-3000:]}")

    def run(self, graph):
        """The outputs by node id of a run that must succeed."""
        entry = self.wait(self.queue(graph))
        if entry["status"]["status_str"] != "success":
            errors = [data for kind, data in entry["status"]["messages"] if "error" in kind]
            raise AssertionError(json.dumps(errors, indent=1)[:4000])
        return entry["outputs"]

    def pictures(self, outputs, node_id):
        """The PNG files that a node saved."""
        return [self.base / image["type"] / image["subfolder"] / image["filename"] for image in outputs[node_id]["images"]]

    def api(self, workflow):
        """A saved workflow in the form that the API takes, as the front end makes it."""
        links = {link[0]: [str(link[1]), link[2]] for link in workflow["links"]}
        graph = {}
        for node in workflow["nodes"]:
            if node["type"] == "Note":
                continue
            inputs = {each["name"]: links[each["link"]] for each in node["inputs"] if each["link"] is not None}
            values = iter(node["widgets_values"])
            for part in ("required", "optional"):
                for name, spec in self.info[node["type"]]["input"].get(part, {}).items():
                    more = spec[1] if len(spec) > 1 else {}
                    kind = "COMBO" if isinstance(spec[0], list) else spec[0]
                    if kind in ("COMBO", "INT", "FLOAT", "STRING", "BOOLEAN") and not more.get("forceInput"):
                        inputs[name] = next(values)
                        if more.get("control_after_generate") or more.get("image_upload"):
                            next(values)
            if list(values):
                raise AssertionError(f"{node['type']}: values that no widget takes")
            graph[str(node["id"])] = {"class_type": node["type"], "inputs": inputs}
        return graph
