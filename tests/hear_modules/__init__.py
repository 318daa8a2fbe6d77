"""Stand-ins for HEAR modules that other people wrote."""
