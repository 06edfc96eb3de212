"""The table of refusals: from an HTTP status and error body to a closed set of kinds. Pure.

The body's codes take precedence over the status, and the status over the message's wording; for an unspecific
status (200, 400) the wording takes precedence.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from pointsman.worker.providers.error_body import ErrorBody
from pointsman_schemas.reasons import FailReason


class RefusalKind(StrEnum):
    """Why a provider refused a call."""

    ACCOUNT = "account"
    USED_UP = "used_up"
    NO_MODEL = "no_model"
    TOO_LONG = "too_long"
    FILTERED = "filtered"
    LIMITED = "limited"
    TIMED_OUT = "timed_out"
    FAILING = "failing"
    REDIRECTED = "redirected"
    UNREADABLE = "unreadable"
    REQUEST = "request"


@dataclass(frozen=True, slots=True)
class RefusalRow:
    """`is_transient`: a retry may succeed; `elsewhere`: another target may succeed."""

    reason: FailReason
    is_transient: bool = False
    elsewhere: bool = False


ROWS = {
    RefusalKind.ACCOUNT: RefusalRow(FailReason.AUTHENTICATION, elsewhere=True),
    RefusalKind.USED_UP: RefusalRow(FailReason.AUTHENTICATION, elsewhere=True),
    RefusalKind.NO_MODEL: RefusalRow(FailReason.MODEL_NOT_FOUND, elsewhere=True),
    RefusalKind.TOO_LONG: RefusalRow(FailReason.BAD_REQUEST),
    RefusalKind.FILTERED: RefusalRow(FailReason.CONTENT_FILTER),
    RefusalKind.LIMITED: RefusalRow(FailReason.RATE_LIMITED, is_transient=True),
    RefusalKind.TIMED_OUT: RefusalRow(FailReason.TIMEOUT, is_transient=True),
    RefusalKind.FAILING: RefusalRow(FailReason.SERVER_ERROR, is_transient=True),
    RefusalKind.REDIRECTED: RefusalRow(FailReason.BAD_RESPONSE, elsewhere=True),
    RefusalKind.UNREADABLE: RefusalRow(FailReason.BAD_RESPONSE, is_transient=True),
    RefusalKind.REQUEST: RefusalRow(FailReason.BAD_REQUEST),
}

_STATUS = {
    401: RefusalKind.ACCOUNT,
    402: RefusalKind.USED_UP,
    403: RefusalKind.ACCOUNT,
    404: RefusalKind.NO_MODEL,
    405: RefusalKind.NO_MODEL,
    407: RefusalKind.ACCOUNT,
    408: RefusalKind.TIMED_OUT,
    409: RefusalKind.FAILING,
    410: RefusalKind.NO_MODEL,
    413: RefusalKind.TOO_LONG,
    424: RefusalKind.FAILING,
    425: RefusalKind.FAILING,
    429: RefusalKind.LIMITED,
    498: RefusalKind.FAILING,
}
#: Statuses in a body that take precedence over a vague HTTP status.
_PRECISE = (401, 402, 403, 404, 408, 413, 429)
#: HTTP statuses that gateways use for any error.
_VAGUE = (400, 500, 502, 503)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Normalised as by `_word` and `_stem`: lower case, no `_`, no final `error` or `exception`. First match wins.
_WORDS: tuple[tuple[RefusalKind, frozenset[str]], ...] = (
    (
        RefusalKind.USED_UP,
        _words(
            "insufficientquota insufficientbalance insufficientcredits insufficientcredit insufficientfunds"
            " insufficientuserquota billing billinghardlimitreached billingnotactive paymentrequired"
            " arrearage budgetexceeded exceededbudget quotaexceeded exceededcurrentquota creditbalancetoolow"
            " outofcredits spendinglimitexceeded usagelimitreached accountoverdue notenoughcredits"
        ),
    ),
    (
        RefusalKind.FILTERED,
        _words(
            "contentfilter contentfiltered contentpolicyviolation contentpolicy responsibleaipolicyviolation"
            " moderation contentmoderation datainspectionfailed prohibitedcontent moderationblocked"
        ),
    ),
    (
        RefusalKind.TOO_LONG,
        _words(
            "contextlengthexceeded contextwindowexceeded contextlength requesttoolarge maxtokensexceeded"
            " stringabovemaxlength inputtoolong prompttoolong modelcontextwindowexceeded exceedcontextsize"
        ),
    ),
    (
        RefusalKind.ACCOUNT,
        _words(
            "invalidapikey incorrectapikey apikeyinvalid apikeyexpired invalidkey authentication auth"
            " invalidauthentication authenticationfailed unauthenticated unauthorized permissiondenied"
            " permission forbidden accessdenied accountdeactivated accessterminated keymodelaccessdenied"
            " tokenexpired tokennotfoundindb invalidtoken expiredtoken invalidcredentials"
            " organizationrestricted servicedisabled consumerinvalid unrecognizedclient invalidsignature"
            " failedprecondition missingapikey noapikey unsupportedcountryregionterritory projectsuspended"
        ),
    ),
    (
        RefusalKind.NO_MODEL,
        _words(
            "modelnotfound notfound invalidmodel unknownmodel deploymentnotfound modelnotavailable"
            " modeldecommissioned modelnotsupported resourcenotfound operationnotsupported nosuchmodel"
            " modelnotexist modeldoesnotexist"
        ),
    ),
    (
        RefusalKind.LIMITED,
        _words(
            "ratelimit ratelimited ratelimitexceeded ratelimitreached toomanyrequests resourceexhausted"
            " throttling throttled limitrequests limitburstrate requestlimitexceeded requestslimitexceeded"
            " concurrencylimitexceeded servicetiercapacityexceeded servicequotaexceeded userratelimitexceeded"
        ),
    ),
    (
        RefusalKind.TIMED_OUT,
        _words("timeout timedout requesttimeout gatewaytimeout deadlineexceeded apitimeout modeltimeout"),
    ),
    (
        RefusalKind.FAILING,
        _words(
            "overloaded engineoverloaded modeloverloaded server internal internalserver serviceunavailable"
            " api unavailable badgateway capacityexceeded internalfailure upstream apiconnection"
            " modelnotready"
        ),
    ),
)

_SENTENCES: tuple[tuple[RefusalKind, re.Pattern[str]], ...] = tuple(
    (kind, re.compile("|".join(patterns)))
    for kind, patterns in (
        (
            RefusalKind.USED_UP,
            (
                r"exceeded your current quota",
                r"insufficient[ _](?:account )?(?:balance|credit|quota|fund)",
                r"credit balance is too low",
                r"(?:more|enough|out of|remaining) credits",
                r"payment (?:is )?required",
                r"reached (?:your|its) (?:specified |monthly )?(?:api )?(?:usage|spending|spend) limit",
                r"used all available credits",
                r"account .{0,60}suspended",
                r"(?:spend(?:ing)?|billing|monthly|key|budget)[ _](?:hard )?limit "
                r"(?:has been |was )?(?:exceeded|reached)",
                r"budget has been exceeded",
                r"billing (?:is )?(?:not active|disabled)",
            ),
        ),
        (
            RefusalKind.ACCOUNT,
            (
                r"api[ _-]?key (?:is )?(?:not valid|invalid|expired|missing|not found|required|disabled)",
                r"(?:invalid|incorrect|expired|missing|wrong|no|malformed) (?:x-)?api[ _-]?key",
                r"no auth credentials",
                r"no cookie auth",
                r"(?:authentication|authorization) (?:failed|required|error)",
                r"(?:invalid|missing|expired) "
                r"(?:authentication|authorization|bearer|access token|credential|token\b)",
                r"\bunauthori[sz]ed\b",
                r"not authenticated",
                r"token (?:seems |is )?(?:invalid|expired)",
            ),
        ),
        (
            RefusalKind.TOO_LONG,
            (
                r"maximum context length",
                r"maximum allowed (?:input|prompt) length",
                r"prompt is too long",
                r"(?:input|prompt|request|context) (?:is |was )?too (?:long|large)",
                r"exceeds? the (?:model's |maximum |available )?(?:context|number of tokens)",
                r"exceeds? the model's maximum (?:context|input|prompt|sequence|length|number|token)",
                r"context (?:length|window|size) (?:exceeded|of)",
                r"context_length",
                r"(?:beyond|outside|exceed\w{0,3}|larger than) .{0,40}context (?:length|window|size)",
                r"reduce the length of",
                r"too many (?:input |prompt )?tokens(?!.{0,20}(?:\bper\b|wait|try))",
                r"input token count .{0,60}exceeds",
            ),
        ),
        (
            RefusalKind.NO_MODEL,
            (
                r"not a valid model",
                r"(?:unknown|no such|invalid|unsupported) model\b",
                r"\bmodel\b.{0,80}?(?:not found|does not exist|not exist|has been deprecated|decommissioned)",
                r"no endpoints found",
            ),
        ),
        (
            RefusalKind.FILTERED,
            (
                r"content (?:management )?(?:policy|filter)",
                r"content exists risk",
                r"flagged (?:as|by) (?:potentially )?(?:moderation|violating|inappropriate)",
            ),
        ),
        (RefusalKind.LIMITED, (r"rate[ -]?limit", r"too many requests", r"limit reached", r"slow down")),
        (
            RefusalKind.FAILING,
            (r"\boverloaded\b", r"(?:service|temporarily) unavailable", r"internal (?:server )?error"),
        ),
    )
)
#: The message of a 4xx may quote the request, so only phrases for these kinds are searched in it.
_SENTENCE_UNDER = {
    400: (
        RefusalKind.USED_UP,
        RefusalKind.ACCOUNT,
        RefusalKind.TOO_LONG,
        RefusalKind.NO_MODEL,
        RefusalKind.FILTERED,
    ),
    403: (RefusalKind.USED_UP, RefusalKind.FILTERED, RefusalKind.LIMITED),
    422: (RefusalKind.TOO_LONG,),
    429: (RefusalKind.USED_UP, RefusalKind.TOO_LONG),
}
_SENTENCE_ELSE = (RefusalKind.USED_UP, RefusalKind.ACCOUNT)
_MOST_SENTENCE = 600


def kind_of(status: int, error: ErrorBody) -> RefusalKind:
    """Return the kind of a refusal. `status` is 2xx if the body of such a response is an error."""
    if 300 <= status < 400:
        return RefusalKind.REDIRECTED
    if status == 413:
        return RefusalKind.TOO_LONG
    sentence = error.message[:_MOST_SENTENCE].lower()
    words = {_stem(word) for word in error.words}
    if kind := next((kind for kind, phrases in _WORDS if words & phrases), None):
        return _limited(words, sentence) if kind is RefusalKind.LIMITED else kind
    number = status
    if error.status and (status < 300 or (status in _VAGUE and error.status in _PRECISE)):
        number = error.status
    if kind := _in_sentence(sentence, _looked_for(number)):
        return kind
    if number >= 500:
        return RefusalKind.FAILING
    return _STATUS.get(number, RefusalKind.REQUEST if number >= 400 else RefusalKind.UNREADABLE)


def _limited(words: set[str], sentence: str) -> RefusalKind:
    """Tell rate limits, which pass with time, from exhausted accounts and requests larger than the rate."""
    if "request too large" in sentence:
        return RefusalKind.TOO_LONG
    if "resourceexhausted" in words or "resource_exhausted" in sentence:
        return RefusalKind.LIMITED  # its messages say quota for a rate
    return _in_sentence(sentence, (RefusalKind.USED_UP,)) or RefusalKind.LIMITED


def _looked_for(status: int) -> Collection[RefusalKind]:
    if status < 300:
        return tuple(RefusalKind)
    if status in _SENTENCE_UNDER:
        return _SENTENCE_UNDER[status]
    return () if status >= 500 or status in _STATUS else _SENTENCE_ELSE


def _in_sentence(sentence: str, kinds: Collection[RefusalKind]) -> RefusalKind | None:
    return next((kind for kind, pattern in _SENTENCES if kind in kinds and pattern.search(sentence)), None)


def _stem(word: str) -> str:
    return word.removesuffix("error").removesuffix("exception")
