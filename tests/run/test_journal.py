import errno
import json
import os
import sys
import threading
import time

import pytest

from reportgen.run import journal as journals
from reportgen.run.journal import FLUSH_LINES, Journal, encoded, written_here
from reportgen.testing import HOSTILE

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")


@pytest.fixture
def errors():
    return []


@pytest.fixture
def journal(tmp_path, errors):
    found = Journal(
        tmp_path / "events.jsonl", lambda entries: [encoded(e) for e in entries], lambda: None, errors.append
    )
    yield found
    found.close()


def entries(journal):
    return [json.loads(line) for line in journal.path.read_bytes().splitlines()] if journal.path.exists() else []


def wait_for(condition, seconds):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_a_line_is_on_disk_within_two_seconds_while_the_main_thread_sleeps(journal):
    journal.append({"v": 1})
    time.sleep(1.9)
    assert entries(journal) == [{"v": 1}]


def test_many_lines_do_not_wait_for_the_clock(journal, monkeypatch):
    monkeypatch.setattr(journals, "FLUSH_SECONDS", 60.0)
    for number in range(FLUSH_LINES):
        journal.append({"v": number})
    wait_for(lambda: len(entries(journal)) >= FLUSH_LINES, 5.0)
    assert entries(journal) == [{"v": number} for number in range(FLUSH_LINES)]


def test_nothing_is_started_before_the_first_entry(tmp_path):
    before = threading.active_count()
    Journal(tmp_path / "x", lambda e: [], lambda: None, lambda e: None)
    assert threading.active_count() == before
    assert not (tmp_path / "x").exists()


def test_threads_may_append_at_once(journal):
    def work(number):
        for count in range(2000):
            journal.append({"v": [number, count]})

    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(switch)
    journal.close()
    found = [entry["v"] for entry in entries(journal)]
    assert sorted(found) == [[number, count] for number in range(4) for count in range(2000)]
    for number in range(4):  # each thread's own lines are in order
        assert [count for one, count in found if one == number] == list(range(2000))


def test_hostile_texts_are_lines_of_ascii(journal):
    journal.append({"v": list(HOSTILE)})
    journal.flush()
    assert journal.path.read_bytes().isascii()
    assert journal.path.read_bytes().count(b"\n") == 1
    assert entries(journal) == [{"v": list(HOSTILE)}]


def test_a_short_write_is_continued(journal, monkeypatch):
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:7]))
    for number in range(20):
        journal.append({"v": number})
    journal.flush()
    assert [entry["v"] for entry in entries(journal)] == list(range(20))


def full_disk(monkeypatch, accepted=0):
    """Makes every os.write fail after `accepted` more bytes; gives a function that makes room again."""
    real, left = os.write, [accepted]

    def write(descriptor, data):
        if not left[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = data[: left[0]]
        left[0] -= len(taken)
        return real(descriptor, taken)

    monkeypatch.setattr(os, "write", write)
    return lambda: monkeypatch.setattr(os, "write", real)


def test_what_a_full_disk_refused_is_written_once_there_is_room(journal, errors, monkeypatch):
    make_room = full_disk(monkeypatch, accepted=13)
    for number in range(10):
        journal.append({"v": number})
    journal.flush()
    assert [error.errno for error in errors] == [errno.ENOSPC]
    make_room()
    journal.append({"v": 10})
    journal.flush()
    assert [entry["v"] for entry in entries(journal)] == list(range(11))
    assert journal.lost == 0


def test_a_disk_that_stays_full_costs_whole_lines_and_they_are_counted(journal, monkeypatch):
    monkeypatch.setattr(journals, "MOST_UNWRITTEN", 100)
    make_room = full_disk(monkeypatch, accepted=3)
    for number in range(60):
        journal.append({"v": number})
    journal.flush()
    make_room()
    journal.append({"v": 60})
    journal.flush()
    found = [entry["v"] for entry in entries(journal)]
    assert found[:5] == list(range(5))
    assert found[-1] == 60
    assert journal.lost == 61 - len(found)


def test_a_folder_that_vanished_is_an_error_that_is_told_and_survived(tmp_path, errors):
    folder = tmp_path / "run"
    folder.mkdir()
    journal = Journal(folder / "x", lambda e: [encoded(one) for one in e], lambda: None, errors.append)
    journal.append({"v": 1})
    journal.flush()
    (folder / "x").unlink()
    folder.rmdir()
    journal.append({"v": 2})
    journal.flush()
    assert [type(error) for error in errors] == [FileNotFoundError]
    folder.mkdir()
    journal.append({"v": 3})
    journal.close()
    assert [entry["v"] for entry in entries(journal)] == [2, 3]


def test_the_thread_outlives_what_its_callbacks_raise(tmp_path, errors):
    def fail():
        raise ValueError("a collector is broken")

    journal = Journal(tmp_path / "x", lambda e: [encoded(one) for one in e], fail, errors.append)
    journal.append({"v": 1})
    wait_for(lambda: entries(journal) == [{"v": 1}], 3.0)
    journal.append(object())  # encoding it raises
    wait_for(lambda: len({type(error) for error in errors}) == 2, 3.0)
    journal.append({"v": 2})
    wait_for(lambda: entries(journal)[-1] == {"v": 2}, 3.0)
    journal.close()
    assert {type(error) for error in errors} == {ValueError, TypeError}


def test_without_a_thread_the_caller_writes(journal, monkeypatch):
    def start(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    for number in range(FLUSH_LINES):
        journal.append({"v": number})
    assert len(entries(journal)) == FLUSH_LINES
    journal.append({"v": "last"})
    journal.close()
    assert entries(journal)[-1] == {"v": "last"}


def test_a_closed_journal_opens_again(journal, tmp_path):
    journal.append({"v": 1})
    assert written_here(tmp_path)
    journal.close()
    assert not written_here(tmp_path)
    journal.append({"v": 2})
    assert written_here(tmp_path)
    journal.close()
    assert [entry["v"] for entry in entries(journal)] == [1, 2]


def in_child(work):
    """Run `work` in a forked child that ends as a script does, flushing nothing but what is its own."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0 if sys.exc_info()[0] is None else 1)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return "hangs"


@needs_fork
def test_a_forked_child_writes_nothing_and_grows_nothing(journal, tmp_path):
    journal.append({"v": "parent"})

    def work():
        for number in range(1000):
            journal.append({"v": number})
        journal.flush()
        journal.close()
        assert not journal.owner
        assert not journal._buffer
        assert not written_here(tmp_path)

    assert in_child(work) == 0
    journal.append({"v": "still there"})
    journal.close()
    assert [entry["v"] for entry in entries(journal)] == ["parent", "still there"]


def test_two_threads_that_fork_at_once_leave_no_lock_behind(journal):
    journal.append("a")

    def fork_like():
        journals._before_fork()
        journals._after_fork_in_parent()

    journals._before_fork()
    other = threading.Thread(target=fork_like)
    other.start()
    other.join(0.1)  # it waits for the lock that this thread holds
    journals._after_fork_in_parent()
    other.join(10)
    assert journal._writing.acquire(timeout=1)
    journal._writing.release()


@needs_fork
def test_a_child_forked_while_lines_are_written_does_not_hang(journal):
    stop = threading.Event()

    def keep_writing():
        while not stop.is_set():
            journal.append({"v": "x" * 1000})
            journal.flush()

    writer = threading.Thread(target=keep_writing)
    writer.start()
    try:
        for _ in range(10):
            assert in_child(lambda: (journal.append({"v": 1}), journal.flush(), journal.close())) == 0
    finally:
        stop.set()
        writer.join()
    journal.close()
    assert all(entry == {"v": "x" * 1000} for entry in entries(journal))
