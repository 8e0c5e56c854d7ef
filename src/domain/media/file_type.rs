//! What a file says it is, and what its first bytes say. A name is never looked at.

use std::fmt;
use std::str::FromStr;

/// A media type without parameters, in lower case, such as `audio/ogg`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileType(String);

/// A text that is no media type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a type of files; write it as `image/jpeg`, `application/pdf` or `image/*`")]
pub struct InvalidFileType(String);

impl FileType {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this entry of a list covers that type; `image/*` covers all images.
    pub fn covers(&self, other: &Self) -> bool {
        match self.0.strip_suffix('*') {
            Some(beginning) => other.0.starts_with(beginning),
            None => self == other,
        }
    }
}

impl FromStr for FileType {
    type Err = InvalidFileType;

    /// Parameters, as in `audio/ogg; codecs=opus`, are dropped.
    fn from_str(text: &str) -> Result<Self, InvalidFileType> {
        let plain = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let is_name = |part: &str| {
            (1..=127).contains(&part.len())
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
        };
        match plain.split_once('/') {
            Some((kind, part)) if is_name(kind) && (is_name(part) || part == "*") => Ok(Self(plain)),
            _ => Err(InvalidFileType(text.chars().take(80).collect())),
        }
    }
}

impl fmt::Display for FileType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the first bytes of a file say that it is; `None`: they say nothing, as with plain text.
pub fn sniff(head: &[u8]) -> Option<&'static str> {
    // ISO media of any brand: the list of brands in `infer` lacks those of 3GPP.
    if head.get(4..8) == Some(b"ftyp") && !head.get(8..12).is_some_and(is_picture_brand) {
        return Some("video/mp4");
    }
    // Formats with a signature of two or three bytes come last in `infer`; what it does not know and no text could hold is binary.
    infer::get(head).map(|found| found.mime_type()).or_else(|| is_binary(head).then_some("application/octet-stream"))
}

/// ISO media that holds a picture: `infer` knows these.
fn is_picture_brand(brand: &[u8]) -> bool {
    [b"heic", b"heix", b"mif1", b"msf1", b"avif", b"avis"].iter().any(|known| *known == brand)
}

/// Whether it holds a byte that no text in any usual coding begins with. UTF-16 with its mark is text.
fn is_binary(head: &[u8]) -> bool {
    let is_utf16 = head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff");
    !is_utf16 && head.iter().any(|byte| matches!(byte, 0..=8 | 14..=26 | 28..=31))
}

/// Whether what a file says it is agrees with what its first bytes say.
///
/// A type whose files have a signature must have it. One without must not have the signature of anything else.
pub fn agree(declared: &FileType, found: Option<&str>) -> bool {
    let declared = declared.as_str();
    match (family(declared), found) {
        (Some(family), Some(found)) => family.contains(&found),
        (Some(_), None) => false,
        (None, Some(found)) => declared == found || (declared.starts_with("text/") && found.starts_with("text/")),
        (None, None) => true,
    }
}

/// What the first bytes of files of this type can look like; `None` where they look like nothing particular.
fn family(declared: &str) -> Option<&'static [&'static str]> {
    const ISO_MEDIA: &[&str] = &["video/mp4", "video/quicktime", "video/x-m4v", "audio/m4a"];
    // A document in the old formats of Microsoft is a small file system in which only its name tells which.
    const OLE: &[&str] = &[
        "application/msword",
        "application/vnd.ms-excel",
        "application/vnd.ms-powerpoint",
        "application/x-ole-storage",
    ];
    Some(match declared {
        "image/jpeg" | "image/jpg" => &["image/jpeg"],
        "image/png" => &["image/png"],
        "image/gif" => &["image/gif"],
        "image/webp" => &["image/webp"],
        "image/heic" | "image/heif" => &["image/heif"],
        "video/mp4" | "video/3gpp" | "video/3gpp2" | "video/quicktime" | "video/x-m4v" => ISO_MEDIA,
        "audio/mp4" | "audio/m4a" | "audio/x-m4a" | "audio/3gpp" => ISO_MEDIA,
        // Apps call both bare AAC and AAC in ISO media by this name.
        "audio/aac" => &["audio/aac", "video/mp4", "audio/m4a"],
        "audio/amr" => &["audio/amr"],
        "audio/mpeg" | "audio/mp3" => &["audio/mpeg"],
        "audio/ogg" | "audio/opus" | "video/ogg" => &["audio/ogg", "audio/opus"],
        "audio/wav" | "audio/x-wav" => &["audio/x-wav"],
        "application/pdf" => &["application/pdf"],
        "application/zip" | "application/x-zip-compressed" => &["application/zip"],
        "application/msword" | "application/vnd.ms-excel" | "application/vnd.ms-powerpoint" => OLE,
        // They are archives; where their parts stand in an unusual order, only that much is seen.
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => {
            &["application/vnd.openxmlformats-officedocument.wordprocessingml.document", "application/zip"]
        }
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => {
            &["application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "application/zip"]
        }
        "application/vnd.openxmlformats-officedocument.presentationml.presentation" => {
            &["application/vnd.openxmlformats-officedocument.presentationml.presentation", "application/zip"]
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file_type(text: &str) -> FileType {
        text.parse().unwrap()
    }

    #[test]
    fn parameters_and_capitals_are_dropped_and_nonsense_is_refused() {
        assert_eq!(file_type("Audio/OGG; codecs=opus").as_str(), "audio/ogg");
        assert!(file_type("image/*").covers(&file_type("image/png")));
        assert!(!file_type("image/*").covers(&file_type("imagex/png")));
        assert!(!file_type("image/png").covers(&file_type("image/jpeg")));
        for wrong in ["", "image", "image/", "/png", "*/*", "image/p ng", "image/png\r\nx: y", "صورة/png"] {
            assert!(wrong.parse::<FileType>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_a_file_says_must_agree_with_its_first_bytes() {
        let jpeg: &[u8] = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00";
        let png: &[u8] = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR";
        let webp: &[u8] = b"RIFF\x24\x00\x00\x00WEBPVP8 ";
        let mp4: &[u8] = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00";
        let three_gpp: &[u8] = b"\x00\x00\x00\x18ftyp3gp5\x00\x00\x00\x00";
        let opus = [b"OggS\x00\x02".as_slice(), &[0; 22], b"OpusHead\x01"].concat();
        let amr: &[u8] = b"#!AMR\n\x3c\x48\xf5\x1f\x96\x66\x79\xe1";
        let pdf: &[u8] = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n";
        let ole = [b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".as_slice(), &[0; 504]].concat();
        let zip = [b"PK\x03\x04\x14\x00\x00\x00\x08\x00".as_slice(), &[0; 40]].concat();
        let exe: &[u8] = b"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff";
        let docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
        for (declared, head, is_right) in [
            ("image/jpeg", jpeg, true),
            ("image/jpeg", png, false),
            ("image/png", png, true),
            ("image/webp", webp, true),
            ("image/jpeg", b"<html><body>".as_slice(), false),
            ("image/jpeg", b"just words".as_slice(), false),
            ("image/jpeg", b"".as_slice(), false),
            ("video/mp4", mp4, true),
            ("video/3gpp", three_gpp, true),
            ("audio/mp4", mp4, true),
            ("audio/aac", mp4, true),
            ("audio/ogg", &opus, true),
            ("audio/ogg", mp4, false),
            ("audio/amr", amr, true),
            ("application/pdf", pdf, true),
            ("application/pdf", exe, false),
            ("application/msword", &ole, true),
            (docx, &zip, true),
            (docx, &ole, false),
            ("text/plain", "سعر المنتج مرتفع\n".as_bytes(), true),
            ("text/plain", b"a,b\n1,2\n".as_slice(), true),
            ("text/plain", b"\xff\xfea\x00".as_slice(), true),
            ("text/plain", b"<html><body>".as_slice(), true),
            ("text/plain", exe, false),
            ("text/plain", b"\x7fELF\x02\x01\x01\x00".as_slice(), false),
            ("text/plain", b"\x01\x02\x03\x04".as_slice(), false),
            ("text/csv", b"a;b".as_slice(), true),
            ("application/x-custom", b"whatever".as_slice(), true),
            ("application/x-custom", exe, false),
        ] {
            assert_eq!(agree(&file_type(declared), sniff(head)), is_right, "{declared} {:?}", sniff(head));
        }
    }
}
