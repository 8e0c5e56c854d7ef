//! What callers ask of the writers, and what they get back.

use std::ops::Range;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::oneshot;

use super::alerts::AlertWrite;
use super::erasures::Step;
use super::job_runs::JobWrite;
use super::news::Dated;
use super::readings::Reading;
use super::report_mails::ReportMailWrite;
use super::templates::TemplateWrite;
use super::tidy::Old;
use crate::domain::alert::Alert;
use crate::domain::consent::{ConsentChange, Purposes};
use crate::domain::contact::{Contact, ContactUpdate};
use crate::domain::delivery::{Effect, Fact, HeldReason, SuppressedReason};
use crate::domain::erasure::Erasure;
use crate::domain::hook::delivery::GaveUp;
use crate::domain::ids::{
    CampaignName, ContactId, FeedbackId, HookDeliveryId, HookName, JournalId, MessageId, RunId, SenderName,
};
use crate::domain::language::Language;
use crate::domain::limit::Tier;
use crate::domain::news::Source;
use crate::domain::rollout::StageStanding;
use crate::domain::run::{Run, RunCommand};
use crate::domain::standing_job::JobRun;
use crate::domain::start::StartAnswer;
use crate::domain::suspension::{LetThrough, NewSuspension, ReleasedBy, Suspension};
use crate::ports::{
    Applied, Created, DeadLetterFilter, HookAttempt, HookFilter, HookRecorded, LimitFacts, MediaBecame, MediaRecorded,
    OpenedRun, PlannedMessage, ReplayTerms, Replayed, ReportMailBegun, RunTerms, Said, SingleMessage, Start, Stored,
};

/// A page of a run's audience, or a part of one.
#[derive(Debug, Clone)]
pub(super) struct PlanPart {
    pub(super) run: RunId,
    pub(super) terms: RunTerms,
    pub(super) people: Vec<PlannedMessage>,
    /// Where the page ends, with its last part.
    pub(super) cursor: Option<String>,
    /// Whether the audience ends with it.
    pub(super) whole: bool,
    pub(super) now: Timestamp,
}

/// One thing to write. It may be tried more than once.
#[derive(Debug)]
pub(super) enum Request {
    Start(Box<Start>),
    Hold {
        id: MessageId,
        attempts_before: u16,
        reason: HeldReason,
        until: Timestamp,
        now: Timestamp,
    },
    Learn {
        id: MessageId,
        attempt: u16,
        fact: Fact,
        now: Timestamp,
    },
    Suppress {
        id: MessageId,
        reason: SuppressedReason,
        detail: String,
        now: Timestamp,
    },
    /// The news of a row of the journal.
    Apply {
        row: JournalId,
        news: Dated,
    },
    /// A callback's body whose news are applied in the transaction that keeps it.
    AppendAndApply {
        source: Source,
        body: Bytes,
        news: Dated,
    },
    ChangeConsent {
        id: ContactId,
        change: ConsentChange,
        now: Timestamp,
    },
    Append {
        source: Source,
        body: Bytes,
        received_at: Timestamp,
    },
    Create {
        message: Box<SingleMessage>,
        now: Timestamp,
    },
    /// What a reader made of feedback.
    NoteReadings {
        readings: Vec<Reading>,
        now: Timestamp,
    },
    /// Forgets a person.
    Erase {
        contact: ContactId,
        by: String,
        now: Timestamp,
    },
    /// Takes a person who was forgotten out of some kept callbacks.
    EraseFurther(Box<Step>),
    /// What is said in a talk.
    Say {
        said: Box<Said>,
        now: Timestamp,
    },
    OpenLink {
        token: String,
        now: Timestamp,
    },
    SetAside {
        row: JournalId,
        because: String,
        now: Timestamp,
    },
    /// Rows of the journal that are to be applied again.
    Reopen {
        rows: Vec<JournalId>,
    },
    /// `language`: of whoever is new and has none. `brings_back`: who was forgotten, too.
    Upsert {
        updates: Vec<ContactUpdate>,
        language: Language,
        brings_back: bool,
        now: Timestamp,
    },
    Plan(PlanPart),
    Open {
        campaign: CampaignName,
        due_at: Timestamp,
        definition: String,
        now: Timestamp,
    },
    Command {
        run: RunId,
        command: RunCommand,
    },
    Cancel {
        run: RunId,
        now: Timestamp,
    },
    OpenStage {
        run: RunId,
        before: Option<StageStanding>,
        stage: usize,
        lots: Range<i64>,
        now: Timestamp,
    },
    NoteStage {
        run: RunId,
        before: StageStanding,
        after: StageStanding,
    },
    OpenReminder {
        of: RunId,
        number: u32,
        due_at: Timestamp,
        definition: String,
        now: Timestamp,
    },
    EndReminders {
        of: RunId,
    },
    Replay {
        filter: Box<DeadLetterFilter>,
        terms: ReplayTerms,
        after: Option<MessageId>,
        now: Timestamp,
    },
    Feed {
        run: RunId,
        limit: u64,
    },
    Finish {
        run: RunId,
        now: Timestamp,
    },
    Suspend {
        wanted: Box<NewSuspension>,
        now: Timestamp,
    },
    Release {
        id: i64,
        by: ReleasedBy,
        now: Timestamp,
    },
    /// Notes the end of suspensions whose time is over.
    EndSuspensions {
        now: Timestamp,
    },
    /// Makes due what suspensions held, after this message.
    Wake {
        after: i64,
        now: Timestamp,
    },
    TakeProbe {
        id: i64,
        planned: Timestamp,
        next: Timestamp,
    },
    LetThrough {
        message: MessageId,
        became: LetThrough,
        now: Timestamp,
    },
    NoteTier {
        portfolio: String,
        tier: Tier,
    },
    LimitFacts {
        portfolio: String,
        senders: Vec<SenderName>,
        tier: Option<u32>,
        now: Timestamp,
    },
    /// What a call of an endpoint brought.
    RecordHook(Box<HookAttempt>),
    TestHook {
        hook: HookName,
        now: Timestamp,
    },
    ReplayHooks {
        filter: Box<HookFilter>,
        after: Option<HookDeliveryId>,
        now: Timestamp,
    },
    /// Gives up what waits for this endpoint since `before` or longer.
    GiveUpHooks {
        hook: HookName,
        before: Timestamp,
        because: GaveUp,
        now: Timestamp,
    },
    TidyHooks {
        before: Timestamp,
    },
    /// Removes what is older than it is to be.
    Tidy(Box<Old>),
    /// The message by which a person is asked whether they agree.
    AskConsent {
        purposes: Purposes,
        message: Box<SingleMessage>,
        now: Timestamp,
    },
    EndConsentRequests {
        contact: ContactId,
        purposes: Purposes,
    },
    EndConsentRequestsOver {
        now: Timestamp,
    },
    /// What became of a file.
    RecordMedia {
        id: FeedbackId,
        tries_before: u16,
        became: Box<MediaBecame>,
    },
    /// Files that are removed.
    RemovedMedia {
        ids: Vec<FeedbackId>,
    },
    /// About alerts.
    Alert(Box<AlertWrite>),
    /// About runs of standing jobs.
    Job(Box<JobWrite>),
    /// About mails of reports.
    ReportMail(Box<ReportMailWrite>),
    /// About approved templates.
    Template(Box<TemplateWrite>),
    /// Forgets all files of a person.
    ForgetMedia {
        contact: ContactId,
        now: Timestamp,
    },
}

/// With which others a request shares its statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// About messages, one by one.
    Ledger,
    /// A callback's body.
    Append,
    /// A message without a run.
    Create,
    /// Small, by itself.
    Control,
    /// Hundreds of rows, by itself.
    Bulk,
}

impl Request {
    pub(super) const fn kind(&self) -> Kind {
        match self {
            Self::Start(_)
            | Self::Hold { .. }
            | Self::Learn { .. }
            | Self::Suppress { .. }
            | Self::Apply { .. }
            | Self::AppendAndApply { .. }
            | Self::ChangeConsent { .. } => Kind::Ledger,
            Self::Append { .. } => Kind::Append,
            Self::Create { .. } => Kind::Create,
            Self::SetAside { .. }
            | Self::OpenLink { .. }
            | Self::Say { .. }
            | Self::NoteReadings { .. }
            | Self::Open { .. }
            | Self::Command { .. }
            | Self::Feed { .. }
            | Self::Finish { .. }
            | Self::NoteStage { .. }
            | Self::OpenReminder { .. }
            | Self::EndReminders { .. }
            | Self::Suspend { .. }
            | Self::Release { .. }
            | Self::EndSuspensions { .. }
            | Self::TakeProbe { .. }
            | Self::LetThrough { .. }
            | Self::RecordHook(_)
            | Self::TestHook { .. }
            | Self::AskConsent { .. }
            | Self::EndConsentRequests { .. }
            | Self::RecordMedia { .. }
            | Self::ForgetMedia { .. }
            | Self::Alert(_)
            | Self::Job(_)
            | Self::ReportMail(_)
            | Self::Template(_) => Kind::Control,
            Self::Upsert { .. }
            | Self::Erase { .. }
            | Self::EraseFurther(_)
            | Self::Reopen { .. }
            | Self::Plan(_)
            | Self::Cancel { .. }
            | Self::OpenStage { .. }
            | Self::Replay { .. }
            | Self::Wake { .. }
            | Self::LimitFacts { .. }
            | Self::NoteTier { .. }
            | Self::ReplayHooks { .. }
            | Self::GiveUpHooks { .. }
            | Self::TidyHooks { .. }
            | Self::Tidy(_)
            | Self::EndConsentRequestsOver { .. }
            | Self::RemovedMedia { .. } => Kind::Bulk,
        }
    }

    /// About how many rows it takes.
    pub(super) fn rows(&self) -> usize {
        match self {
            Self::Apply { news, .. } | Self::AppendAndApply { news, .. } => news.rows(),
            _ => 1,
        }
    }

    /// How many bytes it brings that are worth counting.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Append { body, .. } | Self::AppendAndApply { body, .. } => body.len(),
            _ => 0,
        }
    }

    /// The body that it keeps: who brought it, and when.
    pub(super) const fn body(&self) -> Option<(Source, &Bytes, Timestamp)> {
        match self {
            Self::Append { source, body, received_at } => Some((*source, body, *received_at)),
            Self::AppendAndApply { source, body, news } => Some((*source, body, news.now)),
            _ => None,
        }
    }

    /// The message, journal row or contact whose requests should meet in one writer.
    pub(super) fn key(&self) -> Option<i64> {
        match self {
            Self::Start(start) => Some(start.id.number()),
            Self::Hold { id, .. } | Self::Learn { id, .. } | Self::Suppress { id, .. } => Some(id.number()),
            Self::Apply { row, .. } => Some(row.number()),
            Self::ChangeConsent { id, .. } => Some(id.number()),
            _ => None,
        }
    }
}

/// What a request did.
#[derive(Debug)]
pub(super) enum Outcome {
    Started(StartAnswer),
    Learnt(Effect),
    Done,
    Applied(Applied),
    Appended(JournalId),
    AppendedAndApplied(JournalId, Applied),
    Created(Created),
    Link(Option<(String, MessageId)>),
    Said(Option<Vec<MessageId>>),
    Asked(Option<MessageId>),
    Contacts(Vec<(Contact, bool)>),
    Erased(Option<Erasure>),
    /// How many rows it was about.
    Count(u64),
    Opened(OpenedRun),
    Run(Run),
    NewRun(Option<Run>),
    Replayed(Replayed),
    Rows(Vec<JournalId>),
    Fed(Vec<(MessageId, u16)>),
    Ended(bool),
    Suspended(Box<Suspension>, bool),
    Released(Vec<Suspension>),
    /// The last row that it was about, if there was one.
    Last(Option<i64>),
    LimitFacts(Box<LimitFacts>),
    HookRecorded(Option<Box<HookRecorded>>),
    /// How many, and where the next step begins.
    ReplayedHooks(u64, Option<HookDeliveryId>),
    MediaRecorded(MediaRecorded),
    /// An alert, and whether it is new.
    Alert(Option<Box<Alert>>, bool),
    /// A run of a standing job, and whether it is new.
    JobRun(Option<Box<JobRun>>, bool),
    ReportMail(ReportMailBegun),
}

/// A request and whoever waits for it.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) request: Request,
    pub(super) answer: oneshot::Sender<Stored<Outcome>>,
}
