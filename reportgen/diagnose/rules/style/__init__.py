"""Rules of how a model is built, of what a script leaves out, and of time that it loses."""
