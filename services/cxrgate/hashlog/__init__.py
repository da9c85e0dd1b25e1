"""The hash-chained record of calls: what was asked of a gate and what it answered; a changed line is found."""

from cxrgate.hashlog.lines import Head, Line, LogBroken, head_path, parse_head, read_known_lines, read_lines, verify_log
from cxrgate.hashlog.log import HashLog

__all__ = [
    "HashLog",
    "Head",
    "Line",
    "LogBroken",
    "head_path",
    "parse_head",
    "read_known_lines",
    "read_lines",
    "verify_log",
]
