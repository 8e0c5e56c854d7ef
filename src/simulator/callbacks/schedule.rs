//! When what is told: one heap of coming events, and the count of those that have not arrived.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

use super::Event;
use crate::simulator::people::lock;

/// Coming events in the order of their time.
#[derive(Debug)]
pub(in crate::simulator) struct Schedule {
    heap: Mutex<Heap>,
    wake: Notify,
    pending: AtomicU64,
    quiet: Notify,
    /// An event may be this late, so that a busy stream of them does not wake the scheduler for each.
    grain_ms: i64,
}

#[derive(Debug)]
struct Heap {
    entries: BinaryHeap<Reverse<Entry>>,
    order: u64,
    /// The scheduler sleeps until then; `i64::MIN` while it is awake.
    sleeps_until_ms: i64,
}

#[derive(Debug)]
struct Entry {
    due_ms: i64,
    order: u64,
    event: Event,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due_ms, self.order).cmp(&(other.due_ms, other.order))
    }
}

impl Schedule {
    /// Nothing is coming yet; events may be `grain_ms` late.
    pub(in crate::simulator) fn new(grain_ms: i64) -> Self {
        let heap = Heap { entries: BinaryHeap::new(), order: 0, sleeps_until_ms: i64::MIN };
        Self { heap: Mutex::new(heap), wake: Notify::new(), pending: AtomicU64::new(0), quiet: Notify::new(), grain_ms }
    }

    /// Adds events with the time at which each is due.
    pub(in crate::simulator) fn add(&self, events: impl IntoIterator<Item = (i64, Event)>) {
        let mut heap = lock(&self.heap);
        let mut added = 0;
        let mut earliest = i64::MAX;
        for (due_ms, event) in events {
            heap.order += 1;
            let order = heap.order;
            heap.entries.push(Reverse(Entry { due_ms, order, event }));
            earliest = earliest.min(due_ms);
            added += 1;
        }
        // Counted before the lock is released: an event may not arrive before it was pending.
        self.pending.fetch_add(added, Ordering::SeqCst);
        if earliest.saturating_add(self.grain_ms) < heap.sleeps_until_ms {
            heap.sleeps_until_ms = i64::MIN;
            self.wake.notify_one();
        }
    }

    /// Moves at most `room` events that are due into `due`.
    pub(in crate::simulator) fn take_due(&self, now_ms: i64, room: usize, due: &mut Vec<Event>) -> usize {
        let mut heap = lock(&self.heap);
        heap.sleeps_until_ms = i64::MIN;
        let mut taken = 0;
        while taken < room && heap.entries.peek().is_some_and(|Reverse(entry)| entry.due_ms <= now_ms) {
            if let Some(Reverse(entry)) = heap.entries.pop() {
                due.push(entry.event);
                taken += 1;
            }
        }
        taken
    }

    /// Waits until the next event is due, or until `latest_ms`.
    pub(in crate::simulator) async fn sleep(&self, now_ms: i64, latest_ms: i64) {
        let until_ms = {
            let mut heap = lock(&self.heap);
            let next = heap.entries.peek().map_or(i64::MAX, |Reverse(entry)| entry.due_ms);
            let until_ms = next.min(latest_ms).max(now_ms.saturating_add(self.grain_ms));
            heap.sleeps_until_ms = until_ms;
            until_ms
        };
        // A day is long enough to sleep in one piece, and short enough for the timer.
        let wait = u64::try_from(until_ms.saturating_sub(now_ms)).unwrap_or(0).min(86_400_000);
        tokio::select! {
            () = tokio::time::sleep(std::time::Duration::from_millis(wait)) => {}
            () = self.wake.notified() => {}
        }
    }

    /// Events that have arrived, or never will.
    pub(in crate::simulator) fn settle(&self, events: usize) {
        if self.pending.fetch_sub(events as u64, Ordering::SeqCst) == events as u64 {
            self.quiet.notify_waiters();
        }
    }

    /// Events that have not arrived yet.
    pub(in crate::simulator) fn pending(&self) -> u64 {
        self.pending.load(Ordering::SeqCst)
    }

    /// Waits until everything has arrived and nothing is coming.
    pub(in crate::simulator) async fn quiet(&self) {
        loop {
            let notified = self.quiet.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            if self.pending() == 0 {
                return;
            }
            notified.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(field: &str) -> Event {
        Event::Change { number: 0, field: field.into(), value: Box::default() }
    }

    fn fields(events: &[Event]) -> Vec<&str> {
        events.iter().map(|event| if let Event::Change { field, .. } = event { field.as_ref() } else { "?" }).collect()
    }

    #[test]
    fn events_come_in_the_order_of_their_time_and_then_of_their_adding() {
        let schedule = Schedule::new(0);
        schedule.add([(30, change("c")), (10, change("a")), (20, change("b1")), (20, change("b2"))]);
        let mut due = Vec::new();
        assert_eq!(schedule.take_due(9, 9, &mut due), 0);
        assert_eq!(schedule.take_due(20, 2, &mut due), 2);
        assert_eq!(schedule.take_due(20, 9, &mut due), 1);
        assert_eq!(fields(&due), ["a", "b1", "b2"]);
        assert_eq!(schedule.pending(), 4, "taken is not arrived");
    }

    #[tokio::test]
    async fn quiet_comes_when_the_last_event_has_arrived() {
        let schedule = std::sync::Arc::new(Schedule::new(0));
        schedule.quiet().await;
        schedule.add([(0, change("a")), (0, change("b"))]);
        let waiting = tokio::spawn({
            let schedule = std::sync::Arc::clone(&schedule);
            async move { schedule.quiet().await }
        });
        schedule.settle(1);
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        schedule.settle(1);
        waiting.await.unwrap();
    }

    #[tokio::test]
    async fn an_earlier_event_ends_the_sleep() {
        let schedule = std::sync::Arc::new(Schedule::new(0));
        schedule.add([(1_000_000_000, change("late"))]);
        let sleeping = tokio::spawn({
            let schedule = std::sync::Arc::clone(&schedule);
            async move { schedule.sleep(0, i64::MAX).await }
        });
        tokio::task::yield_now().await;
        schedule.add([(5, change("soon"))]);
        sleeping.await.unwrap();
    }
}
