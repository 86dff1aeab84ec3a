"""Rules of numbers that are not finite."""
