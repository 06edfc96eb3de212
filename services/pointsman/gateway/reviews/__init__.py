"""Cases that wait for a person, as a reviewer sees and decides them by HTTP."""
