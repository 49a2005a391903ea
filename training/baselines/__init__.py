"""The floors: simple methods that every number must stand beside."""
