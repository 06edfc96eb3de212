select task_kind, tier_asked, prompt_chars, deadline, metadata, messages from audit.asked where job_id = $1
