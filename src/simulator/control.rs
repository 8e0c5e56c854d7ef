//! `/_simulator/…`: what tests and people at the keyboard ask of the simulator itself. Without a token: it listens on this machine only.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::callbacks::{Event, Inbound, Said};
use super::management::{media_url, template_id};
use super::media::{MediaFaults, Origin};
use super::messages::hides_phone;
use super::people::lock;
use super::server::Incoming;
use super::settings::{Category, Faults, Template, TemplateStatus};
use super::webhook;
use super::world::World;

/// Rows of the ledger in one page unless `limit` says otherwise.
const PAGE: usize = 1_000;
/// The most rows in one page.
const PAGE_MAX: usize = 10_000;
/// Meta: an upgrade takes up to a minute.
const UPGRADE_MS: i64 = 60_000;

/// What the simulator answers about itself: HTTP status and JSON.
pub(super) async fn answer(world: &World, route: &str, incoming: &Incoming) -> (u16, Value) {
    let result = match (incoming.method.as_str(), route) {
        ("GET", "ledger") => ledger(world, incoming),
        ("GET", "counts") => Ok(json!(world.counts())),
        ("GET", "quiet") => {
            world.schedule.quiet().await;
            world.twilio.quiet().await;
            Ok(json!({"quiet": true}))
        }
        ("GET", "faults") => Ok(json!(**world.faults.load())),
        ("GET", "twilio") => Ok(json!({"rows": world.twilio.ledger()})),
        ("GET", "mails") => Ok(json!({"rows": world.mail.ledger()})),
        ("POST", "twilio-faults") => twilio_faults(world, &incoming.body),
        ("POST", "twilio-inbound") => twilio_inbound(world, &incoming.body),
        ("GET", "settings") => Ok(json!({"seed": world.settings.seed, "numbers": world.settings.numbers})),
        ("POST", "faults") => faults(world, &incoming.body),
        ("POST", "inbound") => inbound(world, &incoming.body),
        ("POST", "webhook") => set_webhook(world, &incoming.body).await,
        ("POST", "template") => template(world, &incoming.body),
        ("POST", "review") => review(world, &incoming.body),
        ("POST", "change") => change(world, &incoming.body),
        ("POST", "upgrade") => upgrade(world, &incoming.body),
        _ => {
            let routes = "GET ledger, counts, quiet, faults, settings, twilio, mails; POST faults, inbound, webhook, template, review, change, \
                 upgrade, twilio-faults, twilio-inbound";
            return (404, json!({"error": format!("no such route; there are: {routes}")}));
        }
    };
    match result {
        Ok(value) => (200, value),
        Err(problem) => (400, json!({"error": problem})),
    }
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

fn ledger(world: &World, incoming: &Incoming) -> Result<Value, String> {
    let number = |name: &str, default: u64| match incoming.query(name) {
        Some(text) => text.parse::<u64>().map_err(|_| format!("`{name}` must be a whole number")),
        None => Ok(default),
    };
    let (after, limit) = (number("after", 0)?, number("limit", PAGE as u64)?);
    let limit = usize::try_from(limit).unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX);
    let rows: Vec<_> = world.ledger.page(after, limit).iter().map(|row| world.show(row)).collect();
    let next = (rows.len() == limit).then(|| after + limit as u64);
    Ok(json!({"rows": rows, "next": next}))
}

/// New faults in place of all those before; what is left out is off.
fn faults(world: &World, body: &[u8]) -> Result<Value, String> {
    let faults: Faults = read(body)?;
    set_faults(world, faults)?;
    Ok(json!(**world.faults.load()))
}

/// New faults in place of all those before.
pub(super) fn set_faults(world: &World, faults: Faults) -> Result<(), String> {
    match faults.problem() {
        Some(problem) => Err(problem),
        None => {
            world.faults.store(Arc::new(faults));
            Ok(())
        }
    }
}

fn twilio_faults(world: &World, body: &[u8]) -> Result<Value, String> {
    let faults: Faults = read(body)?;
    set_twilio_faults(world, faults)?;
    Ok(json!(**world.twilio.faults.load()))
}

/// New faults of Twilio's in place of all those before.
pub(super) fn set_twilio_faults(world: &World, faults: Faults) -> Result<(), String> {
    match faults.problem() {
        Some(problem) => Err(problem),
        None => {
            world.twilio.faults.store(Arc::new(faults));
            Ok(())
        }
    }
}

/// What a person writes through Twilio.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    /// `+digits`.
    from: String,
    text: String,
    /// Over WhatsApp in place of a text message.
    #[serde(default)]
    whatsapp: bool,
}

fn twilio_inbound(world: &World, body: &[u8]) -> Result<Value, String> {
    let written: Written = read(body)?;
    let channel = if written.whatsapp { "whatsapp" } else { "sms" };
    let sid = world.twilio.hear(channel, &written.from, &written.text)?;
    Ok(json!({"sid": sid}))
}

/// What a person is to do.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    /// The person's number, with or without plus.
    from: String,
    /// The business's number; the first one if left out.
    phone_number_id: Option<String>,
    /// The wamid of the message that is answered.
    #[serde(alias = "context")]
    context_id: Option<String>,
    /// Instead of the id that is made up: to send the same message twice.
    id: Option<String>,
    text: Option<String>,
    button: Option<PressedButton>,
    button_reply: Option<Chosen>,
    list_reply: Option<Chosen>,
    reaction: Option<Reaction>,
    location: Option<Place>,
    media: Option<Media>,
    /// Any other kind as Meta writes it, such as `{"type": "contacts", "contacts": […]}`; writer, id and time are put to it.
    message: Option<serde_json::Map<String, Value>>,
    /// `stop` or `resume`.
    preference: Option<Preference>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PressedButton {
    payload: String,
    text: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Chosen {
    id: String,
    title: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reaction {
    message_id: String,
    emoji: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    latitude: f64,
    longitude: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Media {
    /// `image`, `video`, `audio`, `document` or `sticker`.
    #[serde(rename = "type")]
    kind: String,
    mime_type: Option<String>,
    /// The content, in hexadecimal; a few bytes are made up if left out.
    hex: Option<String>,
    caption: Option<String>,
    filename: Option<String>,
    /// What goes wrong when it is fetched.
    #[serde(default)]
    faults: MediaFaults,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Preference {
    Stop,
    Resume,
}

fn inbound(world: &World, body: &[u8]) -> Result<Value, String> {
    let wish: Wish = read(body)?;
    let digits: u64 =
        wish.from.trim_start_matches('+').parse().map_err(|_| "`from` must be a phone number".to_owned())?;
    let number = number(world, wish.phone_number_id.as_deref())?;
    let mut said: Vec<Said> = Vec::new();
    said.extend(wish.text.map(Said::Text));
    said.extend(wish.button.map(|button| {
        let text = button.text.unwrap_or_else(|| button.payload.clone());
        Said::Button { payload: button.payload, text }
    }));
    said.extend(wish.button_reply.map(|chosen| Said::ButtonReply { id: chosen.id, title: chosen.title }));
    said.extend(wish.list_reply.map(|chosen| Said::ListReply { id: chosen.id, title: chosen.title }));
    said.extend(
        wish.reaction.map(|reaction| Said::Reaction { message_id: reaction.message_id, emoji: reaction.emoji }),
    );
    said.extend(wish.location.map(|place| Said::Location { latitude: place.latitude, longitude: place.longitude }));
    said.extend(wish.preference.map(|wish| Said::Preference { stop: matches!(wish, Preference::Stop) }));
    if let Some(media) = wish.media {
        said.push(said_media(world, number, media)?);
    }
    if let Some(mut members) = wish.message {
        ["from", "from_user_id", "id", "timestamp", "context"].iter().for_each(|name| drop(members.remove(*name)));
        if !members.get("type").is_some_and(Value::is_string) {
            return Err("`message` must have its `type`, as in `{\"type\": \"contacts\", \"contacts\": []}`".to_owned());
        }
        said.push(Said::Any(members));
    }
    let [said] = <[Said; 1]>::try_from(said).map_err(|given| {
        let count = given.len();
        format!("give exactly one of `text`, `button`, `button_reply`, `list_reply`, `reaction`, `location`, `media`, `message`, `preference`, not {count}")
    })?;
    let id = wish.id.unwrap_or_else(|| world.inbound_id(digits));
    let inbound = Inbound {
        number,
        digits,
        hidden: hides_phone(world, digits),
        at_ms: 0,
        id: id.clone(),
        context: wish.context_id,
        said,
    };
    world.schedule.add([(world.clock.millis(), Event::Inbound(Box::new(inbound)))]);
    Ok(json!({"id": id}))
}

fn said_media(world: &World, number: u16, media: Media) -> Result<Said, String> {
    let default_type = match media.kind.as_str() {
        "image" => "image/jpeg",
        "video" => "video/mp4",
        "audio" => "audio/ogg; codecs=opus",
        "document" => "application/pdf",
        "sticker" => "image/webp",
        other => return Err(format!("`media.type` is `{other}`; it must be image, video, audio, document or sticker")),
    };
    let mime_type = media.mime_type.unwrap_or_else(|| default_type.to_owned());
    let bytes = match &media.hex {
        Some(hex) => Bytes::from(hex::decode(hex).map_err(|error| format!("`media.hex`: {error}"))?),
        None => made_up(&mime_type),
    };
    let now = world.clock.millis();
    let id = world.media.put_with(number, mime_type.clone(), bytes, Origin::Received, now, media.faults).to_string();
    let item = world.media.get(&id, world.clock.millis()).ok_or("the media is gone already")?;
    let mut value =
        json!({"mime_type": mime_type, "sha256": item.sha256_base64(), "id": id, "url": media_url(world, &id)});
    match media.kind.as_str() {
        "audio" => value["voice"] = json!(true),
        "sticker" => value["animated"] = json!(false),
        "document" => value["filename"] = json!(media.filename.as_deref().unwrap_or("document.pdf")),
        _ => {}
    }
    if let Some(caption) = media.caption {
        value["caption"] = json!(caption);
    }
    Ok(Said::Media { kind: media.kind, media: value })
}

/// A file that begins as files of its type do, and holds nothing.
fn made_up(mime_type: &str) -> Bytes {
    let beginning: &[u8] = match mime_type.split(';').next().unwrap_or_default().trim() {
        "image/jpeg" => b"\xff\xd8\xff\xe0\x00\x10JFIF\x00",
        "image/png" => b"\x89PNG\r\n\x1a\n",
        "image/webp" => b"RIFF\x24\x00\x00\x00WEBPVP8 ",
        "video/mp4" | "video/3gpp" | "audio/mp4" => b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00",
        "audio/ogg" => b"OggS\x00\x02",
        "audio/mpeg" => b"ID3\x04\x00\x00",
        "audio/amr" => b"#!AMR\n",
        "audio/aac" => b"\xff\xf1\x50\x80",
        "application/pdf" => b"%PDF-1.7\n",
        _ => b"",
    };
    Bytes::from([beginning, b"made-up media of the simulator"].concat())
}

fn number(world: &World, phone_number_id: Option<&str>) -> Result<u16, String> {
    match phone_number_id {
        Some(id) => {
            world.number(id).ok_or_else(|| format!("`phone_number_id` `{id}` is not one of the settings' numbers"))
        }
        None => Ok(0),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Receiver {
    /// None: nobody is subscribed.
    url: Option<String>,
    /// Ask for the challenge first, as Meta does.
    #[serde(default)]
    verify: bool,
}

async fn set_webhook(world: &World, body: &[u8]) -> Result<Value, String> {
    let wish: Receiver = read(body)?;
    if let Some(url) = wish.url.as_deref().filter(|_| wish.verify) {
        webhook::verify(world, url, &world.settings.verify_token).await?;
    }
    let shown = json!({"url": wish.url});
    world.webhook_url.store(wish.url.map(|url| Arc::new(Arc::from(url))));
    Ok(shown)
}

fn template(world: &World, body: &[u8]) -> Result<Value, String> {
    let template: Template = read(body)?;
    if let Some(problem) = template.problem() {
        return Err(format!("template `{}` ({}): {problem}", template.name, template.language));
    }
    let shown = json!(template);
    world.templates.put(template);
    Ok(shown)
}

/// What a review of Meta's came to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Review {
    name: String,
    language: String,
    status: Option<TemplateStatus>,
    category: Option<Category>,
    quality: Option<String>,
    rejected_reason: Option<String>,
    /// A callback tells of the state, as Meta mostly does.
    #[serde(default)]
    tell: bool,
}

fn review(world: &World, body: &[u8]) -> Result<Value, String> {
    let Review { name, language, status, category, quality, rejected_reason, tell } = read(body)?;
    let found = world.templates.find(&name, &language);
    let mut template = Template::clone(&*found.ok_or_else(|| format!("there is no template `{name}` in {language}"))?);
    template.status = status.unwrap_or(template.status);
    template.category = category.unwrap_or(template.category);
    template.quality = quality.unwrap_or(template.quality);
    template.rejected_reason = rejected_reason.or(template.rejected_reason);
    let shown = json!(template);
    let value = json!({
        "event": template.status, "message_template_id": template_id(world, &template), "message_template_name": template.name,
        "message_template_language": template.language, "message_template_category": template.category,
        "reason": template.rejected_reason.as_deref().unwrap_or("NONE"),
    });
    world.templates.put(template);
    if tell {
        let field = "message_template_status_update".into();
        world.schedule.add([(world.clock.millis(), Event::Change { number: 0, field, value: Box::new(value) })]);
    }
    Ok(shown)
}

/// Any change of any field, told as it is given: for what the simulator does not play itself.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    phone_number_id: Option<String>,
    field: String,
    value: Value,
}

fn change(world: &World, body: &[u8]) -> Result<Value, String> {
    let change: Change = read(body)?;
    let number = number(world, change.phone_number_id.as_deref())?;
    let event = Event::Change { number, field: change.field.into_boxed_str(), value: Box::new(change.value) };
    world.schedule.add([(world.clock.millis(), event)]);
    Ok(json!({"scheduled": true}))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Upgrade {
    phone_number_id: Option<String>,
    throughput: Option<u32>,
    /// How long the number answers 131057.
    maintenance_ms: Option<i64>,
}

/// Meta's upgrade of a number: 131057 while it lasts, then the new throughput and its callback.
fn upgrade(world: &World, body: &[u8]) -> Result<Value, String> {
    let wish: Upgrade = read(body)?;
    let at = number(world, wish.phone_number_id.as_deref())?;
    let limit = wish.throughput.unwrap_or(1_000);
    let done = world.clock.millis() + wish.maintenance_ms.unwrap_or(UPGRADE_MS).clamp(0, 3_600_000);
    let state = &world.numbers[usize::from(at)];
    state.upgrading_until_ms.store(done, Ordering::Relaxed);
    let mut traffic = lock(&state.traffic);
    traffic.throughput.set_limit(limit);
    traffic.limit = limit;
    drop(traffic);
    let display = &world.settings.numbers[usize::from(at)].display_phone_number;
    let value = json!({"display_phone_number": display, "event": "THROUGHPUT_UPGRADE", "max_daily_conversations_per_business": "TIER_UNLIMITED"});
    world.schedule.add([(
        done,
        Event::Change { number: at, field: "phone_number_quality_update".into(), value: Box::new(value) },
    )]);
    Ok(json!({"throughput": limit, "done_at": done}))
}
