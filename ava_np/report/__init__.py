"""The report of a run: pictures, charts and an HTML page."""
