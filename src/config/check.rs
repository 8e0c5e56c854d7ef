//! Everything that is wrong, before anything runs: what `barid check` shows.

use std::fmt;
use std::path::Path;

use super::campaigns::{CampaignContext, CampaignFiles};
use super::environment::Environment;
use super::flows::{FlowContext, FlowFiles};
use super::templates::Templates;
use super::{Config, FileErrors, schedule};
use crate::domain::problem::Problem;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// What is wrong, each with its place.
    pub problems: Vec<Problem>,
    /// What is dangerous or has no effect.
    pub warnings: Vec<String>,
    /// What `serve` still needs.
    pub missing: Vec<String>,
    /// Templates in order.
    pub n_templates: usize,
    /// Campaigns in order.
    pub n_campaigns: usize,
    /// Flows in order.
    pub n_flows: usize,
    /// Entries of the schedule in order.
    pub n_standing_jobs: usize,
}

impl Report {
    /// Whether nothing is wrong. Warnings and what only `serve` needs do not count.
    pub fn is_fine(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Loads configuration, templates, campaigns, flows and answers as `serve` does, and tells everything that is wrong.
pub fn check(path: Option<&Path>, environment: &Environment) -> Report {
    let (config, mut found) = Config::load_as_far_as_possible(path, environment);
    let Some(config) = config else { return Report { problems: found, ..Report::default() } };
    let (templates, template_errors) = Templates::load(&config.templates_dir, &config.brand);
    let (campaigns, campaign_errors) =
        CampaignFiles::load(&config.campaigns_dir(), &CampaignContext::new(&config, &templates));
    let (flows, flow_errors) = FlowFiles::load(&config.flows_dir(), &FlowContext::new(&config));
    let faq_errors = config.load_faq().err().into_iter().collect();
    let (entries, schedule_errors) = schedule::load(&config.schedule_file());
    let schedule_errors = schedule_errors.into_iter().collect();
    let problems = |errors: Vec<FileErrors>| errors.into_iter().flat_map(|error| error.problems);
    found.extend(
        [template_errors, campaign_errors, flow_errors, faq_errors, schedule_errors].into_iter().flat_map(problems),
    );
    Report {
        problems: found,
        warnings: config.warnings(),
        missing: config.missing_for_serving(),
        n_templates: templates.iter().count(),
        n_campaigns: campaigns.len(),
        n_flows: flows.len(),
        n_standing_jobs: entries.map_or(0, |entries| entries.len()),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            writeln!(f, "error: {problem}")?;
        }
        for warning in &self.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        for missing in &self.missing {
            writeln!(f, "needed to serve: {missing}")?;
        }
        match self.problems.len() {
            0 => {
                let Self { n_templates, n_campaigns, n_flows, n_standing_jobs, .. } = self;
                write!(
                    f,
                    "in order: {n_templates} templates, {n_campaigns} campaigns, {n_flows} flows, {n_standing_jobs} standing jobs"
                )
            }
            1 => f.write_str("1 problem"),
            n => write!(f, "{n} problems"),
        }
    }
}
