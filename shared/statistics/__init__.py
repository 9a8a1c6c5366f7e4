"""Statistics that more than one service rests on: distributions of counts, and charts that say when counts have changed."""
