"""The numbers and lists that the layers share: limits, and what may be recorded."""

from __future__ import annotations

import re

# Points a series keeps on a page (DESIGN section 4); enough for 2 points a pixel of the widest chart.
PAGE_POINTS = 1000

# Rows a table of a chart's numbers has at most.
TABLE_ROWS = 100

# Environment variables that may be recorded, by name. Anything else stays where it is.
ENVIRONMENT_NAMES = (
    "CI",
    "CUBLAS_WORKSPACE_CONFIG",
    "CUDA_LAUNCH_BLOCKING",
    "CUDA_VISIBLE_DEVICES",
    "GITHUB_RUN_NUMBER",
    "GITHUB_SHA",
    "LOCAL_RANK",
    "MKL_NUM_THREADS",
    "OMP_NUM_THREADS",
    "PYTHONHASHSEED",
    "PYTORCH_CUDA_ALLOC_CONF",
    "RANK",
    "SLURM_JOB_ID",
    "SLURM_PROCID",
    "TORCH_LOGS",
    "WORLD_SIZE",
)

# Keys whose value is never shown (DESIGN section 6).
SECRET = re.compile(r"token|secret|password|passwd|credential|api.?key|auth", re.IGNORECASE)
HIDDEN = "(hidden)"
