//! The script against a model of what may never happen, on a real Redis, with random asks from a printed seed.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::Redis;
use super::script::{Asked, GivenBack, RunLimits, ScriptError, Shared, Take, Taken};
use crate::domain::budget::Cap;
use crate::domain::ids::{ContactId, RunId, SenderName};
use crate::domain::limit::Limit;

const TIER: u32 = 12;
const MPS: [u32; 3] = [7, 300, 20_000];

struct TestRedis {
    dir: tempfile::TempDir,
    child: Child,
}

impl TestRedis {
    async fn start() -> (Self, Redis) {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("redis.sock");
        let child = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--unixsocket"])
            .arg(&socket)
            .arg("--dir")
            .arg(dir.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed");
        let redis = Self { dir, child };
        let client =
            redis::Client::open(format!("redis+unix://{}", redis.dir.path().join("redis.sock").display())).unwrap();
        loop {
            match client.get_multiplexed_async_connection().await {
                Ok(link) => return (redis, Redis::over(link)),
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    }
}

impl Drop for TestRedis {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn numbers() -> Vec<(SenderName, u32)> {
    MPS.iter().enumerate().map(|(n, mps)| (format!("number-{n}").parse().unwrap(), *mps)).collect()
}

fn runs() -> Vec<RunLimits> {
    let run = |n, rate, budget_micros| RunLimits { run: RunId::new(n), rate, budget_micros };
    vec![run(1, None, Some(900)), run(2, Some(50), None), run(3, Some(400), Some(300)), run(4, None, None)]
}

/// What was granted, as whoever watches from outside sees it.
#[derive(Default)]
struct Seen {
    slots: BTreeMap<usize, Vec<i64>>,
    of_runs: BTreeMap<usize, Vec<i64>>,
    counted: HashSet<ContactId>,
    used: HashMap<usize, i64>,
    spent: i64,
    of_pairs: HashMap<(usize, ContactId), Vec<i64>>,
}

fn asks<'a>(numbers: &'a [(SenderName, u32)], takes: &'a [Take]) -> Asked<'a> {
    Asked { numbers, takes, ..Asked::default() }
}

/// What all of them together may cost: the month is met first.
fn caps() -> [Cap; 2] {
    let cap = |limit, micros| Cap { limit, period: 7, micros, ends_at: jiff::Timestamp::MAX };
    [cap(Limit::DayBudget, 2_600), cap(Limit::MonthBudget, 2_500)]
}

async fn redis_ms(shared: &Shared) -> i64 {
    shared.standing(&[]).await.unwrap().now_us / 1_000
}

async fn begin(shared: &Shared) {
    assert!(matches!(shared.take(0, None, 0, &Asked::default()).await, Err(ScriptError::Forgotten)));
    shared.begin_anew().await.unwrap();
    assert_eq!(shared.take(0, Some(TIER), 0, &Asked::default()).await.unwrap(), None, "nobody is granted anything yet");
    assert_eq!(shared.load(1, Some(&[]), &[], &[], &[]).await.unwrap(), 1);
}

#[tokio::test]
async fn random_asks_never_get_more_than_is_allowed_and_are_never_refused_without_reason() {
    let chosen = std::env::var_os("BARID_CHAOS_SEED").and_then(|text| text.to_str()?.parse().ok());
    let seed = chosen.unwrap_or(20_261_122);
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let (_redis, link) = TestRedis::start().await;
    let shared = Shared::new(link, "model", "p");
    begin(&shared).await;
    let (numbers, runs, caps) = (numbers(), runs(), caps());
    let mut seen = Seen::default();
    let (mut n_granted, mut n_capped) = (0, 0);
    for _ in 0..300 {
        let takes: Vec<Take> = (0..random.random_range(1..25)).map(|_| random_take(&mut random)).collect();
        let answer = shared
            .take(1, Some(TIER), 0, &Asked { numbers: &numbers, runs: &runs, caps: &caps, takes: &takes })
            .await
            .unwrap()
            .unwrap();
        assert_eq!(answer.taken.len(), takes.len());
        let mut refused = Vec::new();
        let mut unused = Vec::new();
        let mut counted_on = HashSet::new();
        // Who waits for a run lets others go first, so of several asks for one person any may be the one that counted them.
        let before = seen.counted.clone();
        let (mut granted, mut added) = (HashSet::new(), Vec::new());
        for (take, taken) in takes.iter().zip(&answer.taken) {
            let Taken::Slot { at_us, is_new_person } = *taken else {
                refused.push((take, *taken));
                continue;
            };
            n_granted += 1;
            assert!(at_us <= answer.now_us + take.horizon_us, "a slot beyond the horizon");
            granted.extend(take.person);
            added.extend(take.person.filter(|_| is_new_person));
            counted_on.extend(take.person.filter(|_| !is_new_person));
            if let Some(number) = take.number {
                seen.slots.entry(number).or_default().push(at_us);
            }
            if let Some(pair) = take.number.zip(take.pair) {
                seen.of_pairs.entry(pair).or_default().push(answer.now_us / 1_000);
            }
            seen.spent += take.price_micros;
            if let Some(run) = take.run {
                *seen.used.entry(run).or_default() += take.price_micros;
                seen.of_runs.entry(run).or_default().push(at_us);
            }
            if random.random_bool(0.1) {
                let person = take.person.filter(|_| is_new_person).map(|person| (person, answer.now_us / 1_000));
                unused.push((take.clone(), person));
            }
        }
        let new: HashSet<ContactId> = granted.difference(&before).copied().collect();
        assert_eq!(added.len(), new.len(), "each new person is added by one ask");
        assert_eq!(added.into_iter().collect::<HashSet<_>>(), new);
        seen.counted.extend(new);
        assert!(seen.counted.len() <= TIER as usize);
        assert_eq!(answer.people, i64::try_from(seen.counted.len()).unwrap());
        for (run, used) in &seen.used {
            assert!(runs[*run].budget_micros.is_none_or(|budget| *used <= budget), "run {run} used {used}");
        }
        assert!(seen.spent <= caps[1].micros, "spent {}", seen.spent);
        // What was taken in a batch only grows, so whoever was refused does not fit at its end either.
        for (take, taken) in refused {
            match taken {
                Taken::Tier { .. } => {
                    assert!(seen.counted.len() == TIER as usize && !seen.counted.contains(&take.person.unwrap()))
                }
                Taken::Budget => {
                    let run = take.run.unwrap();
                    let used = seen.used.get(&run).copied().unwrap_or(0);
                    assert!(used + take.price_micros > runs[run].budget_micros.unwrap(), "run {run} has room");
                }
                Taken::Cap { at } => {
                    n_capped += 1;
                    assert!(seen.spent + take.price_micros > caps[at].micros, "cap {at} has room: {}", seen.spent);
                }
                Taken::Pair { until_ms } => {
                    let calls = seen.of_pairs[&(take.number.unwrap(), take.pair.unwrap())].len();
                    assert!(calls >= 45 && until_ms * 1_000 > answer.now_us, "{calls} calls");
                }
                Taken::NotYetNumber { free_us } => assert!(free_us > answer.now_us + take.horizon_us),
                Taken::NotYetRate { due_us } => assert!(due_us > answer.now_us),
                Taken::Account { .. } | Taken::Slot { .. } => panic!("{taken:?}"),
            }
        }
        give_back(&shared, &numbers, &runs, &mut seen, unused, &counted_on).await;
    }
    assert!(n_granted > 100 && n_capped > 100, "{n_granted} granted, {n_capped} over a cap");
    for (number, slots) in &mut seen.slots {
        slots.sort_unstable();
        let gap = i64::from(1_000_000_u32.div_ceil(MPS[*number]));
        assert!(slots.windows(2).all(|two| two[1] - two[0] >= gap), "number {number}: slots nearer than {gap} µs");
    }
    for (run, slots) in &mut seen.of_runs {
        slots.sort_unstable();
        let Some(rate) = runs[*run].rate else { continue };
        // Those who were let wait by their number may catch up a fiftieth of a second.
        let most = (1.02 * f64::from(rate)).ceil() as usize + 1;
        let busiest =
            (0..slots.len()).map(|n| slots[n..].iter().take_while(|at| **at - slots[n] < 1_000_000).count()).max();
        assert!(busiest.unwrap_or(0) <= most, "run {run}: {busiest:?} in a second");
    }
}

fn random_take(random: &mut StdRng) -> Take {
    // One person has much more than the others, so that the pair limit is met.
    let contact = ContactId::new(if random.random_bool(0.3) { 1 } else { random.random_range(1..20) });
    let number = random.random_bool(0.95).then(|| random.random_range(0..MPS.len()));
    Take {
        number,
        run: random.random_bool(0.6).then(|| random.random_range(0..4)),
        pair: number.map(|_| contact),
        person: number.filter(|_| random.random_bool(0.7)).map(|_| contact),
        price_micros: random.random_range(0..12),
        horizon_us: [100_000, 1_000_000][random.random_range(0..2)],
    }
}

async fn give_back(
    shared: &Shared,
    numbers: &[(SenderName, u32)],
    runs: &[RunLimits],
    seen: &mut Seen,
    unused: Vec<(Take, Option<(ContactId, i64)>)>,
    counted_on: &HashSet<ContactId>,
) {
    let mut items = Vec::new();
    for (take, person) in unused {
        // On whom another message counts since, stays counted.
        if let Some((contact, _)) = person.filter(|(contact, _)| !counted_on.contains(contact)) {
            seen.counted.remove(&contact);
        }
        seen.spent -= take.price_micros;
        if let Some(run) = take.run {
            *seen.used.entry(run).or_default() -= take.price_micros;
        }
        if let Some(pair) = take.number.zip(take.pair) {
            seen.of_pairs.entry(pair).or_default().pop();
        }
        items.push(GivenBack {
            generation: 1,
            person,
            run: take.run.map(|run| runs[run].run),
            price_micros: take.price_micros,
            caps: caps().map(|cap| (cap.limit, cap.period)).to_vec(),
            pair: take.number.zip(take.pair).map(|(number, contact)| (numbers[number].0.clone(), contact)),
        });
    }
    shared.give_back(1, &items).await.unwrap();
    // Of another generation nothing goes back.
    if let Some(item) = items.first() {
        shared.give_back(7, std::slice::from_ref(item)).await.unwrap();
    }
}

#[tokio::test]
async fn only_what_is_whole_and_newer_is_put_in_force() {
    let (_redis, link) = TestRedis::start().await;
    let shared = Shared::new(link, "model", "p");
    begin(&shared).await;
    assert_eq!(shared.load(5, Some(&[]), &[(RunId::new(1), 10)], &[], &[]).await.unwrap(), 5);
    assert_eq!(shared.load(4, Some(&[]), &[], &[], &[]).await.unwrap(), 5, "an older one changes nothing");
    let answer = shared.take(0, Some(TIER), 0, &Asked::default()).await.unwrap().unwrap();
    assert_eq!(answer.generation, 5);
    assert_eq!(shared.take(6, Some(TIER), 0, &Asked::default()).await.unwrap(), None, "the record knows a newer one");
    shared.close(5).await.unwrap();
    assert_eq!(shared.take(0, Some(TIER), 0, &Asked::default()).await.unwrap(), None);
}

#[tokio::test]
async fn people_come_back_one_after_the_other_when_their_day_is_over() {
    let (_redis, link) = TestRedis::start().await;
    let shared = Shared::new(link, "model", "p");
    begin(&shared).await;
    let now_ms = redis_ms(&shared).await;
    let span = i64::try_from(crate::domain::limit::TIER_SPAN.as_millis()).unwrap();
    // Twelve, of whom one is just over and the next has an hour left.
    let people: Vec<_> = (0..12).map(|n| (ContactId::new(n), now_ms - span - 1_000 + n * 3_600_000)).collect();
    assert_eq!(shared.load(2, Some(&people), &[], &[], &[]).await.unwrap(), 2);
    let ask = |person| Take {
        number: Some(1),
        run: None,
        pair: None,
        person: Some(ContactId::new(person)),
        price_micros: 0,
        horizon_us: 1_000_000,
    };
    let answer =
        shared.take(1, Some(TIER), 0, &asks(&numbers(), &[ask(100), ask(101), ask(102)])).await.unwrap().unwrap();
    assert!(matches!(answer.taken[0], Taken::Slot { is_new_person: true, .. }));
    let until: Vec<i64> = answer.taken[1..]
        .iter()
        .map(|taken| match taken {
            Taken::Tier { until_ms } => *until_ms - (now_ms - 1_000),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(until, [3_600_000, 7_200_000], "each who is refused waits for another place");
    // With two promised before.
    let answer = shared.take(1, Some(TIER), 2, &asks(&numbers(), &[ask(103)])).await.unwrap().unwrap();
    assert_eq!(answer.taken, [Taken::Tier { until_ms: now_ms - 1_000 + 3 * 3_600_000 }]);
}

#[tokio::test]
async fn pairs_that_were_called_a_moment_ago_are_known_after_loading() {
    let (_redis, link) = TestRedis::start().await;
    let shared = Shared::new(link, "model", "p");
    begin(&shared).await;
    let paid = redis_ms(&shared).await + 45 * 6_000;
    let numbers = numbers();
    shared.load(2, Some(&[]), &[], &[], &[(numbers[2].0.clone(), ContactId::new(1), paid)]).await.unwrap();
    let ask = |contact| Take {
        number: Some(2),
        run: None,
        pair: Some(ContactId::new(contact)),
        person: None,
        price_micros: 0,
        horizon_us: 1_000_000,
    };
    let answer = shared.take(2, Some(TIER), 0, &asks(&numbers, &[ask(1), ask(2)])).await.unwrap().unwrap();
    assert_eq!(answer.taken[0], Taken::Pair { until_ms: paid - 44 * 6_000 });
    assert!(matches!(answer.taken[1], Taken::Slot { .. }));
}

#[test]
fn every_channel_has_a_name_that_a_line_can_have() {
    let names: HashSet<SenderName> =
        crate::domain::channel::Channel::ALL.into_iter().map(super::desk::line_of).collect();
    assert_eq!(names.len(), crate::domain::channel::Channel::ALL.len());
}
