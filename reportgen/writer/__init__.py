"""torch.utils.tensorboard's interface, and the article's Visualizer, on a run of reportgen."""
