"""Search for settings by optuna (extra `search`), towards an objective and within a budget that the user chooses; free of torch."""
