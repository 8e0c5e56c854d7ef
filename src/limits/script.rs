//! The script, its keys and what it answers. Everything that is said to Redis is said here.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jiff::civil::Date;
use redis::aio::ConnectionLike;
use redis::{Cmd, ErrorKind, FromRedisValue, RedisError, RedisResult, Script, ServerErrorKind, Value};

use crate::domain::budget::{Cap, day_number, month_number};
use crate::domain::ids::{ContactId, RunId, SenderName};
use crate::domain::limit::{Limit, TIER_SPAN};

static SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("lua/limits.lua")));

/// Keys that one command of the script is given at most; Lua's stack holds 8,000 values.
const KEYS_MAX: usize = 1_000;
/// Members that are loaded with one command.
const CHUNK: usize = 1_000;
/// How long loaded facts wait to be put in force.
const LOADED_KEPT_MS: u64 = 600_000;
/// How long one process has for loading before others try, too.
const LOADING_MS: u64 = 3_000;
/// Parts of the tier's span for which it is told how many places come back.
pub(super) const SPAN_PARTS: usize = 24;

/// A connection to Redis: one server or a cluster.
#[derive(Clone)]
pub struct Redis(Arc<dyn Fn(Cmd) -> BoxFuture<'static, RedisResult<Value>> + Send + Sync>);

impl Redis {
    /// Over a connection that heals by itself and whose clones share it.
    pub fn over<C: ConnectionLike + Clone + Send + Sync + 'static>(link: C) -> Self {
        Self(Arc::new(move |command: Cmd| {
            let mut link = link.clone();
            async move { command.query_async::<Value>(&mut link).await }.boxed()
        }))
    }

    async fn ask<T: FromRedisValue>(&self, command: Cmd) -> RedisResult<T> {
        Ok(redis::from_redis_value((self.0)(command).await?)?)
    }
}

/// What the script could not do.
#[derive(Debug, thiserror::Error)]
pub(super) enum ScriptError {
    /// Redis was started anew, or is another one: what it holds may lack what was taken last.
    #[error("Redis does not know the script of the limits")]
    Forgotten,
    /// Redis could not be asked.
    #[error(transparent)]
    Redis(#[from] RedisError),
}

/// What is asked for one message. Numbers and runs are places in the lists of the batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Take {
    pub(super) number: Option<usize>,
    pub(super) run: Option<usize>,
    /// The pair that it takes from: number and person.
    pub(super) pair: Option<ContactId>,
    /// Who counts toward the tier.
    pub(super) person: Option<ContactId>,
    pub(super) price_micros: i64,
    /// How far ahead its slot may be, in microseconds.
    pub(super) horizon_us: i64,
}

/// What asks have in common with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Kind {
    number: Option<usize>,
    run: Option<usize>,
    takes_pair: bool,
    counts: bool,
    price_micros: i64,
    horizon_us: i64,
}

impl Kind {
    const fn of(take: &Take) -> Self {
        let Take { number, run, pair, person, price_micros, horizon_us } = *take;
        let takes_pair = pair.is_some() && number.is_some();
        Self { number, run, takes_pair, counts: person.is_some(), price_micros, horizon_us }
    }
}

/// A run as the script needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RunLimits {
    pub(super) run: RunId,
    pub(super) rate: Option<u32>,
    pub(super) budget_micros: Option<i64>,
}

/// A batch of asks, and what they name.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Asked<'a> {
    /// Numbers and their messages each second.
    pub(super) numbers: &'a [(SenderName, u32)],
    pub(super) runs: &'a [RunLimits],
    /// What the whole installation may spend.
    pub(super) caps: &'a [Cap],
    pub(super) takes: &'a [Take],
}

/// What one message is answered. Slots are microseconds of Redis's clock, moments milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    Slot {
        at_us: i64,
        is_new_person: bool,
    },
    NotYetNumber {
        free_us: i64,
    },
    NotYetRate {
        due_us: i64,
    },
    Pair {
        until_ms: i64,
    },
    Tier {
        until_ms: i64,
    },
    Budget,
    /// A cap of the installation, by its place among those that were given.
    Cap {
        at: usize,
    },
    Account {
        until_ms: i64,
    },
}

/// What a batch is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TakeAnswer {
    pub(super) now_us: i64,
    pub(super) generation: i64,
    pub(super) rebuilt_at_ms: i64,
    pub(super) people: i64,
    /// For each number: its next free slot, and the sixteenths of its rate that it has now.
    pub(super) numbers: Vec<(i64, i64)>,
    pub(super) taken: Vec<Taken>,
}

/// What is given back for one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GivenBack {
    pub(super) generation: i64,
    /// Who was counted, and when.
    pub(super) person: Option<(ContactId, i64)>,
    pub(super) run: Option<RunId>,
    /// What it was to cost its run and the caps.
    pub(super) price_micros: i64,
    /// The caps that it counts toward.
    pub(super) caps: Vec<(Limit, i64)>,
    pub(super) pair: Option<(SenderName, ContactId)>,
}

/// How the limits of a portfolio stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StandingAnswer {
    pub(super) now_us: i64,
    pub(super) people: i64,
    /// Sixteenths of its rate that each number has.
    pub(super) factors: Vec<i64>,
    /// How many places of the tier come back in each part of its span.
    pub(super) returns: Vec<i64>,
}

/// The limits of one portfolio in Redis.
#[derive(Clone)]
pub(super) struct Shared {
    redis: Redis,
    tag: Arc<str>,
    span_ms: i64,
}

impl Shared {
    pub(super) fn new(redis: Redis, namespace: &str, portfolio: &str) -> Self {
        Self {
            redis,
            tag: format!("{{{namespace}:limits:{portfolio}}}").into(),
            span_ms: i64::try_from(TIER_SPAN.as_millis()).unwrap_or(i64::MAX),
        }
    }

    fn facts(&self) -> String {
        format!("{}:facts", self.tag)
    }

    fn tier(&self) -> String {
        format!("{}:tier", self.tag)
    }

    fn number(&self, sender: &SenderName) -> String {
        format!("{}:number:{sender}", self.tag)
    }

    fn rate(&self, run: RunId) -> String {
        format!("{}:rate:{}", self.tag, run.number())
    }

    fn pair(&self, sender: &SenderName, contact: ContactId) -> String {
        format!("{}:pair:{sender}:{}", self.tag, contact.number())
    }

    fn loaded(&self, what: &str, generation: i64) -> String {
        format!("{}:loaded:{generation}:{what}", self.tag)
    }

    /// The script by its hash, with these keys after the two that every command has; arguments are added to it.
    fn command(&self, keys: &[String], command: &str) -> Cmd {
        let mut call = redis::cmd("EVALSHA");
        call.arg(SCRIPT.get_hash()).arg(keys.len() + 2).arg(self.facts()).arg(self.tier()).arg(keys).arg(command);
        call
    }

    async fn call<T: FromRedisValue>(
        &self,
        keys: &[String],
        command: &str,
        arguments: &[String],
    ) -> Result<T, ScriptError> {
        let mut call = self.command(keys, command);
        call.arg(arguments);
        self.run(call).await
    }

    async fn run<T: FromRedisValue>(&self, call: Cmd) -> Result<T, ScriptError> {
        self.redis.ask(call).await.map_err(|error| {
            if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) {
                ScriptError::Forgotten
            } else {
                error.into()
            }
        })
    }

    /// After [`ScriptError::Forgotten`]: the facts are no longer in force, and then the script is known again. In this order, so that
    /// nobody is granted something between the two.
    pub(super) async fn begin_anew(&self) -> RedisResult<()> {
        let mut close = redis::cmd("HDEL");
        close.arg(self.facts()).arg("generation");
        self.redis.ask::<i64>(close).await?;
        let mut load = redis::cmd("EVAL");
        load.arg(include_str!("lua/limits.lua")).arg(2).arg(self.facts()).arg(self.tier()).arg("close").arg(-1);
        self.redis.ask::<i64>(load).await.map(drop)
    }

    /// Takes for many messages at once. `None`: no facts are in force, or older ones than `known`; nothing was done.
    pub(super) async fn take(
        &self,
        known: i64,
        tier: Option<u32>,
        promised: usize,
        asked: &Asked<'_>,
    ) -> Result<Option<TakeAnswer>, ScriptError> {
        let Asked { numbers, runs, caps, takes } = *asked;
        let mut keys: Vec<String> = numbers.iter().map(|(sender, _)| self.number(sender)).collect();
        keys.extend(runs.iter().map(|run| self.rate(run.run)));
        let mut kinds = Vec::new();
        let mut places = HashMap::new();
        let mut asks = Vec::with_capacity(takes.len() * 2);
        let mut people = Vec::new();
        for take in takes {
            let kind = Kind::of(take);
            let place = *places.entry(kind).or_insert_with(|| {
                kinds.push(kind);
                kinds.len()
            });
            asks.extend(u16::try_from(place).expect("a batch has few kinds").to_be_bytes());
            keys.extend(take.pair.zip(take.number).map(|(contact, number)| self.pair(&numbers[number].0, contact)));
            people.extend(take.person.map(ContactId::number));
        }
        let mut call = self.command(&keys, "take");
        call.arg(known).arg(tier.map_or(-1, i64::from)).arg(self.span_ms).arg(promised);
        call.arg(numbers.len()).arg(runs.len()).arg(kinds.len()).arg(asks).arg(caps.len());
        for (_, mps) in numbers {
            call.arg(mps);
        }
        for run in runs {
            call.arg(run.rate.unwrap_or(0)).arg(run.budget_micros.unwrap_or(-1)).arg(run.run.number());
        }
        for cap in caps {
            call.arg(field_of(cap.limit, cap.period)).arg(cap.micros);
        }
        let place = |place: Option<usize>| place.map_or(0, |place| place + 1);
        for kind in kinds {
            call.arg(place(kind.number))
                .arg(place(kind.run))
                .arg(i64::from(kind.takes_pair))
                .arg(i64::from(kind.counts));
            call.arg(kind.price_micros).arg(kind.horizon_us);
        }
        call.arg(people);
        let answer: Vec<i64> = self.run(call).await?;
        parsed(&answer, numbers.len(), takes.len())
    }

    /// Gives back what was taken under the generation in force.
    pub(super) async fn give_back(&self, generation: i64, items: &[GivenBack]) -> Result<(), ScriptError> {
        for items in items.chunks(KEYS_MAX) {
            let mut keys = Vec::new();
            let mut arguments = vec![generation.to_string()];
            for item in items {
                let (person, at) = item.person.map_or((String::new(), String::new()), |(person, at)| {
                    (person.number().to_string(), at.to_string())
                });
                let run = item.run.map_or_else(String::new, |run| run.number().to_string());
                let caps: Vec<String> = item.caps.iter().map(|(limit, period)| field_of(*limit, *period)).collect();
                if let Some((sender, contact)) = &item.pair {
                    keys.push(self.pair(sender, *contact));
                }
                let pair = if item.pair.is_some() { keys.len() } else { 0 };
                arguments.extend([person, at, run, item.price_micros.to_string(), pair.to_string(), caps.join(" ")]);
            }
            self.call::<i64>(&keys, "give_back", &arguments).await?;
        }
        Ok(())
    }

    /// Halves the rate of a number; answers the sixteenths that are left.
    pub(super) async fn slow_number(&self, sender: &SenderName) -> Result<i64, ScriptError> {
        self.call(&[self.number(sender)], "slow_number", &[]).await
    }

    /// Puts a pair to sleep.
    pub(super) async fn slow_pair(&self, sender: &SenderName, contact: ContactId) -> Result<(), ScriptError> {
        self.call::<i64>(&[self.pair(sender, contact)], "slow_pair", &[]).await.map(drop)
    }

    /// Puts the portfolio to sleep.
    pub(super) async fn slow_account(&self, for_ms: i64) -> Result<(), ScriptError> {
        self.call::<i64>(&[], "slow_account", &[for_ms.max(0).to_string()]).await.map(drop)
    }

    /// Takes this generation out of force, so that it is loaded again.
    pub(super) async fn close(&self, generation: i64) -> Result<(), ScriptError> {
        self.call::<i64>(&[], "close", &[generation.to_string()]).await.map(drop)
    }

    /// Whether it is this process that loads; others wait for it for a while.
    pub(super) async fn may_load(&self) -> RedisResult<bool> {
        let mut lock = redis::cmd("SET");
        lock.arg(format!("{}:loading", self.tag)).arg(1).arg("NX").arg("PX").arg(LOADING_MS);
        Ok(self.redis.ask::<Option<String>>(lock).await?.is_some())
    }

    /// Lets others load.
    pub(super) async fn end_loading(&self) -> RedisResult<()> {
        let mut unlock = redis::cmd("DEL");
        unlock.arg(format!("{}:loading", self.tag));
        self.redis.ask::<i64>(unlock).await.map(drop)
    }

    /// Puts facts in force, in steps of bounded size and then at once, unless newer ones are; answers the generation in force, -1 for
    /// none: what was loaded was lost on the way.
    pub(super) async fn load(
        &self,
        generation: i64,
        people: Option<&[(ContactId, i64)]>,
        budgets: &[(RunId, i64)],
        days: &[(Date, i64)],
        pairs: &[(SenderName, ContactId, i64)],
    ) -> Result<i64, ScriptError> {
        let (facts, tier) = (self.loaded("facts", generation), self.loaded("tier", generation));
        let mut fields: Vec<(String, i64)> =
            budgets.iter().map(|(run, used)| (format!("budget:{}", run.number()), *used)).collect();
        let mut months: BTreeMap<i64, i64> = BTreeMap::new();
        for (day, used) in days {
            fields.push((field_of(Limit::DayBudget, day_number(*day)), *used));
            *months.entry(month_number(*day)).or_default() += used;
        }
        fields.extend(months.into_iter().map(|(month, used)| (field_of(Limit::MonthBudget, month), used)));
        // A hash without fields is none.
        fields.push(("loaded".to_owned(), generation));
        for fields in fields.chunks(CHUNK) {
            let mut set = redis::cmd("HSET");
            set.arg(&facts);
            for (field, value) in fields {
                set.arg(field).arg(value);
            }
            self.redis.ask::<i64>(set).await?;
        }
        self.expire(&facts).await?;
        let mut members = -1;
        if let Some(people) = people {
            let mut all: Vec<(String, String)> =
                people.iter().map(|(person, at)| (at.to_string(), person.number().to_string())).collect();
            all.push(("+inf".to_owned(), "+".to_owned()));
            members = i64::try_from(all.len()).unwrap_or(i64::MAX);
            for all in all.chunks(CHUNK) {
                let mut add = redis::cmd("ZADD");
                add.arg(&tier);
                for (score, member) in all {
                    add.arg(score).arg(member);
                }
                self.redis.ask::<i64>(add).await?;
            }
            self.expire(&tier).await?;
        }
        // Last, so that whoever empties Redis meanwhile is noticed: what was loaded before is then not whole.
        for pairs in pairs.chunks(KEYS_MAX) {
            let keys: Vec<String> = pairs.iter().map(|(sender, contact, _)| self.pair(sender, *contact)).collect();
            let paid: Vec<String> = pairs.iter().map(|(_, _, paid)| paid.to_string()).collect();
            self.call::<i64>(&keys, "load_pairs", &paid).await?;
        }
        let arguments = [generation, i64::try_from(fields.len()).unwrap_or(i64::MAX), members].map(|n| n.to_string());
        self.call(&[facts, tier], "open", &arguments).await
    }

    async fn expire(&self, key: &str) -> RedisResult<()> {
        let mut expire = redis::cmd("PEXPIRE");
        expire.arg(key).arg(LOADED_KEPT_MS);
        self.redis.ask::<i64>(expire).await.map(drop)
    }

    /// How it stands.
    pub(super) async fn standing(&self, numbers: &[SenderName]) -> Result<StandingAnswer, ScriptError> {
        let keys: Vec<String> = numbers.iter().map(|sender| self.number(sender)).collect();
        let arguments = [self.span_ms.to_string(), SPAN_PARTS.to_string()];
        let answer: Vec<i64> = self.call(&keys, "standing", &arguments).await?;
        if answer.len() != 4 + numbers.len() + SPAN_PARTS {
            return Err(unexpected("standing").into());
        }
        let (factors, returns) = answer[4..].split_at(numbers.len());
        Ok(StandingAnswer {
            now_us: answer[0],
            people: answer[2],
            factors: factors.to_vec(),
            returns: returns.to_vec(),
        })
    }
}

/// Where it is counted what of a cap is used.
fn field_of(limit: Limit, period: i64) -> String {
    let name = if limit == Limit::MonthBudget { "month" } else { "day" };
    format!("{name}:{period}")
}

fn parsed(answer: &[i64], numbers: usize, takes: usize) -> Result<Option<TakeAnswer>, ScriptError> {
    if answer.get(1) == Some(&-1) {
        return Ok(None);
    }
    if answer.len() != 4 + numbers * 2 + takes {
        return Err(unexpected("take").into());
    }
    let (now_us, now_ms) = (answer[0], answer[0].div_euclid(1_000));
    let taken = answer[4 + numbers * 2..].iter().map(|code| {
        let (what, after) = (code.rem_euclid(8), code.div_euclid(16));
        match what {
            0 => Ok(Taken::Slot { at_us: now_us + after, is_new_person: code & 8 != 0 }),
            1 => Ok(Taken::NotYetNumber { free_us: now_us + after }),
            2 => Ok(Taken::NotYetRate { due_us: now_us + after }),
            3 => Ok(Taken::Pair { until_ms: now_ms + after }),
            4 => Ok(Taken::Tier { until_ms: now_ms + after }),
            5 => Ok(Taken::Budget),
            6 => Ok(Taken::Account { until_ms: now_ms + after }),
            7 if after > 0 => Ok(Taken::Cap { at: usize::try_from(after - 1).unwrap_or(usize::MAX) }),
            _ => Err(unexpected("take")),
        }
    });
    Ok(Some(TakeAnswer {
        now_us,
        generation: answer[1],
        rebuilt_at_ms: answer[2],
        people: answer[3],
        numbers: answer[4..4 + numbers * 2].chunks_exact(2).map(|two| (two[0], two[1])).collect(),
        taken: taken.collect::<Result<_, RedisError>>()?,
    }))
}

fn unexpected(command: &'static str) -> RedisError {
    RedisError::from((
        ErrorKind::UnexpectedReturnType,
        "the script of the limits answered out of shape",
        command.to_owned(),
    ))
}
