"""`pointsman bench whole`: the whole way of a job at the limit and at steady rates, beside what others do."""
