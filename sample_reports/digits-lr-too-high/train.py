"""The digits run with a learning rate twenty times too high, recorded in ./run; all else is as in ../digits.

The folder ./run must not be there yet.
"""

from pathlib import Path

from reportgen.demo.data import load_digits
from reportgen.demo.train import main

if __name__ == "__main__":
    here = Path(__file__).parent
    report = main(here / "run", learning_rate=1.0, digits=load_digits(mnist_folders=()))
    report.replace(here / "report.html")
