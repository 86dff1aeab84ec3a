"""What rules read a run by: how it came out, its losses, layers, units, data and graph."""
