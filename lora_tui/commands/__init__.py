"""The commands besides those of the first hour; each module holds those of one matter, and imports what it needs when it runs."""
