"""`pointsman bench whole`: a job's complete path at the limit and at steady rates, compared with others."""
