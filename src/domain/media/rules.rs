//! Which files are wanted: whether files are fetched at all, of which types, and how large they may be.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::{Digest, FileType, MediaState};
use crate::domain::byte_size::ByteSize;
use crate::domain::channel::Channel;
use crate::domain::message::MediaKind;
use crate::domain::news::InboundNews;

/// Longer than any name that a person reads.
const NAME_CHARS_MAX: usize = 240;

/// Which files are wanted, and how often they are asked for.
#[derive(Debug, Clone)]
pub struct MediaRules {
    /// Whether files are fetched at all.
    pub enabled: bool,
    /// How large any file may be.
    pub bytes_max: ByteSize,
    /// How large those of a kind may be, where that is less.
    pub bytes_max_of: BTreeMap<&'static str, ByteSize>,
    /// Which types are kept.
    pub types: Vec<FileType>,
    /// How often one is tried before it is given up.
    pub tries: u16,
    /// Waits before each further try; the last one repeats. Not empty.
    pub waits: Vec<SignedDuration>,
}

/// A file that came with what a person sent, and whether it is to be fetched. `Debug` does not show its name.
#[derive(Clone, PartialEq, Eq)]
pub struct WantedMedia {
    /// [`MediaState::Wanted`] or [`MediaState::Unwanted`].
    pub state: MediaState,
    /// What it says it is.
    pub file_type: Option<String>,
    /// SHA-256 as the callback says.
    pub hash: Option<Digest>,
    /// The name that a document had with its sender.
    pub name: Option<String>,
    /// Why it is not wanted.
    pub detail: Option<String>,
}

impl std::fmt::Debug for WantedMedia {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WantedMedia").field("state", &self.state).field("detail", &self.detail).finish_non_exhaustive()
    }
}

impl MediaRules {
    /// How large a file of this kind of message may be. `voice` is audio.
    pub fn bytes_max(&self, kind: &str) -> u64 {
        let kind = if kind == "voice" { MediaKind::Audio.name() } else { kind };
        let of_kind = self.bytes_max_of.get(kind).copied().unwrap_or(self.bytes_max);
        of_kind.min(self.bytes_max).bytes()
    }

    /// Whether files of this type are kept.
    pub fn takes(&self, file_type: &FileType) -> bool {
        self.types.iter().any(|known| known.covers(file_type))
    }

    /// What is to become of the file that came with this; `None`: no file came.
    pub fn wish(&self, news: &InboundNews) -> Option<WantedMedia> {
        let media = news.extras.media.as_ref().filter(|_| news.media_id().is_some())?;
        let file_type = media.mime_type.as_deref().map(str::parse::<FileType>);
        let because = if news.channel != Channel::Whatsapp {
            Some("files are fetched from Meta only, and this one came through another provider".to_owned())
        } else if !self.enabled {
            Some("files are not fetched: `[media] enabled` is false".to_owned())
        } else if media.id.is_none() {
            Some("Meta gave no id under which it could be asked for".to_owned())
        } else {
            match &file_type {
                Some(Ok(known)) if !self.takes(known) => {
                    Some(format!("files of the type {known} are not kept: `[media] types` does not name it"))
                }
                Some(Err(error)) => Some(error.to_string()),
                // What it is Meta says when it is asked for the file.
                Some(Ok(_)) | None => None,
            }
        };
        Some(WantedMedia {
            state: if because.is_some() { MediaState::Unwanted } else { MediaState::Wanted },
            file_type: file_type.and_then(Result::ok).map(|known| known.to_string()),
            hash: media.sha256.as_deref().and_then(|text| Digest::parse(text).ok()),
            name: media.filename.as_deref().and_then(shown_name),
            detail: because,
        })
    }
}

/// The name of a file as people may see it: without folders and without characters that do not print or turn the direction of writing.
fn shown_name(name: &str) -> Option<String> {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let is_shown = |c: &char| {
        !c.is_control() && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let shown: String = last.chars().filter(is_shown).take(NAME_CHARS_MAX).collect();
    let shown = shown.trim().trim_matches('.');
    (!shown.is_empty()).then(|| shown.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::news::{Extras, MediaNews};

    fn rules() -> MediaRules {
        MediaRules {
            enabled: true,
            bytes_max: ByteSize::new(100),
            bytes_max_of: [("image", ByteSize::new(5)), ("audio", ByteSize::new(16)), ("video", ByteSize::new(900))]
                .into(),
            types: vec!["image/jpeg".parse().unwrap(), "audio/*".parse().unwrap()],
            tries: 3,
            waits: vec![SignedDuration::from_secs(1)],
        }
    }

    fn news(media: Option<MediaNews>) -> InboundNews {
        InboundNews {
            channel: Channel::Whatsapp,
            sender: None,
            whatsapp_id: "wamid.A".parse().unwrap(),
            phone: None,
            bsuid: None,
            profile_name: None,
            provider_at: jiff::Timestamp::UNIX_EPOCH,
            kind: "image",
            text: None,
            payload: None,
            in_reply_to: None,
            extras: Extras { media, ..Extras::default() },
        }
    }

    fn image() -> MediaNews {
        let (id, mime_type) = (Some("1".to_owned()), Some("image/jpeg".to_owned()));
        MediaNews { id, mime_type, ..MediaNews::default() }
    }

    #[test]
    fn a_kind_has_its_own_limit_where_that_is_the_smaller_one() {
        for (kind, bytes) in [("image", 5), ("voice", 16), ("audio", 16), ("video", 100), ("document", 100), ("?", 100)]
        {
            assert_eq!(rules().bytes_max(kind), bytes, "{kind}");
        }
    }

    #[test]
    fn what_is_not_wanted_says_why() {
        assert_eq!(rules().wish(&news(None)), None);
        assert_eq!(rules().wish(&news(Some(MediaNews::default()))), None, "there is nothing to ask for");
        let why = |rules: &MediaRules, news: &InboundNews| {
            let wish = rules.wish(news).unwrap();
            assert_eq!(wish.state == MediaState::Wanted, wish.detail.is_none());
            wish.detail.unwrap_or_default()
        };
        assert_eq!(why(&rules(), &news(Some(image()))), "");
        let of_type = |text: &str| news(Some(MediaNews { mime_type: Some(text.to_owned()), ..image() }));
        assert_eq!(why(&rules(), &of_type("audio/ogg; codecs=opus")), "");
        assert!(why(&rules(), &of_type("video/mp4")).contains("video/mp4 are not kept"));
        assert!(why(&rules(), &of_type("nonsense")).contains("not a type of files"));
        assert_eq!(why(&rules(), &news(Some(MediaNews { mime_type: None, ..image() }))), "");
        assert!(why(&MediaRules { enabled: false, ..rules() }, &news(Some(image()))).contains("enabled"));
        let by_address = MediaNews { id: None, url: Some("https://x/1".to_owned()), ..image() };
        assert!(why(&rules(), &news(Some(by_address))).contains("no id"));
        let through_twilio = InboundNews { channel: Channel::Sms, ..news(Some(image())) };
        assert!(why(&rules(), &through_twilio).contains("another provider"));
    }

    #[test]
    fn names_are_for_people_and_lead_nowhere() {
        for (name, shown) in [
            ("فاتورة يناير.pdf", Some("فاتورة يناير.pdf")),
            ("../../etc/passwd", Some("passwd")),
            ("C:\\Users\\a\\b.docx", Some("b.docx")),
            ("a\r\nSet-Cookie: b.pdf", Some("aSet-Cookie: b.pdf")),
            ("exe\u{202e}fdp.scr", Some("exefdp.scr")),
            ("..", None),
            ("/", None),
            ("", None),
        ] {
            assert_eq!(shown_name(name).as_deref(), shown, "{name:?}");
        }
        assert_eq!(shown_name(&"م".repeat(1_000)).unwrap().chars().count(), NAME_CHARS_MAX);
    }
}
