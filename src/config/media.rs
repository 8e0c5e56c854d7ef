//! `[media]`: which files that customers send are fetched from Meta, and where they are kept.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::SignedDuration;

use super::layers::located;
use crate::domain::byte_size::ByteSize;
use crate::domain::document::{Node, Read, Table};
use crate::domain::link::AllowedHosts;
use crate::domain::media::{FileType, MediaRules};
use crate::domain::message::MediaKind;

/// Meta hands out nothing larger (page …/support/error-codes, 131052, 2026-11-22).
const BYTES_MAX: ByteSize = ByteSize::new(100 << 20);
/// The most tries; with the last wait repeated, Meta has forgotten a file long before.
const TRIES_MAX: i64 = 1_000;

/// Which files are fetched, from where, and where they are kept.
#[derive(Debug, Clone)]
pub struct Media {
    /// Which files are wanted.
    pub rules: MediaRules,
    /// The folder in which they are kept.
    pub keep: PathBuf,
    /// Hosts that they are fetched from, beside that of the Graph API.
    pub hosts: AllowedHosts,
}

impl Read for ByteSize {
    fn read(node: &Node) -> Result<Self, String> {
        String::read(node)?.parse().map_err(|error| format!("is wrong: {error}"))
    }
}

impl Read for FileType {
    fn read(node: &Node) -> Result<Self, String> {
        String::read(node)?.parse().map_err(|error| format!("is wrong: {error}"))
    }
}

impl Media {
    pub(super) fn read(table: &Table<'_>, state_dir: Option<&Path>) -> Option<Self> {
        let (enabled, bytes_max) = (table.required("enabled"), table.required::<ByteSize>("max_bytes"));
        if bytes_max.is_some_and(|max| max > BYTES_MAX) {
            table.problem(
                "max_bytes",
                format!("`max_bytes` must be at most {BYTES_MAX}: Meta hands out nothing larger"),
            );
        }
        let bytes_max_of = table.table("max_bytes_of", |table| {
            let kinds = [MediaKind::Image, MediaKind::Audio, MediaKind::Video, MediaKind::Document, MediaKind::Sticker];
            kinds.into_iter().filter_map(|kind| Some((kind.name(), table.optional(kind.name())?))).collect()
        });
        let of_kinds: &BTreeMap<&'static str, ByteSize> = &bytes_max_of;
        for (kind, max) in of_kinds {
            if bytes_max.is_some_and(|whole| *max > whole) {
                table.problem(
                    "max_bytes_of",
                    format!("`{kind}` in `max_bytes_of` is {max}, which is more than `max_bytes` lets any file have"),
                );
            }
        }
        let types: Option<Vec<FileType>> = table.required("types");
        if types.as_ref().is_some_and(Vec::is_empty) {
            table
                .problem("types", "`types` is empty: nothing would ever be kept; name types, or set `enabled = false`");
        }
        let tries: Option<i64> = table.required("tries");
        if tries.is_some_and(|tries| !(1..=TRIES_MAX).contains(&tries)) {
            table.problem("tries", format!("`tries` must be from 1 to {TRIES_MAX}"));
        }
        let waits: Option<Vec<SignedDuration>> = table.required("waits");
        if waits.as_ref().is_some_and(Vec::is_empty) {
            table.problem("waits", "`waits` is empty; write at least one wait, as in `[\"30s\", \"2m\"]`");
        }
        let keep: Option<PathBuf> = table.optional("keep");
        if keep.as_ref().is_some_and(|keep| keep.to_string_lossy().contains("://")) {
            table.problem(
                "keep",
                "`keep` must be a folder: buckets (S3) are not yet supported by this version; name a folder, such as one that is mounted",
            );
        }
        let keep = table.node("keep").zip(keep).map(|(node, keep)| located(node, keep));
        let hosts = hosts(table);
        Some(Self {
            rules: MediaRules {
                enabled: enabled?,
                bytes_max: bytes_max?,
                bytes_max_of,
                types: types?,
                tries: u16::try_from(tries?).ok()?,
                waits: waits?,
            },
            keep: keep.or_else(|| Some(state_dir?.join("media")))?,
            hosts: hosts?,
        })
    }
}

fn hosts(table: &Table<'_>) -> Option<AllowedHosts> {
    let hosts: Vec<String> = table.required("hosts")?;
    if hosts.is_empty() {
        table.problem(
            "hosts",
            "`hosts` is empty: files could be fetched from nowhere; name Meta's hosts, or set `enabled = false`",
        );
        return None;
    }
    AllowedHosts::new(hosts).map_err(|wrong| table.problem("hosts", format!("`hosts`: {wrong}"))).ok()
}
