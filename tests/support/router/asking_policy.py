"""A policy that requests a second opinion on every scored job."""


def asking_policy(wait_s: float) -> str:
    """Its text; a job waits that many seconds for its opinion. Score and opinion are the shipped ones."""
    return f"""\
name: asks
tiers: [small, medium, frontier]
default: {{tier: scored, fallback: frontier, reason: The score decides.}}
score:
  model: builtin
  quality: 0.98
  tiers: {{medium: mid}}
  opinion: {{model: builtin, band: 1, wait_s: {wait_s}}}
"""
