"""Models that are no file of ours: SavedModels by handle or folder, and HEAR modules by name."""
