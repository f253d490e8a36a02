"""The settings model, the subject, and their TOML files."""
