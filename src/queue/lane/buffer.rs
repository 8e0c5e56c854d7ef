//! Fetched jobs that wait in this process for a free worker.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use tokio::sync::Notify;

/// A bounded hand-over from the fetcher to one apalis worker. It outlives the worker, so a rebuilt one finds what waited.
pub(super) struct Buffer<T> {
    state: Mutex<State<T>>,
    room: Notify,
    waker: AtomicWaker,
}

struct State<T> {
    waiting: VecDeque<T>,
    closed: bool,
}

impl<T> Buffer<T> {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(State { waiting: VecDeque::new(), closed: false }),
            room: Notify::new(),
            waker: AtomicWaker::new(),
        }
    }

    /// Waits until at most `n` wait, and answers how many do.
    pub(super) async fn at_most(&self, n: usize) -> usize {
        loop {
            let waiting = self.lock().waiting.len();
            if waiting <= n {
                return waiting;
            }
            self.room.notified().await;
        }
    }

    /// Adds what a fetch brought; dropped when closed.
    pub(super) fn extend(&self, items: Vec<T>) {
        {
            let mut state = self.lock();
            if !state.closed {
                state.waiting.extend(items);
            }
        }
        self.waker.wake();
    }

    /// The next one; `None` once closed.
    pub(super) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        if let Some(next) = self.pop() {
            return next;
        }
        self.waker.register(cx.waker());
        self.pop().unwrap_or(Poll::Pending)
    }

    fn pop(&self) -> Option<Poll<Option<T>>> {
        let mut state = self.lock();
        match state.waiting.pop_front() {
            Some(next) => {
                drop(state);
                self.room.notify_one();
                Some(Poll::Ready(Some(next)))
            }
            None => state.closed.then_some(Poll::Ready(None)),
        }
    }

    /// Nothing comes in or goes out any more; what waited is dropped.
    pub(super) fn close(&self) {
        let waiting = {
            let mut state = self.lock();
            state.closed = true;
            std::mem::take(&mut state.waiting)
        };
        drop(waiting);
        self.waker.wake();
        self.room.notify_one();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State<T>> {
        self.state.lock().expect("no panic happens under this lock")
    }
}
