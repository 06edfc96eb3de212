select topic, partition, "offset", message_id, causation_id, job_id, trace_id, kind, agent_id, source, attempt, tier,
  provider, model, policy_version, rule, status, error_type, tokens_in, tokens_out, cost_usd, duration_ms,
  produced_at, broker_at, key, value, headers, payload, unreadable, timestamp_ms, record_sha256, privacy
from audit.message where topic = $1 and partition = $2 and "offset" < $3 order by "offset"
