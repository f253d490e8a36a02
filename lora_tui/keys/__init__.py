"""Every key as one record, by screen; the places where they hold, the user's own, the last line of a screen and the command palette."""
