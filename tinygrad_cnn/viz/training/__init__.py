"""Training that one can watch: a live page over a run, and recorded steps on a slider."""
