//! Campaigns and templates from their files, at start and whenever a file changes. A bad file never stops the others.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use notify_debouncer_full::notify::{RecommendedWatcher, RecursiveMode};
use notify_debouncer_full::{DebounceEventResult, Debouncer, RecommendedCache, new_debouncer};
use tokio::sync::Notify;

use crate::config::campaigns::{CampaignContext, CampaignFiles};
use crate::config::flows::{FlowContext, FlowFiles};
use crate::config::schedule;
use crate::config::templates::Templates;
use crate::config::{Config, FileErrors};
use crate::daemon::catalogue::{InForce, Prices, Shelf};
use crate::domain::answering::{Patience, Rules};
use crate::domain::faq::Faq;
use crate::domain::flow::Flow;
use crate::domain::ids::TemplateName;

/// Editors write a file in several steps; after this long without another change it is read.
const SETTLED_AFTER: Duration = Duration::from_millis(200);
/// The template of confirmations.
const CONFIRMATION: &str = "feedback-confirmation";

/// Reads everything; answers what is in order, and what is wrong with the rest.
pub fn read(config: &Config) -> (InForce, Vec<FileErrors>) {
    let (templates, mut wrong) = Templates::load(&config.templates_dir, &config.brand);
    let (campaigns, bad) = CampaignFiles::load(&config.campaigns_dir(), &CampaignContext::new(config, &templates));
    wrong.extend(bad);
    let (flows, bad) = FlowFiles::load(&config.flows_dir(), &FlowContext::new(config));
    wrong.extend(bad);
    let faq = config.load_faq().unwrap_or_else(|bad| {
        wrong.push(bad);
        Faq::default()
    });
    if config.answers.automatic && templates.get(&confirmation()).is_none() {
        tracing::warn!(
            folder = %config.templates_dir.display(),
            "there is no template `{CONFIRMATION}` in order, so nobody is told that what they wrote has arrived; copy the one that ships, or set `[answers] automatic = false`"
        );
    }
    let (standing, bad) = schedule::load(&config.schedule_file());
    wrong.extend(bad);
    let in_force = InForce {
        answering: config.answers.automatic.then(|| Arc::new(answering(config, &templates, flows, faq))),
        campaigns: campaigns.into_iter().map(|campaign| (campaign.name.clone(), Arc::new(campaign))).collect(),
        templates: templates.iter().map(|template| (template.name().clone(), Arc::clone(template))).collect(),
        brand: config.brand.clone(),
        schedule: standing.map(|entries| entries.into_iter().map(Arc::new).collect()),
    };
    (in_force, wrong)
}

fn confirmation() -> TemplateName {
    CONFIRMATION.parse().expect("a name that we wrote")
}

/// Hands out what is in force, with the prices and the time zone that the configuration names.
pub fn shelf(config: &Config, in_force: InForce) -> Shelf {
    let pricing = &config.pricing;
    let prices = Prices { template: pricing.template.micros, text: pricing.text.micros, media: pricing.media.micros };
    Shelf::new(in_force, prices, Arc::clone(&pricing.tariff), config.contacts.default_timezone.to_string())
}

/// The rules by which people are answered, as the files say.
fn answering(config: &Config, templates: &Templates, flows: Vec<Flow>, faq: Faq) -> Rules {
    let answers = &config.answers;
    Rules {
        brand: config.brand.clone(),
        flows: flows.into_iter().map(Arc::new).collect(),
        faq: Arc::new(faq),
        confirmation: templates.get(&confirmation()).cloned(),
        expected_within: answers.expected_within,
        office_hours: answers.office_hours.clone(),
        escalation_words: answers.escalation_words.clone(),
        // Basis points in thousandths.
        escalate_negative: answers.escalate_negative_above.map(|share| i64::from(share.basis_points()) / 10),
        patience: Patience {
            told_again_after: answers.staff_told_again_after,
            handed_back_after: answers.handed_back_after,
            is_person_told: answers.silence_is_told,
        },
        loop_guard: answers.loop_guard,
    }
}

/// Says in the log what is wrong.
pub(super) fn tell(wrong: &[FileErrors]) {
    for errors in wrong {
        tracing::error!(file = %errors.file.display(), problem = %errors, "a file is not in order and is left out; the others are not affected");
    }
}

/// Watches the folders while it lives.
pub(super) struct Watch {
    _debouncer: Debouncer<RecommendedWatcher, RecommendedCache>,
}

impl Watch {
    /// Wakes `changed` after each change below these folders. A folder that cannot be watched is said once; SIGHUP still works.
    pub(super) fn begin(folders: &[&Path], changed: Arc<Notify>) -> Option<Self> {
        let told = move |events: DebounceEventResult| match events {
            Ok(events) if events.iter().all(|event| event.kind.is_access()) => {}
            _ => changed.notify_one(),
        };
        let mut debouncer = match new_debouncer(SETTLED_AFTER, None, told) {
            Ok(debouncer) => debouncer,
            Err(error) => {
                tracing::warn!(error = %error, "files cannot be watched; send SIGHUP after changing one");
                return None;
            }
        };
        for folder in folders {
            if let Err(error) = debouncer.watch(folder, RecursiveMode::Recursive) {
                tracing::warn!(folder = %folder.display(), error = %error, "this folder cannot be watched; send SIGHUP after changing a file in it");
            }
        }
        Some(Self { _debouncer: debouncer })
    }
}
