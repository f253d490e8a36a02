"""The terminal itself: driver, output, graphics, clipboard."""
