"""What a key or a command does, whichever screen it is pressed on."""
