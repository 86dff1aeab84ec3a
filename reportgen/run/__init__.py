"""The Run: what one training run left behind, as plain data. Standard library only."""
