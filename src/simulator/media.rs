//! Media in two steps: an id leads to an address, the address, for five minutes and with the token, to the bytes.
//!
//! Source: developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media, checked 2026-11-22.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::dice::mix;
use super::people::lock;
use super::wamid::base64;

/// An address works for so long.
const URL_MS: i64 = 5 * 60_000;
/// An uploaded id lives for so long.
const UPLOADED_MS: i64 = 30 * 86_400_000;
/// An id from a callback lives for so long.
const RECEIVED_MS: i64 = 7 * 86_400_000;

/// All media, kept in memory.
#[derive(Debug)]
pub(super) struct MediaStore {
    items: Mutex<HashMap<u64, Item>>,
    next: AtomicU64,
    seed: u64,
}

/// One file.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) number: u16,
    pub(super) mime_type: String,
    pub(super) bytes: Bytes,
    until_ms: i64,
    faults: MediaFaults,
}

/// What goes wrong with one file, for whoever fetches it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct MediaFaults {
    /// The first look-ups are refused with these codes of Meta's.
    lookups: VecDeque<u32>,
    /// The first downloads are answered with these statuses.
    downloads: VecDeque<u16>,
    /// The first download that is not refused is answered so much later.
    stall_ms: u64,
    /// The sum that is told is another file's.
    wrong_hash: bool,
}

impl Item {
    /// SHA-256 in hexadecimal, as the look-up gives it.
    pub(super) fn sha256_hex(&self) -> String {
        hex::encode(self.sum())
    }

    fn sum(&self) -> [u8; 32] {
        let mut sum: [u8; 32] = Sha256::digest(&self.bytes).into();
        if self.faults.wrong_hash {
            sum[0] ^= 1;
        }
        sum
    }

    /// SHA-256 in base64, as callbacks give it.
    pub(super) fn sha256_base64(&self) -> String {
        let mut out = String::new();
        base64(&mut out, &self.sum());
        out
    }
}

/// Where a file comes from, which decides how long its id lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Uploaded,
    Received,
}

impl MediaStore {
    /// No media yet.
    pub(super) fn new(seed: u64) -> Self {
        Self { items: Mutex::default(), next: AtomicU64::new(1_122_334_455_000_001), seed }
    }

    /// Keeps a file and gives it an id.
    pub(super) fn put(&self, number: u16, mime_type: String, bytes: Bytes, origin: Origin, now_ms: i64) -> u64 {
        self.put_with(number, mime_type, bytes, origin, now_ms, MediaFaults::default())
    }

    /// The same, and says what goes wrong with it.
    pub(super) fn put_with(
        &self,
        number: u16,
        mime_type: String,
        bytes: Bytes,
        origin: Origin,
        now_ms: i64,
        faults: MediaFaults,
    ) -> u64 {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let life = if origin == Origin::Uploaded { UPLOADED_MS } else { RECEIVED_MS };
        lock(&self.items).insert(id, Item { number, mime_type, bytes, until_ms: now_ms + life, faults });
        id
    }

    /// The code with which this look-up of a file is refused, if it is.
    pub(super) fn lookup_fault(&self, id: &str) -> Option<u32> {
        lock(&self.items).get_mut(&id.parse().ok()?)?.faults.lookups.pop_front()
    }

    /// The status with which this download at an address of ours is refused, if it is, and how long it stalls else.
    pub(super) fn download_fault(&self, query: &str) -> (Option<u16>, u64) {
        let id = query.split('&').find_map(|part| part.strip_prefix("mid=")).and_then(|id| id.parse::<u64>().ok());
        let mut items = lock(&self.items);
        let Some(item) = id.and_then(|id| items.get_mut(&id)) else { return (None, 0) };
        match item.faults.downloads.pop_front() {
            Some(status) => (Some(status), 0),
            None => (None, std::mem::take(&mut item.faults.stall_ms)),
        }
    }

    /// The file with this id, unless its time is over.
    pub(super) fn get(&self, id: &str, now_ms: i64) -> Option<Item> {
        let id: u64 = id.parse().ok()?;
        lock(&self.items).get(&id).filter(|item| item.until_ms > now_ms).cloned()
    }

    /// Whether a number may send the file with this id.
    pub(super) fn has(&self, id: &str, number: u16, now_ms: i64) -> bool {
        self.get(id, now_ms).is_some_and(|item| item.number == number)
    }

    /// Forgets a file; false if there was none.
    pub(super) fn remove(&self, id: &str) -> bool {
        id.parse().is_ok_and(|id: u64| lock(&self.items).remove(&id).is_some())
    }

    /// The query of the address of a file, good for five minutes.
    pub(super) fn query(&self, id: &str, now_ms: i64) -> String {
        let until = now_ms + URL_MS;
        format!("mid={id}&ext={until}&hash={:016x}", self.hash(id, until))
    }

    /// The file that such a query leads to, if it is ours and its time is not over.
    pub(super) fn at(&self, query: &str, now_ms: i64) -> Option<Item> {
        let mut parts: HashMap<&str, &str> = query.split('&').filter_map(|part| part.split_once('=')).collect();
        let (id, until, hash) =
            (parts.remove("mid")?, parts.remove("ext")?.parse::<i64>().ok()?, parts.remove("hash")?);
        let good = until > now_ms && hash == format!("{:016x}", self.hash(id, until));
        if good { self.get(id, now_ms) } else { None }
    }

    fn hash(&self, id: &str, until_ms: i64) -> u64 {
        mix(mix(self.seed, id.parse().unwrap_or_default()), until_ms.unsigned_abs())
    }
}

/// The parts of an upload that count.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Upload {
    pub(super) messaging_product: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) file: Option<(String, Bytes)>,
}

/// Reads a `multipart/form-data` body; none if it is not one.
pub(super) fn read_multipart(content_type: &str, body: &Bytes) -> Option<Upload> {
    let boundary = content_type.split(';').find_map(|part| part.trim().strip_prefix("boundary="))?.trim_matches('"');
    let delimiter = format!("--{boundary}");
    let mut upload = Upload::default();
    let mut at = find(body, delimiter.as_bytes(), 0)? + delimiter.len();
    while body.get(at..at + 2) == Some(b"\r\n".as_slice()) {
        let head_end = find(body, b"\r\n\r\n", at)?;
        let head = std::str::from_utf8(&body[at..head_end]).ok()?;
        let end = find(body, format!("\r\n{delimiter}").as_bytes(), head_end)?;
        let content = body.slice(head_end + 4..end.max(head_end + 4));
        let header = |name: &str| {
            head.lines().find_map(|line| line.split_once(':').filter(|(key, _)| key.trim().eq_ignore_ascii_case(name)))
        };
        let name = header("content-disposition").and_then(|(_, value)| {
            value.split(';').find_map(|part| part.trim().strip_prefix("name=")).map(|name| name.trim_matches('"'))
        });
        let text = || String::from_utf8_lossy(&content).into_owned();
        match name {
            Some("messaging_product") => upload.messaging_product = Some(text()),
            Some("type") => upload.kind = Some(text()),
            Some("file") => {
                let mime_type = header("content-type").map_or_else(String::new, |(_, value)| value.trim().to_owned());
                upload.file = Some((mime_type, content));
            }
            _ => {}
        }
        at = end + 2 + delimiter.len();
    }
    Some(upload)
}

fn find(haystack: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    // The first byte of a boundary is rare enough in files for this to be quick.
    let first = *needle.first()?;
    let mut at = from;
    while let Some(step) = haystack.get(at..)?.iter().position(|byte| *byte == first) {
        at += step;
        if haystack[at..].starts_with(needle) {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// What a type of media may be and how large, in bytes; none for a type that Meta does not take.
pub(super) fn allowed(mime_type: &str) -> Option<usize> {
    const MB: usize = 1024 * 1024;
    let plain = mime_type.split(';').next().unwrap_or_default().trim();
    match plain {
        "image/jpeg" | "image/png" => Some(5 * MB),
        "video/mp4" | "video/3gpp" => Some(16 * MB),
        "audio/aac" | "audio/amr" | "audio/mpeg" | "audio/mp4" | "audio/ogg" => Some(16 * MB),
        "image/webp" => Some(500 * 1024),
        "text/plain"
        | "application/pdf"
        | "application/msword"
        | "application/vnd.ms-excel"
        | "application/vnd.ms-powerpoint" => Some(100 * MB),
        office if office.starts_with("application/vnd.openxmlformats-officedocument.") => Some(100 * MB),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_works_five_minutes_and_only_as_it_was_given() {
        let store = MediaStore::new(1);
        let id = store.put(0, "image/png".into(), Bytes::from_static(b"png"), Origin::Uploaded, 0).to_string();
        let query = store.query(&id, 1_000);
        assert_eq!(store.at(&query, 1_000).unwrap().bytes, "png");
        assert!(store.at(&query, 1_000 + URL_MS).is_none());
        assert!(store.at(&query.replace("ext=3", "ext=9"), 1_000).is_none());
        assert!(store.has(&id, 0, UPLOADED_MS - 1) && !store.has(&id, 1, 0) && !store.has(&id, 0, UPLOADED_MS));
        assert!(store.remove(&id) && !store.remove(&id));
    }

    #[test]
    fn an_upload_is_read_with_its_bytes_untouched() {
        let body = "--X\r\nContent-Disposition: form-data; name=\"messaging_product\"\r\n\r\nwhatsapp\r\n--X\r\n\
                    Content-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n\
                    a\r\n--b\r\n\r\n\r\n--X--\r\n";
        let upload = read_multipart("multipart/form-data; boundary=X", &Bytes::from_static(body.as_bytes())).unwrap();
        assert_eq!(upload.messaging_product.as_deref(), Some("whatsapp"));
        assert_eq!(upload.file, Some(("image/png".to_owned(), Bytes::from_static(b"a\r\n--b\r\n\r\n"))));
        assert_eq!(read_multipart("multipart/form-data; boundary=Y", &Bytes::from_static(body.as_bytes())), None);
        assert_eq!(read_multipart("application/json", &Bytes::new()), None);
    }
}
