"""The version of the meaning of results."""

#: Raised whenever the meaning of a result changes; results of different protocols never mix.
PROTOCOL = 4
