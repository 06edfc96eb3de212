"""The metrics: every name, unit and label that a service can export, declared once.

Labels are bounded: tier, outcome, reason, provider, model (of the providers file), topic, status. Never a
job, an agent or a text.
"""

from prometheus_client import REGISTRY, Counter, Gauge, Histogram

from pointsman.runtime.batch_histogram import BatchHistogram

_FAST = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1)
_HOP = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60)
_CALL = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 60, 120, 300)

ROUTED = Counter(
    "pointsman_jobs_routed_total", "Jobs sent to a tier, by the rule that chose it", ["tier", "rule"]
)
DEAD = Counter("pointsman_records_dead_total", "Records sent to the dead letter topic", ["stage", "reason"])
LOST = Counter(
    "pointsman_records_lost_total", "Offsets that retention deleted before they were read", ["topic"]
)
FINISHED = Counter("pointsman_jobs_finished_total", "Terminal outcomes", ["tier", "outcome", "reason"])
CASCADE = Counter(
    "pointsman_cascade_steps_total",
    "Answers of a cascade that were judged: accepted or escalated",
    ["tier", "verdict", "reason"],
)
OPINIONS = Counter(
    "pointsman_second_opinions_total",
    "Undecided jobs: the score's tier kept, moved to another, or no opinion was available",
    ["verdict"],
)
REVIEWS = Counter(
    "pointsman_reviews_requested_total",
    "Jobs stopped for a person, at routing or at the answer, by the source of the confidence",
    ["of", "source"],
)
DECISION_SECONDS = Histogram(
    "pointsman_decision_seconds", "From bytes to decision, mean over each batch, per job", buckets=_FAST
)
HOP_SECONDS = BatchHistogram(
    "pointsman_hop_seconds",
    "From a record's Kafka timestamp until what follows from it is committed",
    "topic",
    _HOP,
)
REGISTRY.register(HOP_SECONDS)
LANE_LAG = Gauge("pointsman_lane_lag_records", "Records not yet committed", ["topic", "partition"])
LANE_AGE = Gauge(
    "pointsman_lane_oldest_seconds", "Age of the oldest uncommitted record", ["topic", "partition"]
)
STATE_ENTRIES = Gauge("pointsman_state_entries", "Keys in a lane's state", ["topic", "partition"])
STATE_BYTES = Gauge("pointsman_state_bytes", "Keys and values in a lane's state", ["topic", "partition"])
RESTORE_SECONDS = Histogram(
    "pointsman_state_restore_seconds", "Reading a lane's state from its changelog", ["topic"], buckets=_HOP
)
IN_FLIGHT = Gauge("pointsman_calls_in_flight", "Provider calls in flight", ["tier", "provider"])
JOBS_HELD = Gauge("pointsman_jobs_held", "Jobs that wait, by what they wait for", ["tier", "by"])
LIMIT_SECONDS = Histogram(
    "pointsman_limit_wait_seconds",
    "From asking the limits for a call until it may begin",
    ["tier"],
    buckets=_HOP,
)
NO_ROOM = Counter("pointsman_limit_refused_total", "Calls that a limit refused", ["tier", "limit"])
PAUSED = Counter("pointsman_limit_pauses_total", "Pauses that a provider asked for", ["target"])
HEDGES = Counter("pointsman_hedges_total", "Second calls because the first was slow", ["tier"])
CALL_SECONDS = Histogram(
    "pointsman_call_seconds",
    "Duration of a provider call",
    ["tier", "provider", "model", "status"],
    buckets=_CALL,
)
FIRST_EVENT_SECONDS = Histogram(
    "pointsman_first_event_seconds",
    "From sending a streamed provider call until its first event",
    ["tier", "provider"],
    buckets=_HOP,
)
CHUNKS_DROPPED = Counter(
    "pointsman_chunks_dropped_total",
    "Pieces of streamed answers that were dropped: too many in flight, or refused by Kafka",
    ["reason"],
)
TOKENS = Counter("pointsman_tokens_total", "Tokens as providers count them", ["tier", "model", "direction"])
COST = Counter("pointsman_cost_usd_total", "Cost of provider calls in US dollars", ["tier", "model"])
UNPRICED = Counter(
    "pointsman_calls_unpriced_total", "Calls whose model has no known price", ["tier", "model"]
)
AUDITED = Counter("pointsman_audit_rows_total", "Records stored in the audit table", ["topic"])
AUDITED_BYTES = Counter("pointsman_audit_bytes_total", "Bytes of record values stored", ["topic"])
AUDIT_DELAY = Histogram(
    "pointsman_audit_delay_seconds", "From a record's Kafka timestamp until it is stored", buckets=_HOP
)
REQUEST_SECONDS = Histogram(
    "pointsman_request_seconds",
    "From an HTTP request until the first byte of its answer",
    ["route", "status"],
    buckets=_CALL,
)
REQUESTS_OPEN = Gauge("pointsman_requests_open", "HTTP requests that are being answered")
LOOP_LAG = Histogram("pointsman_loop_lag_seconds", "How late the event loop runs a timer", buckets=_HOP)
