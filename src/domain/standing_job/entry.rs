//! An entry of the schedule: which job, when, where the clock hangs, with which arguments.

use std::collections::BTreeMap;

use super::{Parameter, StandingJob};
use crate::domain::document::Table;
use crate::domain::ids::JobName;
use crate::domain::problem::listed;
use crate::domain::schedule::{Schedule, Zone};

/// A standing job and when it fires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduledJob {
    /// What the entry is called: the job's own name unless it has one.
    pub name: JobName,
    /// What is done.
    pub job: StandingJob,
    /// How; empty for most.
    pub arguments: BTreeMap<String, String>,
    /// When.
    pub schedule: Schedule,
    /// Where the clock hangs.
    pub timezone: Zone,
}

impl ScheduledJob {
    /// When it fires, in words that differ where the firings do.
    pub fn definition(&self) -> String {
        format!("{} {}", self.schedule, self.timezone)
    }
}

/// Reads the document of a schedule: the entries in order. What is wrong is noted, and does not stop the others.
pub fn read_schedule(table: &Table<'_>) -> Vec<ScheduledJob> {
    let everywhere = table.optional::<Zone>("timezone");
    let found = table.tables("jobs", |table| Some((entry(table, everywhere.as_ref())?, table.place().clone())));
    let mut entries: Vec<ScheduledJob> = Vec::new();
    for (entry, place) in found.into_iter().flatten() {
        if entries.iter().any(|other| other.name == entry.name) {
            let name = &entry.name;
            let message =
                format!("the name `{name}` is taken by an entry before this one; give this one a `name` of its own");
            table.note(place.problem(message));
        } else {
            entries.push(entry);
        }
    }
    entries
}

fn entry(table: &Table<'_>, everywhere: Option<&Zone>) -> Option<ScheduledJob> {
    let job: Option<StandingJob> = table.required("job");
    let name: Option<JobName> = table.optional("name");
    let is_named = table.node("name").is_some();
    let schedule: Option<Schedule> = table.required("schedule");
    let timezone = match (table.node("timezone"), everywhere) {
        (None, Some(zone)) => Some(zone.clone()),
        (None, None) => {
            table.problem_here(
                "`timezone` is missing; set it here or at the top of the file, as in `timezone = \"Asia/Riyadh\"`",
            );
            None
        }
        (Some(_), _) => table.optional("timezone"),
    };
    let Some(job) = job else {
        // Which arguments an unknown job would take is not known either.
        table.allow_everything();
        return None;
    };
    let arguments = arguments(table, job.parameters());
    let name = if is_named { name? } else { job.name().parse().ok()? };
    Some(ScheduledJob { name, job, arguments: arguments?, schedule: schedule?, timezone: timezone? })
}

/// The arguments, each with its word; `None` where one is wrong, which has been noted.
fn arguments(table: &Table<'_>, parameters: &[Parameter]) -> Option<BTreeMap<String, String>> {
    let mut arguments = Some(BTreeMap::new());
    for Parameter { key, words } in parameters {
        let Some(word) = table.or(key, words.first().copied().unwrap_or_default().to_owned()) else {
            arguments = None;
            continue;
        };
        if !words.contains(&word.as_str()) {
            table.problem(key, format!("`{key}` is `{word}`, but must be one of {}", listed(words.iter().copied())));
            arguments = None;
        } else if let Some(arguments) = &mut arguments {
            arguments.insert((*key).to_owned(), word);
        }
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::document::Node;

    fn read(text: &str) -> (Vec<ScheduledJob>, Vec<String>) {
        let node = Node::parse("schedule.toml", text).unwrap();
        let (entries, problems, _) = Table::read_document(&node, read_schedule);
        (entries, problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn an_entry_is_called_as_its_job_unless_it_has_a_name() {
        let (entries, problems) = read(
            "timezone = \"Asia/Riyadh\"\n[[jobs]]\njob = \"tidy\"\nschedule = \"30 3 * * *\"\n[[jobs]]\nname = \"tidy-at-noon\"\n\
             job = \"tidy\"\nschedule = \"0 12 * * *\"\ntimezone = \"Africa/Cairo\"",
        );
        assert_eq!(problems, Vec::<String>::new());
        let told: Vec<_> = entries.iter().map(|entry| (entry.name.as_str(), entry.definition())).collect();
        assert_eq!(
            told,
            [("tidy", "30 3 * * * Asia/Riyadh".to_owned()), ("tidy-at-noon", "0 12 * * * Africa/Cairo".to_owned())]
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_the_others_stay() {
        let (entries, problems) = read(
            "[[jobs]]\njob = \"tidy\"\nschedule = \"30 3 * * *\"\ntimezone = \"UTC\"\n[[jobs]]\njob = \"dust-off\"\n\
             schedule = \"0 7 * * *\"\ntimezone = \"UTC\"\nperiod = \"day\"\n[[jobs]]\njob = \"tidi\"\nschedule = \"0 7 * *\"\n\
             [[jobs]]\njob = \"tidy\"\nschedule = \"0 4 * * *\"\ntimezone = \"UTC\"\nperiod = \"day\"\n[[jobs]]\njob = \"tidy\"\n\
             schedule = \"0 5 * * *\"\ntimezone = \"UTC\"",
        );
        assert_eq!(entries.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>(), ["tidy"]);
        insta::assert_snapshot!(problems.join("\n"), @r#"
        schedule.toml:6: `job` is `dust-off`, which is no standing job; there are `verify-token`, `sync-limits`, `sync-templates`, `tidy`, `report-costs`, `review-metrics`, `watch-callbacks`
        schedule.toml:11: `job` is `tidi`, which is no standing job; did you mean `tidy`?
        schedule.toml:12: `schedule` is wrong: `0 7 * *` is not a schedule: invalid pattern: pattern must have 5 fields when seconds are disallowed; write five fields (minute, hour, day, month, day of week) as in `0 9 * * SUN`
        schedule.toml:10: `timezone` is missing; set it here or at the top of the file, as in `timezone = "Asia/Riyadh"`
        schedule.toml:17: unknown key `period` in `[jobs]`; there are `job`, `name`, `schedule`, `timezone`
        schedule.toml:13: the name `tidy` is taken by an entry before this one; give this one a `name` of its own
        schedule.toml:18: the name `tidy` is taken by an entry before this one; give this one a `name` of its own
        "#);
    }

    #[test]
    fn an_argument_is_one_of_its_words_and_the_first_without_any() {
        const PERIOD: Parameter = Parameter { key: "period", words: &["day", "month"] };
        for (text, wanted) in [("", Some("day")), ("period = \"month\"", Some("month")), ("period = \"week\"", None)] {
            let node = Node::parse("schedule.toml", text).unwrap();
            let (found, problems, _) = Table::read_document(&node, |table| arguments(table, &[PERIOD]));
            assert_eq!(found.and_then(|found| found.get("period").cloned()).as_deref(), wanted, "{text}");
            assert_eq!(problems.is_empty(), wanted.is_some(), "{problems:?}");
        }
    }
}
