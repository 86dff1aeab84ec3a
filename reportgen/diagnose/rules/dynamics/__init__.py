"""Rules of the course of training, and of what came of it."""
