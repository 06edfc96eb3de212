select at, tier, rule, reason, policy_version, runner_up_tier, runner_up_rule, runner_up_reason, score, threshold,
  checks
from audit.why where job_id = $1 order by at
