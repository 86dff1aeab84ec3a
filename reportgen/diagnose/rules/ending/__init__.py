"""Rules of how a run ended, and of what reportgen failed at in it."""
