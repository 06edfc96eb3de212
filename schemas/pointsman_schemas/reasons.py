"""Closed vocabularies of reasons, small enough for metric labels."""

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema


class Reason(StrEnum):
    """Why a record is on `jobs.dead` or a job is rejected."""

    TOMBSTONE = "tombstone"
    EMPTY = "empty"
    TOO_LARGE = "too_large"
    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    TOO_DEEP = "too_deep"
    BAD_NUMBER = "bad_number"
    NUL_CHARACTER = "nul_character"
    LONE_SURROGATE = "lone_surrogate"
    BAD_HEADERS = "bad_headers"
    UNKNOWN_TYPE = "unknown_type"
    UNKNOWN_VERSION = "unknown_version"
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    MISSING_AGENT = "missing_agent"
    FOREIGN_AGENT = "foreign_agent"
    AGENT_NOT_ALLOWED = "agent_not_allowed"
    OVER_BUDGET = "over_budget"
    OVER_RATE = "over_rate"
    UNKNOWN_TIER = "unknown_tier"
    DUPLICATE_JOB = "duplicate_job"
    SIGNATURE_MISSING = "signature_missing"
    SIGNATURE_WRONG = "signature_wrong"
    SIGNATURE_FOREIGN = "signature_foreign"
    SIGNATURE_STALE = "signature_stale"
    SIGNATURE_REPEATED = "signature_repeated"
    DEADLINE_PASSED = "deadline_passed"
    NOT_APPROVED = "not_approved"
    INTERNAL = "internal"


def _answered(reason: Reason) -> Reason:
    if reason.name.startswith("SIGNATURE_"):
        raise ValueError("a job with a wrong or missing signature gets no outcome")
    return reason


#: Why a job is rejected. Signature errors are reported only on `jobs.dead`.
AnsweredReason = Annotated[
    Reason,
    AfterValidator(_answered),
    WithJsonSchema(
        {
            "title": "Reason",
            "type": "string",
            "enum": [reason.value for reason in Reason if not reason.name.startswith("SIGNATURE_")],
        }
    ),
]


class FailReason(StrEnum):
    """Why a provider call failed."""

    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    CONNECTION = "connection"
    TIMEOUT = "timeout"
    BAD_RESPONSE = "bad_response"
    BAD_REQUEST = "bad_request"
    AUTHENTICATION = "authentication"
    MODEL_NOT_FOUND = "model_not_found"
    CONTENT_FILTER = "content_filter"
    INTERNAL = "internal"


#: The `code` of a failed job whose input is too long for all models of its tier, whatever the provider calls
#: it. Clients recognise this code and shorten the conversation.
TOO_LONG = "context_length_exceeded"


class StepReason(StrEnum):
    """Why an answer in a cascade was accepted, or why the job escalated."""

    SURE = "sure"
    UNSURE = "unsure"
    AGREED = "agreed"
    DIFFERED = "differed"
    COMPARED_LATER = "compared_later"
    UNKNOWN = "unknown"
    EMPTY = "empty"
    CUT_OFF = "cut_off"
    REFUSED = "refused"
    NOT_JSON = "not_json"
    FAILED = "failed"
