"""The set-ups that rules and thresholds were made with."""
