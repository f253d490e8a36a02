"""What a text is written in: each syntax turned into keys and plain values."""
