select job_id, agent_id, agent_at, asked_at, first_at, last_at, first_seen_at, last_seen_at, submitted_at, finished_at,
  outcome, outcome_reason, outcome_tier, dead_letters, first_routed_at, first_tier, routed_at, tier, rule,
  policy_version, routes, task_kind, prompt_chars, called_at, provider, model, model_asked, called_tier, calls,
  failed_calls, unpriced_calls, tokens_in, tokens_out, cost_usd, error_at, last_error, messages,
  failed_call_at, failed_by, slowest_ms, slowest_at, slowest_by, outcome_message, outcome_limit
from audit.job where job_id = $1::uuid or $1::uuid is null order by job_id
