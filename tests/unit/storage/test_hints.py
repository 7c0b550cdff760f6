"""Wake-ups: nothing that was published while nobody waited is missed, and a burst is one wake-up."""

from __future__ import annotations

import asyncio

from orchestra.storage.hints import EVENT, PENDING, Hints, log, wish


def test_a_hint_that_came_before_the_wait_is_not_lost() -> None:
    async def scenario() -> None:
        hints = Hints()
        with hints.subscribe([PENDING]) as subscription:
            hints.publish(PENDING)
            assert await subscription.wait() == (PENDING,)

    asyncio.run(scenario())


def test_a_burst_wakes_once_and_names_each_topic_once_oldest_first() -> None:
    async def scenario() -> None:
        hints = Hints()
        with hints.subscribe([PENDING, wish("w"), EVENT]) as subscription:
            for topic in (wish("w"), PENDING, wish("w"), EVENT, wish("other"), PENDING):
                hints.publish(topic)
            assert await subscription.wait() == (wish("w"), PENDING, EVENT)

    asyncio.run(scenario())


def test_a_waiting_reader_wakes_when_its_topic_is_published() -> None:
    async def scenario() -> None:
        hints = Hints()
        with hints.subscribe([log("r")]) as subscription:
            waiting = asyncio.ensure_future(subscription.wait())
            await asyncio.sleep(0)
            assert not waiting.done()
            hints.publish(log("other"))
            await asyncio.sleep(0)
            assert not waiting.done()
            hints.publish(log("r"))
            assert await waiting == (log("r"),)

    asyncio.run(scenario())


def test_a_cancelled_wait_loses_nothing() -> None:
    async def scenario() -> None:
        hints = Hints()
        with hints.subscribe([EVENT]) as subscription:
            waiting = asyncio.ensure_future(subscription.wait())
            await asyncio.sleep(0)
            hints.publish(EVENT)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            assert await subscription.wait() == (EVENT,)

    asyncio.run(scenario())


def test_topics_can_be_added_and_dropped_while_reading() -> None:
    async def scenario() -> None:
        hints = Hints()
        subscription = hints.subscribe([])
        subscription.add(EVENT)
        subscription.add(PENDING)
        hints.publish(PENDING)
        hints.publish(EVENT)
        subscription.discard(PENDING)
        assert await subscription.wait() == (EVENT,)
        assert hints.topics() == (EVENT,)
        subscription.close()
        assert hints.topics() == ()
        hints.publish(EVENT)

    asyncio.run(scenario())


def test_every_reader_of_a_topic_is_woken() -> None:
    async def scenario() -> None:
        hints = Hints()
        readers = [hints.subscribe([EVENT]) for _ in range(3)]
        hints.publish(EVENT)
        assert [await one.wait() for one in readers] == [(EVENT,)] * 3

    asyncio.run(scenario())
