"""A policy that requests a second opinion on every scored job."""


def asking_policy(wait_s: float) -> str:
    """The policy's text, with this maximum wait in seconds. Score and opinion are the built-in ones."""
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
