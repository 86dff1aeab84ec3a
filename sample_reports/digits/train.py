"""The digits run: `reportgen demo`'s script (reportgen/demo/train.py) as it is, recorded in ./run.

The folder ./run must not be there yet.
"""

from pathlib import Path

from reportgen.demo.data import load_digits
from reportgen.demo.train import main

if __name__ == "__main__":
    here = Path(__file__).parent
    report = main(here / "run", digits=load_digits(mnist_folders=()))
    report.replace(here / "report.html")
