"""What tests of any service stand on: cloned databases, servers on port 0, and an OTLP receiver."""
