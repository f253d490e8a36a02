"""Ladders: one question asked by many bakes that differ in one knob, and the answer with its noise; free of torch."""
