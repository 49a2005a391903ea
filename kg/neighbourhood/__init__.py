"""What lies near a catalogue, out of a dump of any size."""
