"""The log keeps the beginning and the end of what a trial prints."""

from __future__ import annotations

from ganbench.execution.supervise.logfile import LogFile


def test_short_output_is_kept_whole_and_attempts_follow_each_other(tmp_path):
    for text in (b"first\n", b"second\n"):
        log = LogFile(tmp_path / "t" / "log.txt", head=10, tail=4)
        log.write(text[:3])
        log.write(text[3:])
        log.close()
    assert (tmp_path / "t" / "log.txt").read_bytes() == b"first\nsecond\n"


def test_the_middle_of_a_long_output_is_left_out(tmp_path):
    log = LogFile(tmp_path / "log.txt", head=10, tail=4)
    for _ in range(1000):
        log.write(b"0123456789abcdef")
    log.write(b"last")
    log.close()
    text = (tmp_path / "log.txt").read_text()
    assert text.startswith("0123456789\n[… ")
    assert text.endswith("left out here …]\nlast")
    assert f"{16_000 + 4 - 14:,} bytes" in text


def test_a_log_that_cannot_be_written_harms_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    log = LogFile(tmp_path / "file" / "log.txt")
    log.write(b"text")
    log.close()
