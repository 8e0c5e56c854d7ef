//! Reports that are kept as files: `state_dir/reports`.

use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::domain::cost_report::{CostReport, ShownReport, to_csv, to_html};
use crate::domain::language::Language;

/// Writes a report in all its forms; answers where. One of the same days is replaced: it knows more.
///
/// # Errors
/// When the folder or a file cannot be written.
pub fn keep(state_dir: &Path, report: &CostReport) -> io::Result<Vec<PathBuf>> {
    let folder = state_dir.join("reports");
    std::fs::create_dir_all(&folder)?;
    let name = |ending: &str| folder.join(format!("costs-{}-{}.{ending}", report.days.from, report.days.to));
    let json = serde_json::to_string_pretty(&ShownReport::new(report, true)).map_err(io::Error::other)?;
    let files = [
        (name("json"), json),
        (name("csv"), to_csv(report)),
        (name("ar.html"), to_html(report, Language::Ar)),
        (name("en.html"), to_html(report, Language::En)),
    ];
    for (path, text) in &files {
        // Written whole or not at all, and readable for us only.
        let draft = path.with_extension("draft");
        let mut file = std::fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&draft, path)?;
    }
    Ok(files.into_iter().map(|(path, _)| path).collect())
}
