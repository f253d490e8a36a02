"""The commands of the command line; each module holds those of one matter, and imports what it needs when it runs."""
