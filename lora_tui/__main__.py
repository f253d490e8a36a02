"""`python -m lora_tui`."""

from lora_tui.cli import main

if __name__ == "__main__":
    main()
