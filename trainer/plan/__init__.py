"""What will these settings mean? Steps, rates, disk, before anything runs."""
