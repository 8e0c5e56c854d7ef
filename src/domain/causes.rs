//! An error as people read it.

use std::error::Error;

/// An error and its causes in one line, from the outside in.
pub fn in_one_line(error: &(dyn Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line.push_str(": ");
        line.push_str(&error.to_string());
        cause = error.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_is_named_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot take it")]
        struct Outer(#[source] std::io::Error);
        assert_eq!(in_one_line(&Outer(std::io::Error::other("the disk is full"))), "cannot take it: the disk is full");
    }
}
