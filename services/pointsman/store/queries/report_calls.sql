select tier, attempt, provider, model, status, error_type, error, http_status, duration_ms, tokens_in, tokens_out,
  cost_usd, request, response, response_raw
from audit.calls where job_id = $1 order by at, attempt
