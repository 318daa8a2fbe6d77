"""How fast models are on this machine: measured, told as a table, as JSON and as a chart."""
