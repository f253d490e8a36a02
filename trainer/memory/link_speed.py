"""How fast a card's link to the computer is taken to be. Free of torch."""

LINK_BYTES_A_SECOND = 12e9
"""PCIe 3.0 with 16 lanes or 4.0 with 8, from memory locked in place: what boards of cards with 6 and 8 GB have."""
