"""The table of optimisers in docs/objective.md: one pair, one size, as many evaluations each.

    python tests/benchmarks/losses.py [--size 256] [--evaluations 200]

The loss is that of the picture as it would be saved (clipped to [0, 1]). SciPy's L-BFGS-B minimises
the same function from the same start, with as many pairs.
"""

import argparse
import time

import numpy as np
import scipy.optimize

from styletransfer import load_image, transfer
from styletransfer.objective import Objective
from styletransfer.runs.schedule import history_for
from styletransfer.settings import Settings

PAIR = ("neuschwanstein_castle", "cafe_terrace_at_night")


def scipys(size: int, evaluations: int) -> tuple[float, float, int]:
    """Final loss, seconds and evaluations of SciPy's L-BFGS-B."""
    content, style = (load_image(name, size=size) for name in PAIR)
    objective = Objective(content, style, backbone="embedded")
    first = objective.value_and_gradient(content)[1]
    objective.box = Settings.box * float(np.sqrt(np.mean(np.square(first))))  # as the loop does

    def function(x: np.ndarray) -> tuple[float, np.ndarray]:
        losses, gradient = objective.value_and_gradient(x.reshape(content.shape))
        return losses.total, gradient.ravel().astype(np.float64)

    began = time.perf_counter()
    options = {
        "maxcor": history_for(content.shape[0] * content.shape[1]),
        "maxfun": evaluations,
        "maxiter": 10**6,
        "ftol": 0,
        "gtol": 0,
    }
    done = scipy.optimize.minimize(
        function, content.ravel(), jac=True, method="L-BFGS-B", options=options
    )
    seconds = time.perf_counter() - began
    return objective(np.clip(done.x.reshape(content.shape), 0, 1)).total, seconds, done.nfev


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--evaluations", type=int, default=200)
    arguments = parser.parse_args()
    rows = {"SciPy's L-BFGS-B": scipys(arguments.size, arguments.evaluations)}
    for optimizer in ("lbfgs", "adam", "sgd"):
        record = transfer(
            *PAIR,
            size=arguments.size,
            sizes=(arguments.size,),
            steps=arguments.evaluations,
            optimizer=optimizer,
            backbone="embedded",
            progress=False,
        ).record
        rows[f"`{optimizer}`"] = (
            record["picture"]["losses"]["total"],
            record["history"][-1]["seconds"],
            len(record["history"]),
        )
    print("| optimiser | loss | seconds | evaluations |\n|---|---|---|---|")
    for name, (loss, seconds, evaluations) in rows.items():
        print(f"| {name} | {loss:.1f} | {seconds:.0f} | {evaluations} |")


if __name__ == "__main__":
    main()
