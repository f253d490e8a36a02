"""Files of a grid's folder: sidecar, contact sheets, HTML page and verdicts."""
