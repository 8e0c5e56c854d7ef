//! Collecting a request's body, up to a limit, chunked or not.

use std::pin::pin;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Stream, StreamExt};

/// How long a whole body may take.
const BODY_WITHIN: Duration = Duration::from_secs(30);
/// How much of a body that is too long is still read (and dropped): a caller that is cut off while it writes does not read the
/// answer that would tell it why.
const DROPPED_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Why there is no body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoBody {
    /// It is longer than allowed.
    TooLarge,
    /// It did not come to its end, or not in time.
    CutOff,
}

/// The body as it came. `length` is what the caller announced, if it did; a body in one piece is not copied, others are copied
/// once.
pub(super) async fn collect<B: Buf, E>(
    body: impl Stream<Item = Result<B, E>>,
    length: Option<u64>,
    bytes_max: usize,
) -> Result<Bytes, NoBody> {
    tokio::time::timeout(BODY_WITHIN, gather(body, length, bytes_max)).await.unwrap_or(Err(NoBody::CutOff))
}

async fn gather<B: Buf, E>(
    body: impl Stream<Item = Result<B, E>>,
    length: Option<u64>,
    bytes_max: usize,
) -> Result<Bytes, NoBody> {
    let mut body = pin!(body);
    let mut first = Bytes::new();
    let mut more = BytesMut::new();
    let mut n_bytes = 0;
    while let Some(chunk) = body.next().await {
        let mut chunk = chunk.map_err(|_| NoBody::CutOff)?;
        n_bytes += chunk.remaining();
        if n_bytes > bytes_max {
            (first, more) = (Bytes::new(), BytesMut::new());
            if n_bytes > DROPPED_BYTES_MAX {
                break;
            }
        } else if first.is_empty() {
            first = chunk.copy_to_bytes(chunk.remaining());
        } else {
            if more.is_empty() {
                let announced = length.and_then(|length| usize::try_from(length).ok()).unwrap_or(2 * n_bytes);
                more.reserve(announced.clamp(n_bytes, bytes_max));
                more.extend_from_slice(&first);
            }
            while chunk.has_remaining() {
                let piece = chunk.chunk().len();
                more.extend_from_slice(chunk.chunk());
                chunk.advance(piece);
            }
        }
    }
    match n_bytes {
        too_many if too_many > bytes_max => Err(NoBody::TooLarge),
        _ if more.is_empty() => Ok(first),
        _ => Ok(more.freeze()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(pieces: &[&'static str]) -> impl Stream<Item = Result<Bytes, &'static str>> + use<> {
        let pieces: Vec<_> = pieces.iter().map(|piece| Ok(Bytes::from_static(piece.as_bytes()))).collect();
        futures_util::stream::iter(pieces)
    }

    #[tokio::test]
    async fn pieces_are_put_together_up_to_the_limit() {
        for (given, max, expected) in [
            (&["abc", "de", "f"][..], 6, Ok("abcdef")),
            (&["abcdef"], 6, Ok("abcdef")),
            (&[], 6, Ok("")),
            (&["", "a", "", "b"], 6, Ok("ab")),
            (&["abc", "de", "fg"], 6, Err(NoBody::TooLarge)),
            (&["abcdefg"], 6, Err(NoBody::TooLarge)),
        ] {
            for length in [None, Some(6), Some(u64::MAX)] {
                let collected = collect(pieces(given), length, max).await;
                assert_eq!(collected, expected.as_ref().map(|text| Bytes::from(*text)).map_err(|_| NoBody::TooLarge));
            }
        }
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_no_body() {
        let broken = pieces(&["abc"]).chain(futures_util::stream::iter([Err("reset")]));
        assert_eq!(collect(broken, None, 6).await, Err(NoBody::CutOff));
    }

    #[tokio::test]
    async fn a_body_in_one_piece_is_not_copied() {
        let piece = Bytes::from(vec![1; 100]);
        let collected = collect(futures_util::stream::iter([Ok::<_, ()>(piece.clone())]), None, 100).await.unwrap();
        assert_eq!(collected.as_ptr(), piece.as_ptr());
    }
}
