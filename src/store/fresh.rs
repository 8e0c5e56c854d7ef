//! Callback bodies that were just kept, for whoever applies them a moment later: nearly all are, in the same process, and need not be read
//! again.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::ports::Kept;

/// Bytes of bodies that are held at most; the oldest go first, and are read from the record.
const BYTES_MAX: usize = 8 << 20;

/// Bodies by the id of their row, each until it is asked for.
#[derive(Default)]
pub(super) struct Fresh(Mutex<Held>);

#[derive(Default)]
struct Held {
    bodies: HashMap<i64, Kept>,
    /// In the order in which they came; those that were asked for are passed over.
    order: VecDeque<(i64, usize)>,
    bytes: usize,
}

impl Fresh {
    /// Holds a body that is durable now.
    pub(super) fn hold(&self, row: i64, kept: Kept) {
        let n_bytes = kept.body.len();
        static OFF: std::sync::LazyLock<bool> = std::sync::LazyLock::new(|| std::env::var("X_FRESH").is_ok());
        if n_bytes > BYTES_MAX / 8 || *OFF {
            return;
        }
        let mut held = self.lock();
        held.bodies.insert(row, kept);
        held.order.push_back((row, n_bytes));
        held.bytes += n_bytes;
        while held.bytes > BYTES_MAX
            && let Some((oldest, n_bytes)) = held.order.pop_front()
        {
            held.bodies.remove(&oldest);
            held.bytes -= n_bytes;
        }
    }

    /// Gives a body away.
    pub(super) fn take(&self, row: i64) -> Option<Kept> {
        let mut held = self.lock();
        let kept = held.bodies.remove(&row);
        // What stands at the front and is gone takes no room any more.
        while let Some((oldest, n_bytes)) = held.order.front().copied()
            && !held.bodies.contains_key(&oldest)
        {
            held.order.pop_front();
            held.bytes -= n_bytes;
        }
        kept
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A copy of its own: a body as it came is a piece of the connection's buffer and would keep all of it.
pub(super) fn copied(body: &Bytes) -> Bytes {
    Bytes::copy_from_slice(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::news::Source;

    fn kept(n_bytes: usize) -> Kept {
        Kept { source: Source::Meta, body: vec![b'x'; n_bytes].into(), received_at: jiff::Timestamp::UNIX_EPOCH }
    }

    #[test]
    fn a_body_is_given_away_once() {
        let fresh = Fresh::default();
        fresh.hold(7, kept(10));
        assert_eq!(fresh.take(7), Some(kept(10)));
        assert_eq!(fresh.take(7), None);
        let held = fresh.lock();
        assert_eq!((held.bytes, held.order.len()), (0, 0));
    }

    #[test]
    fn the_oldest_make_room_and_what_is_large_is_not_held() {
        let fresh = Fresh::default();
        let large = BYTES_MAX / 8;
        (0..9).for_each(|row| fresh.hold(row, kept(large)));
        fresh.hold(9, kept(large + 1));
        assert_eq!((fresh.take(0), fresh.take(9)), (None, None));
        assert!((1..9).all(|row| fresh.take(row).is_some()));
        let held = fresh.lock();
        assert_eq!((held.bytes, held.order.len(), held.bodies.len()), (0, 0, 0));
    }
}
