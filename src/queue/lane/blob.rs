//! A job as it lies in Redis: a header of 15 bytes that the scripts read and write, then the payload.

/// The bytes of the header; `lua/head.lua` has the same layout.
const HEADER_BYTES: usize = 15;
const VERSION: u8 = 1;

/// A job as a fetch brings it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Blob<'a> {
    /// Attempts used so far.
    pub(super) attempts: u16,
    /// Attempts allowed.
    pub(super) allowed: u16,
    /// What was pushed.
    pub(super) payload: &'a [u8],
}

impl<'a> Blob<'a> {
    /// `None` when this is not a job of ours, or of a later version.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (header, payload) = bytes.split_at_checked(HEADER_BYTES)?;
        if header[0] != VERSION {
            return None;
        }
        let number = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
        Some(Self { attempts: number(2), allowed: number(4), payload })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_read_as_the_scripts_write_it() {
        let mut bytes = vec![1, 2, 3, 0, 5, 1, 0];
        bytes.extend(1_800_000_000_000_u64.to_le_bytes());
        bytes.extend(b"payload");
        assert_eq!(Blob::parse(&bytes), Some(Blob { attempts: 3, allowed: 261, payload: b"payload" }));
    }

    #[test]
    fn what_is_too_short_or_of_another_version_is_no_job() {
        assert_eq!(Blob::parse(b""), None);
        assert_eq!(Blob::parse(&[1; 14]), None);
        assert_eq!(Blob::parse(&[2; 40]), None);
    }
}
