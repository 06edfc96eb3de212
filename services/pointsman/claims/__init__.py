"""Large values: kept in a store under their digest, while a claim to them travels."""
