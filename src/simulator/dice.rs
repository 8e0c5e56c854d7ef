//! Chance from a seed: each message, call and person has its own stream, so that a run does not depend on which thread was first.

use super::settings::Span;

/// A small generator (SplitMix64): far cheaper to seed than a cryptographic one, and one is seeded for each message.
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    /// The stream `number` of the given kind under this seed.
    pub(super) fn new(seed: u64, kind: Stream, number: u64) -> Self {
        Self(mix(mix(seed, kind as u64), number))
    }

    /// The next 64 bits.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        scramble(self.0)
    }

    /// A number from 0 (included) to 1 (excluded).
    pub(super) fn unit(&mut self) -> f64 {
        // 53 bits are what a double holds exactly.
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Whether something that happens in `share` of all cases happens now.
    pub(super) fn hits(&mut self, share: f64) -> bool {
        share > 0.0 && self.unit() < share
    }

    /// A time within the span, in milliseconds.
    pub(super) fn within(&mut self, span: Span) -> i64 {
        let width = span.max.millis().saturating_sub(span.min.millis());
        let wait = span.min.millis() + if width == 0 { 0 } else { self.next() % (width + 1) };
        i64::try_from(wait).unwrap_or(i64::MAX / 4)
    }

    /// One of the items; the list must not be empty.
    pub(super) fn one_of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[(self.next() % items.len() as u64) as usize]
    }
}

/// What a stream of chance is for; streams of different kinds never meet.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stream {
    /// Faults and latency of one call.
    Call = 1,
    /// The fate of one accepted message.
    Message = 2,
    /// What is fixed for a person: name, whether on WhatsApp at all, hold-out group.
    Person = 3,
    /// Trace ids.
    Trace = 4,
    /// This start of the simulator.
    Instance = 5,
}

/// Two numbers into one that looks like neither.
pub(super) fn mix(a: u64, b: u64) -> u64 {
    scramble(scramble(a ^ 0x6a09_e667_f3bc_c909).wrapping_add(b))
}

fn scramble(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_fate() {
        let draw = |seed| {
            let mut dice = Dice::new(seed, Stream::Message, 7);
            [dice.next(), dice.next()]
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn shares_are_met_on_average_and_zero_never_happens() {
        let hits = (0..10_000).filter(|n| Dice::new(1, Stream::Call, *n).hits(0.25)).count();
        assert!((2_300..2_700).contains(&hits), "{hits}");
        assert!((0..10_000).all(|n| !Dice::new(1, Stream::Call, n).hits(0.0)));
        assert!((0..10_000).all(|n| Dice::new(1, Stream::Call, n).hits(1.0)));
    }
}
