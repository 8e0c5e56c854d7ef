//! Words that nobody guesses.

/// Words that nobody guesses.
pub trait Tokens: Send + Sync {
    /// A new one: 24 lower-case letters and digits, 120 bits.
    fn fresh(&self) -> String;
}
