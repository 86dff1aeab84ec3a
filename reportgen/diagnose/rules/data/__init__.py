"""Rules of the rows, labels and splits of data, and of the order in which they come."""
