"""The front door: applications reach the bus by HTTP."""
