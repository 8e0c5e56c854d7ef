//! A file while it comes in: its length and sum so far, and its first bytes. Holds no more of it than that.

use sha2::{Digest as _, Sha256};

use super::Digest;

/// So much of a file tells what it is: office files name their parts within the first kilobytes.
const HEAD_BYTES: usize = 8 * 1024;

/// What is known of a file that comes in.
#[derive(Clone, Default)]
pub struct Received {
    bytes: u64,
    sum: Sha256,
    head: Vec<u8>,
}

impl Received {
    /// A next piece.
    pub fn take(&mut self, piece: &[u8]) {
        self.bytes += piece.len() as u64;
        self.sum.update(piece);
        let room = HEAD_BYTES - self.head.len();
        self.head.extend_from_slice(&piece[..piece.len().min(room)]);
    }

    /// How many bytes so far.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Its first bytes.
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// The sum of all that came.
    pub fn digest(&self) -> Digest {
        Digest::new(self.sum.clone().finalize().into())
    }
}

impl std::fmt::Debug for Received {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Received").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_make_the_same_file_however_they_are_cut() {
        let whole: Vec<u8> = (0..30_000_u32).map(|n| (n % 251) as u8).collect();
        let received = |size: usize| {
            let mut received = Received::default();
            whole.chunks(size).for_each(|piece| received.take(piece));
            (received.bytes(), received.digest(), received.head().to_vec())
        };
        let at_once = received(whole.len());
        assert_eq!(at_once.0, 30_000);
        assert_eq!(at_once.2, whole[..HEAD_BYTES]);
        for size in [1, 7, 8_191, 8_193] {
            assert_eq!(received(size), at_once, "{size}");
        }
        assert_eq!(Received::default().digest().to_string()[..8], *"e3b0c442");
    }
}
