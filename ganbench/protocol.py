"""The version of what numbers mean."""

#: Raised whenever the meaning of a result changes; results of different protocols never mix.
PROTOCOL = 3
