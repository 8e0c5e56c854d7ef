//! Silence is evidence only while callbacks are heard: not while we were away, and not while what came in has not been looked at.

use barid::domain::delivery::State;
use jiff::SignedDuration;

use super::script::Script;
use super::tap::How;
use super::world::{World, alone};

const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// A kind world in which the process dies after this call: the answer is lost, and nothing else ever goes wrong. It stands right after
/// the restart.
async fn answer_lost_of_call(nth: usize) -> World {
    let script = |breaks| Script { breaks, ..Script::kind(3) };
    let mut unbroken = World::new(script(None)).await;
    unbroken.settle().await;
    let journal = unbroken.tap.journal();
    let call = journal.lines().filter(|line| line.contains("call of")).nth(nth).expect("a call");
    let at = call.split_whitespace().next().and_then(|text| text.parse().ok()).expect("its number");
    unbroken.end().await;
    let mut world = World::new(script(Some((at, How::DiesAfter)))).await;
    while world.tap.count() < at {
        world.turn().await;
        world.time.advance(SECOND / 2);
    }
    world
}

async fn assert_told_once(world: &mut World) {
    world.settle().await;
    world.assert_in_order().await;
    let mut told: Vec<usize> =
        world.provider.calls().iter().filter(|call| call.has_told()).map(|call| call.who).collect();
    told.sort_unstable();
    assert_eq!(told, [0, 1], "{}", world.tap.journal());
    assert_eq!(world.how_many(State::Suppressed).await, 1, "the one without consent");
}

#[test]
fn a_silence_in_which_we_were_away_is_no_evidence() {
    alone(async {
        let mut world = answer_lost_of_call(1).await;
        // Callbacks of the other are heard; the lease of the one whose caller died ends, and it is unknown.
        while world.how_many(State::Unknown).await == 0 {
            world.provider.hold_back(&world.unsettled().await);
            world.turn().await;
            world.time.advance(SECOND);
        }
        // Nobody is there for longer than the silence may last. What Meta could not tell comes a moment after the start.
        world.die().await;
        world.time.advance(40 * SECOND);
        world.start().await;
        world.turn().await;
        world.time.advance(SECOND);
        world.provider.let_go();
        assert_told_once(&mut world).await;
        world.end().await;
    });
}

#[test]
fn a_silence_is_not_decided_while_callbacks_wait_to_be_applied() {
    alone(async {
        let mut world = answer_lost_of_call(1).await;
        while world.how_many(State::Unknown).await == 0 {
            world.provider.hold_back(&world.unsettled().await);
            world.turn().await;
            world.time.advance(SECOND);
        }
        // Meta tells it in time, and it is kept; but whoever applies callbacks is far behind.
        world.provider.let_go();
        world.time.advance(SECOND);
        world.callbacks().await;
        world.time.advance(40 * SECOND);
        world.sweep().await;
        assert_told_once(&mut world).await;
        world.end().await;
    });
}
