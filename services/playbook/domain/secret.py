"""Finds what looks like a secret, by the published shapes of well-known credentials."""

import re

# Shapes as their issuers document them; generic "password=…" pairs are included because alert text is full of connection strings.
# One group behind one word boundary: tried one by one, the shapes took most of a render's time.
SECRET = re.compile(
    r"\b(?:"
    r"(?:AKIA|ASIA)[0-9A-Z]{16}\b"  # AWS access key id
    r"|gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,}"  # GitHub
    r"|glpat-[A-Za-z0-9_-]{20,}"  # GitLab
    r"|xox[abeoprs]-[A-Za-z0-9-]{10,}"  # Slack
    r"|sk_live_[A-Za-z0-9]{16,}"  # Stripe
    r"|sk-(?:ant-|proj-)?[A-Za-z0-9_-]{20,}"  # model providers
    r"|AIza[0-9A-Za-z_-]{35}"  # Google API key
    r"|eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"  # JSON web token
    r"|(?i:password|passwd|secret|api[_-]?key|access[_-]?token)\b[\"']?\s{0,3}[=:]\s{0,3}[\"']?[^\s\"'<>\[\]]{8,}"
    r")"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|://[^\s/:]{1,64}:[^\s/]{3,128}[@＠]"  # credentials in a URL, also in neutralised text
)
REDACTED = "[redacted credential]"  # holds a space and brackets, so that no shape above can match across it


def without_secrets(text: str) -> str:
    """Returns `text` with everything that looks like a secret replaced."""
    return SECRET.sub(REDACTED, text)
