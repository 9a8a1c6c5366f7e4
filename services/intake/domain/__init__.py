"""The rules of intake: what an alert is, when it is new, and how incidents open and close."""
