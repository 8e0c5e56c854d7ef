//! Words that nobody guesses, from a generator that the operating system seeds.

use std::sync::{Mutex, PoisonError};

use rand::rand_core::OsError;
use rand::rngs::{OsRng, StdRng};
use rand::{RngCore as _, SeedableRng as _};

use crate::ports::Tokens;

/// No letters that look like others; 32 of them, so that each holds five bits.
const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";

/// The generator: one that is made for secrets (ChaCha).
pub struct Random(Mutex<StdRng>);

impl Random {
    /// Seeded now.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn new() -> Result<Self, OsError> {
        StdRng::try_from_rng(&mut OsRng).map(|generator| Self(Mutex::new(generator)))
    }
}

impl Tokens for Random {
    fn fresh(&self) -> String {
        let mut bytes = [0_u8; 24];
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut bytes);
        bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_have_only_letters_that_nobody_confuses() {
        let tokens = Random::new().unwrap();
        let made: std::collections::HashSet<String> = (0..1_000).map(|_| tokens.fresh()).collect();
        assert_eq!(made.len(), 1_000);
        assert!(made.iter().all(|token| token.len() == 24 && token.bytes().all(|byte| LETTERS.contains(&byte))));
    }
}
