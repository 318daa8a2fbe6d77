"""Networks too long for the file of their model, with the reading of their official files."""
