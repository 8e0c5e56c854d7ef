//! `barid report`: what messages cost, and a month beside the one before it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use serde::Serialize;

use crate::cli::csv_out::file_or_standard_output;
use crate::cli::exit::{Ended, Exit, Failure, OrExit as _};
use crate::cli::installation::Installation;
use crate::cli::screen;
use crate::daemon::{meta, reports};
use crate::domain::cost_report::{CostReport, Period, ShownReport, Sum, WantedDays, to_csv, to_html};
use crate::domain::language::Language;
use crate::domain::report;
use crate::domain::review::{self, Month, ShownReview};
use crate::jobs::{report_costs, review_metrics};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Report {
    Costs(Costs),
    Review(Review),
}

/// What messages cost: by day, campaign, channel, country, category and language, with the channels beside each other and what would have
/// been cheaper
#[derive(Debug, clap::Args)]
pub(super) struct Costs {
    /// The last whole day, month or quarter; without it or --from, the last month
    #[arg(long, value_name = "PERIOD", value_parser = ["day", "month", "quarter"])]
    period: Option<String>,
    /// From this day on, such as 2026-11-01
    #[arg(long, value_name = "DAY")]
    from: Option<Date>,
    /// Up to this day; without it, today
    #[arg(long, value_name = "DAY")]
    to: Option<Date>,
    /// In which form
    #[arg(long, value_name = "FORM", value_parser = ["table", "csv", "json", "html"], default_value = "table")]
    format: String,
    /// The same as --format json
    #[arg(long)]
    json: bool,
    /// The language of a page
    #[arg(long, value_name = "LANGUAGE", value_parser = ["ar", "en"], default_value = "en")]
    language: String,
    /// Where to; without it, standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Keep it in `state_dir/reports` in all forms and both languages, too
    #[arg(long)]
    keep: bool,
    /// Do not ask Meta for its analytics
    #[arg(long)]
    without_meta: bool,
}

/// A month beside the one before it: delivery, reading and answers, how long messages took, what Meta says of our numbers and accounts, and
/// what changed
#[derive(Debug, clap::Args)]
pub(super) struct Review {
    /// Which month, such as 2026-11; without it, the last whole one
    #[arg(long, value_name = "MONTH")]
    month: Option<Month>,
    /// In which form
    #[arg(long, value_name = "FORM", value_parser = ["text", "csv", "json", "html"], default_value = "text")]
    format: String,
    /// The same as --format json
    #[arg(long)]
    json: bool,
    /// The language of a text or page
    #[arg(long, value_name = "LANGUAGE", value_parser = ["ar", "en"], default_value = "en")]
    language: String,
    /// Where to; without it, standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Keep it in `state_dir/reports` in all forms and both languages, too
    #[arg(long)]
    keep: bool,
}

pub(super) async fn run(command: &Report, installation: &Installation) -> Ended {
    match command {
        Report::Costs(arguments) => costs(arguments, installation).await,
        Report::Review(arguments) => review(arguments, installation).await,
    }
}

async fn costs(arguments: &Costs, installation: &Installation) -> Ended {
    let period = arguments.period.as_deref().and_then(Period::named);
    let wanted = WantedDays::new(period, arguments.from, arguments.to);
    let wanted = wanted.map_err(|wrong| Failure::because(Exit::Usage, wrong))?;
    let store = installation.store().await?;
    let config = &installation.config;
    let (tariff, now) = (&config.pricing.tariff, installation.clock().now());
    let days = wanted.days(tariff.day(now));
    let accounts: BTreeSet<String> =
        config.senders.iter().filter_map(|sender| sender.business_account_id.clone()).collect();
    let of_meta = match (arguments.without_meta, meta(config)) {
        (true, _) | (_, None) => None,
        (false, Some(Err(error))) => Some(Err(error.to_string())),
        (false, Some(Ok(meta))) => report_costs::from_meta(&meta, &accounts, tariff, days).await,
    };
    let report = report_costs::from_record(&store, tariff, days, of_meta, now).await.or_exit(Exit::Unavailable)?;
    if arguments.keep {
        keep(installation, &report)?;
    }
    let language = language(&arguments.language);
    let text = match arguments.format.as_str() {
        _ if arguments.json => json(&ShownReport::new(&report, true))?,
        "json" => json(&ShownReport::new(&report, true))?,
        "csv" => to_csv(&report),
        "html" => to_html(&report, language),
        _ => return table(&report),
    };
    write(arguments.out.as_deref(), &text)
}

async fn review(arguments: &Review, installation: &Installation) -> Ended {
    let store = installation.store().await?;
    let (tariff, now) = (&installation.config.pricing.tariff, installation.clock().now());
    let review = review_metrics::from_record(&store, tariff, arguments.month, now).await.or_exit(Exit::Unavailable)?;
    if arguments.keep {
        keep(installation, &review)?;
    }
    let language = language(&arguments.language);
    let text = match arguments.format.as_str() {
        _ if arguments.json => json(&ShownReview::new(&review))?,
        "json" => json(&ShownReview::new(&review))?,
        "csv" => review::to_csv(&review),
        "html" => review::to_html(&review, language),
        _ => review::to_text(&review, language),
    };
    write(arguments.out.as_deref(), &text)
}

fn language(code: &str) -> Language {
    if code == "ar" { Language::Ar } else { Language::En }
}

fn keep(installation: &Installation, report: &dyn report::Report) -> Ended {
    let kept = reports::Folder::inside(&installation.config.state_dir).write(&report.files()).or_exit(Exit::Io)?;
    kept.iter().for_each(|path| screen::remark(&format!("kept as {}", path.display())));
    Ok(())
}

fn write(to: Option<&Path>, text: &str) -> Ended {
    let mut out = file_or_standard_output(to)?;
    screen::written(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

fn json(report: &impl Serialize) -> Ended<String> {
    let mut text = serde_json::to_string_pretty(report).or_exit(Exit::Software)?;
    text.push('\n');
    Ok(text)
}

/// The sums for a terminal.
fn table(report: &CostReport) -> Ended {
    let money = |micros: i64| report.money(micros).to_decimal();
    let row = |what: &str, name: &str, sum: &Sum| {
        let name = if name.is_empty() { "none" } else { name };
        let numbers = [sum.paid.to_string(), sum.free.to_string(), money(sum.micros), money(sum.estimated_micros)];
        let [paid, free, cost, estimated] = numbers;
        [what.to_owned(), name.to_owned(), paid, free, cost, estimated]
    };
    let mut rows = vec![row("total", &report.days.to_string(), &report.total)];
    rows.push(row("before", &report.days_before.to_string(), &report.before));
    let parts = [
        ("campaign", &report.by_campaign),
        ("channel", &report.by_channel),
        ("country", &report.by_country),
        ("category", &report.by_category),
        ("language", &report.by_language),
    ];
    for (what, sums) in parts {
        rows.extend(sums.iter().map(|(name, sum)| row(what, name, sum)));
    }
    rows.extend(report.by_day.iter().filter(|(_, sum)| sum.n() != 0).map(|(day, sum)| row("day", day, sum)));
    let cost = format!("cost ({})", report.currency);
    screen::table(["by", "", "charged", "free", &cost, "estimated"], rows)?;
    let channels = ShownReport::new(report, false);
    for line in channels.lines() {
        screen::say(&line)?;
    }
    Ok(())
}
