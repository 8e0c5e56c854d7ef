//! Message ids that look like Meta's: `wamid.` and base64 of a small record that holds the other side's number.
//!
//! The simulator's part is 48 bits of seed and start time and a counter, so ids of two starts never meet.

use super::dice::{Dice, Stream, mix};

/// Which way a message went; Meta's ids differ in one byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// From a business to a person.
    Outbound,
    /// From a person to a business.
    Inbound,
}

/// Makes ids for one start of the simulator.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ids {
    instance: u64,
}

impl Ids {
    /// Ids for a start at this time with this seed.
    pub(super) fn new(seed: u64, started_us: i64) -> Self {
        Self {
            instance: mix(Dice::new(seed, Stream::Instance, 0).next(), started_us.unsigned_abs()) & 0xffff_ffff_ffff,
        }
    }

    /// The id of message `sequence` with the person whose number has these digits.
    pub(super) fn wamid(self, direction: Direction, digits: u64, sequence: u32) -> String {
        let mut record = Vec::with_capacity(48);
        let person = digits.to_string();
        record.extend_from_slice(&[0x1c, 0x18, person.len() as u8]);
        record.extend_from_slice(person.as_bytes());
        let kind = if direction == Direction::Outbound { 0x11 } else { 0x12 };
        record.extend_from_slice(&[0x15, 0x02, 0x00, kind, 0x18, 20]);
        for shift in (0..12).rev() {
            record.push(HEX[((self.instance >> (shift * 4)) & 15) as usize]);
        }
        for shift in (0..8).rev() {
            record.push(HEX[((sequence >> (shift * 4)) & 15) as usize]);
        }
        record.push(0);
        let mut id = String::with_capacity(6 + record.len().div_ceil(3) * 4);
        id.push_str("wamid.");
        base64(&mut id, &record);
        id
    }
}

const HEX: &[u8; 16] = b"0123456789ABCDEF";
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Standard base64 with padding.
pub(super) fn base64(out: &mut String, bytes: &[u8]) {
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0_u32, |sum, byte| (sum << 8) | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let sign = BASE64[((group >> (18 - 6 * place)) & 63) as usize];
            out.push(if place <= chunk.len() { char::from(sign) } else { '=' });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_the_standard_one() {
        for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            let mut out = String::new();
            base64(&mut out, plain.as_bytes());
            assert_eq!(out, coded);
        }
    }

    #[test]
    fn ids_differ_by_message_direction_seed_and_start() {
        let id = |seed, start, direction, sequence| Ids::new(seed, start).wamid(direction, 966_500_000_101, sequence);
        let first = id(1, 1, Direction::Outbound, 0);
        assert!(first.starts_with("wamid.HBgMOTY2NTAwMDAwMTAxFQIAERg"), "{first}");
        for other in [
            id(2, 1, Direction::Outbound, 0),
            id(1, 2, Direction::Outbound, 0),
            id(1, 1, Direction::Inbound, 0),
            id(1, 1, Direction::Outbound, 1),
        ] {
            assert_ne!(first, other);
        }
    }
}
