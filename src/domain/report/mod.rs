//! What every report is to whoever keeps and mails it: a name, files, a letter.
//!
//! | module | owns |
//! |---|---|
//! | `markup` | what is put into pages and texts so that it reads in both directions |

mod markup;

use jiff::civil::Date;

pub(in crate::domain) use self::markup::{ISOLATE, RIGHT_TO_LEFT, escaped, percent};
use crate::domain::cost_report::CostReport;
use crate::domain::language::Language;
use crate::domain::review::Month;

/// A report that can be kept and mailed.
pub trait Report: Send + Sync {
    /// What it is called: the same whenever a report on the same days is made. No two kinds have the same name.
    fn name(&self) -> String;
    /// All its forms as files; their names are its own with an ending.
    fn files(&self) -> Vec<ReportFile>;
    /// As a mail in these languages, in this order.
    fn letter(&self, languages: &[Language]) -> ReportLetter;
}

/// A form of a report as a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportFile {
    /// What it is called: the report's name and an ending.
    pub name: String,
    /// What it says.
    pub text: String,
}

impl ReportFile {
    /// The last day of the report that a file of this name holds; `None`: it is none of ours.
    pub fn last_day(name: &str) -> Option<Date> {
        let report = name.split_once('.')?.0;
        let of_costs = CostReport::days_of(report).map(|days| days.to);
        of_costs.or_else(|| Month::of_review(report).map(|month| month.days().to))
    }
}

/// A report as a mail says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportLetter {
    /// One line, in the first language.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// The same as a page.
    pub page: String,
    /// The whole pages, one for each language.
    pub files: Vec<ReportFile>,
}
