"""Sums sales by region."""

import sys

import numpy as np
import pandas as pd

sales = pd.read_csv(sys.argv[1])
summary = sales.groupby("region")["amount"].agg(["count", "sum", "mean"])
summary["log"] = np.log10(summary["sum"]).round(3)
print(summary.to_string())
