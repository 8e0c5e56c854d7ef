//! Stand-ins for store and queue, for tests of what stands before them: they keep what they are given and fail when told to.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use barid::domain::alert::Alert;
use barid::domain::analysis::Analysis;
use barid::domain::answering::Rules;
use barid::domain::byte_size::ByteSize;
use barid::domain::callback_watch::CalledLately;
use barid::domain::campaign::{Campaign, CampaignValues};
use barid::domain::channel::Channel;
use barid::domain::consent::{ConsentChange, Purposes};
use barid::domain::contact::{Contact, ContactUpdate};
use barid::domain::cost_report::{Answered, CallDay, CostDay, MetaCost};
use barid::domain::delivery::{Effect, Fact, HeldReason, SuppressedReason};
use barid::domain::erasure::Erasure;
use barid::domain::feedback::Feedback;
use barid::domain::flow::{FlowCounts, FlowResult};
use barid::domain::hook::delivery::{DeliveryState, GaveUp, HookAnswer, HookHealth, Next};
use barid::domain::ids::TemplateName;
use barid::domain::ids::{CampaignName, ContactId, HookDeliveryId, HookName, JournalId, MessageId, RunId, SenderName};
use barid::domain::ids::{ErasureId, FeedbackId};
use barid::domain::language::Language;
use barid::domain::limit::{Limit, Tier};
use barid::domain::live_check::{AccountFacts, NumberFacts, TemplateFacts, TokenFacts};
use barid::domain::media::{MediaKey, MediaRules, MediaTrouble};
use barid::domain::message::{Content, Envelope, Rendered};
use barid::domain::news::Source;
use barid::domain::pricing::{PriceCategory, Tariff};
use barid::domain::retention::{KeepFor, Retained, Retention};
use barid::domain::review::{CampaignAnswers, MessageSteps};
use barid::domain::rollout::StageStanding;
use barid::domain::run::{Run, RunCommand};
use barid::domain::service_window::ServiceWindow;
use barid::domain::standing_job::{JobRun, ScheduledJob};
use barid::domain::start::StartAnswer;
use barid::domain::suspension::{KeptSuspension, LetThrough, NewSuspension, ReleasedBy, Suspension};
use barid::domain::template::{MessageTemplate, SampleFile};
use barid::domain::template_approval::Submission;
use barid::fallback::twilio_callbacks::{InboundReader, StatusReader};
use barid::ports::{
    Answer, Applied, Ask, AudienceFileError, AudienceFiles, AudiencePage, BudgetUsed, CallbackSamples, CannotRender,
    Catalogue, Clicks, Clock, ConsentRequests, Contacts, Conversations, Costs, Created, DeadLetter, DeadLetterFilter,
    DeadLetters, Erasures, Exchange, FlowResults, FoundMedia, HandedIn, HistoryEntry, Hook, HookAttempt, HookCall,
    HookDelivery, HookFilter, HookRecorded, Hooks, Journal, JournalFilter, JournalRow, Kept, KeptMedia, KeptNews,
    KeptResult, LimitFacts, LimitFactsOf, Limits, LimitsUnavailable, ListedCharge, ListedDelivery, ListedMessage,
    ListedTalk, LoadedMessage, Management, MediaBecame, MediaPieces, MediaPorts, MediaRecord, MediaRecorded,
    MediaSource, MediaStore, MediaStored, MediaToFetch, MessageFilter, MessageTimes, Messages, NewMedia, NewsReader,
    OpenedRun, Outbox, Page, Permit, PlannedMessage, Queue, QueueUnavailable, Readings, Reminders, ReplayTerms,
    Replayed, ResultFilter, RowNews, RunCount, RunTerms, Runs, Said, SenderLimits, SendingRules, Services,
    SingleMessage, SlowDown, Stages, Start, Store, StoreError, Stored, Suspensions, Talk, TalkFilter, TalkId, Tally,
    Tidied, Tidying, Tokens, Unasked, Verdict, Wanted, WhatsApp,
};
use bytes::Bytes;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;

/// A moment that does not pass.
pub(crate) struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        "2026-11-22T12:00:00Z".parse().unwrap()
    }
}

/// Keeps bodies; shows what it was filled with.
#[derive(Default)]
pub(crate) struct FakeStore {
    pub(crate) bodies: Mutex<Vec<Bytes>>,
    pub(crate) contacts: Vec<Contact>,
    pub(crate) messages: Vec<ListedMessage>,
    pub(crate) history: Vec<HistoryEntry>,
    pub(crate) feedback: Vec<Feedback>,
    pub(crate) run: Option<Run>,
    pub(crate) dead_letters: Vec<DeadLetter>,
    pub(crate) journal_rows: Vec<JournalRow>,
    pub(crate) suspensions: Vec<Suspension>,
    pub(crate) deliveries: Vec<ListedDelivery>,
    pub(crate) job_runs: Vec<JobRun>,
    pub(crate) alerts: Vec<Alert>,
    pub(crate) is_down: AtomicBool,
}

impl FakeStore {
    pub(crate) fn fail(&self) {
        self.is_down.store(true, Ordering::SeqCst);
    }

    fn up(&self) -> Stored<()> {
        if self.is_down.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("the disk is full".into()));
        }
        Ok(())
    }
}

pub(crate) fn page<T: Clone>(all: &[T], key: impl Fn(&T) -> i64, limit: u64) -> Page<T> {
    let items: Vec<T> = all.iter().take(usize::try_from(limit).unwrap()).cloned().collect();
    let next = (items.len() < all.len()).then(|| key(items.last().unwrap()));
    Page { items, next }
}

pub(crate) fn not_asked<T>() -> Stored<T> {
    Err(StoreError::Inconsistent { place: "a fake that is not asked for this".to_owned() })
}

#[async_trait]
impl Contacts for FakeStore {
    async fn upsert(&self, _: Vec<ContactUpdate>, _: Timestamp) -> Stored<Vec<(Contact, bool)>> {
        not_asked()
    }
    async fn upsert_audience(&self, _: Vec<ContactUpdate>, _: Timestamp) -> Stored<Vec<(Contact, bool)>> {
        not_asked()
    }
    async fn by_phone(&self, phone: &str) -> Stored<Option<Contact>> {
        self.up()?;
        Ok(self.contacts.iter().find(|contact| contact.phone.as_ref().is_some_and(|it| it.e164() == phone)).cloned())
    }
    async fn contact(&self, _: ContactId) -> Stored<Option<Contact>> {
        not_asked()
    }
    async fn page(&self, after: Option<ContactId>, limit: u64) -> Stored<Page<Contact>> {
        self.up()?;
        let rest: Vec<Contact> =
            self.contacts.iter().filter(|contact| after.is_none_or(|after| contact.id > after)).cloned().collect();
        Ok(page(&rest, |contact| contact.id.number(), limit))
    }
    async fn consent_history(&self, _: ContactId) -> Stored<Vec<ConsentChange>> {
        not_asked()
    }
    async fn change_consent(&self, _: ContactId, _: ConsentChange, _: Timestamp) -> Stored<u64> {
        not_asked()
    }
}

#[async_trait]
impl Runs for FakeStore {
    async fn open(&self, _: &CampaignName, _: Timestamp, _: &str, _: Timestamp) -> Stored<OpenedRun> {
        not_asked()
    }
    async fn run(&self, _: RunId) -> Stored<Option<Run>> {
        Ok(self.run.clone())
    }
    async fn active(&self) -> Stored<Vec<Run>> {
        not_asked()
    }
    async fn newest(&self, _: &CampaignName) -> Stored<Option<Run>> {
        not_asked()
    }
    async fn plan(
        &self,
        _: RunId,
        _: &RunTerms,
        _: Vec<PlannedMessage>,
        _: &str,
        _: bool,
        _: Timestamp,
    ) -> Stored<u64> {
        not_asked()
    }
    async fn command(&self, _: RunId, _: RunCommand, _: Timestamp) -> Stored<Run> {
        not_asked()
    }
    async fn feed(&self, _: RunId, _: u64) -> Stored<Vec<(MessageId, u16)>> {
        not_asked()
    }
    async fn fed_and_waiting(&self, _: RunId, _: Option<MessageId>, _: u64) -> Stored<Vec<(MessageId, u16)>> {
        not_asked()
    }
    async fn queued(&self, _: RunId) -> Stored<u64> {
        Ok(0)
    }
    async fn queued_from(&self, _: RunId, _: Option<MessageId>) -> Stored<(u64, Option<MessageId>)> {
        not_asked()
    }

    async fn finish_if_done(&self, _: RunId, _: Timestamp) -> Stored<bool> {
        not_asked()
    }
    async fn counts(&self, _: RunId) -> Stored<Vec<RunCount>> {
        not_asked()
    }
    async fn cost_micros(&self, _: RunId) -> Stored<i64> {
        not_asked()
    }
}

#[async_trait]
impl Messages for FakeStore {
    async fn load(&self, id: MessageId) -> Stored<Option<LoadedMessage>> {
        self.up()?;
        Ok(self.messages.iter().find(|listed| listed.message.id == id).map(|listed| listed.message.clone()))
    }
    async fn start(&self, _: Start) -> Stored<StartAnswer> {
        not_asked()
    }
    async fn hold(&self, _: MessageId, _: u16, _: HeldReason, _: Timestamp, _: Timestamp) -> Stored<bool> {
        not_asked()
    }
    async fn slowest_callback(&self, _: Channel, _: &SenderName, _: Timestamp) -> Stored<Option<SignedDuration>> {
        not_asked()
    }
    async fn learn(&self, _: MessageId, _: u16, _: Fact, _: Timestamp) -> Stored<Effect> {
        not_asked()
    }
    async fn suppress(&self, _: MessageId, _: SuppressedReason, _: &str, _: Timestamp) -> Stored<()> {
        not_asked()
    }
    async fn contacted_since(&self, _: &[ContactId], _: Timestamp) -> Stored<HashSet<ContactId>> {
        not_asked()
    }
    async fn create(&self, _: SingleMessage, _: Timestamp) -> Stored<Created> {
        not_asked()
    }
    async fn created_as(&self, _: &str, _: Timestamp) -> Stored<Option<(MessageId, String)>> {
        not_asked()
    }
    async fn window(&self, _: ContactId, _: &SenderName) -> Stored<ServiceWindow> {
        not_asked()
    }
    async fn open_link(&self, _: &str, _: bool, _: Timestamp) -> Stored<Option<(String, MessageId)>> {
        not_asked()
    }
    async fn clicks(&self, _: MessageId) -> Stored<Option<Clicks>> {
        Ok(None)
    }
    async fn due(&self, _: Timestamp, _: Option<(Timestamp, MessageId)>, _: u64) -> Stored<Vec<LoadedMessage>> {
        not_asked()
    }
    async fn single_waiting(&self, _: Timestamp, _: u64) -> Stored<Vec<(MessageId, u16)>> {
        not_asked()
    }
    async fn others_were_heard(&self, _: Channel, _: &SenderName, _: Timestamp) -> Stored<bool> {
        not_asked()
    }
    async fn list(&self, filter: &MessageFilter, before: Option<i64>, limit: u64) -> Stored<Page<ListedMessage>> {
        self.up()?;
        let fits = |listed: &&ListedMessage| {
            let message = &listed.message;
            before.is_none_or(|before| message.id.number() < before)
                && filter.state.is_none_or(|state| message.standing.delivery.state() == state)
                && filter.campaign.as_ref().is_none_or(|campaign| listed.campaign.as_ref() == Some(campaign))
                && filter
                    .phone
                    .as_ref()
                    .is_none_or(|phone| message.contact.phone.as_ref().is_some_and(|there| there.e164() == phone))
        };
        let rest: Vec<ListedMessage> = self.messages.iter().filter(fits).cloned().collect();
        Ok(page(&rest, |listed| listed.message.id.number(), limit))
    }
    async fn history(&self, _: MessageId) -> Stored<Vec<HistoryEntry>> {
        Ok(self.history.clone())
    }
    async fn unknown_count(&self) -> Stored<u64> {
        Ok(3)
    }
}

#[async_trait]
impl Conversations for FakeStore {
    async fn talks_to_look_at(&self, _: Timestamp, _: Timestamp, _: Timestamp, _: u64) -> Stored<Vec<TalkId>> {
        not_asked()
    }
    async fn talk(&self, _: &TalkId) -> Stored<Option<Talk>> {
        not_asked()
    }
    async fn say(&self, _: Said, _: Timestamp) -> Stored<Option<Vec<MessageId>>> {
        not_asked()
    }
    async fn talks(&self, _: TalkFilter, _: Option<i64>, _: u64) -> Stored<Page<ListedTalk>> {
        not_asked()
    }
    async fn listed_talk(&self, _: &TalkId) -> Stored<Option<ListedTalk>> {
        not_asked()
    }
    async fn senders_talked_to(&self, _: ContactId) -> Stored<Vec<SenderName>> {
        not_asked()
    }
    async fn exchanges(&self, _: &TalkId, _: u64) -> Stored<Vec<Exchange>> {
        not_asked()
    }
}

#[async_trait]
impl FlowResults for FakeStore {
    async fn flow_results(&self, _: &ResultFilter, _: Option<i64>, _: u64) -> Stored<Page<KeptResult>> {
        not_asked()
    }
    async fn flow_counts(&self, _: &ResultFilter) -> Stored<FlowCounts> {
        not_asked()
    }
}

#[async_trait]
impl Costs for FakeStore {
    async fn cost_days(&self, _: Date, _: Date) -> Stored<Vec<CostDay>> {
        not_asked()
    }
    async fn call_days(&self, _: Date, _: Date) -> Stored<Vec<CallDay>> {
        not_asked()
    }
    async fn answered(&self, _: Timestamp, _: Timestamp) -> Stored<BTreeMap<Channel, Answered>> {
        not_asked()
    }
    async fn charged_in_month(&self, _: Date) -> Stored<BTreeMap<(String, PriceCategory), u64>> {
        not_asked()
    }
    async fn charges_of(&self, _: MessageId) -> Stored<Vec<ListedCharge>> {
        self.up()?;
        Ok(Vec::new())
    }
    async fn budget_used(&self, _: Date) -> Stored<BudgetUsed> {
        not_asked()
    }
}

#[async_trait]
impl MessageTimes for FakeStore {
    async fn planned_between(&self, _: Timestamp, _: Timestamp) -> Stored<Option<(i64, i64)>> {
        not_asked()
    }
    async fn steps_of(&self, _: Vec<i64>) -> Stored<Vec<MessageSteps>> {
        not_asked()
    }
    async fn answered_by_campaign(&self, _: Timestamp, _: Timestamp) -> Stored<Vec<CampaignAnswers>> {
        not_asked()
    }
}

#[async_trait]
impl ConsentRequests for FakeStore {
    async fn unasked(&self, _: Option<ContactId>, _: u64) -> Stored<Vec<Unasked>> {
        not_asked()
    }
    async fn ask(&self, _: Purposes, _: SingleMessage, _: Timestamp) -> Stored<Option<MessageId>> {
        not_asked()
    }
    async fn end_requests(&self, _: ContactId, _: Purposes) -> Stored<()> {
        not_asked()
    }
    async fn end_requests_over(&self, _: Timestamp) -> Stored<u64> {
        not_asked()
    }
    async fn unconfirmed(&self, _: &[ContactId], _: Timestamp) -> Stored<HashMap<ContactId, Purposes>> {
        Ok(HashMap::new())
    }
}

#[async_trait]
impl Erasures for FakeStore {
    async fn erase(&self, _: ContactId, _: &str, _: Timestamp) -> Stored<Option<Erasure>> {
        not_asked()
    }
    async fn erasure(&self, _: ErasureId) -> Stored<Option<Erasure>> {
        not_asked()
    }
    async fn unfinished_erasures(&self) -> Stored<Vec<ErasureId>> {
        not_asked()
    }
    async fn erase_further(&self, _: ErasureId, _: Timestamp) -> Stored<bool> {
        not_asked()
    }
}

#[async_trait]
impl Readings for FakeStore {
    async fn unread(&self, _: u64) -> Stored<Vec<(FeedbackId, Option<String>)>> {
        not_asked()
    }
    async fn note_readings(&self, _: Vec<(FeedbackId, Option<Analysis>)>, _: Timestamp) -> Stored<()> {
        not_asked()
    }
}

#[async_trait]
impl CallbackSamples for FakeStore {
    async fn called_lately(&self, _: Timestamp, _: Timestamp) -> Stored<Vec<CalledLately>> {
        not_asked()
    }
}

#[async_trait]
impl Tidying for FakeStore {
    async fn tidy(&self, _: Retained, _: Timestamp, _: Option<i64>, _: Timestamp) -> Stored<Tidied> {
        not_asked()
    }
}

#[async_trait]
impl MediaRecord for FakeStore {
    async fn due_media(&self, _: Timestamp, _: u64) -> Stored<Vec<(FeedbackId, u16)>> {
        not_asked()
    }
    async fn media_to_fetch(&self, _: FeedbackId) -> Stored<Option<MediaToFetch>> {
        not_asked()
    }
    async fn record_media(&self, _: FeedbackId, _: u16, _: MediaBecame) -> Stored<MediaRecorded> {
        not_asked()
    }
    async fn media_waiting(&self) -> Stored<u64> {
        self.up()?;
        Ok(0)
    }
    async fn media_to_remove(&self, _: u64) -> Stored<Vec<FeedbackId>> {
        not_asked()
    }
    async fn removed_media(&self, _: Vec<FeedbackId>) -> Stored<()> {
        not_asked()
    }
    async fn with_media(&self, _: &[FeedbackId]) -> Stored<HashSet<FeedbackId>> {
        not_asked()
    }
    async fn forget_media(&self, _: ContactId, _: Timestamp) -> Stored<u64> {
        not_asked()
    }
}

#[async_trait]
impl Stages for FakeStore {
    async fn open_stage(
        &self,
        _: RunId,
        _: Option<&StageStanding>,
        _: usize,
        _: std::ops::Range<i64>,
        _: Timestamp,
    ) -> Stored<bool> {
        not_asked()
    }
    async fn note_stage(&self, _: RunId, _: &StageStanding, _: &StageStanding) -> Stored<bool> {
        not_asked()
    }
    async fn stage_outcome(&self, _: RunId, _: Timestamp) -> Stored<(u64, u64)> {
        not_asked()
    }
}

#[async_trait]
impl Reminders for FakeStore {
    async fn reminding(&self) -> Stored<Vec<Run>> {
        not_asked()
    }
    async fn reminders_of(&self, _: RunId) -> Stored<Vec<Run>> {
        not_asked()
    }
    async fn open_reminder(&self, _: RunId, _: u32, _: Timestamp, _: &str, _: Timestamp) -> Stored<Option<Run>> {
        not_asked()
    }
    async fn end_reminders(&self, _: RunId) -> Stored<()> {
        not_asked()
    }
    async fn unanswered(&self, _: RunId, _: Option<MessageId>, _: u64) -> Stored<Page<Contact>> {
        not_asked()
    }
    async fn committed_micros(&self, _: RunId) -> Stored<i64> {
        not_asked()
    }
}

#[async_trait]
impl DeadLetters for FakeStore {
    async fn dead_letters(
        &self,
        filter: &DeadLetterFilter,
        before: Option<i64>,
        limit: u64,
    ) -> Stored<Page<DeadLetter>> {
        self.up()?;
        let fits = |letter: &&DeadLetter| {
            before.is_none_or(|before| letter.id.number() < before)
                && filter.campaign.as_ref().is_none_or(|campaign| letter.campaign.as_ref() == Some(campaign))
                && filter.class.is_none_or(|class| letter.last.class == class)
                && filter.code.is_none_or(|code| letter.last.code == Some(code))
                && filter.since.is_none_or(|since| letter.failed_at >= since)
        };
        let rest: Vec<DeadLetter> = self.dead_letters.iter().filter(fits).cloned().collect();
        Ok(page(&rest, |letter| letter.id.number(), limit))
    }
    async fn replayable(&self, _: &DeadLetterFilter) -> Stored<u64> {
        not_asked()
    }
    async fn replay(
        &self,
        _: &DeadLetterFilter,
        _: &ReplayTerms,
        _: Option<MessageId>,
        _: Timestamp,
    ) -> Stored<Replayed> {
        not_asked()
    }
}

#[async_trait]
impl Journal for FakeStore {
    async fn append(&self, _: Source, body: Bytes, _: Timestamp) -> Stored<JournalId> {
        self.up()?;
        let mut bodies = self.bodies.lock().unwrap();
        bodies.push(body);
        Ok(JournalId::new(i64::try_from(bodies.len()).unwrap()))
    }
    async fn append_and_apply(
        &self,
        source: Source,
        body: Bytes,
        news: RowNews,
        at: Timestamp,
    ) -> Stored<(JournalId, Applied)> {
        let row = self.append(source, body, at).await?;
        Ok((row, Applied { feedback: news.heard.len() as u64, ..Applied::default() }))
    }
    async fn unapplied(&self, _: JournalId) -> Stored<Option<Kept>> {
        not_asked()
    }
    async fn waiting(&self, _: Timestamp, _: u64) -> Stored<Vec<JournalId>> {
        not_asked()
    }
    async fn apply(&self, _: JournalId, _: RowNews, _: Timestamp) -> Stored<Applied> {
        not_asked()
    }
    async fn set_aside(&self, _: JournalId, _: &str, _: Timestamp) -> Stored<()> {
        not_asked()
    }
    async fn lag(&self, _: Timestamp) -> Stored<(Duration, u64)> {
        self.up()?;
        Ok((Duration::from_millis(1_500), 7))
    }
    async fn respondents(&self, _: RunId) -> Stored<u64> {
        not_asked()
    }
    async fn one_feedback(&self, id: FeedbackId) -> Stored<Option<Feedback>> {
        self.up()?;
        Ok(self.feedback.iter().find(|feedback| feedback.id == id).cloned())
    }
    async fn feedback(&self, before: Option<i64>, limit: u64) -> Stored<Page<Feedback>> {
        self.up()?;
        let fits = |feedback: &&Feedback| before.is_none_or(|before| feedback.id.number() < before);
        let rest: Vec<Feedback> = self.feedback.iter().filter(fits).cloned().collect();
        Ok(page(&rest, |feedback| feedback.id.number(), limit))
    }
}

#[async_trait]
impl KeptNews for FakeStore {
    async fn kept_rows(
        &self,
        filter: &JournalFilter,
        after: Option<JournalId>,
        limit: u64,
    ) -> Stored<Page<JournalRow>> {
        self.up()?;
        let fits = |row: &&JournalRow| {
            after.is_none_or(|after| row.id > after)
                && (!filter.set_aside || row.set_aside.is_some())
                && filter.since.is_none_or(|since| row.received_at >= since)
                && filter.until.is_none_or(|until| row.received_at < until)
        };
        let rest: Vec<JournalRow> = self.journal_rows.iter().filter(fits).cloned().collect();
        Ok(page(&rest, |row| row.id.number(), limit))
    }
    async fn kept(&self, _: JournalId) -> Stored<Option<Kept>> {
        not_asked()
    }
    async fn reopen(&self, _: Vec<JournalId>) -> Stored<Vec<JournalId>> {
        not_asked()
    }
}

#[async_trait]
impl Suspensions for FakeStore {
    async fn suspend(&self, _: NewSuspension, _: Timestamp) -> Stored<(Suspension, bool)> {
        not_asked()
    }
    async fn release(&self, _: i64, _: ReleasedBy, _: Timestamp) -> Stored<bool> {
        not_asked()
    }
    async fn suspensions(&self, _: Timestamp) -> Stored<Vec<Suspension>> {
        self.up()?;
        Ok(self.suspensions.clone())
    }
    async fn suspension(&self, id: i64) -> Stored<Option<KeptSuspension>> {
        let found = self.suspensions.iter().find(|suspension| suspension.id == id);
        Ok(found.map(|suspension| KeptSuspension { suspension: suspension.clone(), released: None }))
    }
    async fn all_suspensions(&self, before: Option<i64>, limit: u64) -> Stored<Page<KeptSuspension>> {
        let rest =
            self.suspensions.iter().rev().filter(|suspension| before.is_none_or(|before| suspension.id < before));
        let rest: Vec<KeptSuspension> =
            rest.map(|suspension| KeptSuspension { suspension: suspension.clone(), released: None }).collect();
        Ok(page(&rest, |kept| kept.suspension.id, limit))
    }
    async fn suspension_counts(&self) -> Stored<Vec<(String, u64)>> {
        not_asked()
    }
    async fn take_probe(&self, _: i64, _: Timestamp, _: Timestamp) -> Stored<bool> {
        not_asked()
    }
    async fn let_through(&self, _: MessageId, _: LetThrough, _: Timestamp) -> Stored<Vec<Suspension>> {
        not_asked()
    }
    async fn settle_suspensions(&self, _: Timestamp) -> Stored<()> {
        not_asked()
    }
}

#[async_trait]
impl LimitFactsOf for FakeStore {
    async fn tier_at_meta(&self, _: &str) -> Stored<Option<Tier>> {
        unreachable!("a door asks for no tier")
    }
    async fn note_tier(&self, _: &str, _: Tier) -> Stored<bool> {
        unreachable!("a door asks for no tier")
    }
    async fn limit_generation(&self, _: &str) -> Stored<i64> {
        unreachable!("nothing here has limits")
    }

    async fn limit_facts(&self, _: &str, _: &[SenderName], _: Option<u32>, _: Timestamp) -> Stored<LimitFacts> {
        not_asked()
    }
}

#[async_trait]
impl Outbox for FakeStore {
    async fn due_deliveries(&self, _: &HookName, _: Timestamp, _: u64) -> Stored<Vec<(HookDeliveryId, u16)>> {
        not_asked()
    }
    async fn delivery(&self, _: HookDeliveryId) -> Stored<Option<HookDelivery>> {
        not_asked()
    }
    async fn record_attempt(&self, _: HookAttempt) -> Stored<Option<HookRecorded>> {
        not_asked()
    }
    async fn hook_healths(&self) -> Stored<Vec<(HookName, HookHealth)>> {
        not_asked()
    }
    async fn hook_counts(&self) -> Stored<Vec<(HookName, DeliveryState, u64)>> {
        not_asked()
    }
    async fn deliveries(&self, filter: &HookFilter, _: Option<i64>, limit: u64) -> Stored<Page<ListedDelivery>> {
        self.up()?;
        let fits = |delivery: &&ListedDelivery| {
            filter.id.is_none_or(|id| delivery.webhook_id.event == id)
                && filter.hook.as_ref().is_none_or(|hook| delivery.hook == *hook)
                && filter.state.is_none_or(|state| delivery.state == state)
        };
        let rest: Vec<ListedDelivery> = self.deliveries.iter().filter(fits).cloned().collect();
        Ok(page(&rest, |delivery| delivery.id.number(), limit))
    }
    async fn replayable_deliveries(&self, _: &HookFilter) -> Stored<u64> {
        not_asked()
    }
    async fn replay_deliveries(
        &self,
        _: &HookFilter,
        _: Option<HookDeliveryId>,
        _: Timestamp,
    ) -> Stored<(u64, Option<HookDeliveryId>)> {
        not_asked()
    }
    async fn give_up_deliveries(&self, _: &HookName, _: Timestamp, _: GaveUp, _: Timestamp) -> Stored<u64> {
        not_asked()
    }
    async fn add_test(&self, _: &HookName, _: Timestamp) -> Stored<HookDeliveryId> {
        not_asked()
    }
    async fn tidy_events(&self, _: Timestamp) -> Stored<u64> {
        not_asked()
    }
    async fn stirred(&self) {
        std::future::pending().await
    }
}

#[async_trait]
impl Store for FakeStore {
    fn tag(&self) -> &str {
        "test"
    }
    async fn ping(&self) -> Stored<()> {
        self.up()
    }
}

/// Remembers what it was told.
#[derive(Default)]
pub(crate) struct FakeQueue {
    pub(crate) rows: Mutex<Vec<JournalId>>,
    pub(crate) is_down: AtomicBool,
}

impl FakeQueue {
    pub(crate) fn fail(&self) {
        self.is_down.store(true, Ordering::SeqCst);
    }

    fn up(&self) -> Result<(), QueueUnavailable> {
        if self.is_down.load(Ordering::SeqCst) {
            return Err(QueueUnavailable("connection refused".into()));
        }
        Ok(())
    }
}

#[async_trait]
impl Queue for FakeQueue {
    async fn send(&self, _: Wanted, _: &[(MessageId, u16)], _: Option<Timestamp>) -> Result<(), QueueUnavailable> {
        self.up()
    }
    async fn apply(&self, rows: &[JournalId]) -> Result<(), QueueUnavailable> {
        self.up()?;
        self.rows.lock().unwrap().extend(rows);
        Ok(())
    }
    async fn deliver(&self, _: &[(HookDeliveryId, u16)]) -> Result<(), QueueUnavailable> {
        self.up()
    }
    async fn fetch(&self, _: &[(FeedbackId, u16)]) -> Result<(), QueueUnavailable> {
        self.up()
    }
    async fn plan(&self, _: RunId) -> Result<(), QueueUnavailable> {
        self.up()
    }
    async fn sending_depth(&self) -> Result<u64, QueueUnavailable> {
        self.up()?;
        Ok(42)
    }
    async fn ping(&self) -> Result<(), QueueUnavailable> {
        self.up()
    }
}

/// Both.
#[derive(Clone, Default)]
pub(crate) struct Fakes {
    pub(crate) store: Arc<FakeStore>,
    pub(crate) queue: Arc<FakeQueue>,
}

impl Fakes {
    /// What doors need; Meta signs with this secret.
    pub(crate) fn services_with(&self, app_secrets: &[SecretString]) -> Services {
        services(Arc::clone(&self.store) as _, Arc::clone(&self.queue) as _, app_secrets)
    }

    /// The same; nothing is signed.
    pub(crate) fn services(&self) -> Services {
        self.services_with(&[])
    }
}

/// What doors need, over this store and this queue: the real readers of callbacks, and nothing that could call anybody.
pub(crate) fn services(store: Arc<dyn Store>, queue: Arc<dyn Queue>, app_secrets: &[SecretString]) -> Services {
    Services {
        clock: Arc::new(Noon),
        store,
        whatsapp: Arc::new(Nobody),
        management: Arc::new(Nobody),
        fallbacks: BTreeMap::new(),
        webhook: Arc::new(barid::whatsapp::Reader::new(app_secrets)),
        readers: BTreeMap::from([
            (Source::TwilioStatus, Arc::new(StatusReader) as Arc<dyn NewsReader>),
            (Source::TwilioInbound, Arc::new(InboundReader)),
        ]),
        tally: Arc::new(Uncounted),
        hooks: Arc::new(NoHooks),
        queue,
        limits: Arc::new(Nobody),
        catalogue: Arc::new(Nobody),
        audiences: Arc::new(Nobody),
        analyzer: barid::nlp::off(),
        media: no_media(),
        tokens: Arc::new(Nobody),
        rules: SendingRules {
            default_sender: "default".parse().expect("a name"),
            opt_in_words: Default::default(),
            allowed_hosts: barid::domain::link::AllowedHosts::default(),
            public_url: None,
            attribute_within: SignedDuration::from_hours(72),
            lease: SignedDuration::from_secs(10),
            call: SignedDuration::from_secs(4),
            waits: Vec::new(),
            on_unknown: barid::domain::campaign::OnUnknown::Evidence,
            unknown_after: SignedDuration::from_secs(30),
            senders: [("900000000000001".parse().expect("digits"), "default".parse().expect("a name"))].into(),
            feed_ahead: 1,
            pace: BTreeMap::new(),
            accounts: BTreeMap::new(),
            suspensions: barid::domain::suspension::Rules::default(),
            default_language: barid::domain::language::Language::Ar,
        },
    }
}

/// Nothing is ever removed.
pub(crate) const fn kept_for_ever() -> Retention {
    let ever = KeepFor::Ever;
    Retention { journal: ever, history: ever, messages: ever, media: ever, feedback: ever, costs: ever, reports: ever }
}

/// Behind a door there is nobody to call, nothing to limit and no campaign.
pub(crate) struct Nobody;

#[async_trait]
impl WhatsApp for Nobody {
    async fn send(&self, _: &Envelope, _: &Content) -> Answer {
        unreachable!("a door calls nobody")
    }
    async fn ask(&self, _: &SenderName) -> Result<(), String> {
        unreachable!("a door asks nobody")
    }
}

#[async_trait]
impl Management for Nobody {
    async fn pricing(&self, _: &str, _: Timestamp, _: Timestamp) -> Result<Vec<MetaCost>, String> {
        Err("nobody is Meta here".to_owned())
    }
    async fn token(&self) -> Result<TokenFacts, String> {
        unreachable!("a door asks nobody")
    }
    async fn number(&self, _: &SenderName) -> Result<NumberFacts, String> {
        unreachable!("a door asks nobody")
    }
    async fn account(&self, _: &str) -> Result<AccountFacts, String> {
        unreachable!("a door asks nobody")
    }
    async fn templates(&self, _: &str) -> Result<Vec<TemplateFacts>, String> {
        unreachable!("a door asks nobody")
    }
    async fn upload_sample(&self, _: &str, _: &SampleFile) -> Result<String, String> {
        unreachable!("a door asks nobody")
    }
    async fn create_template(&self, _: &str, _: &Submission, _: Option<&str>) -> Result<HandedIn, String> {
        unreachable!("a door asks nobody")
    }
    async fn edit_template(&self, _: &str, _: &Submission, _: Option<&str>, _: bool) -> Result<(), String> {
        unreachable!("a door asks nobody")
    }
    async fn subscribed_apps(&self, _: &str) -> Result<Vec<String>, String> {
        unreachable!("a door asks nobody")
    }
}

#[async_trait]
impl Limits for Nobody {
    async fn permit(&self, _: &Ask) -> Verdict {
        unreachable!("a door calls nobody")
    }
    async fn leave(&self, _: &Ask, _: &Permit) {}
    async fn give_back(&self, _: &Ask, _: Permit) {}
    async fn slow_down(&self, _: &SlowDown) {}
    fn full(&self, _: &SenderName, _: RunId, _: Timestamp) -> Option<(Limit, Timestamp)> {
        None
    }
    async fn standing(&self) -> Result<Vec<SenderLimits>, LimitsUnavailable> {
        Ok(Vec::new())
    }
}

impl Catalogue for Nobody {
    fn campaigns(&self) -> Vec<Arc<Campaign>> {
        Vec::new()
    }
    fn campaigns_with(&self, _: &str, _: &str) -> Vec<Arc<Campaign>> {
        Vec::new()
    }
    fn rendered(&self, _: &Campaign, _: &Contact, _: Language) -> Result<Rendered, CannotRender> {
        unreachable!("there is no campaign")
    }
    fn template(&self, _: &TemplateName) -> Option<Arc<MessageTemplate>> {
        None
    }
    fn templates(&self) -> Vec<Arc<MessageTemplate>> {
        Vec::new()
    }
    fn rendered_alone(
        &self,
        _: &MessageTemplate,
        _: &CampaignValues,
        _: &Contact,
        _: Language,
    ) -> Result<Rendered, CannotRender> {
        unreachable!("there is no template")
    }
    fn answering(&self) -> Option<Arc<Rules>> {
        None
    }
    fn tariff(&self) -> Arc<Tariff> {
        Arc::default()
    }
    fn single_price_micros(&self, _: &Content) -> i64 {
        0
    }

    fn standing_jobs(&self) -> Vec<Arc<ScheduledJob>> {
        Vec::new()
    }
    fn is_marketing(&self, _: &Campaign) -> bool {
        false
    }
    fn price_micros(&self, _: &Campaign) -> i64 {
        0
    }
    fn timezone_of(&self, _: Option<&str>) -> String {
        "Asia/Riyadh".to_owned()
    }
}

impl Tokens for Nobody {
    fn fresh(&self) -> String {
        unreachable!("nobody sends a link")
    }
}

#[async_trait]
impl AudienceFiles for Nobody {
    async fn page(&self, _: &Path, _: u64, _: usize) -> Result<AudiencePage, AudienceFileError> {
        unreachable!("there is no campaign")
    }
}

#[async_trait]
impl MediaSource for Nobody {
    async fn look_up(&self, _: &str, _: Option<&SenderName>) -> Result<FoundMedia, MediaTrouble> {
        unreachable!("a door fetches nothing")
    }
    async fn download(&self, _: &FoundMedia) -> Result<MediaPieces, MediaTrouble> {
        unreachable!("a door fetches nothing")
    }
}

#[async_trait]
impl MediaStore for Nobody {
    async fn begin(&self, _: &MediaKey) -> MediaStored<Box<dyn NewMedia>> {
        unreachable!("a door keeps nothing")
    }
    async fn open(&self, _: &MediaKey) -> MediaStored<Option<KeptMedia>> {
        Ok(None)
    }
    async fn remove(&self, _: &MediaKey) -> MediaStored<()> {
        unreachable!("a door removes nothing")
    }
    async fn in_shard(&self, _: &str, _: u16) -> MediaStored<Vec<FeedbackId>> {
        unreachable!("a door removes nothing")
    }
    async fn remove_unfinished(&self) -> MediaStored<u64> {
        unreachable!("a door removes nothing")
    }
}

/// The rules of the configuration that ships, as far as tests need them: images, voice messages and documents.
pub(crate) fn media_rules() -> MediaRules {
    MediaRules {
        enabled: true,
        bytes_max: ByteSize::new(100 << 20),
        bytes_max_of: BTreeMap::from([("sticker", ByteSize::new(1_000))]),
        types: ["image/*", "audio/ogg", "application/pdf", "text/plain"]
            .map(|text| text.parse().expect("a type"))
            .to_vec(),
        tries: 3,
        waits: [1, 2].map(SignedDuration::from_secs).to_vec(),
    }
}

/// Files are wanted, and nobody fetches them.
pub(crate) fn no_media() -> MediaPorts {
    MediaPorts { rules: Arc::new(media_rules()), source: Arc::new(Nobody), store: Arc::new(Nobody) }
}

/// Counts nothing.
pub(crate) struct Uncounted;

impl Tally for Uncounted {
    fn fell_back(&self, _: Channel, _: Channel) {}
    fn applied(&self, _: &Applied) {}
    fn read_feedback(&self, _: Option<&Analysis>) {}
    fn ended_flow(&self, _: &FlowResult) {}
    fn fetched_media(&self, _: &MediaBecame) {}
    fn called_hook(&self, _: &HookName, _: Next) {}
}

/// Nobody wants to hear of anything.
pub(crate) struct NoHooks;

#[async_trait]
impl Hooks for NoHooks {
    fn configured(&self) -> &[Hook] {
        &[]
    }
    async fn call(&self, _: &HookName, _: &HookCall) -> HookAnswer {
        unreachable!("there is no endpoint")
    }
}

/// Doors of other channels that nobody uses.
pub(crate) fn closed_doors(fakes: &Fakes) -> Arc<barid::http::ChannelDoors> {
    Arc::new(barid::http::ChannelDoors::new(
        fakes.services(),
        Arc::new(barid::telemetry::Metrics::new()),
        barid::domain::signed_reference::ReferenceSigner::new(b"key"),
    ))
}

/// Links of ours over this store.
pub(crate) fn no_links(store: &Arc<FakeStore>) -> Arc<barid::http::LinkState> {
    Arc::new(barid::http::LinkState { clock: Arc::new(Noon), store: Arc::clone(store) as _ })
}

/// A schedule of standing jobs, and nothing else.
pub(crate) struct OnlySchedule(pub(crate) Vec<Arc<ScheduledJob>>);

impl Catalogue for OnlySchedule {
    fn campaigns(&self) -> Vec<Arc<Campaign>> {
        Nobody.campaigns()
    }
    fn campaigns_with(&self, name: &str, language_code: &str) -> Vec<Arc<Campaign>> {
        Nobody.campaigns_with(name, language_code)
    }
    fn rendered(&self, campaign: &Campaign, contact: &Contact, language: Language) -> Result<Rendered, CannotRender> {
        Nobody.rendered(campaign, contact, language)
    }
    fn tariff(&self) -> Arc<Tariff> {
        Nobody.tariff()
    }
    fn template(&self, name: &TemplateName) -> Option<Arc<MessageTemplate>> {
        Nobody.template(name)
    }
    fn templates(&self) -> Vec<Arc<MessageTemplate>> {
        Vec::new()
    }
    fn rendered_alone(
        &self,
        template: &MessageTemplate,
        values: &CampaignValues,
        contact: &Contact,
        language: Language,
    ) -> Result<Rendered, CannotRender> {
        Nobody.rendered_alone(template, values, contact, language)
    }
    fn answering(&self) -> Option<Arc<Rules>> {
        Nobody.answering()
    }
    fn single_price_micros(&self, content: &Content) -> i64 {
        Nobody.single_price_micros(content)
    }
    fn standing_jobs(&self) -> Vec<Arc<ScheduledJob>> {
        self.0.clone()
    }
    fn is_marketing(&self, campaign: &Campaign) -> bool {
        Nobody.is_marketing(campaign)
    }
    fn price_micros(&self, campaign: &Campaign) -> i64 {
        Nobody.price_micros(campaign)
    }
    fn timezone_of(&self, phone: Option<&str>) -> String {
        Nobody.timezone_of(phone)
    }
}
