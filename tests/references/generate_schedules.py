"""Make schedules/torch.json: learning rates as torch's lr_scheduler sets them, over 60 updates from 1.

Run as generate.py is. Nothing here imports the project.
"""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.optim import lr_scheduler

STEPS = 60

# name -> options under this project's names and torch's scheduler for them.
CASES: list[tuple[str, dict[str, float], Callable[[torch.optim.Optimizer], Any]]] = [
    ("constant", {}, lambda o: lr_scheduler.ConstantLR(o, factor=1.0)),
    ("step", {}, lambda o: lr_scheduler.StepLR(o, 20)),
    ("step", {"every": 0.1, "gamma": 0.7}, lambda o: lr_scheduler.StepLR(o, 6, gamma=0.7)),
    ("step", {"every": 0.35, "gamma": 0.5}, lambda o: lr_scheduler.StepLR(o, 21, gamma=0.5)),
    ("cosine", {}, lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS)),
    ("cosine", {"final": 0.2}, lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS, eta_min=0.2)),
    ("warmup", {}, lambda o: lr_scheduler.LinearLR(o, start_factor=0.01, total_iters=6)),
    ("warmup", {"share": 0.5, "start": 1 / 3}, lambda o: lr_scheduler.LinearLR(o, total_iters=30)),
    ("inverse_time", {}, lambda o: lr_scheduler.LambdaLR(o, lambda epoch: 1 / (1 + 9 * epoch / STEPS))),
    ("inverse_time", {"decay": 60.0}, lambda o: lr_scheduler.LambdaLR(o, lambda epoch: 1 / (1 + epoch))),
]


def rates(make: Callable[[torch.optim.Optimizer], Any]) -> list[float]:
    """The rate of each update."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = make(optimizer)
    used = []
    for _ in range(STEPS):
        used.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return used


def main() -> None:
    cases = [{"name": name, "options": options, "rates": rates(make)} for name, options, make in CASES]
    made_with = f"torch {importlib.metadata.version('torch')}"
    text = json.dumps({"made_with": made_with, "steps": STEPS, "cases": cases}).replace("{", "\n{")
    file = Path(__file__).parent / "schedules" / "torch.json"
    file.write_text(text.lstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
