//! `barid contacts import`: a file of contacts into the store, page by page: one is read while the one before is written.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;
use serde::Deserialize;

use crate::cli::daemon_api::{DaemonApi, Items};
use crate::cli::exit::{Ended, Exit, Failure, OrExit as _};
use crate::cli::installation::Installation;
use crate::cli::screen;
use crate::contacts_file::{ContactsFile, ContactsFileError, Row, RowError, Settings};
use crate::domain::contact::ContactUpdate;
use crate::http::ContactRow;
use crate::ports::Contacts as _;
use crate::store::SqlStore;

/// Rows in one transaction: what store and API take at most.
const PAGE: usize = 500;
/// More row errors help nobody on a screen.
const ERRORS_SHOWN_MAX: usize = 50;

/// Add and update contacts from a CSV or XLSX file
///
/// The first row names the columns. `phone` is required; `name`, `language` (ar, en), `timezone`, `email`, `tags` and `consent` are
/// known, the last two with `;` between values; every other column becomes an attribute, in lower case and
/// with `_` for spaces. `consent` is yes, no, or purposes out of
/// survey, marketing and utility. Empty cells leave what is known. Good rows are taken although others are refused.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Import {
    /// CSV (UTF-8; comma, semicolon or tab) or XLSX (first sheet)
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Where to write what is wrong with refused rows, one a line; on the screen stand the first 50
    #[arg(long, value_name = "FILE")]
    errors: Option<PathBuf>,
    /// Read and check only
    #[arg(long)]
    dry_run: bool,
}

/// Who writes.
enum Sink {
    Nobody,
    Store(Box<SqlStore>, Timestamp),
    Daemon(DaemonApi),
}

/// What became of the rows.
#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    new: u64,
    updated: u64,
    good: u64,
    refused: u64,
}

pub(super) async fn run(arguments: &Import, installation: &Installation) -> Ended {
    let settings = Settings { default_country: installation.default_country, now: installation.clock().now() };
    let path = arguments.file.clone();
    let file = blocking(move || ContactsFile::open(&path, settings)).await?.map_err(cannot_read)?;
    let mut problems = Problems::new(arguments.errors.as_deref())?;
    let sink = sink(arguments, installation).await?;
    let bar = progress_bar();
    let mut counts = Counts::default();
    let ended = take(file, &sink, &bar, &mut counts, &mut problems).await;
    bar.finish_and_clear();
    if let Sink::Store(store, _) = &sink {
        store.close().await;
    }
    problems.tell(counts.refused)?;
    if let Err(failure) = ended {
        if counts.good > 0 {
            screen::remark(&format!(
                "{} contacts were taken before; the import may be repeated as it is",
                counts.new + counts.updated
            ));
        }
        return Err(failure);
    }
    screen::say(&match sink {
        Sink::Nobody => format!("good {}, refused {} (nothing was written)", counts.good, counts.refused),
        Sink::Store(..) | Sink::Daemon(_) => {
            format!("new {}, updated {}, refused {}", counts.new, counts.updated, counts.refused)
        }
    })?;
    if counts.refused > 0 { Err(Failure::told(Exit::Data)) } else { Ok(()) }
}

async fn sink(arguments: &Import, installation: &Installation) -> Ended<Sink> {
    if arguments.dry_run {
        return Ok(Sink::Nobody);
    }
    match installation.daemon().await? {
        Some(daemon) => Ok(Sink::Daemon(daemon)),
        None => Ok(Sink::Store(Box::new(installation.store().await?), installation.clock().now())),
    }
}

async fn take(
    file: ContactsFile,
    sink: &Sink,
    bar: &ProgressBar,
    counts: &mut Counts,
    problems: &mut Problems,
) -> Ended {
    let (mut file, mut page) = read(file).await?;
    while !page.is_empty() {
        let (done, total) = file.progress();
        bar.set_length(total.max(done));
        bar.set_position(done);
        let reading = tokio::spawn(read(file));
        let mut updates = Vec::with_capacity(page.len());
        for row in page {
            match row.update {
                Ok(update) => updates.push((row.line, update)),
                Err(error) => {
                    counts.refused += 1;
                    problems.add(&error)?;
                }
            }
        }
        let good = updates.len() as u64;
        let new = if updates.is_empty() { 0 } else { sink.write(updates).await? };
        counts.good += good;
        counts.new += new;
        counts.updated += good - new;
        bar.set_message(format!("{} taken, {} refused", counts.good, counts.refused));
        (file, page) = reading.await.or_exit(Exit::Software)??;
    }
    Ok(())
}

async fn read(mut file: ContactsFile) -> Ended<(ContactsFile, Vec<Row>)> {
    blocking(move || file.next_page(PAGE).map(|page| (file, page))).await?.map_err(cannot_read)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Ended<T> {
    tokio::task::spawn_blocking(work).await.or_exit(Exit::Software)
}

pub(in crate::cli) fn cannot_read(error: ContactsFileError) -> Failure {
    let exit = if error.is_unreadable() { Exit::NoInput } else { Exit::Data };
    Failure::new(exit, error)
}

/// What the daemon made of one line.
#[derive(Deserialize)]
struct Imported {
    line: u64,
    new: Option<bool>,
    error: Option<String>,
}

impl Sink {
    /// Writes a page; answers how many of the contacts are new.
    async fn write(&self, updates: Vec<(u64, ContactUpdate)>) -> Ended<u64> {
        match self {
            Self::Nobody => Ok(0),
            Self::Store(store, now) => {
                let updates = updates.into_iter().map(|(_, update)| update).collect();
                let written =
                    store.upsert(updates, *now).await.context("cannot write contacts").or_exit(Exit::Unavailable)?;
                Ok(written.iter().filter(|(_, is_new)| *is_new).count() as u64)
            }
            Self::Daemon(daemon) => {
                let mut body = String::new();
                for row in updates {
                    body.push_str(&serde_json::to_string(&ContactRow::from(row)).or_exit(Exit::Software)?);
                    body.push('\n');
                }
                let answer: Items<Imported> = daemon.post("/api/v1/contacts/import", body).await?;
                // We checked the rows as the daemon does: one that it refuses is a difference of versions.
                if let Some(Imported { line, error: Some(error), .. }) =
                    answer.items.iter().find(|item| item.error.is_some())
                {
                    return Err(Failure::because(Exit::Software, format!("the daemon refuses line {line}: {error}")));
                }
                Ok(answer.items.iter().filter(|item| item.new == Some(true)).count() as u64)
            }
        }
    }
}

/// What is wrong with refused rows: the first for the screen, all for the file.
struct Problems {
    shown: Vec<String>,
    file: Option<(PathBuf, BufWriter<File>)>,
}

impl Problems {
    fn new(file: Option<&Path>) -> Ended<Self> {
        let file = match file {
            None => None,
            Some(path) => {
                let made = File::create(path).with_context(|| cannot_write(path)).or_exit(Exit::Io)?;
                Some((path.to_owned(), BufWriter::new(made)))
            }
        };
        Ok(Self { shown: Vec::new(), file })
    }

    fn add(&mut self, error: &RowError) -> Ended {
        if let Some((path, file)) = &mut self.file {
            writeln!(file, "{error}").with_context(|| cannot_write(path)).or_exit(Exit::Io)?;
        }
        if self.shown.len() < ERRORS_SHOWN_MAX {
            self.shown.push(error.to_string());
        }
        Ok(())
    }

    fn tell(mut self, refused: u64) -> Ended {
        for line in &self.shown {
            screen::remark(line);
        }
        let more = refused.saturating_sub(self.shown.len() as u64);
        match &mut self.file {
            Some((path, file)) => {
                file.flush().with_context(|| cannot_write(path)).or_exit(Exit::Io)?;
                if refused > 0 {
                    screen::remark(&format!("all {refused} refused rows are listed in `{}`", path.display()));
                }
            }
            None if more > 0 => screen::remark(&format!("… and {more} more; `--errors FILE` lists all")),
            None => {}
        }
        Ok(())
    }
}

fn cannot_write(path: &Path) -> String {
    format!("cannot write `{}`; check the folder and free space", path.display())
}

/// Shown on a terminal only; elsewhere nothing is drawn.
fn progress_bar() -> ProgressBar {
    if !screen::shows_progress() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{bar:40} {percent:>3} %  {msg}  {elapsed} elapsed, {eta} left");
    bar.with_style(style.expect("the template is fixed and has a test"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_progress_bar_has_a_style() {
        assert!(ProgressStyle::with_template("{bar:40} {percent:>3} %  {msg}  {elapsed} elapsed, {eta} left").is_ok());
    }
}
