"""Identity: keys, and how signatures are made and verified; pure."""
