//! Samples of template headers: a session for a file, its bytes, and the handle by which a template brings it.
//!
//! Source: developers.facebook.com/docs/graph-api/guides/upload (Resumable Upload API), checked 2026-11-22.

use std::collections::HashMap;
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::simulator::dice::mix;
use crate::simulator::graph_error::GraphError;
use crate::simulator::people::lock;
use crate::simulator::server::Incoming;
use crate::simulator::settings::HeaderFormat;
use crate::simulator::world::World;

/// Meta keeps a handle for so long (seen with users; its page is silent).
const HANDLE_MS: i64 = 24 * 3_600 * 1_000;
/// Types that the Resumable Upload API takes, and the header that may show them.
const TYPES: [(&str, HeaderFormat); 5] = [
    ("image/jpeg", HeaderFormat::Image),
    ("image/jpg", HeaderFormat::Image),
    ("image/png", HeaderFormat::Image),
    ("video/mp4", HeaderFormat::Video),
    ("application/pdf", HeaderFormat::Document),
];

/// Sessions and what was uploaded in them.
#[derive(Debug, Default)]
pub(in crate::simulator) struct Uploads(Mutex<HashMap<String, Session>>);

#[derive(Debug)]
struct Session {
    length: u64,
    format: HeaderFormat,
    /// Once the bytes are there.
    handle: Option<(String, i64)>,
}

impl Uploads {
    /// Whether such a file was uploaded lately.
    pub(super) fn has(&self, handle: &str, format: HeaderFormat, now_ms: i64) -> bool {
        lock(&self.0).values().any(|session| {
            session.format == format
                && session.handle.as_ref().is_some_and(|(known, until)| known == handle && now_ms < *until)
        })
    }
}

/// `POST /{app-id}/uploads`.
pub(in crate::simulator) fn open_upload(world: &World, incoming: &Incoming) -> Result<Value, GraphError> {
    let wanted = |name: &str| {
        incoming.query(name).ok_or_else(|| GraphError::invalid(format!("The parameter {name} is required.")))
    };
    let (file_type, length) = (wanted("file_type")?, wanted("file_length")?);
    let length = length.parse::<u64>().ok().filter(|length| *length > 0);
    let length = length.ok_or_else(|| GraphError::invalid("Param file_length must be a positive integer."))?;
    let format = TYPES.iter().find(|(known, _)| *known == file_type).map(|(_, format)| *format);
    let format = format.ok_or_else(|| GraphError::invalid(format!("Unsupported file type {file_type}.")))?;
    let mut sessions = lock(&world.uploads.0);
    let number = mix(world.settings.seed, sessions.len() as u64);
    let id = format!("upload:MTph{number:016x}==?sig=AR{:08x}", number >> 32);
    sessions.insert(id.clone(), Session { length, format, handle: None });
    Ok(json!({"id": id}))
}

/// `POST /upload:…`: the bytes, all of them at once.
pub(in crate::simulator) fn upload_bytes(
    world: &World,
    session: &str,
    incoming: &Incoming,
) -> Result<Value, GraphError> {
    if !incoming.authorization.as_deref().is_some_and(|value| value.starts_with("OAuth ")) {
        return Err(GraphError::invalid("The bytes of an upload need a header Authorization: OAuth."));
    }
    if incoming.file_offset.as_deref() != Some("0") {
        return Err(GraphError::invalid("The header file_offset must be 0: nothing was uploaded before."));
    }
    let id = if incoming.query.is_empty() { session.to_owned() } else { format!("{session}?{}", incoming.query) };
    let mut sessions = lock(&world.uploads.0);
    let found = sessions.get_mut(&id).ok_or_else(|| GraphError::unknown_object("post", session))?;
    if incoming.body.len() as u64 != found.length {
        return Err(GraphError::invalid(format!(
            "The upload has {} bytes, but file_length was {}.",
            incoming.body.len(),
            found.length
        )));
    }
    let sum = id.bytes().fold(world.settings.seed, |sum, byte| mix(sum, u64::from(byte)));
    let handle = format!("4::aW{sum:016x}");
    found.handle = Some((handle.clone(), world.clock.millis() + HANDLE_MS));
    Ok(json!({"h": handle}))
}
