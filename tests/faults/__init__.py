"""Small training scripts, faulty and healthy, that say what a report of them has to find."""
