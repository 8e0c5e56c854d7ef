//! Who waits for one of our numbers, and in which order they go: answers, then singles, then bulk in turns by run.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::ids::RunId;
use crate::domain::limit::Urgency;

/// How far ahead bulk may reserve slots: what an answer waits behind at most, and what a stall of this process may last without a slot
/// staying empty.
pub(super) const BULK_AHEAD: Duration = Duration::from_millis(100);
/// How far ahead everybody else may.
pub(super) const URGENT_AHEAD: Duration = Duration::from_secs(1);
/// How long before a run is due its next message is asked for.
const RUN_AHEAD: Duration = Duration::from_millis(20);

/// Something that stands in a line.
pub(super) trait Waits {
    fn urgency(&self) -> Urgency;
    fn run(&self) -> Option<RunId>;
    /// Messages each second of its run at most.
    fn rate(&self) -> Option<u32>;
    /// Whether nobody waits for its answer any more.
    fn has_left(&self) -> bool;
}

/// The messages of one run that wait.
struct OfRun<W> {
    waiting: VecDeque<W>,
    /// When its rate has room again, as far as is known.
    due_at: Option<Instant>,
    /// How many may be asked for at once.
    at_once: usize,
}

/// The line before one of our numbers.
pub(super) struct Line<W> {
    urgent: [VecDeque<W>; 2],
    runs: HashMap<Option<RunId>, OfRun<W>>,
    /// Whose turn it is.
    order: VecDeque<Option<RunId>>,
    n_bulk: usize,
    /// Before this there is no slot near enough.
    urgent_at: Option<Instant>,
    bulk_at: Option<Instant>,
}

impl<W> Default for Line<W> {
    fn default() -> Self {
        Self {
            urgent: [VecDeque::new(), VecDeque::new()],
            runs: HashMap::new(),
            order: VecDeque::new(),
            n_bulk: 0,
            urgent_at: None,
            bulk_at: None,
        }
    }
}

impl<W: Waits> Line<W> {
    /// Goes to the end.
    pub(super) fn push(&mut self, waiting: W) {
        match waiting.urgency() {
            Urgency::Reply => self.urgent[0].push_back(waiting),
            Urgency::Single => self.urgent[1].push_back(waiting),
            Urgency::Bulk => {
                let run = waiting.run();
                let of_run = Self::of_run(&mut self.runs, &waiting);
                if of_run.waiting.is_empty() {
                    self.order.push_back(run);
                }
                of_run.waiting.push_back(waiting);
                self.n_bulk += 1;
            }
        }
    }

    /// Those whose turn did not come yet go back to where they stood; the first of them is the first again.
    pub(super) fn put_back(&mut self, waiting: Vec<W>) {
        for waiting in waiting.into_iter().rev() {
            match waiting.urgency() {
                Urgency::Reply => self.urgent[0].push_front(waiting),
                Urgency::Single => self.urgent[1].push_front(waiting),
                Urgency::Bulk => {
                    let run = waiting.run();
                    self.order.retain(|other| *other != run);
                    self.order.push_front(run);
                    Self::of_run(&mut self.runs, &waiting).waiting.push_front(waiting);
                    self.n_bulk += 1;
                }
            }
        }
    }

    fn of_run<'a>(runs: &'a mut HashMap<Option<RunId>, OfRun<W>>, waiting: &W) -> &'a mut OfRun<W> {
        runs.entry(waiting.run()).or_insert_with(|| OfRun {
            waiting: VecDeque::new(),
            due_at: None,
            at_once: waiting.rate().map_or(usize::MAX, |rate| slots(f64::from(rate), BULK_AHEAD)),
        })
    }

    /// Takes those out who may get a slot now: of a number with that rate, and no more than there is `room` for.
    pub(super) fn take(&mut self, now: Instant, rate: f64, room: usize) -> Vec<W> {
        let mut batch = Vec::new();
        if self.urgent_at.is_none_or(|at| at <= now) {
            let most = slots(rate, URGENT_AHEAD).min(room);
            for line in &mut self.urgent {
                while batch.len() < most
                    && let Some(waiting) = line.pop_front()
                {
                    if !waiting.has_left() {
                        batch.push(waiting);
                    }
                }
            }
        }
        if self.n_bulk > 0 && self.bulk_at.is_none_or(|at| at <= now) {
            let most = slots(rate, BULK_AHEAD).min(room - batch.len());
            self.take_bulk(now, most, &mut batch);
        }
        batch
    }

    fn take_bulk(&mut self, now: Instant, most: usize, batch: &mut Vec<W>) {
        // Between those who go anyway, the message of a run that is due a little later finds its slot.
        let unbound = self.runs.values().any(|of_run| of_run.due_at.is_none_or(|due| due <= now));
        let horizon = now + if unbound { BULK_AHEAD } else { RUN_AHEAD };
        let mut taken: HashMap<Option<RunId>, usize> = HashMap::new();
        let (mut n, mut skipped) = (0, 0);
        while n < most && skipped < self.order.len() {
            let Some(run) = self.order.pop_front() else { break };
            let Some(of_run) = self.runs.get_mut(&run) else { continue };
            let taken = taken.entry(run).or_default();
            if *taken >= of_run.at_once || of_run.due_at.is_some_and(|due| due > horizon) {
                self.order.push_back(run);
                skipped += 1;
                continue;
            }
            if let Some(waiting) = of_run.waiting.pop_front() {
                self.n_bulk -= 1;
                if !waiting.has_left() {
                    batch.push(waiting);
                    *taken += 1;
                    n += 1;
                }
            }
            skipped = 0;
            if of_run.waiting.is_empty() {
                self.runs.remove(&run);
            } else {
                self.order.push_back(run);
            }
        }
    }

    /// The number has no slot near enough until its next free one comes nearer.
    pub(super) fn wait_for_number(&mut self, free_at: Instant, urgency: Urgency) {
        let before = |ahead: Duration| free_at.checked_sub(ahead / 2);
        match urgency {
            Urgency::Bulk => self.bulk_at = before(BULK_AHEAD),
            Urgency::Reply | Urgency::Single => self.urgent_at = before(URGENT_AHEAD),
        }
    }

    /// The run has no room before that.
    pub(super) fn wait_for_run(&mut self, run: Option<RunId>, due_at: Instant) {
        if let Some(of_run) = self.runs.get_mut(&run) {
            of_run.due_at = Some(due_at);
        }
    }

    /// When somebody may get a slot; `None`: nobody waits.
    pub(super) fn next_at(&self, now: Instant) -> Option<Instant> {
        let urgent = self.urgent.iter().any(|line| !line.is_empty()).then(|| self.urgent_at.unwrap_or(now));
        let run =
            self.runs.values().map(|of_run| of_run.due_at.and_then(|due| due.checked_sub(RUN_AHEAD)).unwrap_or(now));
        let bulk = run.min().map(|run| run.max(self.bulk_at.unwrap_or(now)));
        urgent.into_iter().chain(bulk).min()
    }

    /// Messages of runs that wait.
    pub(super) const fn bulk(&self) -> usize {
        self.n_bulk
    }

    /// Messages of this run that wait.
    pub(super) fn of(&self, run: RunId) -> usize {
        self.runs.get(&Some(run)).map_or(0, |of_run| of_run.waiting.len())
    }
}

/// How many slots there are in such a span.
fn slots(rate: f64, span: Duration) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate is positive and a span is short"
    )]
    let whole = (rate * span.as_secs_f64()).ceil() as usize;
    whole.saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Clone)]
    struct Someone {
        name: &'static str,
        urgency: Urgency,
        run: Option<i64>,
        rate: Option<u32>,
        left: bool,
    }

    impl Waits for Someone {
        fn urgency(&self) -> Urgency {
            self.urgency
        }
        fn run(&self) -> Option<RunId> {
            self.run.map(RunId::new)
        }
        fn rate(&self) -> Option<u32> {
            self.rate
        }
        fn has_left(&self) -> bool {
            self.left
        }
    }

    fn of_run(name: &'static str, run: i64) -> Someone {
        Someone { name, urgency: Urgency::Bulk, run: Some(run), rate: None, left: false }
    }

    fn urgent(name: &'static str, urgency: Urgency) -> Someone {
        Someone { name, urgency, run: None, rate: None, left: false }
    }

    fn names(batch: &[Someone]) -> Vec<&'static str> {
        batch.iter().map(|someone| someone.name).collect()
    }

    #[tokio::test]
    async fn answers_go_before_singles_and_both_before_runs() {
        let mut line = Line::default();
        line.push(of_run("bulk", 1));
        line.push(urgent("single", Urgency::Single));
        line.push(urgent("reply", Urgency::Reply));
        assert_eq!(names(&line.take(Instant::now(), 1000.0, 10)), ["reply", "single", "bulk"]);
        assert_eq!(line.next_at(Instant::now()), None);
    }

    #[tokio::test]
    async fn runs_take_turns_however_many_messages_one_has() {
        let mut line = Line::default();
        (0..100).for_each(|_| line.push(of_run("large", 1)));
        (0..3).for_each(|_| line.push(of_run("small", 2)));
        let first = line.take(Instant::now(), 1000.0, 4);
        assert_eq!(names(&first), ["large", "small", "large", "small"]);
        // Who did not get a slot is first again.
        line.put_back(first[1..].to_vec());
        assert_eq!(names(&line.take(Instant::now(), 1000.0, 4)), ["small", "large", "small", "large"]);
        assert_eq!(line.bulk(), 103 - 1 - 4);
    }

    #[tokio::test]
    async fn no_more_are_asked_for_than_there_can_be_slots() {
        let mut line = Line::default();
        (0..100).for_each(|_| line.push(of_run("bulk", 1)));
        assert_eq!(line.take(Instant::now(), 70.0, 500).len(), 8, "100 ms ahead and one");
    }

    #[tokio::test]
    async fn who_left_is_forgotten() {
        let mut line = Line::default();
        line.push(Someone { left: true, ..of_run("gone", 1) });
        line.push(of_run("there", 1));
        assert_eq!(names(&line.take(Instant::now(), 1000.0, 10)), ["there"]);
        assert_eq!(line.bulk(), 0);
    }

    #[tokio::test]
    async fn a_run_that_is_not_due_does_not_keep_others_from_going() {
        let now = Instant::now();
        let mut line = Line::default();
        (0..2).for_each(|_| line.push(Someone { rate: Some(1), ..of_run("slow", 1) }));
        line.wait_for_run(Some(RunId::new(1)), now + Duration::from_secs(5));
        assert_eq!(line.next_at(now), Some(now + Duration::from_secs(5) - RUN_AHEAD));
        line.push(of_run("fast", 2));
        assert_eq!(line.next_at(now), Some(now));
        assert_eq!(names(&line.take(now, 1000.0, 10)), ["fast"]);
        assert_eq!(names(&line.take(now + Duration::from_secs(5), 1000.0, 1)), ["slow"]);
    }
}
