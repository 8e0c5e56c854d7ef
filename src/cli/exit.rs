//! How a command ends: the exit codes of sysexits(3), and the one line that says why.

use std::fmt::Write as _;
use std::process::ExitCode;

/// Why a command ended, as other programs see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// `EX_USAGE`: the command line is wrong.
    Usage = 64,
    /// `EX_DATAERR`: what was given is wrong, in whole or in part.
    Data = 65,
    /// `EX_NOINPUT`: a file that was named cannot be read, or what was asked for is not there.
    NoInput = 66,
    /// `EX_UNAVAILABLE`: store, Redis or daemon cannot be reached, or this version cannot do it.
    Unavailable = 69,
    /// `EX_SOFTWARE`: a mistake of ours.
    Software = 70,
    /// `EX_IOERR`: reading or writing failed half-way.
    Io = 74,
    /// `EX_TEMPFAIL`: it will work later.
    Temporary = 75,
    /// `EX_CONFIG`: the configuration is wrong.
    Config = 78,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A command that did not do what it was asked.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) exit: Exit,
    /// `None` when the command has said everything itself.
    error: Option<anyhow::Error>,
}

impl Failure {
    pub(super) fn new(exit: Exit, error: impl Into<anyhow::Error>) -> Self {
        Self { exit, error: Some(error.into()) }
    }

    /// For a sentence of our own.
    pub(super) fn because(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, error: Some(anyhow::Error::msg(message.into())) }
    }

    /// For a command that has told on the screen what was wrong.
    pub(super) const fn told(exit: Exit) -> Self {
        Self { exit, error: None }
    }

    /// The error with its causes in one line.
    pub(super) fn line(&self) -> Option<String> {
        let error = self.error.as_ref()?;
        let mut line = error.to_string();
        for cause in error.chain().skip(1) {
            let cause = cause.to_string();
            // Some causes are already part of the sentence above them.
            if !line.contains(&cause) {
                let _ = write!(line, ": {cause}");
            }
        }
        Some(line)
    }
}

/// How a command ends.
pub(super) type Ended<T = ()> = Result<T, Failure>;

/// Says with which code an error ends the command.
pub(super) trait OrExit<T> {
    /// With this code.
    fn or_exit(self, exit: Exit) -> Ended<T>;
}

impl<T, E: Into<anyhow::Error>> OrExit<T> for Result<T, E> {
    fn or_exit(self, exit: Exit) -> Ended<T> {
        self.map_err(|error| Failure::new(exit, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_one_line_with_its_causes() {
        let error = anyhow::Error::msg("the disk is full").context("cannot write `x`; free some space");
        assert_eq!(
            Failure::new(Exit::Io, error).line().unwrap(),
            "cannot write `x`; free some space: the disk is full"
        );
        assert_eq!(Failure::told(Exit::Data).line(), None);
    }
}
