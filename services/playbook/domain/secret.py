"""Finds what looks like a secret, by the published shapes of well-known credentials."""

import re

# Shapes as their issuers document them; generic "password=…" pairs are included because alert text is full of connection strings.
SECRET = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"  # AWS access key id
    r"|\bgh[pousr]_[A-Za-z0-9]{36,}"  # GitHub
    r"|\bgithub_pat_[A-Za-z0-9_]{22,}"
    r"|\bglpat-[A-Za-z0-9_-]{20,}"  # GitLab
    r"|\bxox[abeoprs]-[A-Za-z0-9-]{10,}"  # Slack
    r"|\bsk_live_[A-Za-z0-9]{16,}"  # Stripe
    r"|\bsk-(?:ant-|proj-)?[A-Za-z0-9_-]{20,}"  # model providers
    r"|\bAIza[0-9A-Za-z_-]{35}"  # Google API key
    r"|\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"  # JSON web token
    r"|(?i:\b(?:password|passwd|secret|api[_-]?key|access[_-]?token)\b[\"']?\s{0,3}[=:]\s{0,3}[\"']?)[^\s\"'<>\[\]]{8,}"
    r"|\b[a-z][a-z0-9+.-]{1,30}://[^\s/:]{1,64}:[^\s/]{3,128}[@＠]"  # credentials in a URL, also in neutralised text
)
REDACTED = "[redacted credential]"  # holds a space and brackets, so that no shape above can match across it


def without_secrets(text: str) -> str:
    """Returns `text` with everything that looks like a secret replaced."""
    return SECRET.sub(REDACTED, text)
