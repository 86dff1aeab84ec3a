"""The computation graph of a model, captured from a forward that happens anyway or that was asked for."""
