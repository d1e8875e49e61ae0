"""Few at a time, some in line, the others sent away."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

import pytest

from api.turnstile import Crowded, Turnstile


def test_no_more_are_inside_than_there_are_places() -> None:
    stile = Turnstile(places=2, line=1, patience=0.01)
    with stile.passed():
        with stile.passed(), pytest.raises(Crowded), stile.passed():
            pass
        with stile.passed():
            pass


def test_who_waits_comes_in_and_who_finds_the_line_full_leaves_at_once() -> None:
    stile = Turnstile(places=1, line=1, patience=60)

    def enter() -> None:
        with stile.passed():
            pass

    with ThreadPoolExecutor(2) as threads:
        with stile.passed():
            both = {threads.submit(enter) for _ in range(2)}
            sent_away, waiting = wait(both, 10, FIRST_COMPLETED)
            assert [type(each.exception()) for each in sent_away] == [Crowded]
        assert [each.exception(10) for each in waiting] == [None]
