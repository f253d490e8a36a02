"""What each trainer does with the same settings: its defaults and its ways of counting, on its day; free of torch."""
