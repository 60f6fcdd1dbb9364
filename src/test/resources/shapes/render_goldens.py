"""Writes renders.json and renders.f32 with the world's own definition: python render_goldens.py FOLDER_OF_WORLD_PY"""
import json
import struct
import sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])
import world

# Shape, colour, x, y, radius; between them all shapes and colours, one overlap, one object cut by the border.
PICTURES = [
    {"grey": 0.91, "tint": [0.012, -0.027, 0.004],
     "objects": [["circle", "red", 15.25, 14.5, 11.3], ["square", "green", 47.1, 16.9, 12.75],
                 ["triangle", "blue", 16.4, 47.8, 12.2], ["ring", "yellow", 48.3, 47.45, 13.5]],
     "paint": [[0.7, -1.1, 0.3], [-0.4, 0.2, 2.1], [-3.0, 0.6, -0.2], [2.5, 0.1, -0.9]]},
    {"grey": 0.87, "tint": [-0.03, 0.0, 0.03],
     "objects": [["cross", "purple", 13.6, 17.7, 10.9], ["star", "orange", 46.05, 15.6, 14.2],
                 ["heart", "cyan", 30.8, 33.1, 15.4], ["moon", "black", 55.9, 52.3, 12.6]],
     "paint": [[0.0, 0.0, 0.0], [1.6, -0.7, -2.2], [0.4, 1.3, -0.5], [-2.9, 0.8, 0.1]]},
]


class Fixed:
    """Gives what the renderer draws: the grey, the tint, then standard normals."""

    def __init__(self, picture):
        self.uniforms = iter([picture["grey"], *picture["tint"]])
        self.normals = iter([value for paint in picture["paint"] for value in paint])

    def uniform(self, low, high):
        return next(self.uniforms)

    def gauss(self, mean, deviation):
        return next(self.normals)


here = Path(__file__).parent
with open(here / "renders.f32", "wb") as out:
    for picture in PICTURES:
        scene = [(world.SHAPES.index(s), world.COLOR_NAMES.index(c), x, y, r) for s, c, x, y, r in picture["objects"]]
        values = world.render(scene, Fixed(picture)).flatten().tolist()
        out.write(struct.pack(f"<{len(values)}f", *values))
(here / "renders.json").write_text(json.dumps(PICTURES, indent=1) + "\n")
