//! `[answers]`: what barid answers by itself, and when a person must.

use std::path::PathBuf;

use jiff::SignedDuration;
use jiff::civil::Date;

use super::layers::{self, cannot_read};
use super::{Config, FileErrors, problem_of};
use crate::domain::campaign::DayOfWeek;
use crate::domain::document::{Node, Read, Table, one_of};
use crate::domain::faq::Faq;
use crate::domain::keywords::Keywords;
use crate::domain::loop_guard::LoopGuard;
use crate::domain::office_hours::{ExpectedWithin, Hours, OfficeHours};
use crate::domain::schedule::Zone;
use crate::domain::share::Share;

/// The answers that hold when no file is named.
pub(super) const FAQ: &str = include_str!("../../config/faq.toml");

/// What barid answers by itself.
#[derive(Debug, Clone)]
pub struct Answers {
    /// Whether barid answers by itself at all.
    pub automatic: bool,
    /// The file with answers to what people ask often; `None`: those that ship.
    pub faq: Option<PathBuf>,
    /// What a confirmation promises.
    pub expected_within: ExpectedWithin,
    /// When people are there; `None`: always.
    pub office_hours: Option<OfficeHours>,
    /// Words that call a person.
    pub escalation_words: Keywords,
    /// From how sure the reader must be that a text is unhappy for people to be called; `None`: never.
    pub escalate_negative_above: Option<Share>,
    /// How long a conversation that was handed to people may lie before they are told again.
    pub staff_told_again_after: SignedDuration,
    /// After how long without a word of theirs barid answers again.
    pub handed_back_after: SignedDuration,
    /// Whether whoever still waits for people then is told that nobody came.
    pub silence_is_told: bool,
    /// What keeps automatic answers from going round.
    pub loop_guard: LoopGuard,
}

impl Answers {
    /// `zone` is where clocks hang that say nothing else.
    pub(super) fn read(table: &Table<'_>, zone: Option<&Zone>) -> Option<Self> {
        let faq = table.node("faq").map(|node| table.optional("faq").map(|path| layers::located(node, path)));
        let expected_within = table.table("expected_within", |expected| {
            let (open, after_opening) = (expected.required("open"), expected.required("after_opening"));
            Some(ExpectedWithin { open: open?, after_opening: after_opening? })
        });
        let office_hours = table.optional_table("office_hours", |hours| office_hours(hours, zone));
        let escalation_words = Keywords::read(table, "escalation_words");
        let staff_told_again_after = table.required("staff_told_again_after");
        let handed_back_after: Option<SignedDuration> = table.required("handed_back_after");
        if staff_told_again_after >= handed_back_after && handed_back_after.is_some() {
            table.problem(
                "staff_told_again_after",
                "`staff_told_again_after` must be shorter than `handed_back_after`: people would never be told again",
            );
        }
        let silence_is_told = table.required("silence_is_told");
        let loop_guard = table.table("loop_guard", loop_guard);
        let automatic = table.required("automatic");
        Some(Self {
            automatic: automatic?,
            faq: match faq {
                Some(path) => Some(path?),
                None => None,
            },
            expected_within: expected_within?,
            office_hours: match office_hours {
                Some(hours) => Some(hours?),
                None => None,
            },
            escalation_words: escalation_words?,
            escalate_negative_above: match table.node("escalate_negative_above") {
                Some(_) => Some(table.optional("escalate_negative_above")?),
                None => None,
            },
            staff_told_again_after: staff_told_again_after?,
            handed_back_after: handed_back_after?,
            silence_is_told: silence_is_told?,
            loop_guard: loop_guard?,
        })
    }
}

fn loop_guard(table: &Table<'_>) -> Option<LoopGuard> {
    let (same_within, burst) = (table.required("same_within"), table.required("burst"));
    let (answers_max, within) = (table.required("answers_max"), table.required("within"));
    Some(LoopGuard { same_within: same_within?, answers_max: answers_max?, within: within?, burst: burst? })
}

fn office_hours(table: &Table<'_>, zone: Option<&Zone>) -> Option<OfficeHours> {
    let timezone = match table.node("timezone") {
        Some(_) => table.optional("timezone"),
        None => zone.cloned(),
    };
    if table.node("hours").is_none() {
        table.problem_here(
            "`hours` is missing; write `hours = [{ days = [\"SUN\", \"MON\"], from = \"08:00\", to = \"17:00\" }]`",
        );
    }
    let before = table.n_problems();
    let hours = table.tables("hours", |hours| {
        let days: Option<Vec<DayOfWeek>> = hours.required("days");
        if days.as_ref().is_some_and(Vec::is_empty) {
            hours.problem("days", "`days` is empty; name at least one day, such as `\"SUN\"`");
        }
        let (from, to) = (hours.required("from"), hours.required("to"));
        Some(Hours { days: days?, from: from?, to: to? })
    });
    if hours.is_empty() && table.node("hours").is_some() && table.n_problems() == before {
        table.problem(
            "hours",
            "`hours` is empty: nobody would ever be there; leave `office_hours` out for round the clock",
        );
    }
    let holidays: Option<Vec<Date>> = table.or("holidays", vec![]);
    Some(OfficeHours { timezone: timezone?, hours: hours.into_iter().collect::<Option<_>>()?, holidays: holidays? })
}

impl Config {
    /// The answers to what people ask often: those of the file that `[answers] faq` names, or those that ship.
    ///
    /// # Errors
    /// Everything that is wrong with the file.
    pub fn load_faq(&self) -> Result<Faq, FileErrors> {
        let (file, text) = match &self.answers.faq {
            None => (PathBuf::from("config/faq.toml"), Ok(FAQ.to_owned())),
            Some(file) => (file.clone(), std::fs::read_to_string(file)),
        };
        let faq = match text {
            Ok(text) => Faq::parse(&file.display().to_string(), &text, &self.brand),
            Err(error) => Err(vec![problem_of(&file, cannot_read(&error))]),
        };
        faq.map_err(|problems| FileErrors { file, problems })
    }
}

impl Read for DayOfWeek {
    fn read(node: &Node) -> Result<Self, String> {
        one_of(node, Self::ALL, Self::name)
    }
}
