"""SimLoop: an asyncio event loop in which time is a number and chance is a seed.

Nothing is waited for: when no task can go on, the clock jumps to the next timer. Which of the tasks
that could go on goes first is drawn. So one seed is one order of everything, and a million seconds
cost nothing. There are no sockets, and what is given to a thread is done at once.

A `Node` is a process of the world: its tasks are known by their context. When it is killed its
seams are dead first, then its tasks unwind, so nothing that they still do on their way has an effect.
"""

# mypy: disable-error-code="attr-defined, override, has-type"
# It reaches into asyncio where only the standard library itself does.
from __future__ import annotations

import asyncio
import contextvars
import heapq
import random
from collections.abc import Callable, Coroutine
from typing import Any, Final

NODE: Final[contextvars.ContextVar[Node | None]] = contextvars.ContextVar("node", default=None)
TURN_S: Final = 1e-9
MOMENT_S: Final = 1e-3
STEPS_OF_A_MOMENT: Final = 20_000
"""So many turns without any time passing are no work, they are a loop without end."""
UNWINDING_STEPS: Final = 200
"""A killed process whose tasks are not gone after so many rounds swallows its cancellation."""


class DeadlockError(Exception):
    """The world cannot go on: every task waits for ever, or they keep one another busy while no time passes."""


class Node:
    """One process: `is_alive` until it is killed. Its seams call `check`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_alive = True
        self.tasks: dict[asyncio.Task[Any], None] = {}
        self.on_kill: list[Callable[[], None]] = []

    def check(self) -> None:
        """Raise CancelledError in a process that is dead: it can have no effect any more."""
        if not self.is_alive:
            raise asyncio.CancelledError(f"{self.name} is dead")

    def run(self, callback: Callable[..., object], *arguments: object) -> None:
        """Call `callback` as this process, if it lives: what it begins belongs to the process."""
        if self.is_alive:
            context = contextvars.copy_context()
            context.run(NODE.set, self)
            asyncio.get_running_loop().call_soon(self._call, callback, arguments, context=context)

    def _call(self, callback: Callable[..., object], arguments: tuple[object, ...]) -> None:
        if self.is_alive:
            callback(*arguments)

    def spawn(self, coroutine: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Begin a task of this process."""
        context = contextvars.copy_context()
        context.run(NODE.set, self)
        return asyncio.get_running_loop().create_task(coroutine, name=f"{self.name}: {name}", context=context)

    async def kill(self) -> None:
        """End the process at once; returns when nothing of it is left."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimLoop)
        loop.thaw(self)
        self.is_alive = False
        for callback in self.on_kill:
            callback()
        for _ in range(UNWINDING_STEPS):
            if not self.tasks:
                return
            for task in tuple(self.tasks):
                task.cancel()
            await asyncio.sleep(0)
        raise DeadlockError(f"{self.name} was killed, but lives on: {[task.get_name() for task in self.tasks]}")


class _Handle(asyncio.Handle):
    """A callback that is ready. Cheaper than asyncio's own: a world has tens of thousands."""

    __slots__ = ()

    def __init__(self, callback: Any, args: Any, loop: SimLoop, context: contextvars.Context | None) -> None:
        self._context = contextvars.copy_context() if context is None else context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled = False
        self._repr = None
        self._source_traceback = None


class _Timer(asyncio.TimerHandle):
    """A callback at a time. `node` is the process that it belongs to."""

    __slots__ = ("node",)

    def __init__(
        self,
        when: float,
        callback: Any,
        args: Any,
        loop: SimLoop,
        context: contextvars.Context,
        node: Node | None,
    ) -> None:
        self._context = context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled = False
        self._repr = None
        self._source_traceback = None
        self._when = when
        self._scheduled = True
        self.node = node

    def __lt__(self, other: _Timer) -> bool:
        when: float = self._when
        return bool(when < other._when)

    def _run(self) -> None:
        """Timers of a killed process do not fire; those of a stopped one wait for it."""
        node = self.node
        if node is not None:
            held = self._loop._frozen.get(node)
            if held is not None:
                held.append(self)
                return
            if not node.is_alive:
                return
        super()._run()


class SimLoop(asyncio.BaseEventLoop):
    """The loop of one world. `errors` collects what asyncio would have logged."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._now = 0.0
        self._order = random.Random(f"order {seed}")
        self.steps = 0
        self._moment, self._moment_began = 0.0, 0
        self._frozen: dict[Node | None, list[asyncio.Handle]] = {}
        self.errors: list[str] = []
        self._born = 0
        self.set_task_factory(_make_task)
        self.set_exception_handler(self._note_error)

    def time(self) -> float:
        """Virtual seconds since the world began."""
        return self._now

    def call_at(
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """See `AbstractEventLoop`; the timer belongs to the process whose context it is."""
        if context is None:
            context = contextvars.copy_context()
        timer = _Timer(when, callback, args, self, context, context.get(NODE))
        heapq.heappush(self._scheduled, timer)
        return timer

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        """See `AbstractEventLoop`."""
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_soon(
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        """See `AbstractEventLoop`."""
        handle = _Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def _run_once(self) -> None:
        """Let the tasks that are ready go on in a drawn order; callbacks that are no tasks keep theirs."""
        self.steps += 1
        # A real clock never shows the same time twice: whoever waits for a remainder too small to add sees it pass.
        self._now += TURN_S
        if self._now > self._moment + MOMENT_S:
            self._moment, self._moment_began = self._now, self.steps
        elif self.steps > self._moment_began + STEPS_OF_A_MOMENT:
            raise DeadlockError(f"time stands still at {self._now}: tasks wake one another for ever")
        if self._frozen:
            self._set_aside()
        ready = self._ready
        if len(ready) > 1:
            places = [place for place, handle in enumerate(ready) if _is_task_step(handle)]
            if len(places) > 1:
                # Who wakes whom may follow the order of a set of tasks, which is that of their addresses.
                handles = sorted((ready[place] for place in places), key=self._age)
                self._order.shuffle(handles)
                for place, handle in zip(places, handles, strict=True):
                    ready[place] = handle
        self._take_due()
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle._cancelled:
                handle._run()

    def _take_due(self) -> None:
        """Append the timers that are due to what is ready; when nothing is, the clock jumps to the next of them."""
        if self._timer_cancelled_count > 50 and self._timer_cancelled_count * 2 > len(self._scheduled):
            self._scheduled = [timer for timer in self._scheduled if not timer._cancelled]
            heapq.heapify(self._scheduled)
            self._timer_cancelled_count = 0
        scheduled, ready = self._scheduled, self._ready
        while scheduled and scheduled[0]._cancelled:
            heapq.heappop(scheduled)._scheduled = False
            self._timer_cancelled_count -= 1
        if not ready and not self._stopping:
            if not scheduled:
                raise DeadlockError("nothing is left to wait for")
            self._now = max(self._now, scheduled[0]._when)
        end = self._now + self._clock_resolution
        while scheduled and scheduled[0]._when < end:
            timer = heapq.heappop(scheduled)
            timer._scheduled = False
            ready.append(timer)

    def _age(self, handle: asyncio.Handle) -> int:
        """The number of the handle's task; 0 for a first step, which stands where its creator put it."""
        return getattr(getattr(handle._callback, "__self__", None), "age", 0)

    def freeze(self, node: Node) -> None:
        """Stop a process (SIGSTOP): it does nothing until `thaw`, and then finds that time has passed."""
        self._frozen.setdefault(node, [])

    def thaw(self, node: Node) -> None:
        """Let a stopped process go on (SIGCONT)."""
        self._ready.extend(self._frozen.pop(node, ()))

    def thaw_all(self) -> None:
        """Let every stopped process go on."""
        for node in tuple(self._frozen):
            assert node is not None
            self.thaw(node)

    def _set_aside(self) -> None:
        """Keep what stopped processes would do now."""
        for _ in range(len(self._ready)):
            handle = self._ready.popleft()
            held = self._frozen.get(handle._context.get(NODE))
            (self._ready if held is None else held).append(handle)

    def number(self) -> int:
        """A number for a new task."""
        self._born += 1
        return self._born

    def _write_to_self(self) -> None:
        raise AssertionError("a thread tried to wake a simulated loop")

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:
        """What is given to a thread is done at once."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    def _note_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        task = context.get("task") or context.get("future")
        self.errors.append(f"{context['message']}: {context.get('exception')!r} in {task!r}")


class _Task(asyncio.Task[Any]):
    """A task that knows its number."""

    age = 0


def _is_task_step(handle: asyncio.Handle) -> bool:
    callback = handle._callback
    # A first step is an object of the interpreter's own, later ones are methods of the task.
    return type(callback).__name__ == "TaskStepMethWrapper" or isinstance(getattr(callback, "__self__", None), _Task)


def _make_task(
    loop: asyncio.AbstractEventLoop, coroutine: Any, context: contextvars.Context | None = None, **options: Any
) -> asyncio.Task[Any]:
    task = _Task(coroutine, loop=loop, context=context, **options)
    assert isinstance(loop, SimLoop)
    task.age = loop.number()
    node = NODE.get() if context is None else context.get(NODE)
    if node is not None:
        node.tasks[task] = None
        # In a context of no process: a stopped one would keep the callback.
        task.add_done_callback(lambda done: _forget(node, done), context=contextvars.Context())
    return task


def _forget(node: Node, task: asyncio.Task[Any]) -> None:
    node.tasks.pop(task, None)
    if not node.is_alive and not task.cancelled():
        # How a killed process unwinds is nobody's business.
        task.exception()
