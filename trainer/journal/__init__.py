"""The journal: a SQLite file of bakes, grids, orders, results and curves; its stores, records and schema."""
