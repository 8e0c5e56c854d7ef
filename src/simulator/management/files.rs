//! Media: handed in, looked up; the bytes themselves are in `media`.

use serde_json::{Value, json};

use crate::simulator::graph_error::GraphError;
use crate::simulator::media::{Origin, allowed, read_multipart};
use crate::simulator::server::Incoming;
use crate::simulator::world::World;

/// `POST /{phone-number-id}/media`.
pub(in crate::simulator) fn upload(world: &World, number: u16, incoming: &Incoming) -> Result<Value, GraphError> {
    let content_type = incoming.content_type.as_deref().unwrap_or_default();
    let upload = read_multipart(content_type, &incoming.body);
    let upload = upload.ok_or_else(|| GraphError::invalid("The body is not multipart/form-data."))?;
    if upload.messaging_product.as_deref() != Some("whatsapp") {
        return Err(GraphError::invalid("The parameter messaging_product is required."));
    }
    let (part_type, bytes) = upload.file.ok_or_else(|| GraphError::invalid("The parameter file is required."))?;
    let mime_type = if part_type.is_empty() { upload.kind.unwrap_or_default() } else { part_type };
    let max = allowed(&mime_type);
    let max = max.ok_or_else(|| {
        GraphError::invalid(format!("Param file must be a file with one of the supported types, received {mime_type}."))
    })?;
    if bytes.is_empty() || bytes.len() > max {
        return Err(GraphError::invalid(format!(
            "Param file has {} bytes; between 1 and {max} are allowed.",
            bytes.len()
        )));
    }
    let id = world.media.put(number, mime_type, bytes, Origin::Uploaded, world.clock.millis());
    Ok(json!({"id": id.to_string()}))
}

/// `GET /{media-id}`, if there is such a file (for that number, if one is named).
pub(in crate::simulator) fn media(world: &World, id: &str, incoming: &Incoming) -> Option<Value> {
    let now = world.clock.millis();
    let item = world.media.get(id, now)?;
    if incoming.query("phone_number_id").is_some_and(|wanted| world.number(&wanted) != Some(item.number)) {
        return None;
    }
    Some(json!({
        "messaging_product": "whatsapp", "url": media_url(world, id), "mime_type": item.mime_type, "sha256": item.sha256_hex(),
        "file_size": item.bytes.len(), "id": id,
    }))
}

/// An address for a file, good for five minutes.
pub(in crate::simulator) fn media_url(world: &World, id: &str) -> String {
    format!("{}/whatsapp_business/attachments/?{}", world.base_url, world.media.query(id, world.clock.millis()))
}
