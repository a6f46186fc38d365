"""The runs of the pages that are tested, and what stands in a page."""

import json
import re

TINY = {"size": 64, "steps": 8, "backbone": "embedded", "init": "noise"}
POINTS = [
    *({"style": "night_cafe", "form": "gatys-code", "lam": lam} for lam in (0.03, 0.0001, 0.001)),
    *({"style": "great_wave", "form": "gatys-code", "lam": lam} for lam in (0.0001, 0.001)),
    {"style": "night_cafe", "form": "proposal", "lam": 0.001},
]
GONE = {"style": "night_cafe", "form": "proposal", "lam": 0.03, "seed": 7}


def data_of(path):
    text = path.read_text("utf-8")
    return json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])
