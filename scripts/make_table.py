"""Writes examples/tabular/table.csv: 2,000 rows of a known truth and noise of a known size, so that it's known how good a model can be.

    python scripts/make_table.py

Friedman's first function of five numbers (and five more that say nothing), each in a unit of its own, and a site that adds its share:

    y = 10 sin(pi a b) + 20 (c - 1/2)^2 + 10 d + 5 e + site + noise,    a to j uniform in 0 to 1, noise normal with deviation 1

Source: Friedman, "Multivariate adaptive regression splines", 1991.
"""
from pathlib import Path

import numpy as np

SITES = {"north": -4, "east": 0, "south": 3, "west": 6}
# What each number is given in: its name, and what 0 and 1 become.
UNITS = [("width_mm", 20, 120), ("height_mm", 5, 45), ("hours", 0, 24), ("pressure_hpa", 950, 1050), ("share", 0, 1),
         ("weight_kg", 40, 90), ("speed", -5, 5), ("count", 0, 1000), ("angle_deg", -180, 180), ("dose", 0, 0.2)]
TARGET = Path(__file__).resolve().parents[1] / "examples" / "tabular" / "table.csv"


def main():
    rng = np.random.default_rng(1)
    rows, names = 2000, list(SITES)
    x = rng.random((rows, len(UNITS)))
    site = rng.integers(0, len(names), rows)
    y = (10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4]
         + np.array(list(SITES.values()))[site] + rng.normal(0, 1, rows))
    with TARGET.open("w", newline="\n") as f:
        print("site", *[u[0] for u in UNITS], "y", sep=",", file=f)
        for i in range(rows):
            print(names[site[i]], *[f"{low + (high - low) * v:.4g}" for (_, low, high), v in zip(UNITS, x[i])], f"{y[i]:.4g}", sep=",", file=f)


if __name__ == "__main__":
    main()
