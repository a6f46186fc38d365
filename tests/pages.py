"""The runs of the pages that are tested, and what stands in a page."""

import json
import re

TINY = {"size": 64, "steps": 8, "backbone": "embedded"}
POINTS = [
    *({"style": "night_cafe", "form": "gatys-code", "lam": lam} for lam in (3.0, 0.003, 0.1)),
    *({"style": "great_wave", "form": "gatys-code", "lam": lam} for lam in (0.003, 0.1)),
    {"style": "night_cafe", "form": "proposal", "lam": 0.1},
]
GONE = {"style": "night_cafe", "form": "proposal", "lam": 3.0, "seed": 7}


def data_of(path):
    text = path.read_text("utf-8")
    return json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])
