"""What keys and commands do, whichever screen they are pressed on."""
