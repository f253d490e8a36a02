"""Anima: a flow-matching transformer of Cosmos-Predict2's form for drawn pictures, with Qwen3 as its text encoder."""
