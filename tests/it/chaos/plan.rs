//! What goes wrong and when, drawn from a seed: the same seed, kills and people give the same plan.

use std::time::Duration;

use rand::Rng;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::wire::Trouble;

/// How many messages were accepted, of all people, when the last disturbance begins: some people stop, some calls fail.
const LAST_AT: f64 = 0.8;

/// The moment within a step at which barid is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aim {
    /// Just now, among the calls.
    Now,
    /// So many callbacks later: among the callbacks.
    Callbacks(u64),
    /// So long after Redis was wiped.
    AfterFlush(Duration),
    /// With its Redis in the same moment.
    WithRedis,
    /// Once now, and once more so long after it was started, ready or not.
    Twice(Duration),
}

/// Which way the network is disturbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Our calls to Meta.
    Calls,
    /// Meta's callbacks to us.
    Callbacks,
    /// Both.
    Both,
}

/// One disturbance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disturbance {
    /// `kill -9`, and started again.
    Kill(Aim),
    /// `kill -9` of the redis-server that barid watches over.
    KillRedis,
    /// FLUSHALL.
    Flush,
    /// The network, for so long.
    Network(Side, Trouble, Duration),
    /// So many people say stop.
    Stops(usize),
}

/// A disturbance and when it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    /// After so many messages were accepted: the same on a busy machine.
    pub(crate) at: u64,
    pub(crate) what: Disturbance,
}

/// What one run goes through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) people: usize,
    /// barid is killed for the first times when so many people are planned.
    pub(crate) while_planning: Vec<u64>,
    pub(crate) steps: Vec<Step>,
}

impl Plan {
    /// How often barid is killed in it.
    pub(crate) fn kills(&self) -> usize {
        let in_steps = self.steps.iter().map(|step| match step.what {
            Disturbance::Kill(Aim::Twice(_)) => 2,
            Disturbance::Kill(_) => 1,
            _ => 0,
        });
        self.while_planning.len() + in_steps.sum::<usize>()
    }

    /// Draws a plan with so many kills; for each two kills one other disturbance, and every now and then people who say stop.
    pub(crate) fn draw(seed: u64, kills: usize, people: usize) -> Self {
        let mut dice = StdRng::seed_from_u64(seed);
        let mut while_planning: Vec<u64> =
            (0..kills.div_ceil(15)).map(|_| dice.random_range(1..people as u64 / 2)).collect();
        while_planning.sort_unstable();
        let mut what = Vec::new();
        let mut left = kills - while_planning.len();
        let mut turn = dice.random_range(0..5);
        while left > 0 {
            // Each aim comes in its turn, so that a short plan has several of them.
            let aim = match turn % 5 {
                0 => Aim::Callbacks(dice.random_range(1..20)),
                1 => Aim::AfterFlush(millis(&mut dice, 0, 60)),
                2 if left >= 2 => Aim::Twice(millis(&mut dice, 0, 500)),
                3 => Aim::WithRedis,
                _ => Aim::Now,
            };
            turn += 1;
            left -= if matches!(aim, Aim::Twice(_)) { 2 } else { 1 };
            what.push(Disturbance::Kill(aim));
        }
        let first: usize = dice.random_range(0..5);
        for turn in first..first + kills.div_ceil(2) {
            what.push(other(&mut dice, turn));
        }
        what.resize(what.len() + kills.div_ceil(4), Disturbance::Stops(people / 150 + 1));
        for at in (1..what.len()).rev() {
            what.swap(at, dice.random_range(0..=at));
        }
        let room = people as f64 * LAST_AT / what.len() as f64;
        let steps = what
            .into_iter()
            .enumerate()
            .map(|(nth, what)| Step { at: ((nth as f64 + dice.random_range(0.05..1.0)) * room) as u64, what })
            .collect();
        Self { seed, people, while_planning, steps }
    }
}

fn other(dice: &mut StdRng, turn: usize) -> Disturbance {
    let sides = [Side::Calls, Side::Callbacks, Side::Both];
    let side = sides[dice.random_range(0..sides.len())];
    match turn % 5 {
        0 => Disturbance::Network(side, Trouble::Cut, millis(dice, 100, 1_500)),
        1 => Disturbance::Network(side, Trouble::Stall, millis(dice, 100, 2_000)),
        2 => Disturbance::Flush,
        3 => {
            let slow = Trouble::Slow {
                delay: dice.random_range(20..250),
                bytes_per_second: dice.random_range(20_000..200_000),
            };
            Disturbance::Network(side, slow, millis(dice, 500, 2_500))
        }
        _ => Disturbance::KillRedis,
    }
}

fn millis(dice: &mut StdRng, from: u64, to: u64) -> Duration {
    Duration::from_millis(dice.random_range(from..=to))
}

#[test]
fn the_same_seed_draws_the_same_plan_and_has_its_kills() {
    for seed in 0..50 {
        for kills in [1, 2, 5, 30] {
            let plan = Plan::draw(seed, kills, 1_000);
            assert_eq!(plan, Plan::draw(seed, kills, 1_000));
            assert_eq!(plan.kills(), kills, "seed {seed}");
            assert!(plan.steps.is_sorted_by_key(|step| step.at));
        }
    }
    assert_ne!(Plan::draw(1, 5, 1_000), Plan::draw(2, 5, 1_000));
}
